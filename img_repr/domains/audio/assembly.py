"""What the loaders of the wing share: files with what is known of each made a data set, and tables of text."""

import csv
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.domains.audio.decoding import Reading, read_recordings
from img_repr.domains.audio.recording_file import open_recordings
from img_repr.domains.audio.sample import AUDIO
from img_repr.domains.audio.sound_file import FOREIGN, SUFFIXES

TRAIN = ("train", "training", "validation", "valid", "val", "dev")
TEST = ("test", "testing")
"""What parts are called, in any case of letters."""

Column = Sequence[object] | np.ndarray | None


def assemble(
    name: str,
    files: Sequence[Path],
    *,
    labels: Column = None,
    groups: Column = None,
    times: Column = None,
    parts: Column = None,
    names: Column = None,
    notes: tuple[str, ...] = (),
    **reading: Unpack[Reading],
) -> Dataset:
    """Read files and put them together with what is known of each; what was skipped is left out of every column.

    Parameters
    ----------
    name : str
        What tables call the set.
    files : sequence of Path
        One per recording.
    labels, groups, times, parts, names : sequence, optional
        As of :class:`Dataset`, one entry per file. Names are by default the paths below the files' common folder.
    notes : tuple of str
        What the loader found; notes of the reading follow.
    **reading
        Of :func:`read_recordings`; ``lazy``: by :func:`open_recordings`.
    """
    rate, skip = reading.get("sample_rate_hz"), reading.get("skip_unreadable", False)
    if reading.get("lazy") and reading.get("cache") is None:  # what is cached is a memory map already
        samples, kept, said = open_recordings(files, sample_rate_hz=rate, skip_unreadable=skip)
    else:
        samples, kept, said = read_recordings(
            files, sample_rate_hz=rate, skip_unreadable=skip, cache=reading.get("cache")
        )
    columns = {"labels": labels, "groups": groups, "times": times, "parts": parts}
    columns["names"] = names if names is not None else names_below(files)
    known: dict[str, Any] = {word: np.asarray(column)[kept] for word, column in columns.items() if column is not None}
    return Dataset(name, AUDIO, samples, notes=(*notes, *said), **known)


def names_below(files: Sequence[Path]) -> list[str]:
    """Paths of files below their common folder, with ``/`` between names.

    Examples
    --------
    >>> from pathlib import Path
    >>> names_below([Path("calls/owl/1.wav"), Path("calls/jay/1.wav")])
    ['owl/1.wav', 'jay/1.wav']
    """
    root = os.path.commonpath([file.absolute().parent for file in files]) if files else ""
    return [file.absolute().relative_to(root).as_posix() for file in files]


def is_sound(file: Path) -> bool:
    """Whether a name ends as that of a sound file, readable or not; hidden ones are none."""
    return file.suffix.lower() in (*SUFFIXES, *FOREIGN) and not file.name.startswith(".")


def holds(folder: Path, name: re.Pattern[str]) -> bool:
    """Whether a folder is there and holds an entry of such a name; never an error."""
    return any(name.fullmatch(entry.name) for entry in entries(folder))


def entries(folder: Path, at_most: int | None = None) -> Iterator[Path]:
    """Visible entries of a folder in any order; none where it cannot be read."""
    try:
        yield from islice((entry for entry in folder.iterdir() if not entry.name.startswith(".")), at_most)
    except OSError:
        return


def read_rows(path: Path, columns: Iterable[str]) -> list[dict[str, str]]:
    """Read a publisher's table with a header, in UTF-8, as one mapping from column to cell per row.

    Raises
    ------
    DataError
        If it cannot be read, holds no row, or lacks one of the columns, or a row one of its cells.
    """
    columns = tuple(columns)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise DataError(f"{path}: expected the table of the recordings, got: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: expected a table of text in UTF-8, got: {error}") from None
    if not rows or not set(columns) <= rows[0].keys():
        got = ", ".join(map(str, rows[0])) if rows else "no row"
        raise DataError(f"{path}: expected rows with the columns {', '.join(columns)}, got {got}")
    for number, row in enumerate(rows, start=2):
        if any(not row[column] for column in columns):
            raise DataError(f"{path} row {number}: expected a value in each of {', '.join(columns)}, got none in one")
    return rows


def as_parts(names: Sequence[str]) -> tuple[list[str] | None, tuple[str, ...]]:
    """Give a column of parts as the house has it: ``train`` and ``test``, or folds by their own names.

    A part for validation joins the training part, because a trainer cuts its own; a part that is all there is splits
    nothing and is left out. Notes say so.

    Examples
    --------
    >>> as_parts(["Train", "val", "test"])
    (['train', 'train', 'test'], ('the part for validation (val) joins the training part',))
    >>> as_parts(["1", "2"])
    (['1', '2'], ())
    >>> as_parts(["train", "train"])
    (None, ('only the part train is here, so the set has no published split',))
    """
    words = {name: name.strip().lower() for name in names}
    parts, notes = list(names), []
    if {*words.values()} <= {*TRAIN, *TEST}:
        parts = ["test" if words[name] in TEST else "train" for name in names]
        joined = sorted({*words.values()} - {*TRAIN[:2], *TEST})
        if joined:
            notes.append(f"the part for validation ({', '.join(joined)}) joins the training part")
    if len({*parts}) == 1:
        return None, (*notes, f"only the part {parts[0]} is here, so the set has no published split")
    return parts, tuple(notes)
