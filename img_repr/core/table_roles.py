"""Roles of the columns of a table of text: label, group, time, id and split, by option or by usual name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from img_repr.core.csv_table import GROUP, ID, LABEL, SPLIT, TIME, Column, CsvTable, plain_name
from img_repr.core.errors import DataError
from img_repr.core.file_tree import name_some
from img_repr.core.split_names import normalize_split_names, split_of

_USUAL = {"label": LABEL, "group": GROUP, "time": TIME, "id": ID, "split": SPLIT}
_MOST_SPLITS = 20


@dataclass(frozen=True)
class TableRoles:
    """Positions of the columns that hold no values; None if there is none.

    Parameters
    ----------
    label, group, time, id, split : int or None
    dropped : frozenset of int
        Columns that the caller dropped, and those that only number the rows.
    """

    label: int | None = None
    group: int | None = None
    time: int | None = None
    id: int | None = None
    split: int | None = None
    dropped: frozenset[int] = frozenset()

    @property
    def named(self) -> dict[str, int]:
        """Positions of the roles that were found."""
        positions = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "dropped"}
        return {role: at for role, at in positions.items() if at is not None}

    @property
    def taken(self) -> set[int]:
        """Positions of all columns that hold no values."""
        return {*self.named.values(), *self.dropped}

    def leave_out(self, columns: Iterable[int]) -> "TableRoles":
        """Return the roles with more dropped columns."""
        return replace(self, dropped=self.dropped | {*columns})

    def known(self, table: CsvTable, rows: Sequence[int] | None = None) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return labels, groups, times, names and splits of some rows as columns of a ``Dataset``, and notes on them.

        Raises
        ------
        DataError
            If a label, group or id is missing, or a time is invalid.
        """
        splits: list[str] | None = None
        notes: tuple[str, ...] = ()
        if self.split is not None:
            texts = table.texts(self.split, "split", rows)
            splits, notes = normalize_split_names([] if texts is None else texts.tolist())
        known = {
            "labels": table.texts(self.label, "label", rows),
            "groups": table.texts(self.group, "group", rows),
            "times": table.times(self.time, rows),
            "names": table.texts(self.id, "id", rows),
            "split": None if splits is None else np.array(splits),
        }
        return known, notes

    def describe(self, table: CsvTable) -> str:
        """Return the role of each column in words: ``"; label: diagnosis; groups: patient; left out: age"``."""
        words = {"label": "label", "group": "groups", "time": "times", "id": "ids", "split": "split"}
        said = [f"{words[role]}: {spoken(table, at)}" for role, at in self.named.items()]
        if self.dropped:
            said.append(f"left out: {', '.join(spoken(table, at) for at in sorted(self.dropped))}")
        return "".join(f"; {part}" for part in said)


def find_roles(
    table: CsvTable,
    requested: Mapping[str, Column | None],
    *,
    drop: Column | Sequence[Column] = (),
    usual: Mapping[str, Sequence[str]] | None = None,
) -> TableRoles:
    r"""Find the columns of a table that hold no values.

    Parameters
    ----------
    table : CsvTable
    requested : mapping of str to (str, int or None)
        Columns of ``label``, ``group``, ``time``, ``id`` and ``split``; None: by their usual names.
    drop : str, int, or a sequence of these
        Columns to leave out. Columns without a name, and those called ``index`` that count the rows, are left out too.
    usual : mapping of str to sequence of str, optional
        Usual names of a role, lower case with underscores, if they differ from those of ``img_repr.core.csv_table``.

    Raises
    ------
    DataError
        If a column is missing, has two roles, or several columns have usual names of one role.

    Examples
    --------
    >>> from pathlib import Path
    >>> from img_repr.core.csv_reader import parse_csv_table
    >>> from img_repr.core.table_roles import find_roles
    >>> table = parse_csv_table(Path("toy.csv"), "patient,t0,t1,diagnosis\np1,1,2,ill\n")
    >>> roles = find_roles(table, {"label": "diagnosis"})
    >>> roles.named, roles.describe(table)
    ({'label': 3, 'group': 0}, '; label: diagnosis; groups: patient')
    """
    names = [plain_name(name) for name in table.header or ()]
    found = {role: at for role in _USUAL if (at := table.find(requested.get(role), (), role)) is not None}
    dropped = {*table.find_all(drop, "drop")}
    positions = [*found.values()]
    twice = next((at for at in positions if positions.count(at) > 1 or at in dropped), None)
    if twice is not None:
        roles = " and ".join([*(role for role, at in found.items() if at == twice), *["drop"] * (twice in dropped)])
        raise DataError(f"{table.path}: expected one role per column, got {spoken(table, twice)} for {roles}")
    dropped |= {
        at
        for at, name in enumerate(names)
        if at not in positions and (name in ("", "unnamed:_0") or (name == "index" and _counts_rows(table.cells(at))))
    }
    for role, words in (_USUAL | dict(usual or {})).items():
        if requested.get(role) is not None:
            continue
        alike = [at for at, name in enumerate(names) if name in words and at not in dropped | {*found.values()}]
        if role == "split":
            alike = [at for at in alike if _are_splits(table.cells(at))]
        if len(alike) > 1:
            said = " and ".join(spoken(table, at) for at in alike)
            raise DataError(
                f"{table.path}: expected one column of {role}, got {said}; choose one by {role}=, or leave out by drop="
            )
        if alike:
            found[role] = alike[0]
    return TableRoles(**found, dropped=frozenset(dropped))


def spoken(table: CsvTable, column: int) -> str:
    """Name of a column, or its number from 1 if it has none."""
    return (table.header[column] if table.header else "") or f"column {column + 1}"


def drop_unlabeled(table: CsvTable, roles: TableRoles) -> CsvTable:
    """Return the table without the rows of an unlabeled split, with a note that counts them."""
    if roles.split is None:
        return table
    kept = [row for row, cell in enumerate(table.cells(roles.split)) if split_of(cell) != "unlabeled"]
    if not kept or len(kept) == len(table.rows):
        return table
    left_out = sorted({*range(len(table.rows))} - {*kept})
    note = (
        f"left out {len(left_out)} rows of unlabeled samples: "
        f"lines {name_some([str(table.lines[row]) for row in left_out])}"
    )
    rows, lines = [table.rows[row] for row in kept], [table.lines[row] for row in kept]
    return CsvTable(table.path, table.header, rows, lines, table.delimiter, (*table.notes, note))


def _counts_rows(cells: list[str]) -> bool:
    return cells in ([str(number) for number in range(start, start + len(cells))] for start in (0, 1))


def _are_splits(cells: list[str]) -> bool:
    """Whether the cells of a column with a usual name are names of splits or folds, and not measurements."""
    distinct = {*cells}
    return all(map(split_of, distinct)) or len(distinct) <= min(_MOST_SPLITS, len(cells) // 2)
