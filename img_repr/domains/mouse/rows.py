"""Rows of events of one recording before the repair of defects, and columns of words."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

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
        In the order of their first occurrence.
    """

    at: np.ndarray
    distinct: list[str]

    @classmethod
    def of(cls, column: Sequence[str] | np.ndarray) -> "Words":
        """Find the words of a column: a list of str, or an array of bytes in Latin-1.

        Examples
        --------
        >>> from img_repr.domains.mouse.rows import Words
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
        """Find few words in linear time; ``np.unique`` would sort."""
        at = np.full(len(column), -1)
        distinct: list[bytes] = []
        first = 0
        while len(unknown := np.flatnonzero(at[first:] < 0)):
            first += int(unknown[0])
            if len(distinct) == _FEW:
                _, firsts, at = np.unique(column, return_index=True, return_inverse=True)
                order = np.argsort(firsts)
                at = np.argsort(order)[at]
                distinct = [column[position] for position in firsts[order]]
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
        """Position of the first row whose word means a missing name."""
        missing = np.array([is_nameless(word) for word in self.distinct], bool)
        rows = np.flatnonzero(missing[self.at]) if missing.any() else missing[:0]
        return int(rows[0]) if len(rows) else None


MOVE, DRAG, PRESS, RELEASE, WHEEL_UP, WHEEL_DOWN, CLICK, NO_EVENT = range(8)
"""Kinds of events: ``Rows.state``. CLICK is a press and a release in one row, NO_EVENT is not of a pointer (a key)."""

OTHER = 8  # in ``Rows.button``, besides LEFT, RIGHT and MIDDLE: any other button


@dataclass(frozen=True, eq=False)
class Rows:
    """Events in the order of their file.

    Parameters
    ----------
    t : ndarray of float64, shape (T,)
        Time in the file's unit, NaN if missing.
    x_px, y_px : ndarray of float64, shape (T,)
        Screen pixels, NaN if missing.
    button : ndarray of uint8, shape (T,)
        Button of the row: ``LEFT``, ``RIGHT``, ``MIDDLE``, ``OTHER``, or 0.
    state : ndarray of uint8, shape (T,)
        Kind of event: ``MOVE`` to ``NO_EVENT``.
    piece : ndarray of int64, shape (T,)
        Number of the continuous piece of a row, not decreasing.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.mouse.rows import Rows
    >>> rows = Rows.of(np.array([0.0, 8.0]), np.array([5.0, 6.0]), np.array([5.0, 5.0]))
    >>> len(rows), rows.acts.tolist()
    (2, [False, False])
    """

    t: np.ndarray
    x_px: np.ndarray
    y_px: np.ndarray
    button: np.ndarray
    state: np.ndarray
    piece: np.ndarray

    @classmethod
    def of(
        cls,
        t: np.ndarray,
        x_px: np.ndarray,
        y_px: np.ndarray,
        button: np.ndarray | None = None,
        state: np.ndarray | None = None,
    ) -> "Rows":
        """Return rows of one piece, plain moves by default."""
        count = len(t)
        none = np.zeros(count, np.uint8)
        known = (none if button is None else button, none if state is None else state)
        return cls(t, x_px, y_px, *known, np.zeros(count, np.int64))

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.t)

    @property
    def acts(self) -> np.ndarray:
        """Mask of presses, releases, clicks and turns of the wheel, which must be kept, bool ``(T,)``."""
        return np.asarray((self.state >= PRESS) & (self.state <= CLICK))

    @property
    def wheels(self) -> np.ndarray:
        """Mask of turns of the wheel, bool ``(T,)``."""
        return np.asarray((self.state == WHEEL_UP) | (self.state == WHEEL_DOWN))

    def take(self, which: np.ndarray | slice) -> "Rows":
        """Return some rows, by a mask, positions or a slice."""
        return Rows(*(getattr(self, one.name)[which] for one in fields(self)))

    def but(self, **columns: np.ndarray) -> "Rows":
        """Return the rows with some columns replaced."""
        return replace(self, **columns)
