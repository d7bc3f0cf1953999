"""Bytes of a file, of a part of one, or of memory."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, SampleError
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.sample import BINARY, check_binaries, infer_binaries_parameters


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some.bin"
    path.write_bytes(bytes(range(256)) * 20)
    return path


@pytest.mark.parametrize(("start", "stop"), [(0, None), (100, 2000), (5119, None), (0, 10**9)])
def test_a_range_of_a_file_is_that_of_memory(file, start, stop):
    content = np.frombuffer(file.read_bytes(), np.uint8)
    for source in (file, content):
        binary = Binary(source, start, stop)
        expected = content[start:stop]
        assert len(binary) == len(expected)
        np.testing.assert_array_equal(binary.read(), expected)
        pieces = [(first, piece.copy()) for first, piece in binary.chunks(700)]
        assert [first for first, _ in pieces] == list(range(0, len(expected), 700))
        np.testing.assert_array_equal(np.concatenate([piece for _, piece in pieces]), expected)


def test_the_fingerprint_is_that_of_the_bytes_that_are_meant(file):
    def fingerprint(*binaries):
        return Dataset("toy", BINARY, list(binaries)).fingerprint()

    part = Binary(file, 10, 30)
    assert fingerprint(part) == fingerprint(Binary(np.arange(10, 30, dtype=np.uint8)))
    known = np.ones(20, bool)
    known[3] = False
    different = [replace(part, stop=31), replace(part, start=11), replace(part, known=known)]
    assert len({fingerprint(one) for one in [part, *different]}) == 4


def test_a_file_that_becomes_shorter(file, monkeypatch):
    binary = Binary(file)
    pieces = binary.chunks(1000)
    next(pieces)
    with file.open("r+b") as opened:
        opened.truncate(1500)
    with pytest.raises(DataError, match=r"some\.bin: expected 5120 bytes, got 1500; the file became shorter"):
        list(pieces)


@pytest.mark.parametrize(
    ("given", "count", "leading"),
    [
        (b"abc", 1, ()),
        (bytearray(b"abc"), 1, ()),
        (memoryview(b"abc"), 1, ()),
        (np.zeros(3, np.uint8), 1, ()),
        (np.zeros((4, 3), np.uint8), 4, (4,)),
        ([b"a", np.ones(2, np.uint8)], 2, (2,)),
    ],
    ids=["bytes", "bytearray", "memoryview", "array", "stack", "list"],
)
def test_accepts_bytes_arrays_and_paths(given, count, leading):
    batch = check_binaries(given, caller="doc")
    assert len(batch.binaries) == count
    assert batch.leading == leading


def test_paths(file):
    for given in (file, str(file)):
        np.testing.assert_array_equal(check_binaries(given, caller="doc").binaries[0].read(), Binary(file).read())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (b"", "doc: expected at least one byte, got an empty binary: number 0"),
        ([], "doc: expected at least one binary, got none"),
        ([b"a", 7], "doc: expected bytes, a uint8 array or the path of a file, got 7 at number 1"),
        (np.zeros(3), r"doc: expected bytes as uint8 of shape \(L,\), got float64"),
        (Binary(np.zeros(3, np.uint8), known=np.ones(2, bool)), r"doc: expected known of shape \(3,\)"),
    ],
    ids=["empty", "none", "number", "floats", "known"],
)
def test_rejects_invalid_binaries(given, said):
    with pytest.raises(SampleError, match=said):
        check_binaries(given, caller="doc")


def test_only_plain_files_are_opened(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    for name in ("pipe", ".", "/dev/zero"):
        with pytest.raises(SampleError, match="expected a plain file, got a folder, a pipe or a device"):
            check_binaries(tmp_path / name, caller="doc")
    for name in ("round", "nowhere"):
        with pytest.raises(DataError, match="expected a file that can be read, got: "):
            check_binaries(tmp_path / name, caller="doc")


def test_infers_square_for_fragments_of_one_length(file):
    fragment = np.zeros(4096, np.uint8)
    assert infer_binaries_parameters([fragment, Binary(fragment)]) == {"width": "square"}
    for others in ([fragment, fragment[1:]], [file, file], [np.zeros(10**6, np.uint8)] * 2, [b"", b""]):
        assert infer_binaries_parameters(others) == {}
