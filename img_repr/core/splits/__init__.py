"""Splits: which samples are learned from and which are tested, decided before anything is encoded, by one policy.

``policy`` chooses, ``cuts`` makes test parts, ``inner`` validation parts and inner folds, ``findings`` says what was
given up; ``grouping`` decides which groups can be held out.
"""

from img_repr.core.splits.cuts import (
    group_splits,
    group_time_splits,
    has_published_counts,
    published_splits,
    resampled_splits,
    time_splits,
)
from img_repr.core.splits.findings import describe_splits
from img_repr.core.splits.inner import hold_out, inner_fold_notes, inner_folds, validation_kind, validation_notes
from img_repr.core.splits.policy import SPLIT_KINDS, check_split_options, default_split_kind, make_splits
from img_repr.core.splits.split import Split

__all__ = [
    "SPLIT_KINDS",
    "Split",
    "check_split_options",
    "default_split_kind",
    "describe_splits",
    "group_splits",
    "group_time_splits",
    "has_published_counts",
    "hold_out",
    "inner_fold_notes",
    "inner_folds",
    "make_splits",
    "published_splits",
    "resampled_splits",
    "time_splits",
    "validation_kind",
    "validation_notes",
]
