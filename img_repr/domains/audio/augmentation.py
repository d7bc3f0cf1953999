"""Augmentation of recordings: variants that keep the label, made in the waveform or as masks on its image.

Never a flip: a sound that runs backwards, or upside down in frequency, is another sound.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from img_repr.core.errors import SampleError
from img_repr.domains.audio.recording import Recording, as_floats, as_tensor


def augment_recordings(
    recordings: Sequence[Recording],
    generator: torch.Generator,
    *,
    probability: float = 0.75,
    speed: float = 0.15,
    shift_s: float = 0.2,
    gain_db: float = 6.0,
    noise_db: tuple[float, float] = (15.0, 40.0),
    mix_db: tuple[float, float] = (10.0, 30.0),
) -> list[Recording]:
    """Augment recordings at random: speed and pitch, shift, gain, noise, mixing with another recording.

    Parameters
    ----------
    recordings : list of Recording
        Waveforms of numpy or torch; a batch, whose members also serve as each other's background.
    generator : torch.Generator
        Source of randomness, on the device of the result.
    probability : float
        Probability that a recording is changed at all, and of each kind of change.
    speed : float
        Largest relative change of speed; pitch and formants move along, as from one speaker to another.
    shift_s : float
        Largest shift in seconds: silence comes in at the front, or the beginning is lost.
    gain_db : float
        Largest change of level.
    noise_db, mix_db : (float, float)
        Range of the level of the recording above white noise, and above another recording of the batch.

    Returns
    -------
    list of Recording
        Waveforms are float32 tensors on the generator's device; lengths may have changed.

    Raises
    ------
    SampleError
        If one is no recording.

    References
    ----------
    J. Salamon, J. P. Bello: Deep Convolutional Neural Networks and Data Augmentation for Environmental Sound
    Classification, IEEE Signal Processing Letters 24(3), 2017; T. Ko et al.: Audio Augmentation for Speech
    Recognition, Interspeech 2015.

    Examples
    --------
    >>> import torch
    >>> from img_repr.domains.audio.recording import make_recordings
    >>> len(augment_recordings(make_recordings(3), torch.Generator().manual_seed(0)))
    3
    """
    for one in recordings:
        if not isinstance(one, Recording):
            raise SampleError(f"augmentation: expected recordings, which have a sample rate, got {type(one).__name__}")
    recordings = [one.held() for one in recordings]
    waves = [as_floats(as_tensor(one.waveform).to(generator.device), torch.float32) for one in recordings]
    uniform = torch.rand(len(waves), 13, generator=generator, device=generator.device).cpu().numpy()
    varied = []
    for number, (one, wave) in enumerate(zip(recordings, waves, strict=True)):
        value = uniform[number]
        made = value[:6] < probability
        if not made[0]:
            varied.append(replace(one, waveform=wave))
            continue
        if made[1]:
            wave = _at_speed(wave, 1.0 + speed * (2 * value[6] - 1))
        if made[2]:
            wave = _shifted(wave, round(shift_s * (2 * value[7] - 1) * one.sample_rate_hz))
        if made[3]:
            wave = wave * 10.0 ** (gain_db * (2 * value[8] - 1) / 20.0)
        if made[4]:
            noise = torch.randn(wave.shape, generator=generator, device=generator.device)
            wave = _over(wave, noise, noise_db[0] + (noise_db[1] - noise_db[0]) * value[9])
        if made[5] and len(waves) > 1:
            other = waves[(number + 1 + int(value[10] * (len(waves) - 1))) % len(waves)]
            wave = _over(
                wave,
                _fitted(other, len(wave), value[11]),
                mix_db[0] + (mix_db[1] - mix_db[0]) * value[12],
            )
        varied.append(replace(one, waveform=wave))
    return varied


def mask_images(images: Tensor, generator: torch.Generator, *, rows: float = 0.15, columns: float = 0.15) -> Tensor:
    """Mask one band of frequencies and one span of time of each image with its mean (SpecAugment without time warping).

    Parameters
    ----------
    images : Tensor, shape (N, C, H, W)
        Floats.
    generator : torch.Generator
        On the images' device.
    rows, columns : float
        Largest fraction of the height and of the width that is covered.

    Returns
    -------
    Tensor, shape (N, C, H, W)

    References
    ----------
    D. S. Park et al.: SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition, Interspeech
    2019, arXiv:1904.08779.

    Examples
    --------
    >>> import torch
    >>> mask_images(torch.rand(2, 1, 32, 32), torch.Generator().manual_seed(0)).shape
    torch.Size([2, 1, 32, 32])
    """
    uniform = torch.rand(4, len(images), 1, generator=generator, device=images.device)
    covered = _stripe(uniform[0], uniform[1], rows, images.shape[2])[:, None, :, None]
    covered = covered | _stripe(uniform[2], uniform[3], columns, images.shape[3])[:, None, None, :]
    return torch.where(covered, images.mean(dim=(2, 3), keepdim=True), images)


def _stripe(width: Tensor, place: Tensor, largest: float, size: int) -> Tensor:
    """Whole pixels ``(N, size)``, at most that fraction of them; every number of them is as likely."""
    width = (width * (int(largest * size) + 1)).floor()
    begin = (place * (size - width + 1)).floor()
    steps = torch.arange(size, device=width.device)
    return (steps >= begin) & (steps < begin + width)


def _at_speed(wave: Tensor, speed: float) -> Tensor:
    """Read the waveform faster or slower: its spectrum is cut, or continued by zeros, to lengths that are quick."""
    from scipy.fft import next_fast_len

    before = next_fast_len(len(wave), real=True)
    after = next_fast_len(max(1, round(before / speed)))  # within 2 % of the requested speed, from 1000 samples on
    spectrum = torch.fft.rfft(wave, n=before)[: after // 2 + 1]
    made: Tensor = torch.fft.irfft(spectrum, n=after) * (after / before)
    return made[: max(1, round(len(wave) * after / before))]


def _shifted(wave: Tensor, later: int) -> Tensor:
    """Silence in front, or the beginning cut, never all of it."""
    return torch.nn.functional.pad(wave, (later, 0)) if later >= 0 else wave[min(-later, len(wave) // 2) :]


def _over(wave: Tensor, other: Tensor, level_db: float) -> Tensor:
    """Add another waveform that many decibels below."""
    power, its_power = wave.square().mean(), other.square().mean()
    scale = (power / torch.where(its_power > 0, its_power, torch.ones_like(its_power))).sqrt()
    mixed: Tensor = wave + other * (scale * 10.0 ** (-level_db / 20.0))
    return mixed


def _fitted(wave: Tensor, length: int, place: float) -> Tensor:
    """Return a part of that length, or the whole somewhere in silence."""
    spare = length - len(wave)
    if spare < 0:
        begin = int(-spare * place)
        return wave[begin : begin + length]
    before = int(spare * place)
    return torch.nn.functional.pad(wave, (before, spare - before))
