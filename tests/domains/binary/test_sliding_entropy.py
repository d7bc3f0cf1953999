"""Sliding entropy: pieces, side by side, unknown bytes; its definition stands in the golden tests."""

import numpy as np
import pytest

from img_repr import encode_entropy
from img_repr.core.errors import ParameterError
from img_repr.domains.binary.sliding_entropy import SlidingEntropy, check_window


def in_pieces(values: np.ndarray, known, cuts, window: int, step: int) -> np.ndarray:
    entropy, found = SlidingEntropy(values.shape[1], window, step), []
    for first, stop in zip([0, *cuts], [*cuts, values.shape[1]], strict=True):
        at, bits = entropy.add(first, values[:, first:stop], None if known is None else known[:, first:stop])
        assert at == sum(one.shape[1] for one in found)
        found.append(bits)
    return np.concatenate(found, axis=1)


@pytest.mark.parametrize("length", [1, 15, 16, 50, 64, 203])
@pytest.mark.parametrize("cuts", [[], [1], [10, 11, 12], [7, 40], [30, 31, 60]], ids=str)
@pytest.mark.parametrize("with_unknown", [False, True])
def test_pieces_change_nothing(random, length, cuts, with_unknown):
    values = random.integers(0, 5, (2, length)).astype(np.uint8)
    known = random.random((2, length)) < 0.7 if with_unknown else None
    cuts = [cut for cut in cuts if cut < length]
    whole = in_pieces(values, known, [], 16, 4)
    assert whole.shape == values.shape
    np.testing.assert_array_equal(in_pieces(values, known, cuts, 16, 4), whole)
    alone = in_pieces(values[1:], None if known is None else known[1:], cuts, 16, 4)
    np.testing.assert_array_equal(alone[0], whole[1])


def test_unknown_bytes_are_not_counted():
    values = np.array([[1, 2, 1, 2, 9, 9, 9, 9, 3, 3, 3, 3, 0, 0, 0, 0]], dtype=np.uint8)
    known = np.array([[True] * 4 + [False] * 4 + [True] * 4 + [False] * 4])
    bits = in_pieces(values, known, [], 16, 16)
    expected = -(0.5 * np.log2(0.25) + 0.5 * np.log2(0.5))  # two ones, two twos, four threes
    np.testing.assert_allclose(bits[0], expected * known[0], rtol=1e-6)
    assert not in_pieces(values, np.zeros_like(known), [], 16, 16).any()


@pytest.mark.parametrize("value", [0, 255])
def test_equal_bytes_have_none_and_all_bytes_have_eight_bits(value):
    assert not encode_entropy(bytes([value]) * 5000, size=8).any()
    np.testing.assert_allclose(encode_entropy(bytes(range(256)) * 8, size=8, step=256), 8.0, rtol=1e-6)


def test_default_step():
    assert check_window("test", 256, None, 1.0) == (256, 128)
    assert check_window("test", 256, None, 256.0) == (256, 256)
    assert check_window("test", 255, None, 1.0) == (255, 255)
    assert check_window("test", 256, 16, 1.0) == (256, 16)


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": 15},
        {"window": 65537},
        {"window": 256.0},
        {"window": True},
        {"step": 0},
        {"step": 8},
        {"step": 100},
        {"step": 512},
        {"step": "half"},
    ],
    ids=str,
)
def test_wrong_window(wrong):
    with pytest.raises(ParameterError, match=rf"^entropy: expected {next(iter(wrong))} to be "):
        encode_entropy(b"abc", **wrong)
