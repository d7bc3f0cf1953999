"""Trials: one decision per group of samples (a session, a file), from the probabilities of its samples.

Samples of a group are not independent, so a group with a single label gets one score per class: the mean logarithm of
its samples' probabilities. If samples may be impostors (``Dataset.genuine``), a trial verifies the label, and its score
is that of the labeled class.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

_FLOOR = 1e-3  # a forest's probability of zero means "rarely"; no single sample may decide alone
_RESAMPLES = 1000


@dataclass(frozen=True, eq=False)
class Trials:
    """Scores of groups of samples.

    Parameters
    ----------
    groups, labels : ndarray of str, shape (G,)
        Name of each group, and its label.
    genuine : ndarray of bool, shape (G,)
        False for an impostor.
    scores : ndarray, shape (G, K)
        Mean logarithm of the probabilities of each class.
    classes : ndarray of str, shape (K,)
    """

    groups: np.ndarray
    labels: np.ndarray
    genuine: np.ndarray
    scores: np.ndarray
    classes: np.ndarray

    def __len__(self) -> int:
        """Count the groups."""
        return len(self.groups)

    @property
    def verifies(self) -> bool:
        """Whether any trial is an impostor's: the task is then verification, and its score is ROC AUC."""
        return not bool(self.genuine.all())

    @property
    def right(self) -> np.ndarray:
        """Whether each decision is correct: the most probable class is the label exactly where the label is genuine."""
        return np.asarray((self.classes[self.scores.argmax(axis=1)] == self.labels) == self.genuine)

    @property
    def claims(self) -> np.ndarray:
        """Score of each trial's labeled class; the lowest possible if training lacked that class."""
        known = np.searchsorted(self.classes, self.labels).clip(max=len(self.classes) - 1)
        found = self.scores[np.arange(len(self)), known]
        return np.asarray(np.where(self.classes[known] == self.labels, found, np.log(_FLOOR)))


def trials_of(predictions: Mapping[str, np.ndarray], *, most_s: float | None = None) -> Trials | None:
    """Return the trials of one run; None if groups are unknown or one has several labels.

    None too if every group is a single genuine sample: trials would repeat the samples.

    Parameters
    ----------
    predictions : mapping
        ``probabilities`` (N, K), ``classes`` (K,), ``labels``, ``groups``, and, where known, ``genuine`` and
        ``elapsed_s`` (N,).
    most_s : float, optional
        Use only samples that end within this many seconds of their group's beginning, and always the first.

    Examples
    --------
    >>> import numpy as np
    >>> known = {"classes": np.array(["a", "b"]), "labels": np.array(["a", "a", "b"])}
    >>> known |= {"groups": np.array(["x", "x", "y"]), "probabilities": np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7]])}
    >>> trials_of(known).right.tolist()
    [True, True]
    """
    if "groups" not in predictions:
        return None
    labels, given = predictions["labels"], predictions["groups"].astype(str)
    genuine = predictions.get("genuine", np.ones(len(labels), bool))
    groups, first, inverse = np.unique(given, return_index=True, return_inverse=True)
    if len(groups) == len(labels) and genuine.all():
        return None
    if (labels != labels[first][inverse]).any() or (genuine != genuine[first][inverse]).any():
        return None
    seen = np.ones(len(labels), bool)
    if most_s is not None and "elapsed_s" in predictions:
        times = predictions["elapsed_s"].astype(np.float64)
        earliest = np.full(len(groups), np.inf)
        np.minimum.at(earliest, inverse, times)
        seen = times <= np.maximum(most_s, earliest[inverse])
    logarithms = np.log(np.maximum(predictions["probabilities"].astype(np.float64), _FLOOR))
    sums = np.zeros((len(groups), logarithms.shape[1]))
    np.add.at(sums, inverse[seen], logarithms[seen])
    order = np.argsort(predictions["classes"])
    means = sums / np.bincount(inverse[seen], minlength=len(groups))[:, None]
    return Trials(groups, labels[first], genuine[first], means[:, order], predictions["classes"][order])


def area_under_curve(scores: np.ndarray, genuine: np.ndarray) -> float:
    """Return the ROC AUC: how often a genuine trial scores above an impostor's, ties counting half; NaN if undefined.

    Examples
    --------
    >>> area_under_curve(np.array([3.0, 1.0, 2.0, 0.0]), np.array([True, True, False, False]))
    0.75
    """
    true = int(genuine.sum())
    false = len(genuine) - true
    if not true or not false:
        return float("nan")
    above = stats.rankdata(scores)[genuine].sum() - true * (true + 1) / 2
    return float(above / (true * false))


def equal_error_rate(scores: np.ndarray, genuine: np.ndarray) -> float:
    """Equal error rate: the false positive rate at the threshold where it equals the false negative rate.

    Examples
    --------
    >>> equal_error_rate(np.array([3.0, 1.0, 2.0, 0.0]), np.array([True, True, False, False]))
    0.5
    """
    from sklearn.metrics import roc_curve

    if genuine.all() or not genuine.any():
        return float("nan")
    false_positive, true_positive, _ = roc_curve(genuine, scores, drop_intermediate=False)
    false_negative = 1.0 - true_positive
    nearest = int(np.argmin(np.abs(false_positive - false_negative)))
    return float((false_positive[nearest] + false_negative[nearest]) / 2.0)


def score_trials(trials: Trials) -> dict[str, float]:
    """Return the columns of a result that describe its trials.

    Returns
    -------
    dict
        ``n_trials``, ``trial_accuracy``; with impostors also ``trial_auc`` over all trials,
        ``trial_auc_by_class``, the mean over labels, and ``trial_eer``.
    """
    found = {"n_trials": float(len(trials)), "trial_accuracy": float(trials.right.mean())}
    if trials.verifies:
        claims = trials.claims
        by_class = [
            area_under_curve(claims[trials.labels == name], trials.genuine[trials.labels == name])
            for name in np.unique(trials.labels)
        ]
        found["trial_auc"] = area_under_curve(claims, trials.genuine)
        known = [value for value in by_class if np.isfinite(value)]
        found["trial_auc_by_class"] = float(np.mean(known)) if known else float("nan")
        found["trial_eer"] = equal_error_rate(claims, trials.genuine)
    return found


def primary_score(trials: Trials) -> float:
    """Return the number by which trials are compared: ROC AUC with impostors, else accuracy."""
    if trials.verifies:
        return area_under_curve(trials.claims, trials.genuine)
    return float(trials.right.mean())


def bootstrap_scores(runs: Sequence[Trials], n_resamples: int = _RESAMPLES, seed: int = 0) -> np.ndarray:
    """Return the primary score, averaged over runs of the same trials, of each bootstrap resample of the trials.

    Returns
    -------
    ndarray, shape (n_resamples,)
        The same trials and seed give the same resamples, so differences of two contenders are paired.
    """
    random = np.random.default_rng(seed)
    genuine, count = runs[0].genuine, len(runs[0])
    if not runs[0].verifies:
        right = np.mean([run.right for run in runs], axis=0)
        return np.asarray(right[random.integers(0, count, (n_resamples, count))].mean(axis=1))
    kinds = [np.flatnonzero(genuine), np.flatnonzero(~genuine)]  # resampled apart, so that both kinds occur
    claims = [run.claims for run in runs]
    found = []
    for _ in range(n_resamples):
        chosen = np.concatenate([random.choice(kind, len(kind)) for kind in kinds])
        found.append(np.mean([area_under_curve(claim[chosen], genuine[chosen]) for claim in claims]))
    return np.asarray(found)


def pooled(runs: Sequence[Mapping[str, np.ndarray]], *, most_s: float | None = None) -> Trials | None:
    """Pool the trials of several splits; None if a split has none, or if a group occurs twice."""
    found = [trials_of(predictions, most_s=most_s) for predictions in runs]
    known = [one for one in found if one is not None]
    if not known or len(known) < len(found) or len({tuple(one.classes) for one in known}) > 1:
        return None
    groups = np.concatenate([one.groups for one in known])
    if len(np.unique(groups)) < len(groups):
        return None
    labels, genuine, scores = (
        np.concatenate([getattr(one, name) for one in known]) for name in ("labels", "genuine", "scores")
    )
    return Trials(groups, labels, genuine, scores, known[0].classes)
