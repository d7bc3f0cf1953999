"""The constant-Q transform: what it shows, what it refuses, and that it is the same however it is computed."""

import numpy as np
import pytest
import torch

from img_repr import encode_cqt, get_encoder
from img_repr.core.errors import DegenerateSampleWarning, ParameterError
from img_repr.core.module import EncoderModule
from img_repr.domains.audio import octaves
from img_repr.domains.audio.recording import Recording, make_recordings

RATE = 22050


def tone(frequency_hz: float, duration_s: float = 1.0, rate: int = RATE) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(duration_s * rate)) / rate).astype(np.float32)


def noise(length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=length).astype(np.float32)


@pytest.mark.parametrize("semitone", [5, 24, 45, 83])
def test_a_tone_is_loudest_in_its_own_bin(semitone):
    image = encode_cqt(tone(32.70319566 * 2 ** (semitone / 12)), sample_rate_hz=RATE)
    assert image[:, 20].argmax() == semitone
    assert image.max() == 0.0
    assert (image[np.abs(np.arange(84) - semitone) > 3, 20] < -40).all()


def test_image_has_low_at_the_bottom_and_time_to_the_right():
    rising = np.concatenate([tone(110.0), tone(1760.0)])
    image = encode_cqt(rising, sample_rate_hz=RATE, size=(84, 50))
    assert image[:, 10].argmax() == 83 - 21
    assert image[:, 40].argmax() == 83 - 69


@pytest.mark.parametrize(("rate", "bins"), [(4000, 71), (8000, 83), (16000, 84), (48000, 84)])
def test_as_many_of_84_bins_as_fit(rate, bins):
    assert encode_cqt(noise(rate), sample_rate_hz=rate).shape == (bins, 1 + rate // 512)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_bins": 120}, r"^cqt: expected bins up to 11025 Hz, .* got bin 120 of 31608.5 Hz, which .* 101 bins fit$"),
        ({"fmin_hz": 11000.0}, "at most 0 bins fit$"),
        ({"fmin_hz": 0.0}, "fmin_hz to be a frequency above 0, got 0.0$"),
        ({"fmin_hz": float("nan")}, "got nan$"),
        ({"fmin_hz": "C1"}, "got 'C1'$"),
        ({"fmin_hz": 0.1}, "wavelets of at most 524288 samples"),
        ({"n_bins": 0}, "n_bins to be an integer from 1, got 0$"),
        ({"n_bins": 8.0}, "n_bins"),
        ({"bins_per_octave": True}, "bins_per_octave to be an integer from 1, got True$"),
        ({"hop_length": 0}, "hop_length"),
        ({"hop_length": 512, "hop_ms": 10.0}, "hop_length or hop_ms, got both$"),
        ({"top_db": -1.0}, "top_db"),
        ({"delta": 3}, "delta"),
        ({"sample_rate_hz": None}, "sample_rate_hz= for plain waveforms"),
    ],
    ids=str,
)
def test_wrong_parameters(options, message):
    with pytest.raises(ParameterError, match=message) as error:
        encode_cqt(noise(3000), **{"sample_rate_hz": RATE} | options)
    assert str(error.value).startswith("cqt:")
    assert "\n" not in str(error.value)


def test_hop_in_milliseconds():
    wave = noise(RATE)
    expected = encode_cqt(wave, sample_rate_hz=RATE, hop_length=220)
    np.testing.assert_array_equal(encode_cqt(wave, sample_rate_hz=RATE, hop_ms=10.0), expected)


def test_gain_and_sign_do_not_show():
    wave = noise(9000)
    expected = encode_cqt(wave, sample_rate_hz=RATE)
    np.testing.assert_allclose(encode_cqt(-0.25 * wave, sample_rate_hz=RATE), expected, atol=1e-4)


def test_unequal_lengths_are_each_as_alone():
    waves = [noise(length, seed) for seed, length in enumerate((9000, 1, 30000, 511))]
    together = encode_cqt(waves, sample_rate_hz=RATE)
    padded = np.zeros((4, 30000), np.float32)
    for row, wave in zip(padded, waves, strict=True):
        row[: len(wave)] = wave
    lengths = [len(wave) for wave in waves]
    np.testing.assert_array_equal(encode_cqt(padded, sample_rate_hz=RATE, lengths=lengths), together)
    for image, wave in zip(together, waves, strict=True):
        alone = encode_cqt(wave, sample_rate_hz=RATE)
        np.testing.assert_array_equal(image[:, : alone.shape[1]], alone)
        assert (image[:, alone.shape[1] :] == -80.0).all()


@pytest.mark.parametrize("rate", [8000, 44100])  # of 44.1 kHz the rate is halved first
def test_size_of_any_length(rate):
    for length in (1, 511, 512, 1023, 4097):
        image = encode_cqt(noise(length), sample_rate_hz=rate, size=(20, 30))
        assert image.shape == (20, 30)
        assert np.isfinite(image).all()


def test_pcm_is_scaled():
    steps = np.round(tone(440.0) * 20000).astype(np.int16)
    np.testing.assert_allclose(
        encode_cqt(steps, sample_rate_hz=RATE), encode_cqt(steps / np.float32(32768), sample_rate_hz=RATE), atol=1e-4
    )


def test_silence_is_blank_and_said():
    with pytest.warns(DegenerateSampleWarning, match="cqt: 1 of 1 recordings"):
        assert (encode_cqt(np.zeros(4000), sample_rate_hz=RATE) == 0.0).all()


def test_delta_is_the_speed_of_the_image():
    sweep = Recording(noise(RATE), RATE)
    speed = encode_cqt(sweep, delta=1)
    image = encode_cqt(sweep).astype(np.float64)
    weights = np.arange(-4, 5) / 60.0
    np.testing.assert_allclose(speed[:, 20], image[:, 16:25] @ weights, atol=1e-3)


@pytest.mark.parametrize("hop_length", [512, 441])
def test_pieces_do_not_show(monkeypatch, hop_length):
    wave = noise(40000)
    expected = encode_cqt(wave, sample_rate_hz=RATE, hop_length=hop_length)
    monkeypatch.setattr(octaves, "_FRAMED", 4096)
    monkeypatch.setattr(octaves, "_BLOCKS_AT_ONCE", 3)
    np.testing.assert_allclose(encode_cqt(wave, sample_rate_hz=RATE, hop_length=hop_length), expected, atol=1e-3)


def test_gradient_is_that_of_the_values():
    random = torch.Generator().manual_seed(0)
    waves = torch.randn(2, 1500, generator=random, dtype=torch.float64)
    towards = torch.randn(2, 1500, generator=random, dtype=torch.float64)

    def total(values: torch.Tensor) -> torch.Tensor:
        images = encode_cqt(values, sample_rate_hz=8000, top_db=200.0)
        return images[:, ::5].sum()

    values = waves.clone().requires_grad_()
    total(values).backward()
    slope = float((total(waves + 1e-6 * towards) - total(waves - 1e-6 * towards)) / 2e-6)
    assert float((values.grad * towards).sum()) == pytest.approx(slope, rel=1e-4)


def test_gradient_of_silence_is_finite():
    values = torch.zeros(1, 2000, requires_grad=True)
    with pytest.warns(DegenerateSampleWarning):
        encode_cqt(values, sample_rate_hz=8000).sum().backward()
    assert values.grad.isfinite().all()


def test_a_graph_equals_the_function_and_leaves_it_as_it_was():
    """The rate is of no other test, so that the graph is traced before the function was ever called."""
    encoder, waves = get_encoder("cqt", sample_rate_hz=12000), torch.from_numpy(noise(9000).reshape(2, 4500))
    graph = torch.export.export(EncoderModule(encoder), (waves,)).module()
    other = waves.flip(-1)
    torch.testing.assert_close(graph(other), encoder(other), atol=1e-5, rtol=0)
    with torch.inference_mode():
        encode_cqt(waves, sample_rate_hz=11000)
    encode_cqt(waves.clone().requires_grad_(), sample_rate_hz=11000).sum().backward()


def test_heat_goes_back_to_the_bins():
    encoder = get_encoder("cqt", size=42, sample_rate_hz=44100)
    heat = np.zeros((42, 42))
    heat[0, 41] = 1.0  # top right: the highest two semitones, the end
    back = encoder.back_project(heat, Recording(noise(30001), 44100))
    assert back.shape == encode_cqt(noise(30001), sample_rate_hz=44100).shape
    assert back.sum() == pytest.approx(1.0)
    assert back[82:, -3:].sum() == pytest.approx(1.0)


def test_duration_is_fitted():
    encoder = get_encoder("cqt", size=16, sample_rate_hz="fit", duration_s="fit").fit(make_recordings(20))
    assert dict(encoder.parameters)["sample_rate_hz"] == 8000
    assert encoder(make_recordings(3, seed=1)).shape == (3, 1, 16, 16)
