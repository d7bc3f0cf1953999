"""Build a data set from files, whole or in fragments, and their labels."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, SampleError
from img_repr.core.file_tree import name_some, text_of
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.fragments import cut_fragment, fragment_offsets
from img_repr.domains.binary.sample import BINARY

_WORKERS = min(8, os.cpu_count() or 1)
_NAMED = 5

Column = Sequence[object] | np.ndarray | None


class Cutting(TypedDict, total=False):
    """Options of every loader of files on how to read and cut them; :func:`assemble` takes them.

    Parameters
    ----------
    fragment_bytes : int, optional
        Bytes of each fragment. Default: whole files.
    at_most : int, optional
        Fragments of each file, evenly spaced. Default: all.
    skip_ends : bool
        Whether the first and the last fragment of each file are left out.
    keep_last : bool
        Whether a last fragment that is shorter is kept.
    skip_unreadable : bool
        Skip files and folders that cannot be read, with a note. Default: they raise an error.
    """

    fragment_bytes: int | None
    at_most: int | None
    skip_ends: bool
    keep_last: bool
    skip_unreadable: bool


def open_binary(path: Path) -> Binary:
    """Return a file as it is, once it is sure that it can be read; nothing is read yet.

    Raises
    ------
    DataError
        If it cannot be opened.
    SampleError
        If it is no plain file.
    """
    binary = Binary(path.absolute())  # not bound to where the program runs
    len(binary)
    if not os.access(path, os.R_OK):
        raise DataError(f"{path}: expected a file that can be read, got: Permission denied")
    return binary


def assemble(
    name: str,
    files: Sequence[Path],
    *,
    names: Sequence[str],
    decode: Callable[[Path], Binary] = open_binary,
    labels: Column = None,
    groups: Column = None,
    times: Column = None,
    split: Column = None,
    notes: tuple[str, ...] = (),
    fragment_bytes: int | None = None,
    at_most: int | None = None,
    skip_ends: bool = False,
    keep_last: bool = False,
    skip_unreadable: bool = False,
) -> Dataset:
    """Read files into a data set; skipped files are dropped from all columns.

    Parameters
    ----------
    name : str
        Name of the data set in reports.
    files : sequence of Path
    names : sequence of str
        Name of each file; a fragment's name ends in its offset.
    decode : callable
        Returns the bytes of a file, or raises ``DataError`` or ``SampleError``.
    labels, groups, times, split : sequence, optional
        As of :class:`Dataset`, one entry per file. Where files are cut and no group is given, each file is one.
    notes : tuple of str
        Notes of the loader; notes of the reading follow.
    fragment_bytes, at_most, skip_ends, keep_last, skip_unreadable
        As of :class:`Cutting`.

    Raises
    ------
    DataError
        If a file cannot be read, the message names it; if no sample is left.
    """
    if fragment_bytes is not None:
        fragment_offsets(0, fragment_bytes=fragment_bytes, at_most=at_most)  # check the options before reading

    def read(path: Path) -> list[tuple[int, Binary]] | DataError | SampleError:
        try:
            binary = decode(path)
            if fragment_bytes is None:
                return [(0, binary)] if len(binary) else []
            offsets = fragment_offsets(
                len(binary), fragment_bytes=fragment_bytes, at_most=at_most, skip_ends=skip_ends, keep_last=keep_last
            )
            return [(int(offset), _kept(cut_fragment(binary, int(offset), fragment_bytes))) for offset in offsets]
        except (DataError, SampleError) as error:
            if not skip_unreadable:
                raise
            return error
        except MemoryError:
            too_large = DataError(f"{path}: expected a file that fits into memory, got one that does not")
            if not skip_unreadable:
                raise too_large from None
            return too_large

    with ThreadPoolExecutor(_WORKERS) as pool:
        found = list(pool.map(read, files))
    cut = [[] if isinstance(one, Exception) else one for one in found]
    if not any(cut):
        wanted = "a file of one byte" if fragment_bytes is None else f"a file with a fragment of {fragment_bytes} bytes"
        first = next((f", the first of them: {one}" for one in found if isinstance(one, Exception)), "")
        raise DataError(f"{name}: expected at least {wanted}, got {len(files)} files without{first}")
    rows = np.repeat(np.arange(len(files)), [len(one) for one in cut])
    called = [
        names[at] if fragment_bytes is None else f"{names[at]} at {offset:#x}"
        for at, one in enumerate(cut)
        for offset, _ in one
    ]
    if fragment_bytes is not None and groups is None:
        groups = names
    columns = {"labels": labels, "groups": groups, "times": times, "split": split}
    known: dict[str, Any] = {word: np.asarray(column)[rows] for word, column in columns.items() if column is not None}
    return Dataset(
        text_of(name),
        BINARY,
        [sample for one in cut for _, sample in one],
        names=np.array(called),
        notes=(*notes, *_notes(found, names, fragment_bytes)),
        **known,
    )


def _kept(fragment: Binary) -> Binary:
    """Copy a view of memory, so that a few fragments do not keep the whole file there."""
    if isinstance(fragment.content, np.ndarray):
        return Binary(fragment.content.copy(), known=None if fragment.known is None else fragment.known.copy())
    return fragment


def _notes(found: Sequence[object], names: Sequence[str], fragment_bytes: int | None) -> Iterator[str]:
    empty = [names[at] for at, one in enumerate(found) if one == []]
    if empty:
        what = "are empty" if fragment_bytes is None else f"hold no fragment of {fragment_bytes} bytes"
        yield f"left out {len(empty)} of {len(names)} files that {what}: {name_some(empty)}"
    errors = [str(one) for one in found if isinstance(one, Exception)]
    if errors:
        named = "; ".join(errors[:_NAMED]) + "; ..." * (len(errors) > _NAMED)
        yield f"skipped {len(errors)} of {len(names)} files that could not be read: {named}"
