"""Constant-Q transform: energy in bands that are equally wide to music, in decibels below the loudest."""

from collections.abc import Mapping
from dataclasses import replace
from math import floor, log2
from typing import Any

import numpy as np
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.image import ValueRange
from img_repr.core.metadata import encoder
from img_repr.core.numbers import is_integer, is_number
from img_repr.domains.audio.decibels import below_loudest, check_top_db
from img_repr.domains.audio.delta import check_delta, delta_along_time, delta_range
from img_repr.domains.audio.framing import Framing
from img_repr.domains.audio.images import BackProjection, Grid, Size, check_size, fit_duration, render_images
from img_repr.domains.audio.octaves import Octave, highest_edge_hz, octave_energies, octaves_of, relative_bandwidth
from img_repr.domains.audio.sample import AUDIO, check_recordings
from img_repr.domains.audio.shared_options import fill_docstring

C1_HZ = 440.0 * 2.0 ** (-45 / 12)

_NAME = "cqt"
_MOST_BINS = 84  # seven octaves, where the sample rate holds them
_LONGEST_WAVELET = 1 << 19  # samples


def _range(parameters: Mapping[str, Any]) -> ValueRange:
    return delta_range(-float(parameters["top_db"]), 0.0, parameters["delta"])


def _octaves(framing: Framing, fmin_hz: float, n_bins: int | None, bins_per_octave: int) -> tuple[Octave, ...]:
    """Return the wavelets of all octaves; raise ParameterError if the options allow none."""
    for word, value in (("bins_per_octave", bins_per_octave), ("n_bins", 1 if n_bins is None else n_bins)):
        if not is_integer(value, 1):
            raise ParameterError(f"{_NAME}: expected {word} to be an integer from 1, got {value!r}")
    number = is_number(fmin_hz)
    if not number or fmin_hz <= 0:
        raise ParameterError(f"{_NAME}: expected fmin_hz to be a frequency above 0, got {fmin_hz!r}")
    rate = framing.sample_rate_hz
    room = floor(bins_per_octave * log2(rate / 2.0 / highest_edge_hz(fmin_hz, bins_per_octave))) + 1
    bins = min(_MOST_BINS, max(1, room)) if n_bins is None else int(n_bins)
    if bins > room:
        top = fmin_hz * 2.0 ** ((bins - 1) / bins_per_octave)
        raise ParameterError(
            f"{_NAME}: expected bins up to {rate / 2:g} Hz, half the sample rate, got bin {bins} of {top:.1f} Hz, "
            f"which reaches up to {highest_edge_hz(top, bins_per_octave):.1f} Hz; at most {max(0, room)} bins fit"
        )
    longest = rate / (relative_bandwidth(bins_per_octave) * fmin_hz)
    if longest > _LONGEST_WAVELET:
        raise ParameterError(
            f"{_NAME}: expected wavelets of at most {_LONGEST_WAVELET} samples, got {longest:.0f} for fmin_hz = "
            f"{fmin_hz:g} and bins_per_octave = {bins_per_octave}"
        )
    return octaves_of(rate, framing.hop_length, float(fmin_hz), bins, int(bins_per_octave))


def _grid_of(octaves: tuple[Octave, ...]) -> Grid:
    """Rows and columns; the rate that librosa lowers first rounds the length up to a multiple of this factor."""
    factor = 1 << octaves[0].halvings
    return Grid(sum(octave.bins for octave in octaves), octaves[0].hop_length * factor, 1 - factor)


def _grid(framing: Framing, fmin_hz: float, n_bins: int | None, bins_per_octave: int) -> Grid:
    grid = _grid_of(_octaves(framing, fmin_hz, n_bins, bins_per_octave))
    return replace(grid, hz=fmin_hz * 2.0 ** (np.arange(grid.rows) / bins_per_octave))


@encoder(
    AUDIO,
    value_range=_range,
    invariances=("gain", "sign"),
    reference="Brown 1991, Calculation of a Constant Q Spectral Transform",
    fit=fit_duration,
    back_project=BackProjection(_grid),
)
@fill_docstring
def encode_cqt(
    recordings: Any,
    *,
    size: Size = None,
    sample_rate_hz: int | None = None,
    duration_s: float | None = None,
    hop_length: int | None = None,
    hop_ms: float | None = None,
    fmin_hz: float = C1_HZ,
    n_bins: int | None = None,
    bins_per_octave: int = 12,
    top_db: float = 80.0,
    delta: int = 0,
    lengths: Any = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode recordings as constant-Q transforms, dB below the loudest bin and column of each.

    Each bin spans the same ratio of frequencies, a semitone by default, so higher bins use shorter windows.

    With its defaults the value is ``librosa.amplitude_to_db(np.abs(librosa.cqt(y, sr=sr, tuning=0.0)), ref=np.max,
    top_db=80)`` of each recording, within 0.03 dB on sounds (0.013 dB over clips of ESC-10 and FSDD) and
    0.3 dB where nearly all energy lies outside the bins, so that rounding is all that is seen (a constant, a tone above
    them). Where librosa lowers the rate by four or more in one step (above about 64 kHz, or with few octaves), the
    columns at the very ends differ by up to 3 dB in their faintest bins.

    Parameters
    ----------
    {recordings}
    size : int or (int, int), optional
        Side of the image in pixels, or (height, width); the lowest bin is at the bottom. Default: the matrix
        itself, row 0 the lowest bin, one column per hop; shorter recordings are padded with ``-top_db``.
    {timing}
    hop_length : int, optional
        Samples from one column to the next; 512 by default. A hop that can be halved once per octave is fastest.
    hop_ms : float, optional
        The same in milliseconds.
    fmin_hz : float
        Frequency of the lowest bin; C1, 32.7 Hz, by default.
    n_bins : int, optional
        Number of bins. Default: 84, or as many as fit below half the sample rate.
    bins_per_octave : int
        12 by default: semitones.
    top_db : float
        Dynamic range in decibels: fainter values are clipped to ``-top_db``.
    delta : {0, 1, 2}
        Order of the derivative along time, per hop: the image itself, its speed or its acceleration.
    {output}

    Returns
    -------
    ndarray or Tensor, shape (..., H, K), or (..., height, width)
        Decibels in [-top_db, 0]; with ``delta`` decibels per hop. Silence is 0 everywhere, as in librosa.

    Raises
    ------
    SampleError
        If the input is no recording, empty or not finite.
    ParameterError
        If a parameter is out of range, a bin reaches above half the sample rate, or the rate is missing.

    References
    ----------
    J. C. Brown: Calculation of a Constant Q Spectral Transform, JASA 89(1), 1991; C. Schörkhuber, A. Klapuri:
    Constant-Q Transform Toolbox for Music Processing, SMC 2010; B. McFee et al.: librosa, SciPy 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr import encode_cqt
    >>> wave = np.sin(2 * np.pi * 440 * np.arange(22050) / 22050).astype(np.float32)
    >>> image = encode_cqt(wave, sample_rate_hz=22050)
    >>> image.shape, int(image[:, 20].argmax())  # A4 is 45 semitones above C1
    ((84, 44), 45)
    >>> encode_cqt(wave, sample_rate_hz=22050, size=64, fmin_hz=110.0, n_bins=48).shape
    (64, 64)
    """
    batch = check_recordings(recordings, caller=_NAME, sample_rate_hz=sample_rate_hz, lengths=lengths).cut(duration_s)
    framing = Framing.of(_NAME, batch.sample_rate_hz, hop_length=hop_length, hop_ms=hop_ms)
    octaves = _octaves(framing, fmin_hz, n_bins, bins_per_octave)
    grid, sides = _grid_of(octaves), check_size(_NAME, size)
    depth, order = check_top_db(_NAME, top_db), check_delta(_NAME, delta)

    def draw(waves: Tensor) -> Tensor:
        energies = octave_energies(waves, octaves, grid.columns(waves.shape[-1]))
        return delta_along_time(below_loudest(energies, depth), order)

    return render_images(
        batch,
        draw,
        grid,
        size=sides,
        value_range=_range({"top_db": depth, "delta": order}),
        blank=0.0 if order else -depth,
        dtype=dtype,
        out=out,
    )
