"""Tables of text: one sample per row, a column of labels, and all other columns as numbers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import loader
from img_repr.domains.tabular.dataset import TabularDataset, assemble
from img_repr.domains.tabular.sample import TABULAR
from img_repr.domains.tabular.table import Column, Table, read_number, read_table

_LABEL = ("label", "class", "target")
_NUMBERING = ("", "id", "index", "unnamed: 0")
_MOST_WORDS = 20


@loader(TABULAR)
def load_tabular_csv(
    path: str | Path,
    *,
    label: Column | None = None,
    labeled: bool = True,
    group: Column | None = None,
    time: Column | None = None,
    drop: Column | Sequence[Column] = (),
    words: Column | Sequence[Column] = (),
    most_words: int = _MOST_WORDS,
    delimiter: str | None = None,
) -> TabularDataset:
    r"""Load rows from a table of text whose first line names the columns.

    Such a file cannot be told from one of series, so that the format is always to be named:
    ``load_dataset(path, format="tabular_csv")``. Columns are given by name, or by number from 0 (-1 is the last). Each
    column without another role is one of numbers, or of words: then each word gets a column of its own, ``name=word``,
    that is 1 where it stands. A cell is missing (NaN) that is empty or says ``?``, ``NA``, ``N/A``, ``NaN``, ``null``
    or ``none``; where a word is missing all its columns are 0. A column that numbers the rows (without a name, or
    called ``id`` or ``index``, no two values alike) is left out.

    Parameters
    ----------
    path : str or Path
        File in UTF-8.
    label : str or int, optional
        Column of the classes. Default: the one called ``label``, ``class`` or ``target`` in any case of letters, else
        the last.
    labeled : bool
        False for rows to be classified: then no column is taken for labels, and one called so is left out.
    group, time : str or int, optional
        Columns that tell which rows belong together (a patient, a site), and when each was taken, as numbers or ISO
        dates: by these a data set is then split.
    drop : str, int, or a sequence of these
        Columns to leave out.
    words : str, int, or a sequence of these
        Columns whose numbers are names: codes of places, of colours.
    most_words : int
        Most different words in a column.
    delimiter : str, optional
        What separates cells. Default: found, see :func:`img_repr.domains.tabular.table.read_table`.

    Returns
    -------
    TabularDataset
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
    ...     _ = file.write_text("height,colour,class\n1.5,red,a\n?,blue,b\n2,red,b\n")
    ...     data = load_dataset(file, format="tabular_csv")
    >>> data.columns, data.samples.tolist(), data.labels.tolist()
    (('height', 'colour=blue', 'colour=red'), [[1.5, 0.0, 1.0], [nan, 1.0, 0.0], [2.0, 0.0, 1.0]], ['a', 'b', 'b'])
    """
    if isinstance(most_words, bool) or not isinstance(most_words, int) or most_words < 1:
        raise ParameterError(f"tabular_csv: expected most_words to be a whole number above 0, got {most_words!r:.40}")
    table = read_table(Path(path), delimiter=delimiter)
    notes: list[str] = []
    classes = _find_label(table, label, notes) if labeled else None
    groups, times = (None if one is None else table.find(one, word) for one, word in ((group, "group"), (time, "time")))
    taken = {at for at in (classes, groups, times) if at is not None}
    dropped = table.find_all(drop, "drop") - taken
    if not labeled:
        dropped |= {at for at, name in enumerate(table.header) if name.lower() in _LABEL}
    dropped |= {at for at in range(len(table.header)) if at not in taken and _numbers_the_rows(table, at)}
    if dropped:
        notes.append(f"left out: {', '.join(table.header[at] or f'column {at + 1}' for at in sorted(dropped))}")
    codes, parts, names = table.find_all(words, "words"), [], []
    for at in range(len(table.header)):
        if at not in taken | dropped:
            values, titles = table.numbers(at, most_words=most_words, as_words=at in codes)
            parts.append(values)
            names += titles
    if not parts:
        raise DataError(f"{path}: expected a column of values, got only columns of other roles")
    return assemble(
        table.path.stem,
        np.hstack(parts),
        names,
        notes,
        labels=None if classes is None else _classes(table, classes),
        groups=None if groups is None else table.words(groups, "group"),
        times=None if times is None else table.times(times),
    )


def _find_label(table: Table, asked: Column | None, notes: list[str]) -> int:
    if asked is not None:
        return table.find(asked, "label")
    found = [at for at, name in enumerate(table.header) if name.lower() in _LABEL]
    if len(found) > 1:
        titles = " and ".join(table.header[at] for at in found)
        raise DataError(f"{table.path}: expected one column of labels, got {titles}; say which by label=")
    if found:
        return found[0]
    notes.append(f"labels are the last column, {table.header[-1]!r}; label= names another")
    return len(table.header) - 1


def _classes(table: Table, at: int) -> np.ndarray:
    """Labels of the rows; refuse a column that measures instead of naming."""
    labels = table.words(at, "label")
    count = len(np.unique(labels))
    if count > max(2, len(labels) // 2) and all(read_number(word) is not None for word in labels):
        raise DataError(
            f"{table.path}: expected classes in column {at + 1} ({table.header[at]!r}), got {count} different numbers "
            f"in {len(labels)} rows; name the column by label=, or say labeled=False"
        )
    return labels


def _numbers_the_rows(table: Table, at: int) -> bool:
    if table.header[at].lower() not in _NUMBERING:
        return False
    return len({row[at].strip() for row in table.rows}) == len(table.rows)
