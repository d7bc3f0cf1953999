"""One policy for test parts, validation parts and inner folds: promises over random groups, classes and times."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from img_repr.core.dataset import Dataset
from img_repr.core.errors import ParameterError, SplitError
from img_repr.core.splits.cuts import group_splits, group_time_splits, resampled_splits, time_splits
from img_repr.core.splits.findings import describe_splits
from img_repr.core.splits.inner import hold_out, inner_fold_notes, inner_folds, validation_kind, validation_notes
from img_repr.core.splits.policy import default_split_kind, make_splits
from img_repr.domains.timeseries.sample import TIMESERIES


def make_data(labels, **columns) -> Dataset:
    known = {word: None if column is None else np.asarray(column) for word, column in columns.items()}
    return Dataset("toy", TIMESERIES, np.zeros((len(labels), 4)), np.array(list(labels)), **known)


@st.composite
def tables(draw, groups: bool | None = None, times: bool | None = None) -> Dataset:
    """Six to forty samples of two to five classes, of which some may have groups and times."""
    count = draw(st.integers(6, 40))
    labels = draw(st.lists(st.sampled_from("abcde"), min_size=count, max_size=count))
    labels[:4] = "aabb"
    several = draw(st.integers(1, 12))
    with_groups, with_times = (draw(st.booleans()) if one is None else one for one in (groups, times))
    numbers = st.lists(st.integers(0, several - 1), min_size=count, max_size=count)
    moments = st.lists(st.integers(0, 15), min_size=count, max_size=count)
    return make_data(labels, groups=draw(numbers) if with_groups else None, times=draw(moments) if with_times else None)


def share_groups(data: Dataset, first: np.ndarray, second: np.ndarray) -> bool:
    return data.groups is not None and bool(set(data.groups[first]) & set(data.groups[second]))


def lost_classes(labels: np.ndarray, groups: np.ndarray, fold: np.ndarray) -> int:
    """Classes of several groups that lie in one fold alone, and so are not learned when it is tested."""
    return sum(
        len(set(groups[labels == label])) > 1 and len(set(fold[labels == label])) == 1 for label in np.unique(labels)
    )


# Validation


@settings(max_examples=80, deadline=None)
@given(tables(), st.sampled_from([0.1, 0.2, 0.3, 0.5, 0.8]), st.integers(0, 5))
def test_a_validation_part_leaves_every_class_in_the_fitting_part(data, fraction, seed):
    positions = np.arange(len(data))
    fitting, validation = hold_out(data, positions, fraction=fraction, seed=seed)
    assert len(validation)
    assert not set(fitting) & set(validation)
    assert set(data.labels[fitting]) == set(data.labels)
    if data.times is None:
        assert len(fitting) + len(validation) == len(data)
    again = hold_out(data, positions, fraction=fraction, seed=seed)
    np.testing.assert_array_equal(again[1], validation)


@settings(max_examples=80, deadline=None)
@given(tables(), st.sampled_from([0.1, 0.2, 0.5]), st.integers(0, 3))
def test_validation_notes_report_shared_groups_and_mixed_times(data, fraction, seed):
    fitting, validation = hold_out(data, np.arange(len(data)), fraction=fraction, seed=seed)
    said = " ".join(validation_notes(data, np.arange(len(data)), fraction))
    if share_groups(data, fitting, validation):
        assert "shares groups" in said
    if data.times is not None and data.times[fitting].max() >= data.times[validation].min():
        assert "gives up the order of time" in said
    if data.groups is None and data.times is None:
        assert "assume independent samples" in said
    if validation_kind(data, np.arange(len(data)), fraction) == "group_time":
        assert not said


@settings(max_examples=60, deadline=None)
@given(tables(groups=True, times=False), st.randoms(use_true_random=False))
def test_the_order_of_samples_does_not_decide_which_groups_are_held_out(data, random):
    order = list(range(len(data)))
    random.shuffle(order)
    positions = np.arange(len(data))
    if validation_kind(data, positions) != "group":
        return
    mixed = data.subset(order)
    assert set(data.groups[hold_out(data, positions)[1]]) == set(mixed.groups[hold_out(mixed, positions)[1]])
    parts = [{frozenset(one.groups[s.test]) for s in make_splits(one, "group")} for one in (data, mixed)]
    assert parts[0] == parts[1]


def test_every_class_with_enough_groups_is_validated():
    labels = np.repeat(list("abcdef"), 5)
    data = make_data(np.repeat(labels, 4), groups=np.repeat(np.arange(30), 4))
    for seed in range(5):
        _, validation = hold_out(data, np.arange(120), fraction=0.2, seed=seed)
        assert sorted(data.labels[validation]) == sorted("abcdef" * 4)
    assert len({tuple(hold_out(data, np.arange(120), seed=seed)[1]) for seed in range(5)}) > 1


def test_one_session_for_each_person_is_cut_late_inside_of_it():
    labels = np.repeat(["ann", "bob", "cy"], 10)
    data = make_data(labels, groups=labels, elapsed_s=np.tile(np.arange(10.0), 3))
    fitting, validation = hold_out(data, np.arange(30), fraction=0.2)
    assert data.elapsed_s[validation].tolist().count(8.0) == data.elapsed_s[validation].tolist().count(9.0) == 3
    assert data.elapsed_s[fitting].max() == 7.0
    assert "because each group is the last of a class (ann, bob, cy)" in validation_notes(data, np.arange(30))[0]


def test_a_class_of_one_group_is_fitted_and_named():
    data = make_data("aabbccc", groups=[1, 2, 3, 4, 5, 5, 5])
    for seed in range(4):
        fitting, validation = hold_out(data, np.arange(7), fraction=0.5, seed=seed)
        assert set(data.labels[fitting]) == set("abc")
        assert 5 not in data.groups[validation]
    assert validation_notes(data, np.arange(7)) == [
        "The validation part holds out whole groups: 1 class is fitted and not validated, because a group of them "
        "would be the last of its class: c."
    ]


def test_classes_recorded_one_after_the_other_are_cut_by_time_each():
    data = make_data("a" * 15 + "b" * 5, times=np.arange(20))
    fitting, validation = hold_out(data, np.arange(20), fraction=0.25)
    assert sorted(validation) == [12, 13, 14, 19]
    assert set(data.labels[fitting]) == set("ab")
    assert "a cut by time would leave a class unlearned" in validation_notes(data, np.arange(20), 0.25)[0]


# Inner folds


@settings(max_examples=60, deadline=None)
@given(tables(), st.integers(2, 5), st.integers(0, 3))
def test_inner_folds_fit_every_class_and_report_shared_groups(data, count, seed):
    positions = np.arange(len(data))
    folds = list(inner_folds(data, positions, count, seed=seed))
    assert folds
    by_time = validation_kind(data, positions, 1 / (count + 1)) == "time"
    said = " ".join(inner_fold_notes(data, positions, count))
    for fitting, judged in folds:
        assert len(judged)
        assert not set(fitting) & set(judged)
        if not by_time:
            assert set(data.labels[fitting]) == set(data.labels)
        if share_groups(data, fitting, judged):
            assert "shares groups" in said
    everyone = np.concatenate([judged for _, judged in folds])
    assert len(everyone) == len(set(everyone))


# Test parts


@settings(max_examples=80, deadline=None)
@given(tables())
def test_default_splits_report_ignored_groups_times_and_classes(data):
    try:
        splits = list(make_splits(data))
    except SplitError:
        return
    said = " ".join(describe_splits(data, splits))
    for split in splits:
        if share_groups(data, split.train, split.test):
            assert "stand in training too" in said or "stands in training too" in said
        if set(data.labels[split.test]) - set(data.labels[split.train]):
            assert "no training sample" in said
        if data.times is not None and data.times[split.train].max() >= data.times[split.test].min():
            assert "no earlier than the first tested one" in said
        if len(split.test) == 1:
            assert "1 sample only" in said
    untested = set(data.labels) - {label for split in splits for label in data.labels[split.test]}
    assert ("no test sample" in said) == bool(untested)


@settings(max_examples=80, deadline=None)
@given(tables(groups=True, times=False), st.integers(2, 5))
def test_group_folds_lose_no_more_classes_than_those_of_scikit_learn(data, count):
    try:
        splits = list(group_splits(data, count))
    except SplitError:
        return
    fold = np.full(len(data), -1)
    for number, split in enumerate(splits):
        assert not share_groups(data, split.train, split.test)
        fold[split.test] = number
    shared = {label for label in data.labels if len(set(data.groups[data.labels == label])) > 1}
    always_learned = ~np.isin(data.groups, data.groups[np.isin(data.labels, list(shared))])
    assert ((fold == -1) == always_learned).all()
    peer = np.full(len(data), -1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for number, (_, test) in enumerate(
                StratifiedGroupKFold(count).split(data.labels, data.labels, data.groups)
            ):
                peer[test] = number
    except ValueError:
        return
    assert lost_classes(data.labels, data.groups, fold) <= lost_classes(data.labels, data.groups, peer)


def test_classes_of_two_groups_are_never_tested_without_training():
    data = make_data(np.repeat(list("abcdefghij"), 6), groups=np.repeat(np.arange(20), 3))
    for split in make_splits(data):
        assert set(data.labels[split.test]) <= set(data.labels[split.train])


@pytest.mark.parametrize(("groups", "folds"), [(44, 5), (6, 5), (5, 5), (3, 3)])
def test_groups_default_to_five_folds(groups, folds):
    data = make_data("ab" * 2 * groups, groups=np.repeat(np.arange(groups), 4))
    splits = list(make_splits(data))
    assert [split.kind for split in splits] == ["group"] * folds
    np.testing.assert_array_equal(np.sort(np.concatenate([split.test for split in splits])), np.arange(4 * groups))


def test_each_speaker_alone_in_the_order_of_names_where_there_are_few():
    data = make_data("ab" * 8, groups=np.repeat(["theo", "george", "lucas", "jackson"], 4))
    assert [split.name for split in make_splits(data, "group")] == ["george", "jackson", "lucas", "theo"]


def test_later_groups_are_tested_where_a_time_parts_them():
    data = make_data("ab" * 10, groups=np.repeat(np.arange(5), 4), times=np.arange(20))
    (split,) = make_splits(data, test_size=0.4)
    assert split.kind == "group_time"
    assert (split.train.tolist(), split.test.tolist()) == (list(range(12)), list(range(12, 20)))
    assert describe_splits(data, [split]) == []
    (late,) = make_splits(replace(data, gap=2.0), test_size=0.4)
    assert late.train.tolist() == list(range(10))


def test_groups_that_come_again_and_again_are_held_out_and_time_is_given_up():
    data = make_data("ab" * 10, groups=np.tile(np.arange(5), 4), times=np.arange(20))
    splits = list(make_splits(data))
    assert {split.kind for split in splits} == {"group"}
    assert describe_splits(data, splits)[0] == "Whole groups are held out, and the order of time is given up."
    with pytest.raises(SplitError, match="some groups are later than all others and both parts have every class"):
        list(group_time_splits(data))


def test_one_group_per_class_is_cut_at_random_with_a_note():
    data = make_data(np.repeat(list("abc"), 10), groups=np.repeat(list("xyz"), 10))
    (split,) = make_splits(data)
    assert split.kind == "resample"
    assert set(data.labels[split.train]) == set(data.labels[split.test]) == set("abc")
    assert (
        "Training and test share groups, because no class has two of them (x, y, z)"
        in describe_splits(data, [split])[0]
    )
    with pytest.raises(SplitError, match="expected a class with two groups"):
        list(make_splits(data, "group"))


def test_single_group_of_a_class_stays_in_training():
    data = make_data("aabbcc", groups=[1, 2, 1, 2, 3, 3])
    splits = list(make_splits(data))
    assert [set(data.groups[split.test]) for split in splits] == [{1}, {2}]
    assert all(3 in data.groups[split.train] for split in splits)
    assert "1 of 3 classes has no test sample: c." in describe_splits(data, splits)


def test_columns_of_one_value_do_not_decide():
    labels = "ab" * 10
    assert default_split_kind(make_data(labels, groups=np.zeros(20))) == "resample"
    assert default_split_kind(make_data(labels, times=np.zeros(20))) == "resample"
    assert default_split_kind(make_data(labels, groups=np.zeros(20), times=np.arange(20))) == "time"
    assert default_split_kind(make_data("a" * 15 + "b" * 5, times=np.arange(20))) == "resample"


def test_reports_leaks_and_missing_classes_of_a_published_split():
    data = make_data("abab" * 3 + "cc", groups=[*range(6), *range(6), 7, 8], split=["train"] * 6 + ["test"] * 8)
    said = describe_splits(data, list(make_splits(data)))
    assert said == [
        "6 of 8 groups in the test part stand in training too: 0, 1, 2 and 3 more.",
        "1 of 3 tested classes has no training sample: c.",
    ]


def test_reports_assumed_independence_without_groups():
    data = make_data("ab" * 10)
    assert describe_splits(data, list(make_splits(data))) == [
        "No groups are known: the cuts assume independent samples."
    ]
    published = replace(data, split=np.repeat(["train", "test"], 10))
    assert describe_splits(published, list(make_splits(published))) == []


def test_reports_test_part_of_one_sample():
    data = make_data("aaab", split=["train", "train", "test", "train"])
    said = describe_splits(data, list(make_splits(data)))
    assert "The test part has 1 sample only, so that its accuracy is 0 or 1." in said
    assert "1 of 2 classes has no test sample: b." in said


def test_small_classes_are_trained_and_tested_for_every_fraction():
    data = make_data("aaaaaaaaaabbc")
    for fraction in (0.05, 0.95):
        for split in resampled_splits(data, 3, test_size=fraction):
            assert set(data.labels[split.train]) == set("abc")
            assert set(data.labels[split.test]) == set("ab")


# Options


@pytest.mark.parametrize("kind", [None, "resample", "group", "time"])
@pytest.mark.parametrize("wrong", [10**9, 10**30, 0, -1, True, 2.0, "3", None])
def test_a_number_of_splits_that_cannot_be_is_refused_at_once(kind, wrong):
    data = make_data("ab" * 10, groups=np.arange(20), times=np.arange(20))
    with pytest.raises(ParameterError, match="toy: expected resamples to be an integer from 1 to 1000, got"):
        make_splits(data, kind, resamples=wrong)


@pytest.mark.parametrize("wrong", [0.0, 1.0, -0.2, np.nan, np.inf, True, "0.3", 10**400])
def test_a_fraction_that_cannot_be_is_refused(wrong):
    data = make_data("ab" * 10, times=np.arange(20))
    for cut in (
        lambda: make_splits(data, test_size=wrong),
        lambda: next(time_splits(data, test_size=wrong)),
        lambda: hold_out(data, np.arange(20), fraction=wrong),
    ):
        with pytest.raises(ParameterError, match="between 0 and 1, got"):
            cut()


@pytest.mark.parametrize("wrong", [-1, 2**64, 1.5, True, "0"])
def test_a_seed_that_cannot_be_is_refused(wrong):
    with pytest.raises(ParameterError, match="toy: expected seed to be an integer from 0 to"):
        hold_out(make_data("ab" * 10), np.arange(20), seed=wrong)
    with pytest.raises(ParameterError, match="toy: expected seed to be an integer from 0 to"):
        list(inner_folds(make_data("ab" * 10), np.arange(20), seed=wrong))
