"""Splits: complete, disjoint, repeatable, and none that leaks."""

import numpy as np
import pytest

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError, SplitError
from img_repr.core.splits.cuts import group_splits, published_splits, resampled_splits, time_splits
from img_repr.core.splits.inner import hold_out
from img_repr.core.splits.split import Split
from img_repr.domains.timeseries.sample import TIMESERIES


def make_dataset(count: int = 60, **columns) -> Dataset:
    labels = np.array(["a", "b", "b"])[np.arange(count) % 3]
    return Dataset("toy", TIMESERIES, np.arange(2.0 * count).reshape(count, 2), **({"labels": labels} | columns))


PARTS = np.array(["train"] * 20 + ["test"] * 40)


def complete(split: Split, count: int = 60) -> None:
    assert sorted([*split.train, *split.test]) == list(range(count))


def test_published_split():
    (split,) = published_splits(make_dataset(split=PARTS))
    assert (split.kind, split.name) == ("published", "0")
    np.testing.assert_array_equal(split.train, np.arange(20))
    np.testing.assert_array_equal(split.test, np.arange(20, 60))


def test_published_folds_are_held_out_in_turn():
    folds = np.array([str(n % 5) for n in range(60)])
    splits = list(published_splits(make_dataset(split=folds)))
    assert [split.name for split in splits] == list("01234")
    for split in splits:
        complete(split)
        assert set(folds[split.test]) == {split.name}
    with pytest.raises(SplitError, match="toy: expected a published split"):
        next(published_splits(make_dataset()))


def test_resamples_keep_the_counts_of_the_published_split():
    data = make_dataset(split=PARTS)
    splits = list(resampled_splits(data, 4))
    assert [split.name for split in splits] == ["0", "1", "2", "3"]
    np.testing.assert_array_equal(splits[0].train, np.arange(20))
    for split in splits:
        complete(split)
        for label in "ab":
            assert (data.labels[split.train] == label).sum() == (data.labels[:20] == label).sum()
    assert len({tuple(sorted(split.train)) for split in splits}) == 4
    again = list(resampled_splits(data, 4))
    assert all(np.array_equal(one.train, other.train) for one, other in zip(splits, again, strict=True))


def test_resamples_are_those_of_the_archive():
    """The archive's recipe written out: RandomState(k), class after class, shuffled positions, cut at the old count."""
    data = make_dataset(split=PARTS)
    split = list(resampled_splits(data, 3))[2]
    random, expected = np.random.RandomState(2), []
    for label in ("a", "b"):
        positions = np.where(data.labels == label)[0]
        random.shuffle(positions)
        expected.extend(positions[: (data.labels[:20] == label).sum()])
    assert split.train.tolist() == expected


def test_resamples_without_a_published_split_are_stratified():
    data = make_dataset()
    for split in resampled_splits(data, 3, test_size=0.25):
        complete(split)
        assert (data.labels[split.test] == "a").sum() == 5
        assert (data.labels[split.test] == "b").sum() == 10


@pytest.mark.parametrize("word", ["groups", "times"])
def test_random_splits_over_groups_or_times_are_refused_unless_forced(word):
    data = make_dataset(**{word: np.arange(60) // 10})
    with pytest.raises(SplitError, match=f"random split is refused because the {word} are known"):
        next(resampled_splits(data, 1))
    complete(next(resampled_splits(data, 1, force=True)))


def test_each_group_is_held_out_alone():
    groups = np.array(["x", "y", "z"])[np.arange(60) // 20]
    splits = list(group_splits(make_dataset(groups=groups)))
    assert [split.name for split in splits] == ["x", "y", "z"]
    for split in splits:
        complete(split)
        assert set(groups[split.test]) == {split.name}


def test_groups_in_folds_of_about_equal_size(random):
    groups = random.integers(0, 12, 60)
    splits = list(group_splits(make_dataset(groups=groups), 3))
    assert len(splits) == 3
    for split in splits:
        complete(split)
        assert not set(groups[split.train]) & set(groups[split.test])
        assert 14 <= len(split.test) <= 26
    assert sorted(np.concatenate([split.test for split in splits])) == list(range(60))


def test_groups_that_are_too_few():
    with pytest.raises(SplitError, match="expected groups"):
        next(group_splits(make_dataset()))
    with pytest.raises(SplitError, match="at least 2 groups, got 1"):
        next(group_splits(make_dataset(groups=np.zeros(60))))
    with pytest.raises(SplitError, match="at least 5 groups, got 3"):
        next(group_splits(make_dataset(groups=np.arange(60) % 3), 5))


def test_training_lies_in_the_past(random):
    times = random.permutation(60).astype(float)
    (split,) = time_splits(make_dataset(times=times), test_size=0.25)
    complete(split)
    assert len(split.test) == 15
    assert times[split.train].max() < times[split.test].min()


def test_a_gap_in_time_and_samples_of_one_time():
    times = np.arange(60) // 10
    (split,) = time_splits(make_dataset(times=times), test_size=0.25)
    assert set(times[split.train]) == {0, 1, 2, 3}  # the samples of time 4 stay together
    (split,) = time_splits(make_dataset(times=times, gap=2), test_size=0.25)
    assert set(times[split.train]) == {0, 1}
    assert set(times[split.test]) == {4, 5}
    with pytest.raises(SplitError, match="samples in both parts"):
        next(time_splits(make_dataset(times=np.zeros(60))))


def test_several_spans_of_time_are_tested_one_after_the_other(random):
    times = random.permutation(60).astype(float)
    splits = list(time_splits(make_dataset(times=times, gap=2.5), 3, test_size=0.5))
    assert [(split.kind, split.name) for split in splits] == [("time", "0"), ("time", "1"), ("time", "2")]
    for split, begin in zip(splits, (30, 40, 50), strict=True):
        assert sorted(times[split.test]) == list(range(begin, begin + 10))
        assert sorted(times[split.train]) == list(range(begin - 2))  # what is tested earlier is learned from later


def test_samples_of_one_time_are_tested_together():
    times = np.repeat([0, 1, 2, 3, 4], 12)
    splits = list(time_splits(make_dataset(times=times), 2, test_size=0.4))
    assert [set(times[split.test]) for split in splits] == [{3}, {4}]
    assert [set(times[split.train]) for split in splits] == [{0, 1, 2}, {0, 1, 2, 3}]
    with pytest.raises(SplitError, match="expected 3 spans of time to test on, got tested samples of 2 distinct times"):
        next(time_splits(make_dataset(times=times), 3, test_size=0.4))


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_rejects_invalid_fraction(fraction):
    with pytest.raises(ParameterError, match="toy: expected test_size between 0 and 1"):
        next(time_splits(make_dataset(times=np.arange(60)), test_size=fraction))


@pytest.mark.parametrize("gap", [-1.0, np.nan, np.inf])
def test_a_gap_that_cannot_be(gap):
    with pytest.raises(DataError, match="toy: expected gap to be units of the times, 0 or more, got"):
        make_dataset(times=np.arange(60), gap=gap)


def test_a_gap_is_kept_between_numbers_only():
    days = np.arange("2020-01-01", "2020-03-01", dtype="datetime64[D]")
    assert len(next(time_splits(make_dataset(times=days))).test) == 18
    with pytest.raises(DataError, match="expected times that are numbers, to keep a gap of 2, got datetime64"):
        make_dataset(times=days, gap=2.0)
    early, late = hold_out(make_dataset(times=np.arange(60, dtype=np.uint8), gap=50), np.arange(60), fraction=0.1)
    assert (early.max(), late.min()) == (3, 54)  # no wrapping round below 0


def test_a_gap_is_part_of_the_content():
    times = np.arange(60)
    prints = {make_dataset(times=times, gap=gap).fingerprint() for gap in (0, 0.0, 2, 2.0)}
    assert len(prints) == 2


def test_a_validation_part_keeps_the_gap(random):
    times = random.permutation(60).astype(float)
    data = make_dataset(times=times, gap=5.0)
    fitting, validation = hold_out(data, np.arange(60), fraction=0.25)
    assert sorted(times[fitting]) == list(range(40))
    assert sorted(times[validation]) == list(range(45, 60))
    with pytest.raises(SplitError, match="two times at least, got none that are 50 apart, the requested gap"):
        hold_out(make_dataset(times=times, gap=50.0), np.arange(60), fraction=0.25)


@pytest.mark.parametrize(
    "columns",
    [{}, {"groups": np.arange(60) // 6}, {"times": np.arange(60)[::-1].copy()}],
    ids=["labels", "groups", "times"],
)
@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5])
def test_hold_out_cuts_a_part_of_the_training_part(columns, fraction):
    data = make_dataset(**columns)
    positions = np.arange(5, 55)
    fitting, validation = hold_out(data, positions, fraction=fraction, seed=3)
    assert sorted([*fitting, *validation]) == positions.tolist()
    assert len(validation) == pytest.approx(50 * fraction, abs=5)
    assert np.array_equal(hold_out(data, positions, fraction=fraction, seed=3)[1], validation)
    if "groups" in columns:
        assert not set(data.groups[fitting]) & set(data.groups[validation])
    if "times" in columns:
        assert data.times[fitting].max() < data.times[validation].min()
    if not columns:
        assert set(data.labels[validation]) == {"a", "b"}
        assert not np.array_equal(hold_out(data, positions, fraction=fraction, seed=4)[1], validation)


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_hold_out_of_few_samples_leaves_both_parts_some(count):
    for columns in ({"times": np.arange(60)}, {}):
        data = make_dataset(labels=np.array(["a"] * 60), **columns)
        fitting, validation = hold_out(data, np.arange(count))
        assert len(fitting) >= 1
        assert len(validation) >= 1


def test_hold_out_that_cannot_be():
    with pytest.raises(SplitError, match="two training samples"):
        hold_out(make_dataset(), np.array([0, 1]))
    with pytest.raises(SplitError, match="two times at least, got none that are 3 apart"):
        hold_out(make_dataset(times=np.zeros(60), gap=3.0), np.arange(10))


def test_parts_share_no_sample():
    with pytest.raises(SplitError, match="without a common sample"):
        Split("time", "0", np.array([0, 1]), np.array([1, 2]))
    with pytest.raises(SplitError, match="samples in both parts"):
        Split("time", "0", np.array([0, 1]), np.array([], dtype=int))
