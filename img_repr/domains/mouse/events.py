"""Checked events of a batch as numpy columns, as the feature sets of the domain measure them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from img_repr.domains.mouse.by_trace import ByTrace
from img_repr.domains.mouse.sample import TraceBatch


@dataclass(frozen=True, eq=False)
class Events:
    """Events of some traces, one trace after the other.

    Parameters
    ----------
    t_s, x_px, y_px, buttons, wheel : ndarray
        As of :class:`img_repr.domains.mouse.trace.Trace`.
    by : ByTrace
        At least one event of each trace.
    """

    t_s: np.ndarray
    x_px: np.ndarray
    y_px: np.ndarray
    buttons: np.ndarray
    wheel: np.ndarray
    by: ByTrace

    def in_portions(self, most: int) -> Iterator["Events"]:
        """Give some whole traces at a time, of about ``most`` events, or one longer trace."""
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
    """Give the events of a checked batch.

    Examples
    --------
    >>> from img_repr.domains.mouse.sample import check_traces, make_traces
    >>> events_of(check_traces(make_traces(2), who="example")).by.counts.tolist()
    [74, 65]
    """
    t, x, y, buttons, wheel = (
        column.cpu().numpy() for column in (batch.t_s, batch.x_px, batch.y_px, batch.buttons, batch.wheel)
    )
    return Events(t, x, y, buttons, wheel, ByTrace(batch.lengths))
