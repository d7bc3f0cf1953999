"""Rows: the events of one recording as its file has them, before any defect is mended."""

from dataclasses import dataclass, fields, replace

import numpy as np

MOVE, DRAG, PRESS, RELEASE, WHEEL_UP, WHEEL_DOWN, CLICK, NO_EVENT = range(8)
"""What happened: ``Rows.state``. CLICK is a press and a release in one row, NO_EVENT is none of a pointer (a key)."""

OTHER = 8  # next to LEFT, RIGHT and MIDDLE in ``Rows.button``: a button that is none of the three


@dataclass(frozen=True, eq=False)
class Rows:
    """Events in the order of their file.

    Parameters
    ----------
    t : ndarray of float64, shape (T,)
        Time in the file's unit, NaN where it is missing.
    x_px, y_px : ndarray of float64, shape (T,)
        Screen pixels, NaN where they are missing.
    button : ndarray of uint8, shape (T,)
        The button that the row names: ``LEFT``, ``RIGHT``, ``MIDDLE``, ``OTHER``, or 0.
    state : ndarray of uint8, shape (T,)
        What happened: ``MOVE`` to ``NO_EVENT``.
    piece : ndarray of int64, shape (T,)
        Number of the continuous piece that a row belongs to, not decreasing.

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
        """Make rows of one piece, plain moves where no state is known."""
        count = len(t)
        none = np.zeros(count, np.uint8)
        known = (none if button is None else button, none if state is None else state)
        return cls(t, x_px, y_px, *known, np.zeros(count, np.int64))

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.t)

    @property
    def acts(self) -> np.ndarray:
        """Which rows are a press, a release, a click or a turn of the wheel and must not be lost, bool ``(T,)``."""
        return np.asarray((self.state >= PRESS) & (self.state <= CLICK))

    @property
    def wheels(self) -> np.ndarray:
        """Which rows turn the wheel, bool ``(T,)``."""
        return np.asarray((self.state == WHEEL_UP) | (self.state == WHEEL_DOWN))

    def take(self, which: np.ndarray | slice) -> "Rows":
        """Give some rows, by a mask, positions or a slice."""
        return Rows(*(getattr(self, one.name)[which] for one in fields(self)))

    def but(self, **columns: np.ndarray) -> "Rows":
        """Give the rows with other columns."""
        return replace(self, **columns)
