"""Tempogram: autocorrelation of the onset strength around each moment, for all lags."""

from typing import Any

import torch
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.image import LARGEST_SIDE
from img_repr.core.metadata import encoder
from img_repr.core.numbers import is_integer
from img_repr.domains.audio.decibels import above_one
from img_repr.domains.audio.filterbank import Weights, mel_filters
from img_repr.domains.audio.fourier import exact_energies
from img_repr.domains.audio.framing import Framing, Preset, preset_of
from img_repr.domains.audio.images import BackProjection, Grid, Size, check_size, fit_duration, render_images
from img_repr.domains.audio.sample import AUDIO, check_recordings
from img_repr.domains.audio.shared_options import fill_docstring

_NAME = "tempogram"
_TOP_DB = 80.0  # bands further below the loudest band and window hold no onset
_MOMENTS_AT_ONCE = 128  # moments whose rhythms stay in a core's cache


def onset_strength(waves: Tensor, framing: Framing, filters: Weights) -> Tensor:
    """Decibels by which the bands grow louder from one window to the next, their mean; a decrease counts 0.

    Parameters
    ----------
    waves : Tensor, shape (m, T)
        Floats.
    framing : Framing
    filters : Weights
        Of H bands.

    Returns
    -------
    Tensor, shape (m, K)
        ``librosa.onset.onset_strength(y=y, sr=sr)``: moved later by half a Fourier transform, whose first window to
        hold an onset is centered so much before it.

    References
    ----------
    S. Böck, G. Widmer: Maximum Filter Vibrato Suppression for Onset Detection, DAFx 2013.

    Examples
    --------
    >>> import torch
    >>> framing = Framing(512, 512, 128, 8000)
    >>> wave = torch.zeros(1, 8000)
    >>> wave[0, 4000] = 1.0
    >>> strength = onset_strength(wave, framing, mel_filters("doc", framing, 20))
    >>> strength.shape, 128 * int(strength.argmax())
    (torch.Size([1, 63]), 4096)
    """
    blocks = [block.to(waves.dtype) for block in exact_energies(waves, framing, filters)]  # as librosa rounds them
    loudness = above_one(torch.cat(blocks, dim=-1), _TOP_DB)
    growth = loudness.diff(dim=-1).clamp(min=0.0).mean(dim=-2)
    later = 1 + framing.n_fft // (2 * framing.hop_length)
    return torch.nn.functional.pad(growth, (later, 0))[..., : loudness.shape[-1]]


def self_similarity(strength: Tensor, n_lags: int) -> Tensor:
    """Autocorrelate a course of time around each of its moments, through a Hann window of ``n_lags`` moments.

    Parameters
    ----------
    strength : Tensor, shape (m, K)
        Not negative.
    n_lags : int

    Returns
    -------
    Tensor, shape (m, n_lags, K)
        In [0, 1], row ``i`` for moments ``i`` apart; row 0 is 1 but where nothing happens within the window.

    Examples
    --------
    >>> import torch
    >>> pulse = torch.tensor([[1.0, 0.0, 0.0, 0.0] * 20])
    >>> self_similarity(pulse, 16)[0, 4:9, 40].gt(1e-6).tolist()  # pulses are four moments apart, and eight
    [True, False, False, False, True]
    """
    half, count = n_lags // 2, strength.shape[-1]
    ramp = torch.arange(half, dtype=strength.dtype, device=strength.device) / max(1, half)
    ends = (strength[..., :1] * ramp, strength, strength[..., -1:] * ramp.flip(-1))
    rhythms = torch.cat(ends, dim=-1).unfold(-1, n_lags, 1)[:, :count]
    if strength.requires_grad or torch.compiler.is_compiling() or strength.device.type != "cpu":
        return _autocorrelation(rhythms).transpose(-1, -2)
    made = strength.new_empty(len(strength), n_lags, count)
    for start in range(0, count, _MOMENTS_AT_ONCE):
        some = slice(start, start + _MOMENTS_AT_ONCE)
        made[:, :, some] = _autocorrelation(rhythms[:, some]).transpose(-1, -2)
    return made


def _autocorrelation(rhythms: Tensor) -> Tensor:
    """Products of windows ``(..., n_lags)`` with themselves moved on, as fractions of the unmoved."""
    n_lags = rhythms.shape[-1]
    window = Framing(n_lags, n_lags, 1, 1).window(rhythms)
    spectra = torch.view_as_real(torch.fft.rfft(rhythms * window, n=2 * n_lags, dim=-1))
    products = torch.fft.irfft(spectra.square().sum(dim=-1), n=2 * n_lags, dim=-1)[..., :n_lags]
    unmoved = products[..., :1]
    fractions: Tensor = products / torch.where(unmoved < torch.finfo(products.dtype).tiny, 1.0, unmoved)
    return fractions.clamp(0.0, 1.0)


def _check_lags(n_lags: Any) -> int:
    if not is_integer(n_lags, 2, LARGEST_SIDE):
        raise ParameterError(f"{_NAME}: expected n_lags to be an integer from 2 to {LARGEST_SIDE}, got {n_lags!r:.60}")
    return int(n_lags)


def _grid(framing: Framing, n_lags: int) -> Grid:
    return Grid(_check_lags(n_lags), framing.hop_length, framing.n_fft % 2)


@encoder(
    AUDIO,
    value_range=(0.0, 1.0),
    invariances=("sign",),
    reference="Grosche, Müller & Kurth 2010, Cyclic Tempogram: a Mid-Level Tempo Representation for Music Signals",
    fit=fit_duration,
    back_project=BackProjection(_grid),
)
@fill_docstring
def encode_tempogram(
    recordings: Any,
    *,
    size: Size = None,
    sample_rate_hz: int | None = None,
    duration_s: float | None = None,
    preset: Preset = "librosa",
    n_lags: int = 384,
    n_mels: int | None = None,
    n_fft: int | None = None,
    win_length: int | None = None,
    hop_length: int | None = None,
    window_ms: float | None = None,
    hop_ms: float | None = None,
    lengths: Any = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode recordings as tempograms: local autocorrelation of the onset strength.

    With its defaults the value is ``librosa.feature.tempogram(y=y, sr=sr)`` of each recording, within 5e-5
    on sounds, and 1e-10 in float64. In a steady tone there is no onset but by rounding, which is scaled to 1: there
    the two differ by up to 0.05, which is as much as librosa differs from itself in float64.

    Parameters
    ----------
    {recordings}
    size : int or (int, int), optional
        Side of the image in pixels, or (height, width); the shortest lag is at the bottom. Default: the matrix
        itself, row 0 is no lag, one column per hop; shorter recordings are padded with 0.
    {timing}
    {preset}
    n_lags : int
        Number of lags, each one hop longer than the one below, and length in hops of the Hann window in which a
        moment's rhythm is seen. Row ``i`` is a tempo of ``60 * sample_rate_hz / (i * hop_length)`` beats a minute.
    n_mels : int, optional
        Number of mel bands in which onsets are looked for. Default: the preset's, 128; for speech 80.
    {windows}
    {output}

    Returns
    -------
    ndarray or Tensor, shape (..., H, K), or (..., height, width)
        Autocorrelations in [0, 1], as fractions of the one at no lag; no onset counts less than none, so that none is
        below 0. All 0 where nothing begins within the window.

    Raises
    ------
    SampleError
        If the input is no recording, empty or not finite.
    ParameterError
        If a parameter is out of range, or the sample rate is missing.

    References
    ----------
    P. Grosche, M. Müller, F. Kurth: Cyclic Tempogram: a Mid-Level Tempo Representation for Music Signals, ICASSP
    2010; B. McFee et al.: librosa, SciPy 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr import encode_tempogram
    >>> clicks = np.zeros(8 * 22050, np.float32)
    >>> clicks[::20 * 512] = 1.0  # 20 hops from one to the next: 129 beats a minute
    >>> image = encode_tempogram(clicks, sample_rate_hz=22050)
    >>> image.shape, int(image[10:, 172].argmax()) + 10
    ((384, 345), 20)
    >>> encode_tempogram(clicks, sample_rate_hz=22050, size=64).shape
    (64, 64)
    """
    batch = check_recordings(recordings, caller=_NAME, sample_rate_hz=sample_rate_hz, lengths=lengths).cut(duration_s)
    framing = Framing.of(_NAME, batch.sample_rate_hz, preset, n_fft, win_length, hop_length, window_ms, hop_ms)
    sides, lags = check_size(_NAME, size), _check_lags(n_lags)
    filters = mel_filters(_NAME, framing, preset_of(_NAME, preset).n_mels if n_mels is None else n_mels)

    def draw(waves: Tensor) -> Tensor:
        return self_similarity(onset_strength(waves, framing, filters), lags)

    return render_images(
        batch,
        draw,
        Grid(lags, framing.hop_length, framing.n_fft % 2),
        size=sides,
        value_range=(0.0, 1.0),
        blank=0.0,
        dtype=dtype,
        out=out,
    )
