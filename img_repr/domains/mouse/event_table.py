"""Tables of events: one event per row, columns named by a header, read by NumPy as long as nothing is wrong."""

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from img_repr.core.errors import DataError
from img_repr.domains.mouse.column_roles import NEEDED, Columns, expect_columns, find_columns, plain, unit_in
from img_repr.domains.mouse.event_file import EventFile, by_session, read_content
from img_repr.domains.mouse.event_words import codes_of
from img_repr.domains.mouse.rows import Rows

_KINDS = dict.fromkeys(NEEDED, "f8") | {"button": "S24", "state": "S24", "user": "S128", "session": "S128"}
"""Type of each column; words that are longer are cut."""

_MISSING = frozenset(("", "nan", "na", "n/a", "null", "none", "?"))
_HEADER_BYTES = 1 << 16


@dataclass(frozen=True)
class _Body:
    """Lines below a header, with what is known of their columns."""

    path: Path
    content: bytes
    first_line: int
    mark: str
    names: list[str]
    columns: dict[str, int]


def read_event_table(path: Path, asked: Columns | None = None, *, divide: bool = True) -> EventFile:
    r"""Read a table of events.

    Cells are separated by the first of tab, semicolon, comma and bar that stands in the header. Columns beyond those
    that are needed are not looked at, blank lines are left out, and a last line that broke off is dropped and
    counted. Times may be numbers or ISO dates; a cell of numbers is missing that is empty or says ``NaN``, ``NA``,
    ``null``, ``none`` or ``?``.

    Parameters
    ----------
    path : Path
        File in UTF-8 with a header.
    asked : Columns, optional
        Columns that have other than their usual names.
    divide : bool
        Whether columns of users and sessions divide the rows; else all are one recording.

    Raises
    ------
    DataError
        If the file cannot be read or is no text, has no row, lacks a column, or a row lacks a cell or has a word
        where a number belongs; the message names the line.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.domains.mouse.event_table import read_event_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "session")
    ...     _ = file.write_text("client timestamp,button,state,x,y\n0.0,NoButton,Move,5,7\n0.1,Left,Pressed,5,7\n")
    ...     (recording,) = read_event_table(file).recordings
    >>> recording.rows.t.tolist(), recording.rows.state.tolist()
    ([0.0, 0.1], [0, 2])
    """
    body = _open(path, asked or {})
    try:
        cells, broken, dated = _read_quickly(body), 0, False
    except (ValueError, OverflowError):  # something is wrong, or missing, or a date: which, is found row by row
        cells, broken, dated = _read_carefully(body)
    if not len(cells):
        raise DataError(
            f"{path}: expected at least one row below the header, got {'a broken one' if broken else 'none'}"
        )
    words = {role: cells[role] if role in body.columns else None for role in ("button", "state", "user", "session")}
    if not divide:
        words |= {"user": None, "session": None}
    button = state = None
    if words["state"] is not None:
        button, state = codes_of(words["button"], words["state"], path)
    t, x, y = (np.ascontiguousarray(cells[role]) for role in NEEDED)
    rows = Rows.of(t, x, y, button, state)
    unit = "s" if dated else unit_in(body.names[body.columns["time"]])
    recordings = by_session(rows, words["user"], words["session"])
    return EventFile(path, recordings, unit, broken, words["state"] is not None)


def is_event_table(path: Path) -> bool:
    """Whether the first line of a file names a time, x and y, and no z; cheap, and never an error."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            start = file.read(_HEADER_BYTES)
        _, names, _ = _split_header(start.removeprefix(b"\xef\xbb\xbf").replace(b"\r", b"\n"))
    except (OSError, csv.Error, StopIteration):
        return False
    return set(NEEDED) <= find_columns(names, {}).keys() and "z" not in map(plain, names)


def _split_header(content: bytes) -> tuple[str, list[str], bytes]:
    """Give mark, names and the lines below of a text whose first line that is not blank is the header."""
    text = content.lstrip(b"\n")
    line, _, below = text.partition(b"\n")
    header = line.decode("utf-8", errors="replace")
    mark = next((mark for mark in "\t;,|" if mark in header), ",")
    return mark, [name.strip() for name in next(csv.reader([header], delimiter=mark, skipinitialspace=True))], below


def _open(path: Path, asked: Columns) -> _Body:
    content = read_content(path)
    try:
        mark, names, below = _split_header(content)
    except csv.Error as error:
        raise DataError(f"{path}: expected a header that names the columns, got: {error}") from None
    blank = len(content) - len(content.lstrip(b"\n"))
    return _Body(path, below, blank + 2, mark, names, expect_columns(names, asked, path))


def _read_quickly(body: _Body) -> np.ndarray:
    if not body.content.strip():
        return _rows([], body)
    return np.loadtxt(
        io.BytesIO(body.content),
        dtype=[(role, _KINDS[role]) for role in body.columns],
        delimiter=body.mark,
        usecols=tuple(body.columns.values()),
        quotechar='"',
        comments=None,
        encoding="latin1",  # bytes as they are
        ndmin=1,
    )


def _read_carefully(body: _Body) -> tuple[np.ndarray, int, bool]:
    """Give the rows, how many broke off at the end, and whether times are dates."""
    text = body.content.decode("utf-8", errors="replace")
    width = max(body.columns.values()) + 1
    found: list[tuple[float | bytes, ...]] = []
    dated = False
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=body.mark, skipinitialspace=True)
    lines, ends = text.count("\n"), text.endswith("\n")
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            where = f"{body.path} line {body.first_line + reader.line_num - 1}"
            last = not ends and reader.line_num > lines
            try:
                if len(cells) < width:
                    raise DataError(f"{where}: expected at least {width} cells, got {len(cells)}")
                row: list[float | bytes] = []
                for role, at in body.columns.items():
                    if role not in NEEDED:
                        row.append(cells[at].encode())
                        continue
                    value, is_date = _number(cells[at], role, body, where)
                    dated |= is_date
                    row.append(value)
            except DataError:
                if last:
                    return _rows(found, body), 1, dated
                raise
            found.append(tuple(row))
    except csv.Error as error:
        where = f"{body.path} line {body.first_line + reader.line_num - 1}"
        raise DataError(f"{where}: expected a table of text, got: {error}") from None
    return _rows(found, body), 0, dated


def _rows(found: list[tuple[float | bytes, ...]], body: _Body) -> np.ndarray:
    return np.array(found, [(role, _KINDS[role]) for role in body.columns])


def _number(cell: str, role: str, body: _Body, where: str) -> tuple[float, bool]:
    """Give the number of a cell, and whether it is a date; NaN where it is missing."""
    word = cell.strip()
    if word.lower() in _MISSING:
        return float("nan"), False
    try:
        if "_" not in word:  # Python reads 1_0 as ten; no file means it
            return float(word.replace(",", ".") if body.mark != "," else word), False
    except ValueError:
        pass
    if role == "time":
        try:
            return seconds_of(word), True
        except ValueError:
            pass
    name = body.names[body.columns[role]]
    wanted = "a number or an ISO date" if role == "time" else "a number"
    raise DataError(f"{where} column {name!r}: expected {wanted}, got {cell!r:.40}")


def seconds_of(date: str) -> float:
    """Seconds since 1970 of an ISO date; ValueError where it is none."""
    moment = datetime.fromisoformat(date)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
