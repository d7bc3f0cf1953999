"""Per-channel energy normalization against its formula, step by step; librosa's values stand in the golden tests."""

import numpy as np
import pytest
import torch

from img_repr import encode_melspectrogram, encode_pcen, get_encoder
from img_repr.core.errors import DegenerateSampleWarning, ParameterError
from img_repr.domains.audio.filterbank import mel_filters
from img_repr.domains.audio.fourier import band_energies
from img_repr.domains.audio.framing import Framing
from img_repr.domains.audio.pcen import smooth_along_time

RATE = 16000
SPEECH = {"sample_rate_hz": RATE, "preset": "speech"}


@pytest.fixture
def wave(random):
    return random.normal(size=12_000) * np.repeat([1e-3, 0.1, 1e-2], 4000)


def magnitudes_of(wave: np.ndarray) -> np.ndarray:
    framing = Framing(512, 400, 160, RATE)
    filters = mel_filters("test", framing, 80)
    return band_energies(torch.from_numpy(wave)[None], framing, filters, power=1.0)[0].numpy() * 2**31


@pytest.mark.parametrize("length", [1, 2, 3, 7, 64, 65, 500])
@pytest.mark.parametrize("weight", [1.0, 0.3, 0.001])
def test_smoothing_is_the_recursion(random, length, weight):
    values, state = random.random((2, 3, length)), random.random((2, 3, 1))
    past, expected = state[..., 0], []
    for now in range(length):
        past = weight * values[..., now] + (1 - weight) * past
        expected.append(past)
    found = smooth_along_time(torch.from_numpy(values), weight, torch.from_numpy(state)).numpy()
    np.testing.assert_allclose(found, np.stack(expected, axis=-1), rtol=1e-12)


@pytest.mark.parametrize(
    ("gain", "bias", "power"), [(0.98, 2.0, 0.5), (0.5, 10.0, 0.25), (1.0, 0.5, 1.0), (0.98, 0.0, 0.5)]
)
def test_the_formula(wave, gain, bias, power):
    magnitudes = magnitudes_of(wave)
    frames = 0.4 * RATE / 160
    weight = (np.sqrt(1 + 4 * frames**2) - 1) / (2 * frames**2)
    past, columns = 1.0, []
    for energy in magnitudes.T:
        past = weight * energy + (1 - weight) * past
        columns.append((energy / (1e-6 + past) ** gain + bias) ** power - bias**power)
    found = encode_pcen(wave, **SPEECH, gain=gain, bias=bias, power=power)
    np.testing.assert_allclose(found, np.array(columns).T, rtol=1e-9)


def test_power_zero_is_the_logarithm(wave):
    smallest = encode_pcen(wave, **SPEECH, power=1e-9, bias=1.0) / 1e-9
    np.testing.assert_allclose(encode_pcen(wave, **SPEECH, power=0), smallest, rtol=1e-6)


@pytest.mark.parametrize("frames", [1, 7, 50])
def test_blocks_carry_the_past_on(wave, frames, monkeypatch):
    whole = encode_pcen(wave, **SPEECH)
    monkeypatch.setattr("img_repr.domains.audio.fourier._EXACT_AT_ONCE", frames)
    np.testing.assert_allclose(encode_pcen(wave, **SPEECH), whole, rtol=1e-12)


def test_the_color_of_a_microphone_goes(wave):
    """A filter that takes 20 dB from the high frequencies moves the mel spectrogram far, this one little."""
    spectrum = np.fft.rfft(wave)
    dull = np.fft.irfft(spectrum * np.geomspace(1.0, 0.1, len(spectrum)), len(wave))
    changes = {}
    for encode in (encode_pcen, encode_melspectrogram):
        clear, changed = encode(wave, **SPEECH)[:, 30:], encode(dull, **SPEECH)[:, 30:]
        changes[encode.__name__] = np.abs(clear - changed).mean() / clear.std()
    assert changes["encode_pcen"] < 0.25 * changes["encode_melspectrogram"]


def test_onsets_exceed_steady_sound(wave):
    image = encode_pcen(wave, **SPEECH)
    onset, lasting = image[:, 25:28].mean(), image[:, 44:48].mean()  # noise 40 dB louder, from sample 4000 on
    assert onset > 2 * lasting


def test_single_precision_in_and_out(wave):
    single = wave.astype(np.float32)
    image = encode_pcen(single, **SPEECH)
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image, encode_pcen(single.astype(np.float64), **SPEECH).astype(np.float32))


def test_a_batch_is_each_by_itself(wave):
    both = encode_pcen([wave, wave[:3000] * 1e-4], **SPEECH)
    np.testing.assert_array_equal(both[0], encode_pcen(wave, **SPEECH))
    np.testing.assert_array_equal(both[1, :, :19], encode_pcen(wave[:3000] * 1e-4, **SPEECH))
    assert not both[1, :, 19:].any()


def test_silence_is_zero_and_images_reach_from_zero_to_one(wave):
    with pytest.warns(DegenerateSampleWarning, match="silent"):
        assert not encode_pcen(np.zeros(3000), **SPEECH).any()
    image = get_encoder("pcen", **SPEECH)(wave[None])
    assert image.min() >= 0.0
    assert image.max() == 1.0


def test_a_gradient_reaches_the_waveform(wave):
    wave[:2000] = 0.0
    waves = torch.from_numpy(wave)[None].requires_grad_()
    images = encode_pcen(waves, **SPEECH, size=20)
    np.testing.assert_allclose(images.detach()[0], encode_pcen(wave, **SPEECH, size=20), rtol=1e-9, atol=1e-12)
    images.sum().backward()
    assert waves.grad.isfinite().all()
    assert waves.grad.abs().max() > 0


@pytest.mark.parametrize("word", ["gain", "bias", "power", "time_constant_s", "eps"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), True, "1", None])
def test_rejects_invalid_options(wave, word, value):
    with pytest.raises(ParameterError, match=rf"^pcen: expected {word} to be a number (from|above) 0, got"):
        encode_pcen(wave, **SPEECH, **{word: value})


@pytest.mark.parametrize("word", ["time_constant_s", "eps"])
def test_rejects_zero_time_constant_and_eps(wave, word):
    with pytest.raises(ParameterError, match=rf"^pcen: expected {word} to be a number above 0, got 0"):
        encode_pcen(wave, **SPEECH, **{word: 0})
