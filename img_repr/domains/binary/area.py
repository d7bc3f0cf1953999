"""Exact areas: resample rows to equal parts of their axis, piece by piece, and back.

An axis of ``count`` rows is cut into ``parts`` equal parts, more or fewer than there are rows. A row that two parts
share counts in each by the fraction of it that lies there, so that sums are kept and every row weighs the same.
"""

import functools
from typing import Any, NamedTuple

import numpy as np


class Fractions(NamedTuple):
    """Fractions of rows in the parts that they touch, part by part.

    Parameters
    ----------
    first_part : int
    rows : ndarray of int64, shape (fractions,)
        Numbers of rows, counted from ``first``.
    fractions : ndarray of float64, shape (fractions,)
        How much of each row lies in the part, 0 to 1.
    pointers : ndarray of int64, shape (parts touched + 1,)
        Where each part's rows begin, and the end.
    """

    first_part: int
    rows: np.ndarray
    fractions: np.ndarray
    pointers: np.ndarray


@functools.lru_cache(maxsize=8)
def area_fractions(first: int, stop: int, count: int, parts: int) -> Fractions:
    """Fractions of the rows from ``first`` to ``stop`` in the parts that they touch.

    Parameters
    ----------
    first, stop : int
        Range of rows, of ``count`` in all.
    count, parts : int
        Rows of the whole axis, and equal parts that it is cut into.

    Examples
    --------
    >>> from img_repr.domains.binary.area import area_fractions
    >>> [np.asarray(one).tolist() for one in area_fractions(1, 3, count=3, parts=2)]
    [0, [0, 0, 1], [0.5, 0.5, 1.0], [0, 1, 3]]
    """
    cuts = _cuts(first, stop, count, parts)
    begins, ends = cuts[:-1], cuts[1:]
    first_rows, stop_rows = begins // parts, -(-ends // parts)
    pointers = np.concatenate([[0], np.cumsum(stop_rows - first_rows)])
    rows = np.arange(pointers[-1]) + np.repeat(first_rows - first - pointers[:-1], stop_rows - first_rows)
    fractions = np.ones(len(rows))
    fractions[pointers[:-1]] -= (begins - first_rows * parts) / parts
    fractions[pointers[1:] - 1] -= (stop_rows * parts - ends) / parts
    return Fractions(first * parts // count, rows, fractions, pointers)


def area_weights(first: int, stop: int, count: int, parts: int) -> tuple[int, Any]:
    """Return the same fractions as a matrix.

    Returns
    -------
    first_part : int
    weights : scipy.sparse.csr_matrix of float64, shape (parts touched, stop - first)
        Every column sums to 1.

    Examples
    --------
    >>> from img_repr.domains.binary.area import area_weights
    >>> first_part, weights = area_weights(1, 3, count=3, parts=2)
    >>> first_part, weights.toarray().tolist()
    (0, [[0.5, 0.0], [0.5, 1.0]])
    """
    from scipy.sparse import csr_matrix

    first_part, rows, fractions, pointers = area_fractions(first, stop, count, parts)
    return first_part, csr_matrix((fractions, rows, pointers), shape=(len(pointers) - 1, stop - first))


def area_sums(values: np.ndarray, first: int, count: int, parts: int) -> tuple[int, np.ndarray]:
    """Sum values on one axis over the parts that they touch.

    Parameters
    ----------
    values : ndarray of uint8, bool or float, shape (n, K)
        The values from number ``first`` on, of ``count`` in all; of n samples side by side.
    first, count, parts : int

    Returns
    -------
    first_part : int
    sums : ndarray of float64, shape (n, parts touched)
        Exact but for the rounding of the fractions of single values.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.area import area_sums
    >>> area_sums(np.array([[1, 2, 4]], dtype=np.uint8), first=0, count=3, parts=2)
    (0, array([[2., 5.]]))
    """
    stop = first + values.shape[1]
    starts, fractions = np.divmod(_cuts(first, stop, count, parts), parts)
    inside = np.minimum(starts - first, values.shape[1] - 1)
    sums = np.add.reduceat(values, inside[:-1], axis=1, dtype=np.float64 if values.dtype.kind == "f" else np.uint32)
    sums = sums.astype(np.float64)
    sums[:, starts[1:] == starts[:-1]] = 0.0  # where reduceat gives the one value that it starts at
    if fractions.any():
        edges = fractions * (1.0 / parts) * values[:, inside]
        sums += edges[:, 1:]
        sums -= edges[:, :-1]
    return first * parts // count, sums


def _cuts(first: int, stop: int, count: int, parts: int) -> np.ndarray:
    """Return the borders of the parts that the rows touch, within those rows, in 1/parts of a row."""
    cuts = np.arange(first * parts // count, -(-stop * parts // count) + 1) * count
    cuts[0], cuts[-1] = first * parts, stop * parts
    return cuts
