"""Variants of recordings: what is measured of each change, and what no change may touch."""

import numpy as np
import pytest
import torch

from img_repr.core.errors import SampleError
from img_repr.domains.audio.augmentation import augment_recordings, mask_images
from img_repr.domains.audio.recording import Recording, make_recordings

RATE = 8000
NONE = {
    "speed": 0.0,
    "shift_s": 0.0,
    "gain_db": 0.0,
    "noise_db": (300.0, 300.0),
    "mix_db": (300.0, 300.0),
    "probability": 1.0,
}


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def vary(recordings, seed=0, **more):
    return [one.waveform for one in augment_recordings(recordings, draw(seed), **(NONE | more))]


def tone(hz=1000.0, seconds=1.0, level=0.1):
    return Recording(level * torch.sin(2 * torch.pi * hz * torch.arange(int(seconds * RATE)) / RATE), RATE)


def power_db(wave):
    return float(10 * torch.log10(wave.double().square().mean()))


def test_augmentation_depends_on_generator_only_and_keeps_the_input():
    recordings = make_recordings(6)
    before = [one.waveform.copy() for one in recordings]
    one, same, other = (augment_recordings(recordings, draw(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(a.waveform, b.waveform) for a, b in zip(one, same, strict=True))
    assert not all(torch.equal(a.waveform, b.waveform) for a, b in zip(one, other, strict=True))
    assert all(np.array_equal(a, b.waveform) for a, b in zip(before, recordings, strict=True))
    for varied, given in zip(one, recordings, strict=True):
        assert varied.sample_rate_hz == given.sample_rate_hz
        assert varied.waveform.dtype == torch.float32


def test_probability_zero_changes_nothing_and_one_changes_all():
    recordings = make_recordings(20)
    for varied, given in zip(augment_recordings(recordings, draw(), probability=0.0), recordings, strict=True):
        np.testing.assert_array_equal(varied.waveform, given.waveform)
    for varied, given in zip(augment_recordings(recordings, draw(), probability=1.0), recordings, strict=True):
        assert not np.array_equal(varied.waveform, given.waveform)
    kept = sum(
        np.array_equal(varied.waveform, given.waveform)
        for seed in range(20)
        for varied, given in zip(augment_recordings(recordings, draw(seed)), recordings, strict=True)
    )
    assert 0.2 < kept / 400 < 0.3  # a quarter, at share 0.75


def test_zero_strength_keeps_the_recording():
    (made,) = vary([tone()])
    torch.testing.assert_close(made, tone().waveform, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", ["numpy", "torch", "int16", "read-only"])
def test_any_kind_of_waveform(kind):
    plain = tone().waveform
    pcm = (plain * 2**15).round().short()
    frozen = pcm.numpy().copy()
    frozen.setflags(write=False)
    wave = {"numpy": plain.numpy(), "torch": plain, "int16": pcm, "read-only": frozen}[kind]
    (made,) = augment_recordings([Recording(wave, RATE)], draw(5))
    (expected,) = augment_recordings([Recording(plain, RATE)], draw(5))
    torch.testing.assert_close(made.waveform, expected.waveform, atol=2e-4, rtol=0)


@pytest.mark.parametrize("length", [1, 2, 3, 50])
def test_the_shortest_recordings_stay_recordings(length):
    for seed in range(30):
        batch = [Recording(np.full(length, 0.5, np.float32), RATE), Recording(np.zeros(1, np.float32), RATE)]
        for made in augment_recordings(batch, draw(seed), probability=1.0):
            assert len(made.waveform) >= 1
            assert made.waveform.isfinite().all()


def test_silence_stays_silent_alone():
    (made,) = augment_recordings([Recording(np.zeros(500, np.float32), RATE)], draw(), probability=1.0)
    assert not made.waveform.any()


def test_loudness_and_length_stay_in_bounds():
    recordings = make_recordings(12)
    for seed in range(10):
        for made, given in zip(
            augment_recordings(recordings, draw(seed), probability=1.0, shift_s=0.1), recordings, strict=True
        ):
            before, after = torch.from_numpy(given.waveform), made.waveform
            energy_db = float(10 * torch.log10(after.square().sum() / before.square().sum()))
            assert -15.0 < energy_db < 8.0  # 6 by gain, 0.7 by speed, 0.6 by what is added; a lost attack lowers it
            assert after.isfinite().all()
            assert 0.4 * len(before) < len(after) < 1.2 * len(before) + 0.1 * RATE


def test_sounds_never_run_backwards():
    """A rising tone rises in all its variants."""
    time = np.arange(RATE) / RATE
    rising = Recording(np.sin(2 * np.pi * (500 * time + 500 * time**2)).astype(np.float32), RATE)
    for seed in range(20):
        (made,) = augment_recordings([rising], draw(seed), probability=1.0, shift_s=0.1)
        first, second = made.waveform.chunk(2)
        assert peak_hz(first) < 1000 < peak_hz(second) + 100


def peak_hz(wave):
    spectrum = torch.fft.rfft(wave * torch.hann_window(len(wave)), n=1 << 17)
    return int(spectrum.abs().argmax()) * RATE / (1 << 17)


def test_speed_moves_pitch_and_length_alike():
    seen = []
    for seed in range(40):
        (made,) = vary([tone()], seed, speed=0.15)
        seen.append(peak_hz(made) / 1000.0)
        assert len(made) * seen[-1] == pytest.approx(RATE, rel=2e-3)
        inside = made[len(made) // 10 : -len(made) // 10]
        assert power_db(inside) == pytest.approx(power_db(tone().waveform), abs=0.05)
    assert 0.83 < min(seen) < 0.88
    assert 1.12 < max(seen) < 1.16
    assert np.mean(seen) == pytest.approx(1.0, abs=0.05)


def test_a_shift_brings_silence_in_or_loses_the_beginning():
    plain = tone().waveform
    later = []
    for seed in range(40):
        (made,) = vary([tone()], seed, shift_s=0.1)
        later.append(len(made) - RATE)
        if later[-1] >= 0:
            assert not made[: later[-1]].abs().gt(1e-6).any()
            torch.testing.assert_close(made[later[-1] :], plain, atol=1e-6, rtol=0)
        else:
            torch.testing.assert_close(made, plain[-later[-1] :], atol=1e-6, rtol=0)
    assert -800 <= min(later) < -500
    assert 500 < max(later) <= 800


def test_gain_is_even_in_decibels():
    gains = [power_db(vary([tone()], seed, gain_db=6.0)[0]) - power_db(tone().waveform) for seed in range(60)]
    assert -6.0 <= min(gains) < -4.5
    assert 4.5 < max(gains) <= 6.0
    assert np.mean(gains) == pytest.approx(0.0, abs=1.5)


def test_noise_lies_as_far_below_as_said():
    levels = []
    for seed in range(30):
        (made,) = vary([tone()], seed, noise_db=(15.0, 40.0))
        noise = made - tone().waveform
        levels.append(power_db(tone().waveform) - power_db(noise))
        spectrum = torch.fft.rfft(noise).abs().square()
        halves = spectrum[:2000].mean() / spectrum[2000:].mean()
        assert 0.8 < halves < 1.25  # white
    assert 14.5 < min(levels) < 20
    assert 35 < max(levels) < 40.5


def test_another_recording_lies_as_far_below_as_said():
    recordings = [tone(1000.0), tone(300.0, seconds=1.5, level=0.01), tone(300.0, seconds=0.5, level=0.8)]
    levels = []
    for seed in range(30):
        made = vary(recordings, seed, mix_db=(10.0, 30.0))[0]
        assert len(made) == RATE
        other = made - recordings[0].waveform
        assert peak_hz(other) == pytest.approx(300.0, abs=5.0)  # never itself
        levels.append(power_db(recordings[0].waveform) - power_db(other))
    assert 10 - 1e-3 <= min(levels) < 14
    assert 26 < max(levels) <= 30 + 1e-3


def test_rejects_plain_arrays():
    with pytest.raises(SampleError, match="augmentation: expected recordings, which have a sample rate, got ndarray"):
        augment_recordings(np.zeros((2, 100)), draw())


@pytest.mark.parametrize("shape", [(400, 2, 32, 40), (2000, 1, 3, 100), (50, 3, 1, 1)])
def test_masks_cover_at_most_their_fraction_with_the_mean(shape):
    images = torch.rand(shape, generator=draw(1))
    masked = mask_images(images, draw(2), rows=0.15, columns=0.25)
    means = images.mean(dim=(2, 3), keepdim=True)
    changed = masked != images
    torch.testing.assert_close(masked, torch.where(changed, means.expand_as(images), images), atol=0, rtol=0)
    one = changed[:, :1]
    assert torch.equal(changed, one.expand_as(changed))  # all channels alike
    full_rows, full_columns = one.all(dim=3)[:, 0], one.all(dim=2)[:, 0]
    assert torch.equal(one[:, 0], full_rows[:, :, None] | full_columns[:, None, :])
    for covered, most in ((full_rows, int(0.15 * shape[2])), (full_columns, int(0.25 * shape[3]))):
        counts = covered.sum(dim=1)
        assert counts.max() == most
        assert counts.min() == 0
        edges = covered.int().diff(dim=1).abs().sum(dim=1)
        assert edges.max() <= 2  # one stripe
        if most > 1:
            assert covered.any(dim=0).all()  # anywhere


def test_masks_are_decided_by_their_generator():
    images = torch.rand(5, 1, 32, 32, generator=draw())
    before = images.clone()
    one, same, other = (mask_images(images, draw(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(images, before)
    assert torch.equal(mask_images(images, draw(), rows=0.0, columns=0.0), images)
