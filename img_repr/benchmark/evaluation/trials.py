"""Trials: decisions on what belongs together, a session or a file, made of the probabilities of its samples.

The samples of a group are not independent of each other, so a group whose samples bear one label is judged as one:
the mean logarithm of its samples' probabilities. Where samples may be impostors (``Dataset.genuine``), a trial asks
whether the label is genuine, and the score is that of the class that the label claims.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

_FLOOR = 1e-3  # a probability of zero in a forest means "seldom"; one sample must not decide alone
_DRAWS = 1000


@dataclass(frozen=True, eq=False)
class Trials:
    """Scores of groups of samples.

    Parameters
    ----------
    groups, labels : ndarray of str, shape (G,)
        Name of each group and the class that its label claims.
    genuine : ndarray of bool, shape (G,)
        Whether the claim is true.
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
        """Whether there are impostors: then a trial is a claim to be believed or not."""
        return not bool(self.genuine.all())

    @property
    def right(self) -> np.ndarray:
        """Whether the likeliest class is the one that a true claim names, or another than a false one names."""
        return np.asarray((self.classes[self.scores.argmax(axis=1)] == self.labels) == self.genuine)

    @property
    def claims(self) -> np.ndarray:
        """Score of the class that each label claims; the lowest possible where it was never learned."""
        known = np.searchsorted(self.classes, self.labels).clip(max=len(self.classes) - 1)
        found = self.scores[np.arange(len(self)), known]
        return np.asarray(np.where(self.classes[known] == self.labels, found, np.log(_FLOOR)))


def trials_of(predictions: Mapping[str, np.ndarray], *, most_s: float | None = None) -> Trials | None:
    """Make trials of the predictions of one run; None where groups are unknown, or one has several labels.

    Nor are there trials where every group is one sample and none an impostor: they would say what the samples say.

    Parameters
    ----------
    predictions : mapping
        ``probabilities`` (N, K), ``classes`` (K,), ``labels``, ``groups``, and, where known, ``genuine`` and
        ``elapsed_s`` (N,).
    most_s : float, optional
        Look only at the samples that end within so many seconds of their group's beginning, and at its first sample.

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
    groups, first, place = np.unique(given, return_index=True, return_inverse=True)
    if len(groups) == len(labels) and genuine.all():
        return None
    if (labels != labels[first][place]).any() or (genuine != genuine[first][place]).any():
        return None
    seen = np.ones(len(labels), bool)
    if most_s is not None and "elapsed_s" in predictions:
        times = predictions["elapsed_s"].astype(np.float64)
        earliest = np.full(len(groups), np.inf)
        np.minimum.at(earliest, place, times)
        seen = times <= np.maximum(most_s, earliest[place])
    logarithms = np.log(np.maximum(predictions["probabilities"].astype(np.float64), _FLOOR))
    sums = np.zeros((len(groups), logarithms.shape[1]))
    np.add.at(sums, place[seen], logarithms[seen])
    order = np.argsort(predictions["classes"])
    means = sums / np.bincount(place[seen], minlength=len(groups))[:, None]
    return Trials(groups, labels[first], genuine[first], means[:, order], predictions["classes"][order])


def area_under_curve(scores: np.ndarray, genuine: np.ndarray) -> float:
    """Chance that a genuine trial scores above an impostor's, ties counting half; NaN where one kind is missing.

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
    """Error at the threshold at which as many impostors are believed as genuine trials are not, in shares.

    Examples
    --------
    >>> equal_error_rate(np.array([3.0, 1.0, 2.0, 0.0]), np.array([True, True, False, False]))
    0.5
    """
    from sklearn.metrics import roc_curve

    if genuine.all() or not genuine.any():
        return float("nan")
    believed, found, _ = roc_curve(genuine, scores, drop_intermediate=False)
    missed = 1.0 - found
    place = int(np.argmin(np.abs(believed - missed)))
    return float((believed[place] + missed[place]) / 2.0)


def score_trials(trials: Trials) -> dict[str, float]:
    """Give the columns that a result has of its trials.

    Returns
    -------
    dict
        ``n_trials``, ``trial_accuracy``; where there are impostors also ``trial_auc`` over all trials,
        ``trial_auc_by_class``, the mean over the classes that are claimed, and ``trial_eer``.
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
    """Give the one number by which trials are compared: the area under the curve, or the accuracy."""
    if trials.verifies:
        return area_under_curve(trials.claims, trials.genuine)
    return float(trials.right.mean())


def redrawn_scores(runs: Sequence[Trials], draws: int = _DRAWS, seed: int = 0) -> np.ndarray:
    """Give the primary score, averaged over runs of the same trials, of each of many redrawn sets of them.

    Returns
    -------
    ndarray, shape (draws,)
        Two contenders with the same trials are redrawn alike, so that the difference of what this gives is paired.
    """
    random = np.random.default_rng(seed)
    genuine, count = runs[0].genuine, len(runs[0])
    if not runs[0].verifies:
        right = np.mean([run.right for run in runs], axis=0)
        return np.asarray(right[random.integers(0, count, (draws, count))].mean(axis=1))
    kinds = [np.flatnonzero(genuine), np.flatnonzero(~genuine)]  # as many of each as there are, so that both are there
    claims = [run.claims for run in runs]
    found = []
    for _ in range(draws):
        drawn = np.concatenate([random.choice(kind, len(kind)) for kind in kinds])
        found.append(np.mean([area_under_curve(claim[drawn], genuine[drawn]) for claim in claims]))
    return np.asarray(found)


def pooled(runs: Sequence[Mapping[str, np.ndarray]], *, most_s: float | None = None) -> Trials | None:
    """Put the trials of several splits together; None where one has none, or one group is judged twice."""
    parts = [trials_of(predictions, most_s=most_s) for predictions in runs]
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts) or len({tuple(part.classes) for part in known}) > 1:
        return None
    groups = np.concatenate([part.groups for part in known])
    if len(np.unique(groups)) < len(groups):
        return None
    labels, genuine, scores = (
        np.concatenate([getattr(part, name) for part in known]) for name in ("labels", "genuine", "scores")
    )
    return Trials(groups, labels, genuine, scores, known[0].classes)
