"""Resampling of cells on an axis to pixels, weighted by area."""

import numpy as np


def cells_to_pixels(centers: np.ndarray, extent: float, size: int) -> np.ndarray:
    """Return weights ``(size, K)`` that map K cells on the axis from 0 to ``extent`` to equal pixels; rows sum to 1.

    A cell extends half-way to its neighbors, the outer cells to the ends. A pixel is the mean over its area; if there
    are more pixels than cells, it is interpolated linearly between two centers.

    Parameters
    ----------
    centers : ndarray of float, shape (K,)
        Increasing positions of the cells.
    extent : float
        End of the axis.
    size : int
        Number of pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.core.cells import cells_to_pixels
    >>> cells_to_pixels(np.array([0.5, 1.5, 2.5]), 3.0, 2).round(3)
    array([[0.667, 0.333, 0.   ],
           [0.   , 0.333, 0.667]])
    """
    if size > len(centers):
        middles = (np.arange(size) + 0.5) * extent / size
        return np.stack([np.interp(middles, centers, unit) for unit in np.eye(len(centers))], axis=1)
    cells = np.concatenate([[0.0], (centers[1:] + centers[:-1]) / 2.0, [extent]])
    pixels = np.linspace(0.0, extent, size + 1)
    common = np.minimum(pixels[1:, None], cells[None, 1:]) - np.maximum(pixels[:-1, None], cells[None, :-1])
    fractions = np.maximum(common, 0.0)
    return np.asarray(fractions / fractions.sum(axis=1, keepdims=True))
