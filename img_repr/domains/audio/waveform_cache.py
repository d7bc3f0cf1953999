"""A cache of decoded waveforms: one memory-mapped file of 16-bit samples, and an index that says whose they are."""

import hashlib
import io
import json
import tempfile
import warnings
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from img_repr.core.array_file import read_array
from img_repr.core.errors import DataError, ResultError
from img_repr.core.json_file import read_json, to_plain, write_json
from img_repr.domains.audio.recording import Recording

Read: TypeAlias = tuple[list[Recording], np.ndarray, tuple[str, ...]]
"""Recordings, positions of the files that they come from, and notes."""

_FORMAT = 3
_FULL_SCALE = 32768.0
_COUNT = range(0, 1 << 62)
_SHAPE = {
    "options": {str: object},
    "files": [list],
    "waves": str,
    "rate": range(1, 1 << 31),
    "lengths": [_COUNT],
    "kept": [_COUNT],
    "notes": [str],
    "crc32": _COUNT,
}


def through_cache(folder: str | Path, paths: Sequence[str | Path], read: Callable[[], Read], **options: Any) -> Read:
    """Return the result of ``read()`` in 16 bits; decode only files that are not in the cache.

    Samples are rounded to 16 bits (nothing is lost of 16-bit mono files at their own rate; else an error of at most
    1.5e-5 of full scale) and samples beyond full scale are clipped and counted in a note. The recordings are views
    of a memory map, shared by all processes that read it. The index holds each file's name, size and time of change,
    the options, and a checksum: changed files are decoded again; damaged ones too, with a warning.
    Files are written under temporary names and renamed, the index last, so that processes that write the same at once
    do no harm. The folder may be deleted at any time.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there; may serve many data sets.
    paths : sequence of str or Path
        The files that ``read`` decodes.
    read : callable
        Returns recordings of one sample rate, positions of the paths that they come from, and notes.
    **options
        Everything else that the result depends on, as JSON values.

    Returns
    -------
    recordings : list of Recording
        int16.
    kept : ndarray of int64
    notes : tuple of str

    Raises
    ------
    DataError
        If nothing can be written there, or the disk is full; also any error of ``read``.

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
    sought = to_plain({"options": options, "files": [_state(path) for path in paths]})
    names = json.dumps([options, [str(Path(path).absolute()) for path in paths]])
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
    if not index.exists():
        return None
    before = _waves_of(index)
    try:
        content = read_json(index, _SHAPE, format=_FORMAT)
        if {word: content[word] for word in sought} != sought:
            return None
        if not content["waves"].startswith(index.stem) or Path(content["waves"]).name != content["waves"]:
            raise DataError(f"{index.name}: expected waveforms of its own, got {content['waves']!r:.60}")
        waves = read_array(index.with_name(content["waves"]), mapped=True)
        if waves.dtype != np.int16 or zlib.crc32(waves.data) != content["crc32"]:
            raise DataError(f"{content['waves']}: expected the waveforms that were written, got another checksum")
        return _views(waves, content)
    except (DataError, ResultError) as error:
        if _waves_of(index) != before:  # another writer has taken its place, or thrown it away
            return _open(index, sought)
        if index.exists():
            warnings.warn(f"waveform cache: these recordings are decoded again: {error}", stacklevel=4)
        return None


def _views(waves: np.ndarray, content: dict[str, Any]) -> Read:
    ends = np.cumsum(content["lengths"])
    if waves.shape != (ends[-1],):
        raise DataError(f"{content['waves']}: expected {ends[-1]} samples, got shape {waves.shape}")
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
    """Write the recordings and return views of the file; they stay valid if another writer replaces it."""
    recordings, kept, notes = outcome
    lengths = [len(one.waveform) for one in recordings]
    clipped: list[int] = []
    place = index.with_suffix(".npy")
    try:
        head = io.BytesIO()
        shape = {"descr": "<i2", "fortran_order": False, "shape": (sum(lengths),)}
        np.lib.format.write_array_header_1_0(head, shape)
        with tempfile.NamedTemporaryFile(
            prefix=f"{index.stem}-", suffix=".npy", dir=index.parent, delete=False
        ) as file:  # written, not mapped: a write to a full disk is an error, a store into a map of it ends the process
            place = Path(file.name)
            file.write(head.getbuffer())
            for one in recordings:
                scaled = np.rint(np.multiply(one.waveform, _FULL_SCALE, dtype=np.float32))
                clipped.append(int(np.count_nonzero((scaled < -_FULL_SCALE) | (scaled > _FULL_SCALE))))
                file.write(scaled.clip(-_FULL_SCALE, _FULL_SCALE - 1).astype("<i2").data)
        waves = read_array(place, mapped=True)
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
        written = _views(waves, content)
        before = _waves_of(index)
        write_json(index, content, format=_FORMAT)
    except BaseException as error:
        place.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise DataError(
                f"{index}: expected to keep waveforms there, got: {error.strerror or error}; leave out cache=, or name "
                "a folder with more room"
            ) from None
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
    """Return the file of an index that is about to be replaced; an open map of it stays good."""
    try:
        name: str = read_json(index, {"waves": str}, format=_FORMAT)["waves"]
    except ResultError:
        return None
    return index.with_name(name) if name.startswith(index.stem) and Path(name).name == name else None
