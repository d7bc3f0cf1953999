"""Compressed files, whole, damaged and lying."""

import bz2
import gzip
import lzma
import os
from pathlib import Path

import numpy as np
import pytest

from img_repr.core.errors import DataError, SampleError
from img_repr.domains.binary.compressed import read_compressed

PACK = {".xz": lzma.compress, ".gz": gzip.compress, ".bz2": bz2.compress, ".corpus": bytes}


@pytest.fixture
def content(random: np.random.Generator) -> bytes:
    return random.integers(0, 40, 300_000, dtype=np.uint8).tobytes()


def put(folder: Path, suffix: str, packed: bytes) -> Path:
    (folder / f"a{suffix}").write_bytes(packed)
    return folder / f"a{suffix}"


@pytest.mark.parametrize("suffix", PACK)
def test_content_and_bound(tmp_path: Path, content: bytes, suffix: str):
    path = put(tmp_path, suffix, PACK[suffix](content))
    assert read_compressed(path).tobytes() == content
    assert read_compressed(path, most_bytes=len(content)).tobytes() == content
    with pytest.raises(DataError, match=f"expected a file that holds at most {len(content) - 1} bytes, got more"):
        read_compressed(path, most_bytes=len(content) - 1)
    assert len(read_compressed(put(tmp_path, suffix, PACK[suffix](b"")))) == 0


@pytest.mark.parametrize("suffix", [".xz", ".gz", ".bz2"])
def test_several_streams(tmp_path: Path, content: bytes, suffix: str):
    parts = PACK[suffix](content[:1000]) + PACK[suffix](b"") + PACK[suffix](content[1000:])
    assert read_compressed(put(tmp_path, suffix, parts)).tobytes() == content


def test_padding_between_streams_of_xz(tmp_path: Path, content: bytes):
    parts = lzma.compress(content[:9]) + bytes(200_000) + lzma.compress(content[9:]) + bytes(8)
    assert read_compressed(put(tmp_path, ".xz", parts)).tobytes() == content


@pytest.mark.parametrize("suffix", [".xz", ".gz", ".bz2"])
def test_damage(tmp_path: Path, content: bytes, suffix: str):
    packed = PACK[suffix](content)
    for cut in (0, 5, len(packed) // 2, len(packed) - 1):
        if cut or suffix == ".xz":
            with pytest.raises(DataError, match="expected a whole file, got one that breaks off"):
                read_compressed(put(tmp_path, suffix, packed[:cut]))
    with pytest.raises(DataError, match="expected a file that can be read and unpacked, got: "):
        read_compressed(put(tmp_path, suffix, b"no such format at all"))
    middle = len(packed) // 2
    broken = packed[:middle] + bytes([packed[middle] ^ 0xFF]) + packed[middle + 1 :]
    with pytest.raises(DataError, match=r"a\.(xz|gz|bz2): expected a"):
        read_compressed(put(tmp_path, suffix, broken))


def test_a_small_file_cannot_fill_the_memory(tmp_path: Path):
    bomb = put(tmp_path, ".xz", lzma.compress(bytes(1 << 24)))
    assert bomb.stat().st_size < 5000
    with pytest.raises(DataError, match="holds at most 65536 bytes"):
        read_compressed(bomb, most_bytes=1 << 16)
    greedy = lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 28}])
    with pytest.raises(DataError, match="emory usage limit"):
        read_compressed(put(tmp_path, ".xz", greedy))


def test_rejects_folders_and_pipes(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.gz")
    for path in (tmp_path, tmp_path / "pipe.gz"):
        with pytest.raises(SampleError, match="expected a plain file, got a folder, a pipe or a device"):
            read_compressed(path)
    with pytest.raises(DataError, match="No such file"):
        read_compressed(tmp_path / "none.gz")
