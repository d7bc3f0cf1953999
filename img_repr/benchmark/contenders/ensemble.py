"""Ensemble: the mean of several classifiers' probabilities, all fitted on the same training part."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from img_repr.benchmark.contenders.classifier import Classifier, reorder_columns
from img_repr.core.dataset import Dataset
from img_repr.core.errors import NotFittedError


class Ensemble:
    """Average the probabilities of classifiers, all with the same weight.

    Parameters
    ----------
    members : mapping of str to Classifier
        Unfitted classifiers by their name in the record.

    Attributes
    ----------
    classes : tuple of str
        Classes of the training part, sorted.
    cost : dict
        Sum of the members' costs.
    record : dict
        ``members``: record and cost of each.

    Examples
    --------
    >>> from img_repr.baselines.tabular import TabularBaseline
    >>> from img_repr.benchmark.contenders.ensemble import Ensemble
    >>> from img_repr.core.loader import load_dataset
    >>> gunpoint = load_dataset("gunpoint").subset(range(50))
    >>> two = Ensemble({name: TabularBaseline("raw", name) for name in ("1nn", "logistic")}).fit(gunpoint, seed=0)
    >>> two.predict_proba(gunpoint.samples[:3]).shape, [name for name in two.record["members"]]
    ((3, 2), ['1nn', 'logistic'])
    """

    def __init__(self, members: Mapping[str, Classifier]) -> None:
        self.members = dict(members)
        self.classes: tuple[str, ...] = ()
        self.cost: dict[str, float] = {}
        self.record: dict[str, Any] = {}

    def fit(self, train: Dataset, *, seed: int) -> "Ensemble":
        """Fit every member on the whole training part under the same seed."""
        for member in self.members.values():
            member.fit(train, seed=seed)
        self.classes = train.classes
        self.cost = {}
        for member in self.members.values():
            for word, value in member.cost.items():
                self.cost[word] = self.cost.get(word, 0.0) + value
        self.record = {
            "rule": "mean of the members' probabilities",
            "members": {name: {"record": one.record, "cost": one.cost} for name, one in self.members.items()},
        }
        return self

    def predict_proba(self, samples: Any) -> np.ndarray:
        """Return the mean of the members' probabilities, float64 ``(N, K)``."""
        if not self.classes:
            raise NotFittedError("ensemble: expected a call of fit before predict_proba")
        probabilities = [
            reorder_columns(self.classes, one.classes, one.predict_proba(samples)) for one in self.members.values()
        ]
        return np.asarray(np.mean(probabilities, axis=0))

    def warm_up(self, few: Dataset) -> None:
        """Warm up the members that support it."""
        for one in self.members.values():
            if hasattr(one, "warm_up"):
                one.warm_up(few)

    def represent(self, samples: Any) -> None:
        """Compute the images or features of samples for every member; raise if a member does not support it."""
        for one in self.members.values():
            one.represent(samples)  # type: ignore[attr-defined]
