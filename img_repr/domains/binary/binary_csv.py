"""A table of files: paths and labels, with groups and parts where there are any."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.loader import loader
from img_repr.domains.binary.assembly import Cutting, as_parts, assemble
from img_repr.domains.binary.foreign import is_foreign, is_picture
from img_repr.domains.binary.sample import BINARY

_FILE = ("file", "path", "filename", "file_name", "filepath", "file_path", "binary")
_LABEL = ("label", "class", "category", "target", "family", "type")
_GROUP = ("group", "package", "source")
_PART = ("part", "split", "fold")

Column = str | int


@dataclass(frozen=True)
class _Table:
    """Rows of text; ``header`` is None where no cell of the first row is the usual name of a column."""

    path: Path
    header: list[str] | None
    rows: list[list[str]]

    @classmethod
    def parse(cls, path: Path, lines: Sequence[str], *, header: bool | None = None) -> "_Table":
        first = next((line for line in lines if line.strip()), "")
        mark = next((mark for mark in "\t;,|" if mark in first), ",")
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=mark) if any(row)]
        usual = bool(rows) and any(cell.lower() in (*_FILE, *_LABEL) for cell in rows[0])
        if rows and (usual if header is None else header):
            return cls(path, rows[0], rows[1:])
        return cls(path, None, rows)

    @property
    def width(self) -> int:
        return len(self.header or self.rows[0])

    def find(self, asked: Column | None, usual: tuple[str, ...], role: str) -> int | None:
        """Find a column by name or number, or by its usual names."""
        names = self.header or []
        if asked is None:
            found = [at for at, name in enumerate(names) if name.lower() in usual]
            if len(found) > 1:
                titles = " and ".join(names[at] for at in found)
                raise DataError(f"{self.path}: expected one column of {role}, got {titles}; say which by {role}=")
            return found[0] if found else None
        if asked in names:
            return names.index(str(asked))
        if isinstance(asked, int) and -self.width <= asked < self.width:
            return asked % self.width
        known = ", ".join(names) or f"no header and {self.width} columns"
        raise DataError(f"{self.path}: expected a column {asked!r} for {role}=, got {known}")

    def column(self, at: int | None, role: str) -> list[str] | None:
        """Cells of a column, none of which may be empty."""
        if at is None:
            return None
        for number, row in enumerate(self.rows, start=1 if self.header is None else 2):
            if len(row) <= at or not row[at]:
                raise DataError(f"{self.path} row {number}: expected a {role}, got an empty cell")
        return [row[at] for row in self.rows]


def is_binary_csv(path: Path) -> bool:
    """Whether a file is a table whose header names a column of files, and whose first file is there and no sound."""
    try:
        if path.suffix.lower() not in (".csv", ".tsv", ".txt") or not path.is_file():
            return False
        with path.open("rb") as file:
            lines = file.read(65536).decode("utf-8-sig", errors="replace").splitlines()[:3]
        table = _Table.parse(path, lines)
        at = table.find(None, _FILE, "file")
        first = None if at is None or not table.rows else path.parent / table.rows[0][at]
        return first is not None and first.is_file() and not is_foreign(first) and not is_picture(first)
    except (OSError, ValueError, IndexError, csv.Error):
        return False


@loader(BINARY, recognises=is_binary_csv)
def load_binary_csv(
    path: str | Path,
    *,
    file: Column | None = None,
    label: Column | None = None,
    group: Column | None = None,
    part: Column | None = None,
    header: bool | None = None,
    folder: str | Path | None = None,
    **cutting: Unpack[Cutting],
) -> Dataset:
    r"""Load the files that a table names, one per row.

    Columns are given by name, or by number from 0. What is not given is found by the header, in any case of letters:
    ``file``, ``path``, ``filename``, ``filepath`` or ``binary``; ``label``, ``class``, ``category``, ``target``,
    ``family`` or ``type``; ``group``, ``package`` or ``source``; ``part``, ``split`` or ``fold``. Without a header
    the first column is of files, and the second of labels.

    Parameters
    ----------
    path : str or Path
        Table in UTF-8, cells separated by tabs, semicolons, commas or bars.
    file, label, group, part : str or int, optional
        Columns. Parts are ``train`` and ``test`` (one for validation joins the training part), or names of folds.
    header : bool, optional
        Whether the first row names the columns. Default: it does if one of its cells is a usual name of files or
        labels.
    folder : str or Path, optional
        Where relative paths start. Default: the table's own folder.
    **cutting
        As of :class:`Cutting`. By default whole files are the samples; ``fragment_bytes=4096`` cuts them.

    Returns
    -------
    Dataset
        In the order of the rows; ``names`` as the table has them.

    Raises
    ------
    DataError
        If the table cannot be read, has no such column, an empty cell or a file twice, or a file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.domains.binary.binary_csv import load_binary_csv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("a.bin", "b.bin"):
    ...         _ = Path(folder, name).write_bytes(b"content")
    ...     _ = Path(folder, "all.csv").write_text("file,class,owner\na.bin,x,rex\nb.bin,y,tom\n")
    ...     data = load_binary_csv(Path(folder, "all.csv"), group="owner")
    >>> data.labels.tolist(), data.groups.tolist(), data.names.tolist()
    (['x', 'y'], ['rex', 'tom'], ['a.bin', 'b.bin'])
    """
    path = Path(path)
    table = _read(path, header)
    place = table.find(file, _FILE, "file")
    if place is None and table.header is not None:
        raise DataError(f"{path}: expected a column of files, got {', '.join(table.header)}; name it by file=")
    classes = table.find(label, _LABEL, "label")
    if classes is None and table.header is None and table.width > 1 and file is None:
        classes = 1
    names = table.column(place or 0, "file") or []
    if len({*names}) < len(names):
        ((twice, _),) = Counter(names).most_common(1)
        raise DataError(f"{path}: expected each file once, got {twice} twice")
    cells = table.column(table.find(part, _PART, "part"), "part")
    parts, notes = (None, ()) if cells is None else as_parts(cells)
    root = Path(folder) if folder is not None else path.parent
    return assemble(
        path.stem,
        [root / name for name in names],
        names=names,
        labels=table.column(classes, "label"),
        groups=table.column(table.find(group, _GROUP, "group"), "group"),
        parts=parts,
        notes=notes,
        **cutting,
    )


def _read(path: Path, header: bool | None) -> _Table:
    try:
        table = _Table.parse(path, path.read_text("utf-8-sig").splitlines(), header=header)
    except OSError as error:
        raise DataError(f"{path}: expected a table that can be read, got: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: expected a table of text in UTF-8, got: {error}") from None
    if not table.rows:
        raise DataError(f"{path}: expected at least one row that names a file, got none")
    return table
