"""A table of files: paths and labels, with groups, splits and times where there are any."""

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from img_repr.core.csv_table import GROUP, LABEL, Column, CsvTable, plain_name
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.file_table import find_path, peek_table, read_file_table
from img_repr.core.file_tree import is_file
from img_repr.core.loader import loader
from img_repr.domains.binary.assembly import Cutting, assemble
from img_repr.domains.binary.foreign import is_foreign, is_image
from img_repr.domains.binary.sample import BINARY

_FILE = ("file", "path", "filename", "file_name", "filepath", "file_path", "binary")
_LABEL = (*LABEL, "family", "type")
_GROUP = (*GROUP, "package", "source")


def is_binary_csv(path: Path) -> bool:
    """Return whether a file is a table with a column of files, the first of which exists and is no sound."""
    table = peek_table(path, _is_header)
    if table is None or table.header is None:
        return False
    columns = [at for at, name in enumerate(table.header) if plain_name(name) in _FILE]
    if len(columns) != 1 or len(table.rows[0]) <= columns[0]:
        return False
    first = find_path(path.parent, table.rows[0][columns[0]].strip())
    return is_file(first) and not is_foreign(first) and not is_image(first)


def _is_header(cells: list[str]) -> bool:
    return any(plain_name(cell) in (*_FILE, *_LABEL) for cell in cells)


def _find_file(table: CsvTable) -> int:
    found = table.find(None, _FILE, "file")
    if found is None and table.header is not None:
        raise DataError(f"{table.path}: expected a column of files, got {', '.join(table.header)}; name it by file=")
    return found or 0


@loader(BINARY, recognizes=is_binary_csv)
def load_binary_csv(
    path: str | Path,
    *,
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
    **cutting: Unpack[Cutting],
) -> Dataset:
    r"""Load the files that a table names, one per row.

    Name columns by their title, or by number from 0. The others are found by the header, in any case of letters:
    ``file``, ``path``, ``filename``, ``filepath`` or ``binary``; ``label``, ``class``, ``category``, ``target``,
    ``family`` or ``type``; ``group``, ``package``, ``source`` or a person; ``split``, ``part``, ``fold`` or
    ``subset``; ``time`` or ``date``. Without a header the first column is of files, and the second of labels.

    Parameters
    ----------
    path : str or Path
        Table in UTF-8, or in UTF-16 with a byte order mark.
    file : str or int, optional
        Column of files.
    label : str or int, optional
        Column of classes; they are text exactly as written.
    group : str or int, optional
        Column of the source of a file; a split never cuts a group.
    time : str or int, optional
        Column of numbers or ISO dates, which become seconds.
    id : str or int, optional
        Column of names of the samples. Default: the files as the table writes them.
    split : str or int, optional
        Column of ``train``, ``validation`` and ``test``, or of names of folds; a validation split joins the training
        part, rows of an unlabeled split are dropped.
    drop : str, int or sequence of them, optional
        Columns to ignore.
    header : bool, optional
        Whether the first row names the columns. Default: it does if one of its cells is a usual name of files or
        labels.
    delimiter : str, optional
        Separator of the cells. Default: the first of tab, semicolon, comma, bar in the first row, else blanks.
    folder : str or Path, optional
        Folder that relative paths start from. Default: the table's own folder.
    **cutting
        As of :class:`Cutting`. By default whole files are the samples; ``fragment_bytes=4096`` cuts them.

    Returns
    -------
    Dataset
        In the order of the rows.

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
    found = read_file_table(
        path,
        is_header=_is_header,
        find_file=_find_file,
        file=file,
        label=label,
        group=group,
        time=time,
        id=id,
        split=split,
        drop=drop,
        header=header,
        delimiter=delimiter,
        folder=folder,
        labels=_LABEL,
        groups=_GROUP,
    )
    return assemble(
        Path(path).stem,
        found.files,
        names=found.names,
        labels=found.labels,
        groups=found.groups,
        times=found.times,
        split=found.splits,
        notes=found.notes,
        **cutting,
    )
