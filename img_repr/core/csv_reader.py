"""The reader of text tables: rules for delimiter, header and rows."""

import csv
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from img_repr.core.csv_table import GROUP, ID, LABEL, MARKS, SPLIT, TIME, CsvTable, plain_name
from img_repr.core.csv_values import COMMA, is_missing, is_number
from img_repr.core.errors import DataError
from img_repr.core.file_tree import size_of

_MOST_COLUMNS = 1_000_000


def read_csv_table(
    path: Path,
    *,
    header: bool | None = None,
    delimiter: str | None = None,
    roles: Iterable[str] = (),
    is_header: Callable[[list[str]], bool] | None = None,
) -> CsvTable:
    r"""Read a table of text.

    Blank lines are skipped. Lines that begin with ``#`` are comments above the first row, and below it if their number
    of cells differs from the header; a note counts the latter. Columns without name and values are dropped.

    Parameters
    ----------
    path : Path
        File in UTF-8, or in UTF-16 with a byte order mark.
    header : bool, optional
        Whether the first row names the columns. Default: see :func:`parse_csv_table`.
    delimiter : str, optional
        Default: the first of tab, semicolon, comma, bar in the first row outside of quotes, else blanks.
    roles : iterable of str
        Further column names by which a first row is recognized as a header.
    is_header : callable, optional
        Whether the first row names the columns, instead of the rules of :func:`parse_csv_table`.

    Raises
    ------
    DataError
        If the file cannot be read, is not text, has no row below its header, or its rows differ in their number of
        cells; the message names the line.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.core.csv_reader import read_csv_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "toy.csv")
    ...     _ = file.write_text("size;color;class\n1,5;#ff0000;01\n2;red;1\n")
    ...     table = read_csv_table(file)
    >>> table.header, table.numbers([0]).tolist(), table.texts(2, "label").tolist()
    (('size', 'color', 'class'), [[1.5], [2.0]], ['01', '1'])
    """
    table = parse_csv_table(path, read_text(path), header=header, delimiter=delimiter, roles=roles, is_header=is_header)
    if not table.rows:
        raise DataError(
            f"{path}: expected at least one row of values, got {'a header only' if table.header else 'none'}"
        )
    if table.width > _MOST_COLUMNS:
        raise DataError(f"{path}: expected at most {_MOST_COLUMNS} columns, got {table.width}")
    for row, cells in enumerate(table.rows):
        if len(cells) != table.width:
            raise DataError(
                f"{table.where(row)}: expected {table.width} cells as in the first row, got {len(cells)}; "
                "a shorter series leaves its last cells empty"
            )
    return _without_empty_columns(table)


def parse_csv_table(
    path: Path,
    text: str,
    *,
    header: bool | None = None,
    delimiter: str | None = None,
    roles: Iterable[str] = (),
    is_header: Callable[[list[str]], bool] | None = None,
) -> CsvTable:
    """Split text into rows by the rules of :func:`read_csv_table`, without a check of their widths.

    The first row is a header if it holds only words; or a word above a number; or a role's name that is not repeated
    below; or evenly spaced numbers above rows that are not (``0,1,2,...``, as pandas writes columns without names).
    """
    if header is not None and not isinstance(header, bool):
        raise DataError(f"{path}: expected header to be True, False or None, got {header!r:.40}")
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\n\r'):
        raise DataError(f"{path}: expected delimiter to be one character, got {delimiter!r}")
    rows, numbers, mark = _rows(path, text, delimiter)
    comments = [
        at for at, cells in enumerate(rows) if at and cells[0].lstrip().startswith("#") and len(cells) != len(rows[0])
    ]
    notes = []
    if comments:
        notes.append(f"left out {len(comments)} lines of comments, the first in line {numbers[comments[0]]}")
        left_out = {*comments}
        rows = [cells for at, cells in enumerate(rows) if at not in left_out]
        numbers = [line for at, line in enumerate(numbers) if at not in left_out]
    if rows and header is None and is_header is not None:
        header = is_header(rows[0])
    if rows and header is None:
        header = _is_header(rows, {*LABEL, *GROUP, *TIME, *ID, *SPLIT, *roles})
        if not header and _is_header_of_numbers(rows):
            header = True
            notes.append(
                f"the first row ({', '.join(cell.strip() for cell in rows[0][:3])}, ...) was read as column names; "
                "header=False reads it as values"
            )
    if rows and header:
        names = (rows[0][0].lstrip("# "), *rows[0][1:])
        return CsvTable(path, tuple(name.strip() for name in names), rows[1:], numbers[1:], mark, tuple(notes))
    return CsvTable(path, None, rows, numbers, mark, tuple(notes))


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with a byte order mark, with line feeds as line ends.

    Raises
    ------
    DataError
        If the file does not exist, is empty, not text, or a pipe.
    """
    size_of(path, "a file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: expected a file that can be read, got: {error.strerror}") from None
    if not content.strip():
        raise DataError(f"{path}: expected a table of text, got an empty file")
    try:
        encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path} line {line}: expected text in UTF-8, got byte 0x{content[error.start]:02x}; save the file as UTF-8"
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{path} line {line}: expected text, got binary content")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _rows(path: Path, text: str, delimiter: str | None) -> tuple[list[list[str]], list[int], str]:
    lines = text.split("\n")
    start = 0
    while start < len(lines) and (not lines[start].strip() or lines[start].startswith("#")):
        start += 1
    if start == len(lines):  # rows that all begin with a hash
        last = max((at for at, line in enumerate(lines) if line.strip()), default=0)
        if any(mark in lines[last] and _has_number(lines[last].split(mark)[1:]) for mark in MARKS):
            start = last
    if 0 < start < len(lines):
        start = _commented_header(lines, start)
    if start < len(lines) and (named := re.fullmatch(r"sep=(.)", lines[start].strip("\"' "))):
        delimiter, start = delimiter or named[1], start + 1  # written by spreadsheets
    first = next((line for line in lines[start:] if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", first)
    mark = delimiter or next((mark for mark in MARKS if mark in bare), " ")
    body = (line.strip(" ") if mark == " " else line for line in lines[start:])
    reader = csv.reader((line + "\n" for line in body), delimiter=mark, skipinitialspace=True, strict=True)
    rows, numbers, line = [], [], start
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) or len(cells) > 1:
                rows.append(cells)
                numbers.append(line + 1)
            line = start + reader.line_num
    except csv.Error as error:  # the line where the row began: a quote may run to the end
        raise DataError(f"{path} line {line + 1}: expected a table of text, got: {error}") from None
    return rows, numbers, mark


def _commented_header(lines: list[str], start: int) -> int:
    """Return the line of a header or of rows written as comments right above the first row."""
    mark = next((mark for mark in MARKS if mark in lines[start]), None)
    if mark is None or not _has_number(lines[start].split(mark)):
        return start

    def has_as_many_cells(at: int) -> bool:
        return at >= 0 and lines[at].startswith("#") and lines[at].count(mark) == lines[start].count(mark)

    first = start
    while has_as_many_cells(first - 1) and _has_number(lines[first - 1].split(mark)[1:]):
        first -= 1
    return first - has_as_many_cells(first - 1)


def _has_number(cells: list[str]) -> bool:
    return any(_is_any_number(cell) for cell in cells)


def _without_empty_columns(table: CsvTable) -> CsvTable:
    """Drop columns without name and values, which come from a delimiter at the end of each line."""
    empty = [
        at
        for at in range(table.width)
        if table.header and not table.header[at] and not any(row[at].strip() for row in table.rows)
    ]
    if not empty or table.header is None:
        return table
    kept = [at for at in range(table.width) if at not in {*empty}]
    rows = [[row[at] for at in kept] for row in table.rows]
    return CsvTable(table.path, tuple(table.header[at] for at in kept), rows, table.lines, table.delimiter, table.notes)


def _is_header(rows: list[list[str]], roles: set[str]) -> bool:
    first, below = rows[0], rows[1:]
    words = [not is_missing(cell) and not _is_any_number(cell) for cell in first]
    if not any(words):
        counting = [str(number) for number in range(len(first) - 1)]
        return len(first) > 2 and not first[0].strip() and [cell.strip() for cell in first[1:]] == counting
    if all(word or is_missing(cell) for word, cell in zip(words, first, strict=True)):
        return True
    return any(
        (below and at < len(below[0]) and _is_any_number(below[0][at]))
        or (plain_name(cell) in roles and all(cell not in row[at : at + 1] for row in below))
        for at, (cell, word) in enumerate(zip(first, words, strict=True))
        if word
    )


def _is_any_number(cell: str) -> bool:
    return is_number(cell) or is_number(cell, COMMA)


def _is_header_of_numbers(rows: list[list[str]]) -> bool:
    """Whether the first row counts from 0, or is at least five evenly spaced numbers, and no other row is like it."""
    counts = [cell.strip() for cell in rows[0]] == [str(at) for at in range(len(rows[0]))]
    if len(rows) < 2 or not _is_evenly_spaced(rows[0]) or (len(rows[0]) < 5 and not counts):
        return False
    return not any(map(_is_evenly_spaced, rows[1:]))


def _is_evenly_spaced(cells: list[str]) -> bool:
    try:
        values = np.array([float(cell) for cell in cells if cell.strip()])
    except ValueError:
        return False
    if len(values) < 3 or not np.isfinite(values).all() or values[1] <= values[0]:
        return False
    steps = np.diff(values)
    return bool(np.allclose(steps, steps[0], rtol=1e-6, atol=1e-9 * float(np.abs(values).max())))
