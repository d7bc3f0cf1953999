"""Octaves: a waveform against wavelets of constant quality, octave by octave, each at half the sample rate of the last.

The wavelets of one octave are those of the octave above at half the rate, so a short matrix product serves each. The
arithmetic is that of ``librosa.cqt``: its wavelets, their spectra without the faintest hundredth, and its halving of
the rate, which is that of soxr at high quality.
"""

import functools
from dataclasses import dataclass
from math import ceil, log2

import numpy as np
import torch
from torch import Tensor

from img_repr.domains.audio.constants import Constant

HANN_BANDWIDTH = 1.50018310546875  # of a Hann window, in bins, as librosa has it

_DISCARDED = 0.01  # fraction of a wavelet's spectrum that librosa leaves out
_CUTOFF, _KAISER, _SIDE = 0.478436, 13.04003, 194  # soxr's halving filter: a windowed sinc, met within 4e-8
_BLOCK = 2048  # samples that are filtered by one Fourier transform
_BLOCKS_AT_ONCE = 128  # whose transforms stay in a core's second-level cache
_FRAMED = 1 << 18  # samples of overlapping windows that are held at once


@dataclass(frozen=True, eq=False)
class Octave:
    """Wavelets of one octave at the rate at which they are applied.

    Parameters
    ----------
    halvings : int
        How often the rate is halved between the octave above, or the waveform, and this one.
    hop_length : int
        Samples from one column to the next, at this octave's rate.
    kernels : Constant, shape (2 H, n_fft)
        Real parts of H wavelets, lowest first, then their imaginary parts.
    """

    halvings: int
    hop_length: int
    kernels: Constant

    @property
    def bins(self) -> int:
        """Number of wavelets, H."""
        return len(self.kernels.values) // 2


def relative_bandwidth(bins_per_octave: int) -> float:
    """Bandwidth of a bin over its frequency, so that the band of one ends where that of the next but one begins."""
    step = float(2.0 ** (2.0 / bins_per_octave))
    return (step - 1.0) / (step + 1.0)


def highest_edge_hz(frequency_hz: float, bins_per_octave: int) -> float:
    """Frequency at which the wavelet of a bin has decayed; it must not exceed half the sample rate."""
    return frequency_hz * (1.0 + 0.5 * HANN_BANDWIDTH * relative_bandwidth(bins_per_octave))


def early_halvings(rate: int, hop_length: int, top_hz: float, n_bins: int, bins_per_octave: int) -> int:
    """Count the halvings before the first octave: those that its wavelets and the hops of all octaves allow."""
    room = ceil(log2(rate / 2.0 / highest_edge_hz(top_hz, bins_per_octave))) - 2
    twos = (hop_length & -hop_length).bit_length() - 1
    return max(0, min(room, twos - ceil(n_bins / bins_per_octave) + 1))


@functools.lru_cache(maxsize=16)
def octaves_of(rate: int, hop_length: int, fmin_hz: float, n_bins: int, bins_per_octave: int) -> tuple[Octave, ...]:
    """Make the wavelets of all octaves, the highest first.

    Parameters
    ----------
    rate, hop_length : int
        Of the waveform: samples per second, and from one column to the next.
    fmin_hz : float
        Frequency of the lowest bin; the others follow in equal ratios.
    n_bins, bins_per_octave : int

    References
    ----------
    C. Schörkhuber, A. Klapuri: Constant-Q Transform Toolbox for Music Processing, SMC 2010.

    Examples
    --------
    >>> [(octave.bins, octave.hop_length) for octave in octaves_of(22050, 512, 32.703, 84, 12)][:3]
    [(12, 512), (12, 256), (12, 128)]
    """
    frequencies = fmin_hz * 2.0 ** (np.arange(n_bins) / bins_per_octave)
    halvings = early_halvings(rate, hop_length, float(frequencies[-1]), n_bins, bins_per_octave)
    made, done = [], 0
    for end in range(n_bins, 0, -bins_per_octave):
        done += halvings
        some = frequencies[max(0, end - bins_per_octave) : end]
        gains = np.sqrt(some * relative_bandwidth(bins_per_octave) / rate) * 2.0**done
        kernels = gains[:, None] * _wavelets(some, rate / 2.0**done, relative_bandwidth(bins_per_octave))
        hop = hop_length >> done
        made.append(Octave(halvings, hop, Constant(np.concatenate([kernels.real, kernels.imag]))))
        halvings = 1 - hop % 2
    return tuple(made)


def _wavelets(frequencies: np.ndarray, rate: float, bandwidth: float) -> np.ndarray:
    """Wavelets ``(H, n_fft)`` as librosa has them: of unit area, short of the faintest part of their spectra."""
    lengths = rate / (bandwidth * frequencies)
    n_fft = 1 << ceil(log2(lengths[0]))
    basis = np.zeros((len(frequencies), n_fft), np.complex64)  # librosa's precision decides the faintest
    for row, frequency, length in zip(basis, frequencies, lengths, strict=True):
        places = np.arange(-length // 2, length // 2)
        hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(len(places)) / len(places))
        start = (n_fft - len(places)) // 2
        row[start : start + len(places)] = hann / hann.sum() * np.exp(2j * np.pi * places * frequency / rate)
    basis *= (lengths / n_fft)[:, None]
    spectra = np.fft.fft(basis)[:, : n_fft // 2 + 1]
    magnitudes = np.abs(spectra)
    ordered = np.sort(magnitudes, axis=1)
    discarded = (ordered / magnitudes.sum(axis=1, keepdims=True)).cumsum(axis=1) < _DISCARDED
    faintest = np.take_along_axis(ordered, discarded.argmin(axis=1)[:, None], axis=1)
    return np.asarray(np.fft.fft(np.where(magnitudes >= faintest, spectra, 0.0).astype(np.complex128), n_fft))


def octave_energies(waves: Tensor, octaves: tuple[Octave, ...], columns: int) -> Tensor:
    """Energy of each bin around each column.

    Parameters
    ----------
    waves : Tensor, shape (m, T)
        Floats; silence is taken to lie beyond the ends.
    octaves : tuple of Octave
        The highest first.
    columns : int
        Number of columns, K.

    Returns
    -------
    Tensor, shape (m, H, K)
        Same dtype and device, the lowest bin first.
    """
    top = sum(octave.bins for octave in octaves)
    energies = waves.new_empty(waves.shape[0], top, columns)  # len() would fix a symbolic count
    for octave in octaves:
        if octave.halvings:
            waves = lower_rate(waves, octave.halvings)
        kernels = octave.kernels.like(waves)
        side = kernels.shape[-1] // 2
        windows = torch.nn.functional.pad(waves, (side, side)).unfold(-1, 2 * side, octave.hop_length)
        at_once = max(1, _FRAMED // (2 * side))
        for first in range(0, columns, at_once):
            some = slice(first, min(first + at_once, columns))
            squares = torch.nn.functional.linear(windows[:, some], kernels).square()
            found = squares[..., : octave.bins] + squares[..., octave.bins :]
            energies[:, top - octave.bins : top, some] = found.transpose(-1, -2)
        top -= octave.bins
    return energies


def lower_rate(waves: Tensor, halvings: int) -> Tensor:
    """Bring waveforms ``(m, T)`` to half their sample rate, so often, as soxr does at high quality.

    Returns
    -------
    Tensor, shape (m, ceil(T / 2**halvings))
        soxr rounds the length down; the missing end is zero, as in librosa.

    Examples
    --------
    >>> import torch
    >>> lower_rate(torch.ones(1, 4001), 1)[0, 1000].item()
    1.0
    """
    factor = 1 << halvings
    length, made = -(-waves.shape[-1] // factor), (2 * waves.shape[-1] + factor) // (2 * factor)
    for left in reversed(range(halvings)):
        room = _SIDE * ((1 << left) - 1)  # room for the earlier filters to ring out
        waves = _halve(waves, -(-waves.shape[-1] // 2) + room)
    return torch.nn.functional.pad(waves[:, :made], (0, length - made))


def _halve(waves: Tensor, length: int) -> Tensor:
    """Filter in the frequency domain, over overlapping blocks, and cut frequencies above the new half rate."""
    step = _BLOCK - 2 * _SIDE
    count = -(-2 * length // step)
    padded = torch.nn.functional.pad(waves, (_SIDE, count * step + _SIDE - waves.shape[-1]))
    response = _halving_response().like(waves)
    blocks = padded.unfold(-1, _BLOCK, step)
    made = waves.new_empty(waves.shape[0], count, step // 2)
    for first in range(0, count, _BLOCKS_AT_ONCE):
        some = slice(first, first + _BLOCKS_AT_ONCE)
        spectra = torch.fft.rfft(blocks[:, some], dim=-1)[..., : len(response)] * response
        made[:, some] = torch.fft.irfft(spectra, n=_BLOCK // 2, dim=-1)[..., _SIDE // 2 : -(_SIDE // 2)]
    return made.flatten(1)[:, :length]


@functools.cache
def _halving_response() -> Constant:
    """Response of the filter up to the new half rate; real, because the filter is even in time."""
    places = np.arange(-_SIDE, _SIDE + 1)
    window = np.i0(_KAISER * np.sqrt(1.0 - (places / (_SIDE + 0.5)) ** 2)) / np.i0(_KAISER)
    taps = np.zeros(_BLOCK)
    taps[places] = _CUTOFF * np.sinc(_CUTOFF * places) * window
    response = np.fft.rfft(taps).real[: _BLOCK // 4 + 1]
    return Constant(response / 2.0)  # half as many samples: half the sum
