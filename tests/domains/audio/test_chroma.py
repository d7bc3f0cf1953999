"""Chroma: pitch classes, tuning, images, refusals. Its numbers are held against librosa's in tests/golden."""

import numpy as np
import pytest
import torch

from img_repr import encode_chroma, get_encoder
from img_repr.core.errors import DegenerateSampleWarning, ParameterError, SampleError
from img_repr.core.module import EncoderModule
from img_repr.domains.audio.fourier import band_energies
from img_repr.domains.audio.framing import Framing
from img_repr.domains.audio.recording import Recording, make_recordings
from img_repr.domains.audio.tuning import TUNINGS, estimate_tuning, estimate_tunings

RATE = 22050


def tone(hz: float, duration_s: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(duration_s * RATE)) / RATE).astype(np.float32)


@pytest.mark.parametrize("octave", [0, 1, 2])
@pytest.mark.parametrize("semitone", range(12))
def test_rows_are_pitch_classes_from_c(semitone, octave):
    wave = tone(261.6256 * 2.0 ** (octave + semitone / 12))
    assert (encode_chroma(wave, sample_rate_hz=RATE, tuning=0.0)[:, 5:-5].argmax(axis=0) == semitone).all()


def test_strongest_class_is_one_and_silence_is_zero():
    wave = np.concatenate([tone(500.0), np.zeros(RATE, np.float32)])
    image = encode_chroma(wave, sample_rate_hz=RATE)
    heard = image.max(axis=0)
    assert set(np.unique(heard)) == {0.0, 1.0}
    assert heard[:40].all()
    assert not heard[50:].any()
    with pytest.warns(DegenerateSampleWarning, match="chroma: 1 of 1 recordings"):
        assert not encode_chroma(np.zeros(5000), sample_rate_hz=RATE).any()


@pytest.mark.parametrize("cents", [-40, -25, -10, 5, 15, 30])
def test_tuning_is_found(cents):
    """On tones in the middle of the range, where a parabola through powers is true to a few hundredths."""
    wave = np.sum([tone(hz * 2.0 ** (cents / 1200)) for hz in (1760.0, 2217.46, 2637.02)], axis=0)
    powers = band_energies(torch.from_numpy(wave)[None], Framing.of("test", RATE))[0]
    assert estimate_tuning(powers, Framing.of("test", RATE), 12) == pytest.approx(cents / 100, abs=0.06)


def test_estimated_tuning_equals_explicit_tuning():
    wave = tone(2700.0)
    powers = band_energies(torch.from_numpy(wave)[None], Framing.of("test", RATE))[0]
    tuning = estimate_tuning(powers, Framing.of("test", RATE), 12)
    assert tuning != 0.0
    expected = encode_chroma(wave, sample_rate_hz=RATE, tuning=tuning)
    np.testing.assert_allclose(encode_chroma(wave, sample_rate_hz=RATE), expected, atol=2e-6)


def test_each_recording_has_its_own_tuning():
    waves = np.stack([tone(1760.0 * 2.0 ** (cents / 1200)) for cents in (-30, 0, 30)])
    together = encode_chroma(waves, sample_rate_hz=RATE)
    for wave, image in zip(waves, together, strict=True):
        np.testing.assert_array_equal(encode_chroma(wave, sample_rate_hz=RATE), image)
    assert np.abs(encode_chroma(waves, sample_rate_hz=RATE, tuning=0.0) - together).max() > 0.05


@pytest.mark.parametrize("gain", [4.2, 0.013, -1.0, -1e-3])
def test_does_not_depend_on_gain_and_sign(gain):
    for recording in make_recordings(12, seed=5):
        other = Recording(np.float32(gain) * recording.waveform, recording.sample_rate_hz)
        np.testing.assert_allclose(encode_chroma(other), encode_chroma(recording), atol=5e-6)


def test_recordings_of_unequal_length():
    short, long = tone(440.0, 0.5), tone(440.0)
    images = encode_chroma([short, long], sample_rate_hz=RATE)
    alone = encode_chroma(short, sample_rate_hz=RATE)
    assert images.shape == (2, 12, 44)
    np.testing.assert_array_equal(images[0, :, : alone.shape[1]], alone)
    assert not images[0, :, alone.shape[1] :].any()
    padded = np.stack([np.pad(short, (0, len(long) - len(short)), constant_values=9.0), long])
    by_length = encode_chroma(padded, sample_rate_hz=RATE, lengths=[len(short), len(long)])
    np.testing.assert_array_equal(by_length, images)


def test_image_has_c_at_the_bottom():
    image = get_encoder("chroma", size=12, sample_rate_hz=RATE, tuning=0.0)(tone(261.6256))
    assert (image[0, 0, :, 3:-3].argmax(axis=0) == 11).all()


@pytest.mark.parametrize("tuning", [None, 0.0])
def test_gradient(tuning):
    waves = torch.from_numpy(np.stack([tone(300.0), tone(1234.0)])).requires_grad_()
    images = encode_chroma(waves, sample_rate_hz=RATE, tuning=tuning)
    images.sum().backward()
    assert waves.grad is not None
    assert waves.grad.isfinite().all()
    assert waves.grad.abs().max() > 0
    expected = encode_chroma(waves.detach(), sample_rate_hz=RATE, tuning=tuning)
    torch.testing.assert_close(images.detach(), expected, atol=5e-6, rtol=0)


def test_gradient_of_silence_is_finite():
    waves = torch.zeros(1, 4000, requires_grad=True)
    with pytest.warns(DegenerateSampleWarning):
        encode_chroma(waves, sample_rate_hz=RATE).sum().backward()
    assert waves.grad is not None
    assert not waves.grad.any()


@pytest.mark.parametrize("tuning", [0.0, None])
def test_exported_with_any_tuning(tuning):
    waves = torch.from_numpy(np.stack([tone(300.0), tone(1234.0)]))
    module = EncoderModule(get_encoder("chroma", size=24, sample_rate_hz=RATE, tuning=tuning))
    expected = module(waves)
    torch.testing.assert_close(torch.export.export(module, (waves,)).module()(waves), expected, atol=5e-6, rtol=0)


def test_tunings_by_tensors_are_those_by_numpy(random):
    framing = Framing(2048, 2048, 512, RATE)
    pitches = random.uniform(150, 3000, (40, 3, 1)) * np.arange(1, RATE + 1) / RATE
    waves = torch.from_numpy(np.sin(2 * np.pi * pitches).sum(axis=1) + 0.01 * random.normal(size=(40, RATE)))
    powers = band_energies(torch.cat([waves, torch.zeros(1, RATE)]).float(), framing)
    found = [TUNINGS[int(at)] for at in estimate_tunings(powers, framing, 12)]
    assert found == [estimate_tuning(one, framing, 12) for one in powers]
    assert len(set(found)) > 15


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_gpu_agrees():
    waves = torch.from_numpy(np.stack([tone(300.0), tone(1234.0)]))
    found = encode_chroma(waves.cuda(), sample_rate_hz=RATE)
    assert found.is_cuda
    torch.testing.assert_close(found.cpu(), encode_chroma(waves, sample_rate_hz=RATE), atol=5e-6, rtol=0)


@pytest.mark.parametrize(
    ("word", "value"),
    [("n_chroma", 0), ("n_chroma", 1.5), ("n_chroma", True), ("tuning", "high"), ("tuning", np.nan), ("tuning", True)],
)
def test_wrong_parameters(word, value):
    with pytest.raises(ParameterError, match=rf"^chroma: expected {word} ") as error:
        encode_chroma(tone(440.0), sample_rate_hz=RATE, **{word: value})
    assert "\n" not in str(error.value)


def test_silence_is_zero():
    with pytest.raises(SampleError, match=r"^chroma: expected at least one sample"):
        encode_chroma(np.empty(0, np.float32), sample_rate_hz=RATE)
