"""Statistics of a comparison: intervals, paired tests within a data set, and across data sets.

Small on purpose, on numpy and scipy. Values of statsmodels and baycomp are stored in its tests. The naive
t-test over resamples is not offered: resamples share their samples, and it calls noise significant.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from img_repr.core.errors import ParameterError

FEWEST_DATA_SETS = 6  # below, the smallest two-sided p of a signed-rank test is above 0.05


@dataclass(frozen=True)
class Comparison:
    """A mean difference with its interval and the p-value of no difference; ``test`` says in words how."""

    difference: float
    low: float
    high: float
    p: float
    test: str


def wilson_interval(share: float, count: int, *, level: float = 0.95) -> tuple[float, float]:
    """Interval of a share of right answers among ``count`` samples; never outside [0, 1].

    References
    ----------
    E. B. Wilson: Probable inference, the law of succession, and statistical inference, JASA 22, 1927.

    Examples
    --------
    >>> low, high = wilson_interval(1.0, 28)
    >>> round(low, 3), round(high, 3)
    (0.879, 1.0)
    """
    z = float(stats.norm.ppf(0.5 + level / 2))
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return float(max(0.0, centre - half)), float(min(1.0, centre + half))


def corrected_interval(scores: Sequence[float], test_over_train: float, *, level: float = 0.95) -> tuple[float, float]:
    """Interval of a mean over resamples or folds, widened for the samples that they share.

    Parameters
    ----------
    scores : sequence of float
        One per split, already averaged over seeds; at least two.
    test_over_train : float
        Size of a test part over that of its training part.
    level : float
        Confidence.
    """
    values = np.asarray(scores, dtype=np.float64)
    half = float(stats.t.ppf(0.5 + level / 2, len(values) - 1)) * _corrected_error(values, test_over_train)
    return float(values.mean() - half), float(values.mean() + half)


def corrected_resampled_t(differences: Sequence[float], test_over_train: float, *, level: float = 0.95) -> Comparison:
    """Compare two contenders over resamples or folds by the corrected resampled t-test.

    Without any spread among the differences the test is undefined; p is then 1, not 0.

    References
    ----------
    C. Nadeau, Y. Bengio: Inference for the generalization error, Machine Learning 52, 2003.

    Examples
    --------
    >>> round(corrected_resampled_t([0.02, 0.03, 0.01, 0.04, 0.02], 0.5).p, 4)
    0.0656
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2:
        raise ParameterError(f"corrected t-test: expected at least 2 splits, got {len(values)}")
    error = _corrected_error(values, test_over_train)
    mean = float(values.mean())
    p = float(2 * stats.t.sf(abs(mean) / error, len(values) - 1)) if error > 1e-12 else 1.0
    low, high = corrected_interval(differences, test_over_train, level=level)
    return Comparison(mean, low, high, p, f"corrected resampled t-test over {len(values)} splits")


def _corrected_error(values: np.ndarray, test_over_train: float) -> float:
    return float(np.sqrt((1 / len(values) + test_over_train) * values.var(ddof=1)))


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Two-sided exact p-value of McNemar's test, from the samples that only one of two contenders got right.

    Examples
    --------
    >>> mcnemar_exact(1, 7)
    0.0703125
    """
    count = only_first + only_second
    return float(stats.binomtest(only_first, count).pvalue) if count else 1.0


def sign_flip_exact(differences: np.ndarray) -> float:
    """Two-sided exact p-value of no difference between two contenders on the same test samples.

    Under that hypothesis each sample's difference is as likely with the other sign. All sums of flipped
    differences are counted, none is drawn. With one seed each the differences are -1, 0 or 1 and this is
    McNemar's exact test; with several, the number of seeds that got a sample right takes the place of right
    and wrong.

    Parameters
    ----------
    differences : ndarray of int, shape (N,)
        One whole number per test sample.

    Examples
    --------
    >>> round(sign_flip_exact(np.array([1] * 7 + [-1] + [0] * 90)), 9)
    0.0703125
    """
    sizes, counts = np.unique(np.abs(differences[differences != 0]), return_counts=True)
    if not len(sizes):
        return 1.0
    chances = np.ones(1)  # chances[k]: that the flipped-to-positive sizes sum to k steps of their common divisor
    step = int(np.gcd.reduce(sizes))
    for size, count in zip(sizes // step, counts, strict=True):
        spread = np.zeros(int(size * count) + 1)
        spread[:: int(size)] = stats.binom.pmf(np.arange(count + 1), count, 0.5)
        chances = np.convolve(chances, spread)
    total = len(chances) - 1
    observed = abs(int(differences.sum()) // step)
    sums = np.abs(2 * np.arange(total + 1) - total)
    return float(min(1.0, chances[sums >= observed].sum()))


def paired_bootstrap(
    differences: np.ndarray, *, draws: int = 10_000, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of the mean of per-sample differences, over redrawn test samples."""
    values, counts = np.unique(differences, return_counts=True)
    count = int(counts.sum())
    redrawn = np.random.default_rng(seed).multinomial(count, counts / count, size=draws) @ values / count
    low, high = np.quantile(redrawn, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def compare_redrawn(difference: float, redrawn: np.ndarray) -> Comparison:
    """Compare two contenders by differences of a score over redrawn sets of the same independent trials.

    Parameters
    ----------
    difference : float
        Of ``first - second`` on the trials themselves.
    redrawn : ndarray, shape (draws,)
        The same of each redrawn set; p is twice the smaller share on either side of zero.
    """
    low, high = np.quantile(redrawn, [0.025, 0.975])
    shares = [
        (1 + int((redrawn <= 0).sum())) / (len(redrawn) + 1),
        (1 + int((redrawn >= 0).sum())) / (len(redrawn) + 1),
    ]
    return Comparison(difference, float(low), float(high), min(1.0, 2 * min(shares)), "paired bootstrap over trials")


def compare_on_samples(first: np.ndarray, second: np.ndarray, groups: np.ndarray | None = None) -> Comparison:
    """Compare two contenders on the test samples of one split.

    Parameters
    ----------
    first, second : ndarray of bool, shape (seeds, N)
        Which samples each got right under each of its seeds; the numbers of seeds may differ.
    groups : ndarray of str, shape (N,), optional
        Session, file, speaker of each sample. Samples of one group are not independent: where groups are known, it is
        the sum over a group whose sign may as well be the other, and groups are redrawn.

    Returns
    -------
    Comparison
        Of ``first - second``: exact p-value, bootstrap interval.
    """
    common = int(np.lcm(len(first), len(second)))
    whole = first.sum(axis=0) * (common // len(first)) - second.sum(axis=0) * (common // len(second))
    difference = float(whole.mean() / common)
    one_each = len(first) == len(second) == 1
    test = "McNemar's exact test" if one_each else "exact sign-flip test on seed averages"
    if groups is None:
        low, high = paired_bootstrap(whole / common)
        return Comparison(difference, low, high, sign_flip_exact(whole), f"{test}, {len(whole)} test samples")
    sums = np.bincount(np.unique(groups, return_inverse=True)[1], weights=whole).astype(np.int64)
    low, high = _redrawn_groups(whole / common, groups)
    test = f"exact sign-flip test on sums of {len(sums)} groups, {len(whole)} test samples"
    return Comparison(difference, low, high, sign_flip_exact(sums), test)


def grouped_interval(right: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """Interval of a share of right answers among samples that are not independent: by redrawing their groups.

    Where all groups are alike, redrawing tells nothing: then Wilson's interval of as many samples as there are groups.

    Parameters
    ----------
    right : ndarray, shape (N,)
        Whether, or in what share of runs, each sample is right.
    groups : ndarray of str, shape (N,)

    Examples
    --------
    >>> import numpy as np
    >>> low, high = grouped_interval(np.repeat([1.0, 0.0, 1.0, 1.0], 40), np.repeat(list("abcd"), 40))
    >>> low, high
    (0.25, 1.0)
    """
    low, high = _redrawn_groups(right, groups)
    return (low, high) if low < high else wilson_interval(float(right.mean()), len(np.unique(groups)))


def _redrawn_groups(values: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of the mean of values ``(N,)`` over redrawn groups."""
    place = np.unique(groups, return_inverse=True)[1]
    sums, sizes = np.bincount(place, weights=values), np.bincount(place)
    random, means = np.random.default_rng(0), []
    for _ in range(50):  # two hundred at a time, so that memory stays small whatever the number of groups
        drawn = random.integers(0, len(sums), (200, len(sums)))
        means.append(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return float(low), float(high)


def holm(p_values: Sequence[float]) -> np.ndarray:
    """P-values adjusted for their number by Holm's step-down rule, in the given order.

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
    """Mean rank of each contender, 1 the best, of scores ``(data sets, contenders)``; ties share."""
    if not np.isfinite(scores).all():
        raise ParameterError("mean ranks: expected a score in every place of the grid, got an incomplete one")
    return np.asarray(stats.rankdata(-scores, axis=1).mean(axis=0))


def win_tie_loss(differences: np.ndarray, *, tie: float = 1e-9) -> tuple[int, int, int]:
    """Count the data sets on which the first is ahead, level (within ``tie``), behind."""
    return (
        int((differences > tie).sum()),
        int((np.abs(differences) <= tie).sum()),
        int((differences < -tie).sum()),
    )


def wilcoxon_p(differences: np.ndarray) -> float | None:
    """Two-sided p-value of Wilcoxon's signed-rank test across data sets; None below six.

    Zero differences are split evenly between both sides (Demsar 2006).
    """
    if len(differences) < FEWEST_DATA_SETS:
        return None
    if not np.any(differences):
        return 1.0
    return float(stats.wilcoxon(differences, zero_method="zsplit").pvalue)


def bayesian_signed_rank(
    differences: np.ndarray, *, rope: float = 0.01, draws: int = 50_000, seed: int = 0
) -> tuple[float, float, float]:
    """Chances that the first is practically better, that both are equivalent, that the second is.

    Parameters
    ----------
    differences : ndarray, shape (data sets,)
        Score of the first minus that of the second.
    rope : float
        Half width of the region of practical equivalence.
    draws, seed : int
        Of the Dirichlet posterior, with a prior of strength 0.5 on zero.

    References
    ----------
    A. Benavoli et al.: A Bayesian Wilcoxon signed-rank test based on the Dirichlet process, ICML 2014.
    """
    z = np.concatenate([[0.0], np.asarray(differences, dtype=np.float64)])
    sums = z[:, None] + z
    weights = np.random.default_rng(seed).dirichlet([0.5, *np.ones(len(z) - 1)], draws)
    above = np.einsum("di,ij,dj->d", weights, np.heaviside(sums - 2 * rope, 0.5), weights, optimize=True)
    below = np.einsum("di,ij,dj->d", weights, np.heaviside(-sums - 2 * rope, 0.5), weights, optimize=True)
    winner = np.argmax(np.stack([above, 1 - above - below, below], axis=1), axis=1)
    first, same, second = (np.bincount(winner, minlength=3) / draws).tolist()
    return first, same, second
