import itertools

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from img_repr.benchmark.evaluation import across_datasets, statistics
from img_repr.core.errors import ParameterError

# Made with statsmodels 0.15.0, baycomp 1.0.3 and scipy 1.17:
#   mcnemar([[0, 3], [11, 0]], exact=True).pvalue
#   multipletests([0.01, 0.04, 0.03, 0.005, 0.2, 0.9], method="holm")[1]
#   proportion_confint(140, 150, method="wilson"), proportion_confint(28, 28, method="wilson")
#   baycomp.SignedRankTest.probs(B, A, rope=0.01, random_state=0, nsamples=200000)     left: B, right: A
#   baycomp.SignedRankTest.probs(B[:4], A[:4], rope=0.01, random_state=0, nsamples=200000)
#   baycomp.single.CorrelatedTTest.probs(np.zeros(10), FOLDS, rope=0, runs=1)
A = np.array([0.93, 0.81, 0.77, 0.99, 0.68, 0.90, 0.85, 0.74])
B = np.array([0.90, 0.82, 0.70, 0.985, 0.60, 0.86, 0.80, 0.755])
FOLDS = [0.02, 0.03, 0.01, 0.04, 0.02, -0.01, 0.03, 0.0, 0.05, 0.02]


def test_mcnemar_equals_statsmodels():
    assert statistics.mcnemar_exact(3, 11) == pytest.approx(0.057373046875)
    assert statistics.mcnemar_exact(12, 20) == pytest.approx(0.21532714972272515)
    assert statistics.mcnemar_exact(0, 0) == 1.0


def test_holm_equals_statsmodels():
    assert across_datasets.holm([0.01, 0.04, 0.03, 0.005, 0.2, 0.9]) == pytest.approx(
        [0.05, 0.12, 0.12, 0.03, 0.4, 0.9]
    )
    assert len(across_datasets.holm([])) == 0


def test_wilson_equals_statsmodels():
    assert statistics.wilson_interval(140 / 150, 150) == pytest.approx((0.8816376448839411, 0.9633881433303926))
    assert statistics.wilson_interval(1.0, 28) == pytest.approx((0.8793566952341542, 1.0))


def test_bayesian_signed_rank_equals_baycomp():
    assert across_datasets.bayesian_signed_rank(A - B) == pytest.approx((0.97157, 0.02555, 0.00288), abs=0.004)
    assert across_datasets.bayesian_signed_rank(A[:4] - B[:4]) == pytest.approx((0.73008, 0.26992, 0.0), abs=0.008)


def test_corrected_t_equals_baycomp_for_ten_folds():
    found = statistics.corrected_resampled_t(FOLDS, test_over_train=1 / 9)
    assert found.p == pytest.approx(2 * 0.015582967964130168, abs=1e-4)
    assert found.difference == pytest.approx(0.021)


def test_corrected_t_by_hand():
    found = statistics.corrected_resampled_t([0.02, 0.03, 0.01, 0.04, 0.02], 0.5)  # variance 1.3e-4
    assert found.high - found.difference == pytest.approx(2.7764451 * np.sqrt(0.7 * 1.3e-4))
    with pytest.raises(ParameterError, match="at least 2 splits, got 1"):
        statistics.corrected_resampled_t([0.1], 0.5)


def test_corrected_t_does_not_call_equal_differences_certain():
    found = statistics.corrected_resampled_t([0.1, 0.1], 0.5)
    assert (found.difference, found.p, found.testable) == (0.1, 1.0, False)
    assert np.isnan([found.low, found.high]).all()  # no interval of no width next to it


@pytest.mark.parametrize("groups", [None, np.repeat(list("abcd"), 10)])
def test_contenders_that_are_right_on_the_same_samples_cannot_be_tested(groups):
    right = np.arange(40)[None] % 3 > 0
    found = statistics.compare_on_samples(right, right, groups)
    assert (found.difference, found.p, found.testable) == (0.0, 1.0, False)


@pytest.mark.parametrize("seed", range(5))
def test_sign_flip_equals_all_flips_counted(seed):
    differences = np.random.default_rng(seed).integers(-3, 4, size=12)
    sums = [abs(np.dot(differences, flips)) for flips in itertools.product([1, -1], repeat=12)]
    assert statistics.sign_flip_exact(differences) == pytest.approx(np.mean(np.array(sums) >= abs(differences.sum())))


def test_sign_flip_of_one_seed_is_mcnemar():
    differences = np.array([1] * 11 + [-1] * 3 + [0] * 40)
    assert statistics.sign_flip_exact(differences) == pytest.approx(statistics.mcnemar_exact(3, 11))


def test_sign_flip_does_not_depend_on_the_unit():
    differences = np.array([2] * 5 + [-1] * 4 + [-3])
    assert statistics.sign_flip_exact(10 * differences) == pytest.approx(statistics.sign_flip_exact(differences))


def test_paired_comparison_takes_unequal_numbers_of_seeds():
    first = np.array([[1, 1, 0, 1], [1, 1, 1, 0]], dtype=bool)
    second = np.array([[0, 1, 0, 0]], dtype=bool)
    found = statistics.compare_on_samples(first, second)
    assert found.difference == pytest.approx(0.75 - 0.25)
    assert found.p == statistics.sign_flip_exact(np.array([2, 0, 1, 1]))
    assert found.low <= found.difference <= found.high


def test_bootstrap_has_the_width_of_the_binomial():
    differences = np.array([1] * 300 + [0] * 700)
    low, high = statistics.paired_bootstrap(differences)
    assert (low, high) == pytest.approx(
        (0.3 - 1.96 * np.sqrt(0.21 / 1000), 0.3 + 1.96 * np.sqrt(0.21 / 1000)), abs=0.003
    )
    assert statistics.paired_bootstrap(differences) == (low, high)


def test_ranks_share_ties_and_refuse_gaps():
    assert across_datasets.mean_ranks(np.array([[0.9, 0.8, 0.8], [0.5, 0.7, 0.6]])) == pytest.approx([2.0, 1.75, 2.25])
    with pytest.raises(ParameterError, match="incomplete"):
        across_datasets.mean_ranks(np.array([[0.9, np.nan]]))


def test_wilcoxon_needs_six_data_sets():
    assert across_datasets.wilcoxon_p(np.array([0.1, 0.2, 0.3, 0.4, 0.5])) is None
    assert across_datasets.wilcoxon_p(np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])) == pytest.approx(2 / 64)
    assert across_datasets.wilcoxon_p(A - B) == pytest.approx(0.078125)
    assert across_datasets.wilcoxon_p(np.zeros(7)) == 1.0


def test_win_tie_loss():
    assert across_datasets.win_tie_loss(np.array([0.1, 0.0, -0.1, 0.2])) == (2, 1, 1)


def test_samples_of_one_group_count_as_one():
    first, second = np.ones((1, 60), bool), np.ones((1, 60), bool)
    second[0, :30] = False  # all of three groups of ten
    groups = np.repeat(list("abcdef"), 10)
    alone, together = statistics.compare_on_samples(first, second), statistics.compare_on_samples(first, second, groups)
    assert alone.difference == together.difference == 0.5
    assert alone.p < 1e-8
    assert together.p == 2 * 0.5**3  # three signs, all alike
    assert together.high - together.low > 2 * (alone.high - alone.low)
    single = statistics.compare_on_samples(first, second, np.arange(60).astype(str))
    assert single.p == alone.p


def test_one_group_tells_nothing():
    found = statistics.compare_on_samples(np.ones((1, 30), bool), np.arange(30)[None] > 9, np.repeat("all", 30))
    assert (found.p, found.testable) == (1.0, False)
    assert statistics.grouped_interval(np.ones(30), np.repeat("all", 30)) == statistics.wilson_interval(1.0, 1)


def test_the_interval_of_groups_is_the_t_interval_of_their_means_where_they_are_of_one_size(random):
    right, groups = random.random((8, 25)) < random.random((8, 1)), np.repeat(np.arange(8), 25)
    means = right.mean(axis=1)
    expected = stats.t.interval(0.95, 7, means.mean(), means.std(ddof=1) / np.sqrt(8))
    assert statistics.grouped_interval(right.ravel().astype(float), groups) == pytest.approx(
        (max(0.0, expected[0]), min(1.0, expected[1]))
    )


def test_the_interval_holds_zero_where_the_exact_test_does_not_reject(random):
    for number in range(200):
        drawn = np.random.default_rng(number)
        first, second = drawn.random((2, 1, 40)) < 0.9, drawn.random((2, 1, 40)) < 0.7
        found = statistics.compare_on_samples(first[0], second[0], None if number % 2 else np.arange(40) // 6)
        assert not found.testable or (found.low <= 0 <= found.high) == (found.p >= 0.05)


def test_luck_with_seeds_is_no_difference():
    """Three networks that differ from each other as much as they do from the table, on many samples."""
    second = np.arange(1000)[None] >= 150
    first = np.arange(1000) >= np.array([[40], [160], [100]])
    found = statistics.compare_on_samples(first, second)
    assert statistics.sign_flip_exact(first.sum(axis=0) - 3 * second[0]) < 1e-9
    assert found.p > 0.05
    assert found.low < 0 < found.high
    assert "variances over samples and seeds" in found.test
    # by hand: seeds' accuracies .96, .84, .90 have a variance of .0036, their mean a third of it
    differences = first.mean(axis=0) - second[0]
    shares = differences.var(ddof=1) / 1000, 0.0036 / 3
    freedom = sum(shares) ** 2 / (shares[0] ** 2 / 999 + shares[1] ** 2 / 2)
    assert found.p == pytest.approx(2 * stats.t.sf(0.05 / np.sqrt(sum(shares)), freedom))
    assert found.high - found.difference == pytest.approx(stats.t.ppf(0.975, freedom) * np.sqrt(sum(shares)))


def test_seeds_that_agree_leave_the_exact_test_as_it_is():
    first, second = np.arange(60)[None] >= np.array([[3], [3]]), np.arange(60)[None] >= 20
    found = statistics.compare_on_samples(first, second)
    assert found.p == statistics.sign_flip_exact(2 * first[0] - 2 * second[0])


def test_areas_are_compared_by_de_longs_variance(random):
    """Against the structural components written out, pair by pair."""
    genuine = random.random(60) < 0.4
    first, second = random.integers(0, 9, (2, 60)) + 2.0 * genuine
    placed = []
    for scores in (first, second):
        over = (scores[genuine][:, None] > scores[~genuine]) + 0.5 * (scores[genuine][:, None] == scores[~genuine])
        placed.append((over.mean(axis=1), over.mean(axis=0)))
    found = statistics.compare_areas(first[None], second[None], genuine)
    assert found.difference == pytest.approx(roc_auc_score(genuine, first) - roc_auc_score(genuine, second))
    shares = [np.var(one - other, ddof=1) / len(one) for one, other in zip(*placed, strict=True)]
    freedom = sum(shares) ** 2 / sum(share**2 / (len(one) - 1) for share, one in zip(shares, placed[0], strict=True))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(found.difference) / np.sqrt(sum(shares)), freedom))
    assert found.test == f"DeLong's test over {genuine.sum()} genuine trials and {(~genuine).sum()} of impostors"


def test_areas_that_cannot_be_compared():
    genuine = np.array([True, False, False, False])
    assert not statistics.compare_areas(np.eye(1, 4), -np.eye(1, 4), genuine).testable  # one genuine trial
    same = np.arange(8.0)[None]
    assert not statistics.compare_areas(same, 2 * same, np.arange(8) > 4).testable
