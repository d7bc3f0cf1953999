"""Tables that name one file per row, with labels, groups, splits and times; see :mod:`img_repr.core.class_folders`."""

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from img_repr.core.csv_reader import parse_csv_table, read_csv_table, read_text
from img_repr.core.csv_table import GROUP, LABEL, MARKS, SPLIT, TIME, Column, CsvTable, is_table_name
from img_repr.core.errors import DataError
from img_repr.core.file_tree import is_file, name_some
from img_repr.core.split_names import normalize_split_names, split_of

_PEEK_BYTES = 65536


@dataclass(frozen=True)
class FileTable:
    """Files that a table names, in the order of its rows; one entry per file in each column.

    Parameters
    ----------
    files : list of Path
    names : list of str
        Ids if their column was requested, else the files as written in the table.
    labels, groups, splits, times : sequence or None
        None without such a column.
    notes : tuple of str
        Which rows were skipped and which splits joined, with counts and names.
    """

    files: list[Path]
    names: list[str]
    labels: np.ndarray | None
    groups: np.ndarray | None
    splits: list[str] | None
    times: np.ndarray | None
    notes: tuple[str, ...]


def read_file_table(
    path: str | Path,
    *,
    is_header: Callable[[list[str]], bool],
    find_file: Callable[[CsvTable], int],
    file: Column | None = None,
    label: Column | None = None,
    group: Column | None = None,
    time: Column | None = None,
    id: Column | None = None,
    split: Column | None = None,
    drop: Column | Sequence[Column] | None = None,
    header: bool | None = None,
    delimiter: str | None = None,
    folder: str | Path | None = None,
    labels: Sequence[str] = LABEL,
    groups: Sequence[str] = GROUP,
) -> FileTable:
    """Read a table that names one file per row.

    Labels, groups and ids are text exactly as written. Names of splits are those of
    :mod:`img_repr.core.split_names`; rows of an unlabeled split are left out.

    Parameters
    ----------
    path : str or Path
    is_header : callable
        Whether the first row names the columns, if ``header`` is None.
    find_file : callable
        Returns the position of the column of files, if ``file`` is None.
    file, label, group, time, id, split : str or int, optional
        Columns, by name or by number from 0. Default: those with usual names; no ids. Without a header, the column
        after the files is the label.
    drop : str, int or sequence of them, optional
        Columns that are not searched for usual names.
    header, delimiter
        As in :func:`img_repr.core.csv_reader.read_csv_table`.
    folder : str or Path, optional
        Where relative paths start. Default: the table's own folder.
    labels, groups : sequence of str
        Usual names of columns.

    Raises
    ------
    DataError
        If the table cannot be read, lacks a requested column, has a missing value in a used column, or names a file
        twice.
    """
    path, root = Path(path), Path(path).parent if folder is None else Path(folder)
    delimiter = _delimiter(root, read_text(path)) if delimiter is None else delimiter
    table = read_csv_table(path, header=header, delimiter=delimiter, is_header=is_header)
    table = _without_names(table, table.find_all(drop, "drop"))
    at = table.find(file, (), "file")
    if at is None:
        at = find_file(table)
    label_at, id_at = table.find(label, labels, "label"), table.find(id, (), "id")
    group_at, time_at = table.find(group, groups, "group"), table.find(time, TIME, "time")
    split_at = table.find(split, SPLIT, "split")
    rows, notes = _labeled_rows(table, split_at)
    if label_at is None and table.header is None and table.width > 1:
        label_at = at + 1 if at + 1 < table.width else at - 1
        if label_at in {group_at, time_at, split_at, id_at, *table.find_all(drop, "drop")}:
            label_at = None
        elif table.width > 2:
            notes += (f"no header: {table.title(label_at)} was read as the label; label= takes another",)
    splits = None
    if split_at is not None:
        splits, said = normalize_split_names(_texts(table, split_at, "split", rows))
        notes += said
    cells = [table.rows[row][at].strip() for row in rows]
    _check_files(table, cells, rows, at)
    return FileTable(
        [find_path(root, cell) for cell in cells],
        [unicodedata.normalize("NFC", cell) for cell in cells] if id_at is None else _texts(table, id_at, "id", rows),
        table.texts(label_at, "label", rows),
        table.texts(group_at, "group", rows),
        splits,
        table.times(time_at, rows),
        (*table.notes, *notes),
    )


def peek_table(path: Path, is_header: Callable[[list[str]], bool]) -> CsvTable | None:
    """Read the first rows of a table; None if there is none. Never raises."""
    if not is_table_name(path) or not is_file(path):
        return None
    try:
        with path.open("rb") as opened:
            start = opened.read(_PEEK_BYTES)
        encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        text = "\n".join(start.decode(encoding, errors="replace").splitlines()[:3])
        table = parse_csv_table(path, text, delimiter=_delimiter(path.parent, text), is_header=is_header)
    except (OSError, ValueError):
        return None
    return table if table.rows and "\0" not in text else None


def find_path(root: Path, cell: str) -> Path:
    r"""Return the path in a cell; an existing file is also found if written with ``\`` or in another Unicode form.

    Examples
    --------
    >>> from pathlib import Path
    >>> from img_repr.core.file_table import find_path
    >>> find_path(Path("sounds"), "a.wav").as_posix()
    'sounds/a.wav'
    """
    first = root / cell
    if cell.isascii() and "\\" not in cell:
        return first
    return next((place for place in _spellings(root, cell) if os.path.lexists(place)), first)


def _spellings(root: Path, cell: str) -> Iterator[Path]:
    for written in (cell, cell.replace("\\", "/")):
        yield root / written
        yield root / unicodedata.normalize("NFC", written)
        yield root / unicodedata.normalize("NFD", written)


def _delimiter(root: Path, text: str) -> str | None:
    """Return the delimiter of a list of files without a usual one: a blank only if it gives each line as many cells."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or any(mark in lines[0] for mark in MARKS):
        return None
    counts = {len(line.split()) for line in lines}
    return "," if len(counts) > 1 or is_file(find_path(root, lines[-1])) else None


def _without_names(table: CsvTable, dropped: Sequence[int]) -> CsvTable:
    if not dropped or table.header is None:
        return table
    return replace(table, header=tuple("" if at in {*dropped} else name for at, name in enumerate(table.header)))


def _labeled_rows(table: CsvTable, split_at: int | None) -> tuple[list[int], tuple[str, ...]]:
    """Return the rows outside of unlabeled splits, and a note on the others."""
    rows = list(range(len(table.rows)))
    if split_at is None:
        return rows, ()
    means = [split_of(row[split_at]) for row in table.rows]
    unlabeled = [row for row in rows if means[row] == "unlabeled"]
    kept = [row for row in rows if means[row] != "unlabeled"]
    if not unlabeled or not kept or None in means:
        return rows, ()
    lines = name_some([str(table.lines[row]) for row in unlabeled])
    return kept, (f"left out {len(unlabeled)} rows of an unlabeled split, lines {lines}",)


def _texts(table: CsvTable, column: int, role: str, rows: Iterable[int]) -> list[str]:
    texts = table.texts(column, role, rows)
    return [] if texts is None else [str(text) for text in texts]


def _check_files(table: CsvTable, cells: Sequence[str], rows: Sequence[int], column: int) -> None:
    empty = next((row for row, cell in zip(rows, cells, strict=True) if not cell or "\0" in cell), None)
    if empty is not None:
        raise DataError(f"{table.where(empty, column)}: expected the name of a file, got an empty cell")
    if len({*cells}) < len(cells):
        ((twice, times),) = Counter(cells).most_common(1)
        raise DataError(f"{table.path}: expected each file once, got {twice!r} in {times} rows")
