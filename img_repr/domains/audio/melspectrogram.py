"""Mel spectrogram: energy in bands that are equally wide to the ear, in decibels below the loudest."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, cast

from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.image import ValueRange
from img_repr.core.metadata import ENCODERS, encoder
from img_repr.domains.audio.decibels import below_loudest, check_top_db
from img_repr.domains.audio.delta import check_delta, delta_along_time, delta_range
from img_repr.domains.audio.emphasis import check_pre_emphasis, emphasize
from img_repr.domains.audio.filterbank import mel_centers_hz, mel_filters
from img_repr.domains.audio.fourier import band_energies
from img_repr.domains.audio.framing import PRESETS, Framing, Preset, preset_of
from img_repr.domains.audio.front_ends import FRONT_ENDS, FrontEnd
from img_repr.domains.audio.images import BackProjection, Grid, Size, check_size, fit_duration, render_images
from img_repr.domains.audio.sample import AUDIO, check_recordings
from img_repr.domains.audio.shared_options import fill_docstring

_NAME = "melspectrogram"
_KEPT = ("size", "sample_rate_hz", "duration_s", "preset", "lengths", "dtype", "out")  # set with any preset

MelPreset: TypeAlias = Preset | Literal["yamnet", "fbank", "ast", "speech_embedding"]


def _front_end(preset: Any) -> FrontEnd | None:
    """Return the front end that a preset stands for; None for a preset of the framing."""
    if not isinstance(preset, str) or (preset not in PRESETS and preset not in FRONT_ENDS):
        known = ", ".join([*PRESETS, *FRONT_ENDS])
        raise ParameterError(f"{_NAME}: expected preset to be one of {known}, got {preset!r:.60}")
    return FRONT_ENDS.get(preset)


def _set_options(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options next to the preset that differ from their defaults."""
    defaults = ENCODERS[_NAME].defaults()
    return {word: values[word] for word in defaults if word not in _KEPT and values[word] != defaults[word]}


def _range(parameters: Mapping[str, Any]) -> ValueRange:
    front = _front_end(parameters.get("preset", "librosa"))
    if front is not None:
        return front.value_range
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


@dataclass(frozen=True)
class _BackProjection(BackProjection):
    def grid(self, name: str, sample_rate_hz: int, parameters: Mapping[str, Any]) -> Grid:
        front = _front_end(parameters["preset"])
        if front is None:
            return super().grid(name, sample_rate_hz, parameters)
        front.check(name, parameters["preset"], sample_rate_hz, {})
        return replace(front, hz=front.centers_hz)


@encoder(
    AUDIO,
    value_range=_range,
    invariances=("gain", "sign"),
    reference="Stevens, Volkmann & Newman 1937, A Scale for the Measurement of the Psychological Magnitude Pitch",
    fit=fit_duration,
    back_project=_BackProjection(_grid),
)
@fill_docstring
def encode_melspectrogram(
    recordings: Any,
    *,
    size: Size = None,
    sample_rate_hz: int | None = None,
    duration_s: float | None = None,
    preset: MelPreset = "librosa",
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
    preset : {"librosa", "speech", "environment", "yamnet", "fbank", "ast", "speech_embedding"}
        The first three are the framing used if the options below are not set: windows of 2048 samples every 512; of
        25 ms every 10 ms; of 50 ms every 7 ms. The others are the inputs of published networks, for recordings of
        16 kHz; they set all options below. Without ``size`` the image is exactly what the network takes, lowest band
        first, continued with silence to whole patches:

        - ``"yamnet"``: 64 bands, natural logarithm of magnitudes + 0.001 (patches of 96 windows every 48);
        - ``"fbank"``: Kaldi's 128 log energies of samples of full scale 1; ``"ast"``: the same, standardized as the
          Audio Spectrogram Transformer takes them;
        - ``"speech_embedding"``: 32 bands, tenths of decibels plus 2, at most 80 dB below the loudest (patches of 76
          windows every 8, after silence of half a patch).
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
        Decibels in [-top_db, 0]; with ``delta`` decibels per hop. Silence is 0 everywhere, as in librosa. With the
        preset of a network its own values, which depend on the loudness.

    Raises
    ------
    SampleError
        If the input is no recording, empty or not finite.
    ParameterError
        If a parameter is out of range, or the sample rate is missing.

    References
    ----------
    S. S. Stevens, J. Volkmann, E. B. Newman: A Scale for the Measurement of the Psychological Magnitude Pitch, JASA
    8(3), 1937; B. McFee et al.: librosa: Audio and Music Signal Analysis in Python, SciPy 2015; M. Plakal, D. Ellis:
    YAMNet, 2020, github.com/tensorflow/models; Y. Gong, Y.-A. Chung, J. Glass: AST: Audio Spectrogram Transformer,
    Interspeech 2021, arXiv:2104.01778; J. Lin et al.: Training Keyword Spotters with Limited and Synthesized Speech
    Data, ICASSP 2020, arXiv:2002.01322.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr import encode_melspectrogram
    >>> wave = np.sin(2 * np.pi * 440 * np.arange(22050) / 22050).astype(np.float32)
    >>> encode_melspectrogram(wave, sample_rate_hz=22050).shape
    (128, 44)
    >>> encode_melspectrogram(wave, sample_rate_hz=22050, size=64, preset="speech").shape
    (64, 64)
    >>> encode_melspectrogram(wave[:16000], sample_rate_hz=16000, preset="yamnet").shape  # two patches
    (64, 144)
    """
    front = _front_end(preset)
    set_options = {} if front is None else _set_options(locals())
    batch = check_recordings(recordings, caller=_NAME, sample_rate_hz=sample_rate_hz, lengths=lengths).cut(duration_s)
    if front is not None:
        front.check(_NAME, preset, batch.sample_rate_hz, set_options)
        return render_images(
            batch,
            front.bands,
            front,
            size=check_size(_NAME, size),
            value_range=front.value_range,
            blank=front.blank,
            dtype=dtype,
            out=out,
        )
    preset = cast(Preset, preset)
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
