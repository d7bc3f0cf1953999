"""Duplicates: samples that occur in a data set more than once, exactly or nearly.

Exact copies are found by a hash of their content, in every domain. Near copies (with a little noise, scaled, shifted by
a few steps, with a byte changed) are found by their ``Domain.near_duplicate_signature``. The threshold depends on the
data: it is a small fraction of the usual distance between a sample and its fifth neighbor, so that spectra of one kind
of oil are no copies of each other. Every pair below the threshold is found; pairs above it are not searched for.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.spatial import KDTree

from img_repr.core.dataset import Dataset, hash_sample
from img_repr.core.splits.split import Split

MOST = 100_000  # samples that are searched for near copies, at even distances
_QUERIES = 200  # samples by which the usual distance of neighbors is measured
_NEIGHBOR = 5  # to which the distance is measured: up to four near copies of every sample are still found
_ROUNDING = 1e-3  # below this distance samples are always copies: scaled, or written with fewer digits
_FRACTION = 0.08  # of the usual distance to that neighbor, within which two are copies
_FRACTION_IF_SMALL = 0.15  # the same as long as the distance stays below ...
_SMALL = 0.02  # ... the effect of one per cent of noise; public data have no such pairs by chance
_DIMENSIONS = 12  # in which neighbors are searched; projections shorten distances, so that none is missed
_CANDIDATES = 8
_STEPS = 3  # of a shift
_NUMBERS = 1 << 18  # per chunk: they fit into the cache


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Which samples are copies of each other.

    Parameters
    ----------
    exact, near : ndarray of int64, shape (N,)
        Number of the set of copies of each sample; a sample without a copy is a set by itself. Exact copies are near
        ones too.
    searched : int
        Samples that were searched for near copies: 0 if the domain has no signature.
    """

    exact: np.ndarray
    near: np.ndarray
    searched: int


def find_duplicates(dataset: Dataset) -> Duplicates:
    """Find the exact and near copies among the samples of a data set.

    The time grows about linearly with the number of samples. Of more than ``MOST`` distinct samples, ``MOST`` at even
    distances are searched for near copies; exact copies are found among all.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.core.duplicates import find_duplicates
    >>> from img_repr.domains.timeseries.sample import TIMESERIES, make_series
    >>> series = make_series(30)
    >>> series[7], series[8] = series[3], 2.0 * series[4] + 1.0
    >>> found = find_duplicates(Dataset("toy", TIMESERIES, series))
    >>> bool(found.exact[7] == found.exact[3]), bool(found.exact[8] == found.exact[4])
    (True, False)
    >>> bool(found.near[7] == found.near[3]), bool(found.near[8] == found.near[4])
    (True, True)
    """
    hashes = []
    for sample in dataset.samples:
        digest = hashlib.sha256()
        hash_sample(digest, sample)
        hashes.append(digest.digest())
    _, first, exact = np.unique(np.array(hashes), return_index=True, return_inverse=True)
    signature = dataset.domain.near_duplicate_signature
    if signature is None:
        return Duplicates(exact, exact, 0)
    distinct = np.sort(first)
    searched = distinct[np.arange(min(MOST, len(distinct))) * len(distinct) // min(MOST, len(distinct))]
    whole = len(searched) == len(dataset)
    rows = np.asarray(signature(dataset.samples if whole else dataset.take(searched)))
    left, right = near_pairs(rows)
    links = sparse.coo_array(
        (np.ones(len(left), bool), (exact[searched[left]], exact[searched[right]])), shape=(len(first), len(first))
    )
    sets = sparse.csgraph.connected_components(links, directed=False)[1].astype(np.int64)
    return Duplicates(exact, sets[exact], len(searched))


def pairs_across(sets: np.ndarray, split: Split) -> np.ndarray:
    """Return the test samples that have a copy in training, each with its first copy.

    Parameters
    ----------
    sets : ndarray of int64, shape (N,)
        ``Duplicates.exact`` or ``Duplicates.near``.
    split : Split

    Returns
    -------
    ndarray of int64, shape (P, 2)
        Positions of the test sample and the training sample, sorted by the former.
    """
    known, place = np.unique(sets[split.train], return_index=True)
    at = np.searchsorted(known, sets[split.test]).clip(max=len(known) - 1)
    copied = known[at] == sets[split.test]
    pairs = np.stack([split.test[copied], split.train[place[at[copied]]]], axis=1)
    return np.asarray(pairs[np.argsort(pairs[:, 0], kind="stable")])


def near_pairs(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of rows that are much closer to each other than neighbors usually are.

    Parameters
    ----------
    rows : ndarray, shape (N, D) or (N, C, T)
        Signatures, see ``Domain.near_duplicate_signature``.

    Returns
    -------
    left, right : ndarray of int64
        Positions of the two rows of each pair.
    """
    telling = _telling(rows)
    if len(telling) < 2:
        return telling[:0], telling[:0]
    most = _threshold(rows, telling)
    steps = range(1 + (min(_STEPS, rows.shape[-1] // 20) if rows.ndim == 3 else 0))
    found = [_pairs_shifted(rows, telling, step, most) for step in steps]
    left, right = (np.concatenate(side) for side in zip(*found, strict=True))
    return left, right


def _telling(rows: np.ndarray) -> np.ndarray:
    """Positions of the rows that are finite and not all zero."""
    kept = [at[np.isfinite(part).all(axis=1) & part.any(axis=1)] for at, part in _parts(rows, np.arange(len(rows)))]
    return np.concatenate(kept) if kept else np.empty(0, np.int64)


def _parts(
    rows: np.ndarray, places: np.ndarray, start: int = 0, stop: int | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield chunks of rows, from ``start`` to ``stop`` of their last axis, with offset and scale removed."""
    size = max(1, _NUMBERS // max(1, int(np.prod(rows.shape[1:]))))
    for first in range(0, len(places), size):
        at = places[first : first + size]
        part = rows[at][..., start:stop].astype(np.float64)
        if part.ndim == 3:
            part -= part.mean(axis=2, keepdims=True)
            part = part.reshape(len(at), -1)
            largest = np.abs(part).max(axis=1, keepdims=True)  # first, so that no square leaves its range
            part /= np.where(largest > 0, largest, 1.0)
            part /= np.maximum(np.sqrt(np.einsum("nd,nd->n", part, part)), 1e-300)[:, None]
        yield at, part


def _threshold(rows: np.ndarray, telling: np.ndarray) -> float:
    """Distance below which two rows are copies: a fraction of the usual distance of neighbors."""
    some = telling[np.arange(min(_QUERIES, len(telling))) * len(telling) // min(_QUERIES, len(telling))]
    queries = np.concatenate([part for _, part in _parts(rows, some)])
    nearest = np.full((len(queries), 0), np.inf)
    for _, part in _parts(rows, telling):
        squares = (queries**2).sum(axis=1)[:, None] + (part**2).sum(axis=1) - 2.0 * queries @ part.T
        joined = np.concatenate([nearest, squares], axis=1)
        few = min(_NEIGHBOR, joined.shape[1] - 1)  # the nearest is the row itself
        nearest = np.partition(joined, few, axis=1)[:, : few + 1]
    usual = float(np.median(np.sqrt(np.maximum(nearest.max(axis=1), 0.0))))
    return max(_ROUNDING, _FRACTION * usual, min(_SMALL, _FRACTION_IF_SMALL * usual))


def _pairs_shifted(rows: np.ndarray, telling: np.ndarray, step: int, most: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows that are near after one of them is shifted by ``step``."""
    stop = rows.shape[-1] - step if step else None
    some = telling[np.arange(min(_QUERIES, len(telling))) * len(telling) // min(_QUERIES, len(telling))]
    sample = np.concatenate([part for _, part in _parts(rows, some, 0, stop)])
    values, vectors = np.linalg.eigh(sample @ sample.T)
    kept = values > max(1e-12, values[-1] * 1e-9)
    basis = (sample.T @ vectors[:, kept] / np.sqrt(values[kept]))[:, -_DIMENSIONS:]
    early = np.concatenate([part @ basis for _, part in _parts(rows, telling, 0, stop)])
    late = np.concatenate([part @ basis for _, part in _parts(rows, telling, step)]) if step else early
    reach, candidates = KDTree(late).query(early, k=min(_CANDIDATES, len(late)), distance_upper_bound=most * 1.001)
    left, column = np.nonzero(np.isfinite(reach))
    right = candidates[left, column]
    other = left != right if step else left < right
    left, right = telling[left[other]], telling[right[other]]
    near = [
        (np.linalg.norm(one - two, axis=1) < most) & one.any(axis=1) & two.any(axis=1)
        for (_, one), (_, two) in zip(_parts(rows, left, 0, stop), _parts(rows, right, step), strict=True)
    ]
    alike = np.concatenate(near) if near else np.zeros(0, bool)
    return left[alike], right[alike]
