"""Columns of a table as features: numbers as they are, words spread over a column each (one-hot encoding)."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from img_repr.core.csv_table import CsvTable
from img_repr.core.csv_values import as_text, is_missing, is_number, label_texts, parse_number
from img_repr.core.errors import DataError
from img_repr.core.file_tree import name_some


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
        Names of the result, as a model was trained on them; what they do not name is not read.

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
            vocabulary = _learn_words(table, at, most_words)
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
    """Give a column of numbers ``(N, 1)``, NaN where missing."""
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


def _learn_words(table: CsvTable, at: int, most_words: int) -> list[str] | None:
    """Give the distinct words of a column, sorted; None if all are missing."""
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
