"""Classifier: what a contender builds; a network, a table and a choice among them look alike to the benchmark."""

from typing import Any, Protocol

import numpy as np

from img_repr.core.dataset import Dataset


class Classifier(Protocol):
    """Learns from a training part and gives probabilities for samples.

    ``cost`` holds what it knows of its own cost after ``fit``: ``parameters``, ``bytes_per_image`` ...;
    ``record`` holds what a reader must know to trust it: the weights really used, the epochs really run, a
    history.
    """

    classes: tuple[str, ...]
    cost: dict[str, float]
    record: dict[str, Any]

    def fit(self, train: Dataset, *, seed: int) -> "Classifier":
        """Learn from a training part; a validation part, where one is needed, is cut from it."""
        ...

    def predict_proba(self, samples: Any) -> np.ndarray:
        """Probabilities ``(N, K)`` in the order of ``classes``."""
        ...


def in_order_of(classes: tuple[str, ...], own: tuple[str, ...], probabilities: np.ndarray) -> np.ndarray:
    """Give probabilities of a classifier's own classes as columns of others; a class that it does not know has 0.

    Examples
    --------
    >>> in_order_of(("a", "b", "c"), ("c", "a"), np.array([[0.25, 0.75]]))
    array([[0.75, 0.  , 0.25]])
    """
    spread = np.zeros((len(probabilities), len(classes)))
    spread[:, [classes.index(name) for name in own]] = probabilities
    return spread
