"""What the columns of a file of events are: found by their usual names, or by those that the caller gives."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from img_repr.core.errors import DataError

Column = str | int


class Columns(TypedDict, total=False):
    """Columns by name, or by number from 0, where their usual names do not find them."""

    time: Column | None
    x: Column | None
    y: Column | None
    button: Column | None
    state: Column | None
    user: Column | None
    session: Column | None


_TIMES = (
    *("client timestamp", "clienttimestamp", "timestamp", "time", "t", "ts", "timestamp ms", "time ms", "t ms"),
    *("timestamp s", "time s", "t s", "timestamp utc ms", "datetime", "date", "record timestamp"),
)
_PLACES = (
    *(("x", "y"), ("x px", "y px"), ("screenx", "screeny"), ("screen x", "screen y"), ("pagex", "pagey")),
    *(("page x", "page y"), ("clientx", "clienty"), ("client x", "client y"), ("xpos", "ypos"), ("x pos", "y pos")),
    *(("pos x", "pos y"), ("posx", "posy"), ("mousex", "mousey"), ("mouse x", "mouse y"), ("cursorx", "cursory")),
    *(("cursor x", "cursor y"), ("x coordinate", "y coordinate")),
)
NAMES: Mapping[str, Sequence[str]] = {
    "time": _TIMES,
    "x": [x for x, _ in _PLACES],
    "y": [y for _, y in _PLACES],
    "button": ("button", "mouse button", "btn"),
    "state": ("state", "event", "event type", "eventtype", "event name", "type", "action"),
    "user": ("user", "user id", "userid", "username", "user name", "uid", "subject", "subject id", "participant",
             "participant id", "person", "label", "class"),
    "session": ("session", "session id", "sessionid", "trace", "trace id", "trial", "trial id", "trajectory",
                "trajectory id", "id"),
}  # fmt: skip
"""Usual names of each column, the one to be taken first: the client's clock before the recorder's, a user before a
class."""

NEEDED = ("time", "x", "y")


def plain(name: str) -> str:
    """Give a name in small letters with blanks between its words.

    Examples
    --------
    >>> plain("Client_Timestamp"), plain("t (ms)")
    ('client timestamp', 't ms')
    """
    return " ".join(re.sub(r"[^\w%]|_", " ", name).lower().split())


def find_columns(names: Sequence[str], asked: Columns) -> dict[str, int]:
    """Find the columns of a header by their roles; never an error.

    Parameters
    ----------
    names : sequence of str
        The header.
    asked : Columns
        What the caller gives.

    Returns
    -------
    dict of str to int
        Positions of the roles that were found; x and y only as the two of one pair.

    Examples
    --------
    >>> from img_repr.domains.mouse.column_roles import find_columns
    >>> find_columns(["record timestamp", "client timestamp", "button", "state", "X", "Y"], {})
    {'time': 1, 'button': 2, 'state': 3, 'x': 4, 'y': 5}
    """
    plain_names = [plain(name) for name in names]
    found: dict[str, int] = {}
    given: Mapping[str, Any] = asked
    for role, usual in NAMES.items():
        column = given.get(role)
        if column is not None:
            at = _position(names, column)
            if at is not None:
                found[role] = at
        elif role not in ("x", "y"):
            at = next((plain_names.index(name) for name in usual if name in plain_names), None)
            if at is not None:
                found[role] = at
    for x, y in _PLACES:
        if x in plain_names and y in plain_names:
            for role, name in (("x", x), ("y", y)):
                if given.get(role) is None:
                    found[role] = plain_names.index(name)
            break
    return found


def expect_columns(names: Sequence[str], asked: Columns, path: Path) -> dict[str, int]:
    """Find the columns of a header, those of ``NEEDED`` and those that the caller gives without fail.

    Raises
    ------
    DataError
        If one of them is not there; the message says which, and what there is.
    """
    found = find_columns(names, asked)
    for role in NAMES:
        column = asked.get(role)
        if role not in found and (column is not None or role in NEEDED):
            wanted = (
                f"a column {column!r} for {role}=" if column is not None else f"a column of {role} ({role}= names it)"
            )
            raise DataError(f"{path}: expected {wanted}, got {', '.join(map(repr, names)):.120}")
    return found


def unit_in(name: str) -> str | None:
    """Give the unit that the name of a column of times ends in, if it does.

    Examples
    --------
    >>> unit_in("t (ms)"), unit_in("time_s"), unit_in("timestamp")
    ('ms', 's', None)
    """
    words = plain(name).split()
    return words[-1] if len(words) > 1 and words[-1] in ("s", "ms", "us") else None


def _position(names: Sequence[str], column: Column) -> int | None:
    stripped = [name.strip() for name in names]
    if column in stripped:
        return stripped.index(str(column))
    if isinstance(column, int) and not isinstance(column, bool) and -len(names) <= column < len(names):
        return column % len(names)
    return None
