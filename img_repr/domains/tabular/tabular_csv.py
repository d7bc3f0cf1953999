"""Tables of text: one sample per row, a column of labels, and all other columns as numbers."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from img_repr.core.csv_reader import read_csv_table
from img_repr.core.csv_table import Column, CsvTable
from img_repr.core.csv_values import is_number
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import loader
from img_repr.core.table_roles import TableRoles, drop_unlabeled, find_roles, spoken
from img_repr.domains.tabular.dataset import assemble
from img_repr.domains.tabular.features_of_table import read_features
from img_repr.domains.tabular.sample import TABULAR

_MOST_WORDS = 20


@loader(TABULAR)
def load_tabular_csv(
    path: str | Path,
    *,
    label: Column | None = None,
    labeled: bool = True,
    group: Column | None = None,
    time: Column | None = None,
    id: Column | None = None,
    split: Column | None = None,
    drop: Column | Sequence[Column] = (),
    words: Column | Sequence[Column] = (),
    most_words: int = _MOST_WORDS,
    header: bool | None = None,
    delimiter: str | None = None,
    columns: Sequence[str] | None = None,
) -> Dataset:
    r"""Load rows of features from a table of text whose first line names the columns.

    Such a file looks like one of series, so the format must be named: ``load_dataset(path, format="tabular_csv")``.
    Columns are given by name, or by number from 0 (-1 is the last); ``notes`` say which column was taken for what.
    Each column without a role is a feature. A column of text becomes one column per word, called ``name=word``, that
    is 1 where the word stands (one-hot encoding). Empty cells and the words of
    ``img_repr.core.csv_values.MISSING`` are missing values (NaN); where a word is missing, all its columns are 0.

    Parameters
    ----------
    path : str or Path
        File in UTF-8.
    label : str or int, optional
        Column of the classes, as text. Default: the one with a usual name (``label``, ``class``, ``target``), else
        the last.
    labeled : bool
        False for rows without known classes: no column is taken for labels, and one with a usual name is left out.
    group, time, id, split : str or int, optional
        Columns of who or what a row comes from, of when (numbers or ISO dates), of the row's name, and of the
        published split. Default: found by their usual names; a time only if it holds dates.
    drop : str, int, or a sequence of these
        Columns to leave out. Those without a name are left out as well.
    words : str, int, or a sequence of these
        Columns whose numbers are names: zip codes, codes of colors.
    most_words : int
        Most different words in a column.
    header : bool, optional
        Whether the first row names the columns. Default: it must; False numbers them from 0.
    delimiter : str, optional
        Default: found, see :func:`img_repr.core.csv_table.read_csv_table`.
    columns : sequence of str, optional
        ``Dataset.columns`` of the training data, for rows to classify: the features come in this order, labels only
        if ``label`` is given. Other columns are left out with a note, and so are words that the training data lack:
        all columns of their feature are 0.

    Returns
    -------
    Dataset
        ``samples`` float64 ``(N, F)``; ``columns`` their names.

    Raises
    ------
    DataError
        If the file is no such table, a column is missing or holds no classes; the message names file, line and column.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr import load_dataset
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "toy.csv")
    ...     _ = file.write_text("height,color,class\n1.5,red,a\n?,blue,b\n2,red,b\n")
    ...     data = load_dataset(file, format="tabular_csv")
    >>> data.columns, data.samples.tolist(), data.labels.tolist()
    (('height', 'color=blue', 'color=red'), [[1.5, 0.0, 1.0], [nan, 1.0, 0.0], [2.0, 0.0, 1.0]], ['a', 'b', 'b'])
    """
    if isinstance(most_words, bool) or not isinstance(most_words, int) or most_words < 1:
        raise ParameterError(f"tabular_csv: expected most_words to be a whole number above 0, got {most_words!r:.40}")
    if not isinstance(labeled, bool):
        raise ParameterError(f"tabular_csv: expected labeled to be True or False, got {labeled!r:.40}")
    table = _read(Path(path), header, delimiter)
    asked = {"label": label, "group": group, "time": time, "id": id, "split": split}
    roles = find_roles(table, asked, drop=drop)
    roles = _only_clear_roles(table, roles, asked)
    notes: list[str] = []
    if label is None and (columns is not None or not labeled):
        known = {*columns} if columns is not None else set()
        is_feature = roles.label is not None and spoken(table, roles.label) in known
        roles = replace(roles.leave_out(() if is_feature or roles.label is None else [roles.label]), label=None)
    elif roles.label is None:
        last = max(({*range(table.width)} - roles.taken), default=None)
        if last is None:
            raise DataError(f"{path}: expected a column of labels, got only columns of other roles")
        roles = replace(roles, label=last)
        notes.append(f"labels are the last column, {spoken(table, last)!r}; label= names another")
    table = drop_unlabeled(table, roles)
    features = [at for at in range(table.width) if at not in roles.taken]
    if not features:
        raise DataError(f"{path}: expected a column of values, got only columns of other roles")
    rows, names, said = read_features(
        table, features, words={*table.find_all(words, "words")}, most_words=most_words, columns=columns
    )
    left_out = [at for at in features if not any(_is_of(name, spoken(table, at)) for name in names)]
    roles = roles.leave_out(left_out)
    known_of_rows, split_notes = roles.known(table)
    if known_of_rows["labels"] is not None:
        _check_classes(table, roles.label, known_of_rows["labels"])
    notes += [*table.notes, *said, *split_notes]
    data = assemble(table.path.stem, rows, names, notes, roles=roles.describe(table), **known_of_rows)
    return data.with_columns(columns)


def _read(path: Path, header: bool | None, delimiter: str | None) -> CsvTable:
    """Read a table that has a name for each column, each once."""
    table = read_csv_table(path, header=header, delimiter=delimiter)
    if table.header is None and header is None:
        value = next((f"the number {cell.strip()}" for cell in table.rows[0] if is_number(cell)), "values")
        raise DataError(
            f"{path}: expected a first line that names the columns, got {value} in it; "
            "header=False (--load header=False) numbers the columns from 0"
        )
    names = table.header or tuple(str(at) for at in range(table.width))
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise DataError(f"{path}: expected each column's name once, got {twice[0]!r} twice")
    return replace(table, header=names)


def _only_clear_roles(table: CsvTable, roles: TableRoles, asked: dict[str, Column | None]) -> TableRoles:
    """Keep numbers called ``time`` and ids that repeat as features, as long as no option says otherwise."""
    if roles.time is not None and asked["time"] is None and table.is_numeric(roles.time):
        roles = replace(roles, time=None)
    if roles.id is not None and asked["id"] is None:
        cells = table.cells(roles.id)
        if len({*cells}) < len(cells):
            roles = replace(roles, id=None)
    return roles


def _is_of(name: str, title: str) -> bool:
    return name == title or name.startswith(f"{title}=")


def _check_classes(table: CsvTable, at: int | None, labels: np.ndarray) -> None:
    """Refuse a column that measures instead of naming."""
    count = len(np.unique(labels))
    if at is not None and count > max(2, len(labels) // 2) and all(map(is_number, labels.tolist())):
        raise DataError(
            f"{table.path}: expected classes in {table.title(at)}, got {count} different numbers "
            f"in {len(labels)} rows; label= names the column, labeled=False reads rows without classes"
        )
