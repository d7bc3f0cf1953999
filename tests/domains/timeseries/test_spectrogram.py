"""The spectrogram against scipy's transform, and its resizing against plain averages."""

import numpy as np
import pytest
import torch
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from img_repr import encode_spectrogram
from img_repr.core.errors import DegenerateSampleWarning, ParameterError
from img_repr.domains.timeseries.spectrogram import short_time_power, windowing


def power_by_scipy(series: np.ndarray, window: int, hop: int) -> np.ndarray:
    transform = ShortTimeFFT(hann(window, sym=False), hop, fs=1.0, scale_to=None)
    count = (len(series) - 1) // hop + 1
    return np.abs(transform.stft(series, p0=0, p1=count)) ** 2


@pytest.mark.parametrize(
    ("length", "window", "hop"), [(100, 16, 4), (101, 32, 8), (97, 15, 1), (40, 64, 7), (2, 2, 1), (5, 2, 9)]
)
def test_power_equals_scipy(random, length, window, hop):
    series = random.normal(size=length)
    ours = short_time_power(torch.from_numpy(series)[None], window, hop)[0].numpy()
    np.testing.assert_allclose(ours, power_by_scipy(series, window, hop), atol=1e-10)


def test_image_equals_resampled_scipy(random):
    """A pixel's area, cut in 2520 slivers along each axis, each with the power of the cell that it lies in."""
    series, window, hop, size = random.normal(size=64), 16, 4, 7
    power = power_by_scipy(series - series.mean(), window, hop)
    fine = 2520
    time = (np.arange(size * fine) + 0.5) / (size * fine) * 64
    frequency = (np.arange(size * fine) + 0.5) / (size * fine) * 0.5
    column = np.clip(np.round((time - 0.5) / hop), 0, power.shape[1] - 1).astype(int)
    row = np.round(frequency * window).astype(int)
    means = power[row].reshape(size, fine, -1).mean(axis=1)
    means = means[:, column].reshape(size, size, fine).mean(axis=2)[::-1]
    expected = np.maximum(10 * np.log10(means / means.max()), -80)
    np.testing.assert_allclose(encode_spectrogram(series, size=size, window=window, hop=hop), expected, atol=1e-2)


def test_larger_images_lie_on_straight_lines(random):
    series, window, hop, size = random.normal(size=40), 8, 2, 50
    power = power_by_scipy(series - series.mean(), window, hop)
    positions = (np.arange(size) + 0.5) / size
    wide = np.array([np.interp(positions * 40, np.arange(power.shape[1]) * hop + 0.5, row) for row in power])
    full = np.array([np.interp(positions * 0.5, np.arange(power.shape[0]) / window, column) for column in wide.T]).T[
        ::-1
    ]
    image = encode_spectrogram(series, size=size, window=window, hop=hop, scale="amplitude")
    np.testing.assert_allclose(image, np.sqrt(full / full.max()), atol=1e-10)


@pytest.mark.parametrize("length", [2, 3, 15, 16, 60, 256, 4096])
def test_defaults_follow_the_length(length):
    window, hop = windowing(length, None, None)
    assert window % 2 == 0
    assert 2 <= window <= max(2, length)
    assert hop == max(1, window // 8)
    if length >= 64:
        assert 0.5 < (window // 2 + 1) / ((length - 1) // hop + 1) < 2.0  # about as many frequencies as times


@pytest.mark.parametrize("cycles", [0.1, 0.2, 0.4])
def test_a_sine_lies_in_the_row_of_its_frequency(cycles):
    image = encode_spectrogram(np.sin(2 * np.pi * cycles * np.arange(1000)), size=50)
    assert image[:, 25].argmax() in (49 - int(cycles * 100), 50 - int(cycles * 100))


def test_time_runs_to_the_right():
    series = np.zeros(400)
    series[300:] = np.sin(np.arange(100))
    image = encode_spectrogram(series, size=20, scale="amplitude")
    assert image[:, 15:].max() == 1.0
    assert image[:, :13].max() < 0.05


def test_constant_series_is_empty_and_warned_of_once():
    with pytest.warns(DegenerateSampleWarning, match="spectrogram: 2 of 2 series") as caught:
        assert (encode_spectrogram(np.full((2, 30), 0.1), size=8) == -80).all()
    assert len(caught) == 1
    with pytest.warns(DegenerateSampleWarning):
        assert (encode_spectrogram(np.full((2, 30), 0.1), size=8, scale="amplitude") == 0).all()


@pytest.mark.parametrize("scale", ["log", "amplitude"])
def test_gradient_is_that_of_differences(random, scale):
    series = torch.from_numpy(random.normal(size=(2, 20))).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: encode_spectrogram(x, size=5, scale=scale), (series,), atol=1e-4)


@pytest.mark.parametrize(
    "wrong", [{"window": 1}, {"window": 8.0}, {"window": True}, {"hop": 0}, {"scale": "power"}, {"top_db": -3}]
)
def test_wrong_parameters(wrong):
    with pytest.raises(ParameterError, match=f"spectrogram: expected {next(iter(wrong))}"):
        encode_spectrogram(np.arange(9.0), **wrong)
