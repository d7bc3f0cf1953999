"""A file of events as it was read: recordings, one for each user and session that it holds."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from img_repr.core.errors import DataError
from img_repr.domains.mouse.rows import Rows

MOST_BYTES = 1 << 31  # of one file, which is held in memory while it is read


@dataclass(frozen=True)
class Recording:
    """Rows of one person and session.

    Parameters
    ----------
    rows : Rows
        Times in the file's unit.
    user, session : str or None
        As the file names them, None where it does not.
    """

    rows: Rows
    user: str | None = None
    session: str | None = None


@dataclass(frozen=True)
class EventFile:
    """What a file holds.

    Parameters
    ----------
    path : Path
        The file.
    recordings : tuple of Recording
        One for each user and session, in the order in which they begin.
    unit : {"s", "ms", "us"} or None
        Unit of time as far as the file says it.
    broken : int
        Rows at its end that broke off and were dropped.
    knows_buttons : bool
        Whether it says what is a press and what a move.
    """

    path: Path
    recordings: tuple[Recording, ...]
    unit: str | None = None
    broken: int = 0
    knows_buttons: bool = True


def by_session(rows: Rows, users: np.ndarray | None, sessions: np.ndarray | None) -> tuple[Recording, ...]:
    """Divide rows by columns of users and sessions, bytes or str ``(T,)``; None where there is none.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.mouse.event_file import by_session
    >>> from img_repr.domains.mouse.rows import Rows
    >>> time = np.arange(3.0)
    >>> [(one.user, len(one.rows)) for one in by_session(Rows.of(time, time, time), np.array(["b", "a", "b"]), None)]
    [('b', 2), ('a', 1)]
    """
    keys = [column for column in (users, sessions) if column is not None]
    if not keys or not len(rows):
        return (Recording(rows),) if len(rows) else ()
    key = np.zeros(len(rows), np.int64)
    for column in keys:
        number = np.unique(column, return_inverse=True)[1]
        key = np.unique(key * (int(number.max()) + 1) + number, return_inverse=True)[1]
    firsts = np.unique(key, return_index=True)[1]
    order = np.argsort(firsts[key], kind="stable")
    found = []
    for members in np.split(order, np.flatnonzero(np.diff(firsts[key][order])) + 1):
        words = [None if column is None else _word(column[members[0]]) for column in (users, sessions)]
        found.append(Recording(rows.take(members), *words))
    return tuple(found)


def read_content(path: Path) -> bytes:
    """Read a file of text: without a mark of byte order, lines ending in one way.

    Raises
    ------
    DataError
        If there is no such file, if it is empty, too large to be held in memory, or no text in UTF-8.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(
                f"{path}: expected a file of at most {MOST_BYTES >> 30} GiB, got {path.stat().st_size} bytes"
            )
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: expected a file that can be read, got: {error.strerror}") from None
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise DataError(f"{path}: expected events of a pointer, got an empty file")
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{path}: expected text in UTF-8, got UTF-16")
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise DataError(f"{path} line {line}: expected text, got binary content")
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in content else content


def _word(cell: bytes | str) -> str:
    return (cell.decode("utf-8", errors="replace") if isinstance(cell, bytes) else str(cell)).strip()
