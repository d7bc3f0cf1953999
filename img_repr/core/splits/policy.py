"""Policy: the default split of a data set, and the options that each kind of split has."""

from collections.abc import Iterator

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import ParameterError, SplitError
from img_repr.core.numbers import is_number
from img_repr.core.splits.cuts import (
    group_splits,
    group_time_splits,
    has_published_counts,
    published_splits,
    resampled_splits,
    time_between_groups,
    time_splits,
)
from img_repr.core.splits.grouping import Groups
from img_repr.core.splits.split import Split, check_count, check_fraction

SPLIT_KINDS = ("published", "resample", "group", "time", "group_time")
GROUP_FOLDS = 5
_TEST_SIZE = 0.3


def default_split_kind(dataset: Dataset, resamples: int = 1, *, test_size: float | None = None) -> str:
    """Return the strictest kind of split that the data allow and in which a class can be both trained and tested.

    The publisher's split, unless several resamples are requested. If groups are known, whole groups are held out:
    later ones if a time separates them with every class in both parts, else folds. Else by time if times are known,
    else at random. Groups are ignored if no class has two of them, and so is a column with a single value.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from img_repr.core.loader import load_dataset
    >>> sounds = load_dataset("synthetic_sounds")
    >>> default_split_kind(sounds), default_split_kind(replace(sounds, split=None))
    ('published', 'group')
    """
    if dataset.split is not None and resamples == 1:
        return "published"
    size = _TEST_SIZE if test_size is None else test_size
    if dataset.groups is not None and Groups.of(dataset.groups, dataset.known_labels).can_be_tested().any():
        later = resamples == 1 and time_between_groups(dataset, np.arange(len(dataset)), size) is not None
        return "group_time" if later else "group"
    if dataset.times is not None and _learns_what_it_tests(dataset, resamples, size):
        return "time"
    return "resample"


def make_splits(
    dataset: Dataset,
    kind: str | None = None,
    *,
    resamples: int = 1,
    test_size: float | None = None,
    force: bool = False,
) -> Iterator[Split]:
    """Yield the splits of a data set.

    Parameters
    ----------
    dataset : Dataset
    kind : str, optional
        One of ``SPLIT_KINDS``. Default: :func:`default_split_kind`.
    resamples : int
        Number of splits. For groups: number of folds; 1 means five, or one per group if there are fewer.
    test_size : float, optional
        Fraction of the samples that is tested, if the kind of split has it. Default: 0.3.
    force : bool
        Allow a random split although groups, times or folds are known.

    Raises
    ------
    ParameterError
        If an option is out of its range, or has no effect on such a split.
    SplitError
        If the data do not allow such a split.

    Examples
    --------
    >>> from img_repr.core.loader import load_dataset
    >>> [split.kind for split in make_splits(load_dataset("gunpoint"), resamples=3)]
    ['published', 'resample', 'resample']
    """
    check_split_options(dataset.name, kind, resamples=resamples, test_size=test_size)
    chosen = kind or default_split_kind(dataset, resamples, test_size=test_size)
    check_split_options(dataset.name, chosen, test_size=test_size, dataset=dataset)
    size = _TEST_SIZE if test_size is None else test_size
    if chosen == "published":
        return published_splits(dataset)
    if chosen == "time":
        return time_splits(dataset, resamples, test_size=size)
    if chosen == "group_time":
        return group_time_splits(dataset, test_size=size)
    if chosen == "group":
        return group_splits(dataset, resamples if resamples > 1 else _group_folds(dataset))
    given_up = kind is None and (dataset.split is None or has_published_counts(dataset))
    return resampled_splits(dataset, resamples, test_size=size, force=force or given_up)


def check_split_options(
    caller: str,
    kind: str | None,
    *,
    resamples: int = 1,
    test_size: float | None = None,
    gap: float = 0.0,
    dataset: Dataset | None = None,
) -> None:
    """Refuse options out of their range, and options that have no effect on this kind of split.

    Raises
    ------
    ParameterError
    """
    if kind is not None and kind not in SPLIT_KINDS:
        raise ParameterError(f"{caller}: expected split to be one of {', '.join(SPLIT_KINDS)}, got {kind!r:.40}")
    check_count(caller, "resamples", resamples)
    if resamples > 1 and kind in ("published", "group_time"):
        raise ParameterError(
            f"{caller}: expected resamples to be 1 or, with split = 'resample', 'group' or 'time', more; "
            f"got {resamples} with split = {kind!r}"
        )
    if not is_number(gap, 0):
        raise ParameterError(f"{caller}: expected gap to be units of the times, 0 or more, got {gap!r:.40}")
    if test_size is not None:
        check_fraction(caller, "test_size", test_size)
    if kind is None:
        return
    if gap and kind not in ("time", "group_time"):
        raise ParameterError(f"{caller}: expected a gap only with split = 'time', got {gap} with {kind!r}")
    counted = kind == "resample" and dataset is not None and has_published_counts(dataset)
    if test_size is not None and (kind in ("published", "group") or counted):
        raise ParameterError(
            f"{caller}: expected test_size only where the recipe's own cut decides it, got {test_size} with "
            f"split = {kind!r}{', whose counts are the published ones' if counted else ''}"
        )


def _group_folds(dataset: Dataset) -> int | None:
    """Five folds; None (each group alone) if at most five groups can be tested."""
    if dataset.groups is None:
        return None
    tested = Groups.of(dataset.groups, dataset.known_labels).can_be_tested()
    return GROUP_FOLDS if tested.sum() > GROUP_FOLDS else None


def _learns_what_it_tests(dataset: Dataset, resamples: int, test_size: float) -> bool:
    """Whether splits by time are possible and each has two classes in training, one of which is tested."""
    labels = dataset.known_labels
    try:
        parts = [
            (np.unique(labels[split.train]), np.unique(labels[split.test]))
            for split in time_splits(dataset, resamples, test_size=test_size)
        ]
    except SplitError:
        return bool(dataset.gap) or resamples > 1  # an explicit request is refused, not replaced silently
    return all(len(train) > 1 and np.intersect1d(train, test).size for train, test in parts)
