"""Chosen: nested validation among contenders, and the grids to choose from.

Each candidate is fitted and scored on inner folds of the training part, cut by the policy of the test split
(:func:`img_repr.core.splits.inner.inner_folds`); the best is fitted again on the whole training part. The test part is
never used.
G. Cawley, N. Talbot 2010, On over-fitting in model selection and subsequent selection bias in performance evaluation.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from img_repr.benchmark.contenders.classifier import Classifier, reorder_columns
from img_repr.benchmark.contenders.ensemble import Ensemble
from img_repr.benchmark.evaluation.metrics import score_probabilities
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, NotFittedError, ParameterError
from img_repr.core.numbers import is_integer
from img_repr.core.splits.inner import inner_fold_notes, inner_folds

MEASURES = {"accuracy": 1.0, "log_loss": -1.0}  # the sign: whether more is better


class Chosen:
    """Choose among classifiers by inner folds of the training part, then fit the best on all of it.

    Parameters
    ----------
    among : mapping of str to callable
        Candidates by their name in the record; each call returns an unfitted classifier. The first of equals wins.
    folds : int
        Number of folds; fewer if groups, times or classes do not allow as many.
    by : {"accuracy", "log_loss"}
        Measure over the validation samples of all inner folds together. The verdict compares accuracy, which does not
        penalize uncalibrated probabilities (ridge); log loss separates networks of one kind better.

    Attributes
    ----------
    classes : tuple of str
        Classes of the training part, sorted.
    cost : dict
        Cost of the winner, and ``inner_fits``, the number of fits that found it.
    record : dict
        Record of the winner, and ``chosen``, its name; ``inner``, the scores of all candidates over all folds and in
        each; ``inner_folds``, the sizes of both parts of each fold; ``inner_notes``, what the folds compromise.

    Examples
    --------
    >>> from img_repr.baselines.tabular import TabularBaseline
    >>> from img_repr.benchmark.contenders.chosen import Chosen
    >>> from img_repr.core.loader import load_dataset
    >>> gunpoint = load_dataset("gunpoint").subset(range(50))
    >>> among = {"majority": lambda: TabularBaseline(None, "majority"), "1nn": lambda: TabularBaseline("raw", "1nn")}
    >>> Chosen(among).fit(gunpoint, seed=0).record["chosen"]
    '1nn'
    """

    def __init__(self, among: Mapping[str, Callable[[], Classifier]], *, folds: int = 3, by: str = "accuracy") -> None:
        if by not in MEASURES:
            raise ParameterError(f"contender chosen: expected by to be one of {', '.join(MEASURES)}, got {by!r}")
        if not is_integer(folds, 2):
            raise ParameterError(f"contender chosen: expected folds to be an integer of at least 2, got {folds!r}")
        self.among, self.folds, self.by = dict(among), folds, by
        self.classes: tuple[str, ...] = ()
        self.cost: dict[str, float] = {}
        self.record: dict[str, Any] = {}
        self._winner: Classifier | None = None

    def fit(self, train: Dataset, *, seed: int) -> "Chosen":
        """Choose, then fit the winner on the whole training part.

        Raises
        ------
        SplitError, DataError
            If no fold has two classes in its training part.
        """
        folds = self._folds(train, seed)
        inner = {name: self._score(make, train, folds, seed) for name, make in self.among.items()}
        best = max(inner, key=lambda name: MEASURES[self.by] * inner[name][self.by])  # the first of equals
        self._winner = self.among[best]().fit(train, seed=seed)
        self.classes = self._winner.classes
        self.cost = self._winner.cost | {"inner_fits": float(len(folds) * len(inner))}
        self.record = self._winner.record | {
            "chosen": best,
            "chosen_by": f"{self.by} over {len(folds)} inner folds of the training part",
            "inner": inner,
            "inner_folds": [{"train": len(train_rows), "validation": len(rows)} for train_rows, rows in folds],
            "inner_notes": inner_fold_notes(train, np.arange(len(train)), self.folds),
        }
        return self

    def predict_proba(self, samples: Any) -> np.ndarray:
        """Probabilities of the winner, ``(N, K)``."""
        if self._winner is None:
            raise NotFittedError("chosen: expected a call of fit before predict_proba")
        return self._winner.predict_proba(samples)

    def warm_up(self, few: Dataset) -> None:
        """Let every candidate make its first calls on a few samples."""
        Ensemble({name: make() for name, make in self.among.items()}).warm_up(few)

    def represent(self, samples: Any) -> None:
        """Compute the images or features of samples as the winner does."""
        Ensemble({} if self._winner is None else {"winner": self._winner}).represent(samples)

    def _folds(self, train: Dataset, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the folds that have two classes to fit and genuine samples to score."""
        genuine = np.ones(len(train), bool) if train.genuine is None else train.genuine
        found = []
        for fitting, validation in inner_folds(train, np.arange(len(train)), self.folds, seed=seed):
            validation = validation[genuine[validation]]
            if len(validation) and len(np.unique(train.known_labels[fitting])) > 1:
                found.append((fitting, validation))
        if not found:
            raise DataError(
                f"{train.name}: expected a training part with an inner fold that has two classes to fit, to choose "
                "inside it, got none"
            )
        return found

    @staticmethod
    def _score(
        make: Callable[[], Classifier], train: Dataset, folds: list[tuple[np.ndarray, np.ndarray]], seed: int
    ) -> dict[str, Any]:
        labels, probabilities = [], []
        for fitting, validation in folds:
            one = make().fit(train.subset(fitting), seed=seed)
            labels.append(train.known_labels[validation].astype(str))
            probabilities.append(reorder_columns(train.classes, one.classes, one.predict_proba(train.take(validation))))
        whole = score_probabilities(np.concatenate(labels), np.concatenate(probabilities), train.classes)
        by_fold = [score_probabilities(*pair, train.classes) for pair in zip(labels, probabilities, strict=True)]
        return {word: whole[word] for word in MEASURES} | {
            f"{word}_by_fold": [scores[word] for scores in by_fold] for word in MEASURES
        }


def expand_grid(values: Mapping[str, Any], grid: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a contender's fields with every combination of the values of a grid.

    Parameters
    ----------
    values : mapping
        Fields of a contender.
    grid : mapping
        A list of values per field; for ``parameters`` and ``training`` a table of such lists. The last varies fastest.

    Raises
    ------
    ParameterError
        If a field is not a list of values.

    Examples
    --------
    >>> from img_repr.benchmark.contenders.chosen import expand_grid
    >>> expand_grid({"encoder": "gadf"}, {"parameters": {"size": [32, 64]}})
    [{'encoder': 'gadf', 'parameters': {'size': 32}}, {'encoder': 'gadf', 'parameters': {'size': 64}}]
    """
    axes: list[tuple[str, str, Any]] = []
    for word, several in grid.items():
        table = isinstance(several, Mapping) and isinstance(values.get(word, {}), Mapping)
        axes += [(word, inner, choices) for inner, choices in (several.items() if table else [("", several)])]
    for word, inner, choices in axes:
        if not isinstance(choices, (list, tuple)) or not choices:
            name = f"{word}.{inner}".rstrip(".")
            raise ParameterError(f"contender chosen: expected grid.{name} to be a list of values, got {choices!r:.60}")
    found = []
    for combination in itertools.product(*(choices for _, _, choices in axes)):
        made = dict(values)
        for (word, inner, _), value in zip(axes, combination, strict=True):
            made[word] = {**made.get(word, {}), inner: value} if inner else value
        found.append(made)
    return found
