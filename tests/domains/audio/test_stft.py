"""The spectrogram, its frequency axes against references made by hand; librosa's values stand in the golden tests."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from img_repr import encode_stft, get_encoder
from img_repr.core.errors import DegenerateSampleWarning, ParameterError
from img_repr.domains.audio.fourier import band_energies
from img_repr.domains.audio.framing import Framing

RATE = 8000
FRAMING = Framing(512, 512, 128, RATE)
WINDOWS = {"sample_rate_hz": RATE, "n_fft": 512, "hop_length": 128}


@pytest.fixture
def wave(random):
    return random.normal(size=6000)


def powers(wave: np.ndarray) -> np.ndarray:
    return band_energies(torch.from_numpy(wave)[None], FRAMING)[0].numpy()


def in_decibels(power: np.ndarray) -> np.ndarray:
    return np.maximum(10 * np.log10(power / power.max()), -80.0)


def band_by_hand(power: np.ndarray, low: float, high: float) -> np.ndarray:
    """Mean over fine slivers, each with the power of the nearest bin; a straight line where a bin is wider."""
    step = RATE / 512
    if high - low <= step:
        place = (low + high) / 2 / step
        below = min(int(place), len(power) - 2)
        return power[below] * (below + 1 - place) + power[below + 1] * (place - below)
    slivers = low + (np.arange(200_000) + 0.5) / 200_000 * (high - low)
    shares = np.bincount(np.round(slivers / step).astype(int), minlength=len(power)) / 200_000
    return shares @ power


@pytest.mark.parametrize(("n_bands", "low", "high"), [(1, 20.0, 4000.0), (24, 32.7, 4000.0), (60, 100.0, 3000.0)])
def test_bands_of_equal_ratio(wave, n_bands, low, high):
    power = powers(wave)
    edges = low * (high / low) ** (np.arange(n_bands + 1) / n_bands)
    expected = np.array([band_by_hand(power, *ends) for ends in pairwise(edges)])
    options = {"frequency": "log", "n_bands": n_bands, "fmin_hz": low, "fmax_hz": high}
    np.testing.assert_allclose(encode_stft(wave, **WINDOWS, **options), in_decibels(expected), atol=1e-3)


@pytest.mark.parametrize(("n_bands", "low", "high"), [(10, 0.0, 4000.0), (7, 500.0, 2000.0), (400, 0.0, 4000.0)])
def test_bands_of_equal_width(wave, n_bands, low, high):
    power = powers(wave)
    edges = low + (high - low) * np.arange(n_bands + 1) / n_bands
    expected = np.array([band_by_hand(power, *ends) for ends in pairwise(edges)])
    found = encode_stft(wave, **WINDOWS, n_bands=n_bands, fmin_hz=low, fmax_hz=high)
    np.testing.assert_allclose(found, in_decibels(expected), atol=1e-3)


def test_frequency_range_is_slice_of_whole(wave):
    step = RATE / 512
    found = encode_stft(wave, **WINDOWS, fmin_hz=10 * step, fmax_hz=99.5 * step)
    np.testing.assert_allclose(found, in_decibels(powers(wave)[10:100]), atol=1e-9)


def test_log_axis_by_default(wave):
    whole = {"frequency": "log", "n_bands": 128, "fmin_hz": 32.7, "fmax_hz": 4000.0}
    np.testing.assert_array_equal(encode_stft(wave, **WINDOWS, frequency="log"), encode_stft(wave, **WINDOWS, **whole))
    image = encode_stft(wave, **WINDOWS, frequency="log", size=(48, 20))
    np.testing.assert_array_equal(image, encode_stft(wave, **WINDOWS, **whole | {"n_bands": 48}, size=(48, 20)))


@pytest.mark.parametrize("frequency", ["linear", "log"])
def test_a_higher_tone_is_higher_in_the_image(frequency):
    time = np.arange(4000) / RATE
    rows = [
        int(encode_stft(np.sin(2 * np.pi * hz * time), **WINDOWS, frequency=frequency, size=64)[:, 30].argmax())
        for hz in (250.0, 500.0, 1000.0, 2000.0)
    ]
    steps = -np.diff(rows)
    assert (steps > 0).all()
    if frequency == "log":
        assert steps.max() - steps.min() <= 1  # octaves are equal
    else:
        np.testing.assert_allclose(steps, [4, 8, 16], atol=1)


def test_gain_and_sign_do_not_matter(wave):
    np.testing.assert_allclose(encode_stft(-7.5 * wave, **WINDOWS), encode_stft(wave, **WINDOWS), atol=1e-9)


def test_silence_is_blank_and_said():
    with pytest.warns(DegenerateSampleWarning, match=r"^stft: 1 of 2 recordings \(first: number 1\) are silent"):
        images = encode_stft(np.stack([np.ones(900), np.zeros(900)]), **WINDOWS)
    assert not images[1].any()
    assert images[0].any()


def test_deltas_go_along_time(wave):
    image, speed = encode_stft(wave, **WINDOWS), encode_stft(wave, **WINDOWS, delta=1)
    slopes = np.polyfit(np.arange(9), image[:, 10:19].T, 1)[0]
    np.testing.assert_allclose(speed[:, 14], slopes, atol=1e-9)
    low, high = get_encoder("stft", delta=1).value_range
    assert low < speed.min() < speed.max() < high


def test_a_gradient_reaches_the_waveform(wave):
    waves = torch.from_numpy(wave)[None].requires_grad_()
    images = encode_stft(waves, **WINDOWS, frequency="log", size=16)
    np.testing.assert_allclose(images.detach()[0], encode_stft(wave, **WINDOWS, frequency="log", size=16), atol=1e-9)
    images.sum().backward()
    assert waves.grad.isfinite().all()
    assert waves.grad.abs().max() > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"frequency": "mel"}, "frequency to be 'linear' or 'log', got 'mel'"),
        ({"n_bands": 0}, "n_bands"),
        ({"n_bands": 2.0}, "n_bands"),
        ({"frequency": "log", "fmin_hz": 0.0}, "0 < fmin_hz"),
        ({"fmin_hz": -1.0}, "0 <= fmin_hz"),
        ({"fmax_hz": 4000.5}, "fmax_hz <= 4000"),
        ({"fmin_hz": 300, "fmax_hz": 200}, "fmin_hz < fmax_hz"),
        ({"fmin_hz": "low"}, "got 'low'"),
        ({"fmin_hz": 1.0, "fmax_hz": 2.0}, "a frequency of the transform from 1 to 2 Hz, got none"),
        ({"top_db": 0}, "top_db"),
        ({"delta": 3}, "delta"),
        ({"preset": "music"}, "preset"),
    ],
)
def test_rejects_invalid_options(wave, options, said):
    with pytest.raises(ParameterError, match=rf"^stft: expected .*{said}"):
        encode_stft(wave, **WINDOWS, **options)
