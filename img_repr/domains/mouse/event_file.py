"""Files of events: columns, divided into one recording per user and session."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from img_repr.core.errors import DataError
from img_repr.domains.mouse.column_roles import NAMING
from img_repr.domains.mouse.event_words import codes_of, held_changes
from img_repr.domains.mouse.rows import Rows, Words
from img_repr.domains.mouse.trace import LEFT, MIDDLE, RIGHT

MOST_BYTES = 1 << 31  # of one file, which is held in memory while it is read


@dataclass(frozen=True)
class Recording:
    """Rows of one person and session.

    Parameters
    ----------
    rows : Rows
        Times in the file's unit.
    user, session, split : str or None
        Names in the file; None if it has none.
    """

    rows: Rows
    user: str | None = None
    session: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class EventFile:
    """Content of a file.

    Parameters
    ----------
    path : Path
        The file.
    recordings : tuple of Recording
        One for each user, session and split, in the order in which they begin.
    unit : {"s", "ms", "us", "ns"} or None
        Unit of time; None if the file does not state it.
    broken : int
        Truncated rows at the end, which were dropped.
    knows_buttons : bool
        Whether presses are distinguished from moves.
    notes : tuple of str
        Skipped rows.
    """

    path: Path
    recordings: tuple[Recording, ...]
    unit: str | None = None
    broken: int = 0
    knows_buttons: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class EventColumns:
    """Columns of a file.

    Parameters
    ----------
    rows : Rows
        Times and positions; all events are moves.
    words : mapping of str to mapping of str to Words
        Columns of each role, by their titles in messages.
    dated : bool
        Whether times are dates, in seconds.
    broken : int
        Truncated rows at the end.
    notes : tuple of str
        Skipped rows.
    """

    rows: Rows
    words: Mapping[str, Mapping[str, Words]]
    dated: bool = False
    broken: int = 0
    notes: tuple[str, ...] = ()


def check_file(path: Path) -> None:
    """Check that a path is a regular, non-empty file that fits into memory.

    Raises
    ------
    DataError
        If it is not.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe would never end
            what = "a folder" if path.is_dir() else "a pipe or a device"
            raise DataError(f"{path}: expected a file that can be read, got {what}")
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"{path}: expected a file that can be read, got: {error.strerror}") from None
    if not size:
        raise DataError(f"{path}: expected events of a pointer, got an empty file")
    if size > MOST_BYTES:
        raise DataError(f"{path}: expected a file of at most {MOST_BYTES >> 30} GiB, got {size} bytes")


def file_of(path: Path, columns: EventColumns, *, unit: str | None, meanings: Mapping[str, str] | None) -> EventFile:
    """Return the file with coded events, divided into recordings; ``meanings``: of words, None to ignore events."""
    rows, notes, knows_buttons = columns.rows, columns.notes, False
    words = {role: next(iter(found.values())) for role, found in columns.words.items()}
    if meanings is not None:
        states, pressed = columns.words.get("state", {}), words.get("pressed")
        found = codes_of(states, words.get("button"), path, pressed=pressed, meanings=meanings)
        if found is not None:
            rows, notes = rows.but(button=found[0], state=found[1]), (*notes, *found[2])
        levels = {LEFT: "left", MIDDLE: "middle", RIGHT: "right"} | ({} if "left" in words else {LEFT: "pressed"})
        held = {code: words[role] for code, role in levels.items() if role in words}
        changes = held_changes(held, len(rows)) if found is None and held else None
        if changes is not None:
            rows = rows.but(button=changes[0], state=changes[1])
        knows_buttons = found is not None or changes is not None
    recordings = divide(rows, {role: words[role] for role in NAMING if role in words})
    return EventFile(path, recordings, "s" if columns.dated else unit, columns.broken, knows_buttons, notes)


def divide(rows: Rows, names: Mapping[str, Words]) -> tuple[Recording, ...]:
    """Divide rows by their ``"user"``, ``"session"`` and ``"split"``; each ``"id"`` is a piece of its recording.

    With ids but no sessions, each id is a session. Ids that differ in every row are ignored.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.mouse.event_file import divide
    >>> from img_repr.domains.mouse.rows import Rows
    >>> from img_repr.domains.mouse.rows import Words
    >>> time = np.arange(3.0)
    >>> parts = divide(Rows.of(time, time, time), {"user": Words.of(["b", "a", "b"])})
    >>> [(part.user, len(part.rows)) for part in parts]
    [('b', 2), ('a', 1)]
    """
    if not len(rows):
        return ()
    known = dict(names)
    if "id" in known:
        trace = known.pop("id")
        if len(trace.distinct) == len(rows):  # numbers of rows
            return divide(rows, known)
        known.setdefault("session", trace)
        changes = np.append(0, np.cumsum(np.diff(trace.at) != 0))
        rows = rows.but(piece=rows.piece + changes)
    columns = {role: words.names for role, words in known.items()}
    if not columns:
        return (Recording(rows),)
    key = np.zeros(len(rows), np.int64)
    for words in columns.values():
        key = np.unique(key * len(words.distinct) + words.at, return_inverse=True)[1]
    firsts = np.unique(key, return_index=True)[1]
    order = np.argsort(firsts[key], kind="stable") if len(firsts) > 1 else np.arange(len(rows))
    found = []
    for members in np.split(order, np.flatnonzero(np.diff(firsts[key][order])) + 1):
        said = {role: words.distinct[words.at[members[0]]] or None for role, words in columns.items()}
        found.append(Recording(rows if len(firsts) == 1 else rows.take(members), **said))
    return tuple(found)
