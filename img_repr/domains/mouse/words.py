"""A column of words as numbers: each distinct word once, and which row says which."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from img_repr.core.csv_values import is_nameless, label_texts

_FEW = 64


@dataclass(frozen=True, eq=False)
class Words:
    """Distinct words of a column.

    Parameters
    ----------
    at : ndarray of int64, shape (T,)
        Position of each row's word in ``distinct``.
    distinct : list of str
        In the order in which they first come.
    """

    at: np.ndarray
    distinct: list[str]

    @classmethod
    def of(cls, column: Sequence[str] | np.ndarray) -> "Words":
        """Find the words of a column: a list of str, or an array of bytes in Latin-1.

        Examples
        --------
        >>> from img_repr.domains.mouse.words import Words
        >>> words = Words.of(["b", "a", "b"])
        >>> words.at.tolist(), words.distinct
        ([0, 1, 0], ['b', 'a'])
        """
        if isinstance(column, np.ndarray):
            return cls._of_bytes(column)
        number: dict[str, int] = {}
        at = np.fromiter((number.setdefault(word, len(number)) for word in column), np.int64, len(column))
        return cls(at, list(number))

    @classmethod
    def _of_bytes(cls, column: np.ndarray) -> "Words":
        """Find few words in linear time, where ``np.unique`` sorts."""
        at = np.full(len(column), -1)
        distinct: list[bytes] = []
        first = 0
        while len(unknown := np.flatnonzero(at[first:] < 0)):
            first += int(unknown[0])
            if len(distinct) == _FEW:
                _, firsts, at = np.unique(column, return_index=True, return_inverse=True)
                order = np.argsort(firsts)
                at = np.argsort(order)[at]
                distinct = [column[place] for place in firsts[order]]
                break
            at[column == column[first]] = len(distinct)
            distinct.append(column[first])
        return cls(at, [bytes(word).decode("latin1") for word in distinct])

    @property
    def names(self) -> "Words":
        """The words as names of users or sessions: see :func:`img_repr.core.csv_values.label_texts`."""
        texts = label_texts(self.distinct)
        merged = Words.of(texts)
        return Words(merged.at[self.at], merged.distinct)

    def first_nameless(self) -> int | None:
        """Position of the first row whose word says that a name is missing."""
        missing = np.array([is_nameless(word) for word in self.distinct], bool)
        rows = np.flatnonzero(missing[self.at]) if missing.any() else missing[:0]
        return int(rows[0]) if len(rows) else None
