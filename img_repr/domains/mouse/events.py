"""Events of a batch as numpy columns, with statistics per trace, for the feature sets."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from img_repr.domains.mouse.sample import TraceBatch


@dataclass(frozen=True, eq=False)
class ByTrace:
    """Statistics of concatenated values of many traces, per trace.

    A trace without values gives 0, so that tables stay finite; nothing here loops over traces.

    Parameters
    ----------
    counts : ndarray of int64, shape (N,)
        Number of values of each trace, from 0.

    Examples
    --------
    >>> import numpy as np
    >>> by = ByTrace(np.array([3, 0, 1]))
    >>> values = np.array([1.0, 2.0, 6.0, 5.0])
    >>> by.mean(values), by.std(values[[0, 0, 1, 2]] * [1, 1, 2, 0])
    (array([3., 0., 5.]), array([1.41421356, 0.        , 0.        ]))
    """

    counts: np.ndarray

    @functools.cached_property
    def begins(self) -> np.ndarray:
        """Position of the first value of each trace."""
        return np.asarray(np.cumsum(self.counts) - self.counts)

    @functools.cached_property
    def rows(self) -> np.ndarray:
        """Trace of each value."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @functools.cached_property
    def inner(self) -> np.ndarray:
        """Whether each value has another of its trace before it."""
        inner = np.ones(int(self.counts.sum()), dtype=bool)
        inner[self.begins[self.counts > 0]] = False
        return inner

    def spread(self, of_traces: np.ndarray) -> np.ndarray:
        """Repeat a value per trace for each of its values."""
        return np.repeat(of_traces, self.counts)

    def of(self, chosen: np.ndarray) -> "ByTrace":
        """Return the counts of the values that a mask keeps."""
        return ByTrace(self.sum(chosen).astype(np.int64))

    def fewer(self) -> "ByTrace":
        """Return the counts of differences of neighbors."""
        return ByTrace(np.maximum(self.counts - 1, 0))

    def differences(self, values: np.ndarray) -> np.ndarray:
        """Differences of neighbors of one trace, in the order of :meth:`fewer`."""
        return np.diff(values)[self.inner[1:]] if len(values) else values

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Sum, float64 ``(N,)``."""
        return self._reduced(np.add, values)

    def max(self, values: np.ndarray) -> np.ndarray:
        """Largest values."""
        return self._reduced(np.maximum, values)

    def min(self, values: np.ndarray) -> np.ndarray:
        """Smallest values."""
        return self._reduced(np.minimum, values)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Means."""
        return np.asarray(self.sum(values) / np.maximum(self.counts, 1))

    def std(self, values: np.ndarray) -> np.ndarray:
        """Return population standard deviations."""
        return np.asarray(np.sqrt(self.mean((values - self.spread(self.mean(values))) ** 2)))

    def quantiles(self, values: np.ndarray, fractions: Sequence[float]) -> list[np.ndarray]:
        """Quantiles with linear interpolation, as in numpy."""
        ordered = np.append(values[np.lexsort((values, self.rows))], 0.0)
        found = []
        for fraction in fractions:
            position = fraction * np.maximum(self.counts - 1, 0)
            below = position.astype(np.int64)
            low = ordered[self.begins + below]
            high = ordered[self.begins + np.minimum(below + 1, np.maximum(self.counts - 1, 0))]
            found.append(np.where(self.counts > 0, low + (position - below) * (high - low), 0.0))
        return found

    def first(self, values: np.ndarray) -> np.ndarray:
        """First values."""
        return self._picked(values, self.begins)

    def last(self, values: np.ndarray) -> np.ndarray:
        """Last values."""
        return self._picked(values, self.begins + self.counts - 1)

    def _picked(self, values: np.ndarray, positions: np.ndarray) -> np.ndarray:
        found = np.zeros(len(self.counts))
        filled = self.counts > 0
        found[filled] = values[positions[filled]]
        return found

    def _reduced(self, operation: np.ufunc, values: np.ndarray) -> np.ndarray:
        found = np.zeros(len(self.counts))
        filled = self.counts > 0
        if filled.any():
            found[filled] = operation.reduceat(values.astype(np.float64), self.begins[filled])
        return found


@dataclass(frozen=True, eq=False)
class Events:
    """Events of some traces, one trace after the other.

    Parameters
    ----------
    t_s, x_px, y_px, buttons, wheel : ndarray
        As in :class:`img_repr.domains.mouse.trace.Trace`.
    by : ByTrace
        Numbers of events, at least one per trace.
    """

    t_s: np.ndarray
    x_px: np.ndarray
    y_px: np.ndarray
    buttons: np.ndarray
    wheel: np.ndarray
    by: ByTrace

    def in_portions(self, most: int) -> Iterator["Events"]:
        """Yield whole traces, about ``most`` events at a time, or one longer trace."""
        ends = np.cumsum(self.by.counts)
        first = 0
        while first < len(ends):
            begin = int(self.by.begins[first])
            last = max(first + 1, int(np.searchsorted(ends, begin + most, "right")))
            part = slice(begin, int(ends[last - 1]))
            yield Events(
                self.t_s[part],
                self.x_px[part],
                self.y_px[part],
                self.buttons[part],
                self.wheel[part],
                ByTrace(self.by.counts[first:last]),
            )
            first = last


def events_of(batch: TraceBatch) -> Events:
    """Return the events of a checked batch.

    Examples
    --------
    >>> from img_repr.domains.mouse.sample import check_traces, make_traces
    >>> events_of(check_traces(make_traces(2), caller="example")).by.counts.tolist()
    [74, 65]
    """
    t, x, y, buttons, wheel = (
        column.cpu().numpy() for column in (batch.t_s, batch.x_px, batch.y_px, batch.buttons, batch.wheel)
    )
    return Events(t, x, y, buttons, wheel, ByTrace(batch.lengths))
