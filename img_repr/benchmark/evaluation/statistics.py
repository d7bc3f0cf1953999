"""Statistics of a comparison on one data set: intervals and paired tests.

The reason for its length: everything that decides a claim of the page can be read and checked in one place.

The tests compare it with stored values of statsmodels and baycomp. There is no naive t-test over resamples: resamples
overlap, so it finds noise significant. `tests/benchmark/test_planted_truth.py` counts the false positives of each test.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from img_repr.core.errors import ParameterError

_NO_SPREAD = 1e-24  # a smaller variance is rounding


@dataclass(frozen=True)
class Comparison:
    """Mean difference with its interval and p-value; ``test`` names the test.

    If the data have no spread to estimate chance from, ``low`` and ``high`` are NaN, and p is 1.
    """

    difference: float
    low: float
    high: float
    p: float
    test: str

    @property
    def testable(self) -> bool:
        """Whether there is an interval and a meaningful p-value."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))


def wilson_interval(accuracy: float, count: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval of an accuracy over ``count`` samples; always within [0, 1].

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
    center = (accuracy + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * np.sqrt(accuracy * (1 - accuracy) / count + z * z / (4 * count * count))
    return float(max(0.0, center - half)), float(min(1.0, center + half))


def corrected_interval(scores: Sequence[float], test_over_train: float, *, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a mean over resamples or folds, corrected for their overlap.

    Parameters
    ----------
    scores : sequence of float
        One per split, already averaged over seeds; at least two.
    test_over_train : float
        Size of the test set over that of the training set.
    level : float
        Confidence.
    """
    values = np.asarray(scores, dtype=np.float64)
    error = _corrected_variance(values, test_over_train) ** 0.5
    half = float(stats.t.ppf(0.5 + level / 2, len(values) - 1)) * error
    return float(values.mean() - half), float(values.mean() + half)


def corrected_resampled_t(differences: Sequence[float], test_over_train: float, *, level: float = 0.95) -> Comparison:
    """Compare two contenders over resamples or folds by the corrected resampled t-test.

    If all differences are equal there is neither an interval nor a test.

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
    variance = _corrected_variance(values, test_over_train)
    test = f"corrected resampled t-test over {len(values)} splits"
    return _by_t(float(values.mean()), [(variance, len(values) - 1)], test, level=level)


def _corrected_variance(values: np.ndarray, test_over_train: float) -> float:
    return float((1 / len(values) + test_over_train) * values.var(ddof=1))


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

    Under the null hypothesis each difference is as likely with the opposite sign; the distribution of all sums is
    computed exactly. With one seed each the differences are -1, 0 or 1, and this is McNemar's exact test. With several,
    a difference is between the numbers of seeds that classify the sample correctly.

    Parameters
    ----------
    differences : ndarray of int, shape (N,)
        One integer per test sample.

    Examples
    --------
    >>> round(sign_flip_exact(np.array([1] * 7 + [-1] + [0] * 90)), 9)
    0.0703125
    """
    sizes, counts = np.unique(np.abs(differences[differences != 0]), return_counts=True)
    if not len(sizes):
        return 1.0
    chances = np.ones(1)  # chances[k]: probability that the positive sizes sum to k times their common divisor
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
    differences: np.ndarray, *, n_resamples: int = 10_000, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Return the bootstrap percentile interval of the mean of per-sample differences."""
    values, counts = np.unique(differences, return_counts=True)
    count = int(counts.sum())
    means = np.random.default_rng(seed).multinomial(count, counts / count, size=n_resamples) @ values / count
    low, high = np.quantile(means, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def compare_areas(first: np.ndarray, second: np.ndarray, genuine: np.ndarray) -> Comparison:
    """Compare two contenders by ROC AUC over the same independent trials.

    Parameters
    ----------
    first, second : ndarray, shape (seeds, N)
        Scores of each trial under each seed.
    genuine : ndarray of bool, shape (N,)

    Returns
    -------
    Comparison
        Of ``first - second``, by DeLong's variance of paired areas plus that over seeds; Welch's degrees of freedom.

    References
    ----------
    E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson: Comparing the areas under two or more correlated receiver
    operating characteristic curves, Biometrics 44, 1988.

    Examples
    --------
    >>> scores, genuine = np.array([[3.0, 1.0, 4.0, 2.0, 0.0, 2.5]]), np.arange(6) < 3
    >>> found = compare_areas(scores, -scores, genuine)
    >>> round(found.difference, 3), round(found.p, 3)
    (0.556, 0.346)
    """
    placements = [[_placements(run, genuine) for run in runs] for runs in (first, second)]
    (one, other), variances = [np.mean(runs, axis=0) for runs in placements], []
    for kind in (genuine, ~genuine):
        difference = (one - other)[kind]
        spread = difference.var(ddof=1) / len(difference) if len(difference) > 1 else float("nan")
        variances.append((float(spread), len(difference) - 1))
    areas = [[float(run[genuine].mean()) for run in runs] for runs in placements]
    test = f"DeLong's test over {int(genuine.sum())} genuine trials and {int((~genuine).sum())} of impostors"
    return _by_t(float(np.mean(areas[0]) - np.mean(areas[1])), [*variances, *map(_seed_variance, areas)], test)


def _placements(scores: np.ndarray, genuine: np.ndarray) -> np.ndarray:
    """Return for each trial the fraction of trials of the other kind on its correct side, ties counting half."""
    ranks = stats.rankdata(scores)
    found = np.empty(len(scores))
    for kind, sign in ((genuine, 1.0), (~genuine, -1.0)):
        others = len(scores) - kind.sum()
        below = (ranks[kind] - stats.rankdata(scores[kind])) / others
        found[kind] = below if sign > 0 else 1.0 - below
    return found


def compare_on_samples(first: np.ndarray, second: np.ndarray, groups: np.ndarray | None = None) -> Comparison:
    """Compare two contenders on the test samples of one split.

    Parameters
    ----------
    first, second : ndarray of bool, shape (seeds, N)
        Whether each sample is classified correctly under each seed; the numbers of seeds may differ.
    groups : ndarray of str, shape (N,), optional
        Session, file or speaker of each sample. Samples of a group are not independent, so the test flips the signs of
        sums over groups, and the interval is that of as many observations as there are groups.

    Returns
    -------
    Comparison
        Of ``first - second``: exact p-value, bootstrap interval. If seeds differ, the p-value is the larger of the
        exact one and that of a t-test on the variances over samples and over seeds.
    """
    common = int(np.lcm(len(first), len(second)))
    whole = first.sum(axis=0) * (common // len(first)) - second.sum(axis=0) * (common // len(second))
    difference = float(whole.mean() / common)
    seeds = [_seed_variance(runs.mean(axis=1)) for runs in (first, second)]
    count = f"{len(whole)} test samples"
    if groups is None:
        one_each = len(first) == len(second) == 1
        name = ("McNemar's exact test" if one_each else "exact sign-flip test on seed averages") + f", {count}"
        sums, variance = whole, _variance_of_mean(whole / common, np.arange(len(whole)))
    else:
        sums = np.bincount(np.unique(groups, return_inverse=True)[1], weights=whole).astype(np.int64)
        count = f"sums of {len(sums)} groups, {count}"
        name, variance = f"exact sign-flip test on {count}", _variance_of_mean(whole / common, groups)
    exact = sign_flip_exact(sums)
    if groups is None and not any(variance for variance, _ in seeds):
        bounds = paired_bootstrap(whole / common) if whole.any() else (float("nan"), float("nan"))
        return _agreeing(Comparison(difference, *bounds, exact, name))
    by_t = _by_t(difference, [variance, *seeds], f"t-test on the variances over samples and seeds, on {count}")
    if by_t.testable and by_t.p > exact:
        return by_t if any(variance for variance, _ in seeds) else replace(by_t, test=f"t-test on {count}")
    return _agreeing(replace(by_t, p=exact, test=name))


def grouped_interval(right: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """Return the interval of an accuracy over samples in groups: the t interval of the groups.

    If all groups are equal, it is Wilson's interval for as many samples as there are groups.

    Parameters
    ----------
    right : ndarray, shape (N,)
        Whether each sample is classified correctly, or the fraction of runs in which it is.
    groups : ndarray of str, shape (N,)

    Examples
    --------
    >>> import numpy as np
    >>> grouped_interval(np.repeat([1.0, 0.0, 1.0, 1.0], 40), np.repeat(list("abcd"), 40))  # four groups are few
    (0.0, 1.0)
    >>> low, high = grouped_interval(np.tile([1.0, 0.0, 1.0, 1.0], 40), np.arange(160))
    >>> round(low, 2), round(high, 2)
    (0.68, 0.82)
    """
    mean = float(right.mean())
    found = _by_t(mean, [_variance_of_mean(right, groups)], "")
    if not found.testable:
        return wilson_interval(mean, len(np.unique(groups)))
    return max(0.0, found.low), min(1.0, found.high)


def _variance_of_mean(values: np.ndarray, groups: np.ndarray) -> tuple[float, int]:
    """Return the variance of a mean over groups, and its degrees of freedom; NaN with one group."""
    inverse = np.unique(groups, return_inverse=True)[1]
    sums = np.bincount(inverse, weights=values - values.mean())
    count = len(sums)
    if count < 2:
        return float("nan"), 1
    return float(count / (count - 1) * (sums**2).sum() / len(values) ** 2), count - 1


def _seed_variance(scores: Sequence[float] | np.ndarray) -> tuple[float, int]:
    """Return the variance of a mean over seeds, and its degrees of freedom; zero with one seed."""
    return (float(np.var(scores, ddof=1)) / len(scores), len(scores) - 1) if len(scores) > 1 else (0.0, 1)


def _by_t(difference: float, variances: Sequence[tuple[float, int]], test: str, *, level: float = 0.95) -> Comparison:
    """Compare by a t-test on a sum of variances, each with its degrees of freedom (Welch 1947)."""
    variance = sum(one for one, _ in variances)
    if not variance > _NO_SPREAD:
        return Comparison(difference, float("nan"), float("nan"), 1.0, test)
    freedom = variance**2 / sum(one**2 / own for one, own in variances)
    error = variance**0.5
    half = float(stats.t.ppf(0.5 + level / 2, freedom)) * error
    return Comparison(
        difference, difference - half, difference + half, float(2 * stats.t.sf(abs(difference) / error, freedom)), test
    )


def _agreeing(comparison: Comparison) -> Comparison:
    """Extend the interval to zero if the exact test does not reject it."""
    if comparison.p < 0.05 or not comparison.testable:
        return comparison
    return replace(comparison, low=min(comparison.low, 0.0), high=max(comparison.high, 0.0))
