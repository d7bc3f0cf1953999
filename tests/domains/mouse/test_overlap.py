"""Overlap: both ways beside a loop over pixels, and beside each other on real traces."""

import numpy as np
import pytest
import torch

from img_repr import encode_trajectory
from img_repr.domains.mouse import brush
from img_repr.domains.mouse.overlap import keep_largest, lift, overlap_at_once, overlap_in_parts
from img_repr.domains.mouse.sample import make_traces
from img_repr.domains.mouse.strokes import Touches


def touches_of(random, runs, strokes, pixels):
    count = torch.from_numpy(random.integers(0, 5, runs))
    total = int(count.sum())
    pixel = torch.from_numpy(random.integers(0, pixels, total))
    coverage = torch.from_numpy(np.maximum(random.normal(size=total), 0.0).clip(max=1.0).astype(np.float32))
    return Touches(torch.from_numpy(random.integers(0, strokes, runs)), count, pixel, coverage)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("runs", "strokes", "pixels"), [(60, 9, 40), (5, 3, 1000), (0, 1, 4), (400, 1, 1)])
def test_both_ways_are_a_loop_over_the_touches(dtype, runs, strokes, pixels, random):
    touches = touches_of(random, runs, strokes, pixels)
    counts = torch.from_numpy(random.uniform(0.1, 2.0, (strokes, 3))).to(dtype)
    largest, sums = np.zeros(pixels), np.zeros((3, pixels))
    for stroke, pixel, coverage in zip(touches.stroke, touches.pixel, touches.coverage.double(), strict=True):
        largest[pixel] = max(largest[pixel], coverage)
        sums[:, pixel] += coverage.numpy() * counts[stroke].double().numpy()
    covered = np.flatnonzero(largest)
    scratch = torch.zeros(pixels)
    for found in (overlap_at_once(scratch, touches, counts), overlap_in_parts(scratch, [touches], counts)):
        pixel, coverage, of_counts = found
        np.testing.assert_array_equal(pixel, covered)
        np.testing.assert_array_equal(coverage, largest[covered])
        np.testing.assert_allclose(of_counts, sums[:, covered], rtol=1e-5 if dtype == torch.float32 else 1e-12)
        assert of_counts.dtype == dtype
        assert not scratch.any()


def test_parts_are_as_the_whole(random):
    parts = [touches_of(random, 50, 7, 30) for _ in range(3)]
    fields = ("owner", "count", "pixel", "coverage")
    whole = Touches(*(torch.cat([getattr(one, name) for one in parts]) for name in fields))
    counts = torch.from_numpy(random.uniform(size=(7, 2)))
    scratch = torch.zeros(30)
    for one, other in zip(
        overlap_in_parts(scratch, iter(parts), counts), overlap_at_once(scratch, whole, counts), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    assert [len(one) for one in overlap_in_parts(scratch, [], counts)] == [0, 0, 2]


def test_the_largest_is_kept_to_the_last_bit(random):
    values = np.concatenate([random.uniform(size=500), [0.0, 1.0, 1e-40, 1e-30]]).astype(np.float32)
    pixel = random.integers(0, 20, len(values))
    expected = np.zeros(20, np.float32)
    np.maximum.at(expected, pixel, values)
    scratch = torch.zeros(20)
    keep_largest(scratch, torch.from_numpy(pixel), torch.from_numpy(values))
    np.testing.assert_array_equal(scratch, expected)
    where, lifted = lift(scratch)
    np.testing.assert_array_equal(where, np.flatnonzero(expected))
    np.testing.assert_array_equal(lifted, expected[expected > 0])
    assert not scratch.any()


def test_pictures_are_the_same_both_ways(monkeypatch):
    """What a device does is what the CPU does."""
    traces = make_traces(5)
    expected = encode_trajectory(traces)
    monkeypatch.setattr(brush, "overlap_at_once", lambda scratch, one, counts: overlap_in_parts(scratch, [one], counts))
    np.testing.assert_allclose(encode_trajectory(traces), expected, atol=1e-6)
