"""Groups against classes: which groups can be held out, and how they are spread over folds.

The last group of a class stays in the fitting part: otherwise the class would have no training sample.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_ATTEMPTS = 10  # random orders of the groups that are tried while all groups of a class are in one fold


@dataclass(frozen=True, eq=False)
class Groups:
    """How many samples of each class each group has.

    Parameters
    ----------
    names : ndarray, shape (G,)
        Distinct groups, sorted.
    member : ndarray of int64, shape (N,)
        Position of each sample's group in ``names``.
    counts : ndarray of int64, shape (G, K)
        Samples of each class in each group.

    Examples
    --------
    >>> found = Groups.of(np.array(["p", "p", "q", "r"]), np.array(["a", "b", "a", "c"]))
    >>> found.counts.tolist()
    [[1, 1, 0], [1, 0, 0], [0, 0, 1]]
    >>> found.names[found.can_be_tested()].tolist(), found.names[found.can_be_held_out()].tolist()
    (['p', 'q'], ['q'])
    """

    names: np.ndarray
    member: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, groups: np.ndarray, labels: np.ndarray) -> "Groups":
        """Count the samples of each group and class; the order of the samples does not matter."""
        names, member = np.unique(groups, return_inverse=True)
        classes, column = np.unique(labels, return_inverse=True)
        counts = np.zeros((len(names), len(classes)), dtype=np.int64)
        np.add.at(counts, (member, column), 1)
        return cls(names, member, counts)

    def __len__(self) -> int:
        """Count the groups."""
        return len(self.names)

    def can_be_tested(self) -> np.ndarray:
        """Mask of the groups that have a class in common with another group."""
        has = self.counts > 0
        return np.asarray((has & (has.sum(axis=0) > 1)).any(axis=1))

    def can_be_held_out(self) -> np.ndarray:
        """Mask of the groups each of whose classes another group has too."""
        has = self.counts > 0
        return np.asarray(~(has & (has.sum(axis=0) == 1)).any(axis=1))

    def keep_classes(self, held_out: np.ndarray) -> np.ndarray:
        """Reduce a mask of held-out groups so that every class keeps a group in training; large groups stay there."""
        left = (self.counts > 0).sum(axis=0)
        kept = np.zeros(len(self), dtype=bool)
        chosen = np.flatnonzero(held_out)
        for group in chosen[np.argsort(self.counts[chosen].sum(axis=1), kind="stable")]:
            has = self.counts[group] > 0
            if (left[has] > 1).all():
                kept[group] = True
                left[has] -= 1
        return kept


def spread_groups(counts: np.ndarray, n_folds: int, random: np.random.Generator) -> np.ndarray:
    """Assign groups to folds of about equal size, so that the classes are spread over the folds.

    Groups are assigned from the largest on, each to the fold with the fewest samples of its classes, then to the
    smallest. If all groups of a class are in one fold, groups are moved, and other orders are tried.

    Parameters
    ----------
    counts : ndarray of int64, shape (G, K)
        Samples of each class in each group.
    n_folds : int
        At most the number of groups, so that no fold is empty.
    random : Generator
        Decides between groups of one size.

    Returns
    -------
    ndarray of int64, shape (G,)
        Fold of each group.
    """
    best, fewest = np.zeros(len(counts), dtype=np.int64), counts.shape[1] + 1
    for _ in range(_ATTEMPTS if n_folds > 1 else 1):
        order = random.permutation(len(counts))
        fold = _deal(counts, order[np.argsort(-counts[order].sum(axis=1), kind="stable")], n_folds)
        lost = _repair(counts, fold, n_folds)
        if lost < fewest:
            best, fewest = fold, lost
        if not fewest:
            break
    return best


def _deal(counts: np.ndarray, order: np.ndarray, n_folds: int) -> np.ndarray:
    load = np.zeros((n_folds, counts.shape[1]), dtype=np.int64)
    fold = np.zeros(len(counts), dtype=np.int64)
    for group in order:
        fold[group] = np.lexsort((load.sum(axis=1), load @ counts[group]))[0]
        load[fold[group]] += counts[group]
    return fold


def _repair(counts: np.ndarray, fold: np.ndarray, n_folds: int) -> int:
    """Move groups in place while this lowers the number of classes in a single fold; return that number."""
    has = (counts > 0).astype(np.int64)
    several = has.sum(axis=0) > 1
    present = np.zeros((n_folds, has.shape[1]), dtype=np.int64)
    np.add.at(present, fold, has)
    lost = several & ((present > 0).sum(axis=0) == 1)
    found = True
    while found and lost.any():
        found = False
        for group, target in _moves(counts, fold, n_folds, lost):
            present[fold[group]] -= has[group]
            present[target] += has[group]
            then = several & ((present > 0).sum(axis=0) == 1)
            if then.sum() < lost.sum():
                fold[group], lost, found = target, then, True
                break
            present[fold[group]] += has[group]
            present[target] -= has[group]
    return int(lost.sum())


def _moves(counts: np.ndarray, fold: np.ndarray, n_folds: int, lost: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield moves of groups of lost classes, the smallest first, to small folds first; no fold becomes empty."""
    sizes = counts.sum(axis=1)
    loads = np.bincount(fold, weights=sizes, minlength=n_folds)
    concerned = np.flatnonzero((counts[:, lost] > 0).any(axis=1))
    for group in concerned[np.argsort(sizes[concerned], kind="stable")]:
        if (fold == fold[group]).sum() > 1:
            for target in np.argsort(loads, kind="stable"):
                if target != fold[group]:
                    yield int(group), int(target)
