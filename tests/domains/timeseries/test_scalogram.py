"""The scalogram against the sums and integrals that define it, written out in numpy."""

import numpy as np
import pytest
import torch
from numpy.polynomial.legendre import leggauss

from img_repr import encode_scalogram, get_encoder
from img_repr.core.errors import DegenerateSampleWarning, ParameterError

NODES, WEIGHTS = leggauss(500)


def wavelet_by_quadrature(scale: float, lags: np.ndarray) -> np.ndarray:
    """Twice the inverse Fourier transform of the bell between 0 and pi, by Gauss-Legendre in 500 points."""
    omega, weights = (NODES + 1.0) * np.pi / 2.0, WEIGHTS * np.pi / 2.0
    bell = np.exp(-((scale * omega - 6.0) ** 2) / 2.0)
    return np.exp(1j * np.outer(lags, omega)) @ (weights * bell) / np.pi


def magnitudes_by_definition(series: np.ndarray, periods: np.ndarray) -> np.ndarray:
    """|sum_m x_m conj(psi(m - n))| for every period and time, in the time domain."""
    length = len(series)
    centered, lags = series - series.mean(), np.arange(-(length - 1), length)
    rows = []
    for period in periods:
        wavelet = wavelet_by_quadrature(6.0 * period / (2.0 * np.pi), lags)
        rows.append(
            [abs(sum(centered[m] * np.conj(wavelet[m - n + length - 1]) for m in range(length))) for n in range(length)]
        )
    return np.array(rows)


def row_periods(size: int, shortest: float, longest: float) -> np.ndarray:
    return np.geomspace(shortest, longest, 2 * size + 1)[1::2]


@pytest.mark.parametrize("length", [2, 3, 17, 40])
def test_equals_direct_convolution(random, length):
    series = random.normal(size=length)
    expected = magnitudes_by_definition(series, row_periods(length, 2, length))
    np.testing.assert_allclose(encode_scalogram(series), expected / expected.max(), atol=1e-11)


def test_columns_are_means_over_windows_of_time(random):
    series = random.normal(size=48)
    full = magnitudes_by_definition(series, row_periods(6, 3, 30))
    expected = full.reshape(6, 6, 8).mean(axis=2)
    np.testing.assert_allclose(encode_scalogram(series, size=6, periods=(3, 30)), expected / expected.max(), atol=1e-11)


def test_more_columns_than_times_lie_on_straight_lines(random):
    series = random.normal(size=12)
    full = torch.from_numpy(magnitudes_by_definition(series, row_periods(30, 2, 12)))
    expected = torch.nn.functional.interpolate(full[None], size=30, mode="linear")[0].numpy()
    np.testing.assert_allclose(encode_scalogram(series, size=30), expected / expected.max(), atol=1e-11)


def test_energy_norm_is_that_of_torrence_and_compo(random):
    """Their equation 4 with 6, through a transform so long that its wrapping round is small."""
    series, length = random.normal(size=64), 64
    periods = row_periods(64, 6, 40)  # away from the Nyquist frequency, where their wavelet is cut
    scales = periods[:, None] * (6.0 + np.sqrt(2.0 + 36.0)) / (4.0 * np.pi)
    omega = 2.0 * np.pi * np.fft.fftfreq(4096)
    wavelets = np.sqrt(2.0 * np.pi * scales) * np.pi**-0.25 * np.exp(-((scales * omega - 6.0) ** 2) / 2.0) * (omega > 0)
    expected = np.abs(np.fft.ifft(np.fft.fft(series - series.mean(), 4096) * wavelets, axis=1))[:, :length]
    image = encode_scalogram(series, periods=(6, 40), norm="energy")
    np.testing.assert_allclose(image, expected / expected.max(), atol=1e-6)


@pytest.mark.parametrize("norm", ["amplitude", "energy"])
@pytest.mark.parametrize("period", [3.0, 5.5, 16.0, 60.0])
def test_ridge_of_a_sine_lies_in_the_row_of_its_period(norm, period):
    series = np.sin(2 * np.pi * np.arange(2000) / period)
    image = encode_scalogram(series, size=40, periods=(2, 200), norm=norm)
    row = image[:, 10:30].mean(axis=1).argmax()  # away from the ends
    assert abs(row_periods(40, 2, 200)[row] / period - 1.0) < 100 ** (1 / 80) - 1 + 0.02  # half a row, and a little


def test_amplitude_norm_shows_equal_waves_alike():
    time = np.arange(4000)
    series = np.where(time < 2000, np.sin(2 * np.pi * time / 8), np.sin(2 * np.pi * time / 64))
    image = encode_scalogram(series, size=80, periods=(2, 200))
    assert image[:, 20].max() == pytest.approx(image[:, 60].max(), rel=0.01)
    slow_favored = encode_scalogram(series, size=80, periods=(2, 200), norm="energy")
    assert slow_favored[:, 60].max() / slow_favored[:, 20].max() == pytest.approx(np.sqrt(8.0), rel=0.02)


def test_nothing_wraps_round():
    series = np.zeros(128)
    series[-12:] = np.sin(2 * np.pi * np.arange(12) / 6)
    image = encode_scalogram(series, size=32, periods=(5, 9))
    assert image[:, -1].max() > 0.5
    assert image[:, 0].max() < 1e-6


def test_log_is_decibels_below_the_maximum(walks):
    amplitude = encode_scalogram(walks, size=20)
    expected = np.maximum(20 * np.log10(amplitude), -30.0)
    np.testing.assert_allclose(encode_scalogram(walks, size=20, scale="log", top_db=30), expected, atol=1e-9)


def test_constant_series_is_empty_and_warned_of_once(random):
    series = np.stack([np.full(30, 0.1), random.normal(size=30), np.full(30, -7.0)])
    with pytest.warns(
        DegenerateSampleWarning, match="scalogram: 2 of 3 series .first: number 0. are constant"
    ) as caught:
        image = encode_scalogram(series, size=8)
    assert len(caught) == 1
    assert (image[[0, 2]] == 0).all()
    assert image[1].max() == 1
    with pytest.warns(DegenerateSampleWarning):
        assert (encode_scalogram(series[0], size=8, scale="log") == -60.0).all()
    with pytest.warns(DegenerateSampleWarning):
        assert (get_encoder("scalogram", size=8, scale="log")(series[:1]) == 0).all()


def test_long_series_in_bounded_pieces_give_the_same(random):
    short, long = random.normal(size=(3, 40)), random.normal(size=(2, 5000))
    together = encode_scalogram([*short, *long], size=9, periods=(2, 40))
    np.testing.assert_allclose(together[:3], encode_scalogram(short, size=9, periods=(2, 40)), atol=1e-12)
    np.testing.assert_allclose(together[4], encode_scalogram(long[1], size=9, periods=(2, 40)), atol=1e-12)


def test_gradient_is_that_of_differences(random):
    series = torch.from_numpy(random.normal(size=(2, 12))).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: encode_scalogram(x, size=5, scale="log"), (series,), atol=1e-4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"periods": (1, 8)},
        {"periods": (8, 4)},
        {"periods": 3},
        {"norm": "loud"},
        {"scale": "dB"},
        {"top_db": 0},
        {"top_db": True},
    ],
)
def test_wrong_parameters(wrong):
    with pytest.raises(ParameterError, match=f"scalogram: expected {next(iter(wrong))}"):
        encode_scalogram(np.arange(9.0), **wrong)
