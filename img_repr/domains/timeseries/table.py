"""A table of text: delimiter and header found by stated rules, columns by name or number."""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from img_repr.core.errors import DataError
from img_repr.domains.timeseries.parsing import (
    is_missing,
    is_number,
    parse_label,
    parse_numbers,
    parse_time,
    read_text,
)

LABEL = ("label", "class", "target", "y")
ID = ("id", "series_id", "series", "case_id")
TIME = ("time", "timestamp", "datetime", "date", "t")
VALUE = ("value", "values")
GROUP = ("group",)
ROLES = frozenset((*LABEL, *ID, *TIME, *VALUE, *GROUP))
"""Names in a header, in any case of letters, that say what a column is."""

_SOUND = re.compile(r"\.(wav|flac|ogg|mp3|aiff?|m4a)\s*$", re.IGNORECASE)

Column = str | int


@dataclass(frozen=True)
class Table:
    """Rows of text.

    Parameters
    ----------
    path : Path
        Where they came from, for messages.
    header : tuple of str or None
        Names of the columns.
    rows : list of list of str
        Cells; every row has as many as the first.
    lines : list of int
        Number of each row's line in the file, from 1.
    """

    path: Path
    header: tuple[str, ...] | None
    rows: list[list[str]]
    lines: list[int]

    @property
    def width(self) -> int:
        """Count the columns."""
        return len(self.header or self.rows[0])

    def where(self, row: int) -> str:
        """File and line of a row, for messages."""
        return f"{self.path} line {self.lines[row]}"

    def title(self, column: int) -> str:
        """Give the number of a column from 1, and its name, for messages."""
        return f"column {column + 1}" + (f" ({self.header[column].strip()!r})" if self.header else "")

    def numbers(self, columns: Sequence[int]) -> np.ndarray:
        """Values of some columns, NaN where missing, float64 ``(rows, columns)``."""
        titles = [self.title(at) for at in columns]
        return np.array(
            [
                parse_numbers([cells[at] for at in columns], self.where(row), titles)
                for row, cells in enumerate(self.rows)
            ]
        )

    def labels(self, column: int | None, rows: Iterable[int]) -> np.ndarray | None:
        """Words of a column in some rows; None of no column."""
        if column is None:
            return None
        title = self.title(column)
        return np.array([parse_label(self.rows[row][column], f"{self.where(row)} {title}") for row in rows])

    def times(self, column: int | None, rows: Iterable[int]) -> np.ndarray | None:
        """Give the times of a column in some rows, dates as seconds; None of no column."""
        if column is None:
            return None
        found = []
        for row in rows:
            try:
                found.append(parse_time(self.rows[row][column]))
            except ValueError:
                raise DataError(
                    f"{self.where(row)} {self.title(column)}: expected a number or an ISO date, "
                    f"got {self.rows[row][column]!r:.40}"
                ) from None
        return np.array(found)

    def find(self, asked: Column | None, names: Sequence[str], role: str) -> int | None:
        """Position of a column that the caller asked for, else of the one that bears one of the names.

        Raises
        ------
        DataError
            If there is no such column, or several bear such a name.
        """
        titles = [name.strip() for name in self.header or ()]
        if asked is None:
            found = [position for position, title in enumerate(titles) if title.lower() in names]
            if len(found) > 1:
                raise DataError(
                    f"{self.path}: expected one column of {role}, "
                    f"got {' and '.join(titles[at] for at in found)}; say which with {role}="
                )
            return found[0] if found else None
        if isinstance(asked, str) and asked in titles:
            return titles.index(asked)
        try:
            position = int(asked)
            return range(self.width)[position]
        except (ValueError, IndexError):
            known = ", ".join(titles) if titles else f"no header and {self.width} columns"
            raise DataError(f"{self.path}: expected a column {asked!r} for {role}=, got {known:.80}") from None


def read_table(path: Path, *, header: bool | None = None, delimiter: str | None = None) -> Table:
    """Read a table of text.

    Blank lines and lines that begin with ``#`` are left out.

    Parameters
    ----------
    path : Path
        File in UTF-8.
    header : bool, optional
        Whether the first row names the columns. Default: it does if it holds only words; or a word over a
        number; or a name of ``ROLES`` that is not repeated below it; or nothing and then 0, 1, 2, ... as
        pandas writes it.
    delimiter : str, optional
        Default: the first of tab, semicolon, comma, bar that stands in the first row, else blanks.

    Raises
    ------
    DataError
        If the file cannot be read, holds no row below its header, or rows differ in their number of cells.
    """
    table = parse_table(path, read_text(path), header=header, delimiter=delimiter)
    if not table.rows:
        raise DataError(
            f"{path}: expected at least one row of values, got {'a header only' if table.header else 'none'}"
        )
    for row, cells in enumerate(table.rows):
        if len(cells) != table.width:
            raise DataError(
                f"{table.where(row)}: expected {table.width} cells as in the first row, got {len(cells)}; "
                "a shorter series leaves its last cells empty"
            )
    return table


def parse_table(path: Path, text: str, *, header: bool | None = None, delimiter: str | None = None) -> Table:
    """Cut text into rows by the rules of :func:`read_table`, without a check of the rows."""
    lines = ["" if line.startswith("#") else line.strip(" ") for line in text.split("\n")]
    first = next((line for line in lines if line), "")
    mark = delimiter or next((mark for mark in "\t;,|" if mark in first), " ")
    reader = csv.reader((line + "\n" for line in lines), delimiter=mark, skipinitialspace=True, strict=True)
    rows, numbers = [], []
    try:
        for cells in reader:
            if cells:
                rows.append(cells)
                numbers.append(reader.line_num)
    except csv.Error as error:
        start = numbers[-1] + 1 if numbers else 1  # not where the reader stopped: a quote may run to the end
        raise DataError(f"{path} line {start}: expected a table of text, got: {error}") from None
    if rows and (_is_header(rows) if header is None else header):
        return Table(path, tuple(rows[0]), rows[1:], numbers[1:])
    return Table(path, None, rows, numbers)


def _is_header(rows: list[list[str]]) -> bool:
    first, below = rows[0], rows[1:]
    words = [not is_missing(cell) and not is_number(cell) for cell in first]
    if not any(words):
        counting = [str(number) for number in range(len(first) - 1)]
        return len(first) > 2 and not first[0].strip() and [cell.strip() for cell in first[1:]] == counting
    if all(word or is_missing(cell) for word, cell in zip(words, first, strict=True)):
        return True
    return any(
        (below and at < len(below[0]) and is_number(below[0][at]))
        or (cell.strip().lower() in ROLES and all(cell not in row[at : at + 1] for row in below))
        for at, (cell, word) in enumerate(zip(first, words, strict=True))
        if word
    )


def looks_like_series(path: Path) -> bool:
    """Whether the first rows of a file are numbers, but for a slip here and there.

    Columns whose name is a role may hold words, and one besides. A table with columns x and y is a trace, not
    a series, and one with a column of sound files is a list of recordings. Cheap, and never an error.
    """
    try:
        with path.open("rb") as file:
            start = file.read(65536)
        text = start.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
        if len(start) == 65536:  # the last cell, and the last of several lines, may be cut in two
            text = text[: text.rfind("\n")] if "\n" in text else re.sub(r"[^\s,;|]*$", "", text)
        table = parse_table(path, "\n".join(text.split("\n")[:50]))
    except (OSError, DataError):
        return False
    names = [name.strip().lower() for name in table.header or ()]
    if not table.rows or {"x", "y"} <= set(names):
        return False
    words = numbers = 0
    for at in range(table.width):
        cells = [row[at] for row in table.rows if at < len(row)]
        known = [is_number(cell) for cell in cells if not is_missing(cell)]
        numbers += any(known)
        if cells and all(_SOUND.search(cell) for cell in cells):
            return False
        if not all(known) and not (names and names[at] in ROLES):
            if 0 < sum(known) < len(known) / 2:
                return False
            words += not any(known)  # a slip among numbers is for the loader to name
    a_list_of_things = words == 1 and numbers == 1 and not {*TIME, *VALUE} & set(names)  # file names and scores
    return numbers > 0 and words <= 1 and not a_list_of_things
