"""Tables of series: choose the columns of values, and whether a row is a series or a time step."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from img_repr.core.csv_reader import parse_csv_table
from img_repr.core.csv_table import GROUP, ID, LABEL, SPLIT, TIME, CsvTable, plain_name
from img_repr.core.csv_values import is_missing, is_number, parse_time
from img_repr.core.errors import DataError
from img_repr.core.file_tree import name_some
from img_repr.core.pointer_columns import is_pointer_header
from img_repr.core.table_roles import TableRoles, spoken
from img_repr.domains.timeseries.step_names import is_time_step, step_columns

VALUE = ("value", "values")
USUAL: Mapping[str, Sequence[str]] = {
    "label": (*LABEL, "y"),
    "id": (*ID, "series_id", "series"),
    "time": (*TIME, "t"),
}
"""Usual names of columns in tables of series, if they differ from those of other tables."""

ROLES = frozenset((*USUAL["label"], *USUAL["id"], *USUAL["time"], *VALUE, *GROUP, *SPLIT))
_SOUND = re.compile(r"\.(wav|flac|ogg|mp3|aiff?|m4a)\s*$", re.IGNORECASE)
_START = 65536
_MANY = 20  # columns of values are too many to be channels

Layout = Literal["wide", "long"]


def choose_layout(table: CsvTable, roles: TableRoles, values: Sequence[int]) -> Layout:
    """Return ``"wide"`` if a row of a table is a series, ``"long"`` if it is a time step, by the shape of the table.

    Parameters
    ----------
    table : CsvTable
    roles : TableRoles
    values : sequence of int
        Columns of values.

    Raises
    ------
    DataError
        If it could be either; the message names both options.
    """
    names = [table.header[at] for at in values] if table.header else []
    steps = len(step_columns(names))
    if not steps and any(plain_name(name) in VALUE for name in names):
        return "long"
    rows = len(table.rows)
    if roles.id is not None:
        rows_of_one = rows / len({*table.cells(roles.id)})
        if rows_of_one == 1:
            return "wide"
        if roles.time is None:
            return "wide" if len(values) > rows_of_one else "long"
        of_time = steps and is_time_step(names[step_columns(names)[0]])
        return "wide" if of_time and steps > rows_of_one else "long"
    if roles.time is None:
        return "wide"
    if steps and (is_time_step(names[step_columns(names)[0]]) or steps > rows):
        return "wide"
    if roles.label is None or len({*table.cells(roles.label)}) == 1:
        return "long"
    if len(values) >= _MANY:
        return "wide"
    by = f"id={table.name(roles.group)!r}" if roles.group is not None else "id=NAME"
    raise DataError(
        f"{table.path}: expected a column of ids or columns named by time steps next to times and labels, got neither; "
        f"layout='wide' (--load layout=wide) reads one series per row, {by} (--load {by.replace(chr(39), '')}) one "
        "series per id"
    )


def free_columns(table: CsvTable, roles: TableRoles) -> tuple[list[int], TableRoles, list[str]]:
    """Return the columns of values: those without a role.

    Columns of dates are dropped. Without a column of labels, a single column of text is the label.

    Returns
    -------
    columns : list of int
    roles : TableRoles
        With the label that was found, and the dropped columns.
    notes : list of str
        Why columns are dropped, and which option uses them.

    Raises
    ------
    DataError
        If there is no column of values, or there are several columns of text without a role.
    """
    free = [at for at in range(table.width) if at not in roles.taken]
    notes = []
    texts = [at for at in free if _holds_text(table, at)]
    dates = [at for at in texts if _holds_dates(table, at)]
    if dates:
        notes.append(_left_out(table, dates, "dates; time=NAME takes one as the times"))
        roles = roles.leave_out(dates)
    texts = [at for at in texts if at not in dates]
    if roles.label is None and len(texts) == 1:
        roles = _with_label(table, roles, texts.pop(), notes)
    if texts:
        names = [table.name(at) if table.header else at for at in texts]
        drop = f"drop={names[0]!r} (--load drop={names[0]}) leaves it out"
        if len(names) > 1:
            drop = f'drop={names!r} (--load "drop={names!r}") leaves them out'
        take = (
            "" if roles.label is not None else f"label={names[0]!r} (--load label={names[0]}) takes one as the label, "
        )
        raise DataError(
            f"{table.where(0, texts[0])}: expected a number, got {table.cells(texts[0])[0]!r:.40}; columns of text are "
            f"{name_some([spoken(table, at) for at in texts])}: {take}group=, id= or split= give others a role, {drop}"
        )
    columns = [at for at in free if at not in roles.taken]
    if not columns:
        raise DataError(f"{table.path}: expected a column of values, got only columns of other roles")
    return columns, roles, notes


def only_steps(table: CsvTable, roles: TableRoles, columns: list[int]) -> tuple[list[int], TableRoles, list[str]]:
    """Drop the columns of numbers that are not named like time steps, if others are."""
    steps = [columns[at] for at in step_columns([table.header[at] for at in columns])] if table.header else []
    others = [at for at in columns if at not in steps]
    if not steps or not others:
        return columns, roles, []
    said = "numbers that are not named like the values; label=, group= or value= take them"
    return steps, roles.leave_out(others), [_left_out(table, others, said)]


def _left_out(table: CsvTable, columns: Sequence[int], reason: str) -> str:
    return f"left out {len(columns)} columns of {reason}: {name_some([spoken(table, at) for at in columns])}"


def _with_label(table: CsvTable, roles: TableRoles, at: int, notes: list[str]) -> TableRoles:
    """Use the only column of text as the label, or as ids if all texts differ."""
    cells = table.cells(at)
    if roles.id is None and len({*cells}) == len(cells) > _MANY:
        notes.append(f"{spoken(table, at)} holds another text in each row and was read as ids; label= takes it instead")
        return replace(roles, id=at)
    return replace(roles, label=at)


def _holds_text(table: CsvTable, at: int) -> bool:
    """Whether a column holds text and no number; single words among numbers are reported when they are parsed."""
    known = [cell for cell in table.cells(at) if not is_missing(cell)]
    return bool(known) and not any(is_number(cell) or is_number(cell, table.style) for cell in known)


def _holds_dates(table: CsvTable, at: int) -> bool:
    try:
        return all(parse_time(cell) is not None for cell in table.cells(at) if not is_missing(cell))
    except ValueError:
        return False


def looks_like_series(path: Path) -> bool:
    """Whether the first rows of a file are series: numbers, but for a slip, next to columns of known roles.

    A table of pointer events, a list of sound files, and a list of names with one score each are not series. Cheap,
    and never raises.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_START)
        encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        text = start.decode(encoding, errors="replace").replace("\r\n", "\n").replace("\r", "\n")
        if len(start) == _START:  # the last cell and the last of several lines may be cut
            text = text[: text.rfind("\n")] if "\n" in text else re.sub(r"[^\s,;|]*$", "", text)
        table = parse_csv_table(path, "\n".join(text.split("\n")[:50]), roles=ROLES)
    except (OSError, DataError):
        return False
    if not table.rows or "\0" in text:
        return False
    names = [plain_name(name) for name in table.header or ()]
    if {"x", "y"} <= {*names} or is_pointer_header(table.header or ()):
        return False
    rows = [row for row in table.rows if len(row) == table.width] or table.rows
    table = CsvTable(path, table.header, [row for row in rows if len(row) == table.width], [], table.delimiter)
    if not table.rows:
        return False
    words, numbers, slips = [], [], 0
    for at in range(table.width):
        known = [cell for cell in table.cells(at) if not is_missing(cell)]
        count = sum(is_number(cell) or is_number(cell, table.style) for cell in known)
        if known and all(map(_SOUND.search, known)):
            return False
        is_role = bool(names) and (names[at] in ROLES or not names[at])
        if count:
            numbers.append(at)
        elif known and not is_role and not _holds_dates(table, at):
            words.append(at)
        slips += 0 < count < len(known) / 2 and not is_role
    steps = step_columns([table.header[at] for at in numbers]) if table.header else []
    if steps:
        return True
    a_list_of_things = len(words) == len(numbers) == 1 and not {*USUAL["time"], *VALUE} & {*names}
    return bool(numbers) and not slips and len(words) <= 1 and not a_list_of_things
