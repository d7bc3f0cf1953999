"""Tables of events with named columns: one file, or a folder with one folder of files per user (DFL and its like)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, Unpack

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.loader import loader
from img_repr.domains.mouse.assembly import Cutting, assemble
from img_repr.domains.mouse.balabit import is_balabit
from img_repr.domains.mouse.column_roles import Column, Columns
from img_repr.domains.mouse.event_file import EventFile
from img_repr.domains.mouse.event_table import is_event_table, read_event_table
from img_repr.domains.mouse.reading import reading_notes, visible
from img_repr.domains.mouse.sample import MOUSE
from img_repr.domains.mouse.sapimouse import is_sapimouse
from img_repr.domains.mouse.session import Session
from img_repr.domains.mouse.sessions_of_files import sessions_of_files

_SUFFIXES = (".csv", ".tsv", ".txt", "")
_PARTS = ("train", "test")


def is_trace_csv(path: Path) -> bool:
    """Whether a file is a table with columns of time, x and y, or most of the first tables of a folder are."""
    if path.suffix.lower() in _SUFFIXES and is_event_table(path):
        return True
    if is_balabit(path) or is_sapimouse(path):
        return False
    tables = list(islice(_some_tables(path, depth=3), 16))
    return 2 * sum(map(is_event_table, tables)) > len(tables)


@loader(MOUSE, recognises=is_trace_csv)
def load_trace_csv(
    path: str | Path,
    *,
    time: Column | None = None,
    x: Column | None = None,
    y: Column | None = None,
    button: Column | None = None,
    state: Column | None = None,
    user: Column | None = None,
    session: Column | None = None,
    time_unit: Literal["s", "ms", "us"] | None = None,
    skip_unreadable: bool = False,
    **cutting: Unpack[Cutting],
) -> Dataset:
    r"""Load events of pointers from tables whose header names the columns.

    What is not given is found by its usual name, in any case of letters: ``client timestamp``, ``timestamp``,
    ``time`` or ``t``; ``x`` and ``y``, ``screenX``, ``pageX`` or ``clientX``; ``button``; ``state``, ``event`` or
    ``type``; ``user``, ``subject``, ``participant``, ``label``; ``session``, ``trial``, ``id``. Words of events are
    those of Balabit (``Move``, ``Pressed``), of browsers (``mousedown``) and near ones.

    Parameters
    ----------
    path : str or Path
        A table (``.csv``, ``.tsv``, ``.txt`` or without an ending), or a folder of them. In a folder, folders are
        users, and what lies below belongs to the user; two folders called ``train`` and ``test`` are the published
        split, each such a folder.
    time, x, y, button, state, user, session : str or int, optional
        Columns by name, or by number from 0. Without a column of sessions a file is one session of each user in it.
    time_unit : {"s", "ms", "us"}, optional
        Default: as the name of the column says (``t_ms``), else guessed from the steps between events, as a note says.
    skip_unreadable : bool
        Whether a damaged file of a folder is left out and named in a note, instead of being an error.
    **cutting
        ``segments``, ``at_most``, ``shortest``, ``test_scale``, ``defects`` of :func:`assemble`.

    Returns
    -------
    Dataset
        ``labels`` users, or none where no column and no folder names them; ``groups`` sessions.

    Raises
    ------
    DataError
        If a file cannot be read, or lacks a column; the message names the line.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.domains.mouse.trace_csv import load_trace_csv
    >>> rows = "".join(f"{16 * i},{i},{2 * i},{'ada' if i < 5 else 'bob'}\n" for i in range(10))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "all.csv")
    ...     _ = file.write_text("timestamp,X,Y,user\n" + rows)
    ...     data = load_trace_csv(file)
    >>> data.labels.tolist(), data.samples[0].t_s.tolist()
    (['ada', 'bob'], [0.0, 0.016, 0.032, 0.048, 0.064])
    """
    columns = Columns(time=time, x=x, y=y, button=button, state=state, user=user, session=session)
    sessions, notes = read_trace_csv(Path(path), columns, time_unit=time_unit, skip_unreadable=skip_unreadable)
    place = Path(path).resolve()
    return assemble(place.name if place.is_dir() else place.stem, sessions, notes=notes, **cutting)


@dataclass(frozen=True)
class _Found:
    """A table with what its place says of it."""

    path: Path
    name: str
    user: str | None = None
    part: str | None = None


def read_trace_csv(
    path: Path,
    columns: Columns | None = None,
    *,
    time_unit: str | None = None,
    skip_unreadable: bool = False,
) -> tuple[list[Session], tuple[str, ...]]:
    """Read the sessions and what is to be said of them; parameters as of :func:`load_trace_csv`."""
    columns = columns or {}
    found, other = _find(path) if path.is_dir() else ([_Found(path, path.stem)], 0)
    if not found:
        raise DataError(f"{path}: expected tables with columns of time, x and y, got {other} files that are none")
    files: list[EventFile] = []
    skipped: list[str] = []
    places: list[_Found] = []
    for place in found:
        try:
            files.append(read_event_table(place.path, columns))
            places.append(place)
        except DataError as error:
            if not (skip_unreadable and path.is_dir()):
                raise
            skipped.append(str(error))
    if not files:
        raise DataError(f"{path}: expected at least one file that can be read, got none; the first: {skipped[0]}")
    by_folder = columns.get("user") is None
    sessions, said = sessions_of_files(
        files,
        names=[place.name for place in places],
        users=[place.user if by_folder else None for place in places],
        parts=[place.part for place in places],
        unit=time_unit,
        who="trace_csv",
    )
    notes = [f"left out {other} files that are no tables of events"] if other else []
    silent = sum(not file.knows_buttons for file in files)
    return sessions, (*notes, *reading_notes(skipped, len(found), silent), *said)


def _find(path: Path) -> tuple[list[_Found], int]:
    """Give the tables of a folder, and how many other files lie there."""
    folders = {folder.name.lower(): folder for folder in visible(path) if folder.is_dir()}
    roots = [(part, folders[part]) for part in _PARTS] if set(folders) == set(_PARTS) else [(None, path)]
    found, other = [], 0
    for part, root in roots:
        for file in sorted(root.rglob("*")):
            below = file.relative_to(root).parts
            if any(name.startswith(".") for name in below) or not file.is_file():
                continue
            if file.suffix.lower() not in _SUFFIXES or not is_event_table(file):
                other += 1
                continue
            name = "/".join((*([part] if part else []), *below[:-1], file.stem))
            found.append(_Found(file, name, below[0] if len(below) > 1 else None, part))
    if any(one.user for one in found) and not all(one.user for one in found):  # loose files beside folders of users
        other += sum(one.user is None for one in found)
        found = [one for one in found if one.user]
    return found, other


def _some_tables(folder: Path, depth: int) -> Iterator[Path]:
    for entry in sorted(visible(folder, at_most=64)):
        if entry.is_dir():
            if depth > 1:
                yield from _some_tables(entry, depth - 1)
        elif entry.suffix.lower() in _SUFFIXES:
            yield entry
