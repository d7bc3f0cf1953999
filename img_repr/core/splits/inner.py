"""Cuts inside a training part: the validation part and inner folds, by one rule.

Whole groups are held out if groups are known, later samples if times are known, else samples of each class. A kind of
cut that would leave a class without training samples is replaced by the next; :func:`validation_notes` reports it.
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
_MAX_FOLDS = 20  # to which groups are assigned; some of them are the validation part
_MAX_MEMBER_SEED = 1_000 * (MOST_SEED + 1)  # a network's seed is a thousand times its model's, and its number


def hold_out(
    dataset: Dataset, positions: np.ndarray, *, fraction: float = 0.2, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a validation part from a training part, by the same rules as the test part.

    Whole groups are held out if groups are known, later ones if a time separates them; later samples if times are
    known; else samples of each class: about ``fraction`` of them, at least one, and at least one stays. Every class
    stays in the fitting part: the last group of a class is fitted, and if no group can be held out, or a cut by time
    would lose a class, samples of each class are held out.

    Parameters
    ----------
    dataset : Dataset
    positions : ndarray of int64
        The training part.
    fraction : float
        Approximate size of the validation part.
    seed : int
        Chooses among groups and samples that may be held out.

    Returns
    -------
    fitting, validation : ndarray of int64
        Positions in the data set.

    Raises
    ------
    SplitError
        If no class has two samples, or no times are as far apart as the gap.

    Examples
    --------
    >>> from img_repr.core.loader import load_dataset
    >>> fitting, validation = hold_out(load_dataset("gunpoint"), np.arange(50))
    >>> len(fitting), len(validation)
    (40, 10)
    """
    check_fraction(dataset.name, "the fraction for validation", fraction)
    check_count(dataset.name, "seed", seed, low=0, high=_MAX_MEMBER_SEED)
    random = np.random.default_rng(seed)
    kind = validation_kind(dataset, positions, fraction)
    if kind in ("group_time", "time") and dataset.times is not None:
        times = dataset.times[positions]
        begin = _begin(times, fraction) if kind == "time" else time_between_groups(dataset, positions, fraction)
        return positions[before(dataset, times, begin)], positions[times >= begin]
    if kind == "group" and dataset.groups is not None:
        held = _held_out_groups(Groups.of(dataset.groups[positions], dataset.known_labels[positions]), fraction, random)
        return positions[~held], positions[held]
    labels, clock = dataset.known_labels[positions], _clock(dataset, positions)
    held = np.zeros(len(positions), dtype=bool)
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        if len(members) < 2:
            continue
        late = (
            np.zeros(len(members), dtype=bool) if clock is None else clock[members] >= _begin(clock[members], fraction)
        )
        if late.all() or not late.any():
            late = np.arange(len(members)) < min(len(members) - 1, max(1, round(len(members) * fraction)))
        held[members[late]] = True
    if not held.any():
        raise SplitError(
            f"{dataset.name}: expected a class with two training samples, to cut a validation part, got none"
        )
    return positions[~held], positions[held]


def validation_kind(dataset: Dataset, positions: np.ndarray, fraction: float = 0.2) -> str:
    """Return how ``hold_out`` cuts a training part: ``"group_time"``, ``"group"``, ``"time"`` or ``"resample"``.

    Raises
    ------
    SplitError
        If no times are as far apart as the gap.
    """
    labels = dataset.known_labels[positions]
    if dataset.groups is not None:
        if time_between_groups(dataset, positions, fraction) is not None:
            return "group_time"
        if Groups.of(dataset.groups[positions], labels).can_be_held_out().any():
            return "group"
    if dataset.times is not None:
        times = dataset.times[positions]
        early = before(dataset, times, _begin(times, fraction))
        if dataset.gap and not early.any():
            raise too_few_times(dataset)
        if len(np.unique(labels[early])) == len(np.unique(labels)):
            return "time"
    return "resample"


def validation_notes(dataset: Dataset, positions: np.ndarray, fraction: float = 0.2) -> list[str]:
    """Return sentences on the defects of a validation part; empty if there are none.

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
    return _notes(dataset, positions, validation_kind(dataset, positions, fraction), "The validation part")


def inner_fold_notes(dataset: Dataset, positions: np.ndarray, count: int = 3) -> list[str]:
    """Return sentences on the defects of ``inner_folds``, as :func:`validation_notes` does."""
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
    """Yield folds of a training part, each as positions for training and for validation.

    The rule is that of :func:`hold_out`. If groups are known, folds are of whole groups, spread over the classes; a
    group that is the last of its class outside of its fold is always fitted. If times are known, each block is
    validated after fitting on all samples before it by more than the data set's gap. Else folds are stratified, and a
    class of one sample is always fitted.

    Parameters
    ----------
    dataset : Dataset
    positions : ndarray of int64
        The training part.
    count : int
        Number of folds; fewer if there are fewer groups, times or samples of each class.
    seed : int
        Chooses groups and samples; blocks of time are not random.

    Yields
    ------
    fitting, validation : ndarray of int64
        Positions in the data set.

    Raises
    ------
    SplitError
        If no class has two samples, or no times are as far apart as the gap.

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
    """Kind of the inner folds: that of a validation part of the size of one fold."""
    kind = validation_kind(dataset, positions, 1.0 / (count + 1))
    return "group" if kind == "group_time" else kind


def _held_out_groups(groups: Groups, fraction: float, random: np.random.Generator) -> np.ndarray:
    """Mask of the samples of held-out groups: those of the folds whose size is closest to the requested one.

    The number of folds is chosen so that an integer of them is about the fraction: one of five for 0.2.
    """
    most = min(_MAX_FOLDS, len(groups))
    part = min(max(Fraction(fraction).limit_denominator(most), Fraction(1, most)), Fraction(most - 1, most))
    fold = spread_groups(groups.counts, part.denominator, random)
    turns = [(fold - begin) % part.denominator < part.numerator for begin in random.permutation(part.denominator)]
    masks = [groups.keep_classes(turn) for turn in turns]
    sizes, requested = groups.counts.sum(axis=1), fraction * len(groups.member)
    off = [abs(sizes[mask].sum() - requested) if mask.any() else np.inf for mask in masks]
    best = masks[min(range(len(masks)), key=lambda number: max(requested / 2, off[number]))]
    return np.asarray(best[groups.member])


def _begin(times: np.ndarray, fraction: float) -> Any:
    """Return the time at which about the last ``fraction`` of the samples begins."""
    order = np.sort(times, kind="stable")
    return order[min(len(order) - 1, int(np.ceil(len(order) * (1.0 - fraction))))]


def _clock(dataset: Dataset, positions: np.ndarray) -> np.ndarray | None:
    """Return the times, or else the seconds since the beginning of each group: late samples of a class are held out."""
    clock = dataset.times if dataset.times is not None else dataset.elapsed_s
    return None if clock is None else clock[positions]


def _by_time(times: np.ndarray, count: int) -> np.ndarray:
    """Block of each sample, one of ``count + 1``; samples of one time stay together, the first block is only fitted."""
    order = np.sort(times, kind="stable")
    begins = np.unique(order[[len(order) * number // (count + 1) for number in range(1, count + 1)]])
    return np.searchsorted(begins[begins > order[0]], times, side="right")


def _by_class(labels: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Fold of each sample, class by class; -1 if it is the only sample of its class."""
    fold, turn = np.full(len(labels), -1), 0
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        if len(members) > 1:
            fold[members] = (turn + np.arange(len(members))) % count
            turn += len(members)
    return fold
