"""Ensemble: the mean of what several contenders think, each of which learned from the same training part."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from img_repr.benchmark.contenders.classifier import Classifier, in_order_of
from img_repr.core.dataset import Dataset
from img_repr.core.errors import NotFittedError


class Ensemble:
    """Average the probabilities of classifiers, all with the same weight, so that nothing is chosen.

    Parameters
    ----------
    members : mapping of str to Classifier
        By what the record calls them; unfitted.

    Attributes
    ----------
    classes : tuple of str
        Classes of the training part, sorted.
    cost : dict
        Of all members together: each number that any of them gives, summed.
    record : dict
        ``members``: what each says of itself and of its cost.

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
        """Fit every member to the whole training part, under the same seed."""
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
        """Mean of the members' probabilities, float64 ``(N, K)``."""
        if not self.classes:
            raise NotFittedError("ensemble: expected a call of fit before predict_proba")
        chances = [in_order_of(self.classes, one.classes, one.predict_proba(samples)) for one in self.members.values()]
        return np.asarray(np.mean(chances, axis=0))

    def warm_up(self, few: Dataset) -> None:
        """Let the members that can make their first calls on a few samples."""
        for one in self.members.values():
            if hasattr(one, "warm_up"):
                one.warm_up(few)

    def represent(self, samples: Any) -> None:
        """Make what each member sees of samples; raises where one of them cannot do this alone."""
        for one in self.members.values():
            one.represent(samples)  # type: ignore[attr-defined]
