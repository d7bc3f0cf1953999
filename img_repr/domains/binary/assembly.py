"""What the loaders of the wing share: files with what is known of each made a data set, whole or in fragments."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, SampleError
from img_repr.core.file_tree import name_some
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.fragments import cut_fragment, fragment_offsets
from img_repr.domains.binary.sample import BINARY

TRAIN = ("train", "training", "validation", "valid", "val", "dev")
TEST = ("test", "testing")
"""What parts are called, in any case of letters."""

_WORKERS = min(8, os.cpu_count() or 1)
_NAMED = 5

Column = Sequence[object] | np.ndarray | None


class Cutting(TypedDict, total=False):
    """Options of every loader of binary files: how they are read and cut, handed to :func:`assemble`.

    Parameters
    ----------
    fragment_bytes : int, optional
        Bytes of each sample. Default: whole files.
    at_most : int, optional
        Fragments kept of each file, evenly spaced. Default: all.
    skip_ends : bool
        Leave out the first and the last fragment of each file.
    keep_last : bool
        Keep the last fragment though it is shorter.
    skip_unreadable : bool
        Leave out files that cannot be read, and name them in a note, instead of raising an error.
    """

    fragment_bytes: int | None
    at_most: int | None
    skip_ends: bool
    keep_last: bool
    skip_unreadable: bool


def open_binary(path: Path) -> Binary:
    """Give a file as it is, once it is sure that it can be read; nothing is read yet.

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
    parts: Column = None,
    notes: tuple[str, ...] = (),
    fragment_bytes: int | None = None,
    at_most: int | None = None,
    skip_ends: bool = False,
    keep_last: bool = False,
    skip_unreadable: bool = False,
) -> Dataset:
    """Read files and put them together with what is known of each; what was left out is left out of every column.

    Parameters
    ----------
    name : str
        What tables call the set.
    files : sequence of Path
    names : sequence of str
        What a reader calls each file; a fragment's name ends in its offset.
    decode : callable
        Gives the bytes of a file, or raises ``DataError`` or ``SampleError``.
    labels, groups, parts : sequence, optional
        As of :class:`Dataset`, one entry per file. Where files are cut and no group is given, each file is one.
    notes : tuple of str
        What the loader found; notes of the reading follow.
    fragment_bytes, at_most, skip_ends, keep_last, skip_unreadable
        As of :class:`Cutting`.

    Raises
    ------
    DataError
        If a file cannot be read, the message names it; if no sample is left.
    """
    if fragment_bytes is not None:
        fragment_offsets(0, fragment_bytes=fragment_bytes, at_most=at_most)  # says at once what is wrong with them

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
    columns = {"labels": labels, "groups": groups, "parts": parts}
    known: dict[str, Any] = {word: np.asarray(column)[rows] for word, column in columns.items() if column is not None}
    return Dataset(
        name,
        BINARY,
        [sample for one in cut for _, sample in one],
        names=np.array(called),
        notes=(*notes, *_notes(found, names, fragment_bytes)),
        **known,
    )


def _kept(fragment: Binary) -> Binary:
    """Copy what is a view of memory: a few fragments are not to hold the whole of each file there."""
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


def entries(folder: Path, at_most: int | None = None) -> Iterator[Path]:
    """Visible entries of a folder in any order; none where it cannot be read."""
    try:
        yield from islice((entry for entry in folder.iterdir() if not entry.name.startswith(".")), at_most)
    except OSError:
        return


def holds(folder: Path, name: re.Pattern[str]) -> bool:
    """Whether a folder is there and holds an entry of such a name; never an error."""
    return any(name.fullmatch(entry.name) for entry in entries(folder))


def as_parts(names: Iterable[str]) -> tuple[list[str] | None, tuple[str, ...]]:
    """Give a column of parts as the house has it: ``train`` and ``test``, or folds by their own names.

    A part for validation joins the training part, because a trainer cuts its own; a part that is all there is splits
    nothing and is left out. Notes say so.

    Examples
    --------
    >>> as_parts(["Train", "val", "test"])
    (['train', 'train', 'test'], ('the part for validation (val) joins the training part',))
    >>> as_parts(["train", "train"])
    (None, ('only the part train is here, so the set has no published split',))
    """
    parts = list(names)
    words = {name: name.strip().lower() for name in parts}
    notes = []
    if {*words.values()} <= {*TRAIN, *TEST}:
        parts = ["test" if words[name] in TEST else "train" for name in parts]
        joined = sorted({*words.values()} - {*TRAIN[:2], *TEST})
        if joined:
            notes.append(f"the part for validation ({', '.join(joined)}) joins the training part")
    if len({*parts}) == 1:
        return None, (*notes, f"only the part {parts[0]} is here, so the set has no published split")
    return parts, tuple(notes)
