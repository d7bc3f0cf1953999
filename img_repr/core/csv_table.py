"""A table of text: columns by name or number, as numbers, texts or times."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from img_repr.core.csv_values import (
    NumberStyle,
    is_missing,
    is_nameless,
    is_number,
    label_texts,
    number_style,
    parse_number,
    parse_time,
)
from img_repr.core.errors import DataError
from img_repr.core.numbers import is_integer

LABEL = ("label", "labels", "class", "target", "category")
GROUP = (
    *("group", "group_id", "speaker", "speaker_id", "patient", "patient_id", "subject", "subject_id"),
    *("participant", "participant_id"),
)
TIME = ("time", "timestamp", "datetime", "date")
ID = ("id", "case_id", "sample_id")
SPLIT = ("split", "part", "fold", "subset")
"""Usual names of columns, compared in lower case with blanks and hyphens as underscores."""

SUFFIXES = (".csv", ".tsv", ".txt")
"""Endings of tables, in lower case."""

MARKS = "\t;,|"
"""Delimiters, in the order in which they are tried."""

Column = str | int


@dataclass(frozen=True)
class CsvTable:
    """Rows of text.

    Parameters
    ----------
    path : Path
        The file, for messages.
    header : tuple of str or None
        Names of the columns.
    rows : list of list of str
        Cells; every row has as many as the header.
    lines : list of int
        Number of each row's line in the file, from 1.
    delimiter : str
        Separator of the cells.
    notes : tuple of str
        Skipped lines and choices of the reader.
    """

    path: Path
    header: tuple[str, ...] | None
    rows: list[list[str]]
    lines: list[int]
    delimiter: str = ","
    notes: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.header or self.rows[0])

    def where(self, row: int, column: int | None = None) -> str:
        """File and line of a row, and the column, for messages."""
        return f"{self.path} line {self.lines[row]}" + ("" if column is None else f" {self.title(column)}")

    def title(self, column: int) -> str:
        """Return the number of a column from 1, and its name, for messages."""
        return f"column {column + 1}" + (f" ({self.header[column]!r})" if self.header else "")

    def name(self, column: int) -> str:
        """Name of a column, or its number from 0 if it has none."""
        return (self.header[column] if self.header else "") or str(column)

    def cells(self, column: int) -> list[str]:
        """Cells of a column, without blanks at their ends."""
        return [row[column].strip() for row in self.rows]

    def find(self, requested: Column | None, usual: Sequence[str], role: str) -> int | None:
        """Return the position of the requested column, else of the one with a usual name, else None.

        A string is a name first and then, if it is an integer, a position; positions count from 0, -1 is the last.

        Raises
        ------
        DataError
            If there is no such column, or several match.
        """
        names = list(self.header or ())
        if requested is None:
            found = [at for at, name in enumerate(names) if plain_name(name) in usual]
            if len(found) > 1:
                said = " and ".join(names[at] for at in found)
                raise DataError(f"{self.path}: expected one column of {role}, got {said}; choose one by {role}=")
            return found[0] if found else None
        if isinstance(requested, str):
            for same in (lambda name: name == requested, lambda name: plain_name(name) == plain_name(str(requested))):
                found = [at for at, name in enumerate(names) if same(name)]
                if len(found) == 1:
                    return found[0]
                if len(found) > 1:
                    raise DataError(
                        f"{self.path}: expected one column {requested!r} for {role}=, got columns "
                        f"{' and '.join(str(at) for at in found)}; choose one by its number"
                    )
        if isinstance(requested, str) or is_integer(requested):
            try:
                return range(self.width)[int(requested)]
            except (ValueError, IndexError):
                if str(requested) in names:  # a column called 2019, requested by the number
                    return names.index(str(requested))
        known = ", ".join(names) if names else f"no header and {self.width} columns"
        raise DataError(f"{self.path}: expected a column {requested!r} for {role}=, got {known:.120}")

    def find_all(self, requested: Column | Sequence[Column] | None, role: str) -> list[int]:
        """Positions of several columns, or of one."""
        if requested is not None and not isinstance(requested, (str, int, Sequence)):
            raise DataError(f"{self.path}: expected names or numbers of columns for {role}=, got {requested!r:.40}")
        given = [requested] if isinstance(requested, (str, int)) else list(requested or ())
        found = [self.find(one, (), role) for one in given]
        return [at for at in found if at is not None]

    @cached_property
    def style(self) -> NumberStyle:
        """How numbers are written in this table."""
        return number_style((self.cells(at) for at in range(self.width)), delimiter=self.delimiter)

    def is_numeric(self, column: int) -> bool:
        """Whether a column holds at least one number, and otherwise only missing values."""
        cells = self.cells(column)
        if not all(is_number(cell) or is_missing(cell) for cell in cells):
            cells = [cell for cell in cells if not is_missing(cell)]
            return bool(cells) and all(is_number(cell, self.style) for cell in cells)
        return any(is_number(cell) for cell in cells)

    def numbers(self, columns: Sequence[int]) -> np.ndarray:
        """Values of some columns, NaN if missing, float64 ``(rows, columns)``.

        Raises
        ------
        DataError
            If a cell is not a number; the message names line and column.
        """
        try:
            values = [[float(row[at]) for at in columns] for row in self.rows]
            if not any("_" in row[at] for row in self.rows for at in columns):
                return np.array(values, dtype=np.float64).reshape(len(self.rows), len(columns))
        except ValueError:
            pass
        values = []
        for number, row in enumerate(self.rows):
            values.append([self._number(row[at], number, at) for at in columns])
        return np.array(values, dtype=np.float64).reshape(len(self.rows), len(columns))

    def _number(self, cell: str, row: int, column: int) -> float:
        try:
            return parse_number(cell, self.style)
        except ValueError:
            raise DataError(
                f"{self.where(row, column)}: expected a number, got {cell.strip()!r:.40}; "
                f"drop={self.name(column)!r} leaves the column out"
            ) from None

    def texts(self, column: int | None, role: str, rows: Iterable[int] | None = None) -> np.ndarray | None:
        """Labels, ids or groups of a column as written, str; None if ``column`` is None.

        See :func:`img_repr.core.csv_values.label_texts`.

        Raises
        ------
        DataError
            If one is missing.
        """
        if column is None:
            return None
        texts = label_texts(row[column] for row in self.rows)
        for row, text in enumerate(texts):
            if is_nameless(text):
                raise DataError(
                    f"{self.where(row, column)}: expected a {role}, got {text!r}; "
                    f"drop={self.name(column)!r} leaves the column out"
                )
        return np.array(texts)[np.fromiter(range(len(texts)) if rows is None else rows, dtype=np.int64)]

    def texts_of(self, name: str) -> list[str]:
        """Texts of the column with a given name.

        Raises
        ------
        DataError
            If there is no such column, or a cell is missing.
        """
        texts = self.texts(self.find(name, (), name), name)
        return [] if texts is None else [str(text) for text in texts]

    def times(self, column: int | None, rows: Iterable[int] | None = None) -> np.ndarray | None:
        """Return the times of a column, ISO dates as seconds, float64; None if ``column`` is None.

        Raises
        ------
        DataError
            If one is neither a number nor an ISO date.
        """
        if column is None:
            return None
        found = []
        for row in range(len(self.rows)) if rows is None else rows:
            try:
                found.append(parse_time(self.rows[row][column]))
            except ValueError:
                raise DataError(
                    f"{self.where(row, column)}: expected a number or an ISO date like 2024-12-31, "
                    f"got {self.rows[row][column].strip()!r:.40}; drop={self.name(column)!r} leaves the column out"
                ) from None
        return np.array(found, dtype=np.float64)


def plain_name(name: str) -> str:
    """Name of a column in lower case, with blanks and hyphens as underscores."""
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def is_table_name(path: Path) -> bool:
    """Whether a path has the suffix of a delimited text file, in any case."""
    return path.suffix.lower() in SUFFIXES
