"""Similarity of the columns of a table: the basis of fitted places."""

import numpy as np

from img_repr.core.errors import ParameterError

DISTANCES = ("pearson", "spearman", "euclidean")


def unit_columns(rows: np.ndarray) -> np.ndarray:
    """Columns with their mean taken off, of length 1 each; a constant one is 0. Their products are correlations.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.tabular.likeness import unit_columns
    >>> (unit_columns(np.array([[1.0, 5.0], [3.0, 5.0]])) * 2**0.5).round(9)
    array([[-1.,  0.],
           [ 1.,  0.]])
    """
    fractions = _fractions(rows)
    centered = fractions - fractions.mean(axis=0)
    length = np.linalg.norm(centered, axis=0)
    return np.asarray(np.where(length > 0.0, centered / np.where(length > 0.0, length, 1.0), 0.0))


def column_distances(rows: np.ndarray, distance: str, *, caller: str) -> np.ndarray:
    """Distance of each two columns, ``(F, F)``.

    Parameters
    ----------
    rows : ndarray, shape (N, F)
        Training rows without missing values.
    distance : {"pearson", "spearman", "euclidean"}
        1 less the correlation, of values or of their ranks: a constant column has the distance 1 from all others; or
        the Euclidean distance of the columns as they are drawn, between their extremes.
    caller : str
        For messages.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.tabular.likeness import column_distances
    >>> rows = np.array([[0.0, 9.0, 1.0], [1.0, 0.0, 3.0]])  # the third runs with the first
    >>> column_distances(rows, "pearson", caller="doc")
    array([[0., 2., 0.],
           [2., 0., 2.],
           [0., 2., 0.]])
    """
    if distance not in DISTANCES:
        raise ParameterError(f"{caller}: expected distance to be one of {', '.join(DISTANCES)}, got {distance!r:.60}")
    if distance == "euclidean":
        columns = _fractions(rows).T
        squares = (columns**2).sum(axis=1)
        found = np.sqrt(np.maximum(squares[:, None] + squares - 2.0 * columns @ columns.T, 0.0))
    else:
        if distance == "spearman":
            from scipy.stats import rankdata

            rows = rankdata(rows, axis=0)
        columns = unit_columns(rows)
        found = 1.0 - columns.T @ columns
    np.fill_diagonal(found, 0.0)
    return np.asarray(np.round((found + found.T) / 2.0, 10))  # as the authors of IGTD round: equal pairs are to tie


def _fractions(rows: np.ndarray) -> np.ndarray:
    """Columns between their extremes, from 0 to 1; constant ones 0."""
    low, high = rows.min(axis=0) / 2.0, rows.max(axis=0) / 2.0  # halves, so that no span is infinite
    span = high - low
    return np.asarray(np.where(span > 0.0, (rows / 2.0 - low) / np.where(span > 0.0, span, 1.0), 0.0))
