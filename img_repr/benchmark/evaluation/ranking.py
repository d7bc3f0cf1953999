"""Ranking: contenders over several data sets, by mean rank and two by two; what the critical-difference diagram shows.

Over an incomplete grid nothing is ranked. Where contenders have different numbers of splits, only those count that all
of them share: a mean over thirty resamples and one over a single split are not the same measurement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from img_repr.benchmark.evaluation.across_datasets import (
    FEWEST_DATA_SETS,
    bayesian_signed_rank,
    holm,
    mean_ranks,
    wilcoxon_p,
    win_tie_loss,
)
from img_repr.benchmark.evaluation.score import shared_splits, within
from img_repr.benchmark.evaluation.tables import FUSED, Row
from img_repr.benchmark.evaluation.verdict import LEVEL

_SAMPLES = 5000  # of the posterior of each pair; probabilities are accurate to about 0.01


@dataclass(frozen=True)
class Pair:
    """Two contenders over all data sets, the better ranked one first.

    Parameters
    ----------
    first, second : str
    wins, ties, losses : int
        Data sets on which the first is ahead, level, behind.
    difference : float
        Mean of the first's score minus the second's.
    p : float
        Of Wilcoxon's signed-rank test, adjusted by Holm for the number of pairs.
    better, same, worse : float
        Chances by the Bayesian signed-rank test: the first better by more than a point, both within it, the second.
    """

    first: str
    second: str
    wins: int
    ties: int
    losses: int
    difference: float
    p: float
    better: float
    same: float
    worse: float

    @property
    def differs(self) -> bool:
        """Whether the difference is significant."""
        return self.p < LEVEL


@dataclass(frozen=True)
class Ranking:
    """Contenders by mean rank over data sets, the best first.

    Parameters
    ----------
    names, roles, ranks
        Of each contender.
    data_sets : int
    splits : str
        Which splits were counted, in words; empty where all contenders have the same.
    pairs : tuple of Pair
        Every two of them; empty where there are fewer than six data sets.
    """

    names: tuple[str, ...]
    roles: tuple[str, ...]
    ranks: tuple[float, ...]
    data_sets: int
    splits: str = ""
    pairs: tuple[Pair, ...] = ()

    @property
    def by_name(self) -> dict[str, float]:
        """Mean rank of each contender."""
        return dict(zip(self.names, self.ranks, strict=True))

    @property
    def cliques(self) -> list[tuple[int, int]]:
        """First and last position of each longest run of neighbors in rank without a significant difference.

        Two that do not differ share no bar where one between them differs from either: a bar over all three would say
        what is not so.
        """
        apart = {frozenset((pair.first, pair.second)) for pair in self.pairs if pair.differs}
        found: list[tuple[int, int]] = []
        for first in range(len(self.names) - 1):
            last = first
            while last + 1 < len(self.names) and not any(
                frozenset((self.names[last + 1], name)) in apart for name in self.names[first : last + 1]
            ):
                last += 1
            if last > first and (not found or last > found[-1][1]):
                found.append((first, last))
        return found

    @property
    def bars(self) -> list[tuple[str, ...]]:
        """Names of the contenders that each bar joins."""
        return [self.names[first : last + 1] for first, last in self.cliques]

    @property
    def smallest_p(self) -> float:
        """Smallest possible adjusted p-value with this number of data sets."""
        return min(1.0, len(self.pairs) * 2.0 ** (1 - self.data_sets))


def rank_contenders(rows: Sequence[Row]) -> Ranking | None:
    """Rank the contenders of data sets that all have the same ones; None if a run is missing.

    What is fused of two contenders is not ranked: it is none of those that were set against each other.

    Parameters
    ----------
    rows : sequence of Row
        At least one.
    """
    if refusal(rows):
        return None
    shared = [ranked_splits(row) for row in rows]
    names = [name for name in rows[0].scores if name != FUSED]
    grid = np.array(
        [[within(row.scores[name], splits).value for name in names] for row, splits in zip(rows, shared, strict=True)]
    ).round(9)  # equal up to rounding is a tie
    ranks = mean_ranks(grid)
    order = np.argsort(ranks, kind="stable")
    grid, names = grid[:, order], [names[place] for place in order]
    return Ranking(
        names=tuple(names),
        roles=tuple(rows[0].scores[name].role for name in names),
        ranks=tuple(ranks[order].tolist()),
        data_sets=len(rows),
        splits=_in_words(rows, shared),
        pairs=_compare_pairs(names, grid),
    )


def refusal(rows: Sequence[Row]) -> str:
    """Return the reason why the contenders cannot be ranked; empty if they can."""
    gaps = [
        f"{name} on {row.name} ({score.gaps or 'no result'})"
        for row in rows
        for name, score in row.scores.items()
        if name != FUSED and not score.complete
    ]
    if gaps:
        more = f" and {len(gaps) - 3} more" if len(gaps) > 3 else ""
        return f"the grid is not complete: {', '.join(gaps[:3])}{more}; a mean over an incomplete grid would mislead"
    apart = [row.name for row in rows if not ranked_splits(row)]
    return f"on {', '.join(apart)} the contenders have no split in common" if apart else ""


def ranked_splits(row: Row) -> set[str]:
    """Return the checksums of the splits that every contender of a data set has."""
    return shared_splits(*(score for name, score in row.scores.items() if name != FUSED))


def _in_words(rows: Sequence[Row], shared: Sequence[set[str]]) -> str:
    """Return the splits that the ranks use, in words, if any contender has more; else an empty text."""
    by_split: dict[str, list[str]] = {}
    for row, splits in zip(rows, shared, strict=True):
        scores = [score for name, score in row.scores.items() if name != FUSED]
        if any(len(score.by_split) > len(splits) for score in scores):
            first = [scores[0].by_split[name][0].result for name in scores[0].by_split if name in splits]
            by_split.setdefault(
                ", ".join(f"{one['split_kind']} {one['split_name']}".strip() for one in first), []
            ).append(row.name)
    if len(by_split) == 1 and len(next(iter(by_split.values()))) == len(rows):
        return next(iter(by_split))
    return "; ".join(f"{split} of {', '.join(names)}" for split, names in by_split.items())


def _compare_pairs(names: Sequence[str], grid: np.ndarray) -> tuple[Pair, ...]:
    if len(grid) < FEWEST_DATA_SETS or len(names) < 2:
        return ()
    places = list(combinations(range(len(names)), 2))
    differences = [(grid[:, first] - grid[:, second]).round(9) for first, second in places]
    values = holm([p for p in map(wilcoxon_p, differences) if p is not None])
    return tuple(
        Pair(
            names[first],
            names[second],
            *win_tie_loss(difference),
            float(difference.mean()),
            float(p),
            *bayesian_signed_rank(difference, n_samples=_SAMPLES),
        )
        for (first, second), difference, p in zip(places, differences, values, strict=True)
    )
