"""Chroma: energy of the twelve pitch classes, whatever their octave, as fractions of the strongest in each window."""

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.metadata import encoder
from img_repr.core.numbers import is_integer, is_number
from img_repr.domains.audio.filterbank import Weights
from img_repr.domains.audio.fourier import band_energies
from img_repr.domains.audio.framing import Framing, Preset
from img_repr.domains.audio.images import BackProjection, Grid, Size, check_size, fit_duration, render_images
from img_repr.domains.audio.sample import AUDIO, check_recordings
from img_repr.domains.audio.shared_options import fill_docstring
from img_repr.domains.audio.tuning import A0_HZ, TUNINGS, estimate_tuning, estimate_tunings

_NAME = "chroma"
_MOST_CLASSES = 1024  # of an octave
_CENTER, _WIDTH = 5.0, 2.0  # octaves above A0: frequencies count most around 880 Hz


def chroma_filters(framing: Framing, n_chroma: int, tuning: float = 0.0) -> Weights:
    """Fractions of each frequency in each pitch class, as ``librosa.filters.chroma`` has them.

    A frequency is spread over its neighbors by a Gaussian that is as wide as the distance to the next bin, to unit
    length in all, and counts the less, the farther it lies from 880 Hz.

    Parameters
    ----------
    framing : Framing
    n_chroma : int
        Pitch classes of an octave.
    tuning : float
        Pitch classes by which the tones lie above A 440.

    Returns
    -------
    Weights
        Of filters ``(n_chroma, 1 + n_fft // 2)``, float32.

    References
    ----------
    D. P. W. Ellis: Chroma Feature Analysis and Synthesis, 2007, https://www.ee.columbia.edu/~dpwe/resources/matlab/

    Examples
    --------
    >>> filters = chroma_filters(Framing(2048, 2048, 512, 22050), 12).filters
    >>> filters.shape, int(filters[:, round(440 * 2048 / 22050)].argmax())  # C is row 0, A is row 9
    ((12, 1025), 9)
    """
    return _chroma_filters(framing, n_chroma, tuning)


@functools.lru_cache(maxsize=128)  # more than there are tunings to be estimated
def _chroma_filters(framing: Framing, n_chroma: int, tuning: float) -> Weights:
    hz = np.linspace(0, framing.sample_rate_hz, framing.n_fft, endpoint=False)[1:]
    places = n_chroma * np.log2(hz / (A0_HZ * 2.0 ** (tuning / n_chroma)))
    lowest = places[:1] if len(places) else np.zeros(1)
    places = np.concatenate((lowest - 1.5 * n_chroma, places))  # 0 Hz has no pitch: a class off the first bin's
    widths = np.concatenate((np.maximum(np.diff(places), 1.0), [1.0]))
    places, widths = places[: framing.bins], widths[: framing.bins]
    half = np.round(n_chroma / 2)
    distances = np.remainder(places - np.arange(n_chroma)[:, None] + half + 10 * n_chroma, n_chroma) - half
    fractions = np.exp(-0.5 * (2.0 * distances / widths) ** 2)
    fractions /= np.sqrt(np.sum(fractions**2, axis=0))
    fractions *= np.exp(-0.5 * ((places / n_chroma - _CENTER) / _WIDTH) ** 2)
    from_c = np.roll(fractions, -3 * (n_chroma // 12), axis=0)
    return Weights(np.ascontiguousarray(from_c, dtype=np.float32))


def _classes(n_chroma: Any) -> int:
    if not is_integer(n_chroma, 1, _MOST_CLASSES):
        raise ParameterError(
            f"{_NAME}: expected n_chroma to be an integer from 1 to {_MOST_CLASSES}, got {n_chroma!r:.60}"
        )
    return int(n_chroma)


def _grid(framing: Framing, n_chroma: int) -> Grid:
    return Grid(_classes(n_chroma), framing.hop_length, framing.n_fft % 2)


@encoder(
    AUDIO,
    value_range=(0.0, 1.0),
    invariances=("gain", "sign"),
    reference="Fujishima 1999, Realtime Chord Recognition of Musical Sound",
    fit=fit_duration,
    back_project=BackProjection(_grid),
)
@fill_docstring
def encode_chroma(
    recordings: Any,
    *,
    size: Size = None,
    sample_rate_hz: int | None = None,
    duration_s: float | None = None,
    preset: Preset = "librosa",
    n_chroma: int = 12,
    tuning: float | None = None,
    n_fft: int | None = None,
    win_length: int | None = None,
    hop_length: int | None = None,
    window_ms: float | None = None,
    hop_ms: float | None = None,
    lengths: Any = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode recordings as chroma: energy of each pitch class in each window, the strongest class being 1.

    With its defaults the value is ``librosa.feature.chroma_stft(y=y, sr=sr)`` of each recording, within
    5e-6, and 1e-12 in float64. Where two tunings are equally common within rounding, above all for single clicks, whose
    spectra have no tones, librosa may take the other one: then within 0.2.

    Parameters
    ----------
    {recordings}
    size : int or (int, int), optional
        Side of the image in pixels, or (height, width); C is at the bottom. Default: the matrix itself, row 0 is C,
        one column per hop; shorter recordings are padded with 0.
    {timing}
    {preset}
    n_chroma : int
        Pitch classes of an octave, from C up where it is a multiple of 12.
    tuning : float, optional
        Pitch classes by which the tones lie above A 440. Default: estimated for each recording, to a hundredth; 0
        spares the estimate.
    {windows}
    {output}

    Returns
    -------
    ndarray or Tensor, shape (..., H, K), or (..., height, width)
        Fractions in [0, 1] of the strongest class of each window; 0 where a window is silent.

    Raises
    ------
    SampleError
        If the input is no recording, empty or not finite.
    ParameterError
        If a parameter is out of range, or the sample rate is missing.

    References
    ----------
    T. Fujishima: Realtime Chord Recognition of Musical Sound: a System Using Common Lisp Music, ICMC 1999;
    D. P. W. Ellis: Chroma Feature Analysis and Synthesis, 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr import encode_chroma
    >>> wave = np.sin(2 * np.pi * 440 * np.arange(22050) / 22050).astype(np.float32)
    >>> image = encode_chroma(wave, sample_rate_hz=22050)
    >>> image.shape, int(image[:, 20].argmax())  # A is nine classes above C
    ((12, 44), 9)
    >>> encode_chroma(wave, sample_rate_hz=22050, size=64, tuning=0.0).shape
    (64, 64)
    """
    batch = check_recordings(recordings, caller=_NAME, sample_rate_hz=sample_rate_hz, lengths=lengths).cut(duration_s)
    framing = Framing.of(_NAME, batch.sample_rate_hz, preset, n_fft, win_length, hop_length, window_ms, hop_ms)
    sides, classes, known = check_size(_NAME, size), _classes(n_chroma), _check_tuning(tuning)

    def draw(waves: Tensor) -> Tensor:
        if known is not None:
            return _fractions(band_energies(waves, framing, chroma_filters(framing, classes, known)))
        powers = band_energies(waves, framing)
        if torch.compiler.is_exporting():
            candidates = np.stack([chroma_filters(framing, classes, one).filters for one in TUNINGS])
            chosen = torch.from_numpy(candidates).to(waves)[estimate_tunings(powers, framing, classes)]
            return _fractions(chosen @ powers)
        tunings = [estimate_tuning(each.detach(), framing, classes) for each in powers]
        filters = torch.stack([chroma_filters(framing, classes, each).like(waves).T for each in tunings])
        return _fractions(filters @ powers)

    return render_images(
        batch,
        draw,
        Grid(classes, framing.hop_length, framing.n_fft % 2),
        size=sides,
        value_range=(0.0, 1.0),
        blank=0.0,
        dtype=dtype,
        out=out,
    )


def _check_tuning(tuning: Any) -> float | None:
    if tuning is None:
        return None
    if not is_number(tuning):
        raise ParameterError(f"{_NAME}: expected tuning to be a number of pitch classes, got {tuning!r}")
    return float(tuning)


def _fractions(energies: Tensor) -> Tensor:
    """Divide each window by its strongest class; values below the smallest normal number stay as they are."""
    strongest = energies.amax(dim=-2, keepdim=True)
    return energies / torch.where(strongest < torch.finfo(energies.dtype).tiny, 1.0, strongest)
