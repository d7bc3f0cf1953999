import json
import pickle

import numpy as np
import pytest

from img_repr.baselines.tabular import TabularBaseline
from img_repr.benchmark.contender import Contender
from img_repr.benchmark.contenders.chosen import Chosen, expand_grid
from img_repr.benchmark.execution.run import Run, execute_run
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, NotFittedError, SplitError
from img_repr.core.splits.cuts import published_splits
from img_repr.core.splits.inner import inner_folds
from img_repr.domains.timeseries.sample import TIMESERIES

NEAR, MOST = (lambda: TabularBaseline("raw", "1nn")), (lambda: TabularBaseline(None, "majority"))


class Watched:
    """A classifier that gives the first class always, and keeps what it was fitted to."""

    def __init__(self, log):
        self.log, self.classes, self.cost, self.record = log, (), {"own": 1.0}, {"mine": True}

    def fit(self, train, *, seed):
        self.log.append((train.samples[:, 0].astype(int).tolist(), seed))
        self.classes = train.classes
        return self

    def predict_proba(self, samples):
        return np.eye(len(self.classes))[np.zeros(len(samples), int)]


def numbered(labels, **columns):
    """Samples that bear their position."""
    return Dataset("toy", TIMESERIES, np.tile(np.arange(len(labels))[:, None], 3), np.array(list(labels)), **columns)


def test_the_better_one_is_fitted_to_the_whole_training_part(waves):
    train = waves.subset(range(20))
    chosen = Chosen({"most": MOST, "near": NEAR}).fit(train, seed=0)
    assert chosen.record["chosen"] == "near"
    assert chosen.record["chosen_by"] == "accuracy over 3 inner folds of the training part"
    assert chosen.record["learner"] == "1nn"
    alone = NEAR().fit(train, seed=0)
    np.testing.assert_array_equal(chosen.predict_proba(waves.samples), alone.predict_proba(waves.samples))
    assert chosen.cost == {"features": 40.0, "inner_fits": 6.0}
    json.dumps(chosen.record)


def test_scores_of_all_are_those_of_the_judged_samples(waves):
    """Worked again by hand, fold by fold."""
    train = waves.subset(range(20))
    inner = Chosen({"most": MOST, "near": NEAR}, folds=4).fit(train, seed=7).record["inner"]
    right = []
    for fitting, judged in inner_folds(train, np.arange(20), 4, seed=7):
        near = NEAR().fit(train.subset(fitting), seed=7)
        right.append(near.predict(train.take(judged)) == train.labels[judged])
    assert inner["near"]["accuracy_by_fold"] == pytest.approx([one.mean() for one in right])
    assert inner["near"]["accuracy"] == pytest.approx(np.concatenate(right).mean())
    assert set(inner["most"]) == {"accuracy", "log_loss", "accuracy_by_fold", "log_loss_by_fold"}


def test_of_equals_the_first_wins(waves):
    for names in (["one", "two"], ["two", "one"]):
        assert Chosen(dict.fromkeys(names, NEAR)).fit(waves, seed=0).record["chosen"] == names[0]


def test_by_log_loss_the_surer_one_is_not_the_better(waves):
    """A neighbor is right more often, and infinitely sure where it is wrong."""
    train = waves.subset(range(20))
    noisy = Dataset("noisy", TIMESERIES, train.samples, np.where(np.arange(20) % 4, train.labels, "slow"))
    by_accuracy, by_loss = (
        Chosen({"most": MOST, "near": NEAR}, by=by).fit(noisy, seed=0).record for by in ("accuracy", "log_loss")
    )
    assert by_accuracy["inner"] == by_loss["inner"]
    assert by_loss["inner"]["near"]["log_loss"] > by_loss["inner"]["most"]["log_loss"]
    assert by_loss["chosen"] == "most"


def test_groups_are_held_out_whole_and_times_never_look_ahead():
    log: list = []
    groups = np.repeat(["p", "q", "r"], 4)
    Chosen({"one": lambda: Watched(log)}).fit(numbered("abab" * 3, groups=groups), seed=5)
    *inner, (whole, seed) = log
    assert (whole, seed) == (list(range(12)), 5)
    assert [len(set(groups[fitted])) for fitted, _ in inner] == [2, 2, 2]
    log.clear()
    Chosen({"one": lambda: Watched(log)}, folds=2).fit(numbered("abab" * 3, times=np.arange(12)), seed=5)
    assert [fitted for fitted, _ in log] == [[0, 1, 2, 3], list(range(8)), list(range(12))]


def test_impostors_are_not_judged():
    genuine = np.array([True] * 8 + [False] * 4)
    chosen = Chosen({"one": lambda: Watched([])}, folds=2).fit(numbered("aaaabbbbaabb", genuine=genuine), seed=0)
    assert sum(fold["validation"] for fold in chosen.record["inner_folds"]) == 8


def test_a_fold_that_would_teach_one_class_is_left_out():
    log: list = []
    data = numbered("aaaaaabb", groups=np.array(list("ppqqrrss")))
    chosen = Chosen({"one": lambda: Watched(log)}, folds=4).fit(data, seed=0)
    assert len(chosen.record["inner_folds"]) == 3
    assert all({6, 7} <= set(fitted) for fitted, _ in log)
    impostors = numbered("aabb", genuine=np.zeros(4, bool))
    with pytest.raises(DataError, match="an inner fold that has two classes to fit"):
        Chosen({"one": lambda: Watched(log)}).fit(impostors, seed=0)
    with pytest.raises(SplitError, match="expected a class with two training samples"):
        Chosen({"one": lambda: Watched(log)}).fit(numbered("abc"), seed=0)


def test_inner_folds_of_classes_with_one_group_each_share_groups_and_say_so():
    data = numbered("aabb", groups=np.array(list("ppqq")))
    record = Chosen({"one": lambda: Watched([])}, folds=2).fit(data, seed=0).record
    assert [fold["validation"] for fold in record["inner_folds"]] == [2, 2]
    assert record["inner_notes"][0].startswith("Each inner fold shares groups with what is fitted, because each group")


def test_not_fitted(waves):
    with pytest.raises(NotFittedError, match="chosen: expected a call of fit"):
        Chosen({"near": NEAR}).predict_proba(waves.samples)


def test_expand_grid_leaves_the_given_values_alone():
    given = {"encoder": "mtf", "parameters": {"n_bins": 4}}
    found = expand_grid(given, {"parameters": {"size": [8, [8, 16]]}, "training": {"epochs": [3]}})
    assert [one["parameters"] for one in found] == [{"n_bins": 4, "size": 8}, {"n_bins": 4, "size": [8, 16]}]
    assert all(one["training"] == {"epochs": 3} for one in found)
    assert given == {"encoder": "mtf", "parameters": {"n_bins": 4}}


def test_a_run_chooses_the_size_of_the_image(waves):
    contender = Contender.from_table({
        "kind": "chosen",
        "among": [{"kind": "pixels", "encoder": "gadf", "learner": "ridge"}, "majority"],
        "folds": 2,
    })  # fmt: skip
    grid = Contender.from_table(
        {"kind": "chosen", "among": ["pixels:gadf:ridge"], "grid": {"parameters": {"size": [2, 16]}}}
    )
    split = next(published_splits(waves))
    for one in (contender, grid):
        run = pickle.loads(pickle.dumps(Run(waves, "f", split, 0, one, 0)))
        outcome = execute_run(run)
        assert outcome.result["status"] == "ok", outcome.result["error"]
        assert outcome.result["role"] == "control"
        assert outcome.result["n_encoded"] == 40  # what is offered to be timed by itself is there
    record = outcome.result["record"]
    assert list(record["inner"]) == ["ridge on gadf pixels, size 2", "ridge on gadf pixels, size 16"]
    assert record["chosen"] == "ridge on gadf pixels, size 16"
    assert outcome.result["cost"]["features"] == 256.0
