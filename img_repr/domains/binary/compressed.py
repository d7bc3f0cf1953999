"""Compressed files to bytes: in memory, within a stated bound, whatever the file claims of itself."""

import bz2
import gzip
import lzma
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.core.errors import DataError
from img_repr.domains.binary.binary import Binary

SUFFIXES = (".xz", ".gz", ".bz2")
"""Suffixes of compressed files."""

MOST_BYTES = 1 << 28
"""Default bound on the size of an unpacked file: 256 MiB."""

_DICTIONARY_BYTES = 1 << 27  # of xz; its highest setting asks for half of that, a lying header for gigabytes
_PIECE = 1 << 16


def read_compressed(path: str | Path, *, most_bytes: int = MOST_BYTES) -> np.ndarray:
    """Read a file, unpacked where its name ends in ``.xz``, ``.gz`` or ``.bz2``; one layer, and nothing is written.

    Parameters
    ----------
    path : str or Path
        A plain file; of several streams one after the other, as ``cat a.xz b.xz`` joins them, all are read.
    most_bytes : int
        Larger results are refused, so that no small file can fill the memory.

    Returns
    -------
    ndarray of uint8, shape (L,)

    Raises
    ------
    DataError
        If it cannot be read, is damaged, breaks off, or unpacks to more than the bound.
    SampleError
        If it is a folder, a pipe or a device.

    Examples
    --------
    >>> import gzip, tempfile
    >>> from pathlib import Path
    >>> from img_repr.domains.binary.compressed import read_compressed
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.gz").write_bytes(gzip.compress(bytes([7, 8, 9])))
    ...     read_compressed(Path(folder, "a.gz")).tolist()
    [7, 8, 9]
    """
    path = Path(path)
    len(Binary(path))  # refuses pipes and devices, which may give bytes without end or none ever
    try:
        with path.open("rb") as file:
            found = _unpack(path.suffix.lower(), file, most_bytes + 1)
    except EOFError:
        raise DataError(f"{path}: expected a whole file, got one that breaks off") from None
    except (OSError, lzma.LZMAError, zlib.error) as error:
        said = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: expected a file that can be read and unpacked, got: {said}") from None
    if len(found) > most_bytes:
        raise DataError(f"{path}: expected a file that holds at most {most_bytes} bytes, got more")
    return np.frombuffer(found, np.uint8)


def _unpack(suffix: str, file: Any, most: int) -> bytes | bytearray:
    if suffix == ".xz":
        return _unpack_xz(file, most)
    if suffix == ".gz":
        file = gzip.GzipFile(fileobj=file, mode="rb")
    elif suffix == ".bz2":
        file = bz2.BZ2File(file)
    return bytes(file.read(most))


def _unpack_xz(file: Any, most: int) -> bytearray:
    """Equal ``lzma.open(file).read(most)``, with a bound on the memory that a header may ask for."""
    found = bytearray()
    packed = file.read(_PIECE)
    while True:
        stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_DICTIONARY_BYTES)
        while not stream.eof:
            if stream.needs_input and not packed:
                raise EOFError
            found += stream.decompress(packed, max_length=most - len(found))
            if len(found) >= most:
                return found
            packed = file.read(_PIECE) if stream.needs_input and not stream.eof else b""
        packed = stream.unused_data.lstrip(b"\0")  # streams are padded with zeros
        while not packed:
            piece = file.read(_PIECE)
            if not piece:
                return found
            packed = piece.lstrip(b"\0")
