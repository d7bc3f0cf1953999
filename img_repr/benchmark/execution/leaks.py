"""Leaks: sentences on test data that are known from training, found in a data set and its splits.

:func:`img_repr.core.splits.findings.describe_splits` checks groups, times and classes; this module checks copies.
Scaling cannot leak: everything is fitted in ``fit``, which gets the training part alone.
"""

from collections.abc import Callable, Sequence

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.duplicates import MOST, find_duplicates, pairs_across
from img_repr.core.splits.findings import describe_splits, find_in_worst
from img_repr.core.splits.split import Split

_NAMED = 3  # pairs that a sentence names
_NEARLY = "\N{ALMOST EQUAL TO}"


def find_leaks(dataset: Dataset, splits: Sequence[Split]) -> list[str]:
    """Return sentences on leakage between training and test parts, and on copies and contradicting labels.

    Parameters
    ----------
    dataset : Dataset
    splits : sequence of Split
        The splits of the benchmark.

    Returns
    -------
    list of str
        Sentences; empty if nothing was found.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.benchmark.execution.leaks import find_leaks
    >>> from img_repr.core.splits.cuts import published_splits
    >>> from img_repr.domains.timeseries.sample import TIMESERIES, make_series
    >>> series = make_series(20)
    >>> series[15] = series[2]
    >>> data = Dataset("toy", TIMESERIES, series, np.tile(["a", "b"], 10), split=np.repeat(["train", "test"], 10))
    >>> for sentence in find_leaks(data, list(published_splits(data))):
    ...     print(sentence)
    1 of 10 test samples is an exact copy of a training sample: number 15 = number 2.
    1 sample has an exact copy with another label: number 15 = number 2.
    """
    return [*describe_splits(dataset, splits), *_copies(dataset, splits)]


def _copies(dataset: Dataset, splits: Sequence[Split]) -> list[str]:
    try:
        found = find_duplicates(dataset)
    except Exception as error:  # only this sentence depends on it
        return [f"The search for copies failed: {type(error).__name__}: {str(error).rstrip('.')}."]

    def exact(split: Split) -> tuple[np.ndarray, int]:
        return pairs_across(found.exact, split), len(split.test)

    def near(split: Split) -> tuple[np.ndarray, int]:
        pairs = pairs_across(found.near, split)
        return pairs[~np.isin(pairs[:, 0], pairs_across(found.exact, split)[:, 0])], len(split.test)

    def say(kind: str, sign: str, more: str = "") -> Callable[[np.ndarray, int], str]:
        def sentence(pairs: np.ndarray, of: int) -> str:
            predicate = f"is {kind} copy of a training sample" if len(pairs) == 1 else f"have {kind} copy in training"
            return f"{len(pairs)} of {_count(of, 'test sample')} {predicate}{more}: {_pairs(dataset, pairs, sign)}"

        return sentence

    distinct = len(np.unique(found.exact))
    some = f" ({found.searched} of {distinct} distinct samples were searched)" if distinct > MOST else ""
    lines = find_in_worst(splits, exact, say("an exact", "="))
    lines += find_in_worst(splits, near, say("a near", _NEARLY, some))
    twice = _contradictions(dataset, found.exact)
    alike = _contradictions(dataset, found.near)
    alike = alike[~np.isin(alike[:, 0], twice[:, 0])]
    for pairs, kind, sign in ((twice, "an exact", "="), (alike, "a near", _NEARLY)):
        if len(pairs):
            subject = "sample has" if len(pairs) == 1 else "samples have"
            lines.append(f"{len(pairs)} {subject} {kind} copy with another label: {_pairs(dataset, pairs, sign)}.")
    return lines


def _contradictions(dataset: Dataset, sets: np.ndarray) -> np.ndarray:
    """Pair samples with the first of their set if its label differs; impostors are left out."""
    true = np.arange(len(dataset)) if dataset.genuine is None else np.flatnonzero(dataset.genuine)
    _, first, place = np.unique(sets[true], return_index=True, return_inverse=True)
    labels = dataset.known_labels[true]
    other = labels != labels[first][place]
    return np.stack([true[other], true[first[place[other]]]], axis=1)


def _pairs(dataset: Dataset, pairs: np.ndarray, sign: str) -> str:
    words = [f" {sign} ".join(_name(dataset, int(position)) for position in pair) for pair in pairs[:_NAMED]]
    return ", ".join(words) + (f" and {len(pairs) - _NAMED} more" if len(pairs) > _NAMED else "")


def _name(dataset: Dataset, position: int) -> str:
    return f"number {position}" if dataset.names is None else str(dataset.names[position])


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
