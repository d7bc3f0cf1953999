"""A table of text with a header, and its columns as numbers: words are spread over a column each."""

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from img_repr.core.errors import DataError

MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none"})
"""Words for a value that is missing, in any case of letters."""

Column = str | int


def read_number(cell: str) -> float | None:
    """Value of a cell, NaN where it is missing; None where it is no number.

    Examples
    --------
    >>> from img_repr.domains.tabular.table import read_number
    >>> read_number(" 1e3 "), read_number("?"), read_number("1_0"), read_number("red")
    (1000.0, nan, None, None)
    """
    if cell.strip().lower() in MISSING:
        return math.nan
    try:
        return None if "_" in cell else float(cell)  # Python reads 1_0 as ten; no data format does
    except ValueError:
        return None


def read_time(cell: str) -> float:
    """Give the number of a time: itself, or the seconds of an ISO date (UTC where it names no zone); NaN of no time.

    Examples
    --------
    >>> from img_repr.domains.tabular.table import read_time
    >>> read_time("12.5"), read_time("1970-01-02"), read_time("soon")
    (12.5, 86400.0, nan)
    """
    value = read_number(cell)
    if value is not None:
        return value
    try:
        moment = datetime.fromisoformat(cell.strip())
    except ValueError:
        return math.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


@dataclass(frozen=True)
class Table:
    """Cells of text below a header.

    Parameters
    ----------
    path : Path
        Where they came from, for messages.
    header : tuple of str
        Names of the columns, each once.
    rows : list of list of str
        As many cells each as the header.
    lines : list of int
        Number of each row's line in the file, from 1.
    """

    path: Path
    header: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]

    def where(self, row: int, column: int) -> str:
        """File, line and column of a cell, for messages."""
        return f"{self.path} line {self.lines[row]} column {column + 1} ({self.header[column]!r})"

    def find(self, asked: Column, role: str) -> int:
        """Position of a column by its name, or by its number from 0, -1 the last.

        Raises
        ------
        DataError
            If there is no such column.
        """
        if asked in self.header:
            return self.header.index(str(asked))
        try:
            return range(len(self.header))[int(asked)]
        except (ValueError, IndexError):
            known = ", ".join(self.header)
            raise DataError(f"{self.path}: expected a column {asked!r} for {role}=, got {known:.120}") from None

    def find_all(self, asked: Column | Sequence[Column], role: str) -> set[int]:
        """Positions of several columns, or of one."""
        return {self.find(one, role) for one in ([asked] if isinstance(asked, (str, int)) else asked)}

    def words(self, column: int, role: str) -> np.ndarray:
        """Cells of a column as words, str ``(N,)``; a whole number without its point: ``1``, not ``1.0``.

        Raises
        ------
        DataError
            If one is missing.
        """
        found = []
        for row, cells in enumerate(self.rows):
            word = cells[column].strip()
            if word.lower() in ("", "?", "nan"):  # "none" and "NA" may name a class
                raise DataError(f"{self.where(row, column)}: expected a {role}, got {word!r}")
            found.append(_plain(word))
        return np.array(found)

    def times(self, column: int) -> np.ndarray:
        """Cells of a column as times, ISO dates as seconds, float64 ``(N,)``.

        Raises
        ------
        DataError
            If one is neither a number nor a date.
        """
        found = []
        for row, cells in enumerate(self.rows):
            value = read_time(cells[column])
            if not math.isfinite(value):
                raise DataError(
                    f"{self.where(row, column)}: expected a number or an ISO date, got {cells[column].strip()!r:.40}"
                )
            found.append(value)
        return np.array(found)

    def numbers(self, column: int, *, most_words: int, as_words: bool) -> tuple[np.ndarray, list[str]]:
        """Give the numbers that a column comes to, ``(N, K)``, and K names.

        A column of numbers is itself. Of one that holds no number, or is to be taken ``as_words``, each word gets a
        column that is 1 where it stands and 0 elsewhere; all of them are 0 where none stands.

        Raises
        ------
        DataError
            If a number is infinite, if words stand among numbers, or if there are more than ``most_words`` words.
        """
        title, cells = self.header[column], [row[column].strip() for row in self.rows]
        values = [read_number(cell) for cell in cells]
        if not as_words and any(value is not None and not math.isnan(value) for value in values):
            for row, value in enumerate(values):
                if value is None or math.isinf(value):
                    raise DataError(
                        f"{self.where(row, column)}: expected a finite number as in others, got {cells[row]!r:.40}; "
                        f"words={title!r} takes all that stands there as words"
                    )
            return np.array(values, dtype=np.float64)[:, None], [title]
        known = [None if cell.lower() in MISSING else _plain(cell) for cell in cells]
        words = sorted({word for word in known if word is not None})
        if not words:
            return np.full((len(cells), 1), np.nan), [title]
        if len(words) > most_words:
            raise DataError(
                f"{self.path}: expected at most {most_words} different words in column {column + 1} ({title!r}), got "
                f"{len(words)}, {words[0]!r:.30} for one; leave it out by drop={title!r}, or raise most_words"
            )
        place = {word: at for at, word in enumerate(words)}
        spread = np.zeros((len(cells), len(words)))
        for row, word in enumerate(known):
            if word is not None:
                spread[row, place[word]] = 1.0
        return spread, [f"{title}={word}" for word in words]


def _plain(word: str) -> str:
    value = read_number(word)
    return str(int(value)) if value is not None and value.is_integer() and abs(value) < 2**53 else word


def read_table(path: Path, *, delimiter: str | None = None) -> Table:
    """Read a table of text in UTF-8 whose first line names its columns.

    Blank lines and lines that begin with ``#`` are left out, and so are columns without a name whose cells are all
    empty, as a mark at the end of each line makes them.

    Parameters
    ----------
    path : Path
        Any kind of line end, with or without a byte order mark.
    delimiter : str, optional
        Default: the first of tab, semicolon, comma, bar that stands in the first line, quotes left out.

    Raises
    ------
    DataError
        If the file cannot be read, has no header or no row, a name twice, or rows of unequal width.
    """
    lines = _read_lines(path)
    first = next((line for line in lines if line), "")
    bare = re.sub(r'"[^"]*"', "", first)
    mark = delimiter or next((mark for mark in "\t;,|" if mark in bare), ",")
    rows, numbers = [], []
    try:
        reader = csv.reader((line + "\n" for line in lines), delimiter=mark, skipinitialspace=True, strict=True)
        for cells in reader:
            if cells:
                rows.append(cells)
                numbers.append(reader.line_num)
    except (csv.Error, TypeError) as error:
        raise DataError(f"{path} line {numbers[-1] + 1 if numbers else 1}: expected a table, got: {error}") from None
    header = tuple(cell.strip() for cell in rows[0]) if rows else ()
    _check_header(path, header)
    if len(rows) < 2:
        raise DataError(f"{path}: expected at least one row below the header, got none")
    for cells, number in zip(rows, numbers, strict=True):
        if len(cells) != len(header):
            raise DataError(f"{path} line {number}: expected {len(header)} cells as in the header, got {len(cells)}")
    kept = [at for at, name in enumerate(header) if name or any(row[at].strip() for row in rows[1:])]
    return Table(path, tuple(header[at] for at in kept), [[row[at] for at in kept] for row in rows[1:]], numbers[1:])


def _read_lines(path: Path) -> list[str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: expected a table that can be read, got: {error.strerror}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path} line {line}: expected text in UTF-8, got byte 0x{content[error.start]:02x}") from None
    if not text.strip() or "\0" in text:
        raise DataError(
            f"{path}: expected a table of text, got {'an empty file' if not text.strip() else 'other bytes'}"
        )
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return ["" if line.startswith("#") else line.strip(" ") for line in text.split("\n")]


def _check_header(path: Path, header: tuple[str, ...]) -> None:
    """Refuse a first line that holds values: names are words, or count the columns, as data frames without names do."""
    counted = [cell for cell in header if cell and (number := read_number(cell)) is not None and not math.isnan(number)]
    if counted and counted not in ([str(at + start) for at in range(len(counted))] for start in (0, 1)):
        raise DataError(f"{path}: expected a first line that names the columns, got the number {counted[0]} in it")
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise DataError(f"{path}: expected each column's name once, got {twice[0]!r} twice")
