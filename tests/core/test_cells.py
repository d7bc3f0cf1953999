"""Cells brought to pixels: means over areas, or straight lines between centers."""

import numpy as np
import pytest

from img_repr.core.cells import cells_to_pixels


@pytest.mark.parametrize(("cells", "size"), [(1, 1), (1, 5), (2, 1), (9, 9), (33, 7), (7, 33), (33, 32)])
def test_weights_of_a_pixel_sum_to_one(cells, size):
    weights = cells_to_pixels(np.arange(cells) + 0.5, float(cells), size)
    assert weights.shape == (size, cells)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-14)
    if cells == size:
        np.testing.assert_allclose(weights, np.eye(size), atol=1e-14)


@pytest.mark.parametrize("size", [1, 3, 8, 20])
def test_pixels_are_means_over_their_areas(random, size):
    """Cells of unequal widths, counted out in thin slivers of the axis."""
    centers, extent = np.sort(random.uniform(0.0, 10.0, 20)), 10.0
    fine = 5000
    places = (np.arange(size * fine) + 0.5) * extent / (size * fine)
    nearest = np.abs(places[:, None] - centers).argmin(axis=1)
    values = random.normal(size=20)
    expected = values[nearest].reshape(size, fine).mean(axis=1)
    np.testing.assert_allclose(cells_to_pixels(centers, extent, size) @ values, expected, atol=0.01)


def test_more_pixels_than_cells_lie_on_straight_lines():
    line = cells_to_pixels(np.array([1.0, 3.0]), 4.0, 8) @ np.array([10.0, 30.0])
    np.testing.assert_allclose(line, [10.0, 10.0, 12.5, 17.5, 22.5, 27.5, 30.0, 30.0])
