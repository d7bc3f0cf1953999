"""Spectrogram: the short-time Fourier transform of a series, resampled to any size by area."""

from math import isqrt
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.cells import cells_to_pixels
from img_repr.core.errors import ParameterError
from img_repr.core.metadata import encoder
from img_repr.core.numbers import is_integer
from img_repr.domains.timeseries.by_length import render_by_length, spread_columns
from img_repr.domains.timeseries.decibels import Scale, below_peak, check_scale, scale_range
from img_repr.domains.timeseries.polar import fractions_between
from img_repr.domains.timeseries.sample import TIMESERIES, Missing, check_series

_LONGEST_WINDOW = 1 << 20


@encoder(
    TIMESERIES,
    value_range=scale_range,
    invariances=("offset", "gain", "sign"),
    reference="Allen & Rabiner 1977, A Unified Approach to Short-Time Fourier Analysis and Synthesis",
    back_project=spread_columns,
)
def encode_spectrogram(
    series: Any,
    *,
    size: int | float | None = None,
    window: int | None = None,
    hop: int | None = None,
    scale: Scale = "log",
    top_db: float = 80.0,
    missing: Missing = "raise",
    lengths: Any = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode series as spectrograms: the power of each frequency around each time.

    The series' mean is subtracted, its ends are padded with zeros, and a Hann window moves over it, centered on every
    ``hop``-th value from the first. The power in cells of time and frequency is then resampled to S x S pixels: each
    pixel is the mean over its area if it is wider than a cell, else interpolated linearly between two cells. Low
    frequencies are at the bottom, the Nyquist frequency is at the upper edge.

    Parameters
    ----------
    series : array_like or Tensor, shape (T,), (N, T) or (N, C, T), or a list of series
        At least two finite values each. A list of unequal lengths requires ``size``.
    size : int or float, optional
        Side S of the image in pixels; or a fraction in (0, 1] of T, rounded up. Default: T.
    window : int, optional
        Length of the Hann window in samples, at least 2. Default: the largest even number below 4 times the square root
        of T, at most T; with the default hop this gives about as many frequencies as times.
    hop : int, optional
        Samples from one window to the next. Default: an eighth of the window, at least 1.
    scale : {"log", "amplitude"}
        Power in dB below the image's maximum, or its root as a fraction of the image's maximum.
    top_db : float
        Floor of ``scale="log"``, in dB below the maximum.
    missing : {"raise", "interpolate"}
        NaN is an error, or a missing value to interpolate.
    lengths : array_like of int, shape (N,), optional
        Valid lengths of padded series.
    dtype : optional
        float64, float32, float16, bfloat16 or uint8 (which spans the declared range with 0..255). Default: float32
        for float32 input, else float64.
    out : ndarray or Tensor, optional
        Contiguous buffer to write into and return.

    Returns
    -------
    ndarray or Tensor, shape (S, S), (N, S, S) or (N, C, S, S)
        Values in [-top_db, 0], or in [0, 1] with ``scale="amplitude"``; numpy for numpy and lists, torch for torch,
        on the same device. A constant series gives the lowest value everywhere, with one warning.

    Raises
    ------
    SampleError, ParameterError
        Both are ``ValueError``.

    References
    ----------
    J. B. Allen, L. R. Rabiner: A Unified Approach to Short-Time Fourier Analysis and Synthesis, Proceedings of the
    IEEE 65(11), 1977. Before it is resized equal to ``scipy.signal.ShortTimeFFT``.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr import encode_spectrogram
    >>> image = encode_spectrogram(np.sin(2 * np.pi * np.arange(128) / 8), size=16, window=32)
    >>> int(image.mean(axis=1).argmax())  # an eighth of the sampling rate is a quarter of the height, from below
    12
    """
    batch = check_series(series, caller="spectrogram", lengths=lengths, missing=missing)
    side = batch.pixels(size)
    check_scale("spectrogram", scale, top_db)
    for name, value, least in (("window", window, 2), ("hop", hop, 1)):
        whole = is_integer(value)
        if value is not None and not (whole and least <= value <= _LONGEST_WINDOW):
            raise ParameterError(
                f"spectrogram: expected {name} to be an integer of samples from {least} to {_LONGEST_WINDOW}, "
                f"got {value!r:.60}"
            )
    lowest, highest = batch.values.amin(dim=1, keepdim=True), batch.values.amax(dim=1, keepdim=True)
    batch.warn((lowest == highest).squeeze(1), "are constant: their spectrogram is empty")

    def draw(values: Tensor) -> Tensor:
        width, step = windowing(values.shape[1], window, hop)
        fractions, _ = fractions_between(values, values.amin(dim=1, keepdim=True), values.amax(dim=1, keepdim=True))
        power = short_time_power(fractions - fractions.mean(dim=1, keepdim=True), width, step)
        times = cells_to_pixels(np.arange(power.shape[2]) * step + 0.5, float(values.shape[1]), side)
        frequencies = cells_to_pixels(np.arange(power.shape[1]) / width, 0.5, side)[::-1].copy()
        up, along = torch.from_numpy(frequencies).to(power.device), torch.from_numpy(times.T.copy()).to(power.device)
        return below_peak(_root(up @ power @ along), scale, top_db)

    def numbers_per_row(length: int) -> int:
        width, step = windowing(length, window, hop)
        return 4 * (length // step + 1) * width + side * (length // step + 1)

    values_lie = scale_range({"scale": scale, "top_db": top_db})
    return render_by_length(batch, draw, side, values_lie, dtype, out, numbers_per_row=numbers_per_row)


def windowing(length: int, window: int | None, hop: int | None) -> tuple[int, int]:
    """Window and hop in samples for a series of that length, with the defaults filled in."""
    if window is None:
        window = max(2, min(isqrt(16 * length), length) // 2 * 2)
    return int(window), int(hop) if hop is not None else max(1, int(window) // 8)


def short_time_power(values: Tensor, window: int, hop: int) -> Tensor:
    """Squared magnitudes ``(m, window // 2 + 1, K)`` of rows ``(m, T)`` at K windows that are centered inside them."""
    count = (values.shape[1] - 1) // hop + 1
    before = window // 2
    after = max(0, (count - 1) * hop + window - before - values.shape[1])
    frames = torch.nn.functional.pad(values, (before, after)).unfold(1, window, hop)[:, :count]
    hann = torch.hann_window(window, periodic=True, dtype=values.dtype, device=values.device)
    waves = torch.view_as_real(torch.fft.rfft(frames * hann, dim=2))
    return waves.square().sum(dim=-1).transpose(1, 2)


def _root(power: Tensor) -> Tensor:
    """Square root whose gradient at zero is zero."""
    lit = power > 0.0
    return torch.where(lit, torch.where(lit, power, 1.0).sqrt(), 0.0)
