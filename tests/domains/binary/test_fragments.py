"""Fragments and sliding windows."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from img_repr.core.errors import DataError, ParameterError
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.fragments import cut_fragment, evenly_spaced, fragment_offsets, slide


@pytest.mark.parametrize("length", [0, 1, 9, 10, 11, 20, 29, 30, 31, 95])
def test_offsets_by_plain_counting(length: int):
    every = list(range(0, length, 10))
    whole = [at for at in every if at + 10 <= length]
    assert fragment_offsets(length, fragment_bytes=10).tolist() == whole
    assert fragment_offsets(length, fragment_bytes=10, keep_last=True).tolist() == every
    assert fragment_offsets(length, fragment_bytes=10, skip_ends=True).tolist() == every[1:-1]
    some = fragment_offsets(length, fragment_bytes=10, at_most=3).tolist()
    assert len(some) == min(3, len(whole))
    assert set(some) <= set(whole)


def test_interior_fragments_touch_neither_end():
    for length in range(1, 60):
        for offset in fragment_offsets(length, fragment_bytes=7, skip_ends=True).tolist():
            assert offset >= 7
            assert offset + 7 < length


@pytest.mark.parametrize("count", range(1, 40))
@pytest.mark.parametrize("at_most", [1, 2, 3, 7, 39])
def test_evenly_spaced_is_even(count: int, at_most: int):
    places = evenly_spaced(count, at_most)
    assert len(places) == min(count, at_most)
    steps = np.diff(places)
    assert (steps > 0).all()
    assert len(steps) == 0 or steps.max() - steps.min() <= 1
    assert abs(places[0] - (count - 1 - places[-1])) <= 1  # as far from the start as from the end


def test_fragments_of_memory_are_views(random: np.random.Generator):
    content = random.integers(0, 256, 1000, dtype=np.uint8)
    cut = [cut_fragment(Binary(content), at, 100) for at in range(0, 1000, 100)]
    assert all(np.shares_memory(one.read(), content) for one in cut)
    np.testing.assert_array_equal(np.concatenate([one.read() for one in cut]), content)
    assert len(pickle.dumps(cut[0])) < 700  # its own bytes, not all


def test_fragments_of_a_part_and_of_a_file(tmp_path: Path, random: np.random.Generator):
    content = random.integers(0, 256, 1000, dtype=np.uint8)
    (tmp_path / "a").write_bytes(content)
    for part in (Binary(content, 100, 955), Binary(tmp_path / "a", 100, 955)):
        cut = [cut_fragment(part, at, 100) for at in fragment_offsets(855, fragment_bytes=100, keep_last=True).tolist()]
        assert [len(one) for one in cut] == [100] * 8 + [55]
        np.testing.assert_array_equal(np.concatenate([one.read() for one in cut]), content[100:955])
    assert cut[1].content == tmp_path / "a"  # nothing is read


def test_known_goes_with_its_bytes():
    known = np.array([True] * 6 + [False] * 2)
    first, second = (cut_fragment(Binary(np.arange(8, dtype=np.uint8), known=known), at, 4) for at in (0, 4))
    assert first.known is None
    assert second.known.tolist() == [True, True, False, False]
    assert cut_fragment(Binary(np.arange(8, dtype=np.uint8), known=known), 5, 2).known.tolist() == [True, False]


@pytest.mark.parametrize(("window", "step"), [(4, None), (4, 1), (4, 3), (50, None), (20, 20), (19, 7), (1, None)])
@pytest.mark.parametrize("batch", [1, 3, 256])
def test_windows_cover_every_byte(window: int, step: int | None, batch: int):
    content = np.arange(20, dtype=np.uint8)
    places, seen = [], np.zeros(20, bool)
    for offsets, windows in slide(Binary(content), window_bytes=window, step_bytes=step, batch=batch):
        assert len(offsets) == len(windows) <= batch
        for offset, one in zip(offsets.tolist(), windows, strict=True):
            assert len(one) == min(window, 20)
            np.testing.assert_array_equal(one.read(), content[offset : offset + window])
            seen[offset : offset + window] = True
            places.append(offset)
    assert seen.all()
    assert places == sorted(set(places))
    assert set(places[:-1]) <= set(range(0, 20, step or window))


def test_windows_of_a_file_are_views_of_a_batch(tmp_path: Path):
    (tmp_path / "a").write_bytes(bytes(range(100)))
    known = np.arange(80) != 33
    batches = list(slide(Binary(tmp_path / "a", 10, 90, known), window_bytes=12, step_bytes=10, batch=3))
    assert [offsets.tolist() for offsets, _ in batches] == [[0, 10, 20], [30, 40, 50], [60, 68]]
    for offsets, windows in batches:
        assert all(one.content.base is windows[0].content.base is not None for one in windows)
        for offset, one in zip(offsets.tolist(), windows, strict=True):
            assert one.read().tolist() == list(range(10 + offset, 22 + offset))
            assert (one.known is None) == (offset != 30)
    assert batches[1][1][0].known.tolist() == known[30:42].tolist()
    assert list(slide(Binary(np.empty(0, np.uint8)))) == []


@pytest.mark.parametrize(("left", "got"), [(0, 0), (20_000, 0), (30_000, 30_000 - 20_480)])
def test_a_file_that_shrinks_meanwhile_is_an_error_not_the_end(tmp_path: Path, left: int, got: int):
    (tmp_path / "a").write_bytes(bytes(1 << 16))
    batches = slide(Binary(tmp_path / "a"), batch=5)
    (offsets, windows) = next(batches)
    os.truncate(tmp_path / "a", left)
    assert len(offsets) == 5
    assert not any(one.read().any() for one in windows)  # what was given stays
    with pytest.raises(DataError, match=rf"a: expected 20480 bytes from 20480, got {got}; it became shorter"):
        next(batches)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "4"])
def test_wrong_counts(wrong: object):
    with pytest.raises(ParameterError, match="fragments: expected fragment_bytes to be an integer above 0, got"):
        fragment_offsets(9, fragment_bytes=wrong)
    with pytest.raises(ParameterError, match="fragments: expected at_most to be an integer above 0, got"):
        fragment_offsets(9, at_most=wrong)
    with pytest.raises(ParameterError, match="slide: expected window_bytes to be an integer above 0, got"):
        slide(Binary(np.arange(9, dtype=np.uint8)), window_bytes=wrong)


def test_steps_over_bytes_are_refused():
    with pytest.raises(ParameterError, match="slide: expected step_bytes of at most window_bytes, 4, got 5"):
        slide(Binary(np.arange(9, dtype=np.uint8)), window_bytes=4, step_bytes=5)
