"""Bigram images against plain counting."""

import numpy as np
import pytest

from img_repr import encode_bigram


def plain_counts(values: np.ndarray) -> np.ndarray:
    counts = np.zeros((256, 256))
    for first, second in zip(values[:-1].tolist(), values[1:].tolist(), strict=True):
        counts[first, second] += 1
    return counts


def shrunk(counts: np.ndarray, size: int) -> np.ndarray:
    """Sums over areas, along one side and then the other, on a table where every pair is ``size`` points long."""
    for _ in range(2):
        points = np.repeat(counts, size, axis=0) / size
        counts = points.reshape(size, 256, -1).sum(axis=1).T
    return counts


@pytest.fixture(scope="module")
def binary():
    random = np.random.default_rng(0)
    return np.r_[random.integers(0, 256, 3000), np.tile([0, 1, 2], 500), random.normal(100, 9, 1000)].astype(np.uint8)


@pytest.mark.parametrize("size", [256, 64, 16, 2, 1, 10])
def test_scales(binary, size):
    counts = shrunk(plain_counts(binary), size)
    total = len(binary) - 1
    expected = {
        "log": np.log1p(counts) / np.log1p(total),
        "sqrt": np.sqrt(counts / total),
        "markov": counts / np.where(counts.sum(axis=1) > 0, counts.sum(axis=1), 1.0)[:, None],
    }
    for scale, image in expected.items():
        found = encode_bigram(binary, size=size, scale=scale, dtype="float64")
        np.testing.assert_allclose(found, image, atol=1e-9, err_msg=scale)


def test_larger_than_a_pixel_per_pair(binary):
    counts = np.repeat(np.repeat(plain_counts(binary), 2, axis=0), 2, axis=1) / 4
    found = encode_bigram(binary, size=512, scale="sqrt", dtype="float64")
    np.testing.assert_allclose(found, np.sqrt(counts / (len(binary) - 1)), atol=1e-9)


def test_first_byte_down_second_to_the_right():
    image = encode_bigram(bytes([3, 250]), size=256)
    assert np.argwhere(image).tolist() == [[3, 250]]
    assert image.max() == 1.0


def test_a_file_of_several_pieces(tmp_path):
    values = np.random.default_rng(1).integers(0, 256, 700_001, dtype=np.uint8)
    (tmp_path / "file").write_bytes(values)
    counts = np.bincount(values[:-1].astype(int) * 256 + values[1:], minlength=65536).reshape(256, 256)
    expected = np.log1p(counts) / np.log1p(700_000)
    np.testing.assert_allclose(encode_bigram(tmp_path / "file", dtype="float64"), expected, atol=1e-9)
    np.testing.assert_allclose(encode_bigram(values, dtype="float64"), expected, atol=1e-9)


def test_upper_bits_are_areas_of_the_whole_table(binary):
    whole = np.expm1(encode_bigram(binary, size=256, dtype="float64") * np.log1p(len(binary) - 1))
    small = np.expm1(encode_bigram(binary, size=64, dtype="float64") * np.log1p(len(binary) - 1))
    np.testing.assert_allclose(whole.reshape(64, 4, 64, 4).sum(axis=(1, 3)), small, atol=1e-9)
