"""Pairs across pieces and gaps, and heat that goes to the pairs of a pixel."""

import numpy as np
import pytest

from img_repr import encode_bigram, get_encoder
from img_repr.core.errors import DegenerateSampleWarning
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.counting import PairCounts


@pytest.mark.parametrize("bits", [1, 6, 8])
def test_pieces_change_nothing(random, bits):
    values, known = random.integers(0, 256, (2, 500), dtype=np.uint8), random.random((2, 500)) < 0.8
    for knows in (None, known):
        whole, pieces = PairCounts(2, bits), PairCounts(2, bits)
        whole.add(values, knows, follows=False)
        for first, stop in ((0, 1), (1, 2), (2, 300), (300, 500)):
            part = slice(first, stop)
            pieces.add(values[:, part], None if knows is None else knows[:, part], follows=first > 0)
        np.testing.assert_array_equal(pieces.counts, whole.counts)
    expected = np.zeros_like(whole.counts)
    for row in range(2):
        for at in range(499):
            if known[row, at] and known[row, at + 1]:
                expected[row, values[row, at] >> (8 - bits), values[row, at + 1] >> (8 - bits)] += 1
    np.testing.assert_array_equal(whole.counts, expected)


def test_no_pair_across_a_gap():
    pairs = PairCounts(1)
    pairs.add(np.array([[1, 2]], dtype=np.uint8), None, follows=False)
    pairs.add(np.array([[3, 4]], dtype=np.uint8), None, follows=False)
    assert np.argwhere(pairs.counts[0]).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("known", [None, [True, False, True]])
def test_a_binary_without_a_pair_is_blank_and_said(known):
    values = np.array([5] if known is None else [5, 6, 7], dtype=np.uint8)
    with pytest.warns(DegenerateSampleWarning, match=r"^bigram: 1 of 2 binaries \(first: number 1\) have no two known"):
        images = encode_bigram([b"abc", Binary(values, known=known)], size=8)
    assert images[0].any()
    assert not images[1].any()


def test_heat_goes_to_the_two_bytes_of_each_pair():
    heat = np.zeros((256, 256))
    heat[1, 2], heat[9, 9] = 4.0, 7.0  # two pairs, and a pixel without any
    back = get_encoder("bigram", size=256).back_project(heat, bytes([1, 2, 5, 1, 2, 0, 0]))
    np.testing.assert_allclose(back, np.array([1, 1, 0, 1, 1, 0, 0]) + 1.0)


@pytest.mark.parametrize("size", [256, 64, 7, 300])
def test_heat_follows_the_counts_over_areas(random, size):
    values = random.integers(0, 256, 400, dtype=np.uint8)
    known = random.random(400) < 0.8
    heat = random.random((size, size))
    back = get_encoder("bigram", size=size).back_project(heat, Binary(values, known=known))
    table = np.zeros((256, 256))
    pairs = [at for at in range(399) if known[at] and known[at + 1]]
    for at in pairs:
        table[values[at], values[at + 1]] += 1
    shares = np.repeat(np.eye(256), size, axis=1).reshape(256, size, 256).sum(axis=2).T / size  # (size, 256)
    counts = shares @ table @ shares.T
    each = shares.T @ np.divide(heat, counts, out=np.zeros_like(heat), where=counts > 1e-12) @ shares
    expected = np.full(400, heat[counts <= 1e-12].sum() / 400)
    for at in pairs:
        expected[at : at + 2] += each[values[at], values[at + 1]] / 2
    np.testing.assert_allclose(back, expected, rtol=1e-9, atol=1e-12)
    assert back.sum() == pytest.approx(heat.sum())


def test_one_byte():
    back = get_encoder("bigram", size=4).back_project(np.ones((4, 4)), b"a")
    np.testing.assert_allclose(back, [16.0])
