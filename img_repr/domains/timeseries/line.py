"""Line plot: the series as an anti-aliased line, without a plotting library."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.metadata import encoder
from img_repr.core.numbers import is_number
from img_repr.domains.timeseries.by_length import render_by_length, spread_columns
from img_repr.domains.timeseries.polar import Limits, fit_limits, fractions_between, limit_ends
from img_repr.domains.timeseries.sample import TIMESERIES, Missing, check_series

RANGE = (0.0, 1.0)


@encoder(
    TIMESERIES,
    value_range=RANGE,
    invariances=("offset", "gain"),
    reference="Li, Li & Yan 2023, Time Series as Images: Vision Transformer for Irregularly Sampled Time Series",
    fit=fit_limits,
    back_project=spread_columns,
)
def encode_line(
    series: Any,
    *,
    size: int | float | None = None,
    width: float = 1.0,
    limits: Limits = None,
    missing: Missing = "raise",
    lengths: Any = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode series as line plots, anti-aliased: the line is 1, the background 0.

    Value n of T lies at the column coordinate ``(n + 1/2) * S / T``; straight lines join the values, and the first and
    the last are extended to the edges. A column shows the whole vertical extent of the line inside it, with half of
    ``width`` added above and below; a pixel is the fraction of its height that is covered. No peak is lost, however
    long the series.

    Parameters
    ----------
    series : array_like or Tensor, shape (T,), (N, T) or (N, C, T), or a list of series
        At least two finite values each. A list of unequal lengths requires ``size``.
    size : int or float, optional
        Side S of the image in pixels; or a fraction in (0, 1] of T, rounded up. Default: T.
    width : float
        Width of the line in pixels, at most S; the line stays inside the image.
    limits : (float, float) or "fit", optional
        Values at the lower and the upper edge instead of each series' own extremes, so that the image keeps amplitude
        and offset; values beyond are clipped. With ``"fit"``, ``Encoder.fit`` sets them.
    missing : {"raise", "interpolate"}
        NaN is an error, or a missing value to interpolate.
    lengths : array_like of int, shape (N,), optional
        Valid lengths of padded series.
    dtype : optional
        float64, float32, float16, bfloat16 or uint8 (which spans [0, 1] with 0..255). Default: float32 for
        float32 input, else float64.
    out : ndarray or Tensor, optional
        Contiguous buffer to write into and return.

    Returns
    -------
    ndarray or Tensor, shape (S, S), (N, S, S) or (N, C, S, S)
        Values in [0, 1]; numpy for numpy and lists, torch for torch, on the same device. A constant series
        without ``limits`` is a horizontal line in the middle, with one warning.

    Raises
    ------
    SampleError, ParameterError
        Both are ``ValueError``.

    References
    ----------
    Z. Li, S. Li, X. Yan: Time Series as Images: Vision Transformer for Irregularly Sampled Time Series, NeurIPS
    2023, arXiv:2303.12799 (which draws with matplotlib).

    Examples
    --------
    >>> from img_repr import encode_line
    >>> encode_line([0.0, 0.0, 1.0, 1.0], size=4)
    array([[0. , 0. , 1. , 1. ],
           [0. , 0.5, 1. , 0. ],
           [0. , 1. , 0.5, 0. ],
           [1. , 1. , 0. , 0. ]])
    """
    batch = check_series(series, caller="line", lengths=lengths, missing=missing)
    side = batch.pixels(size)
    if not is_number(width) or not 0.0 < width <= side:
        raise ParameterError(f"line: expected width to be above 0 and at most the size of {side} pixels, got {width!r}")
    low, high = limit_ends(batch, limits)
    if limits is None:
        batch.warn((low == high).squeeze(1), "are constant: they are drawn as a line in the middle")

    def draw(values: Tensor) -> Tensor:
        ends = (
            (low, high) if limits is not None else (values.amin(dim=1, keepdim=True), values.amax(dim=1, keepdim=True))
        )
        up, _ = fractions_between(values, *ends)
        up = up.clamp(0.0, 1.0) if limits is not None else torch.where(ends[0] == ends[1], 0.5, up)
        lowest, highest = _extents(up, side)
        span = side - width  # of the line's center, between half a width below and above
        upper, lower = span * (1.0 - highest), span * (1.0 - lowest) + width
        edges = torch.arange(side, dtype=upper.dtype, device=upper.device)[:, None]
        return (lower[:, None] - edges).clamp(0.0, 1.0) - (upper[:, None] - edges).clamp(0.0, 1.0)

    return render_by_length(
        batch, draw, side, RANGE, dtype, out, numbers_per_row=lambda length: 4 * (length + 2 * side) + 2 * side * side
    )


def _extents(values: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return the minimum and maximum ``(m, S)`` of each row's polyline within each of S pixel columns."""
    length = values.shape[1]
    borders = np.clip(np.arange(size + 1) * length / size - 0.5, 0, length - 1)
    left = np.minimum(borders.astype(np.int64), length - 2)
    on, fraction = torch.from_numpy(left).to(values.device), torch.from_numpy(borders - left).to(values.device)
    crossings = torch.lerp(values[:, on], values[:, on + 1], fraction)
    lowest, highest = (
        torch.minimum(crossings[:, :-1], crossings[:, 1:]),
        torch.maximum(crossings[:, :-1], crossings[:, 1:]),
    )
    first, last = np.ceil(borders[:-1]).astype(np.int64), np.floor(borders[1:]).astype(np.int64)
    widest = int((last - first).max()) + 1
    if widest < 1:
        return lowest, highest
    members = np.minimum(
        first[:, None] + np.arange(widest), last[:, None]
    )  # the last one is repeated if there are fewer
    inside = values[:, torch.from_numpy(np.maximum(members, 0)).to(values.device)]
    some = torch.from_numpy(last >= first).to(values.device)
    lowest = torch.where(some, torch.minimum(lowest, inside.amin(dim=2)), lowest)
    highest = torch.where(some, torch.maximum(highest, inside.amax(dim=2)), highest)
    return lowest, highest
