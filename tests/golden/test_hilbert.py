"""The Hilbert curve against a published algorithm and a recursive drawing, and images along it against plain means."""

import numpy as np
import pytest

from img_repr import encode_byteviews, encode_hilbert
from img_repr.domains.binary.layout import hilbert_curve


def published(side: int, distance: int) -> tuple[int, int]:
    """Row and column of a cell, bit by bit, as of "d2xy" in Wikipedia's article on the curve."""
    x = y = 0
    scale = 1
    while scale < side:
        right = 1 & (distance // 2)
        down = 1 & (distance ^ right)
        if down == 0:
            if right == 1:
                x, y = scale - 1 - x, scale - 1 - y
            x, y = y, x
        x, y = x + scale * right, y + scale * down
        distance //= 4
        scale *= 2
    return y, x


@pytest.mark.parametrize("order", [0, 1, 2, 3, 4, 5])
def test_the_curve_is_the_published_one(order):
    cells = [published(1 << order, distance) for distance in range(4**order)]
    np.testing.assert_array_equal(np.stack(hilbert_curve(order), axis=1), cells)


def drawn(order: int, corner: np.ndarray, first: np.ndarray, second: np.ndarray) -> list[np.ndarray]:
    """Centers of cells by recursion: a square is a corner and two sides, left at the end of the second."""
    if order == 0:
        return [corner + (first + second) / 2]
    a, b = first / 2, second / 2
    return [
        *drawn(order - 1, corner, b, a),
        *drawn(order - 1, corner + a, a, b),
        *drawn(order - 1, corner + a + b, a, b),
        *drawn(order - 1, corner + a + second, -b, -a),
    ]


@pytest.mark.parametrize("order", [0, 1, 2, 3, 4, 6])
def test_the_curve_is_the_recursion(order):
    side = float(1 << order)
    cells = np.array(drawn(order, np.zeros(2), np.array([side, 0.0]), np.array([0.0, side])))
    np.testing.assert_array_equal(np.stack(hilbert_curve(order), axis=1), (cells - 0.5).astype(int))


@pytest.mark.parametrize("order", [1, 2, 5, 8])
def test_the_curve_fills_the_square_step_by_step(order):
    rows, columns = hilbert_curve(order)
    side = 1 << order
    assert len(np.unique(rows * side + columns)) == side**2
    assert (np.abs(np.diff(rows)) + np.abs(np.diff(columns)) == 1).all()
    assert (rows[0], columns[0], rows[-1], columns[-1]) == (0, 0, 0, side - 1)


def cell_means(values: np.ndarray, cells: int) -> np.ndarray:
    return np.repeat(values.astype(float), cells).reshape(cells, len(values)).mean(axis=1)


def along_the_curve(means: np.ndarray) -> np.ndarray:
    order = (len(means).bit_length() - 1) // 2
    image = np.empty((1 << order, 1 << order))
    image[hilbert_curve(order)] = means
    return image


@pytest.mark.parametrize("length", [1, 3, 63, 64, 65, 100, 1000])
@pytest.mark.parametrize("size", [1, 2, 8, 16])
def test_cells_are_means_of_equal_parts(length, size):
    values = np.random.default_rng(length).integers(0, 256, length, dtype=np.uint8)
    expected = along_the_curve(cell_means(values, size**2))
    np.testing.assert_allclose(encode_hilbert(values, size=size, dtype="float64"), expected, atol=1e-9)
    np.testing.assert_allclose(encode_hilbert(values, size=size), expected, atol=1e-3)


def test_a_file_of_several_pieces():
    values = np.random.default_rng(0).integers(0, 256, 600_001, dtype=np.uint8)
    cuts = np.cumsum(np.r_[0, values.astype(float)])
    at = np.interp(np.arange(65) * (len(values) / 64), np.arange(len(cuts)), cuts)
    np.testing.assert_allclose(
        encode_hilbert(values, size=8), along_the_curve(np.diff(at) / (len(values) / 64)), atol=1e-3
    )


def test_other_sizes_are_area_means_of_the_next_power_of_two():
    values = np.random.default_rng(4).integers(0, 256, 5000, dtype=np.uint8)
    large = along_the_curve(cell_means(values, 64))
    points = np.repeat(np.repeat(large, 6, axis=0), 6, axis=1)  # 48 by 48: 8 pixels each in a row of 6
    expected = points.reshape(6, 8, 6, 8).mean(axis=(1, 3))
    np.testing.assert_allclose(encode_hilbert(values, size=6, dtype="float64"), expected, atol=1e-9)


def test_every_binary_fills_the_image():
    for length in (1, 5, 700):
        assert (encode_byteviews(bytes(length), size=8, layout="hilbert", views=("mask",)) == 1.0).all()
