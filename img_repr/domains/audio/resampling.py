"""Resampling as librosa has it: soxr at high quality, and a length that is the old one times the ratio, rounded up."""

import numpy as np
import torch
from torch import Tensor

from img_repr.domains.audio.recording import as_floats

LARGEST_RATIO = 256
"""Of sample rates; soxr's filters grow with it."""


def resample(wave: Tensor, from_hz: int, to_hz: int) -> Tensor:
    """Bring a waveform to another sample rate.

    Parameters
    ----------
    wave : Tensor, shape (T,)
        Floats or PCM.
    from_hz, to_hz : int
        Samples per second, before and after.

    Returns
    -------
    Tensor, shape (ceil(T * to_hz / from_hz),)
        float64 where it came, else float32: soxr dithers whole numbers by chance, and the same recording is to have the
        same image twice. On the device of the input; soxr itself runs on the CPU and carries no gradient.

    References
    ----------
    R. Sykes: The SoX Resampler library; the default of ``librosa.resample``.

    Examples
    --------
    >>> import torch
    >>> resample(torch.zeros(8001), 8000, 16000).shape
    torch.Size([16002])
    """
    import soxr

    length = -(-wave.shape[-1] * to_hz // from_hz)
    given = as_floats(wave.detach().cpu(), torch.float64 if wave.dtype == torch.float64 else torch.float32)
    made = soxr.resample(given.numpy(), from_hz, to_hz, quality="soxr_hq")[:length]
    made = np.pad(made, (0, length - len(made)))
    return torch.from_numpy(np.ascontiguousarray(made)).to(wave.device)
