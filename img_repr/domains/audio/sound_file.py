"""Open one sound file with soundfile; say in one sentence why a file cannot be read.

The reason for its length: all faults of one sound file are found in one place.
"""

import functools
import io
import os
import re
import shlex
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from img_repr.core.errors import DataError, ImgReprError
from img_repr.core.file_tree import is_folder, size_of
from img_repr.domains.audio.recording import HIGHEST_HZ, is_rate

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
    >>> from img_repr.domains.audio.sound_file import Patch, PatchedFile
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
    """Return the name of each chunk, the position of its size, and its size."""
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
    """Return whether the rest of a file is a row of chunks that ends where the file ends."""
    last = begin
    for name, place, size in _chunks(file, begin, form, padded):
        if not name.isascii() or not name.decode().isprintable():
            return False
        last = place + struct.calcsize(form) + size
    return begin < end <= last + padded and last <= end


SUFFIXES = (
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc"),
    *(".caf", ".w64", ".rf64", ".au", ".snd", ".voc", ".bwf", ".mp2", ".sph", ".nist"),
)
"""Suffixes of files that soundfile reads."""

FOREIGN = (".m4a", ".mp4", ".aac", ".wma", ".webm", ".mka", ".mkv", ".amr", ".ac3")
"""Suffixes of sound files that only ffmpeg reads."""

_READ = "WAV, FLAC, OGG, MP3, AIFF and others of libsndfile"
_FOREIGN_STARTS = {
    "MPEG-4 sound": re.compile(rb".{4}ftyp", re.DOTALL),
    "ADTS AAC sound": re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"),
    "Windows Media sound": re.compile(rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    "Matroska or WebM sound": re.compile(rb"\x1a\x45\xdf\xa3"),
    "AMR sound": re.compile(rb"#!AMR"),
    "AC-3 sound": re.compile(rb"\x0b\x77"),
}

# A chunk that libsndfile finds shorter than its header says. RIFF of a WAV is not among them: many writers get the
# size of the whole wrong and that of the sound right. In W64 and RF64 it is the only word on it.
_SHORTENED = re.compile(r"^\s*(?:data|SSND|Data Size|riff|Riff size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
_PLACEHOLDER = 0x7FFFF000  # from here on, sizes say "until it ends": of pipes, whose writers cannot know
_SLACK_BYTES = 64  # a writer that counts its header in promises 44 bytes too many
_SLACK_FRAMES = 4 * 1152  # the length of an MP3 without a Xing header is an estimate
_OGG_PAGE = 65307  # bytes, at most
_NO_COUNT = 1 << 62  # from here on, a number of frames means unknown
_FRAMES_PER_BYTE = 1 << 13  # more than any codec needs; FLAC of silence comes near
_FRAMES_AT_FIRST = 1 << 20
_ASK_FOR_MEMORY = 1 << 26  # bytes; larger allocations are checked against free memory


@contextmanager
def open_sound(path: str | Path) -> Iterator[Any]:
    """Open a sound file as ``soundfile.SoundFile``; whatever is wrong with it, there or in the block, is a DataError.

    Raises
    ------
    DataError
        If there is no such file or no permission, if it is a folder, empty, a text, in a format that needs ffmpeg,
        damaged, without a sample of sound, or shorter than its header promises.

    Examples
    --------
    >>> import tempfile
    >>> from img_repr.domains.audio.sound_file import open_sound
    >>> with tempfile.NamedTemporaryFile(suffix=".wav") as file, open_sound(file.name):
    ...     pass
    Traceback (most recent call last):
    img_repr.core.errors.DataError: ...wav: expected a sound file, got an empty one (0 bytes)
    """
    import soundfile

    path = Path(path)
    start = _first_bytes(path)
    try:
        with ExitStack() as stack:
            file = _opened(path, stack)
            _check_promise(path, file)
            if not file.frames:
                raise DataError(f"{path}: expected at least one sample of sound, got a header without any")
            if not is_rate(file.samplerate):
                raise DataError(f"{path}: expected a rate from 1 to {HIGHEST_HZ} Hz, got {file.samplerate}")
            yield file
    except ImgReprError:
        raise
    except (soundfile.SoundFileError, ArithmeticError, MemoryError, OSError, TypeError, ValueError) as error:
        raise DataError(_say(path, start, error)) from None


def _opened(path: Path, stack: ExitStack) -> Any:
    """Open a file; one without a size of the sound, as if its header said it."""
    import soundfile

    try:
        file = stack.enter_context(_sequential()(os.fsencode(path) if os.name == "posix" else str(path)))
    except soundfile.SoundFileError:
        patch = find_patch(path)
        if patch is None:
            raise
    else:
        patch = None if file.frames else find_patch(path)
        if patch is None:
            return file
    return stack.enter_context(_sequential()(stack.enter_context(PatchedFile(path, patch))))


@functools.cache
def _sequential() -> Any:
    """Return ``SoundFile`` without its seeks after each read: some codecs cannot seek, and none is needed here."""
    import soundfile

    class Sequential(soundfile.SoundFile):  # type: ignore[misc]
        def seekable(self) -> bool:
            return False

    return Sequential


def count_of(path: str | Path, file: Any) -> int | None:
    """Return the number of frames; None where the header does not say it, or says more than the bytes can hold."""
    if file.frames >= min(_NO_COUNT, _FRAMES_PER_BYTE * size_of(Path(path), "a sound file")):
        return None
    return int(file.frames)


def read_frames(path: str | Path, file: Any) -> np.ndarray:
    """Read all frames of an opened file, float32 ``(T, C)``; memory grows with the content, not the header's claim.

    Raises
    ------
    DataError
        If they do not fit into the free memory.
    """
    pieces: list[np.ndarray] = []
    count, done = max(_FRAMES_AT_FIRST, 64 * size_of(Path(path), "a sound file") // file.channels), 0
    while True:
        count = min(count, file.frames - done)
        _check_memory(path, 4 * file.channels * (count + 2 * done))
        piece = file.read(count, dtype="float32", always_2d=True)
        done += len(piece)
        if len(piece) < count or done == file.frames:
            pieces.append(piece if len(piece) == count else piece.copy())  # a view would keep the whole buffer
            return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        pieces.append(piece)
        count = done


def _check_memory(path: str | Path, count: int) -> None:
    if count < _ASK_FOR_MEMORY:
        return
    import psutil

    free = psutil.virtual_memory().available
    if count > free:
        raise DataError(
            f"{path}: expected sound that fits into memory, got {count / 1e9:.1f} GB of samples for "
            f"{free / 1e9:.1f} GB; stream_recording reads it in pieces"
        )


def check_frames(path: str | Path, frames: np.ndarray, rate: int, *, start: int = 0) -> None:
    """Refuse frames ``(T, C)`` that are not finite; ``start`` is the number of the first in the file.

    Raises
    ------
    DataError
        If one is NaN or infinite; the message says where.
    """
    if not np.isfinite(frames).all():
        row = int(np.flatnonzero(~np.isfinite(frames).all(axis=1))[0])
        what = "NaN" if np.isnan(frames[row]).any() else "infinity"
        raise DataError(f"{path}: expected finite samples, got {what} at {(start + row) / rate:.3f} s")


def check_count(path: str | Path, file: Any, count: int) -> None:
    """Refuse a file that gave fewer frames than its header had promised.

    Raises
    ------
    DataError
        If that many frames and more than inexact headers explain are missing.
    """
    missing = 0 if file.frames >= _NO_COUNT else file.frames - count
    if missing > max(_SLACK_FRAMES, file.frames // 100) or not count:
        raise DataError(_broken_off(path, f"{count / file.samplerate:.2f} s of {file.frames / file.samplerate:.2f} s"))


def _first_bytes(path: Path) -> bytes:
    if is_folder(path):
        raise DataError(f"{path}: expected a sound file, got a folder")
    size_of(path, "a sound file")
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except OSError as error:
        raise DataError(f"{path}: expected a sound file that can be read, got: {error.strerror}") from None
    if not start:
        raise DataError(f"{path}: expected a sound file, got an empty one (0 bytes)")
    return start


def _check_promise(path: Path, file: Any) -> None:
    for promised, there in _SHORTENED.findall(file.extra_info):
        if int(there) + _SLACK_BYTES < int(promised) < _PLACEHOLDER:
            raise DataError(_broken_off(path, f"{there} of the {promised} bytes that its header promises"))
    if file.format == "OGG" and not _ogg_ends(path):
        raise DataError(_broken_off(path, "a last page of OGG that is incomplete or not marked as the last"))


def _ogg_ends(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 2 * _OGG_PAGE))
        tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27:
        return False
    segments = page[26]
    return bool(page[5] & 4) and len(page) >= 27 + segments + sum(page[27 : 27 + segments])


def _broken_off(path: str | Path, got: str) -> str:
    return (
        f"{path}: expected a whole sound file, got one that breaks off: {got}; "
        f"to keep the readable part, run: ffmpeg -i {_quoted(path)} whole.wav"
    )


def _say(path: Path, start: bytes, error: Exception) -> str:
    foreign = next((name for name, mark in _FOREIGN_STARTS.items() if mark.match(start)), None)
    if foreign is None and path.suffix.lower() in FOREIGN:
        foreign = f"a file ending in {path.suffix}"
    convert = f"ffmpeg -i {_quoted(path)} {_quoted(path.with_suffix('.wav').name)}"
    if foreign:
        return f"{path}: expected {_READ}, got {foreign}, which soundfile does not read; convert it by: {convert}"
    if start.startswith(b"version https://git-lfs"):
        return f"{path}: expected a sound file, got the pointer that Git LFS leaves in its place; run: git lfs pull"
    if _is_text(start):
        return f"{path}: expected a sound file, got a text that begins {start[:40].decode('utf-8', 'ignore')!r}"
    said = getattr(error, "error_string", "")
    if isinstance(error, TypeError):
        said = "a format without a header"
    elif isinstance(error, MemoryError):
        said = f"more sound than fits into memory: {error}"
    elif not said:
        said = str(error)
    return f"{path}: expected a sound file ({_READ}), got: {said.strip(' .') or 'damaged sound'}"


def _is_text(start: bytes) -> bool:
    text = start.decode("utf-8", errors="ignore")  # the last letter may be cut in two
    whole = len(start) - len(text.encode()) < 4
    return bool(text.strip()) and whole and all(letter.isprintable() or letter in "\r\n\t\f\ufeff" for letter in text)


def _quoted(path: str | Path) -> str:
    return shlex.quote(str(path))
