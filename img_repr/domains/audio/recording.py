"""Recording: one mono sound with its sample rate, and the resampling to another."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.numbers import is_integer

HIGHEST_HZ = 1_000_000  # a rate mistyped by a few zeros would fill the memory
PCM = {torch.int16: 2.0**-15, torch.int32: 2.0**-31, torch.uint8: 2.0**-7}  # one step of each, full scale being 1


@dataclass(frozen=True, eq=False)
class Recording:
    """One mono sound.

    Parameters
    ----------
    waveform : ndarray or Tensor, shape (T,)
        Floats with full scale 1, or PCM of 8 (unsigned), 16 or 32 bits.
    sample_rate_hz : int
        Samples per second.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.audio.recording import Recording
    >>> Recording(np.zeros(4000, np.float32), 8000).duration_s
    0.5
    """

    waveform: Any
    sample_rate_hz: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.waveform) / self.sample_rate_hz

    def held(self) -> "Recording":
        """Return the recording with its waveform in memory: itself, but where it stays in a file until then."""
        return self

    def to(self, device: torch.device) -> "Recording":
        """Return the recording as a tensor on a device; PCM travels as it is, which is half the way or less."""
        return replace(self, waveform=as_tensor(self.waveform).to(device, non_blocking=True))


def make_recordings(n: int, seed: int = 0, *, sample_rate_hz: int = 8000) -> list[Recording]:
    """Make ``n`` short sounds, synthetic: a gliding tone with overtones over noise, 0.4 to 0.6 s, float32.

    Examples
    --------
    >>> from img_repr.domains.audio.recording import make_recordings
    >>> [round(one.duration_s, 2) for one in make_recordings(2)]
    [0.53, 0.6]
    """
    random = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        time = np.arange(int(random.uniform(0.4, 0.6) * sample_rate_hz)) / sample_rate_hz
        pitch_hz, glide = random.uniform(150, 900), random.uniform(-0.5, 1.0)
        turns = 2 * np.pi * pitch_hz * (time + glide * time**2 / 2)
        tone = sum(np.sin(k * turns) / k for k in (1, 2, 3)) * np.exp(-random.uniform(1, 6) * time)
        noise = random.normal(size=len(time)) * random.uniform(0.01, 0.1)
        made.append(Recording((0.3 * tone + noise).astype(np.float32), sample_rate_hz))
    return made


def is_rate(value: Any) -> bool:
    """Return whether a value is a sample rate: an integer from 1 to ``HIGHEST_HZ``."""
    return is_integer(value, 1, HIGHEST_HZ)


def check_rate(caller: str, sample_rate_hz: Any) -> None:
    """Refuse a parameter that is neither a sample rate nor None."""
    if sample_rate_hz is not None and not is_rate(sample_rate_hz):
        raise ParameterError(
            f"{caller}: expected sample_rate_hz to be an integer from 1 to {HIGHEST_HZ}, got {sample_rate_hz!r}"
        )


def commonest(rates: Iterable[int]) -> int:
    """Return the most common rate, of equally common ones the highest."""
    return max(Counter(rates).items(), key=lambda item: (item[1], item[0]))[0]


def as_tensor(waveform: Any) -> Tensor:
    """View a waveform as a tensor; copy what torch cannot view: read-only memory, foreign bytes, steps backwards.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.audio.recording import as_tensor
    >>> as_tensor(np.arange(3, dtype=">i2")[::-1])
    tensor([2, 1, 0], dtype=torch.int16)
    """
    if isinstance(waveform, Tensor):
        return waveform
    array = np.asarray(waveform)
    if not (array.flags.writeable and array.dtype.isnative and min(array.strides, default=0) >= 0):
        array = array.astype(array.dtype.newbyteorder("="), order="C", copy=True)
    return torch.from_numpy(array)


def as_floats(waveform: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a waveform as floats of full scale 1; eight bits are unsigned, as in WAV files."""
    if waveform.is_floating_point():
        return waveform.to(dtype)
    return waveform.to(dtype).sub_(128.0 if waveform.dtype == torch.uint8 else 0.0).mul_(PCM[waveform.dtype])


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
        float64 where it came, else float32: soxr dithers integers by chance, and the same recording is to have the
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
