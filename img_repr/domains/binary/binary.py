"""Binary: the bytes of a file or of a part of one, with a mask of the known ones, as small and plain as possible."""

import mmap
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.core.errors import DataError, SampleError

CHUNK = 1 << 20  # bytes read at a time: they stay near the core


@dataclass(frozen=True, eq=False)
class Binary:
    """Bytes in memory, or a range of a file that is read on access; never executed, never unpacked.

    Parameters
    ----------
    content : ndarray of uint8, shape (L,), or Path
        The bytes, or the file that holds them.
    start, stop : int
        The part that is meant; to the end where ``stop`` is None.
    known : ndarray of bool, shape (L,), optional
        False where nothing is known of a byte: ``??`` in a hex dump, gaps between its addresses. Of the part that is
        meant. Default: all are known.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.binary import Binary
    >>> Binary(np.arange(10, dtype=np.uint8), start=4, stop=8).read().tolist()
    [4, 5, 6, 7]
    """

    content: Any
    start: int = 0
    stop: int | None = None
    known: Any = None

    def __len__(self) -> int:
        """Count the bytes that are meant; of a file by its size on disk."""
        size = _size_of(self.content) if isinstance(self.content, Path) else len(self.content)
        return max(0, min(size, size if self.stop is None else self.stop) - self.start)

    def read(self) -> np.ndarray:
        """Return the bytes ``(L,)``, uint8: a view, or a memory map that is read on access.

        Where a file becomes shorter while its map is in use, the operating system ends the process (SIGBUS, "Bus
        error") on access to bytes that are gone. :meth:`chunks` reads instead, and raises ``DataError``.
        """
        count = len(self)
        if not isinstance(self.content, Path):
            return np.asarray(self.content)[self.start : self.start + count]
        if not count:
            return np.empty(0, np.uint8)
        with _opened(self.content) as file:
            whole = mmap.mmap(file.fileno(), self.start + count, access=mmap.ACCESS_READ)
        return np.frombuffer(whole, np.uint8)[self.start :]

    def hash_into(self, digest: Any) -> None:
        """Feed a hash of hashlib with the selected bytes and the mask of known ones."""
        digest.update(len(self).to_bytes(8, "little"))
        for _, piece in self.chunks():
            digest.update(np.ascontiguousarray(piece).data)
        if self.known is not None:
            digest.update(np.packbits(self.known).data)

    def chunks(self, size: int = CHUNK) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the bytes piece by piece, each with the position of its first: views of memory, or of **one buffer**.

        A piece of a file is good until the next is requested: the same memory is filled again, so that a file of any
        length needs no more than ``size`` bytes.
        """
        count = len(self)
        if not isinstance(self.content, Path):
            whole = np.asarray(self.content)[self.start : self.start + count]
            for first in range(0, count, size):
                yield first, whole[first : first + size]
            return
        buffer = np.empty(min(size, count), np.uint8)
        with _opened(self.content) as file:
            file.seek(self.start)
            first = 0
            while first < count:
                got = file.readinto(buffer[: min(size, count - first)].data)
                if not got:
                    raise DataError(f"{self.content}: expected {count} bytes, got {first}; the file became shorter")
                yield first, buffer[:got]
                first += got


def _size_of(path: Path) -> int:
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(f"{path}: expected a file that can be read, got: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise SampleError(f"{path}: expected a plain file, got a folder, a pipe or a device")
    return status.st_size


def _opened(path: Path) -> Any:
    """Open a plain file, unbuffered: never a pipe or a device, which may give bytes without end or none ever."""
    _size_of(path)
    try:
        return path.open("rb", buffering=0)
    except OSError as error:
        raise DataError(f"{path}: expected a file that can be read, got: {error.strerror}") from None
