"""Windows: overlapping windows of a series, next to each other in one image."""

from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.cells import cells_to_pixels
from img_repr.core.errors import ParameterError
from img_repr.core.metadata import encoder
from img_repr.domains.timeseries.by_length import render_by_length
from img_repr.domains.timeseries.polar import Limits, fit_limits, fractions_between, limit_ends
from img_repr.domains.timeseries.sample import TIMESERIES, Missing, check_series

RANGE = (0.0, 1.0)
_WHO = "windows"


def spread_windows(
    heat: np.ndarray, sample: Any, *, window: int | float | None = None, stride: int | float = 0.1, **_: Any
) -> np.ndarray:
    """Project heat, ``(S, S)`` or ``(C, S, S)``, back to the values that each pixel averages; the sum is kept."""
    shape = np.shape(sample)
    channels, length = (shape[0] if len(shape) == 2 else 1), shape[-1]
    images = heat[None] if heat.ndim == 2 else heat
    if len(images) == 1 and channels > 1:
        images = np.repeat(images / channels, channels, axis=0)
    width, step = window_and_stride(length, window, stride)
    down, along = _resampling(length, width, step, images.shape[-1])
    weights = down.T @ images @ along.T
    times = _starts(length, width, step) + np.arange(width)[:, None]
    result = np.zeros((channels, length))
    for row, one in zip(result, weights, strict=True):
        np.add.at(row, np.maximum(times, 0), one)
    return result.reshape(shape)


@encoder(
    TIMESERIES,
    value_range=RANGE,
    invariances=("offset", "gain"),
    reference="Roschmann et al. 2025, Time Series Representations for Classification Lie Hidden in Pretrained ViTs",
    fit=fit_limits,
    back_project=spread_windows,
)
def encode_windows(
    series: Any,
    *,
    size: int | float | None = None,
    window: int | float | None = None,
    stride: int | float = 0.1,
    limits: Limits = None,
    missing: Missing = "raise",
    lengths: Any = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode series as stacks of windows: each column is a window, its first value on top.

    A long series becomes a square image: one value later is one pixel down, one window later one pixel to the right.
    The series is scaled to [0, 1] and extended to the left by copies of its first value, so that the last window ends
    with the last value. The matrix of values and windows is then resampled to S x S pixels: each pixel is the mean
    over its area if it is wider than a cell, else interpolated linearly between two cells.

    Parameters
    ----------
    series : array_like or Tensor, shape (T,), (N, T) or (N, C, T), or a list of series
        At least two finite values each. A list of unequal lengths requires ``size``.
    size : int or float, optional
        Side S of the image in pixels; or a fraction in (0, 1] of T, rounded up. Default: T.
    window : int or float, optional
        Values of a window, from 1 to T; or a fraction in (0, 1] of T, rounded up. Default: the square root of T,
        rounded, at least 2.
    stride : int or float
        Values from one window to the next, at least 1; or a fraction in (0, 1] of the window, rounded down, at least 1.
        Windows overlap if it is smaller than the window.
    limits : (float, float) or "fit", optional
        Values that are 0 and 1 instead of each series' own extremes, so that the image keeps amplitude and offset;
        values beyond are clipped. With ``"fit"``, ``Encoder.fit`` sets them.
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
        without ``limits`` is 0.5 everywhere, with one warning.

    Raises
    ------
    SampleError, ParameterError
        Both are ``ValueError``.

    References
    ----------
    S. Roschmann, Q. Bouniot, V. Feofanov, I. Redko, Z. Akata: Time Series Representations for Classification Lie
    Hidden in Pretrained Vision Transformers, 2025, arXiv:2506.08641. Window and stride are theirs; they stack windows
    as rows, scale by quartiles and raise the contrast.

    Examples
    --------
    >>> from img_repr import encode_windows
    >>> encode_windows([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], size=3, stride=1.0) * 8
    array([[0., 3., 6.],
           [1., 4., 7.],
           [2., 5., 8.]])
    """
    batch = check_series(series, caller=_WHO, lengths=lengths, missing=missing)
    side = batch.pixels(size)
    for length in np.unique(batch.lengths):
        window_and_stride(int(length), window, stride)
    low, high = limit_ends(batch, limits)
    if limits is None:
        batch.warn((low == high).squeeze(1), "are constant: their pixels are 0.5 everywhere")

    def draw(values: Tensor) -> Tensor:
        length = values.shape[1]
        width, step = window_and_stride(length, window, stride)
        ends = (low, high) if limits is not None else (values.amin(1, keepdim=True), values.amax(1, keepdim=True))
        unit, _ = fractions_between(values, *ends)
        unit = unit.clamp(0.0, 1.0) if limits is not None else torch.where(ends[0] == ends[1], 0.5, unit)
        before = int(-_starts(length, width, step)[0])
        unit = torch.cat([unit[:, :1].expand(-1, before), unit], dim=1)
        down, along = (torch.from_numpy(one).to(values.device) for one in _resampling(length, width, step, side))
        return (down @ unit.unfold(1, width, step).transpose(1, 2) @ along).clamp(0.0, 1.0)

    def numbers_per_row(length: int) -> int:
        width, step = window_and_stride(length, window, stride)
        return 2 * (width + side) * len(_starts(length, width, step)) + 2 * length

    return render_by_length(batch, draw, side, RANGE, dtype, out, numbers_per_row=numbers_per_row)


def window_and_stride(length: int, window: Any, stride: Any) -> tuple[int, int]:
    """Return window and stride in values for a series of that length, with defaults and fractions resolved.

    Examples
    --------
    >>> from img_repr.domains.timeseries.windows import window_and_stride
    >>> window_and_stride(900, None, 0.1), window_and_stride(900, 0.5, 20)
    ((30, 3), (450, 20))
    """
    if window is None:
        width = max(2, round(length**0.5))
    else:
        width = ceil(_check("window", window, length) * (length if isinstance(window, (float, np.floating)) else 1))
    step = _check("stride", stride, length) * (width if isinstance(stride, (float, np.floating)) else 1)
    return width, max(1, int(step + 1e-9))  # 0.1 * 30 is just below 3 for some fractions


def _check(word: str, value: Any, length: int) -> float:
    fraction = isinstance(value, (float, np.floating))
    valid = (0.0 < value <= 1.0) if fraction else isinstance(value, (int, np.integer)) and 1 <= value <= length
    if isinstance(value, bool) or not valid:
        raise ParameterError(
            f"{_WHO}: expected {word} from 1 to the series' length of {length} values, or a fraction in (0, 1], "
            f"got {value!r:.60}"
        )
    return float(value)


def _starts(length: int, width: int, step: int) -> np.ndarray:
    """First value of each window; the last window ends with the series, and the first may begin before it."""
    count = -(-(length - width) // step) + 1
    return length - width - step * np.arange(count - 1, -1, -1)


def _resampling(length: int, width: int, step: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights ``(S, width)`` that take windows to rows of pixels, and ``(windows, S)`` to columns."""
    count = len(_starts(length, width, step))
    down = cells_to_pixels(np.arange(width) + 0.5, float(width), side)
    along = cells_to_pixels(np.arange(count) + 0.5, float(count), side)
    return down, along.T.copy()
