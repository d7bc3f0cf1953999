"""Per-channel energy normalization: each mel band against its own recent past, which removes steady background."""

from math import inf, sqrt
from typing import Any

import torch
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.metadata import encoder
from img_repr.core.numbers import is_number
from img_repr.domains.audio.filterbank import mel_centers_hz, mel_filters
from img_repr.domains.audio.fourier import exact_energies
from img_repr.domains.audio.framing import Framing, Preset, preset_of
from img_repr.domains.audio.images import BackProjection, Grid, Size, check_size, fit_duration, render_images
from img_repr.domains.audio.sample import AUDIO, check_recordings
from img_repr.domains.audio.shared_options import fill_docstring

_NAME = "pcen"
_FULL_SCALE = 2.0**31  # the constants of the paper are meant for samples of 32 bits


def _bands(size: Size, preset: Preset, n_mels: int | None) -> int:
    """Return the number of mel bands: ``n_mels``, else one per row of the image, else the preset's."""
    if n_mels is not None:
        return n_mels
    sides = check_size(_NAME, size)
    return sides[0] if sides else preset_of(_NAME, preset).n_mels


def _grid(
    framing: Framing, size: Size, preset: Preset, n_mels: int | None, fmin_hz: float, fmax_hz: float | None, htk: bool
) -> Grid:
    bands = _bands(size, preset, n_mels)
    top_hz = framing.sample_rate_hz / 2 if fmax_hz is None else fmax_hz
    hz = mel_centers_hz(bands, fmin_hz=fmin_hz, fmax_hz=top_hz, htk=htk)
    return Grid(bands, framing.hop_length, framing.n_fft % 2, hz)


def _check(**numbers: Any) -> None:
    for word, value in numbers.items():
        above = word in ("time_constant_s", "eps")
        number = is_number(value)
        if not number or value < 0 or (above and value == 0):
            raise ParameterError(
                f"{_NAME}: expected {word} to be a number {'above' if above else 'from'} 0, got {value!r}"
            )


def smooth_along_time(values: Tensor, weight: float, state: Tensor) -> Tensor:
    """Exponential mean along the last axis, ``y[k] = weight * x[k] + (1 - weight) * y[k - 1]``.

    Parameters
    ----------
    values : Tensor, shape (..., K)
    weight : float
        Of the newest value, in (0, 1].
    state : Tensor, shape (..., 1)
        State before the first value.

    Returns
    -------
    Tensor, shape (..., K)
        Made by doubling: the sums over 1, 2, 4 ... values, each from two of the half, instead of one by one.

    Examples
    --------
    >>> import torch
    >>> smooth_along_time(torch.tensor([1.0, 0.0, 0.0]), 0.5, torch.tensor([1.0])).tolist()
    [1.0, 0.5, 0.25]
    """
    smoothed = torch.cat([state, weight * values], dim=-1)
    step = 1
    while step < smoothed.shape[-1]:
        later = smoothed[..., step:] + (1.0 - weight) ** step * smoothed[..., :-step]
        smoothed = torch.cat([smoothed[..., :step], later], dim=-1)
        step *= 2
    return smoothed[..., 1:]


def _compress(loudness: Tensor, bias: float, power: float) -> Tensor:
    """``(loudness + bias) ** power - bias ** power``, exact for the faintest; for power 0 its limit, the logarithm."""
    if power == 0.0:
        return loudness.log1p()
    if bias == 0.0:
        return loudness.pow(power)
    compressed: Tensor = torch.expm1(power * torch.log1p(loudness / bias)) * bias**power
    return compressed


@encoder(
    AUDIO,
    value_range=(0.0, inf),
    invariances=("sign",),
    reference="Wang, Getreuer, Hughes et al. 2017, Trainable Frontend for Robust and Far-Field Keyword Spotting",
    fit=fit_duration,
    back_project=BackProjection(_grid),
)
@fill_docstring
def encode_pcen(
    recordings: Any,
    *,
    size: Size = None,
    sample_rate_hz: int | None = None,
    duration_s: float | None = None,
    preset: Preset = "librosa",
    n_mels: int | None = None,
    n_fft: int | None = None,
    win_length: int | None = None,
    hop_length: int | None = None,
    window_ms: float | None = None,
    hop_ms: float | None = None,
    fmin_hz: float = 0.0,
    fmax_hz: float | None = None,
    htk: bool = False,
    gain: float = 0.98,
    bias: float = 2.0,
    power: float = 0.5,
    time_constant_s: float = 0.4,
    eps: float = 1e-6,
    lengths: Any = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode recordings as mel spectrograms under per-channel energy normalization.

    Each band is divided by a mean of its own recent past and compressed by a root: onsets stand out, steady noise and
    the color of a microphone go. ``(E / (eps + M) ** gain + bias) ** power - bias ** power`` of magnitudes E and
    their exponential mean M.

    With its defaults the value is ``librosa.pcen(librosa.feature.melspectrogram(y=y, sr=sr, power=1) * 2**31, sr=sr)``
    of each recording, within 2e-6 of itself. Computed in float64, in blocks of windows.

    Parameters
    ----------
    {recordings}
    size : int or (int, int), optional
        Side of the image in pixels, or (height, width); the lowest band is at the bottom. Default: the matrix
        itself, row 0 the lowest band, one column per hop; shorter recordings are padded with 0.
    {timing}
    {preset}
    n_mels : int, optional
        Number of bands. Default: one for each row of the image; without ``size`` 128, for speech 80.
    {windows}
    {mel_scale}
    gain : float
        How much of the level of a band is removed: 0 nothing, 1 all.
    bias, power : float
        Offset and exponent of the compression; power 0 is the logarithm.
    time_constant_s : float
        Seconds over which the past is averaged.
    eps : float
        Level below which a band counts as empty, full scale being ``2**31``.
    {output}

    Returns
    -------
    ndarray or Tensor, shape (..., H, K), or (..., height, width)
        Numbers from 0; as a contract image, from 0 to each image's largest. Silence is 0.

    Raises
    ------
    SampleError
        If the input is no recording, empty or not finite.
    ParameterError
        If a parameter is out of range, or the sample rate is missing.

    References
    ----------
    Y. Wang, P. Getreuer, T. Hughes, R. F. Lyon, R. A. Saurous: Trainable Frontend for Robust and Far-Field Keyword
    Spotting, ICASSP 2017; V. Lostanlen et al.: Per-Channel Energy Normalization: Why and How, IEEE Signal Processing
    Letters 26(1), 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr import encode_pcen
    >>> hum = np.sin(2 * np.pi * 440 * np.arange(22050) / 22050).astype(np.float32)
    >>> hum[11025] += 1.0  # a click, in all bands
    >>> image = encode_pcen(hum, sample_rate_hz=22050)
    >>> image.shape, bool(image[80, 21] > 5 * image[80, 10])
    ((128, 44), True)
    """
    batch = check_recordings(recordings, caller=_NAME, sample_rate_hz=sample_rate_hz, lengths=lengths).cut(duration_s)
    framing = Framing.of(_NAME, batch.sample_rate_hz, preset, n_fft, win_length, hop_length, window_ms, hop_ms)
    sides = check_size(_NAME, size)
    bands = _bands(size, preset, n_mels)
    filters = mel_filters(_NAME, framing, bands, fmin_hz=fmin_hz, fmax_hz=fmax_hz, htk=htk)
    _check(gain=gain, bias=bias, power=power, time_constant_s=time_constant_s, eps=eps)
    frames = time_constant_s * framing.sample_rate_hz / framing.hop_length
    weight = 2.0 / (sqrt(1.0 + 4.0 * frames**2) + 1.0)  # of the newest frame, as librosa derives it

    def draw(waves: Tensor) -> Tensor:
        past = waves.new_ones(waves.shape[0], bands, 1, dtype=torch.float64)
        blocks = []
        for energies in exact_energies(waves, framing, filters, power=1.0):
            magnitudes = energies * _FULL_SCALE
            smoothed = smooth_along_time(magnitudes, weight, past)
            past = smoothed[..., -1:]
            loudness = magnitudes * torch.exp(-gain * torch.log(smoothed + eps))
            blocks.append(_compress(loudness, bias, power).to(waves.dtype))
        return torch.cat(blocks, dim=-1)

    return render_images(
        batch,
        draw,
        Grid(bands, framing.hop_length, framing.n_fft % 2),
        size=sides,
        value_range=(0.0, inf),
        blank=0.0,
        dtype=dtype,
        out=out,
    )
