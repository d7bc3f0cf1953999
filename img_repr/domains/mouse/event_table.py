"""Tables of events: one event per row, columns named by a header; clean tables are read by NumPy."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.core.csv_reader import parse_csv_table, read_text
from img_repr.core.csv_table import CsvTable
from img_repr.core.csv_values import MISSING, NumberStyle, is_number, number_style, parse_number
from img_repr.core.errors import DataError
from img_repr.core.pointer_columns import is_pointer_header, time_unit_in
from img_repr.domains.mouse.column_roles import NAMING, NEEDED, Columns, expect_needed, find_columns
from img_repr.domains.mouse.event_file import EventColumns, EventFile, check_file, file_of
from img_repr.domains.mouse.event_records import read_records
from img_repr.domains.mouse.rows import Rows, Words
from img_repr.domains.mouse.time_unit import moment_of

_HEADER_BYTES = 1 << 16
_HEADER_LINES = 24
_WIDEST = 1 << 12  # bytes of a cell that NumPy reads; longer ones are read row by row


@dataclass(frozen=True)
class TableOptions:
    """Options of a table of events: parameters of :func:`load_trace_csv`."""

    columns: Columns = field(default_factory=Columns)
    meanings: Mapping[str, str] | None = field(default_factory=dict)
    header: bool | None = None
    delimiter: str | None = None


def read_event_table(path: Path, options: TableOptions | None = None, *, divided: bool = True) -> EventFile:
    r"""Read a table of events.

    Columns without a role and cells beyond the header are ignored. A truncated last line is dropped and counted.
    Times may be numbers, ISO dates or times of a day; numbers may have a decimal comma. If cells hold lists, as written
    by PsychoPy and OpenSesame, each row is a recording.

    Parameters
    ----------
    path : Path
        File in UTF-8, or in UTF-16 with a byte order mark.
    options : TableOptions, optional
    divided : bool
        Whether columns of users, sessions, ids and splits divide the rows; otherwise all rows are one recording.

    Raises
    ------
    DataError
        If the file cannot be read or is not text, has no row, lacks a column, or a row lacks a cell or has a word
        instead of a number; the message names the line.

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
    options = options or TableOptions()
    check_file(path)
    text = read_text(path)
    head = _parse_head(path, text, options)
    if head.header and not head.rows and not text.strip("\n").count("\n"):
        raise DataError(f"{path}: expected at least one row below the header, got none")
    names, columns = _find(head, options)
    if not {*NEEDED} <= columns.keys() and is_pointer_header(names):
        return _read_lists(path, text, head, options)
    expect_needed(columns, names, path, has_header=head.header is not None)
    if not divided:
        columns = {role: positions for role, positions in columns.items() if role not in NAMING}
    try:
        found = _read_quickly(path, text, head, columns)
    except (ValueError, OverflowError):  # something is wrong, or missing, or a date: row by row
        found = None
    if found is None:
        table = _parse_whole(path, text, head)
        if any(row[at : at + 1] and row[at].lstrip().startswith("[") for row in table.rows for at in columns["x"]):
            return _read_lists(path, text, head, options)
        found = _read_carefully(table, columns, may_break=not text.endswith("\n"))
    unit = None if found.dated else time_unit_in(head.name(columns["time"][0]))
    return file_of(path, found, unit=unit, meanings=options.meanings)


def is_event_table(path: Path, options: TableOptions | None = None) -> bool:
    """Whether the header of a file is that of a pointer recording; cheap, and never raises."""
    options = options or TableOptions()
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            start = file.read(_HEADER_BYTES)
        encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        text = start.decode(encoding, errors="replace").replace("\r\n", "\n").replace("\r", "\n")
        if "\0" in text:
            return False
        if len(start) == _HEADER_BYTES:
            text = text[: text.rfind("\n")]
        head = _parse_head(path, text, options)
        given = {role: column for role in NEEDED if (column := options.columns.get(role)) is not None}
        if given:
            return {*NEEDED} <= _find(head, TableOptions(Columns(**given)))[1].keys()  # type: ignore[typeddict-item]
    except (OSError, DataError):
        return False
    return is_pointer_header(head.header or ())


def _find(head: CsvTable, options: TableOptions) -> tuple[list[str], dict[str, list[int]]]:
    """Names of the columns (numbers without a header), and the columns of each role."""
    names = list(head.header or map(str, range(head.width if head.rows else 0)))
    return names, find_columns(names, options.columns, head.path, has_header=head.header is not None)


def _parse_head(path: Path, text: str, options: TableOptions) -> CsvTable:
    lines = text[:_HEADER_BYTES].split("\n")
    whole = lines if len(text) <= _HEADER_BYTES else lines[:-1]
    start = "\n".join(whole[:_HEADER_LINES])
    head = parse_csv_table(path, start, header=options.header, delimiter=options.delimiter, roles=NEEDED)
    if options.header is None and head.header and all(is_number(name) for name in head.header):  # a first row of values
        return parse_csv_table(path, start, header=False, delimiter=options.delimiter)
    return head


def _parse_whole(path: Path, text: str, head: CsvTable) -> CsvTable:
    table = parse_csv_table(path, text, header=head.header is not None, delimiter=head.delimiter)
    if not table.rows:
        raise DataError(f"{path}: expected at least one row below the header, got none")
    return table


def _read_quickly(path: Path, text: str, head: CsvTable, columns: dict[str, list[int]]) -> EventColumns | None:
    """Read clean columns by NumPy; None or ValueError if they are not clean."""
    if not head.rows or (head.delimiter == " " and head.header is None):
        return None
    start = 0
    for _ in range(head.lines[0] - 1):
        start = text.index("\n", start) + 1
    body = text[start:].encode("latin1")  # a ValueError where letters are not of it
    positions = [(role, at) for role, found in columns.items() for at in found]
    width = 24
    while width <= _WIDEST:
        cells = np.loadtxt(
            io.BytesIO(body),
            dtype=[(f"{role} {at}", "f8" if role in NEEDED else f"S{width}") for role, at in positions],
            delimiter=None if head.delimiter == " " else head.delimiter,
            usecols=tuple(at for _, at in positions),
            quotechar='"',
            comments=None,
            encoding="latin1",
            ndmin=1,
        )
        words = {
            (role, at): np.ascontiguousarray(cells[f"{role} {at}"]) for role, at in positions if role not in NEEDED
        }
        if not any(word.view("S1").reshape(-1, width)[:, -1].astype(bool).any() for word in words.values()):
            break
        width *= 8
    else:
        return None
    t, x, y = (np.ascontiguousarray(cells[f"{role} {columns[role][0]}"]) for role in NEEDED)
    distinct = {position: Words.of(column) for position, column in words.items()}
    if any(distinct[role, at].first_nameless() is not None for role, at in positions if role in NAMING):
        return None
    return EventColumns(Rows.of(t, x, y), _by_role(head, distinct))


def _by_role(head: CsvTable, words: dict[tuple[str, int], Words]) -> dict[str, dict[str, Words]]:
    found: dict[str, dict[str, Words]] = {}
    for (role, at), column in words.items():
        found.setdefault(role, {})[head.title(at)] = column
    return found


def _read_carefully(table: CsvTable, columns: dict[str, list[int]], *, may_break: bool) -> EventColumns:
    """Read row by row, so that a message names the line."""
    rows, broken = table.rows, 0
    needed = max(at for positions in columns.values() for at in positions) + 1
    for number, cells in enumerate(rows):
        if len(cells) < needed:
            if may_break and number == len(rows) - 1:
                rows, broken = rows[:-1], 1
                break
            raise DataError(f"{table.where(number)}: expected at least {needed} cells, got {len(cells)}")
    time, x, y = (columns[role][0] for role in NEEDED)
    style = number_style([[row[at] for row in rows] for at in (time, x, y)], delimiter=table.delimiter)
    values = np.full((3, len(rows)), np.nan)
    dated = False
    for number, row in enumerate(rows):
        try:
            dated |= _add_time(values, number, row[time], style)
            for axis, at in ((1, x), (2, y)):
                values[axis, number] = parse_number(row[at], style)
        except ValueError:
            if may_break and number == len(rows) - 1 and len(rows) > 1:
                rows, broken = rows[:-1], 1
                values = values[:, :-1]
                break
            raise _no_number(table, number, (time, x, y), style) from None
    if not rows:
        raise DataError(f"{table.path}: expected at least one row below the header, got a broken one")
    words = {
        (role, at): Words.of([row[at].strip() for row in rows])
        for role, positions in columns.items()
        for at in positions
        if role not in NEEDED
    }
    for (role, at), column in words.items():
        nameless = column.first_nameless() if role in NAMING else None
        if nameless is not None:
            raise DataError(
                f"{table.where(nameless, at)}: expected a {role}, got {rows[nameless][at].strip()!r}; "
                f"drop={table.name(at)!r} leaves the column out"
            )
    t, x_px, y_px = (np.ascontiguousarray(value) for value in values)
    return EventColumns(Rows.of(t, x_px, y_px), _by_role(table, words), dated, broken, table.notes)


def _add_time(values: np.ndarray, number: int, cell: str, style: NumberStyle) -> bool:
    """Write a time into the first row of values; return whether it is a date."""
    try:
        values[0, number] = parse_number(cell, style)
    except ValueError:
        values[0, number] = moment_of(cell)
        return True
    return False


def _no_number(table: CsvTable, number: int, positions: tuple[int, int, int], style: NumberStyle) -> DataError:
    for position, at in enumerate(positions):
        cell = table.rows[number][at]
        if is_number(cell, style) or cell.strip().lower() in MISSING:
            continue
        try:
            if position == 0:
                moment_of(cell)
                continue
        except ValueError:
            pass
        wanted = "a number or an ISO date" if position == 0 else "a number"
        return DataError(f"{table.where(number, at)}: expected {wanted}, got {cell.strip()!r:.40}")
    return DataError(f"{table.where(number)}: expected numbers for time, x and y")


def _read_lists(path: Path, text: str, head: CsvTable, options: TableOptions) -> EventFile:
    """Read a table whose cells hold lists, a recording in each row."""
    table = _parse_whole(path, text, head)
    names = table.header or ()
    records: list[tuple[int, dict[str, Any]]] = []
    for number, cells in enumerate(table.rows):
        if len(cells) < len(names):
            raise DataError(f"{table.where(number)}: expected {len(names)} cells, got {len(cells)}")
        records.append((table.lines[number], {name: _cell(cell) for name, cell in zip(names, cells, strict=False)}))
    return read_records(path, records, options.columns, meanings=options.meanings, notes=table.notes).file


def _cell(cell: str) -> Any:
    """List or object that a cell holds, else the cell."""
    cell = cell.strip()
    if cell[:1] not in ("[", "{"):
        return cell or None
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return [part for part in cell.strip("[]() ").replace(",", " ").split() if part] if cell[0] == "[" else cell
