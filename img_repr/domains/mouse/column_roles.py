"""Roles of the columns of event files, by the words in their names or by options."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from img_repr.core.csv_table import ID, LABEL, SPLIT, Column, CsvTable
from img_repr.core.errors import DataError
from img_repr.core.pointer_columns import find_pointer_columns, name_words


class Columns(TypedDict, total=False):
    """Columns by name or by number from 0, if they have other than their usual names.

    ``label`` is a synonym of ``user``, ``group`` of ``session``; columns in ``drop`` are ignored.
    """

    time: Column | None
    x: Column | None
    y: Column | None
    button: Column | None
    state: Column | None
    user: Column | None
    session: Column | None
    label: Column | None
    group: Column | None
    id: Column | None
    split: Column | None
    drop: Column | Sequence[Column] | None


NAMES: Mapping[str, Sequence[str]] = {
    "time": ("timestamp", "client timestamp", "time", "t_ms", "ts", "datetime"),
    "x": ("x", "x px", "screenX", "pageX", "clientX", "xpos", "x pos", "pos_x", "mouse_x", "cursor_x", "x coordinate"),
    "y": ("y", "y px", "screenY", "pageY", "clientY", "ypos", "y pos", "pos_y", "mouse_y", "cursor_y", "y coordinate"),
    "button": ("button", "btn", "button name"),
    "state": ("state", "event", "event type", "eventtype", "event name", "type", "action", "button state"),
    "pressed": ("pressed", "is pressed", "button pressed", "down", "is down", "button down"),
    "left": ("left button",),
    "middle": ("middle button", "mid button"),
    "right": ("right button",),
    "user": ("user", "user id", "userid", "username", "user name", "uid", "subject", "subject id", "subject nr",
             "subject name", "participant", "participant id", "person", *LABEL),
    "session": ("session", "session id", "sessionid", "group", "group id", "trace", "trace id", "trial", "trial id",
                "count trial", "trajectory", "trajectory id"),
    "id": ID,
    "split": SPLIT,
}  # fmt: skip
"""Usual names of each role, in order of priority. Those of time, x and y are examples: their rule is
:func:`img_repr.core.pointer_columns.find_pointer_columns`."""

NEEDED = ("time", "x", "y")
NAMING = ("user", "session", "id", "split")
_POINTERS = frozenset(("mouse", "cursor", "pointer"))


def find_columns(
    names: Sequence[str], requested: Columns, path: Path, *, has_header: bool = True
) -> dict[str, list[int]]:
    """Find the columns of a header by their roles.

    Parameters
    ----------
    names : sequence of str
        The header, or one name for each column of a table without one.
    requested : Columns
        Requested columns.
    path : Path
        For messages.

    Returns
    -------
    dict of str to list of int
        Positions of the roles that were found: one each, but all columns that may name events.

    Raises
    ------
    DataError
        If a requested column does not exist.

    Examples
    --------
    >>> from pathlib import Path
    >>> from img_repr.domains.mouse.column_roles import find_columns
    >>> find_columns(["client timestamp", "button", "event", "X", "Y", "action"], {}, Path("file"))
    {'time': [0], 'x': [3], 'y': [4], 'button': [1], 'state': [2, 5]}
    """
    table = CsvTable(path, tuple(names) if has_header else None, [list(names)], [1])
    dropped = {*table.find_all(requested.get("drop"), "drop")}
    known = ["" if at in dropped or not has_header else name for at, name in enumerate(names)]
    found = {role: [at] for role, at in find_pointer_columns(known).items()}
    plain = [" ".join(word for word in name_words(name) if word not in _POINTERS) for name in known]
    for role, usual in NAMES.items():
        if role not in NEEDED:
            positions = [plain.index(name) for name in usual if name in plain]
            if positions:
                found[role] = positions if role == "state" else positions[:1]
    for role in (*NEEDED, "button", "state", "user", "session", "id", "split"):
        same = {"user": "label", "session": "group"}.get(role, role)
        option = role if requested.get(role) is not None else same
        column: Column | None = requested.get(option)  # type: ignore[assignment]
        if column is not None and (at := table.find(column, (), option)) is not None:
            found[role] = [at]
    return found


def expect_needed(found: Mapping[str, list[int]], names: Sequence[str], path: Path, *, has_header: bool = True) -> None:
    """Check that all of ``NEEDED`` were found.

    Raises
    ------
    DataError
        If one is missing; the message names the columns of the file.
    """
    missing = [role for role in NEEDED if role not in found]
    if missing:
        got = ", ".join(map(repr, names)) if has_header else f"{len(names)} columns without a header"
        raise DataError(
            f"{path}: expected a column of {missing[0]} with a name like {', '.join(NAMES[missing[0]][2:5])} "
            f"({missing[0]}= gives another), got {got:.200}"
        )
