"""What is looked at of a binary: all, or blocks at even distances, in pieces that need no more memory."""

import numpy as np
import pytest

from img_repr.core.errors import DataError, ParameterError
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.pieces import PIECE, count_of, in_file, pieces_of, runs_of


def test_reads_all_bytes_by_default():
    for limit in (None, 5000, 6000):
        assert runs_of("test", 5000, limit) == ((0, 5000),)


@pytest.mark.parametrize("length", [4097, 5000, 100_000, 10**7 + 1, 5 * 2**30])
@pytest.mark.parametrize("max_bytes", [4096, 5000, 70_000, 2**23])
@pytest.mark.parametrize("align", [1, 32, 384, 1024, 100_000])
def test_blocks_are_even_apart_and_keep_columns(length, max_bytes, align):
    runs = np.array(runs_of("test", length, max_bytes, align))
    if length <= max_bytes:
        assert runs.tolist() == [[0, length]]
        return
    lengths = runs[:, 1] - runs[:, 0]
    assert (runs[0, 0], runs[-1, 1]) == (0, length)
    assert (lengths > 0).all()
    assert (runs[1:, 0] >= runs[:-1, 1]).all()
    assert max_bytes / 4 < count_of(runs) <= max_bytes
    assert len(runs) >= 64
    assert (lengths[:-1] == lengths[0]).all()
    assert np.ptp(np.diff(runs[:-1, 0])) <= max(1, align if lengths[0] % align == 0 else 1)
    if align <= min(65536, max_bytes // 64):
        assert (runs[:, 0] % align == 0).all()
        assert (lengths[:-1] % align == 0).all()


@pytest.mark.parametrize("wrong", [0, 4095, -1, 1e6, True, "all"])
def test_wrong_max_bytes(wrong):
    with pytest.raises(ParameterError, match=r"^test: expected max_bytes to be 4096 or more, got "):
        runs_of("test", 10**6, wrong)


@pytest.mark.parametrize("in_memory", [True, False])
def test_pieces_are_the_bytes_in_their_order(tmp_path, random, in_memory):
    length = 3 * PIECE
    values, known = random.integers(0, 256, length + 2000, dtype=np.uint8), random.random(length) < 0.5
    (tmp_path / "file").write_bytes(values)
    binary = Binary(values if in_memory else tmp_path / "file", 1000, length + 1000, known)
    runs = ((0, PIECE + 77), (2 * PIECE, 2 * PIECE + 10), (length - 1000, length))
    expected = np.concatenate([values[1000:][start:stop] for start, stop in runs])
    got, knew, follows, at = [], [], [], 0
    for piece in pieces_of(binary, runs):
        assert piece.first == at
        assert piece.values.shape[1] <= PIECE
        got.append(piece.values[0].copy())
        knew.append(piece.known[0])
        follows.append(piece.follows)
        at += piece.values.shape[1]
    np.testing.assert_array_equal(np.concatenate(got), expected)
    np.testing.assert_array_equal(np.concatenate(knew), np.concatenate([known[start:stop] for start, stop in runs]))
    assert follows == [False, True, False, False]


def test_a_file_that_became_shorter(tmp_path):
    (tmp_path / "file").write_bytes(bytes(1000))
    with pytest.raises(DataError, match=r"file: expected 2000 bytes from 0 on, got 1000; the file became shorter"):
        list(pieces_of(Binary(tmp_path / "file"), ((0, 2000),)))
    with pytest.raises(DataError, match="expected 10 bytes from 5000 on, got 0"):
        list(pieces_of(Binary(tmp_path / "file"), ((5000, 5010),)))


def test_a_file_that_shrinks_between_two_pieces(tmp_path):
    (tmp_path / "file").write_bytes(bytes(3 * PIECE))
    pieces = pieces_of(Binary(tmp_path / "file"), ((0, 3 * PIECE),))
    next(pieces)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="the file became shorter"):
        list(pieces)


def test_ranges_in_the_file():
    runs = ((10, 14), (20, 22), (30, 40))
    found = in_file(np.array([[0, 1], [3, 7], [15, 16]]), runs)
    assert found.tolist() == [[10, 11], [13, 14], [20, 22], [30, 31], [39, 40]]
    assert in_file(np.empty((0, 2), int), runs).shape == (0, 2)
