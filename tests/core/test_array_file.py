"""NumPy files: one error for all damage, and no memory for what a header only claims."""

import io
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from img_repr.core import machine
from img_repr.core.array_file import is_npz, read_array, read_npz
from img_repr.core.errors import DataError


def npy(header: str, content: bytes = b"") -> bytes:
    head = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + content


def described(shape: str, descr: str = "<f8") -> str:
    return f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4),
        np.asfortranarray(np.arange(12, dtype=">i2").reshape(3, 4)),
        np.array(["a", "größe"]),
        np.array([True, False]),
        np.array("2020-01-01", dtype="M8[D]"),
        np.zeros((0, 5), np.float32),
    ],
)
def test_arrays_come_back_as_numpy_wrote_them(tmp_path: Path, array: np.ndarray):
    np.save(tmp_path / "a.npy", array)
    np.savez_compressed(tmp_path / "a.npz", X=array, y=np.arange(2))
    for found in (
        read_array(tmp_path / "a.npy"),
        read_array(tmp_path / "a.npy", mapped=True),
        read_npz(tmp_path / "a.npz")["X"],
    ):
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype
    assert set(read_npz(tmp_path / "a.npz", ["y", "z?"])) == {"y"}
    assert is_npz(tmp_path / "a.npz")
    assert not is_npz(tmp_path / "a.npy")


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        npy("{'descr': (("),
        npy("[" * 100),
        npy(described("(99999999999999999999999999,)")),
        npy(described("(1000000000000,)"), bytes(64)),
        npy(described("(True,)"), bytes(8)),
        npy(described("(-1,)"), bytes(8)),
        npy(described("(2,)"), bytes(15)),
        npy(described("(2,)"), bytes(17)),
        npy(described("(2,)", "|O"), bytes(16)),
        npy(described("(2,)", "|V4"), bytes(8)),
        npy(described("(2,)", "<U0")),
        b"\x93NUMPY\x09\x09" + bytes(200),
        b"prose",
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, content: bytes, mapped: bool):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"a.npy: expected arrays of numbers as NumPy writes them, got: "):
        read_array(tmp_path / "a.npy", mapped=mapped)


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_a_changed_byte_of_an_archive_is_an_error_or_changes_nothing(tmp_path: Path, write):
    array = np.random.default_rng(0).random((3, 5))
    write(tmp_path / "a.npz", X=array)
    written, refused = (tmp_path / "a.npz").read_bytes(), 0
    for place in range(len(written)):
        (tmp_path / "a.npz").write_bytes(written[:place] + bytes([written[place] ^ 255]) + written[place + 1 :])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = read_npz(tmp_path / "a.npz", ["X"])
        except DataError:
            refused += 1
        else:
            np.testing.assert_array_equal(found["X"], array)
    assert refused > 200


def test_other_archives_are_refused(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "text.npz", "w") as archive:
        archive.writestr("X.npy", "hello")
    with zipfile.ZipFile(tmp_path / "twice.npz", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(2):
            archive.writestr("X.npy", npy(described("(1,)"), bytes(8)))
    np.savez(tmp_path / "lacks.npz", Z=np.eye(2))
    np.savez(tmp_path / "locked.npz", X=np.eye(2))
    locked = bytearray((tmp_path / "locked.npz").read_bytes())
    locked[6] |= 1
    locked[locked.find(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "locked.npz").write_bytes(locked)
    for name, said in (("text", "magic"), ("twice", "one name"), ("lacks", "no array X"), ("locked", "password")):
        with pytest.raises(DataError, match=f"{name}.npz: expected arrays .*{said}"):
            read_npz(tmp_path / f"{name}.npz", ["X"])


def test_an_archive_that_unpacks_beyond_free_memory_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch):
    content = io.BytesIO()
    np.save(content, np.zeros((4000, 4000)))  # 128 MB of zeros
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("X.npy", content.getvalue())
    (tmp_path / "bomb.npy").write_bytes(content.getvalue())
    monkeypatch.setattr(machine, "free_memory", lambda: 10**8)
    monkeypatch.setattr(machine, "_SMALL", 0)
    monkeypatch.setattr(np, "empty", lambda *_: pytest.fail("memory was taken"))
    for read, name in ((read_npz, "bomb.npz"), (read_array, "bomb.npy")):
        with pytest.raises(DataError, match=f"{name}: expected at most 0.1 GB of memory, got 0.1 GB"):
            read(tmp_path / name)


def test_rejects_paths_that_are_not_files(tmp_path: Path):
    for path in (tmp_path / "none.npy", tmp_path, tmp_path / ("n" * 300)):
        for read in (read_array, read_npz):
            with pytest.raises(DataError, match="expected a file that can be read"):
                read(path)
