"""Sums over equal parts of an axis, in pieces of any length, against an axis of small points."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from img_repr.domains.binary.area import area_sums, area_weights


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_pieces_add_up(count, parts, data):
    values = np.random.default_rng(count).integers(0, 256, (2, count), dtype=np.uint8)
    expected = np.repeat(values, parts, axis=1).reshape(2, parts, count).sum(axis=2) / parts
    cuts = sorted({0, count, *data.draw(st.lists(st.integers(0, count), max_size=4))})
    summed, weighted, floating = np.zeros((3, 2, parts))
    for first, stop in pairwise(cuts):
        piece = values[:, first:stop]
        for sums, signal in ((summed, piece), (floating, piece.astype(np.float32))):
            at, found = area_sums(signal, first, count, parts)
            sums[:, at : at + found.shape[1]] += found
        at, weights = area_weights(first, stop, count, parts)
        assert (weights.data > 0).all()
        np.testing.assert_allclose(weights.sum(axis=0), np.ones((1, stop - first)))
        weighted[:, at : at + weights.shape[0]] += piece @ weights.T
    for found in (summed, weighted, floating):
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_rows_beyond_the_32nd_bit():
    """A file of terabytes: places are counted in 64 bits."""
    count, first = 10**12, 7 * 10**11 + 1
    at, weights = area_weights(first, first + 3, count, 224)
    assert at == int(first * 224 / count)
    assert weights.toarray().tolist() == [[1.0, 1.0, 1.0]]
