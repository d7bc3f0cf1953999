"""Filter banks over the frequencies of a short-time Fourier transform."""

import functools
import warnings
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.image import LARGEST_SIDE
from img_repr.core.machine import check_memory
from img_repr.core.numbers import is_integer, is_number
from img_repr.domains.audio.constants import Constant
from img_repr.domains.audio.framing import Framing

_LINEAR_HZ = 200.0 / 3.0  # Slaney's scale: so many Hz per mel up to 1000 Hz ...
_BREAK_HZ, _BREAK_MEL = 1000.0, 15.0
_STEP = np.log(6.4) / 27.0  # ... and so much in the logarithm beyond
_BANDS_AT_ONCE = 16  # of one matrix product: few enough to skip most zeros, enough to be worth a call


def hz_to_mel(hz: np.ndarray, *, htk: bool = False) -> np.ndarray:
    """Mels of frequencies, by Slaney's Auditory Toolbox or by HTK.

    Examples
    --------
    >>> import numpy as np
    >>> hz_to_mel(np.array([0.0, 1000.0])).round(6).tolist()
    [0.0, 15.0]
    """
    hz = np.asarray(hz, dtype=np.float64)
    if htk:
        return np.asarray(2595.0 * np.log10(1.0 + hz / 700.0))
    beyond = _BREAK_MEL + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _STEP
    return np.where(hz >= _BREAK_HZ, beyond, hz / _LINEAR_HZ)


def mel_to_hz(mels: np.ndarray, *, htk: bool = False) -> np.ndarray:
    """Frequencies of mels: the inverse of :func:`hz_to_mel`."""
    mels = np.asarray(mels, dtype=np.float64)
    if htk:
        return np.asarray(700.0 * (10.0 ** (mels / 2595.0) - 1.0))
    beyond = _BREAK_HZ * np.exp(_STEP * (np.maximum(mels, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mels >= _BREAK_MEL, beyond, _LINEAR_HZ * mels)


def mel_centers_hz(n_mels: int, *, fmin_hz: float, fmax_hz: float, htk: bool = False) -> np.ndarray:
    """Frequencies ``(n_mels,)`` at which the triangles between two bounds have their peaks.

    Examples
    --------
    >>> mel_centers_hz(3, fmin_hz=0.0, fmax_hz=800.0).round(6).tolist()
    [200.0, 400.0, 600.0]
    """
    ends = hz_to_mel(np.array([fmin_hz, fmax_hz]), htk=htk)
    return mel_to_hz(np.linspace(ends[0], ends[1], n_mels + 2), htk=htk)[1:-1]


def mel_filters(
    caller: str, framing: Framing, n_mels: int, *, fmin_hz: float = 0.0, fmax_hz: float | None = None, htk: bool = False
) -> "Weights":
    """Triangles that are equally wide in mels, each of unit area in Hz, as ``librosa.filters.mel`` has them.

    Returns
    -------
    Weights
        Of filters ``(n_mels, 1 + n_fft // 2)``, float32.

    Raises
    ------
    ParameterError
        If the bounds are none.

    References
    ----------
    M. Slaney: Auditory Toolbox, version 2, Technical Report 1998-010, Interval Research Corporation, 1998.

    Examples
    --------
    >>> mel_filters("doc", Framing(512, 512, 128, 8000), 40).filters.shape
    (40, 257)
    """
    top = framing.sample_rate_hz / 2 if fmax_hz is None else fmax_hz
    numbers = all(is_number(value) for value in (fmin_hz, top))
    if not numbers or not 0.0 <= fmin_hz < top <= framing.sample_rate_hz / 2:
        raise ParameterError(
            f"{caller}: expected 0 <= fmin_hz < fmax_hz <= {framing.sample_rate_hz / 2:g}, half the sample rate, "
            f"got {fmin_hz!r} and {top!r}"
        )
    if not is_integer(n_mels, 1, LARGEST_SIDE):
        raise ParameterError(f"{caller}: expected n_mels to be an integer from 1 to {LARGEST_SIDE}, got {n_mels!r:.60}")
    check_memory(caller, 32 * int(n_mels) * framing.bins, f"{n_mels} mel bands", remedy="a smaller n_mels= or n_fft=")
    return _mel_filters(caller, framing, int(n_mels), float(fmin_hz), float(top), bool(htk))


@functools.lru_cache(maxsize=32)
def _mel_filters(caller: str, framing: Framing, n_mels: int, fmin_hz: float, fmax_hz: float, htk: bool) -> "Weights":
    ends = hz_to_mel(np.array([fmin_hz, fmax_hz]), htk=htk)
    edges = mel_to_hz(np.linspace(ends[0], ends[1], n_mels + 2), htk=htk)
    ramps = edges[:, None] - framing.frequencies_hz
    widths = np.diff(edges)[:, None]
    rising, falling = -ramps[:-2] / widths[:-1], ramps[2:] / widths[1:]
    filters = np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)
    filters *= (2.0 / (edges[2:] - edges[:-2]))[:, None]  # in this order of roundings librosa's are met bit by bit
    empty = int(((filters.max(axis=1) == 0.0) & (edges[:-2] > 0.0)).sum())
    if empty:
        warnings.warn(
            f"{caller}: {empty} of {n_mels} mel bands hold no frequency of n_fft = {framing.n_fft}; raise n_fft or "
            "lower n_mels",
            stacklevel=5,
        )
    return Weights(filters)


class Weights:
    """Filters ``(H, bins)`` ready for use: in groups of neighbors, because a triangle holds few of the frequencies."""

    def __init__(self, filters: np.ndarray) -> None:
        self.filters = filters
        self._whole = Constant(np.array(filters.T, order="C"))
        self._groups = list(self._split())

    def gather(self, energies: Tensor, out: Tensor) -> None:
        """Write the bands ``(H, n)`` of energies ``(n, bins)`` on the CPU."""
        for bands, bins, weights in self._groups:
            torch.mm(weights.like(energies), energies[:, bins].T, out=out[bands])

    def like(self, waves: Tensor) -> Tensor:
        """Matrix ``(bins, H)`` of the dtype and on the device of waveforms."""
        return self._whole.like(waves)

    def _split(self) -> Iterator[tuple[slice, slice, Constant]]:
        count = len(self.filters)
        for first in range(0, count, _BANDS_AT_ONCE):
            bands = slice(first, min(first + _BANDS_AT_ONCE, count))
            held = np.flatnonzero(self.filters[bands].any(axis=0))
            bins = slice(int(held[0]), int(held[-1]) + 1) if len(held) else slice(0, 1)
            yield bands, bins, Constant(np.array(self.filters[bands, bins], order="C"))
