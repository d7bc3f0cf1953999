"""Short-time Fourier transform: energy at each frequency or in bands of it, in decibels below the loudest."""

import functools
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.image import LARGEST_SIDE, ValueRange
from img_repr.core.machine import check_memory
from img_repr.core.metadata import encoder
from img_repr.core.numbers import is_integer, is_number
from img_repr.domains.audio.decibels import below_loudest, check_top_db
from img_repr.domains.audio.delta import check_delta, delta_along_time, delta_range
from img_repr.domains.audio.filterbank import Weights
from img_repr.domains.audio.fourier import band_energies
from img_repr.domains.audio.framing import Framing, Preset
from img_repr.domains.audio.images import BackProjection, Grid, Size, check_size, fit_duration, render_images
from img_repr.domains.audio.sample import AUDIO, check_recordings
from img_repr.domains.audio.shared_options import fill_docstring

Frequency: TypeAlias = Literal["linear", "log"]

_NAME = "stft"
_LOWEST_HZ = 32.7  # of the logarithmic axis, which has no zero: the C three octaves below middle C
_LOG_BANDS = 128


def _range(parameters: Mapping[str, Any]) -> ValueRange:
    return delta_range(-float(parameters["top_db"]), 0.0, parameters["delta"])


def _rows(
    framing: Framing,
    size: Size,
    frequency: Frequency,
    n_bands: int | None,
    fmin_hz: float | None,
    fmax_hz: float | None,
) -> tuple[slice, Weights | None]:
    """Choose the bins that are the rows of the matrix, or the weights of the bands that are."""
    if frequency not in ("linear", "log"):
        raise ParameterError(f"{_NAME}: expected frequency to be 'linear' or 'log', got {frequency!r}")
    whole = is_integer(n_bands)
    if n_bands is not None and not (whole and 1 <= n_bands <= LARGEST_SIDE):
        raise ParameterError(
            f"{_NAME}: expected n_bands to be an integer from 1 to {LARGEST_SIDE}, got {n_bands!r:.60}"
        )
    nyquist = framing.sample_rate_hz / 2
    low = (_LOWEST_HZ if frequency == "log" else 0.0) if fmin_hz is None else fmin_hz
    high = nyquist if fmax_hz is None else fmax_hz
    numbers = all(is_number(value) for value in (low, high))
    if not numbers or not 0.0 <= low < high <= nyquist or (frequency == "log" and low == 0.0):
        least = "0 <" if frequency == "log" else "0 <="
        raise ParameterError(
            f"{_NAME}: expected {least} fmin_hz < fmax_hz <= {nyquist:g}, half the sample rate, "
            f"got {low!r} and {high!r}"
        )
    if frequency == "linear" and n_bands is None:
        inside = np.flatnonzero((framing.frequencies_hz >= low) & (framing.frequencies_hz <= high))
        if not len(inside):
            raise ParameterError(
                f"{_NAME}: expected a frequency of the transform from {low:g} to {high:g} Hz, got none"
            )
        return slice(int(inside[0]), int(inside[-1]) + 1), None
    sides = check_size(_NAME, size)
    bands = n_bands or (sides[0] if sides else _LOG_BANDS)
    check_memory(_NAME, 32 * bands * framing.bins, f"{bands} bands", remedy="a smaller n_bands= or n_fft=")
    return slice(0, int(bands)), _band_weights(framing, frequency, int(bands), float(low), float(high))


@functools.lru_cache(maxsize=32)
def _band_weights(framing: Framing, frequency: Frequency, n_bands: int, low_hz: float, high_hz: float) -> Weights:
    """Fractions of each bin in bands between two frequencies.

    A bin holds the energy of the frequencies nearer to it than to any other. A band is the mean over its own area;
    one narrower than a bin is widened to the width of a bin around its middle, which is the same as the straight
    line between the two bins next to it.
    """
    edges = (np.geomspace if frequency == "log" else np.linspace)(low_hz, high_hz, n_bands + 1)
    bin_hz = framing.sample_rate_hz / framing.n_fft
    middles, reach = (edges[1:] + edges[:-1]) / 2, np.maximum(np.diff(edges), bin_hz) / 2
    bins = framing.frequencies_hz
    upper = np.minimum((middles + reach)[:, None], bins + bin_hz / 2)
    lower = np.maximum((middles - reach)[:, None], bins - bin_hz / 2)
    fractions = np.maximum(upper - lower, 0.0)
    return Weights((fractions / fractions.sum(axis=1, keepdims=True)).astype(np.float32))


def _grid(
    framing: Framing,
    size: Size,
    frequency: Frequency,
    n_bands: int | None,
    fmin_hz: float | None,
    fmax_hz: float | None,
) -> Grid:
    rows, weights = _rows(framing, size, frequency, n_bands, fmin_hz, fmax_hz)
    hz = framing.frequencies_hz[rows] if weights is None else weights.filters @ framing.frequencies_hz
    return Grid(rows.stop - rows.start, framing.hop_length, framing.n_fft % 2, hz)


@encoder(
    AUDIO,
    value_range=_range,
    invariances=("gain", "sign"),
    reference="Koenig, Dunn & Lacy 1946, The Sound Spectrograph",
    fit=fit_duration,
    back_project=BackProjection(_grid),
)
@fill_docstring
def encode_stft(
    recordings: Any,
    *,
    size: Size = None,
    sample_rate_hz: int | None = None,
    duration_s: float | None = None,
    preset: Preset = "librosa",
    frequency: Frequency = "linear",
    n_bands: int | None = None,
    fmin_hz: float | None = None,
    fmax_hz: float | None = None,
    n_fft: int | None = None,
    win_length: int | None = None,
    hop_length: int | None = None,
    window_ms: float | None = None,
    hop_ms: float | None = None,
    top_db: float = 80.0,
    delta: int = 0,
    lengths: Any = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode recordings as spectrograms, dB below the loudest frequency and window of each.

    With its defaults the value is, to rounding, ``librosa.amplitude_to_db(np.abs(librosa.stft(y)), ref=np.max,
    top_db=80)`` of each recording: within 0.005 dB, pure tones within 0.02 dB in their faintest frequencies,
    because waveforms of float32 are transformed in float32.

    Parameters
    ----------
    {recordings}
    size : int or (int, int), optional
        Side of the image in pixels, or (height, width); the lowest frequency is at the bottom. Default: the matrix
        itself, row 0 the lowest frequency, one column per hop; shorter recordings are padded with ``-top_db``.
    {timing}
    {preset}
    frequency : {"linear", "log"}
        Frequencies as the transform has them, or bands that are equally wide in the logarithm of frequency. A band is
        the mean power over its area, each frequency of the transform reaching half-way to its neighbors; a band that
        is narrower than that lies on the straight line between the two frequencies next to it.
    n_bands : int, optional
        Number of bands. Default for ``"log"``: one for each row of the image, without ``size`` 128. With
        ``"linear"``: that many bands of equal width instead of the frequencies themselves.
    fmin_hz, fmax_hz : float, optional
        Ends of the frequency axis. Default: 0, for ``"log"`` 32.7, and half the sample rate.
    {windows}
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
        If a parameter is out of range, or the sample rate is missing.

    References
    ----------
    W. Koenig, H. K. Dunn, L. Y. Lacy: The Sound Spectrograph, JASA 18(1), 1946; B. McFee et al.: librosa: Audio and
    Music Signal Analysis in Python, SciPy 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr import encode_stft
    >>> wave = np.sin(2 * np.pi * 440 * np.arange(22050) / 22050).astype(np.float32)
    >>> image = encode_stft(wave, sample_rate_hz=22050)
    >>> image.shape, int(image[:, 20].argmax())  # 440 Hz is 40.9 times 22050 / 2048 Hz
    ((1025, 44), 41)
    >>> encode_stft(wave, sample_rate_hz=22050, size=64, frequency="log", fmin_hz=50.0).shape
    (64, 64)
    """
    batch = check_recordings(recordings, caller=_NAME, sample_rate_hz=sample_rate_hz, lengths=lengths).cut(duration_s)
    framing = Framing.of(_NAME, batch.sample_rate_hz, preset, n_fft, win_length, hop_length, window_ms, hop_ms)
    sides = check_size(_NAME, size)
    rows, weights = _rows(framing, size, frequency, n_bands, fmin_hz, fmax_hz)
    depth, order = check_top_db(_NAME, top_db), check_delta(_NAME, delta)

    def draw(waves: Tensor) -> Tensor:
        energies = band_energies(waves, framing, weights)[:, rows]
        return delta_along_time(below_loudest(energies, depth), order)

    return render_images(
        batch,
        draw,
        Grid(rows.stop - rows.start, framing.hop_length, framing.n_fft % 2),
        size=sides,
        value_range=_range({"top_db": depth, "delta": order}),
        blank=0.0 if order else -depth,
        dtype=dtype,
        out=out,
    )
