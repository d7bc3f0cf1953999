import json
import pickle

import numpy as np
import pytest

from img_repr.baselines.tabular import TabularBaseline
from img_repr.benchmark.contender import Contender
from img_repr.benchmark.contenders.ensemble import Ensemble
from img_repr.benchmark.execution.run import Run, execute_run
from img_repr.core.errors import NotFittedError
from img_repr.core.splits.cuts import published_splits


class Told:
    """A classifier that knows its own classes, in its own order."""

    def __init__(self, classes, row):
        self.classes, self.row, self.cost, self.record = classes, row, {"parameters": 2.0, "own": 1.0}, {"x": 1}

    def fit(self, train, *, seed):
        return self

    def predict_proba(self, samples):
        return np.tile(self.row, (len(samples), 1))


def test_probabilities_are_averaged_class_by_class(waves):
    both = Ensemble({"a": Told(("slow", "fast"), [0.9, 0.1]), "b": Told(("fast", "slow"), [0.5, 0.5])})
    both.fit(waves, seed=0)
    assert both.classes == ("fast", "slow")
    np.testing.assert_allclose(both.predict_proba(waves.samples[:2]), [[0.3, 0.7]] * 2)
    assert both.cost == {"parameters": 4.0, "own": 2.0}


def test_it_is_the_mean_of_what_its_members_say_alone(waves):
    train, test = waves.subset(range(20)), waves.samples[20:]
    members = {"near": ("raw", "1nn"), "trees": ("summary", "extra_trees")}
    alone = [TabularBaseline(*one).fit(train, seed=3).predict_proba(test) for one in members.values()]
    both = Ensemble({name: TabularBaseline(*one) for name, one in members.items()}).fit(train, seed=3)
    np.testing.assert_array_equal(both.predict_proba(test), np.mean(alone, axis=0))
    assert both.record["members"]["trees"]["record"]["seed"] == 3
    assert both.cost == {"features": 40.0 + both.record["members"]["trees"]["cost"]["features"]}


def test_not_fitted(waves):
    with pytest.raises(NotFittedError, match="ensemble: expected a call of fit"):
        Ensemble({"near": TabularBaseline("raw", "1nn")}).predict_proba(waves.samples)


def test_a_run_of_an_image_and_a_table_runs(waves):
    contender = Contender.from_table({
        "kind": "ensemble",
        "of": [
            {
                "kind": "cnn",
                "encoder": "gadf",
                "parameters": {"size": 16},
                "training": {"epochs": 1, "min_steps": 1},
            },
            "table:raw:1nn",
        ],
    })  # fmt: skip
    run = pickle.loads(pickle.dumps(Run(waves, "f", next(published_splits(waves)), 0, contender, 1)))
    outcome = execute_run(run)
    assert outcome.result["status"] == "ok", outcome.result["error"]
    assert outcome.result["role"] == "fused"
    assert outcome.result["n_encoded"] == 40  # what is offered to be timed by itself is there
    assert list(outcome.result["record"]["members"]) == ["CNN on gadf", "1nn on raw"]
    assert outcome.result["record"]["members"]["CNN on gadf"]["record"]["weights"] == {"weights": "random"}
    assert {"parameters", "bytes_per_image", "features"} <= set(outcome.result["cost"])
    json.dumps(outcome.result)
