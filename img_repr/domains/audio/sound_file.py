"""One sound file, opened: what soundfile reads of it as frames, and what is wrong with it in one sentence."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.core.errors import DataError

SUFFIXES = (
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc"),
    *(".caf", ".w64", ".rf64", ".au", ".snd"),
)
"""Endings of what soundfile reads."""

FOREIGN = (".m4a", ".mp4", ".aac", ".wma", ".webm", ".mka", ".mkv", ".amr", ".ac3")
"""Endings of sound that it does not read; ffmpeg does."""

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
_SLACK_FRAMES = 4 * 1152  # an MP3 without a Xing header tells its length only about
_OGG_PAGE = 65307  # bytes, at most


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
        with soundfile.SoundFile(path) as file:
            _check_promise(path, file)
            if not file.frames:
                raise DataError(f"{path}: expected at least one sample of sound, got a header without any")
            yield file
    except (soundfile.SoundFileError, TypeError) as error:  # TypeError: .raw, whose rate nobody knows
        raise DataError(_say(path, start, error)) from None


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
    if file.frames - count > max(_SLACK_FRAMES, file.frames // 100) or not count:
        raise DataError(_broken_off(path, f"{count / file.samplerate:.2f} s of {file.frames / file.samplerate:.2f} s"))


def _first_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise DataError(f"{path}: expected a sound file, got a folder")
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
        f"what is there can be kept by: ffmpeg -i {_quoted(path)} whole.wav"
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
    said = getattr(error, "error_string", "") or "a format without a header"
    return f"{path}: expected a sound file ({_READ}), got: {said.strip(' .') or 'damaged sound'}"


def _is_text(start: bytes) -> bool:
    text = start.decode("utf-8", errors="ignore")  # the last letter may be cut in two
    whole = len(start) - len(text.encode()) < 4
    return bool(text.strip()) and whole and all(letter.isprintable() or letter in "\r\n\t\f\ufeff" for letter in text)


def _quoted(path: str | Path) -> str:
    return shlex.quote(str(path))
