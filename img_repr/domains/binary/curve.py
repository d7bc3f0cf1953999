"""The Hilbert curve: an order of the cells of a square in which neighbors stay near."""

import functools

import numpy as np


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
    >>> from img_repr.domains.binary.curve import hilbert_curve
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
