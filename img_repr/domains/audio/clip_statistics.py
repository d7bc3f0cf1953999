"""Measure the usual features in each window of a sound and summarize a clip, as a whole and in slices of time.

All but the zero crossings comes from one short-time Fourier transform. librosa computes most features; centroid,
bandwidth, roll-off and zero crossings follow its definitions in fewer passes over memory.
"""

import functools
import itertools

import numpy as np
import torch

from img_repr.domains.audio.delta import delta_along_time
from img_repr.domains.audio.filterbank import Weights, hz_to_mel, mel_filters
from img_repr.domains.audio.fourier import band_energies
from img_repr.domains.audio.framing import Framing

N_MFCC = 20
N_SLICES = 5
STATISTICS = ("mean", "deviation", "below", "above")
_LOW_AND_HIGH = (10, 90)  # percentiles: extremes that one click does not move
_LONGEST_WINDOW_S = 0.05
_MEL_STEP = 2.0  # frequencies of the transform between two mel bands, at least, so that no band stays empty
_FIRST_OCTAVE_HZ = 200.0  # of the spectral contrast, with at most six octaves above it, as librosa has them
_MOST_OCTAVES = 6
_ROLLOFF = 0.85
_FAINTEST = 1e-10  # of an energy, librosa's amin
_STILL = 1e-10  # of a sample, librosa's threshold below which the sign says nothing
_PITCHES = ("C", "C_sharp", "D", "D_sharp", "E", "F", "F_sharp", "G", "G_sharp", "A", "A_sharp", "B")


def fitted_framing(sample_rate_hz: int) -> Framing:
    """Fit windows to a sample rate: the longest power of two within 50 ms, every quarter of it.

    At 44.1 kHz these are librosa's 2048 every 512 samples; at 8 and 16 kHz they last 32 ms, as is usual for speech.

    Examples
    --------
    >>> [fitted_framing(rate).n_fft for rate in (8000, 16000, 22050, 44100)]
    [256, 512, 1024, 2048]
    """
    longest = max(8, int(sample_rate_hz * _LONGEST_WINDOW_S))
    n_fft = 1 << (longest.bit_length() - 1)
    return Framing(n_fft, n_fft, n_fft // 4, sample_rate_hz)


def measure(wave: np.ndarray, framing: Framing, depth_db: float = np.inf) -> dict[str, np.ndarray]:
    """Measure a sound in each of its windows that sound.

    Parameters
    ----------
    wave : ndarray of float32, shape (T,)
        At least one sample; silence is measured as well.
    framing : Framing
    depth_db : float
        A window sounds if its level is at most so far below that of the loudest. The others hold the room, the noise
        of the recorder, or the zeros that a publisher filled clips up with. Default: every window sounds.

    Returns
    -------
    dict of str to ndarray, shape (K,)
        Of each of about 86 features its course over K windows, all finite. Cepstra, their speed and acceleration are
        of decibels; centroid, bandwidth and roll-off are in Hz; flatness, contrast and level in dB; zero crossings
        and chroma are fractions; the onset is the mean rise of the mel bands, in dB.

    References
    ----------
    S. B. Davis, P. Mermelstein 1980 (MFCC); G. Tzanetakis, P. Cook 2002 (the usual set); D.-N. Jiang et al. 2002
    (contrast); B. McFee et al. 2015, librosa; T. Kinnunen, H. Li 2010 (windows dropped by their level below the
    loudest).

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000).astype(np.float32)
    >>> tone[4000:] = 0.0
    >>> courses = measure(tone, fitted_framing(8000), depth_db=20.0)
    >>> courses["centroid"].shape, int(np.median(courses["centroid"]).round(-1))
    ((64,), 440)
    """
    from librosa import power_to_db
    from librosa.feature import mfcc, spectral_contrast, spectral_flatness
    from librosa.onset import onset_strength

    rate, frequencies_hz = framing.sample_rate_hz, framing.frequencies_hz
    energies = band_energies(torch.from_numpy(wave)[None], framing)[0].numpy()
    level = _level(energies, framing)
    kept = level >= level.max() - depth_db
    bands = power_to_db(_mel(framing).filters @ energies)
    cepstra = torch.from_numpy(mfcc(S=bands, n_mfcc=N_MFCC))  # of all windows: deltas and onsets look at neighbors
    onset = onset_strength(S=bands, sr=rate, hop_length=framing.hop_length)
    energies = energies[:, kept]
    magnitudes = np.sqrt(energies)
    centroid, bandwidth = _centroid_and_bandwidth(magnitudes, frequencies_hz)
    octaves, first_hz = _octaves(rate)
    return {
        **_numbered("mfcc", cepstra.numpy()[:, kept]),
        **_numbered("mfcc_speed", delta_along_time(cepstra, 1).numpy()[:, kept]),
        **_numbered("mfcc_acceleration", delta_along_time(cepstra, 2).numpy()[:, kept]),
        "centroid": centroid,
        "bandwidth": bandwidth,
        "rolloff": _rolloff(magnitudes, frequencies_hz),
        "flatness": 10.0 * np.log10(spectral_flatness(S=energies, power=1.0)[0]),
        **_numbered("contrast", spectral_contrast(S=magnitudes, sr=rate, n_bands=octaves, fmin=first_hz)),
        "zero_crossings": _zero_crossings(wave, framing)[kept],
        "level": level[kept],
        **{f"chroma_{pitch}": course for pitch, course in zip(_PITCHES, _chroma(energies, framing), strict=True)},
        "onset": onset[kept],
    }


def over_the_clip(courses: dict[str, np.ndarray]) -> dict[str, float]:
    """Sum each course up: mean, standard deviation, and how far the 10th and 90th percentiles lie from the mean.

    Relative to the mean, percentiles do not change where a microphone or a room adds the same to every window, as it
    does to a cepstrum.
    """
    table = np.stack(list(courses.values())).astype(np.float64)
    mean = table.mean(axis=1)
    low, high = np.percentile(table, _LOW_AND_HIGH, axis=1)
    columns = np.stack([mean, table.std(axis=1), mean - low, high - mean], axis=1)
    names = [f"{name}_{statistic}" for name in courses for statistic in STATISTICS]
    return dict(zip(names, columns.ravel().tolist(), strict=True))


def in_slices(courses: dict[str, np.ndarray]) -> dict[str, float]:
    """Sum cepstra and their speed up in five slices of as many windows each: mean and standard deviation.

    The mean over the clip is taken off first (cepstral mean normalization), which removes what the microphone and
    the room add. If there are fewer windows than slices, some windows are in several slices.

    References
    ----------
    S. Furui: Cepstral Analysis Technique for Automatic Speaker Verification, IEEE TASSP 29(2), 1981.
    """
    names = [name for name in courses if name.startswith("mfcc_") and "acceleration" not in name]
    table = np.stack([courses[name] for name in names]).astype(np.float64)
    table -= table.mean(axis=1, keepdims=True)
    bounds = np.linspace(0, table.shape[1], N_SLICES + 1).astype(np.int64)
    columns: dict[str, float] = {}
    for number, (begin, end) in enumerate(itertools.pairwise(bounds)):
        piece = table[:, begin : max(end, begin + 1)]
        for statistic, values in (("mean", piece.mean(axis=1)), ("deviation", piece.std(axis=1))):
            columns |= {f"{name}_slice_{number}_{statistic}": value for name, value in zip(names, values, strict=True)}
    return columns


def _numbered(name: str, courses: np.ndarray) -> dict[str, np.ndarray]:
    return {f"{name}_{number}": course for number, course in enumerate(courses)}


def _level(energies: np.ndarray, framing: Framing) -> np.ndarray:
    """Mean square of each window in dB, by Parseval's theorem; the lowest and highest frequency have no twin."""
    whole = energies.sum(axis=0) - (energies[0] + energies[-1]) / 2.0
    return np.asarray(10.0 * np.log10(np.maximum(2.0 * whole / framing.n_fft**2, _FAINTEST)))


def _centroid_and_bandwidth(magnitudes: np.ndarray, frequencies_hz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the frequency, weighted by magnitude; 0 Hz in silence."""
    powers = np.vander(frequencies_hz, 3, increasing=True).T
    total, first, second = powers @ magnitudes.astype(np.float64)
    total = np.where(total > 0.0, total, 1.0)
    centroid = first / total
    return centroid, np.sqrt(np.maximum(second / total - centroid**2, 0.0))


def _rolloff(magnitudes: np.ndarray, frequencies_hz: np.ndarray) -> np.ndarray:
    """Frequency below which 85 % of the magnitude lies."""
    running = torch.from_numpy(magnitudes).cumsum(0).numpy()  # numpy's takes half as long again
    return np.asarray(frequencies_hz[(running < _ROLLOFF * running[-1]).sum(axis=0)])


def _zero_crossings(wave: np.ndarray, framing: Framing) -> np.ndarray:
    """Fraction of the samples of each window at which the sign changes; the ends of the sound go on as they are."""
    side = framing.n_fft // 2
    negative = np.pad(wave < -_STILL, side, mode="edge")
    crossings = np.concatenate([[0], np.cumsum(negative[1:] != negative[:-1])])
    begin = np.arange(framing.count(len(wave))) * framing.hop_length
    return np.asarray((crossings[begin + framing.n_fft - 1] - crossings[begin]) / framing.n_fft)


def _chroma(energies: np.ndarray, framing: Framing) -> np.ndarray:
    """Fraction of the strongest pitch class that each of the twelve has, at concert pitch."""
    chroma = _pitch_classes(framing) @ energies
    loudest = chroma.max(axis=0)
    return np.asarray(chroma / np.where(loudest > np.finfo(np.float32).tiny, loudest, 1.0))


def _octaves(sample_rate_hz: int) -> tuple[int, float]:
    """Return the number of octaves of the spectral contrast above its lowest band, and the start of the first in Hz."""
    nyquist = sample_rate_hz / 2
    first_hz = min(_FIRST_OCTAVE_HZ, nyquist / 4)
    return min(_MOST_OCTAVES, int(np.ceil(np.log2(nyquist / first_hz)))), first_hz


@functools.lru_cache(maxsize=8)
def _mel(framing: Framing) -> Weights:
    """As many mel bands as stand two frequencies of the transform apart: 37 at 8 kHz, 92 at 44.1 kHz."""
    step_hz = _MEL_STEP * framing.sample_rate_hz / framing.n_fft
    mels = float(hz_to_mel(np.array(framing.sample_rate_hz / 2)) / hz_to_mel(np.array(step_hz)))
    return mel_filters("acoustic", framing, max(1, int(mels)))


@functools.lru_cache(maxsize=8)
def _pitch_classes(framing: Framing) -> np.ndarray:
    from librosa.filters import chroma

    return np.asarray(chroma(sr=framing.sample_rate_hz, n_fft=framing.n_fft, tuning=0.0))
