"""Files of events as they were read, and the sessions in them: one for each user and session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from img_repr.core.errors import DataError
from img_repr.core.split_names import normalize_split_names
from img_repr.domains.mouse.rows import Rows
from img_repr.domains.mouse.session import Session, session_of
from img_repr.domains.mouse.time_unit import check_unit, guess_unit
from img_repr.domains.mouse.words import Words

MOST_BYTES = 1 << 31  # of one file, which is held in memory while it is read


@dataclass(frozen=True)
class Recording:
    """Rows of one person and session.

    Parameters
    ----------
    rows : Rows
        Times in the file's unit.
    user, session, split : str or None
        As the file names them, None where it does not.
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
        Unit of time as far as the file says it.
    broken : int
        Rows at its end that broke off and were dropped.
    knows_buttons : bool
        Whether it says what is a press and what a move.
    notes : tuple of str
        What was left out.
    """

    path: Path
    recordings: tuple[Recording, ...]
    unit: str | None = None
    broken: int = 0
    knows_buttons: bool = True
    notes: tuple[str, ...] = ()


def check_file(path: Path) -> None:
    """Refuse a path that is no regular file, or too large to be held in memory.

    Raises
    ------
    DataError
        Which it is.
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


def divide(rows: Rows, names: Mapping[str, Words]) -> tuple[Recording, ...]:
    """Divide rows by their ``"user"``, ``"session"`` and ``"split"``; each ``"id"`` is a piece of its recording.

    Where there are ids but no sessions, each id is a session. Ids that differ in every row say nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.mouse.event_file import divide
    >>> from img_repr.domains.mouse.rows import Rows
    >>> from img_repr.domains.mouse.words import Words
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


def sessions_of(
    files: Sequence[EventFile],
    *,
    names: Sequence[str],
    users: Sequence[str | None],
    splits: Sequence[str | None],
    unit: str | None,
    caller: str,
) -> tuple[list[Session], tuple[str, ...]]:
    """Make a session of each recording of each file.

    Parameters
    ----------
    files : sequence of EventFile
        At least one.
    names, users, splits : sequence of str or None
        One per file: the name of its sessions, and its user and split, which go before those in the file.
    unit : {"s", "ms", "us", "ns"} or None
        Unit of time. None: as the files say, else one guess for all that do not say it.
    caller : str
        The loader, for messages.

    Returns
    -------
    sessions : list of Session
        Those of one file called by its name, with the session that it names, or the user where it holds several.
    notes : tuple of str
        Of the files, without repetition; the guess, if there was any.
    """
    check_unit(unit, caller)
    silent = [recording.rows.t for file in files if file.unit is None for recording in file.recordings]
    guess, note = guess_unit(silent) if unit is None and silent else (None, None)
    sessions = []
    for file, name, user, split in zip(files, names, users, splits, strict=True):
        several = len({recording.user for recording in file.recordings}) > 1
        parts = {(recording.user, recording.session) for recording in file.recordings}
        for number, recording in enumerate(file.recordings):
            last = number == len(file.recordings) - 1
            said = [recording.user] * (several and user is None) + [recording.session]
            said += [recording.split] * (len(parts) < len(file.recordings))
            sessions.append(
                session_of(
                    recording.rows,
                    unit=unit or file.unit or guess or "s",
                    path=file.path,
                    name="/".join([name, *(word for word in said if word)]),
                    user=user or recording.user,
                    part=split or recording.split,
                    broken=file.broken if last else 0,
                )
            )
    notes = list(dict.fromkeys(note for file in files for note in file.notes))
    if None not in splits or all(session.part is None for session in sessions):
        return sessions, (*notes, *([note] if note else []))
    named, said_of_splits = normalize_split_names([session.part or "" for session in sessions])
    sessions = [replace(session, part=named[at] if named else None) for at, session in enumerate(sessions)]
    return sessions, (*notes, *said_of_splits, *([note] if note else []))
