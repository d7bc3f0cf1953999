"""Folds of a training part, for choices made inside it: cut as honestly as the test part is."""

from collections.abc import Iterator

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import SplitError
from img_repr.core.splits import before, too_few_times


def inner_folds(
    dataset: Dataset, positions: np.ndarray, count: int = 3, *, seed: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Cut a training part into folds, each to be judged by what was learned from others.

    By the rule of :func:`img_repr.core.splits.hold_out`: by whole groups where groups are known, spread so that each
    fold has something of each class; by time where times are, each block judged by all that is before it by more
    than the data set's gap; else stratified, where a class of one sample is always learned from.

    Parameters
    ----------
    dataset : Dataset
    positions : ndarray of int64
        The training part.
    count : int
        How many; fewer where there are not so many groups, times or samples of any class.
    seed : int
        Decides who is drawn; times are not drawn.

    Yields
    ------
    fitting, judged : ndarray of int64
        Positions in the data set.

    Raises
    ------
    SplitError
        If there is one time only, or no class with two samples.

    Examples
    --------
    >>> from img_repr.core.folds import inner_folds
    >>> from img_repr.core.loader import load_dataset
    >>> [(len(a), len(b)) for a, b in inner_folds(load_dataset("gunpoint"), np.arange(50), 3)]
    [(33, 17), (33, 17), (34, 16)]
    """
    random, labels = np.random.default_rng(seed), dataset.known_labels[positions]
    if dataset.groups is not None and len(np.unique(dataset.groups[positions])) > 1:
        folds = _by_groups(dataset.groups[positions], labels, count, random)
    elif dataset.times is not None:
        times = dataset.times[positions]
        folds = _by_time(times, count)
        blocks = [folds == number for number in range(1, folds.max() + 1)]
        cuts = [(before(dataset, times, times[block].min()), block) for block in blocks]
        if not any(early.any() for early, _ in cuts):
            raise too_few_times(dataset)
        yield from ((positions[early], positions[block]) for early, block in cuts if early.any())
        return
    else:
        folds = _by_class(labels, count, random)
        if folds.max() < 0:
            raise SplitError(f"{dataset.name}: expected a class with two training samples, to cut folds, got none")
    for number in range(folds.max() + 1):
        yield positions[folds != number], positions[folds == number]


def _by_groups(groups: np.ndarray, labels: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Fold of each sample: the largest groups first, each where there is least of its classes, then least of all."""
    names, member = np.unique(groups, return_inverse=True)
    classes = np.unique(labels, return_inverse=True)[1]
    held = np.zeros((len(names), classes.max() + 1), dtype=np.int64)  # samples of each class in each group
    np.add.at(held, (member, classes), 1)
    load = np.zeros((min(count, len(names)), held.shape[1]), dtype=np.int64)
    fold = np.zeros(len(names), dtype=np.int64)
    drawn = random.permutation(len(names))
    for group in drawn[np.argsort(-held[drawn].sum(axis=1), kind="stable")]:
        fold[group] = np.lexsort((load.sum(axis=1), load @ held[group]))[0]
        load[fold[group]] += held[group]
    return fold[member]


def _by_time(times: np.ndarray, count: int) -> np.ndarray:
    """Block of each sample, ``count + 1`` of about equal size; one time is in one block, the first is never judged."""
    order = np.sort(times, kind="stable")
    begins = np.unique(order[[len(order) * number // (count + 1) for number in range(1, count + 1)]])
    return np.searchsorted(begins[begins > order[0]], times, side="right")


def _by_class(labels: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Fold of each sample, classes dealt one after the other; -1: its class has no other."""
    fold, turn = np.full(len(labels), -1), 0
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        if len(members) > 1:
            fold[members] = (turn + np.arange(len(members))) % count
            turn += len(members)
    return fold
