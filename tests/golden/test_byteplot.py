"""Byte images against Nataraj's table, matrices made by hand, and means over explicitly enlarged matrices."""

import numpy as np
import pytest

from img_repr import encode_byteplot, encode_byteviews, encode_entropy
from img_repr.domains.binary.width import image_width

# L. Nataraj et al., VizSec 2011, table 1: "File Size Range" and "Image Width".
TABLE = [
    ("<10 kB", 32),
    ("10 kB - 30 kB", 64),
    ("30 kB - 60 kB", 128),
    ("60 kB - 100 kB", 256),
    ("100 kB - 200 kB", 384),
    ("200 kB - 500 kB", 512),
    ("500 kB - 1000 kB", 768),
    (">1000 kB", 1024),
]


def published_width(length: int, kilobyte: int) -> int:
    """By the rows of the table, read as text; a size that two rows name belongs to the later."""
    found = 0
    for words, width in TABLE:
        bounds = [int(word) for word in words.replace("<", "").replace(">", "").replace("kB", "").split("-")]
        lowest = 0 if words.startswith("<") else bounds[0]
        if length >= lowest * kilobyte:
            found = width
    return found


@pytest.mark.parametrize("kilobyte", [1000, 1024])
@pytest.mark.parametrize("bound", [10, 30, 60, 100, 200, 500, 1000])
@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_widths_at_the_bounds(kilobyte, bound, shift):
    length = bound * kilobyte + shift
    expected = published_width(length, kilobyte)
    assert image_width("test", length, kilobyte=kilobyte) == expected
    matrix = encode_byteplot(np.zeros(length, np.uint8), kilobyte=kilobyte, dtype="uint8")
    assert matrix.shape == (-(-length // expected), expected)


def test_widths_far_from_the_bounds():
    assert [image_width("test", length) for length in (1, 20_000, 5 * 10**9)] == [32, 64, 1024]


@pytest.mark.parametrize(("length", "side"), [(1, 1), (2, 2), (4, 2), (5, 3), (9, 3), (10, 4), (10**12, 10**6)])
def test_squares(length, side):
    assert image_width("test", length, "square") == side


def test_matrices_made_by_hand():
    np.testing.assert_array_equal(encode_byteplot(bytes([1, 2, 3, 4, 5]), width=2), [[1, 2], [3, 4], [5, 0]])
    np.testing.assert_array_equal(encode_byteplot(bytes([1, 2, 3, 4]), width=2), [[1, 2], [3, 4]])  # no black row
    np.testing.assert_array_equal(encode_byteplot(bytes([7]), width=3), [[7, 0, 0]])
    np.testing.assert_array_equal(
        encode_byteplot(bytes([0x00, 0x01, 0x09, 0x1F, 0x41, 0x7F, 0x80, 0xFE, 0xFF]), width=9, levels="class"),
        [[0, 64, 128, 64, 128, 64, 191, 191, 255]],
    )


def test_images_made_by_hand():
    """Five bytes in rows of two: a pixel that padding shares holds the mean of the bytes alone."""
    binary = bytes([10, 20, 30, 40, 50])
    np.testing.assert_allclose(encode_byteplot(binary, width=2, size=1), [[30.0]], rtol=1e-6)
    np.testing.assert_allclose(encode_byteplot(binary, width=2, size=(3, 1)), [[15.0], [35.0], [50.0]], rtol=1e-6)
    np.testing.assert_allclose(encode_byteplot(binary, width=2, size=(1, 2)), [[30.0, 30.0]], rtol=1e-6)
    two = encode_byteplot(binary, width=2, size=2)  # a row and a half each
    np.testing.assert_allclose(two, [[(10 + 15) / 1.5, (20 + 20) / 1.5], [(15 + 50) / 1.5, 40.0]], rtol=1e-6)
    mask = encode_byteviews(binary, width=2, size=2, views=("mask",))[0]
    np.testing.assert_allclose(mask, [[1.0, 1.0], [1.0, 0.5 / 1.5]], rtol=1e-6)


def enlarged_mean(values: np.ndarray, width: int, height: int, across: int) -> np.ndarray:
    """Mean over the bytes of each pixel, on a matrix where every byte is ``height`` by ``across`` points."""
    rows = -(-len(values) // width)
    sums, counts = np.zeros((2, rows * width))
    sums[: len(values)], counts[: len(values)] = values, 1.0
    sums, counts = sums.reshape(rows, width), counts.reshape(rows, width)
    for points in (height, across):  # down, then to the right
        sums, counts = (
            np.repeat(one, points, axis=0).reshape(points, -1, one.shape[1]).sum(1).T for one in (sums, counts)
        )
    return np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)


@pytest.mark.parametrize("length", [1, 2, 31, 32, 33, 97, 320, 700])
@pytest.mark.parametrize("width", [1, 7, 32, "square"])
@pytest.mark.parametrize("size", [1, 3, (5, 11), 16, 40])
def test_a_pixel_is_the_mean_of_its_area(length, width, size):
    values = np.random.default_rng(length).integers(0, 256, length, dtype=np.uint8)
    height, across = size if isinstance(size, tuple) else (size, size)
    wide = image_width("test", length, width)
    expected = enlarged_mean(values, wide, height, across)
    exact = encode_byteplot(values, width=width, size=size, dtype="float64")
    np.testing.assert_allclose(exact, expected, atol=1e-9)
    np.testing.assert_allclose(encode_byteplot(values, width=width, size=size), expected, atol=1e-3)


def test_a_file_of_several_pieces_is_the_mean_of_its_area():
    values = np.random.default_rng(0).integers(0, 256, 700_001, dtype=np.uint8)
    expected = enlarged_mean(values, 768, 9, 10)
    np.testing.assert_allclose(encode_byteplot(values, size=(9, 10), dtype="float64"), expected, atol=1e-9)
    np.testing.assert_allclose(encode_byteplot(values, size=(9, 10)), expected, atol=1e-3)


def test_every_byte_weighs_the_same():
    values = np.random.default_rng(1).integers(0, 256, 64 * 64 * 50, dtype=np.uint8)
    image = encode_byteplot(values, width=64, size=64, dtype="float64")
    assert image.mean() == pytest.approx(values.mean(), rel=1e-12)


@pytest.mark.parametrize("size", [8, 64, 224])  # no center falls between two bytes of 300 rows of 63
def test_nearest_is_that_of_pillow(size):
    from PIL import Image

    values = np.random.default_rng(2).integers(0, 256, 300 * 63, dtype=np.uint8)
    theirs = Image.fromarray(values.reshape(300, 63)).resize((size, size), Image.Resampling.NEAREST)
    ours = encode_byteplot(values, width=63, size=size, sampling="nearest", dtype="uint8")
    np.testing.assert_array_equal(ours, np.asarray(theirs))


def test_the_mean_is_that_of_pillow_but_for_its_rounding():
    """Of whole bytes to a pixel: where an edge cuts a byte, Pillow gives all of it to one pixel."""
    from PIL import Image

    values = np.random.default_rng(3).integers(0, 256, 300 * 64, dtype=np.uint8)
    theirs = Image.fromarray(values.reshape(300, 64)).resize((32, 50), Image.Resampling.BOX)
    ours = encode_byteplot(values, width=64, size=(50, 32), dtype="float64")
    assert np.abs(ours - np.asarray(theirs, float)).max() <= 1.0


def definition_of_entropy(values: np.ndarray, window: int, step: int) -> np.ndarray:
    """Entropy at each byte, by the words of the docstring: of the window whose center is nearest; one ends the file."""
    from scipy.stats import entropy

    length, window = len(values), min(window, len(values))
    starts = sorted({*range(0, length - window + 1, step), length - window})
    bits = [entropy(np.bincount(values[start : start + window]), base=2) for start in starts]
    centers = np.array([number * step + window / 2 for number in range(len(starts))])  # where the last would stand
    places = np.arange(length) + 0.5
    return np.array(bits)[np.abs(places[:, None] - centers - 1e-9).argmin(axis=1)]


@pytest.mark.parametrize("length", [1, 5, 16, 17, 31, 32, 33, 40, 100, 263])
@pytest.mark.parametrize("step", [2, 4, 8, 16])
def test_entropy_is_its_definition(length, step):
    values = np.random.default_rng(length).integers(0, 7, length, dtype=np.uint8)
    found = encode_entropy(values, window=16, step=step, width=length, dtype="float64")
    assert found.shape == (1, length)
    np.testing.assert_allclose(found[0], definition_of_entropy(values, 16, step), atol=2e-6)


def test_entropy_of_a_file_of_several_pieces_is_its_definition():
    random = np.random.default_rng(5).integers(0, 256, 300_000)
    values = (random & np.repeat([3, 255, 15], 100_000)).astype(np.uint8)
    expected = enlarged_mean(definition_of_entropy(values, 65536, 32768), 512, 5, 6)
    np.testing.assert_allclose(encode_entropy(values, window=65536, step=32768, size=(5, 6)), expected, atol=1e-4)
