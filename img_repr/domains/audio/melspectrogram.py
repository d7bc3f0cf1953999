"""Mel spectrogram: energy in bands that are equally wide to the ear, in decibels below the loudest."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from img_repr.core.image import ValueRange
from img_repr.core.metadata import encoder
from img_repr.domains.audio.decibels import below_loudest, check_top_db
from img_repr.domains.audio.delta import check_delta, delta_along_time, delta_range
from img_repr.domains.audio.emphasis import check_pre_emphasis, emphasize
from img_repr.domains.audio.filterbank import mel_centers_hz, mel_filters
from img_repr.domains.audio.fourier import band_energies
from img_repr.domains.audio.framing import Framing, Preset, preset_of
from img_repr.domains.audio.images import BackProjection, Grid, Size, check_size, fit_duration, render_images
from img_repr.domains.audio.sample import AUDIO, check_recordings
from img_repr.domains.audio.shared_options import fill_docstring

_NAME = "melspectrogram"


def _range(parameters: Mapping[str, Any]) -> ValueRange:
    return delta_range(-float(parameters["top_db"]), 0.0, parameters["delta"])


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


@encoder(
    AUDIO,
    value_range=_range,
    invariances=("gain", "sign"),
    reference="Stevens, Volkmann & Newman 1937, A Scale for the Measurement of the Psychological Magnitude Pitch",
    fit=fit_duration,
    back_project=BackProjection(_grid),
)
@fill_docstring
def encode_melspectrogram(
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
    pre_emphasis: float = 0.0,
    top_db: float = 80.0,
    delta: int = 0,
    lengths: Any = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode recordings as log-mel spectrograms, dB below the loudest band and window of each.

    With its defaults the value is, to rounding, ``librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=sr),
    ref=np.max, top_db=80)`` of each recording.

    Parameters
    ----------
    {recordings}
    size : int or (int, int), optional
        Side of the image in pixels, or (height, width); the lowest band is at the bottom. Default: the matrix
        itself, row 0 the lowest band, one column per hop; shorter recordings are padded with ``-top_db``.
    {timing}
    {preset}
    n_mels : int, optional
        Number of bands. Default: one for each row of the image; without ``size`` 128, for speech 80.
    {windows}
    {mel_scale}
    pre_emphasis : float
        Coefficient of the previous sample that is subtracted from each sample, 0.97 in much of speech recognition: it
        raises high frequencies, so that a hiss next to a loud vowel stays above ``-top_db``.
    top_db : float
        Dynamic range in decibels: fainter values are clipped to ``-top_db``.
    delta : {0, 1, 2}
        Order of the derivative along time, per hop: the image itself, its speed or its acceleration.
        ``"melspectrogram+melspectrogram(delta=1)+melspectrogram(delta=2)"`` is the usual image of three channels.
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
        If a parameter is out of range, or the sample rate is missing.

    References
    ----------
    S. S. Stevens, J. Volkmann, E. B. Newman: A Scale for the Measurement of the Psychological Magnitude Pitch, JASA
    8(3), 1937; B. McFee et al.: librosa: Audio and Music Signal Analysis in Python, SciPy 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr import encode_melspectrogram
    >>> wave = np.sin(2 * np.pi * 440 * np.arange(22050) / 22050).astype(np.float32)
    >>> encode_melspectrogram(wave, sample_rate_hz=22050).shape
    (128, 44)
    >>> encode_melspectrogram(wave, sample_rate_hz=22050, size=64, preset="speech").shape
    (64, 64)
    """
    batch = check_recordings(recordings, caller=_NAME, sample_rate_hz=sample_rate_hz, lengths=lengths).cut(duration_s)
    framing = Framing.of(_NAME, batch.sample_rate_hz, preset, n_fft, win_length, hop_length, window_ms, hop_ms)
    sides = check_size(_NAME, size)
    bands = _bands(size, preset, n_mels)
    filters = mel_filters(_NAME, framing, bands, fmin_hz=fmin_hz, fmax_hz=fmax_hz, htk=htk)
    depth, order = check_top_db(_NAME, top_db), check_delta(_NAME, delta)
    pre_emphasis = check_pre_emphasis(_NAME, pre_emphasis)

    def draw(waves: Tensor) -> Tensor:
        energies = band_energies(emphasize(waves, pre_emphasis), framing, filters)
        return delta_along_time(below_loudest(energies, depth), order)

    return render_images(
        batch,
        draw,
        Grid(bands, framing.hop_length, framing.n_fft % 2),
        size=sides,
        value_range=_range({"top_db": depth, "delta": order}),
        blank=0.0 if order else -depth,
        dtype=dtype,
        out=out,
    )
