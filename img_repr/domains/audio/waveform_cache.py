"""A cache of decoded waveforms: one memory-mapped file of 16-bit samples, and an index that says whose they are."""

import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from img_repr.core.errors import DataError
from img_repr.domains.audio.recording import Recording

Read: TypeAlias = tuple[list[Recording], np.ndarray, tuple[str, ...]]
"""Recordings, positions of the files that they come from, and notes."""

_VERSION = 1
_FULL_SCALE = 32768.0


def through_cache(folder: str | Path, paths: Sequence[str | Path], read: Callable[[], Read], **asked: Any) -> Read:
    """Give what ``read()`` gives, in 16 bits, and decode only what is not in the cache.

    Samples are rounded to 16 bits (nothing is lost of 16-bit mono files at their own rate; else an error of at most
    1.5e-5 of full scale) and what lies beyond full scale is clipped, as a note then counts. The recordings are views
    of a memory map, shared by all processes that read it. The index holds each file's name, size and time of change,
    what was asked, and a checksum: what does not agree is decoded again, never trusted. Files are written beside and
    renamed, the index last, so that processes that write the same at once do no harm. The folder may be deleted at
    any time.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there; may serve many data sets.
    paths : sequence of str or Path
        The files that ``read`` decodes.
    read : callable
        Gives recordings of one sample rate, positions of the paths that they come from, and notes.
    **asked
        What else the outcome depends on, as JSON values.

    Returns
    -------
    recordings : list of Recording
        int16.
    kept : ndarray of int64
    notes : tuple of str

    Raises
    ------
    DataError
        If nothing can be written there; and what ``read`` raises.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from img_repr.domains.audio.recording import Recording
    >>> from img_repr.domains.audio.waveform_cache import through_cache
    >>> def read():
    ...     return [Recording(np.array([0.5, -1.5], np.float32), 8000)], np.array([0]), ()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     recordings, _, notes = through_cache(folder, [__file__], read)
    ...     recordings[0].waveform.tolist(), notes
    ([16384, -32768], ('the cache of 16 bits clipped 1 sample beyond full scale in 1 recording',))
    """
    folder = Path(folder)
    sought = {"version": _VERSION, "asked": asked, "files": [_state(path) for path in paths]}
    names = json.dumps([asked, [str(Path(path).absolute()) for path in paths]])
    index = folder / f"{hashlib.sha256(names.encode()).hexdigest()[:16]}.json"
    found = _open(index, sought)
    if found is None:
        _check_writable(folder)
        found = _write(index, sought, read())
    return found


def _state(path: str | Path) -> list[Any]:
    try:
        status = Path(path).stat()
    except OSError:  # for the reader to name
        return [str(Path(path).absolute()), -1, -1]
    return [str(Path(path).absolute()), status.st_size, status.st_mtime_ns]


def _open(index: Path, sought: dict[str, Any]) -> Read | None:
    try:
        content = json.loads(index.read_text("utf-8"))
        if {word: content[word] for word in sought} != sought:
            return None
        waves = np.load(index.with_name(content["waves"]), mmap_mode="r", allow_pickle=False)
        if waves.dtype != np.int16 or zlib.crc32(waves.data) != content["crc32"]:
            return None
        return _views(waves, content)
    except (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _views(waves: np.ndarray, content: dict[str, Any]) -> Read:
    ends = np.cumsum(content["lengths"])
    if waves.shape != (ends[-1],):
        raise ValueError(waves.shape)
    pieces = np.split(waves.view(np.ndarray), ends[:-1])
    recordings = [Recording(piece, content["rate"]) for piece in pieces]
    return recordings, np.array(content["kept"], dtype=np.int64), tuple(content["notes"])


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise DataError(f"{folder}: expected a folder to keep waveforms in, got: {error.strerror}") from None


def _write(index: Path, sought: dict[str, Any], outcome: Read) -> Read:
    """Write what was read, and give views of it; they stay good if another writer takes its place at once."""
    recordings, kept, notes = outcome
    lengths = [len(one.waveform) for one in recordings]
    handle, name = tempfile.mkstemp(prefix=f"{index.stem}-", suffix=".npy", dir=index.parent)
    os.close(handle)
    place = Path(name)
    try:
        waves = np.lib.format.open_memmap(place, mode="w+", dtype=np.int16, shape=(sum(lengths),))
        clipped, start = [], 0
        for one, length in zip(recordings, lengths, strict=True):
            scaled = np.rint(np.multiply(one.waveform, _FULL_SCALE, dtype=np.float32))
            clipped.append(int(np.count_nonzero((scaled < -_FULL_SCALE) | (scaled > _FULL_SCALE))))
            waves[start : start + length] = scaled.clip(-_FULL_SCALE, _FULL_SCALE - 1)
            start += length
        waves.flush()
        if any(clipped):
            notes = (*notes, _clipping(clipped))
        content = sought | {
            "waves": place.name,
            "rate": recordings[0].sample_rate_hz,
            "lengths": lengths,
            "kept": kept.tolist(),
            "notes": notes,
            "crc32": zlib.crc32(waves.data),
        }
        written = _views(np.load(place, mmap_mode="r", allow_pickle=False), content)
        before = _waves_of(index)
        beside = place.with_suffix(".json")
        beside.write_text(json.dumps(content), "utf-8")
        beside.replace(index)
    except BaseException as error:
        place.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise DataError(f"{index}: expected to keep waveforms there, got: {error.strerror}") from None
        raise
    if before is not None:
        before.unlink(missing_ok=True)
    return written


def _clipping(clipped: list[int]) -> str:
    samples, recordings = sum(clipped), sum(map(bool, clipped))
    return (
        f"the cache of 16 bits clipped {samples} sample{'s' * (samples > 1)} beyond full scale "
        f"in {recordings} recording{'s' * (recordings > 1)}"
    )


def _waves_of(index: Path) -> Path | None:
    """Give the file of an index that is about to be replaced; an open map of it stays good."""
    try:
        name = json.loads(index.read_text("utf-8"))["waves"]
        return index.with_name(name) if name.startswith(index.stem) else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
