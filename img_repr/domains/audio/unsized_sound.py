"""Sound files whose writer never knew their size, a stream or a recorder that lost power: to be read to their end."""

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

_MOST_CHUNKS = 1000
_UNKNOWN = (0, -1, (1 << 32) - 1, (1 << 64) - 1)
_CHUNKS = {  # by the first bytes: position of the first chunk, format of a chunk's size, what sizes are padded to
    b"RIFF": (12, "<I", 2),
    b"RIFX": (12, ">I", 2),
    b"RF64": (12, "<I", 2),
    b"caff": (8, ">q", 1),
}


class Patch(NamedTuple):
    """Bytes to be read in place of those of a file, so that its header says the size of the sound.

    Parameters
    ----------
    place : int
        Position of the first.
    value : bytes
    """

    place: int
    value: bytes


class PatchedFile(io.FileIO):
    """A file of which a few bytes read otherwise.

    Examples
    --------
    >>> import tempfile
    >>> from img_repr.domains.audio.unsized_sound import Patch, PatchedFile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"abcdef")
    ...     file.flush()
    ...     with PatchedFile(file.name, Patch(2, b"XY")) as patched:
    ...         buffer = bytearray(6)
    ...         patched.readinto(buffer), bytes(buffer)
    (6, b'abXYef')
    """

    def __init__(self, path: str | Path, patch: Patch) -> None:
        super().__init__(path, "rb")
        self._patch = patch

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read into a buffer, with the bytes of the patch."""
        start = self.tell()
        count = super().readinto(buffer) or 0
        view = memoryview(buffer).cast("B")
        for at, byte in enumerate(self._patch.value, start=self._patch.place - start):
            if 0 <= at < count:
                view[at] = byte
        return count


def find_patch(path: Path) -> Patch | None:
    """Find the size that was never written in the header of a WAV, RF64, CAF or AU file, although sound follows.

    Parameters
    ----------
    path : Path
        A regular file.

    Returns
    -------
    Patch or None
        None if the size is there, or nothing but other chunks follow.
    """
    with path.open("rb") as file:
        start = file.read(12)
        if start[:4] == b".snd":
            return Patch(8, b"\xff" * 4) if start[8:] in (bytes(4), b"\x7f\xff\xff\xff") else None
        if start[:4] not in _CHUNKS:
            return None
        first, form, padded = _CHUNKS[start[:4]]
        end = file.seek(0, 2)
        wide = None
        for name, place, size in _chunks(file, first, form, padded):
            if name == b"ds64":
                wide = place + 12  # sizes of the whole, of the sound, and its samples, 64 bits each
            elif name == b"data":
                begin = place + struct.calcsize(form)
                if size not in _UNKNOWN or begin >= end or _is_chunks(file, begin, end, form, padded):
                    return None
                if wide is not None:
                    return Patch(wide, struct.pack("<QQ", end - begin, 0))
                return Patch(place, struct.pack(form, min(end - begin, (1 << 32) - 1)))
    return None


def _chunks(file: BinaryIO, at: int, form: str, padded: int) -> Iterator[tuple[bytes, int, int]]:
    """Give the name of each chunk, the position of its size, and its size."""
    length = struct.calcsize(form)
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        head = file.read(4 + length)
        if len(head) < 4 + length:
            return
        (size,) = struct.unpack(form, head[4:])
        yield head[:4], at + 4, size
        if size < 0:
            return
        at += 4 + length + size + -size % padded


def _is_chunks(file: BinaryIO, begin: int, end: int, form: str, padded: int) -> bool:
    """Whether the rest of a file is a row of chunks that ends where the file ends."""
    last = begin
    for name, place, size in _chunks(file, begin, form, padded):
        if not name.isascii() or not name.decode().isprintable():
            return False
        last = place + struct.calcsize(form) + size
    return begin < end <= last + padded and last <= end
