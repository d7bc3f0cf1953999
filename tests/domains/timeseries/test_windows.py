"""The stack of windows against plain loops, and by hand."""

import numpy as np
import pytest
import torch

from img_repr import encode_windows, get_encoder
from img_repr.core.errors import DegenerateSampleWarning, ParameterError
from img_repr.domains.timeseries.windows import window_and_stride


def stack_by_force(series: np.ndarray, window: int, stride: int) -> np.ndarray:
    """Windows as columns, the last at the end of the series, copies of the first value before the series."""
    unit = (series - series.min()) / (series.max() - series.min())
    columns: list[np.ndarray] = []
    end = len(series)
    while not columns or end + stride > window:
        columns.insert(0, np.array([unit[max(0, time)] for time in range(end - window, end)]))
        end -= stride
    return np.array(columns).T


def area_means(matrix: np.ndarray, size: int) -> np.ndarray:
    """Means over S x S pixels of a matrix whose cells are repeated until pixels hold integers of them."""
    fine = np.repeat(np.repeat(matrix, size, axis=0), size, axis=1)
    return fine.reshape(size, len(matrix), size, matrix.shape[1]).mean(axis=(1, 3))


@pytest.mark.parametrize(
    ("length", "window", "stride", "size"), [(100, 10, 1, 5), (97, 12, 5, 7), (60, 30, 30, 2), (50, 8, 20, 3)]
)
def test_smaller_images_are_means_over_areas(random, length, window, stride, size):
    series = random.normal(size=length)
    image = encode_windows(series, size=size, window=window, stride=stride)
    np.testing.assert_allclose(image, area_means(stack_by_force(series, window, stride), size), atol=1e-12)


def test_larger_images_lie_on_straight_lines(random):
    series, size = random.normal(size=30), 40
    matrix = stack_by_force(series, 6, 4)
    down, along = ((np.arange(size) + 0.5) * cells / size - 0.5 for cells in matrix.shape)
    wide = np.array([np.interp(along, np.arange(matrix.shape[1]), row) for row in matrix])
    full = np.array([np.interp(down, np.arange(matrix.shape[0]), column) for column in wide.T]).T
    np.testing.assert_allclose(encode_windows(series, size=size, window=6, stride=4), full, atol=1e-12)


def test_defaults_are_those_of_the_paper():
    assert window_and_stride(900, None, 0.1) == (30, 3)
    assert window_and_stride(2, None, 0.1) == (2, 1)
    assert window_and_stride(1000, 0.25, 1.0) == (250, 250)
    series = np.sin(np.arange(900.0))
    np.testing.assert_array_equal(encode_windows(series, size=20), encode_windows(series, size=20, window=30, stride=3))


def test_every_value_of_the_series_shows(random):
    """A stride of at most the window leaves no gap, whatever the length, window and stride."""
    for _ in range(50):
        length = int(random.integers(2, 40))
        window = int(random.integers(1, length + 1))
        stride = int(random.integers(1, window + 1))
        for time in range(length):
            series = np.zeros(length)
            series[time] = 1.0
            assert encode_windows(series, size=9, window=window, stride=stride).max() > 0.0


def test_heat_returns_to_the_values_under_each_pixel(random):
    """Back projection is the adjoint of the encoder: <image, heat> = <values, back-projected heat>."""
    encoder, series, heat = get_encoder("windows", size=11, stride=0.3), random.uniform(size=70), random.normal(size=11)
    series[:2] = 0.0, 1.0  # so that the scale is one
    heat = np.outer(heat, heat)
    image = encoder(series, dtype="float64")[0, 0]
    assert (image * heat).sum() == pytest.approx((series * encoder.back_project(heat, series)).sum())


def test_constant_series_is_gray():
    with pytest.warns(DegenerateSampleWarning, match="windows: 1 of 1 series .* are 0.5 everywhere"):
        np.testing.assert_allclose(encode_windows(np.full(9, 3.0), size=4), 0.5)


def test_limits_keep_amplitude_and_clip(walks):
    image = encode_windows([[2.0] * 6, [9.0] * 6, [-5.0] * 6], size=4, limits=(0, 4))
    np.testing.assert_allclose(image[:, 0, 0], [0.5, 1.0, 0.0])
    fitted = get_encoder("windows", size=12, limits="fit").fit(walks[:30])
    assert dict(fitted.parameters)["limits"] == (walks[:30].min(), walks[:30].max())


def test_gradient_is_that_of_differences(random):
    series = torch.from_numpy(random.normal(size=(2, 9))).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: encode_windows(x, size=5, limits=(-4.0, 4.0)), (series,))


@pytest.mark.parametrize(
    "wrong",
    [{"window": 0}, {"window": 10}, {"window": 1.5}, {"window": True}, {"stride": 0}, {"stride": 0.0}, {"stride": "1"}],
)
def test_wrong_parameters(wrong):
    with pytest.raises(ParameterError, match=f"windows: expected {next(iter(wrong))}"):
        encode_windows(np.arange(9.0), **wrong)
