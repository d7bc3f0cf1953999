"""Mel-frequency cepstral coefficients: the shape of the log-mel spectrum of each window as a sum of cosines."""

import functools
from math import inf
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.image import LARGEST_SIDE
from img_repr.core.metadata import encoder
from img_repr.core.numbers import is_integer, is_number
from img_repr.domains.audio.constants import Constant
from img_repr.domains.audio.decibels import above_one, check_top_db
from img_repr.domains.audio.delta import check_delta, delta_along_time
from img_repr.domains.audio.filterbank import mel_filters
from img_repr.domains.audio.fourier import band_energies
from img_repr.domains.audio.framing import Framing, Preset, preset_of
from img_repr.domains.audio.images import BackProjection, Grid, Size, check_size, fit_duration, render_images
from img_repr.domains.audio.sample import AUDIO, check_recordings
from img_repr.domains.audio.shared_options import fill_docstring

_NAME = "mfcc"
_COEFFICIENTS = 20
_LEAST_DEVIATION = 1e-3  # about the rounding of a coefficient in float32: smaller variation counts as constant


def _counts(size: Size, preset: Preset, n_mfcc: int | None, n_mels: int | None) -> tuple[int, int]:
    """Choose the numbers of coefficients and of mel bands."""
    sides = check_size(_NAME, size)
    bands = preset_of(_NAME, preset).n_mels if n_mels is None else n_mels
    for word, value in (("n_mels", bands), ("n_mfcc", 1 if n_mfcc is None else n_mfcc)):
        if not is_integer(value, 1, LARGEST_SIDE):
            raise ParameterError(
                f"{_NAME}: expected {word} to be an integer from 1 to {LARGEST_SIDE}, got {value!r:.60}"
            )
    kept = min(sides[0] if sides else _COEFFICIENTS, bands) if n_mfcc is None else n_mfcc
    if kept > bands:
        raise ParameterError(f"{_NAME}: expected n_mfcc of at most n_mels = {bands}, got {kept}")
    return int(kept), int(bands)


def _grid(framing: Framing, size: Size, preset: Preset, n_mfcc: int | None, n_mels: int | None) -> Grid:
    return Grid(_counts(size, preset, n_mfcc, n_mels)[0], framing.hop_length, framing.n_fft % 2)


@functools.lru_cache(maxsize=32)
def _cosines(n_mfcc: int, n_mels: int, lifter: float) -> Constant:
    """Orthonormal discrete cosine transform of type II, its first rows ``(n_mfcc, n_mels)``, liftered, float64."""
    order = np.arange(n_mfcc)[:, None]
    rows = np.cos(np.pi * order * (np.arange(n_mels) + 0.5) / n_mels) * np.sqrt(2.0 / n_mels)
    rows[0] /= np.sqrt(2.0)
    if lifter > 0.0:
        rows *= 1.0 + lifter / 2.0 * np.sin(np.pi * (order + 1) / lifter)
    return Constant(rows)


def _standardized(coefficients: Tensor) -> Tensor:
    """Standardize each coefficient ``(m, H, K)`` to mean 0 and standard deviation 1 over time; a constant one is 0."""
    centered = coefficients - coefficients.mean(dim=-1, keepdim=True)
    variance = centered.square().mean(dim=-1, keepdim=True)
    varies = variance > _LEAST_DEVIATION**2
    return torch.where(varies, centered * torch.where(varies, variance, 1.0).rsqrt(), 0.0)


@encoder(
    AUDIO,
    value_range=(-inf, inf),
    invariances=("sign",),
    reference="Davis & Mermelstein 1980, Comparison of Parametric Representations for Monosyllabic Word Recognition",
    fit=fit_duration,
    back_project=BackProjection(_grid),
)
@fill_docstring
def encode_mfcc(
    recordings: Any,
    *,
    size: Size = None,
    sample_rate_hz: int | None = None,
    duration_s: float | None = None,
    preset: Preset = "librosa",
    n_mfcc: int | None = None,
    n_mels: int | None = None,
    lifter: float = 0.0,
    cmvn: bool = False,
    n_fft: int | None = None,
    win_length: int | None = None,
    hop_length: int | None = None,
    window_ms: float | None = None,
    hop_ms: float | None = None,
    fmin_hz: float = 0.0,
    fmax_hz: float | None = None,
    htk: bool = False,
    top_db: float = 80.0,
    delta: int = 0,
    lengths: Any = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode recordings as mel-frequency cepstral coefficients over time.

    With its defaults the value is ``librosa.feature.mfcc(y=y, sr=sr)`` of each recording, within 1e-3, of a
    pure tone 4e-3.

    As an image, take ``cmvn=True``: coefficient 0 is the level of the sound, some hundreds of decibels, next to
    which all others are gray.

    Parameters
    ----------
    {recordings}
    size : int or (int, int), optional
        Side of the image in pixels, or (height, width); coefficient 0 is at the bottom. Default: the matrix
        itself, row 0 coefficient 0, one column per hop; shorter recordings are padded with 0.
    {timing}
    {preset}
    n_mfcc : int, optional
        Number of coefficients, at most ``n_mels``. Default: 20; with ``size`` one for each row of the image, as
        far as there are mel bands.
    n_mels : int, optional
        Number of mel bands that the cosines are fitted to. Default: 128, for speech 80.
    lifter : float
        Weight the coefficients by ``1 + lifter / 2 * sin(pi * (1 + order) / lifter)``, which lifts the higher ones;
        0 does not.
    cmvn : bool
        Cepstral mean and variance normalization: each coefficient has mean 0 and standard deviation 1 over the
        columns of its recording, before ``delta``. Constant coefficients are 0.
    {windows}
    {mel_scale}
    top_db : float
        Dynamic range of the log-mel spectrum: values further below the loudest band and window are clipped.
    delta : {0, 1, 2}
        The coefficients themselves, their speed or their acceleration along time, per hop.
    {output}

    Returns
    -------
    ndarray or Tensor, shape (..., H, K), or (..., height, width)
        Coefficients, or standard deviations with ``cmvn``; with ``delta`` per hop. As a contract image, 0 stands in
        the middle and each image's largest magnitude at an end. Silence is coefficient 0 alone, 0 with ``cmvn``.

    Raises
    ------
    SampleError
        If the input is no recording, empty or not finite.
    ParameterError
        If a parameter is out of range, or the sample rate is missing.

    References
    ----------
    S. B. Davis, P. Mermelstein: Comparison of Parametric Representations for Monosyllabic Word Recognition in
    Continuously Spoken Sentences, IEEE Transactions on Acoustics, Speech, and Signal Processing 28(4), 1980; O. Viikki,
    K. Laurila: Cepstral Domain Segmental Feature Vector Normalization, Speech Communication 25, 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr import encode_mfcc
    >>> wave = np.sin(2 * np.pi * 440 * np.arange(22050) / 22050).astype(np.float32)
    >>> encode_mfcc(wave, sample_rate_hz=22050).shape
    (20, 44)
    >>> encode_mfcc(wave, sample_rate_hz=22050, size=64, preset="speech", cmvn=True).shape
    (64, 64)
    """
    batch = check_recordings(recordings, caller=_NAME, sample_rate_hz=sample_rate_hz, lengths=lengths).cut(duration_s)
    framing = Framing.of(_NAME, batch.sample_rate_hz, preset, n_fft, win_length, hop_length, window_ms, hop_ms)
    sides = check_size(_NAME, size)
    kept, bands = _counts(size, preset, n_mfcc, n_mels)
    if not is_number(lifter) or lifter < 0:
        raise ParameterError(f"{_NAME}: expected lifter to be a number from 0, got {lifter!r}")
    if not isinstance(cmvn, bool):
        raise ParameterError(f"{_NAME}: expected cmvn to be True or False, got {cmvn!r}")
    filters = mel_filters(_NAME, framing, bands, fmin_hz=fmin_hz, fmax_hz=fmax_hz, htk=htk)
    cosines = _cosines(kept, bands, float(lifter))
    depth, order = check_top_db(_NAME, top_db), check_delta(_NAME, delta)

    def draw(waves: Tensor) -> Tensor:
        levels = above_one(band_energies(waves, framing, filters), depth)
        exact = levels.double()  # in float32 a sum of 128 levels near -100 rounds to some 1e-3
        coefficients = cosines.like(exact) @ exact
        return delta_along_time(_standardized(coefficients) if cmvn else coefficients, order)

    return render_images(
        batch,
        draw,
        Grid(kept, framing.hop_length, framing.n_fft % 2),
        size=sides,
        value_range=(-inf, inf),
        blank=0.0,
        dtype=dtype,
        out=out,
    )
