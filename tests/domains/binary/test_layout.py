"""Layouts: gathering and spreading are adjoint, and what a pixel covers is what it is made of."""

import numpy as np
import pytest

from img_repr.domains.binary.layout import Curve, Rows

LAYOUTS = [
    Rows(100, 7, 5, 9),
    Rows(100, 10, 10, 10),
    Rows(3, 32, 4, 4),
    Rows(1, 1, 1, 1),
    Rows(65, 8, 30, 3),
    Curve(100, 8),
    Curve(100, 5),
    Curve(3, 8),
    Curve(1, 1),
    Curve(1000, 7),
]
every_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=str)


def gathered(layout, signal: np.ndarray) -> np.ndarray:
    sums = layout.begin(len(signal))
    cut = layout.length // 3
    for first, stop in ((0, cut), (cut, layout.length)):
        if first < stop:
            layout.add(sums, first, signal[:, first:stop])
    return layout.image(sums)


@every_layout
def test_covered_is_the_image_of_ones(layout):
    ones = gathered(layout, np.ones((1, layout.length)))[0]
    np.testing.assert_allclose(layout.covered(), ones, atol=1e-9)
    assert layout.covered().sum() == pytest.approx(layout.length)
    assert layout.covered().max() <= layout.area * (1 + 1e-12)
    assert layout.covered().shape == layout.sides


@every_layout
def test_spreading_is_the_adjoint_of_gathering(layout, random):
    signal, weights = random.random((1, layout.length)), random.random(layout.sides)
    back = layout.spread(weights)
    assert back.shape == (layout.length,)
    assert (back >= 0).all()
    assert np.sum(gathered(layout, signal)[0] * weights) == pytest.approx(np.sum(signal[0] * back))


@every_layout
def test_ranges_are_the_bytes_that_move_a_pixel(layout):
    moved = np.array([layout.spread(one.reshape(layout.sides)) > 1e-12 for one in np.eye(np.prod(layout.sides))])
    for pixel, bytes_moved in enumerate(moved):
        ranges = layout.ranges(*np.unravel_index(pixel, layout.sides))
        covered = np.zeros(layout.length, bool)
        for first, stop in ranges.tolist():
            assert 0 <= first < stop <= layout.length
            covered[first:stop] = True
        np.testing.assert_array_equal(covered, bytes_moved)
        assert (ranges[1:, 0] > ranges[:-1, 1]).all(), "neighbors are one range"


@every_layout
def test_the_center_lies_in_the_pixel(layout):
    centers = layout.centers()
    assert centers.shape == layout.sides
    for pixel in np.ndindex(*layout.sides):
        ranges = layout.ranges(*pixel)
        inside = [first <= centers[pixel] < stop for first, stop in ranges.tolist()]
        assert any(inside) or centers[pixel] == -1
    assert (centers == -1).any() <= (layout.covered() < layout.area * (1 - 1e-12)).any()


@every_layout
def test_binaries_side_by_side_do_not_touch_each_other(layout, random):
    signal = random.integers(0, 256, (3, layout.length)).astype(np.uint8)
    together = gathered(layout, signal)
    for number in range(3):
        np.testing.assert_allclose(together[number], gathered(layout, signal[number : number + 1])[0], rtol=1e-6)
