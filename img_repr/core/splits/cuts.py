"""Cuts into a training and a test part, made before anything is encoded.

Groups (speaker, user, source) and times are never cut at random: a split that would do so is refused.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import SplitError
from img_repr.core.splits.grouping import Groups, spread_groups
from img_repr.core.splits.split import Split, check_count, check_fraction, name_some


def published_splits(dataset: Dataset) -> Iterator[Split]:
    """Yield the publisher's split, or one split per fold, held out in turn."""
    if dataset.split is None:
        raise SplitError(f"{dataset.name}: expected a published split, got none with the data")
    if has_published_counts(dataset):
        yield Split(
            "published",
            "0",
            np.flatnonzero(dataset.split == "train"),
            np.flatnonzero(dataset.split == "test"),
        )
        return
    for name in np.unique(dataset.split):
        yield Split(
            "published",
            str(name),
            np.flatnonzero(dataset.split != name),
            np.flatnonzero(dataset.split == name),
        )


def has_published_counts(dataset: Dataset) -> bool:
    """Whether the publisher's split is a training part and a test part, whose counts every resample keeps."""
    return dataset.split is not None and set(np.unique(dataset.split)) == {"train", "test"}


def resampled_splits(dataset: Dataset, count: int, *, test_size: float = 0.3, force: bool = False) -> Iterator[Split]:
    """Yield ``count`` stratified resamples; number 0 is the published split if there is one.

    Number k > 0 is sampled as in the experiments of the time-series archive (aeon, tsml-eval): train and test are
    joined in this order, and each class is shuffled by ``numpy.random.RandomState(k)`` and cut at its number of
    training samples. Without a published split, training gets ``1 - test_size`` of each class.

    Raises
    ------
    SplitError
        If groups or times are known, unless ``force``: a random cut would leak between them.
    """
    check_count(dataset.name, "resamples", count)
    check_fraction(dataset.name, "test_size", test_size)
    counted = has_published_counts(dataset)
    if dataset.split is not None and not counted and not force:
        raise SplitError(
            f"{dataset.name}: a random split is refused because the publisher's folds are known; use split = "
            "'published', or force it by force = true (--force)"
        )
    for word, instead in (("groups", "group"), ("times", "time")):
        known = getattr(dataset, word)
        if known is not None and not force:
            raise SplitError(
                f"{dataset.name}: a random split is refused because the {word} are known ({name_some(known)}) and "
                "samples of one would be in training and test, so that a classifier may recognize them instead of "
                f"learning the classes; use split = {instead!r}, or force it by force = true (--force)"
            )
    labels = dataset.known_labels
    order = np.arange(len(dataset))
    in_train: dict[str, int] = {}
    if counted:
        first = next(published_splits(dataset))
        order = np.concatenate([first.train, first.test])
        in_train = {label: int((labels[first.train] == label).sum()) for label in dataset.classes}
    for number in range(count):
        if number == 0 and counted:
            yield first
            continue
        random = np.random.RandomState(number)
        train, test = [], []
        for label in dataset.classes:
            members = np.flatnonzero(labels[order] == label)
            random.shuffle(members)
            few = max(1, min(len(members) - 1, round(len(members) * (1.0 - test_size))))
            cut = in_train.get(label, few)  # a class of one sample stays in training
            train.append(order[members[:cut]])
            test.append(order[members[cut:]])
        yield Split("resample", str(number), np.concatenate(train), np.concatenate(test))


def group_splits(dataset: Dataset, count: int | None = None) -> Iterator[Split]:
    """Hold out whole groups: each alone, or in ``count`` folds of about equal size, stratified by class.

    Groups that share a class are spread over the folds, so that training keeps each class if possible. A group that
    has no class in common with another is always in training: no other group could teach its classes.

    Raises
    ------
    SplitError
        If groups are not known, or are too few, or no class has two groups.
    """
    if dataset.groups is None:
        raise SplitError(f"{dataset.name}: expected groups to hold out, got none with the data")
    groups = Groups.of(dataset.groups, dataset.known_labels)
    tested = np.flatnonzero(groups.can_be_tested())
    if len(groups) < 2:
        raise SplitError(f"{dataset.name}: expected at least 2 groups, got 1")
    if not len(tested):
        raise SplitError(
            f"{dataset.name}: expected a class with two groups, so that one is in training while the other is "
            "tested, got none; without split, samples are cut inside the groups"
        )
    if count is not None:
        check_count(dataset.name, "the number of group folds", count, high=len(dataset))
    if len(tested) < (count or 2):
        few = f", {len(tested)} of them with a class that another has" if len(tested) < len(groups) else ""
        raise SplitError(f"{dataset.name}: expected at least {count or 2} groups, got {len(groups)}{few}")
    fold = np.arange(len(tested))
    if count is not None and count < len(tested):
        fold = spread_groups(groups.counts[tested], count, np.random.default_rng(0))
    for number in range(int(fold.max()) + 1):
        held = tested[fold == number]
        name = str(groups.names[held[0]]) if len(held) == 1 else str(number)
        mask = np.isin(groups.member, held)
        yield Split("group", name, np.flatnonzero(~mask), np.flatnonzero(mask))


def group_time_splits(dataset: Dataset, *, test_size: float = 0.3) -> Iterator[Split]:
    """Test whole groups that are later than all training samples.

    The cut is a time that no group spans and at which both parts have every class; of several, the one closest to
    ``test_size``, between 0.5 and 1.5 times that. Training samples within the data set's ``gap`` are left out.

    Raises
    ------
    SplitError
        If groups or times are not known, or there is no such time.
    """
    check_fraction(dataset.name, "test_size", test_size)
    begin = time_between_groups(dataset, np.arange(len(dataset)), test_size)
    if begin is None or dataset.times is None:
        raise SplitError(
            f"{dataset.name}: expected groups and times such that some groups are later than all others and both parts "
            "have every class, got none; use split = 'group' or 'time'"
        )
    train = before(dataset, dataset.times, begin)
    yield Split("group_time", "0", np.flatnonzero(train), np.flatnonzero(dataset.times >= begin))


def time_between_groups(dataset: Dataset, positions: np.ndarray, test_size: float) -> Any:
    """Return the time that separates later from earlier groups with every class in both parts, or None."""
    if dataset.groups is None or dataset.times is None:
        return None
    labels, times = dataset.known_labels[positions], dataset.times[positions]
    distinct, rank = np.unique(times, return_inverse=True)
    names, member = np.unique(dataset.groups[positions], return_inverse=True)
    first, last = np.full(len(names), len(distinct)), np.full(len(names), -1)
    np.minimum.at(first, member, rank)
    np.maximum.at(last, member, rank)
    order = np.argsort(first, kind="stable")
    ended = np.maximum.accumulate(last[order])
    begins = first[order][1:][ended[:-1] < first[order][1:]]  # ranks that no group spans
    tested = 1.0 - np.searchsorted(np.sort(rank), begins) / len(rank)
    by_class = [rank[labels == label] for label in np.unique(labels)]
    trained, seen = max(one.min() for one in by_class) < begins, begins <= min(one.max() for one in by_class)
    fits = trained & seen & (0.5 * test_size <= tested) & (tested <= 1.5 * test_size)
    for place in np.flatnonzero(fits)[np.argsort(np.abs(tested - test_size)[fits], kind="stable")]:
        begin = distinct[begins[place]]
        if len(np.unique(labels[before(dataset, times, begin)])) == len(by_class):  # with the gap too
            return begin
    return None


def time_splits(dataset: Dataset, count: int = 1, *, test_size: float = 0.3) -> Iterator[Split]:
    """Train on the past, test on the future: the last ``test_size`` of the samples are tested.

    Samples within the data set's ``gap`` before a tested span are in neither part.

    Parameters
    ----------
    dataset : Dataset
    count : int
        Number of spans of about equal size into which the tested samples are cut, in the order of time. Each is tested
        after training on all earlier samples (a rolling origin). Samples of one time are never separated.
    test_size : float
        Of all samples, between 0 and 1.

    Raises
    ------
    SplitError
        If times are not known, or too few of them are distinct.
    """
    if dataset.times is None:
        raise SplitError(f"{dataset.name}: expected times to split by, got none with the data")
    check_fraction(dataset.name, "test_size", test_size)
    check_count(dataset.name, "the number of spans of time", count)
    order = np.argsort(dataset.times, kind="stable")
    first = min(len(order) - 1, int(np.ceil(len(order) * (1.0 - test_size))))
    places = [first + number * (len(order) - first) // count for number in range(count)]
    begins = dataset.times[order[places]]
    if len(np.unique(begins)) < count:
        raise SplitError(
            f"{dataset.name}: expected {count} spans of time to test on, got tested samples of "
            f"{len(np.unique(dataset.times[order[first:]]))} distinct times; ask for fewer resamples"
        )
    for number, begin in enumerate(begins):
        tested = dataset.times >= begin
        if number + 1 < count:
            tested &= dataset.times < begins[number + 1]
        yield Split("time", str(number), np.flatnonzero(before(dataset, dataset.times, begin)), np.flatnonzero(tested))


def before(dataset: Dataset, times: np.ndarray, begin: Any) -> np.ndarray:
    """Mask of the times that lie more than the data set's ``gap`` before ``begin``."""
    early = np.asarray(times < begin)
    return early & (begin - times > dataset.gap) if dataset.gap else early  # dates have no gap of 0.0


def too_few_times(dataset: Dataset) -> SplitError:
    """Return the error for training samples that cannot be cut by time."""
    got = f"none that are {dataset.gap:g} apart, the requested gap" if dataset.gap else "one time only"
    return SplitError(f"{dataset.name}: expected training samples of two times at least, got {got}")
