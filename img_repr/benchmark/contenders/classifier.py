"""Classifier: the interface of the fitted part of a contender."""

from typing import Any, Protocol

import numpy as np

from img_repr.core.dataset import Dataset


class Classifier(Protocol):
    """A classifier of raw samples.

    After ``fit``, ``cost`` holds its size (``parameters``, ``bytes_per_image`` ...), ``record`` what a reader needs to
    trust it: the weights and epochs actually used, a history.
    """

    classes: tuple[str, ...]
    cost: dict[str, float]
    record: dict[str, Any]

    def fit(self, train: Dataset, *, seed: int) -> "Classifier":
        """Fit to a training part, from which any validation part is cut."""
        ...

    def predict_proba(self, samples: Any) -> np.ndarray:
        """Return probabilities ``(N, K)`` in the order of ``classes``."""
        ...


def reorder_columns(classes: tuple[str, ...], own: tuple[str, ...], probabilities: np.ndarray) -> np.ndarray:
    """Return probabilities with the columns of ``classes``; a class that is not among ``own`` has 0.

    Examples
    --------
    >>> reorder_columns(("a", "b", "c"), ("c", "a"), np.array([[0.25, 0.75]]))
    array([[0.75, 0.  , 0.25]])
    """
    spread = np.zeros((len(probabilities), len(classes)))
    spread[:, [classes.index(name) for name in own]] = probabilities
    return spread
