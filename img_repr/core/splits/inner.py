"""Cuts inside a training part: the validation part and inner folds, by one rule.

Whole groups are held out where groups are known, later samples where times are, else samples of each class. A kind of
cut that would leave a class unlearned gives way to the next; :func:`validation_notes` says what was given up.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import SplitError
from img_repr.core.seed import MOST_SEED
from img_repr.core.splits.cuts import before, time_between_groups, too_few_times
from img_repr.core.splits.grouping import Groups, spread_groups
from img_repr.core.splits.split import check_count, check_fraction, name_some

INDEPENDENT = "No groups are known: the cuts assume independent samples."
_MAX_FOLDS = 20  # that groups are dealt to, of which some are the validation part
_MAX_MEMBER_SEED = 1_000 * (MOST_SEED + 1)  # a network's seed is a thousand times its model's, and its number


def hold_out(
    dataset: Dataset, positions: np.ndarray, *, share: float = 0.2, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a validation part from a training part, as honestly as the test part was cut.

    By whole groups where groups are known, spread over the classes, and later ones where a time parts them; by time
    where times are known; else stratified: each class with at least two samples gives about ``share`` of them and at
    least one, and keeps at least one. Every class stays in the fitting part: a group that is the last of its class is
    fitted, and where no group can be held out, or a cut by time would lose a class, samples of each class are.

    Parameters
    ----------
    dataset : Dataset
    positions : ndarray of int64
        The training part.
    share : float
        About how much of it is held out.
    seed : int
        Decides between groups and samples that may be held out.

    Returns
    -------
    fitting, validation : ndarray of int64
        Positions in the data set.

    Raises
    ------
    SplitError
        If no class has two samples, or a gap was asked for and no times are that far apart.

    Examples
    --------
    >>> from img_repr.core.loader import load_dataset
    >>> fitting, validation = hold_out(load_dataset("gunpoint"), np.arange(50))
    >>> len(fitting), len(validation)
    (40, 10)
    """
    check_fraction(dataset.name, "the fraction for validation", share)
    check_count(dataset.name, "seed", seed, low=0, high=_MAX_MEMBER_SEED)
    random = np.random.default_rng(seed)
    kind = validation_kind(dataset, positions, share)
    if kind in ("group_time", "time") and dataset.times is not None:
        times = dataset.times[positions]
        begin = _begin(times, share) if kind == "time" else time_between_groups(dataset, positions, share)
        return positions[before(dataset, times, begin)], positions[times >= begin]
    if kind == "group" and dataset.groups is not None:
        held = _held_out_groups(Groups.of(dataset.groups[positions], dataset.known_labels[positions]), share, random)
        return positions[~held], positions[held]
    labels, clock = dataset.known_labels[positions], _clock(dataset, positions)
    held = np.zeros(len(positions), dtype=bool)
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        if len(members) < 2:
            continue
        late = np.zeros(len(members), dtype=bool) if clock is None else clock[members] >= _begin(clock[members], share)
        if late.all() or not late.any():
            late = np.arange(len(members)) < min(len(members) - 1, max(1, round(len(members) * share)))
        held[members[late]] = True
    if not held.any():
        raise SplitError(
            f"{dataset.name}: expected a class with two training samples, to cut a validation part, got none"
        )
    return positions[~held], positions[held]


def validation_kind(dataset: Dataset, positions: np.ndarray, share: float = 0.2) -> str:
    """Say how ``hold_out`` cuts a training part: ``"group_time"``, ``"group"``, ``"time"`` or ``"resample"``.

    Raises
    ------
    SplitError
        If a gap was asked for and no times are that far apart.
    """
    labels = dataset.known_labels[positions]
    if dataset.groups is not None:
        if time_between_groups(dataset, positions, share) is not None:
            return "group_time"
        if Groups.of(dataset.groups[positions], labels).can_be_held_out().any():
            return "group"
    if dataset.times is not None:
        times = dataset.times[positions]
        early = before(dataset, times, _begin(times, share))
        if dataset.gap and not early.any():
            raise too_few_times(dataset)
        if len(np.unique(labels[early])) == len(np.unique(labels)):
            return "time"
    return "resample"


def validation_notes(dataset: Dataset, positions: np.ndarray, share: float = 0.2) -> list[str]:
    """Say what the cut of a validation part gives up, in sentences; none where it gives up nothing.

    Examples
    --------
    >>> from img_repr.domains.timeseries.sample import TIMESERIES, make_series
    >>> labels = np.repeat(["a", "b"], 5)
    >>> data = Dataset("toy", TIMESERIES, make_series(10), labels, groups=labels)
    >>> for sentence in validation_notes(data, np.arange(10)):
    ...     print(sentence)
    The validation part shares groups with what is fitted, because each group is the last of a class (a, b): its \
scores are too high for new groups.
    """
    return _notes(dataset, positions, validation_kind(dataset, positions, share), "The validation part")


def inner_fold_notes(dataset: Dataset, positions: np.ndarray, count: int = 3) -> list[str]:
    """Say what the cuts of ``inner_folds`` give up, as :func:`validation_notes` does."""
    return _notes(dataset, positions, _kind_of_folds(dataset, positions, count), "Each inner fold")


def _notes(dataset: Dataset, positions: np.ndarray, kind: str, part: str) -> list[str]:
    labels, lines = dataset.known_labels[positions], []
    if dataset.groups is not None:
        groups = Groups.of(dataset.groups[positions], labels)
        alone = np.unique(labels)[(groups.counts[groups.can_be_held_out()] == 0).all(axis=0)]
        if kind in ("time", "resample"):
            why = "each group is the last of a class" if len(groups) > 1 else "there is one only"
            lines.append(
                f"{part} shares groups with what is fitted, because {why} ({name_some(groups.names)}): its scores are "
                "too high for new groups."
            )
        elif kind == "group" and len(alone):
            are = "class is" if len(alone) == 1 else "classes are"
            lines.append(
                f"{part} holds out whole groups: {len(alone)} {are} fitted and not validated, because a group of them "
                f"would be the last of its class: {name_some(alone)}."
            )
    if dataset.times is not None and kind in ("group", "resample"):
        gap = " and the gap" if dataset.gap else ""
        why = "no time parts the groups with every class on both sides"
        if kind == "resample":
            why = "a cut by time would leave a class unlearned"
        lines.append(f"{part} gives up the order of time{gap}, because {why}.")
    if dataset.groups is None and dataset.times is None and dataset.split is None:
        lines.append(INDEPENDENT)
    return lines


def inner_folds(
    dataset: Dataset, positions: np.ndarray, count: int = 3, *, seed: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Cut a training part into folds, each to be judged by what was learned from others.

    By the rule of :func:`hold_out`: by whole groups where groups are known, spread so that each fold has something of
    each class, while a group that is the last of its class outside of its fold is always learned from; by time where
    times are, each block judged by all that is before it by more than the data set's gap; else stratified, where a
    class of one sample is always learned from.

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
        If no class has two samples, or a gap was asked for and no times are that far apart.

    Examples
    --------
    >>> from img_repr.core.splits.inner import inner_folds
    >>> from img_repr.core.loader import load_dataset
    >>> [(len(a), len(b)) for a, b in inner_folds(load_dataset("gunpoint"), np.arange(50), 3)]
    [(33, 17), (33, 17), (34, 16)]
    """
    check_count(dataset.name, "the number of inner folds", count)
    check_count(dataset.name, "seed", seed, low=0, high=_MAX_MEMBER_SEED)
    random, labels = np.random.default_rng(seed), dataset.known_labels[positions]
    kind = _kind_of_folds(dataset, positions, count)
    if kind == "group" and dataset.groups is not None:
        groups = Groups.of(dataset.groups[positions], labels)
        count = min(count, len(groups))
        fold = spread_groups(groups.counts, count, random)
        for number in range(count):
            held = groups.keep_classes(fold == number)[groups.member]
            if held.any():
                yield positions[~held], positions[held]
        return
    if kind == "time" and dataset.times is not None:
        times = dataset.times[positions]
        block = _by_time(times, count)
        for number in range(1, block.max() + 1):
            held = block == number
            early = before(dataset, times, times[held].min())
            if early.any():
                yield positions[early], positions[held]
        return
    fold = _by_class(labels, count, random)
    if fold.max() < 0:
        raise SplitError(f"{dataset.name}: expected a class with two training samples, to cut folds, got none")
    for number in range(fold.max() + 1):
        yield positions[fold != number], positions[fold == number]


def _kind_of_folds(dataset: Dataset, positions: np.ndarray, count: int) -> str:
    """Kind of the inner folds, of which the last is as large as a validation part would be."""
    kind = validation_kind(dataset, positions, 1.0 / (count + 1))
    return "group" if kind == "group_time" else kind


def _held_out_groups(groups: Groups, share: float, random: np.random.Generator) -> np.ndarray:
    """Mask of the samples of the groups of some folds; of folds, those come first whose size is about that asked for.

    Groups are dealt to so many folds that a whole number of them is about the share: one of five for .2.
    """
    most = min(_MAX_FOLDS, len(groups))
    part = min(max(Fraction(share).limit_denominator(most), Fraction(1, most)), Fraction(most - 1, most))
    fold = spread_groups(groups.counts, part.denominator, random)
    turns = [(fold - begin) % part.denominator < part.numerator for begin in random.permutation(part.denominator)]
    masks = [groups.keep_classes(turn) for turn in turns]
    sizes, asked = groups.counts.sum(axis=1), share * len(groups.member)
    off = [abs(sizes[mask].sum() - asked) if mask.any() else np.inf for mask in masks]
    best = masks[min(range(len(masks)), key=lambda number: max(asked / 2, off[number]))]
    return np.asarray(best[groups.member])


def _begin(times: np.ndarray, share: float) -> Any:
    """Give the time from which on about a share of the samples lies."""
    order = np.sort(times, kind="stable")
    return order[min(len(order) - 1, int(np.ceil(len(order) * (1.0 - share))))]


def _clock(dataset: Dataset, positions: np.ndarray) -> np.ndarray | None:
    """Give the times, or else the seconds since the beginning of each group: late samples of a class are held out."""
    clock = dataset.times if dataset.times is not None else dataset.elapsed_s
    return None if clock is None else clock[positions]


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
