"""Classifiers of tabular features, by name; the same for all data sets and domains.

They are not tuned: choosing one by cross-validation within 50 rows adds more noise (0.046 in accuracy on GunPoint) than
it gains.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from img_repr.baselines.dtw import DtwNeighbor
from img_repr.core.registry import Registry

MakeLearner = Callable[[int], Any]


class SoftRidge(RidgeClassifierCV):  # type: ignore[misc]
    """Ridge classifier with probabilities by a softmax of its decision function.

    They rank classes as the decision function does; they are **not calibrated**, so their log loss is of little use.
    """

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the softmax of the decision function, ``(N, K)``; for two classes, of the score and its negative."""
        scores = self.decision_function(X)
        return np.asarray(softmax(np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores, axis=1))


class FittedLeafBoosting(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Histogram gradient boosting whose minimum leaf size depends on the number of rows.

    A leaf has at least ``max(2, min(20, n // 20))`` rows. With scikit-learn's default of 20, 28 rows cannot be split,
    and the result is the majority class.

    Parameters
    ----------
    seed : int
        Breaks ties.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, X: Any, y: Any) -> "FittedLeafBoosting":
        """Fit to rows ``(N, D)``, without early stopping, which would hold out the only row of a class."""
        leaf = max(2, min(20, len(X) // 20))
        self.model_ = HistGradientBoostingClassifier(
            min_samples_leaf=leaf, early_stopping=False, random_state=self.seed
        ).fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities ``(N, K)``."""
        check_is_fitted(self)
        return np.asarray(self.model_.predict_proba(X))

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class."""
        check_is_fitted(self)
        return np.asarray(self.model_.predict(X))


def _ridge(seed: int) -> Any:
    return make_pipeline(StandardScaler(), SoftRidge(alphas=np.logspace(-3, 3, 10)))


def _logistic(seed: int) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000, random_state=seed))


def _logistic_unscaled(seed: int) -> Any:
    return LogisticRegression(C=10.0, max_iter=5000, random_state=seed)


LEARNERS: Registry[MakeLearner] = Registry("learner")
for _name, _make in {
    "extra_trees": lambda seed: ExtraTreesClassifier(n_estimators=500, random_state=seed),
    "ridge": _ridge,  # as in the paper of MiniRocket
    "logistic": _logistic,
    "logistic_unscaled": _logistic_unscaled,  # scaling would give rare pairs of bytes the weight of common ones
    "gradient_boosting": FittedLeafBoosting,
    "1nn": lambda seed: KNeighborsClassifier(n_neighbors=1, algorithm="brute"),
    "1nn_dtw": lambda seed: DtwNeighbor(),
    "majority": lambda seed: DummyClassifier(strategy="prior"),
}.items():
    LEARNERS.add(_name, _make)


def make_learner(name: str, seed: int = 0) -> Any:
    """Return an unfitted scikit-learn classifier with ``predict_proba``.

    Parameters
    ----------
    name : str
        ``"extra_trees"`` (500 trees), ``"ridge"`` (scaled; strength by leave-one-out; probabilities not
        calibrated), ``"logistic"`` (scaled), ``"logistic_unscaled"`` (for columns of one scale, such as fractions),
        ``"gradient_boosting"`` (leaves fitted to the number of rows), ``"1nn"`` (Euclidean), ``"1nn_dtw"`` (time
        warping; on the series) or ``"majority"`` (frequencies of the classes).
    seed : int
        The same seed gives the same result.

    Raises
    ------
    UnknownNameError
        If the name is unknown; the message has similar names.

    Examples
    --------
    >>> from img_repr.baselines.learners import make_learner
    >>> make_learner("1nn").fit([[0.0], [1.0]], ["a", "b"]).predict([[0.9]]).tolist()
    ['b']
    >>> make_learner("extratrees")
    Traceback (most recent call last):
    ...
    img_repr.core.errors.UnknownNameError: no learner is called 'extratrees'; did you mean 'extra_trees'?
    """
    return LEARNERS[name](seed)
