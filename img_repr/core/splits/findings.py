"""Findings about splits that a reader of scores must know, in sentences.

Published splits are checked as well: they may leak too.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.splits.inner import INDEPENDENT
from img_repr.core.splits.policy import default_split_kind
from img_repr.core.splits.split import Split, name_some

_NAMED = 3  # groups that are named
_FEW = 5  # test samples, of which one error more is a fifth of the accuracy


def describe_splits(dataset: Dataset, splits: Sequence[Split]) -> list[str]:
    """Return sentences on defects of splits: shared groups, mixed times, classes without training or test samples.

    Parameters
    ----------
    dataset : Dataset
    splits : sequence of Split
        All splits of a benchmark, or the single split of a training.

    Returns
    -------
    list of str
        Sentences; empty if nothing was found.

    Examples
    --------
    >>> from img_repr.core.splits.cuts import group_splits
    >>> from img_repr.domains.timeseries.sample import TIMESERIES, make_series
    >>> labels, groups = np.array(list("aabbc" * 2)), np.array(list("pqpqr" * 2))
    >>> data = Dataset("toy", TIMESERIES, make_series(10), labels, groups=groups)
    >>> for sentence in describe_splits(data, list(group_splits(data))):
    ...     print(sentence)
    1 of 3 classes has no test sample: c.
    In 2 of 2 splits, least of all in split p: the test part has 4 samples only, one of which is 25 % of the accuracy.
    """
    checks = (_given_up, _groups, _times, _unlearned, _untested, _few)
    return [sentence for check in checks for sentence in check(dataset, splits)]


def find_in_worst(
    splits: Sequence[Split],
    find: Callable[[Split], tuple[np.ndarray, int]],
    say: Callable[[np.ndarray, int], str],
) -> list[str]:
    """Return a sentence on the worst split, with the number of splits concerned."""
    found = [find(split) for split in splits]
    touched = [number for number, (what, _) in enumerate(found) if len(what)]
    if not touched:
        return []
    worst = max(touched, key=lambda number: len(found[number][0]))
    sentence = say(*found[worst])
    if len(splits) == 1:
        return [f"{sentence[0].upper()}{sentence[1:]}."]
    return [f"In {len(touched)} of {len(splits)} splits, most of all in split {splits[worst].name}: {sentence}."]


def _given_up(dataset: Dataset, splits: Sequence[Split]) -> list[str]:
    """Return a sentence on the order or groups that the kind of split ignores, forced or for lack of another kind."""
    kinds = {split.kind for split in splits}
    known = [word for word in ("groups", "times") if getattr(dataset, word) is not None]
    if kinds == {"group"} and "times" in known:
        return ["Whole groups are held out, and the order of time is given up."]
    if "resample" not in kinds:
        return []
    if dataset.split is not None and len(np.unique(dataset.split)) > 2:
        known.append("the publisher's folds")
    elif not known:
        return [INDEPENDENT] if dataset.split is None else []
    elif default_split_kind(replace(dataset, split=None)) == "resample":
        return _given_up_for_want(dataset)
    return [f"The split is random, by force, although {' and '.join(known)} are known: scores are too high."]


def _given_up_for_want(dataset: Dataset) -> list[str]:
    """Return sentences on why the split ignores groups and times that the data have."""
    lines = []
    if dataset.groups is not None:
        lines.append(
            f"Training and test share groups, because no class has two of them ({name_some(dataset.groups)}): scores "
            "are too high for new groups."
        )
    if dataset.times is not None:
        lines.append("The order of time is given up, because a cut by time would test no class that training has.")
    return lines


def _groups(dataset: Dataset, splits: Sequence[Split]) -> list[str]:
    groups = dataset.groups
    if groups is None:
        return []

    def shared(split: Split) -> tuple[np.ndarray, int]:
        tested = np.unique(groups[split.test])
        return np.intersect1d(groups[split.train], tested), len(tested)

    def say(found: np.ndarray, of: int) -> str:
        some = ", ".join(map(str, found[:_NAMED])) + (f" and {len(found) - _NAMED} more" if len(found) > _NAMED else "")
        stand = "stands" if len(found) == 1 else "stand"
        return f"{len(found)} of {of} group{'' if of == 1 else 's'} in the test part {stand} in training too: {some}"

    return find_in_worst(splits, shared, say)


def _times(dataset: Dataset, splits: Sequence[Split]) -> list[str]:
    times = dataset.times
    if times is None:
        return []

    def recent(split: Split) -> tuple[np.ndarray, int]:
        return split.train[times[split.train] >= times[split.test].min()], len(split.train)

    def say(found: np.ndarray, of: int) -> str:
        stand = "stands" if len(found) == 1 else "stand"
        return (
            f"{len(found)} of {of} training sample{'' if of == 1 else 's'} {stand} no earlier than the first tested one"
        )

    return find_in_worst(splits, recent, say)


def _unlearned(dataset: Dataset, splits: Sequence[Split]) -> list[str]:
    labels = dataset.known_labels

    def unlearned(split: Split) -> tuple[np.ndarray, int]:
        tested = np.unique(labels[split.test])
        return np.setdiff1d(tested, labels[split.train]), len(tested)

    def say(found: np.ndarray, of: int) -> str:
        have = "class has" if of == 1 else "classes has" if len(found) == 1 else "classes have"
        return f"{len(found)} of {of} tested {have} no training sample: {name_some(found)}"

    return find_in_worst(splits, unlearned, say)


def _untested(dataset: Dataset, splits: Sequence[Split]) -> list[str]:
    tested = [np.unique(dataset.known_labels[split.test]) for split in splits]
    missing = np.setdiff1d(dataset.classes, np.concatenate(tested))
    if not len(missing):
        return []
    have = "has" if len(missing) == 1 else "have"
    return [f"{len(missing)} of {len(dataset.classes)} classes {have} no test sample: {name_some(missing)}."]


def _few(dataset: Dataset, splits: Sequence[Split]) -> list[str]:
    few = [split for split in splits if len(split.test) < _FEW]
    if not few:
        return []
    least = min(few, key=lambda split: len(split.test))
    count = len(least.test)
    have = (
        "1 sample only, so that its accuracy is 0 or 1"
        if count == 1
        else (f"{count} samples only, one of which is {100 / count:.0f} % of the accuracy")
    )
    if len(splits) == 1:
        return [f"The test part has {have}."]
    return [f"In {len(few)} of {len(splits)} splits, least of all in split {least.name}: the test part has {have}."]
