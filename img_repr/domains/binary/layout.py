"""Layouts: the pixel of each byte, in rows or along the Hilbert curve, and the bytes that a pixel covers.

A layout is a linear map with areas as weights: it sums a signal of the bytes (their values, the entropy around them)
over pixels, piece by piece, and spreads weights of pixels over the bytes again.
"""

import functools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from img_repr.domains.binary.area import area_sums, area_weights
from img_repr.domains.binary.row_sums import rows_of, summed_columns, summed_rows


@functools.lru_cache(maxsize=4)
def hilbert_curve(order: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the cells of a square of side ``2 ** order``, in the order of the curve.

    It starts at the top left, ends at the top right, and goes from each cell to one next to it.

    Parameters
    ----------
    order : int
        From 0.

    Returns
    -------
    rows, columns : ndarray of int64, shape (4 ** order,)
        Read-only.

    References
    ----------
    D. Hilbert: Ueber die stetige Abbildung einer Linie auf ein Flaechenstueck, Mathematische Annalen 38, 1891.

    Examples
    --------
    >>> from img_repr.domains.binary.layout import hilbert_curve
    >>> [part.tolist() for part in hilbert_curve(1)]
    [[0, 1, 1, 0], [0, 0, 1, 1]]
    """
    rows = columns = np.zeros(1, np.int64)
    for step in range(order):
        side = 1 << step  # four copies of the curve so far: laid on its side, as it is twice, laid on the other side
        rows, columns = (
            np.concatenate([columns, rows + side, rows + side, side - 1 - columns]),
            np.concatenate([rows, columns, columns + side, 2 * side - 1 - rows]),
        )
    rows.flags.writeable = columns.flags.writeable = False
    return rows, columns


_SPREAD_AT_ONCE = 1 << 18  # bytes


class Layout(ABC):
    """Position of bytes in an image: see :class:`Rows` and :class:`Curve`."""

    length: int
    """Bytes that are laid out, at least 1."""

    @property
    @abstractmethod
    def sides(self) -> tuple[int, int]:
        """Height and width of the image in pixels."""

    @property
    @abstractmethod
    def area(self) -> float:
        """Bytes that a full pixel holds."""

    @abstractmethod
    def begin(self, n: int) -> np.ndarray:
        """Return empty sums for n binaries, to be added to."""

    @abstractmethod
    def add(self, sums: np.ndarray, first: int, signal: np.ndarray) -> None:
        """Add a signal ``(n, K)`` of the bytes from number ``first`` on, uint8, bool, float32 or float64."""

    @abstractmethod
    def image(self, sums: np.ndarray) -> np.ndarray:
        """Return the sums over pixels, float64 ``(n, H, W)``."""

    @abstractmethod
    def covered(self) -> np.ndarray:
        """Count the bytes under each pixel, in fractions, float64 ``(H, W)``: the image of a signal of ones."""

    @abstractmethod
    def pieces_of(self, weights: np.ndarray) -> Iterator[np.ndarray]:
        """Yield weights over pixels ``(H, W)`` as weights over bytes, piece by piece: the adjoint of the gathering."""

    @abstractmethod
    def ranges(self, row: int, column: int) -> np.ndarray:
        """Return the bytes that a pixel covers, in whole or in part, as rising ``(k, 2)`` of first and stop, int64."""

    @abstractmethod
    def centers(self) -> np.ndarray:
        """Return the byte under the center of each pixel, int64 ``(H, W)``; -1 where none is."""

    def spread(self, weights: np.ndarray) -> np.ndarray:
        """Return weights over pixels ``(H, W)`` as weights over bytes, float64 ``(length,)``."""
        return np.concatenate(list(self.pieces_of(weights)))[: self.length]


@dataclass(frozen=True)
class Rows(Layout):
    """Bytes in rows of one width, the first at the top left; the last row may end early.

    Parameters
    ----------
    length, width : int
    height, across : int
        Sides of the image in pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.layout import Rows
    >>> rows = Rows(length=7, width=2, height=2, across=2)
    >>> sums = rows.begin(1)
    >>> rows.add(sums, 0, np.arange(7, dtype=np.uint8)[None])
    >>> rows.image(sums)[0], rows.covered()
    (array([[ 2.,  4.],
           [10.,  5.]]), array([[2., 2.],
           [2., 1.]]))
    >>> rows.ranges(1, 0).tolist()
    [[4, 5], [6, 7]]
    """

    length: int
    width: int
    height: int
    across: int

    @property
    def count(self) -> int:
        """Rows of bytes, the last of which may end early."""
        return -(-self.length // self.width)

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of the image in pixels."""
        return self.height, self.across

    @property
    def area(self) -> float:
        """Bytes that a full pixel holds."""
        return self.count * self.width / (self.height * self.across)

    def begin(self, n: int) -> np.ndarray:
        """Return empty sums, ``(n, H, W)``."""
        return np.zeros((n, self.height, self.across))

    def add(self, sums: np.ndarray, first: int, signal: np.ndarray) -> None:
        """Add a signal; a row that it holds a part of gets zeros for the rest."""
        row, lead = divmod(first, self.width)
        top, narrow = summed_rows(rows_of(signal, lead, self.width), row, self.count, self.height)
        pixels = summed_columns(narrow.reshape(-1, self.width), self.across).reshape(-1, len(signal), self.across)
        sums[:, top : top + len(pixels)] += pixels.swapaxes(0, 1)

    def image(self, sums: np.ndarray) -> np.ndarray:
        """Return the sums themselves."""
        return sums

    def covered(self) -> np.ndarray:
        """Count the bytes under each pixel: those of full rows, and those of the last where it ends early."""
        found = np.full(self.sides, self.area)
        full, rest = divmod(self.length, self.width)
        if rest:
            above = _lengths(full, self.count, self.height)[:, None]
            last = self.count / self.height - above
            top = full * self.height // self.count
            across = self.width / self.across, _lengths(rest, self.width, self.across)
            found[top:] = above[top:] * across[0] + last[top:] * across[1]
        return found

    def pieces_of(self, weights: np.ndarray) -> Iterator[np.ndarray]:
        """Spread weights over whole rows, the last of which may reach beyond the last byte."""
        wide = np.ascontiguousarray((area_weights(0, self.width, self.width, self.across)[1].T @ weights.T).T)
        at_once = max(1, _SPREAD_AT_ONCE // self.width)
        for row in range(0, self.count, at_once):
            top, down = area_weights(row, min(row + at_once, self.count), self.count, self.height)
            yield (down.T @ wide[top : top + down.shape[0]]).ravel()

    def ranges(self, row: int, column: int) -> np.ndarray:
        """Return a range for each row of bytes that the pixel touches, those that touch each other as one."""
        first, stop = row * self.count // self.height, -(-(row + 1) * self.count // self.height)
        left, right = column * self.width // self.across, -(-(column + 1) * self.width // self.across)
        starts = np.arange(first, stop) * self.width
        found = np.stack([starts + left, np.minimum(starts + right, self.length)], axis=1)
        return _joined(found[found[:, 0] < found[:, 1]])

    def centers(self) -> np.ndarray:
        """Return the byte under the center of each pixel; -1 behind the end of the last row."""
        rows = (2 * np.arange(self.height) + 1) * self.count // (2 * self.height)
        columns = (2 * np.arange(self.across) + 1) * self.width // (2 * self.across)
        found = rows[:, None] * self.width + columns
        return np.where(found < self.length, found, -1)


@dataclass(frozen=True)
class Curve(Layout):
    """Bytes along the Hilbert curve: the binary is cut into 4 ** k equal cells, which the curve lays in a square.

    Parameters
    ----------
    length : int
    size : int
        Side of the image in pixels. Where it is no power of two, the image is the area mean of the next larger.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.layout import Curve
    >>> curve = Curve(length=4, size=2)
    >>> sums = curve.begin(1)
    >>> curve.add(sums, 0, np.arange(4, dtype=np.uint8)[None])
    >>> curve.image(sums)[0]
    array([[0., 3.],
           [1., 2.]])
    """

    length: int
    size: int

    @property
    def order(self) -> int:
        """Halvings of the square, k."""
        return (self.size - 1).bit_length()

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of the image in pixels."""
        return self.size, self.size

    @property
    def area(self) -> float:
        """Bytes that a pixel holds."""
        return self.length / self.size**2

    def begin(self, n: int) -> np.ndarray:
        """Return empty sums, ``(n, 4 ** k)`` in the order of the curve."""
        return np.zeros((n, 4**self.order))

    def add(self, sums: np.ndarray, first: int, signal: np.ndarray) -> None:
        """Add a signal."""
        cell, found = area_sums(signal, first, self.length, sums.shape[1])
        sums[:, cell : cell + found.shape[1]] += found

    def image(self, sums: np.ndarray) -> np.ndarray:
        """Arrange the cells along the curve in a square and resize it to the size of the image."""
        square = np.empty((len(sums), 1 << self.order, 1 << self.order))
        square[:, *hilbert_curve(self.order)] = sums
        fractions = self._fractions()
        return square if fractions is None else fractions @ square @ fractions.T

    def covered(self) -> np.ndarray:
        """Count the bytes under each pixel: as many under one as under another."""
        return np.full(self.sides, self.area)

    def pieces_of(self, weights: np.ndarray) -> Iterator[np.ndarray]:
        """Spread weights over the cells and along the curve."""
        fractions = self._fractions()
        cells = (weights if fractions is None else fractions.T @ weights @ fractions)[hilbert_curve(self.order)]
        for first in range(0, self.length, _SPREAD_AT_ONCE):
            stop = min(first + _SPREAD_AT_ONCE, self.length)
            cell, along = area_weights(first, stop, self.length, len(cells))
            yield along.T @ cells[cell : cell + along.shape[0]]

    def ranges(self, row: int, column: int) -> np.ndarray:
        """Return the ranges of the cells that the pixel touches, those that touch each other as one."""
        side = 1 << self.order
        touched = np.zeros((side, side), bool)
        (top, bottom), (left, right) = (
            (at * side // self.size, -(-(at + 1) * side // self.size)) for at in (row, column)
        )
        touched[top:bottom, left:right] = True
        cells = np.flatnonzero(touched[hilbert_curve(self.order)])
        return _joined(np.stack([cells * self.length // side**2, -(-(cells + 1) * self.length // side**2)], axis=1))

    def centers(self) -> np.ndarray:
        """Return the byte in the middle of the cell under the center of each pixel."""
        side = 1 << self.order
        middles = np.empty((side, side), np.int64)
        middles[hilbert_curve(self.order)] = (2 * np.arange(side**2) + 1) * self.length // (2 * side**2)
        nearest = (2 * np.arange(self.size) + 1) * side // (2 * self.size)
        return middles[np.ix_(nearest, nearest)]

    def _fractions(self) -> np.ndarray | None:
        side = 1 << self.order
        return None if side == self.size else np.asarray(area_weights(0, side, side, self.size)[1].toarray())


def _lengths(filled: int, count: int, parts: int) -> np.ndarray:
    """Lengths, in rows, that the first ``filled`` of ``count`` rows have in each part of their axis."""
    cuts = np.minimum(np.arange(parts + 1) * count, filled * parts)
    return np.asarray((cuts[1:] - cuts[:-1]) / parts)


def _joined(ranges: np.ndarray) -> np.ndarray:
    """Join rising ranges that touch or overlap."""
    if not len(ranges):
        return ranges
    apart = np.flatnonzero(ranges[1:, 0] > ranges[:-1, 1])
    return np.stack([ranges[np.r_[0, apart + 1], 0], ranges[np.r_[apart, len(ranges) - 1], 1]], axis=1)
