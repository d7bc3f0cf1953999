"""Load rows from a table of text; words are spread over one column each (one-hot encoding)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from img_repr.core.csv_reader import read_csv_table
from img_repr.core.csv_table import Column, CsvTable
from img_repr.core.csv_values import as_text, is_missing, is_number, label_texts, parse_number
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.file_tree import name_some
from img_repr.core.loader import loader
from img_repr.core.numbers import is_integer
from img_repr.core.table_roles import TableRoles, drop_unlabeled, find_roles, spoken
from img_repr.domains.tabular.dataset import assemble
from img_repr.domains.tabular.sample import TABULAR


def read_features(
    table: CsvTable, positions: Sequence[int], *, words: set[int], most_words: int, columns: Sequence[str] | None
) -> tuple[np.ndarray, list[str], list[str]]:
    """Read columns of a table as numbers.

    Parameters
    ----------
    table : CsvTable
    positions : sequence of int
        Columns to read.
    words : set of int
        Columns whose numbers are names.
    most_words : int
        Most different words in a column.
    columns : sequence of str or None
        Names of the result, as a model was trained on them; other columns are not read.

    Returns
    -------
    rows : ndarray of float64, shape (N, F)
    names : list of str
        One per column of ``rows``; of words ``column=word``.
    notes : list of str
        Missing and unknown words, counted.

    Raises
    ------
    DataError
        If words stand among numbers, a number is infinite, or a column holds too many words.
    """
    blocks, names, notes = [np.empty((len(table.rows), 0))], [], []
    for at in positions:
        title = table.name(at)
        vocabulary = None
        if columns is not None and title not in columns:
            vocabulary = [name.removeprefix(f"{title}=") for name in columns if name.startswith(f"{title}=")]
            if not vocabulary:
                continue
        if vocabulary is None and columns is None and (at in words or _holds_words(table, at)):
            vocabulary = _vocabulary(table, at, most_words)
        if vocabulary is None:
            blocks.append(_numbers(table, at))
            names.append(title)
        else:
            block, said = _one_hot(table, at, vocabulary)
            blocks.append(block)
            names += [f"{title}={word}" for word in vocabulary]
            notes += said
    return np.hstack(blocks), names, notes


def _holds_words(table: CsvTable, at: int) -> bool:
    cells = [cell for cell in table.cells(at) if not is_missing(cell)]
    return bool(cells) and not any(is_number(cell, table.style) for cell in cells)


def _numbers(table: CsvTable, at: int) -> np.ndarray:
    """Return a column of numbers ``(N, 1)``, NaN where missing."""
    values = np.empty((len(table.rows), 1))
    for row, cell in enumerate(table.cells(at)):
        try:
            values[row] = parse_number(cell, table.style)
        except ValueError:
            values[row] = np.inf
        if np.isinf(values[row, 0]):
            raise DataError(
                f"{table.where(row, at)}: expected a finite number as in others, got {cell!r:.40}; "
                f"words={table.name(at)!r} takes all that stands there as words, drop={table.name(at)!r} leaves it out"
            )
    return values


def _vocabulary(table: CsvTable, at: int, most_words: int) -> list[str] | None:
    """Return the distinct words of a column, sorted; None if all are missing."""
    words = sorted({word for word in label_texts(table.cells(at)) if not is_missing(word)})
    if len(words) > most_words:
        raise DataError(
            f"{table.path}: expected at most {most_words} different words in {table.title(at)}, got {len(words)}, "
            f"{words[0]!r:.30} for one; drop={table.name(at)!r} leaves it out, most_words={len(words)} takes them all"
        )
    return words or None


def _one_hot(table: CsvTable, at: int, vocabulary: list[str]) -> tuple[np.ndarray, list[str]]:
    """Spread the words of a column over a column each, ``(N, K)``; a row of zeros where the word is none of them."""
    place = {word: column for column, word in enumerate(vocabulary)}
    spread = np.zeros((len(table.rows), len(vocabulary)))
    unknown: Counter[str] = Counter()
    missing = 0
    for row, cell in enumerate(map(as_text, table.cells(at))):
        word = cell if cell in place else label_texts([cell])[0]  # 1.0 where another table writes 1
        if word in place:
            spread[row, place[word]] = 1.0
        elif is_missing(cell):
            missing += 1
        else:
            unknown[cell] += 1
    title, notes = table.name(at), []
    if missing:
        notes.append(f"{missing} of {len(table.rows)} rows lack a word in {title!r}: all its columns are 0 there")
    if unknown:
        said = name_some([f"{word!r:.40} ({count} rows)" for word, count in unknown.most_common()])
        notes.append(
            f"words of {title!r} that the model does not know: {said}; all columns of {title!r} are 0 there, so expect "
            "no reliable class"
        )
    return spread, notes


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
    Columns are given by name, or by number from 0 (-1 is the last); ``notes`` list the role of each column.
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
        Columns of the source of a row, its time (numbers or ISO dates), its name, and its
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
    if not is_integer(most_words, 1):
        raise ParameterError(f"tabular_csv: expected most_words to be an integer above 0, got {most_words!r:.40}")
    if not isinstance(labeled, bool):
        raise ParameterError(f"tabular_csv: expected labeled to be True or False, got {labeled!r:.40}")
    table = _read(Path(path), header, delimiter)
    options = {"label": label, "group": group, "time": time, "id": id, "split": split}
    roles = find_roles(table, options, drop=drop)
    roles = _only_clear_roles(table, roles, options)
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


def _only_clear_roles(table: CsvTable, roles: TableRoles, options: dict[str, Column | None]) -> TableRoles:
    """Keep numbers called ``time`` and ids that repeat as features, as long as no option says otherwise."""
    if roles.time is not None and options["time"] is None and table.is_numeric(roles.time):
        roles = replace(roles, time=None)
    if roles.id is not None and options["id"] is None:
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
