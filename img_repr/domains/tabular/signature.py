"""Signatures of rows, for finding near-duplicates."""

from typing import Any

import numpy as np


def rows_signature(samples: Any) -> np.ndarray:
    """Return rows with every column at one scale, so that rows by chance lie about 1 apart, float64 ``(N, F)``.

    Missing values take the mean of their column.

    Parameters
    ----------
    samples : array_like, shape (N, F)

    Examples
    --------
    >>> from img_repr.domains.tabular.signature import rows_signature
    >>> rows_signature([[1.0, 10.0], [3.0, 30.0]]).tolist()
    [[-0.5, -0.5], [0.5, 0.5]]
    """
    rows = np.asarray(samples, dtype=np.float64)
    known = np.isfinite(rows)
    counts = np.maximum(known.sum(axis=0), 1)
    centered = np.where(known, rows - np.where(known, rows, 0.0).sum(axis=0) / counts, 0.0)
    deviations = np.sqrt((centered**2).sum(axis=0) / counts)
    return np.asarray(centered / np.where(deviations > 0, deviations, 1.0) / np.sqrt(2 * rows.shape[1]))
