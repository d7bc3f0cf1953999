"""Statistics across data sets: ranks, and tests that take each data set as one observation.

Seeds and folds are averaged inside a data set first. Values of statsmodels and baycomp are stored in the tests.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from img_repr.core.errors import ParameterError

FEWEST_DATA_SETS = 6  # below, the smallest two-sided p of a signed-rank test is above 0.05


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Return p-values adjusted by Holm's step-down rule, in the given order.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def mean_ranks(scores: np.ndarray) -> np.ndarray:
    """Return the mean rank of each contender, 1 the best, from scores ``(data sets, contenders)``; ties average."""
    if not np.isfinite(scores).all():
        raise ParameterError("mean ranks: expected a score in every place of the grid, got an incomplete one")
    return np.asarray(stats.rankdata(-scores, axis=1).mean(axis=0))


def win_tie_loss(differences: np.ndarray, *, tie: float = 1e-9) -> tuple[int, int, int]:
    """Return on how many data sets the first is ahead, level (within ``tie``) and behind."""
    return (
        int((differences > tie).sum()),
        int((np.abs(differences) <= tie).sum()),
        int((differences < -tie).sum()),
    )


def wilcoxon_p(differences: np.ndarray) -> float | None:
    """Return the two-sided p-value of Wilcoxon's signed-rank test across data sets; None below six.

    Zero differences are split evenly between both sides (Demsar 2006).
    """
    if len(differences) < FEWEST_DATA_SETS:
        return None
    if not np.any(differences):
        return 1.0
    return float(stats.wilcoxon(differences, zero_method="zsplit").pvalue)


def bayesian_signed_rank(
    differences: np.ndarray, *, rope: float = 0.01, n_samples: int = 50_000, seed: int = 0
) -> tuple[float, float, float]:
    """Return the probabilities that the first is practically better, that both are equivalent, that the second is.

    Parameters
    ----------
    differences : ndarray, shape (data sets,)
        Score of the first minus that of the second.
    rope : float
        Half width of the region of practical equivalence.
    n_samples, seed : int
        Of the Dirichlet posterior, with a prior of strength 0.5 on zero.

    References
    ----------
    A. Benavoli et al.: A Bayesian Wilcoxon signed-rank test based on the Dirichlet process, ICML 2014.
    """
    z = np.concatenate([[0.0], np.asarray(differences, dtype=np.float64)])
    sums = z[:, None] + z
    weights = np.random.default_rng(seed).dirichlet([0.5, *np.ones(len(z) - 1)], n_samples)
    above = np.einsum("di,ij,dj->d", weights, np.heaviside(sums - 2 * rope, 0.5), weights, optimize=True)
    below = np.einsum("di,ij,dj->d", weights, np.heaviside(-sums - 2 * rope, 0.5), weights, optimize=True)
    winner = np.argmax(np.stack([above, 1 - above - below, below], axis=1), axis=1)
    first, same, second = (np.bincount(winner, minlength=3) / n_samples).tolist()
    return first, same, second
