"""Splits: which samples are learned from and which are judged, decided before anything is encoded.

Groups (speaker, user, source) and times are never cut at random: a split that would do so is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import ParameterError, SplitError


@dataclass(frozen=True, eq=False)
class Split:
    """One cut of a data set.

    Parameters
    ----------
    kind : str
        ``"published"``, ``"resample"``, ``"group"``, ``"time"``; a column of every table.
    name : str
        Which one of its kind, ``"0"``, ``"3"`` or the name of the fold or group held out.
    train, test : ndarray of int64
        Positions of the two parts; they share none.
    """

    kind: str
    name: str
    train: np.ndarray
    test: np.ndarray

    def __post_init__(self) -> None:
        if not (len(self.train) and len(self.test)):
            raise SplitError(
                f"split {self.kind} {self.name}: expected samples in both parts, "
                f"got {len(self.train)} and {len(self.test)}"
            )
        if np.intersect1d(self.train, self.test).size:
            raise SplitError(f"split {self.kind} {self.name}: expected parts without a common sample")


def published_splits(dataset: Dataset) -> Iterator[Split]:
    """Give the publisher's split, or each of his folds held out in turn."""
    if dataset.parts is None:
        raise SplitError(f"{dataset.name}: expected a published split, got none with the data")
    if has_published_counts(dataset):
        yield Split(
            "published",
            "0",
            np.flatnonzero(dataset.parts == "train"),
            np.flatnonzero(dataset.parts == "test"),
        )
        return
    for name in np.unique(dataset.parts):
        yield Split(
            "published",
            str(name),
            np.flatnonzero(dataset.parts != name),
            np.flatnonzero(dataset.parts == name),
        )


def has_published_counts(dataset: Dataset) -> bool:
    """Whether the publisher's split is a training part and a test part, whose counts every resample keeps."""
    return dataset.parts is not None and set(np.unique(dataset.parts)) == {"train", "test"}


def resampled_splits(dataset: Dataset, count: int, *, test_share: float = 0.3, force: bool = False) -> Iterator[Split]:
    """Give ``count`` stratified resamples; number 0 is the published split where there is one.

    Number k > 0 is drawn as the time-series archive's experiments draw it (aeon, tsml-eval): train and test are
    put together in this order, and each class is shuffled by ``numpy.random.RandomState(k)`` and cut at the count
    that it had in training. Without a published split, training gets ``1 - test_share`` of each class.

    Raises
    ------
    SplitError
        If groups or times are known, unless ``force``: a random cut would leak between them.
    """
    counted = has_published_counts(dataset)
    if dataset.parts is not None and not counted and not force:
        raise SplitError(
            f"{dataset.name}: a random split is refused because the publisher's folds are known; use split = "
            "'published', or force it by force = true (--force)"
        )
    for word, instead in (("groups", "group"), ("times", "time")):
        known = getattr(dataset, word)
        if known is not None and not force:
            raise SplitError(
                f"{dataset.name}: a random split is refused because the {word} are known ({_some(known)}) and samples "
                "of one would stand on both sides, so that a classifier may know them again instead of learning the "
                f"classes; use split = {instead!r}, or force it by force = true (--force)"
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
            cut = in_train.get(label, round(len(members) * (1.0 - test_share)))
            train.append(order[members[:cut]])
            test.append(order[members[cut:]])
        yield Split("resample", str(number), np.concatenate(train), np.concatenate(test))


def _some(column: np.ndarray) -> str:
    names = [str(name) for name in np.unique(column)]
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:3])} and {len(names) - 3} more"


def group_splits(dataset: Dataset, count: int | None = None) -> Iterator[Split]:
    """Hold out whole groups: each alone, or in ``count`` folds of about equal size."""
    if dataset.groups is None:
        raise SplitError(f"{dataset.name}: expected groups to hold out, got none with the data")
    groups, sizes = np.unique(dataset.groups, return_counts=True)
    if len(groups) < (count or 2):
        raise SplitError(f"{dataset.name}: expected at least {count or 2} groups, got {len(groups)}")
    folds: list[list[str]] = [[str(group)] for group in groups]
    if count is not None:
        folds, load = [[] for _ in range(count)], np.zeros(count)
        for place in np.argsort(-sizes, kind="stable"):
            lightest = int(load.argmin())
            folds[lightest].append(str(groups[place]))
            load[lightest] += sizes[place]
    for fold in folds:
        held = np.isin(dataset.groups.astype(str), fold)
        yield Split("group", "+".join(fold), np.flatnonzero(~held), np.flatnonzero(held))


def time_splits(dataset: Dataset, count: int = 1, *, test_share: float = 0.3) -> Iterator[Split]:
    """Train on the past, test on the future: the last ``test_share`` of the samples are tested.

    What lies the data set's ``gap`` or less before a tested span is neither learned from nor tested there.

    Parameters
    ----------
    dataset : Dataset
    count : int
        Into how many spans of about equal size the tested samples are cut, in the order of time. Each is tested by
        what was learned from all that lies before it (a rolling origin). Samples of one time are never parted.
    test_share : float
        Of all samples, between 0 and 1.

    Raises
    ------
    SplitError
        If times are not known, or too few of them are distinct.
    """
    if dataset.times is None:
        raise SplitError(f"{dataset.name}: expected times to split by, got none with the data")
    if not (0.0 < test_share < 1.0 and count >= 1):
        raise ParameterError(
            f"{dataset.name}: expected a test_share between 0 and 1 and a count of at least 1, got {test_share} and "
            f"{count}"
        )
    order = np.argsort(dataset.times, kind="stable")
    first = min(len(order) - 1, int(np.ceil(len(order) * (1.0 - test_share))))
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
    """Tell which of some times lie before a span that begins then, by more than the data set's ``gap``."""
    early = np.asarray(times < begin)
    return early & (begin - times > dataset.gap) if dataset.gap else early  # dates have no gap of 0.0


def too_few_times(dataset: Dataset) -> SplitError:
    """Make the error of training samples that cannot be cut by time."""
    got = f"none that are {dataset.gap:g} apart, the gap that was asked for" if dataset.gap else "one time only"
    return SplitError(f"{dataset.name}: expected training samples of two times at least, got {got}")


def hold_out(
    dataset: Dataset, positions: np.ndarray, *, share: float = 0.2, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a validation part from a training part, as honestly as the test part was cut.

    By whole groups where groups are known, by time where times are, else stratified: each class with at least two
    samples gives about ``share`` of them and at least one, and keeps at least one.

    Parameters
    ----------
    dataset : Dataset
    positions : ndarray of int64
        The training part.
    share : float
        About how much of it is held out.
    seed : int
        Decides who is drawn.

    Returns
    -------
    fitting, validation : ndarray of int64
        Positions in the data set.
    """
    random = np.random.default_rng(seed)
    if dataset.groups is not None and len(np.unique(dataset.groups[positions])) > 1:
        names = random.permutation(np.unique(dataset.groups[positions]))
        count = min(len(names) - 1, max(1, round(len(names) * share)))
        held = np.isin(dataset.groups[positions], names[:count])
        return positions[~held], positions[held]
    if dataset.times is not None:
        order = positions[np.argsort(dataset.times[positions], kind="stable")]
        begin = dataset.times[order[min(len(order) - 1, int(np.ceil(len(order) * (1.0 - share))))]]
        early = before(dataset, dataset.times[positions], begin)
        if not early.any():
            raise too_few_times(dataset)
        return positions[early], positions[dataset.times[positions] >= begin]
    labels = dataset.known_labels[positions]
    held = np.zeros(len(positions), dtype=bool)
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        if len(members) > 1:
            held[members[: min(len(members) - 1, max(1, round(len(members) * share)))]] = True
    if not held.any():
        raise SplitError(
            f"{dataset.name}: expected a class with two training samples, to cut a validation part, got none"
        )
    return positions[~held], positions[held]
