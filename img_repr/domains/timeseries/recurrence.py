"""Recurrence plot: plain, thresholded, signed.

The reason for its length: one encoder, and thresholds in bounded memory.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from math import ceil, inf
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import ParameterError, SampleError
from img_repr.core.image import ValueRange, refuse_gradient
from img_repr.core.metadata import encoder
from img_repr.core.numbers import is_number
from img_repr.domains.timeseries.polar import spread_rows
from img_repr.domains.timeseries.sample import TIMESERIES, Missing, check_series
from img_repr.domains.timeseries.time_windows import Windows

_BAND = 1 << 18  # distances per chunk: they fit into the cache
_NUMBERS_AT_ONCE = 1 << 22  # distances in memory: 32 MiB

Threshold: TypeAlias = float | Literal["point", "distance"] | None


def value_range(parameters: Mapping[str, Any]) -> ValueRange:
    """Range of the values: recurrence is 0 or 1, distance grows from 0, signed distance lies around 0."""
    if parameters["threshold"] is not None:
        return (0.0, 1.0)
    return (-inf, inf) if parameters["signed"] else (0.0, inf)


def spread_trajectories(
    heat: np.ndarray,
    sample: Any,
    *,
    dimension: int | float = 1,
    time_delay: int | float = 1,
    overlapping: bool = False,
    resample: str = "series",
    **_: Any,
) -> np.ndarray:
    """Project heat over pairs of trajectories back to times: half to each, divided among a trajectory's values."""
    weights = (heat.sum(axis=-1) + heat.sum(axis=-2)) / 2.0
    shape = np.shape(sample)
    sides, delay = _embedding(shape[-1], dimension, time_delay)
    if sides == 1:
        return spread_rows(weights, sample, overlapping=overlapping)
    count = shape[-1] - (sides - 1) * delay
    points = spread_rows(weights, np.empty((*shape[:-1], count)), overlapping=overlapping)
    result = np.zeros(shape)
    for step in range(0, sides * delay, delay):
        result[..., step : step + count] += points / sides
    return result


@encoder(
    TIMESERIES,
    value_range=value_range,
    invariances=("offset",),
    reference="Eckmann, Oliffson Kamphorst & Ruelle 1987, Recurrence Plots of Dynamical Systems",
    back_project=spread_trajectories,
)
def encode_recurrence(
    series: Any,
    *,
    size: int | float | None = None,
    dimension: int | float = 1,
    time_delay: int | float = 1,
    threshold: Threshold = None,
    percentage: float = 10.0,
    signed: bool = False,
    inclusive: bool = False,
    resample: Literal["series", "image"] = "series",
    overlapping: bool = False,
    missing: Missing = "raise",
    lengths: Any = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    r"""Encode series as recurrence plots: the distance between the series at two times.

    The trajectory at time i is :math:`(x_i, x_{i + \tau}, ..., x_{i + (m - 1) \tau})`; pixel (i, j) is the
    Euclidean distance between trajectories i and j, or whether it is below a threshold.

    Parameters
    ----------
    series : array_like or Tensor, shape (T,), (N, T) or (N, C, T), or a list of series
        At least two finite values each.
    size : int or float, optional
        Side S of the image, as in ``encode_gadf``. Default: the number of trajectories, ``T - (m - 1) * tau``.
    dimension, time_delay : int or float
        Embedding m and delay tau, in samples, or in (0, 1) as a fraction of T, rounded up.
    threshold : float, "point", "distance", optional
        None: distances. A number: 1 if the distance is below it. ``"point"``: below the ``percentage`` quantile
        of all distances of the image. ``"distance"``: below ``percentage`` of the largest.
    percentage : float
        From 0 to 100.
    signed : bool
        Give each distance the sign of ``sum(trajectory i - trajectory j)``, so that up differs from down; in a plain
        plot a series and its negative are equal. Not together with a threshold.
    inclusive : bool
        Count a distance equal to the threshold as recurrence, as in the definition. pyts does not, so low
        percentages can give an empty image.
    resample : {"series", "image"}
        Stage that is resampled to S: the series, by windows, before the plot; or the finished plot, by block means,
        which turns recurrence into its density. ``"image"`` cannot enlarge an image.
    overlapping, missing, lengths, dtype, out
        As in :func:`img_repr.domains.timeseries.gadf.encode_gadf`.

    Returns
    -------
    ndarray or Tensor, shape (S, S), (N, S, S) or (N, C, S, S)
        Distances in the series' units, from 0; signed ones around 0; recurrence in [0, 1]. As uint8 or under
        the image contract distances are divided by the image's largest. A constant series gives zeros, with one
        warning.

    Raises
    ------
    SampleError, ParameterError
        Both are ``ValueError``.

    References
    ----------
    J.-P. Eckmann, S. Oliffson Kamphorst, D. Ruelle: Recurrence Plots of Dynamical Systems, Europhysics Letters 4
    (1987). Signed: Y. Zhang et al.: Encoding Time Series as Multi-Scale Signed Recurrence Plots, Sensors 20 (2020).
    Equal to ``pyts.image.RecurrencePlot`` where ``size`` is None.

    Examples
    --------
    >>> from img_repr import encode_recurrence
    >>> encode_recurrence([0.0, 1.0, 3.0])
    array([[0., 1., 3.],
           [1., 0., 2.],
           [3., 2., 0.]])
    >>> encode_recurrence([0.0, 1.0, 3.0], signed=True)[0]
    array([ 0., -1., -3.])
    """
    batch = check_series(series, caller="recurrence", lengths=lengths, missing=missing)
    _check_threshold(threshold, percentage, signed, resample)
    batch.warn(batch.values.amin(dim=1) == batch.values.amax(dim=1), "are constant: their plot is zero")
    longest = batch.values.shape[1]
    if not batch.uniform and any(isinstance(value, float) for value in (dimension, time_delay)):
        raise ParameterError(
            f"recurrence: expected dimension and time_delay in samples for series of unequal lengths, "
            f"got {dimension!r} and {time_delay!r}"
        )
    sides, delay = _embedding(longest, dimension, time_delay)
    counts = batch.lengths - (sides - 1) * delay
    if counts.min() < 1:
        raise SampleError(
            f"recurrence: expected series longer than (dimension - 1) * time_delay = {(sides - 1) * delay}, "
            f"got one of length {batch.lengths.min()}"
        )
    paths = torch.stack([batch.values[:, k * delay : k * delay + int(counts.max())] for k in range(sides)])
    side = batch.pixels(int(counts.max()) if size is None and batch.uniform else size)
    if threshold is not None:
        refuse_gradient("recurrence", batch.values, "recurrence is 0 or 1, threshold=None gives distances")
    whole = Windows.of(counts, side, overlapping=overlapping)
    if resample == "series":
        paths = torch.stack([whole.means(path) for path in paths])
        plot = _Plot(paths, threshold, percentage, signed, inclusive)
        return batch.render(plot.fill, (side, side), value_range(_word(threshold, signed)), dtype, out)
    if counts.min() < side:
        raise ParameterError(
            f"recurrence: expected size to be at most the number of trajectories, {counts.min()}, "
            f"with resample='image', got {side}"
        )

    def fill(rows: slice, target: Tensor | None) -> Tensor:
        numbers = range(len(batch.values))[rows]
        kind = batch.default if target is None else target.dtype
        shape = (len(numbers), side, side)
        result = torch.empty(shape, dtype=kind, device=paths.device) if target is None else target
        for position, number in enumerate(numbers):
            one = _Plot(paths[:, number : number + 1, : counts[number]], threshold, percentage, signed, inclusive)
            bounds = (
                whole
                if len(whole.starts) == 1
                else Windows(*(part[number : number + 1] for part in (whole.starts, whole.ends, counts)))
            )
            result[position] = _block_means(one, bounds, int(counts[number]))
        return result

    return batch.render(fill, (side, side), value_range(_word(threshold, signed)), dtype, out)


class _Plot:
    """Distances between trajectories ``paths`` (m, M, S), in blocks of rows."""

    def __init__(self, paths: Tensor, threshold: Threshold, percentage: float, signed: bool, inclusive: bool) -> None:
        self.paths, self.threshold, self.percentage = paths, threshold, percentage
        self.signed, self.inclusive = signed, inclusive

    def fill(self, rows: slice, out: Tensor | None) -> Tensor:
        paths = self.paths[:, rows]
        if out is not None and out.dtype != torch.float64 and self.threshold is None:
            paths = _centered(paths).to(out.dtype)
        if self.threshold is None:
            return self.block(paths, slice(None), out)
        plot = self.below(self.block(paths, slice(None), None), self.limit(paths))
        return plot.to(torch.float64) if out is None else out.copy_(plot)

    def block(self, paths: Tensor, rows: slice, out: Tensor | None) -> Tensor:
        """Distances from the trajectories ``rows`` to all, ``(M, rows, S)``."""
        functional = out is None and (paths.requires_grad or torch.compiler.is_compiling())
        if len(paths) == 1:
            distance = torch.sub(paths[0, :, rows, None], paths[0, :, None, :], out=out)
            if self.signed:
                return distance
            return distance.abs() if functional else distance.abs_()
        distance = torch.sub(paths[0, :, rows, None], paths[0, :, None, :], out=out)
        total = distance.clone() if self.signed else None
        distance = distance.square() if functional else distance.square_()
        for path in paths[1:]:
            difference = path[:, rows, None] - path[:, None, :]
            if total is not None:
                total = total + difference
            distance = distance + difference.square() if functional else distance.add_(difference.square_())
        if functional:  # the root of 0 has no finite slope
            apart = distance > 0.0
            distance = torch.where(apart, torch.where(apart, distance, 1.0).sqrt(), 0.0)
        else:
            distance = distance.sqrt_()
        if total is None:
            return distance
        sign = torch.where(total < 0, -1.0, 1.0).to(distance.dtype)
        return distance * sign if functional else distance.mul_(sign)

    def limit(self, paths: Tensor) -> Tensor:
        """Threshold of each image, ``(M, 1, 1)``."""
        count = paths.shape[1]
        if not isinstance(self.threshold, str):
            return paths.new_full((count, 1, 1), float(self.threshold or 0.0))
        limits = []
        for number in range(count):
            one = paths[:, number : number + 1]
            if self.threshold == "distance":
                largest = max(float(band.max()) for band in self.bands(one))
                limits.append(paths.new_tensor(self.percentage / 100 * largest))
            else:
                limits.append(percentile_of(partial(self.bands, one), one.shape[2] ** 2, self.percentage))
        return torch.stack(limits).view(-1, 1, 1)

    def bands(self, path: Tensor) -> Iterator[Tensor]:
        """Distances of one plot, a bounded number of rows at a time, flat."""
        count = path.shape[2]
        step = max(1, _BAND // count)
        for start in range(0, count, step):
            yield self.block(path, slice(start, start + step), None).flatten()

    def below(self, distances: Tensor, limit: Tensor) -> Tensor:
        return distances <= limit if self.inclusive else distances < limit


def _block_means(plot: _Plot, windows: Windows, count: int) -> Tensor:
    """Means of one ``count`` x ``count`` plot over pairs of windows, a band of rows at a time."""
    limit = None if plot.threshold is None else plot.limit(plot.paths)
    bands = []
    step = max(1, _BAND // count)
    for start in range(0, count, step):
        band = plot.block(plot.paths, slice(start, start + step), None)
        if limit is not None:
            band = plot.below(band, limit).to(torch.float64)
        bands.append(Windows(windows.starts, windows.ends, np.full(band.shape[1], count)).means(band[0]))
    columns = torch.cat(bands).T
    return Windows(windows.starts, windows.ends, np.full(len(columns), count)).means(columns).T


def _centered(paths: Tensor) -> Tensor:
    """Paths without their offset, so that float32 keeps the digits of differences."""
    return paths - (paths.amin(dim=(0, 2), keepdim=True) + paths.amax(dim=(0, 2), keepdim=True)) / 2.0


def percentile_of(bands: Callable[[], Iterable[Tensor]], count: int, percentage: float) -> Tensor:
    """``numpy.percentile(values, percentage)`` to the last bit, with a bounded number of values in memory.

    Parameters
    ----------
    bands
        ``bands()`` yields the values, float64 from 0, in pieces; it may be called several times.
    count : int
        Number of all values.
    percentage : float
        From 0 to 100.

    Examples
    --------
    >>> import torch
    >>> percentile_of(lambda: [torch.tensor([4.0, 0.0], dtype=torch.float64), torch.ones(2).double()], 4, 50.0).item()
    1.0
    """
    position = percentage / 100 * (count - 1)
    below = int(np.floor(position))
    low = _smallest(bands, below, count)
    reached, high = 0, low
    for band in bands():  # the next value is the same one, or the least above it
        above = band[band > low]
        reached += len(band) - len(above)
        if len(above):
            high = above.min() if high is low else torch.minimum(high, above.min())
    high = low if below + 1 < reached else high
    part, step = position - below, high - low
    return low + step * part if part < 0.5 else high - step * (1.0 - part)


def _smallest(bands: Callable[[], Iterable[Tensor]], rank: int, count: int) -> Tensor:
    """Value of a rank, from 0: the digits of floats from 0 up sort as those of integers do, 16 bits at a time."""
    prefix, shift = 0, 64
    while count > _NUMBERS_AT_ONCE and shift > 0:
        shift -= 16
        totals = torch.zeros(1 << 16, dtype=torch.int64)
        for band in bands():
            digits = band.view(torch.int64)
            inside = digits if shift == 48 else digits[digits >> (shift + 16) == prefix]
            totals += torch.bincount(((inside >> shift) & 0xFFFF).cpu(), minlength=1 << 16)
        ends = totals.cumsum(0)
        digit = int(torch.searchsorted(ends, rank, right=True))
        rank, count = rank - int(ends[digit] - totals[digit]), int(totals[digit])
        prefix = (prefix << 16) | digit
    if shift == 0:
        return torch.tensor(prefix, dtype=torch.int64).view(torch.float64).to(band.device)
    kept, filled = torch.empty(count, dtype=torch.float64), 0
    for band in bands():  # into one block: many small ones would fragment the memory
        found = band if shift == 64 else band[band.view(torch.int64) >> shift == prefix]
        kept[filled : filled + len(found)] = found
        filled += len(found)
    return kept.kthvalue(rank + 1).values.to(band.device)


def _embedding(length: int, dimension: Any, time_delay: Any) -> tuple[int, int]:
    resolved = []
    for word, value in (("dimension", dimension), ("time_delay", time_delay)):
        fraction = isinstance(value, (float, np.floating))
        valid = (0.0 < value <= 1.0) if fraction else isinstance(value, (int, np.integer)) and 1 <= value <= length
        if isinstance(value, bool) or not valid:
            raise ParameterError(
                f"recurrence: expected {word} from 1 to {length} samples, or a fraction in (0, 1], got {value!r}"
            )
        resolved.append(ceil(value * length) if fraction else int(value))
    return resolved[0], resolved[1]


def _check_threshold(threshold: Any, percentage: Any, signed: bool, resample: str) -> None:
    number = is_number(threshold)
    if not (threshold is None or threshold in ("point", "distance") or (number and 0 < threshold < inf)):
        raise ParameterError(
            f"recurrence: expected threshold to be a positive number, 'point', 'distance' or None, got {threshold!r}"
        )
    if not 0 <= percentage <= 100:
        raise ParameterError(f"recurrence: expected percentage from 0 to 100, got {percentage!r}")
    if signed and threshold is not None:
        raise ParameterError(f"recurrence: expected signed without a threshold, got threshold={threshold!r}")
    if resample not in ("series", "image"):
        raise ParameterError(f"recurrence: expected resample to be 'series' or 'image', got {resample!r}")


def _word(threshold: Threshold, signed: bool) -> dict[str, Any]:
    return {"threshold": threshold, "signed": signed}
