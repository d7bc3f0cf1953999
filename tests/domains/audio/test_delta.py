"""Deltas against scipy's Savitzky-Golay filter and against polynomials."""

import numpy as np
import pytest
import torch
from scipy.signal import savgol_filter

from img_repr.core.errors import ParameterError
from img_repr.domains.audio.delta import check_delta, delta_along_time, delta_range


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    ("length", "width"), [(3, 3), (4, 3), (5, 5), (6, 5), (7, 7), (8, 7), (9, 9), (10, 9), (17, 9), (300, 9)]
)
def test_equals_scipy(random, order, length, width):
    matrix = random.normal(size=(2, 5, length))
    expected = savgol_filter(matrix, width, polyorder=order, deriv=order, axis=-1, mode="interp")
    np.testing.assert_allclose(delta_along_time(torch.from_numpy(matrix), order).numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("length", [1, 2])
def test_short_input_has_zero_delta(length):
    assert not delta_along_time(torch.ones(3, length), 1).any()


def test_order_zero_is_the_matrix_itself():
    matrix = torch.ones(2, 3)
    assert delta_along_time(matrix, 0) is matrix


def test_derivatives_of_a_parabola():
    time = torch.arange(20.0, dtype=torch.float64)
    parabola = 3.0 * time**2 - 7.0 * time
    torch.testing.assert_close(delta_along_time(parabola, 2), torch.full_like(time, 6.0))
    torch.testing.assert_close(delta_along_time(parabola, 1)[4:-4], 6.0 * time[4:-4] - 7.0)


@pytest.mark.parametrize("order", [1, 2])
def test_range_bound_is_tight(random, order):
    low, high = delta_range(-80.0, 0.0, order)
    assert low == -high
    largest = 0.0
    for length in range(3, 12):
        worst = torch.from_numpy(random.choice([-80.0, 0.0], size=(4000, length)))
        largest = max(largest, float(delta_along_time(worst, order).abs().max()))
    assert largest == pytest.approx(high)


def test_the_range_of_the_image_itself():
    assert delta_range(-80.0, 0.0, 0) == (-80.0, 0.0)


@pytest.mark.parametrize("order", [3, -1, True, 0.5, "1", None])
def test_rejects_invalid_delta(order):
    with pytest.raises(ParameterError, match=r"^test: expected delta to be 0, 1 or 2, got"):
        check_delta("test", order)
