"""Scalogram: the magnitudes of a continuous wavelet transform with the analytic Morlet wavelet."""

from math import pi, sqrt
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.metadata import encoder
from img_repr.domains.timeseries.by_length import render_by_length, spread_columns
from img_repr.domains.timeseries.decibels import Scale, below_peak, check_scale, scale_range
from img_repr.domains.timeseries.polar import fractions_between
from img_repr.domains.timeseries.sample import TIMESERIES, Missing, check_series
from img_repr.domains.timeseries.time_windows import Windows

Norm: TypeAlias = Literal["amplitude", "energy"]

OMEGA_0 = 6.0  # radians per unit of the wavelet's time: about six oscillations under its bell
_NUMBERS_AT_ONCE = 1 << 18
_LONGEST_IN_ONNX = 4096  # values: two matrices of twice that number squared


@encoder(
    TIMESERIES,
    value_range=scale_range,
    invariances=("offset", "gain", "sign"),
    reference="Torrence & Compo 1998, A Practical Guide to Wavelet Analysis",
    back_project=spread_columns,
)
def encode_scalogram(
    series: Any,
    *,
    size: int | float | None = None,
    periods: tuple[float, float] | None = None,
    norm: Norm = "amplitude",
    scale: Scale = "amplitude",
    top_db: float = 60.0,
    missing: Missing = "raise",
    lengths: Any = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    r"""Encode series as scalograms: the magnitude of each period at each time.

    A row is the magnitude of the series' convolution with a Morlet wavelet whose Fourier transform at scale s is
    :math:`\exp(-(s\omega - 6)^2 / 2)` for :math:`0 < \omega < \pi` and zero elsewhere. The series' mean is subtracted
    and its ends are padded with zeros; nothing wraps around. Rows are the centers of S equal steps of the logarithm of
    the period, short periods on top; columns are means over windows of time, or interpolated if there are fewer times
    than S.

    Parameters
    ----------
    series : array_like or Tensor, shape (T,), (N, T) or (N, C, T), or a list of series
        At least two finite values each. A list of unequal lengths requires ``size``.
    size : int or float, optional
        Side S of the image in pixels; or a fraction in (0, 1] of T, rounded up. Default: T.
    periods : (float, float), optional
        Shortest and longest period in samples, at the upper and the lower edge of the image. Default: 2 (the
        Nyquist frequency) and each series' own length.
    norm : {"amplitude", "energy"}
        Whether waves of one amplitude have the same magnitude at every period, or wavelets the same energy at every
        scale (as in Torrence & Compo, in which slow waves appear stronger).
    scale : {"amplitude", "log"}
        Magnitudes as fractions of the image's maximum, or in dB below it.
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
        Values in [0, 1], or in [-top_db, 0] with ``scale="log"``; numpy for numpy and lists, torch for torch, on the
        same device. A constant series gives the lowest value everywhere, with one warning.

    Raises
    ------
    SampleError, ParameterError
        Both are ``ValueError``.

    References
    ----------
    C. Torrence, G. P. Compo: A Practical Guide to Wavelet Analysis, Bulletin of the American Meteorological
    Society 79(1), 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr import encode_scalogram
    >>> image = encode_scalogram(np.sin(2 * np.pi * np.arange(128) / 8), size=12, periods=(2, 128))
    >>> int(image.mean(axis=1).argmax())  # a period of 8 lies in the fourth of twelve half octaves
    3
    """
    batch = check_series(series, caller="scalogram", lengths=lengths, missing=missing)
    side = batch.pixels(size)
    check_scale("scalogram", scale, top_db)
    if norm not in ("amplitude", "energy"):
        raise ParameterError(f"scalogram: expected norm to be 'amplitude' or 'energy', got {norm!r}")
    _check_periods(periods)
    lowest, highest = batch.values.amin(dim=1, keepdim=True), batch.values.amax(dim=1, keepdim=True)
    batch.warn((lowest == highest).squeeze(1), "are constant: their scalogram is empty")

    def draw(values: Tensor) -> Tensor:
        fractions, _ = fractions_between(values, values.amin(dim=1, keepdim=True), values.amax(dim=1, keepdim=True))
        fractions = fractions - fractions.mean(dim=1, keepdim=True)
        return below_peak(_magnitudes(fractions, side, periods, norm), scale, top_db)

    return render_by_length(
        batch,
        draw,
        side,
        scale_range({"scale": scale, "top_db": top_db}),
        dtype,
        out,
        numbers_per_row=lambda length: 8 * length,
    )


def _check_periods(periods: Any) -> None:
    if periods is None:
        return
    try:
        shortest, longest = map(float, periods)
    except (TypeError, ValueError):
        shortest, longest = 0.0, 0.0
    if not 2.0 <= shortest < longest < np.inf:
        raise ParameterError(
            f"scalogram: expected periods to be (shortest, longest) with 2 <= shortest < longest, got {periods!r}"
        )


def _magnitudes(values: Tensor, size: int, periods: tuple[float, float] | None, norm: Norm) -> Tensor:
    """Magnitudes ``(m, S, S)`` of the transform of rows ``(m, T)`` without their means, resampled to S columns."""
    from scipy.fft import next_fast_len

    length = values.shape[1]
    shortest, longest = (2.0, float(length)) if periods is None else periods
    rows = shortest * (longest / shortest) ** ((np.arange(size) + 0.5) / size)
    per_period = OMEGA_0 / (2.0 * pi) if norm == "amplitude" else (OMEGA_0 + sqrt(2.0 + OMEGA_0**2)) / (4.0 * pi)
    scales = rows * per_period
    padded = next_fast_len(2 * length - 1)
    if torch.onnx.is_in_onnx_export():
        return _real_magnitudes(values, scales, padded, size, norm)
    spectrum = torch.fft.fft(values, n=padded, dim=1)[:, None]
    windows = Windows.of(np.array([length]), size)
    strength = np.sqrt(scales) if norm == "energy" else np.ones(size)
    at_once = size if torch.compiler.is_compiling() else max(1, _NUMBERS_AT_ONCE // (len(values) * padded))
    bands = []
    for start in range(0, size, at_once):
        some = slice(start, start + at_once)
        response = torch.from_numpy(strength[some, None] * _response(scales[some], length, padded)).to(values.device)
        waves = torch.fft.ifft(spectrum * response, dim=2)[..., :length]
        bands.append(windows.means(waves.abs().reshape(-1, length)).reshape(-1, len(response), size))
    return torch.cat(bands, dim=1).clamp(min=0.0)


def _real_magnitudes(values: Tensor, scales: np.ndarray, padded: int, size: int, norm: Norm) -> Tensor:
    """Magnitudes as products of real matrices: ONNX has no complex numbers."""
    length = values.shape[1]
    if length > _LONGEST_IN_ONNX:
        raise ParameterError(
            f"scalogram: expected series of at most {_LONGEST_IN_ONNX} values for ONNX, got {length}; torch.export "
            "takes longer ones"
        )
    response = _response(scales, length, padded) * (np.sqrt(scales)[:, None] if norm == "energy" else 1.0)
    turns = 2.0 * pi * (np.outer(np.arange(length), np.arange(padded)) % padded) / padded
    cosine, sine = (torch.from_numpy(wave(turns)).to(values.device) for wave in (np.cos, np.sin))
    weights = torch.from_numpy(response / padded).to(values.device)
    real, imaginary = ((values @ wave)[:, None] * weights for wave in (cosine, -sine))
    squares = (real @ cosine.T - imaginary @ sine.T).square() + (real @ sine.T + imaginary @ cosine.T).square()
    lit = squares > 0.0
    magnitudes = torch.where(lit, torch.where(lit, squares, 1.0).sqrt(), 0.0)
    means = Windows.of(np.array([length]), size).means(magnitudes.reshape(-1, length))
    return means.reshape(-1, len(scales), size).clamp(min=0.0)


def _response(scales: np.ndarray, length: int, padded: int) -> np.ndarray:
    r"""Discrete Fourier transform of each wavelet, cut to the lags within a series of that length.

    The wavelet in time, twice the inverse transform of the bell between 0 and the Nyquist frequency, has a closed
    form in the error function of a complex number. It is cut in time and not in frequency, so that a convolution
    through ``padded`` >= 2 T - 1 points equals the direct sum; being hermitian in time it is real in frequency.
    """
    phase = np.arange(length) / scales[:, None]
    upper, lower = pi * scales[:, None] - OMEGA_0, -OMEGA_0
    bell = np.sqrt(pi / 2.0) * (_bell_integral(upper, phase) - _bell_integral(lower, phase))
    wavelet = np.exp(1j * OMEGA_0 * phase) * bell / (pi * scales[:, None])
    both = np.zeros((len(scales), padded), dtype=np.complex128)
    both[:, :length] = wavelet
    both[:, padded - length + 1 :] = wavelet[:, :0:-1].conj()
    return np.asarray(np.fft.fft(both, axis=1).real)


def _bell_integral(end: np.ndarray | float, phase: np.ndarray) -> np.ndarray:
    """``exp(-phase**2 / 2) * erf((end - i * phase) / sqrt(2))``, without overflow."""
    from scipy.special import wofz

    sign = np.where(np.asarray(end) >= 0.0, 1.0, -1.0)
    end, phase = np.abs(end), sign * phase
    tail = np.exp(-(end**2) / 2.0 + 1j * end * phase) * wofz((phase + 1j * end) / sqrt(2.0))
    return np.asarray(sign * (np.exp(-(phase**2) / 2.0) - tail))
