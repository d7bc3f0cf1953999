import numpy as np
import pytest

from img_repr.core.dataset import Dataset
from img_repr.core.errors import SplitError
from img_repr.core.splits.inner import inner_folds
from img_repr.domains.timeseries.sample import TIMESERIES


def data(labels, **columns):
    return Dataset("toy", TIMESERIES, np.zeros((len(labels), 4)), np.array(list(labels)), **columns)


def judged_once(folds, positions):
    """Each position is in at most one judged part, and no part judges what it learned from."""
    for fitting, judged in folds:
        assert not np.intersect1d(fitting, judged).size
        assert set(fitting) | set(judged) <= set(positions)
    everyone = np.concatenate([judged for _, judged in folds])
    assert len(everyone) == len(set(everyone))
    return set(everyone)


def test_each_class_is_in_all_folds_and_a_single_sample_always_fitted():
    toy, positions = data("aaaaaabbbc" * 2), np.arange(10)
    folds = list(inner_folds(toy, positions, 3))
    assert judged_once(folds, positions) == set(range(9))
    for fitting, judged in folds:
        assert sorted(toy.labels[judged]) == ["a", "a", "b"]
        assert 9 in fitting


def test_another_seed_deals_otherwise_and_the_same_alike():
    toy = data("ab" * 20)
    first, again, other = (
        [judged.tolist() for _, judged in inner_folds(toy, np.arange(40), seed=seed)] for seed in (0, 0, 1)
    )
    assert first == again != other


def test_groups_stay_whole_and_every_fold_has_every_class():
    sizes = [6, 5, 4, 4, 3, 2, 2, 2, 2]
    groups = np.repeat([f"g{number}" for number in range(9)], sizes)
    toy = data(np.repeat(list("abcabcabc"), sizes), groups=groups)
    positions = np.arange(len(groups))
    folds = list(inner_folds(toy, positions, 3, seed=4))
    assert judged_once(folds, positions) == set(positions)
    for fitting, judged in folds:
        assert not set(groups[fitting]) & set(groups[judged])
        assert set(toy.labels[judged]) == set("abc")


def test_as_many_folds_as_groups_at_most():
    toy = data("abab", groups=np.array([1, 1, 2, 2]))
    assert [judged.tolist() for _, judged in inner_folds(toy, np.arange(4), 5)] in ([[0, 1], [2, 3]], [[2, 3], [0, 1]])


def test_single_training_group_is_not_held_out():
    toy = data("abab" * 3, groups=np.array(["p"] * 8 + ["q"] * 4))
    assert len(list(inner_folds(toy, np.arange(8), 2))) == 2


def test_validation_samples_are_later_than_fitting_samples():
    times = np.array([8, 1, 7, 2, 6, 3, 5, 4])
    toy = data("abababab", times=times)
    found = [(sorted(times[a]), sorted(times[b])) for a, b in inner_folds(toy, np.arange(8), 3)]
    assert found == [([1, 2], [3, 4]), ([1, 2, 3, 4], [5, 6]), ([1, 2, 3, 4, 5, 6], [7, 8])]


def test_folds_of_time_keep_the_gap():
    times = np.array([8, 1, 7, 2, 6, 3, 5, 4])
    toy = data("aabbaabb", times=times, gap=2.0)
    found = [(sorted(times[a]), sorted(times[b])) for a, b in inner_folds(toy, np.arange(8), 3)]
    assert found == [([1, 2], [5, 6]), ([1, 2, 3, 4], [7, 8])]  # 3 and 4 have no past that far off
    with pytest.raises(SplitError, match="got none that are 7 apart, the requested gap"):
        list(inner_folds(data("abababab", times=times, gap=7.0), np.arange(8), 3))


def test_samples_of_one_time_are_not_torn_apart():
    times = np.array([1, 1, 1, 1, 1, 2, 2, 2])
    found = [(set(times[a]), set(times[b])) for a, b in inner_folds(data("abababab", times=times), np.arange(8), 3)]
    assert found == [({1}, {2})]


def test_only_the_training_part_is_cut():
    positions = np.array([1, 3, 5, 7, 9, 11])
    assert judged_once(list(inner_folds(data("aabb" * 3), positions, 2)), positions) == set(positions)


def test_rejects_data_that_cannot_be_cut():
    with pytest.raises(SplitError, match="toy: expected a class with two training samples, to cut folds, got none"):
        list(inner_folds(data("abc"), np.arange(3)))
    with pytest.raises(SplitError, match="toy: expected training samples of two times at least, got none that are 1"):
        list(inner_folds(data("abab", times=np.ones(4), gap=1.0), np.arange(4)))


def test_single_time_is_ignored_and_folds_are_stratified():
    toy, positions = data("abab", times=np.ones(4)), np.arange(4)
    assert judged_once(list(inner_folds(toy, positions, 2)), positions) == set(positions)
