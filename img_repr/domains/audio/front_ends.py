"""Front ends of published networks: the log-mel input that their weights were trained on, number for number.

Unlike :mod:`img_repr.domains.audio.framing`, windows start on every hop instead of being centered there, and values are
absolute: a louder recording has larger ones.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import log
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.image import ValueRange
from img_repr.domains.audio.constants import Constant
from img_repr.domains.audio.filterbank import hz_to_mel, mel_centers_hz, mel_filters
from img_repr.domains.audio.framing import Framing
from img_repr.domains.audio.images import Grid

_FRAMES_AT_ONCE = 4096  # bounds the memory of an hour of sound
_FLOAT32_EPS = 2.0**-23


@dataclass(frozen=True)
class FrontEnd(Grid):
    """Log-mel bands at 16 kHz: windows of 25 ms every 10 ms, a Fourier transform of 512 samples.

    Parameters
    ----------
    value_range : (float, float)
        Smallest value, and one that recordings of full scale 1 do not exceed.
    fmin_hz, fmax_hz : float
        Lower bound of the lowest band and upper bound of the highest.
    slaney : bool
        Slaney's mel scale and triangles of unit area in Hz, as librosa has them; else HTK's scale and triangles of
        height 1 in mels, as TensorFlow and Kaldi have them.
    power : {1, 2}
        Exponent of the magnitudes.
    full_scale : float
        Value of a sample of full scale.
    floor, offset : float
        The logarithm is taken of ``max(energy, floor) + offset``.
    scale, shift : float
        The value is ``scale * log(...) + shift``.
    top_db : float, optional
        Clip energies that many decibels below the largest of the recording.
    pre_emphasis : float
        Coefficient of the previous sample, within each window; the first is its own previous one.
    remove_mean : bool
        Subtract the mean of each window.
    periodic : bool
        Periodic Hann window, else symmetric.
    lead : int
        Samples from the start of a step to its window.
    patch : (int, int), optional
        Windows of a patch and from patch to patch: recordings are continued with silence to whole patches.
    margin : int
        Samples of silence before and after a recording.
    """

    value_range: ValueRange = (0.0, 1.0)
    fmin_hz: float = 0.0
    fmax_hz: float = 8000.0
    slaney: bool = False
    power: int = 2
    full_scale: float = 1.0
    floor: float = 0.0
    offset: float = 0.0
    scale: float = 1.0
    shift: float = 0.0
    top_db: float | None = None
    pre_emphasis: float = 0.0
    remove_mean: bool = False
    periodic: bool = True
    lead: int = 0
    patch: tuple[int, int] | None = None
    margin: int = 0
    win_length: int = 400
    n_fft: int = 512
    sample_rate_hz: int = 16_000

    @property
    def blank(self) -> float:
        """Value of silence."""
        return self.scale * log(self.floor + self.offset) + self.shift

    @property
    def centers_hz(self) -> np.ndarray:
        """Frequency of each band, ``(H,)``."""
        return mel_centers_hz(self.rows, fmin_hz=self.fmin_hz, fmax_hz=self.fmax_hz, htk=not self.slaney)

    def padded(self, length: int) -> int:
        """Return the samples of a recording with its margins, continued to one window or to whole patches."""
        length += 2 * self.margin
        step = self.win_length if not self.lead else self.n_fft
        if self.patch is None:
            return max(length, step)
        patch, hop = self.patch
        least = (patch - 1) * self.hop_length + step
        return least + max(0, -(-(length - least) // (hop * self.hop_length))) * hop * self.hop_length

    def columns(self, length: int) -> int:
        """Count the windows of a recording of that many samples."""
        step = self.win_length if not self.lead else self.n_fft
        return 1 + (self.padded(length) - step) // self.hop_length

    def centers(self, length: int) -> np.ndarray:
        """Return the samples on which the windows are centered."""
        return (
            np.arange(self.columns(length)) * float(self.hop_length) + self.lead + self.win_length / 2.0 - self.margin
        )

    def cells(self, length: int) -> tuple[np.ndarray, float]:
        """Windows are equal cells: an image of as many pixels is the matrix itself."""
        count = self.columns(length)
        return np.arange(count) + 0.5, float(count)

    def check(self, caller: str, preset: str, sample_rate_hz: int, options: Mapping[str, Any]) -> None:
        """Refuse another sample rate, and options that the preset sets.

        Raises
        ------
        ParameterError
        """
        if options:
            name, value = next(iter(options.items()))
            raise ParameterError(
                f"{caller}: expected no {name} with preset {preset!r}, which sets it, got {value!r:.60}"
            )
        if sample_rate_hz != self.sample_rate_hz:
            raise ParameterError(
                f"{caller}: expected sample_rate_hz={self.sample_rate_hz} for preset {preset!r}, got {sample_rate_hz}; "
                "recordings are resampled to it"
            )

    def bands(self, waves: Tensor) -> Tensor:
        """Return the bands ``(m, H, K)`` of waveforms ``(m, T)``, on the same device."""
        values = torch.cat(list(self._energies(waves)), dim=1).transpose(1, 2)
        if self.top_db is not None:
            least = values.amax(dim=(1, 2), keepdim=True) * 10.0 ** (-self.top_db / 10.0)
            values = torch.maximum(values, least)
        return (values.clamp_min(self.floor) + self.offset).log() * self.scale + self.shift

    def _energies(self, waves: Tensor) -> Iterator[Tensor]:
        length = waves.shape[-1]
        count = self.columns(length)
        waves = (
            torch.nn.functional.pad(waves, (self.margin, self.padded(length) - length - self.margin)) * self.full_scale
        )
        windows = waves[:, self.lead :].unfold(-1, self.win_length, self.hop_length)[:, :count]
        hann, bands = _hann(self.win_length, self.periodic).like(waves), _triangles(self).like(waves)
        for some in torch.split(windows, _FRAMES_AT_ONCE, dim=1):
            if self.remove_mean:
                some = some - some.mean(dim=-1, keepdim=True)
            if self.pre_emphasis:
                some = some - self.pre_emphasis * torch.cat([some[..., :1], some[..., :-1]], dim=-1)
            parts = torch.view_as_real(torch.fft.rfft(some * hann, self.n_fft)).square().sum(dim=-1)
            if self.power == 1:
                parts = torch.where(parts > 0, torch.where(parts > 0, parts, 1.0).sqrt(), 0.0)  # finite gradients
            yield parts @ bands


_FBANK = FrontEnd(
    rows=128,
    hop_length=160,
    value_range=(log(_FLOAT32_EPS), 12.0),
    fmin_hz=20.0,
    floor=_FLOAT32_EPS,
    pre_emphasis=0.97,
    remove_mean=True,
    periodic=False,
)
_AST_MEAN, _AST_STD = -4.2677393, 4.5689974  # of AudioSet; Gong et al. halve the result

FRONT_ENDS = {
    # Plakal & Ellis 2020, YAMNet: github.com/tensorflow/models, research/audioset/yamnet/features.py and params.py
    "yamnet": FrontEnd(
        rows=64,
        hop_length=160,
        value_range=(log(1e-3), 6.0),
        fmin_hz=125.0,
        fmax_hz=7500.0,
        power=1,
        offset=1e-3,
        patch=(96, 48),
    ),
    # Povey et al. 2011, Kaldi's compute-fbank-feats with a Hann window and 128 bands; samples of full scale 1
    "fbank": _FBANK,
    # Gong, Chung & Glass 2021, AST: fbank, standardized by AudioSet
    "ast": replace(
        _FBANK,
        value_range=((log(_FLOAT32_EPS) - _AST_MEAN) / (2.0 * _AST_STD), (12.0 - _AST_MEAN) / (2.0 * _AST_STD)),
        scale=0.5 / _AST_STD,
        shift=-0.5 * _AST_MEAN / _AST_STD,
    ),
    # Lin et al. 2020, speech embedding, as openWakeWord computes its input; of 16-bit samples. It looks back in time:
    # of a word at the start of a patch it shows little, so silence of half a patch comes before (docs/pretrained.md)
    "speech_embedding": FrontEnd(
        rows=32,
        hop_length=160,
        value_range=(-8.0, 14.0),
        fmin_hz=60.0,
        fmax_hz=3800.0,
        slaney=True,
        full_scale=32768.0,
        floor=1e-10,
        scale=1.0 / log(10.0),  # tenths of decibels
        shift=2.0,
        top_db=80.0,
        lead=56,
        patch=(76, 8),
        margin=38 * 160,
    ),
}


@functools.lru_cache(maxsize=8)
def _hann(length: int, periodic: bool) -> Constant:
    return Constant(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / (length if periodic else length - 1)))


@functools.lru_cache(maxsize=8)
def _triangles(front: FrontEnd) -> Constant:
    """Fractions of each frequency in each band, ``(bins, H)``."""
    framing = Framing(front.n_fft, front.win_length, front.hop_length, front.sample_rate_hz)
    if front.slaney:
        filters = mel_filters("doc", framing, front.rows, fmin_hz=front.fmin_hz, fmax_hz=front.fmax_hz).filters
        return Constant(np.array(filters.T, dtype=np.float64, order="C"))
    low, high = hz_to_mel(np.array([front.fmin_hz, front.fmax_hz]), htk=True)
    edges = np.linspace(low, high, front.rows + 2)
    mels = hz_to_mel(framing.frequencies_hz, htk=True)[:, None]
    rising, falling = (mels - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - mels) / np.diff(edges)[1:]
    return Constant(np.maximum(0.0, np.minimum(rising, falling)))
