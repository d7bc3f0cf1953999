"""The line plot against a supersampled drawing, and by hand."""

import numpy as np
import pytest
import torch

from img_repr import encode_line, get_encoder
from img_repr.core.errors import DegenerateSampleWarning, NotFittedError, ParameterError

FINE = 400  # sub-columns and sub-rows of a pixel


def draw_by_force(series: np.ndarray, size: int, width: float) -> np.ndarray:
    """Walk along the line in tiny steps, color in each column what lies between its lowest and highest point."""
    length = len(series)
    up = (series - series.min()) / (series.max() - series.min())
    time = (np.arange(size * FINE) + 0.5) / (size * FINE) * length - 0.5
    height = width / 2 + (1 - np.interp(time, np.arange(length), up)) * (size - width)
    height = height.reshape(size, FINE)
    rows = (np.arange(size * FINE) + 0.5) / FINE
    top, bottom = height.min(axis=1) - width / 2, height.max(axis=1) + width / 2
    inked = (rows[:, None] >= top) & (rows[:, None] <= bottom)
    return inked.reshape(size, FINE, size).mean(axis=1)


@pytest.mark.parametrize("width", [0.3, 1.0, 2.5])
@pytest.mark.parametrize(
    ("length", "size"), [(2, 9), (3, 3), (7, 20), (20, 20), (50, 16), (300, 12), (1000, 5), (13, 1)]
)
def test_equals_a_supersampled_plot(random, length, size, width):
    series = random.normal(size=length)
    width = min(width, float(size))
    # The walk misses an extreme between two steps: half a step of the steepest line, and half a sub-row at each end.
    steepest = np.abs(np.diff(series)).max() / np.ptp(series) * (size - width) * max(length / size, 1e-9)
    tolerance = 2 * (0.5 * steepest / FINE + 0.5 / FINE) + 1e-9
    np.testing.assert_allclose(
        encode_line(series, size=size, width=width), draw_by_force(series, size, width), atol=tolerance
    )


def test_no_peak_is_lost():
    series = np.zeros(100_000)
    series[70_003] = 1.0
    image = encode_line(series, size=50)
    np.testing.assert_array_equal(image[0].nonzero()[0], [35])
    assert image[:, 35].min() == 1.0
    np.testing.assert_array_equal(np.delete(image, 35, axis=1)[-1], 1.0)


def test_every_column_holds_at_least_the_width(walks):
    assert encode_line(walks, size=30, width=1.5).sum(axis=1).min() > 1.5 - 1e-9


def test_mirrored_series_has_mirrored_image(walks):
    image = encode_line(walks, size=31)
    np.testing.assert_allclose(encode_line(-walks, size=31), image[:, ::-1], atol=1e-12)
    np.testing.assert_allclose(encode_line(walks[:, ::-1], size=31), image[:, :, ::-1], atol=1e-9)


def test_constant_series_is_a_line_in_the_middle():
    with pytest.warns(DegenerateSampleWarning, match="line: 1 of 1 series .* drawn as a line in the middle") as caught:
        image = encode_line(np.full(10, 3.0), size=5)
    assert len(caught) == 1
    np.testing.assert_array_equal(image, np.repeat([[0.0], [0.0], [1.0], [0.0], [0.0]], 5, axis=1))


def test_limits_keep_amplitude_and_clip():
    image = encode_line([[2.0] * 6, [9.0] * 6, [-5.0] * 6], size=4, limits=(0, 4))
    np.testing.assert_allclose(image[0, :, 0], [0.0, 0.5, 0.5, 0.0])
    np.testing.assert_array_equal(image[1, :, 0], [1.0, 0.0, 0.0, 0.0])
    np.testing.assert_array_equal(image[2, :, 0], [0.0, 0.0, 0.0, 1.0])


def test_limits_are_fitted_to_training_series(walks):
    encoder = get_encoder("line", size=12, limits="fit")
    with pytest.raises(NotFittedError, match="line"):
        encoder(walks)
    with pytest.raises(NotFittedError, match="line"):
        encode_line(walks, size=12, limits="fit")
    fitted = encoder.fit(walks[:30])
    assert dict(fitted.parameters)["limits"] == (walks[:30].min(), walks[:30].max())
    np.testing.assert_array_equal(
        fitted(walks, dtype="float64")[:, 0], encode_line(walks, size=12, limits=(walks[:30].min(), walks[:30].max()))
    )


def test_gradient_is_that_of_differences(random):
    series = torch.from_numpy(random.normal(size=(2, 7))).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: encode_line(x, size=5, limits=(-4.0, 4.0)), (series,))


@pytest.mark.parametrize(
    "wrong", [{"width": 0}, {"width": 10}, {"width": "1"}, {"width": float("nan")}, {"limits": (1, 1)}, {"limits": 3}]
)
def test_wrong_parameters(wrong):
    with pytest.raises(ParameterError, match=f"line: expected {next(iter(wrong))}"):
        encode_line(np.arange(9.0), **wrong)
