"""Tuning: deviation of a recording's tones from A 440, estimated from spectral peaks."""

import numpy as np
import torch
from torch import Tensor

from img_repr.domains.audio.framing import Framing

A0_HZ = 27.5  # four octaves below the A of the tuning fork

_LOWEST_HZ, _HIGHEST_HZ = 150.0, 4000.0  # where tones are looked for
_PEAK = 0.1  # fraction of the strongest frequency of its window that a peak must have
_EDGES = np.linspace(-0.5, 0.5, 101)
TUNINGS = tuple(_EDGES[:-1].tolist())
"""Candidates, in pitch classes."""


def estimate_tuning(powers: Tensor, framing: Framing, n_chroma: int) -> float:
    """Estimate by how much of a pitch class a recording is tuned above (or below) A 440.

    Of the spectra's peaks, placed between the bins by a parabola, the stronger half show by how much they are off
    the nearest pitch class; the commonest hundredth is the tuning.

    Parameters
    ----------
    powers : Tensor, shape (bins, K)
        Squared magnitudes of each frequency in each window.
    framing : Framing
    n_chroma : int
        Pitch classes of an octave.

    Returns
    -------
    float
        Lower end of the commonest hundredth, from -0.5 to 0.49; the lowest where several are equally common; 0 where
        there is no peak. The number that ``librosa.estimate_tuning(S=powers, sr=sr, bins_per_octave=n_chroma)``
        gives, in the same order of roundings.

    References
    ----------
    J. O. Smith: Spectral Audio Signal Processing, chapter Quadratic Interpolation of Spectral Peaks, W3K, 2011.

    Examples
    --------
    >>> import torch
    >>> from img_repr.domains.audio.fourier import band_energies
    >>> framing = Framing(2048, 2048, 512, 22050)
    >>> tone_hz = 3520 * 2 ** (0.205 / 12)  # a fifth of a semitone too high
    >>> wave = torch.sin(2 * torch.pi * tone_hz * torch.arange(22050) / 22050)
    >>> round(estimate_tuning(band_energies(wave[None], framing)[0], framing, 12), 2)
    0.2
    """
    bins, below, peaks, above = _peaks(powers, framing)
    if not len(bins):
        return 0.0
    offsets, strengths = _parabola(below, peaks, above)
    pitches_hz = ((bins + offsets) * framing.sample_rate_hz / framing.n_fft).astype(peaks.dtype)
    strong = pitches_hz[strengths >= np.median(strengths)]
    residuals = np.mod(n_chroma * np.log2(strong / A0_HZ), 1.0)
    residuals[residuals >= 0.5] -= 1.0
    counts, _ = np.histogram(residuals, _EDGES)
    return float(_EDGES[counts.argmax()])


def estimate_tunings(powers: Tensor, framing: Framing, n_chroma: int) -> Tensor:
    """Estimate as :func:`estimate_tuning` does, for a batch, by tensor operations that a program can be exported of.

    Parameters
    ----------
    powers : Tensor, shape (m, bins, K)
        Squared magnitudes of each frequency in each window.
    framing : Framing
    n_chroma : int

    Returns
    -------
    Tensor, shape (m,)
        Positions in :data:`TUNINGS`, int64.
    """
    first, end = _searched(framing)
    spectra = powers[:, first - 1 : min(end + 1, framing.bins)]
    below, here, above = spectra[:, :-2], spectra[:, 1:-1], spectra[:, 2:]
    is_peak = ((here > _PEAK * powers.amax(dim=1, keepdim=True)) & (here > below) & (here >= above)).flatten(1)
    bend, slope = (above + below) - 2.0 * here.double(), (above - below).double() / 2.0
    inside = slope.abs() < bend.abs()
    offsets = torch.where(inside, -slope / torch.where(inside, bend, 1.0), 0.0).to(here.dtype)
    strengths = (here + 0.5 * ((above - below) / 2.0) * offsets).flatten(1)
    bins = torch.arange(first, first + here.shape[1], device=powers.device)[:, None]
    pitches_hz = ((bins + offsets.double()) * framing.sample_rate_hz / framing.n_fft).to(here.dtype).flatten(1)
    count = is_peak.sum(dim=1, keepdim=True)
    ordered = torch.where(is_peak, strengths, torch.inf).sort(dim=1).values
    middle = [ordered.gather(1, place) for place in (((count - 1) // 2).clamp_min(0), count // 2)]
    strong = is_peak & (strengths >= (middle[0] + middle[1]) / 2.0)
    residuals = (n_chroma * torch.log2((pitches_hz / A0_HZ).double()).to(here.dtype)).remainder(1.0).double()
    residuals = torch.where(residuals >= 0.5, residuals - 1.0, residuals)
    edges = torch.from_numpy(_EDGES).to(powers.device)
    near = (residuals * 100.0 + 50.0).floor().long().clamp(0, len(TUNINGS) - 1)  # right up to rounding
    near = near - (residuals < edges[near]).long() + (residuals >= edges[near + 1]).long()
    counts = torch.zeros(powers.shape[0], len(TUNINGS), dtype=torch.float64, device=powers.device)
    counts = counts.scatter_add(1, near.clamp(0, len(TUNINGS) - 1), strong.double())
    return torch.where(count[:, 0] > 0, counts.argmax(dim=1), len(TUNINGS) // 2)


def _searched(framing: Framing) -> tuple[int, int]:
    """Return the first bin in which tones are looked for, and the end."""
    highest_hz = min(_HIGHEST_HZ, framing.sample_rate_hz / 2)
    first, end = (int(place) for place in np.searchsorted(framing.frequencies_hz, [_LOWEST_HZ, highest_hz]))
    return first, end


def _peaks(powers: Tensor, framing: Framing) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Find the peaks: their bins, and the powers below, at and above them."""
    first, end = _searched(framing)
    spectra = powers[first - 1 : min(end + 1, framing.bins)].cpu().numpy()
    below, here, above = spectra[:-2], spectra[1:-1], spectra[2:]
    faint = _PEAK * powers.amax(dim=0).cpu().numpy()
    places = np.flatnonzero((here > faint) & (here > below) & (here >= above))
    below, here, above = (values.reshape(-1)[places] for values in (below, here, above))
    return first + places // powers.shape[-1], below, here, above


def _parabola(below: np.ndarray, peaks: np.ndarray, above: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place the top of the parabola through three neighbors: bins from the middle one, and its height."""
    bend = (above + below) - 2.0 * peaks.astype(np.float64)  # librosa's compiled loop is in float64 from here
    slope = (above - below).astype(np.float64) / 2.0
    inside = np.abs(slope) < np.abs(bend)
    offsets = np.where(inside, -slope / np.where(inside, bend, 1.0), 0.0).astype(peaks.dtype)
    return offsets, peaks + 0.5 * ((above - below) / 2.0) * offsets
