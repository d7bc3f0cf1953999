"""Resampling against librosa, and against sines that need none."""

import numpy as np
import pytest
import torch

from img_repr.domains.audio.recording import resample

RATES = [(44_100, 16_000), (44_100, 22_050), (48_000, 22_050), (22_050, 8_000), (8_000, 16_000), (8_000, 44_100)]


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
@pytest.mark.parametrize("length", [1, 2, 1001, 22_050])
def test_is_librosas(random, from_hz, to_hz, length):
    import librosa

    wave = random.normal(size=length).astype(np.float32)
    expected = librosa.resample(wave, orig_sr=from_hz, target_sr=to_hz)
    made = resample(torch.from_numpy(wave), from_hz, to_hz)
    assert made.dtype == torch.float32
    np.testing.assert_array_equal(made.numpy(), expected)


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
def test_keeps_sine_and_removes_aliases(from_hz, to_hz):
    def sine(rate, hz):
        return torch.sin(2 * np.pi * hz * torch.arange(rate, dtype=torch.float64) / rate)

    inside = slice(to_hz // 10, -to_hz // 10)
    kept = resample(sine(from_hz, 1000.0), from_hz, to_hz)
    assert len(kept) == to_hz
    assert (kept - sine(to_hz, 1000.0))[inside].abs().max() < 1e-6
    if to_hz < from_hz:
        assert resample(sine(from_hz, 0.6 * to_hz), from_hz, to_hz)[inside].abs().max() < 1e-6


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [
        (torch.int16, 2**15),
        (torch.int32, 2**31),
        (torch.uint8, 1),
        (torch.float64, 1),
        (torch.float16, 1),
        (torch.bfloat16, 1),
    ],
)
def test_every_kind_of_waveform_and_always_the_same(random, dtype, scale):
    plain = torch.from_numpy(np.round(np.clip(random.normal(size=4000) * 0.2, -0.9, 0.9) * 128) / 128)
    wave = (plain * 128 + 128).to(dtype) if dtype == torch.uint8 else (plain * scale).to(dtype)
    made = resample(wave, 8000, 16_000)
    assert made.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert (made.double() - resample(plain, 8000, 16_000)).abs().max() < 1e-6
    assert all(torch.equal(resample(wave, 8000, 16_000), made) for _ in range(5))  # soxr would dither integers


def test_accepts_any_memory_without_gradient(random):
    wave = torch.from_numpy(random.normal(size=4000))
    every_second = wave[::2]
    torch.testing.assert_close(
        resample(every_second, 8000, 11_025), resample(every_second.contiguous(), 8000, 11_025), atol=0, rtol=0
    )
    assert not resample(wave.requires_grad_(), 8000, 11_025).requires_grad
