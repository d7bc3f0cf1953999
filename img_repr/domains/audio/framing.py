"""Framing: how a waveform is cut into windows, in samples or in milliseconds, by presets with their evidence."""

import functools
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.numbers import is_integer, is_number
from img_repr.domains.audio.constants import Constant

_LARGEST_FFT = 1 << 20

Preset: TypeAlias = Literal["librosa", "speech", "environment"]


@dataclass(frozen=True)
class _Defaults:
    n_fft: int | None
    window_ms: float | None
    hop_length: int | None
    hop_ms: float | None
    n_mels: int


PRESETS = {
    # librosa's own defaults, whatever the sample rate
    "librosa": _Defaults(n_fft=2048, window_ms=None, hop_length=512, hop_ms=None, n_mels=128),
    # 25 ms and 10 ms: the usual frame of speech recognition since Davis & Mermelstein 1980
    "speech": _Defaults(n_fft=None, window_ms=25.0, hop_length=None, hop_ms=10.0, n_mels=80),
    # the best of 1,430 public runs on ESC-50 (Hartquist, fastaudio-experiments): at 44.1 kHz 4096, 2205 and 308
    "environment": _Defaults(n_fft=None, window_ms=50.0, hop_length=None, hop_ms=7.0, n_mels=128),
}


@dataclass(frozen=True)
class Framing:
    """Windows over a waveform: centered on every ``hop_length``-th sample, silence beyond its ends.

    Parameters
    ----------
    n_fft : int
        Length of the Fourier transform; the window is centered in it.
    win_length, hop_length : int
        Length of the Hann window and distance between windows, in samples.
    sample_rate_hz : int
    """

    n_fft: int
    win_length: int
    hop_length: int
    sample_rate_hz: int

    @classmethod
    def of(
        cls,
        caller: str,
        sample_rate_hz: int,
        preset: Preset = "librosa",
        n_fft: int | None = None,
        win_length: int | None = None,
        hop_length: int | None = None,
        window_ms: float | None = None,
        hop_ms: float | None = None,
    ) -> "Framing":
        """Complete the options from a preset; an explicit window without ``n_fft`` uses the next power of two.

        Raises
        ------
        ParameterError
            If a length is given twice or is invalid.

        Examples
        --------
        >>> Framing.of("doc", 44100, preset="environment")
        Framing(n_fft=4096, win_length=2205, hop_length=309, sample_rate_hz=44100)
        """
        known = preset_of(caller, preset)
        window = _samples(caller, sample_rate_hz, "win_length", win_length, "window_ms", window_ms)
        hop = _samples(caller, sample_rate_hz, "hop_length", hop_length, "hop_ms", hop_ms)
        if n_fft is not None and not is_integer(n_fft, 1, _LARGEST_FFT):
            raise ParameterError(
                f"{caller}: expected n_fft to be an integer of samples from 1 to {_LARGEST_FFT}, got {n_fft!r:.60}"
            )
        if window is None and n_fft is None:
            n_fft = known.n_fft
            if known.window_ms is not None:
                window = max(1, round(known.window_ms * sample_rate_hz / 1000))
        if n_fft is None:
            assert window is not None
            n_fft = 1 << (window - 1).bit_length()
        if n_fft > _LARGEST_FFT:
            raise ParameterError(f"{caller}: expected a window of at most {_LARGEST_FFT} samples, got {window}")
        window = int(n_fft) if window is None else window
        if window > n_fft:
            raise ParameterError(f"{caller}: expected a window of at most n_fft = {n_fft} samples, got {window}")
        if hop is None:
            hop = known.hop_length or max(1, round((known.hop_ms or 0.0) * sample_rate_hz / 1000))
        return cls(int(n_fft), int(window), int(hop), int(sample_rate_hz))

    def count(self, length: int) -> int:
        """Count the windows of a waveform of that many samples."""
        return 1 + (length - self.n_fft % 2) // self.hop_length

    def centers(self, length: int) -> np.ndarray:
        """Return the samples on which the windows are centered."""
        return np.arange(self.count(length)) * float(self.hop_length)

    @property
    def bins(self) -> int:
        """Number of frequencies, from 0 to the Nyquist frequency."""
        return 1 + self.n_fft // 2

    @property
    def frequencies_hz(self) -> np.ndarray:
        """Frequency of each bin."""
        return np.fft.rfftfreq(self.n_fft, 1.0 / self.sample_rate_hz)

    def window(self, waves: Tensor) -> Tensor:
        """Periodic Hann window in the middle of ``n_fft`` samples, of the dtype and on the device of waveforms."""
        return _window(self.n_fft, self.win_length).like(waves)


FRAMING_OPTIONS = ("preset", "n_fft", "win_length", "hop_length", "window_ms", "hop_ms")
"""Options of encoders that :meth:`Framing.of` takes."""


def preset_of(caller: str, preset: Any) -> _Defaults:
    """Return a preset by name."""
    if not isinstance(preset, str) or preset not in PRESETS:
        raise ParameterError(f"{caller}: expected preset to be one of {', '.join(PRESETS)}, got {preset!r}")
    return PRESETS[preset]


def _samples(caller: str, rate: int, word: str, samples: Any, word_ms: str, ms: Any) -> int | None:
    if samples is not None and ms is not None:
        raise ParameterError(f"{caller}: expected {word} or {word_ms}, got both")
    if ms is not None:
        if not is_number(ms) or not 0 < ms < 1e6:
            raise ParameterError(f"{caller}: expected {word_ms} to be milliseconds above 0, got {ms!r}")
        return max(1, round(ms * rate / 1000))
    if samples is None:
        return None
    if not is_integer(samples, 1):
        raise ParameterError(f"{caller}: expected {word} to be an integer of samples from 1, got {samples!r}")
    return int(samples)


@functools.lru_cache(maxsize=32)
def _window(n_fft: int, win_length: int) -> Constant:
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(win_length) / win_length) if win_length > 1 else np.ones(1)
    before = (n_fft - win_length) // 2
    return Constant(np.pad(hann, (before, n_fft - win_length - before)))
