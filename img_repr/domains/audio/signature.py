"""Signatures of sounds, for finding near-duplicates."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.domains.audio.recording import Recording, as_tensor

_PLACES, _BANDS = 16, 24
_SHORTEST, _LONGEST = 32, 4096  # samples that are read at each position


def recordings_signature(samples: Any) -> np.ndarray:
    """Return amplitudes in 24 bands at 16 positions, independent of gain and offset, float32 ``(N, 384)``.

    Each position covers a quarter of the sound, at most 4096 samples, so a shift by a few samples does not matter.

    Parameters
    ----------
    samples : list of Recording, or waveforms (N, T) or a list of (T,)

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.audio.signature import recordings_signature
    >>> from img_repr.domains.audio.recording import make_recordings
    >>> waves = [one.waveform for one in make_recordings(2)]
    >>> signatures = recordings_signature([waves[0], 0.1 * waves[0][5:], waves[1]])
    >>> [bool(np.linalg.norm(signatures[0] - other) < 0.05) for other in signatures[1:]]
    [True, False]
    """
    signatures = np.zeros((len(samples), _PLACES * _BANDS), np.float32)
    for row, sample in zip(signatures, samples, strict=True):
        wave = as_tensor(sample.waveform if isinstance(sample, Recording) else sample)
        row[:] = _amplitudes(wave.detach().cpu().to(torch.float32).reshape(-1)).ravel()
    return signatures


def _amplitudes(wave: Tensor) -> np.ndarray:
    wave = wave - wave.mean()
    width = max(_SHORTEST, min(_LONGEST, len(wave) // 4))
    wave = torch.nn.functional.pad(wave, (0, max(0, width - len(wave))))
    starts = np.linspace(0, len(wave) - width, _PLACES).astype(np.int64)
    frames = torch.stack([wave[start : start + width] for start in starts]) * torch.hann_window(width)
    power = torch.fft.rfft(frames).abs().square_().numpy()
    edges = np.geomspace(1, power.shape[1] - 1, _BANDS + 1).round().astype(np.int64)[:-1]
    found = np.sqrt(np.add.reduceat(power, edges, axis=1))
    return np.asarray(found / max(float(np.linalg.norm(found)), 1e-30))
