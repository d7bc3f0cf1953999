"""Nearest neighbor under dynamic time warping, the classic baseline for time series.

The distance is that of pyts, 0.26 ms for a pair of series of 176 values. Its import takes 19 CPU seconds, so it is
imported only when needed.
"""

import importlib
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from img_repr.core.errors import SampleError


def dtw_distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the distances of all pairs of two sets of series, without a window.

    Parameters
    ----------
    left, right : ndarray, shape (N, T) or (N, C, T) and (M, U) or (M, C, U)
        All channels of a series are warped together: a step costs the sum of squares over channels.

    Returns
    -------
    ndarray of float64, shape (N, M)
        Root of the smallest sum of squares along a path, as ``pyts.metrics.dtw(dist="square")``.
    """
    from pyts.metrics import dtw

    points = [[series.reshape(-1, series.shape[-1]).T for series in side] for side in (left, right)]
    squares = [
        [dtw(dist="precomputed", precomputed_cost=cdist(one, other, "sqeuclidean")) for other in points[1]]
        for one in points[0]
    ]
    return np.sqrt(np.array(squares, dtype=np.float64))


class DtwNeighbor(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classify by the nearest training series; of several equally near ones, by the first.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.baselines.dtw import DtwNeighbor
    >>> late, early = [0.0, 0.0, 0.0, 1.0, 2.0], [0.0, 1.0, 2.0, 2.0, 2.0]
    >>> train = np.array([late, [2.0, 2.0, 2.0, 0.0, 0.0]])
    >>> DtwNeighbor().fit(train, ["up", "down"]).predict(np.array([early])).tolist()
    ['up']
    """

    def fit(self, X: Any, y: Any) -> "DtwNeighbor":
        """Store the training series ``(N, T)`` or ``(N, C, T)``, and import pyts, so that predictions can be timed."""
        importlib.import_module("pyts.metrics")
        self.series_ = np.asarray(X, dtype=np.float64)
        self.classes_, self.targets_ = np.unique(np.asarray(y), return_inverse=True)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return 1 for the class of the nearest training series, 0 for all others."""
        check_is_fitted(self)
        series = np.asarray(X, dtype=np.float64)
        if series.ndim != self.series_.ndim or series.shape[1:-1] != self.series_.shape[1:-1]:
            raise SampleError(
                f"1nn_dtw: expected series as in training, {self.series_.shape} except for their number, "
                f"got {series.shape}"
            )
        nearest = dtw_distances(series, self.series_).argmin(axis=1)
        return np.asarray(np.eye(len(self.classes_))[self.targets_[nearest]])

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of the nearest training series."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])
