import random
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from img_repr.benchmark.contender import CnnContender, Contender, MajorityContender, PixelsContender
from img_repr.benchmark.execution.environment import (
    PeakMemory,
    calibration_s,
    describe_environment,
    preserved_random_state,
)
from img_repr.benchmark.execution.run import Run, execute_run, execute_run_in_worker
from img_repr.core.splits.cuts import published_splits

NETWORK = CnnContender("gadf", {"size": 8}, {"epochs": 1, "min_steps": 3})
PIXELS = PixelsContender("gadf", "ridge", {"size": 8})
CONTENDERS = [NETWORK, PIXELS, Contender.parse("table:summary:extra_trees"), Contender.parse("majority")]


def run_of(dataset, contender, seed=0) -> Run:
    return Run(dataset, dataset.fingerprint(), next(published_splits(dataset)), 0, contender, seed)


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda contender: contender.name)
def test_measuring_the_cost_changes_no_prediction(waves, contender):
    run = run_of(waves, contender)
    outcome = execute_run(run)
    plain = contender.build().fit(waves.subset(run.split.train), seed=0)
    told = plain.predict_proba(waves.take(run.split.test))
    assert outcome.result["status"] == "ok"
    kept = (told / told.sum(axis=1, keepdims=True)).astype(np.float32)
    assert np.array_equal(outcome.predictions["probabilities"], kept)
    assert outcome.result["record"].keys() == plain.record.keys()


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda contender: contender.name)
def test_every_cost_is_told(waves, contender):
    result = execute_run(run_of(waves, contender, seed=1), parallel=3).result
    for name in ("warmup_s", "fit_s", "predict_s", "encode_s", "peak_rss_mb"):
        assert result[name] > 0, name
    assert result["n_parallel"] == 3
    assert result["n_encoded"] == result["n_test"] == 40
    assert result["encode_ms_per_item"] == pytest.approx(1000 * result["encode_s"] / 40)
    assert result["predict_ms_per_item"] == pytest.approx(1000 * result["predict_s"] / 40)
    on_card = torch.cuda.is_available()
    assert (result["peak_gpu_allocated_mb"] is not None) == (result["peak_gpu_reserved_mb"] is not None) == on_card


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_memory_of_the_device_is_that_of_the_block():
    block = torch.zeros(64 << 18, device="cuda")  # 64 MB
    del block
    with PeakMemory() as small:
        block = torch.zeros(8 << 18, device="cuda")
        del block
    assert 8 <= small.gpu_allocated_mb < 64
    assert small.gpu_allocated_mb <= small.gpu_reserved_mb < 64


@dataclass(frozen=True)
class Watched(MajorityContender):
    """A contender whose classifier notes the calls that it gets."""

    made: Any = None

    def build(self) -> "Watcher":
        return Watcher(self.made)


class Watcher:
    def __init__(self, made) -> None:
        self.seen, self.cost, self.record, self.classes = made, {}, {}, ()

    def fit(self, train, *, seed):
        self.seen.append(("fit", len(train)))
        self.classes = train.classes
        return self

    def predict_proba(self, samples):
        self.seen.append(("predict", len(samples)))
        return np.full((len(samples), len(self.classes)), 1 / len(self.classes))

    def warm_up(self, few):
        self.seen.append(("warm up", few.known_labels.tolist()))
        np.random.rand()  # noqa: NPY002
        random.random()
        torch.rand(1)
        raise ValueError("four samples are too few")

    def represent(self, samples):
        self.seen.append(("represent", samples[:, 0].tolist()))
        raise ValueError("no paper")


def test_what_a_classifier_is_asked_for_and_in_what_order(waves, caplog):
    seen = []
    waves = replace(
        waves, samples=np.arange(60.0)[:, None] + np.zeros(40), split=np.array(["train"] * 10 + ["test"] * 50)
    )
    long = replace(waves, samples=np.tile(waves.samples, (4, 1)), labels=np.tile(waves.labels, 4),
                   split=np.array(["train"] * 10 + ["test"] * 230))  # fmt: skip
    long.samples[:, 0] = np.arange(240)
    before = np.random.get_state()[1].tolist(), random.getstate(), torch.get_rng_state().tolist()  # noqa: NPY002
    results = [execute_run(run_of(long, Watched(made=seen), seed)).result for seed in (0, 1)]
    assert before == (np.random.get_state()[1].tolist(), random.getstate(), torch.get_rng_state().tolist())  # noqa: NPY002
    assert [what for what, _ in seen] == ["warm up", "fit", "predict", "represent", "fit", "predict", "represent"]
    assert seen[0][1] == ["fast", "fast", "slow", "slow"]
    assert seen[1:3] == [("fit", 10), ("predict", 230)]
    rows = np.array(seen[3][1])
    assert len(rows) == 128  # evenly spaced over the test part
    assert (rows[0], rows[-1]) == (10, 239)
    assert set(np.diff(rows)) == {1, 2}
    for result in results:
        assert result["status"] == "ok"  # neither a warm-up nor a clock that fails spoils a result
        assert "encode_s" not in result
    assert "no paper" in caplog.text


def test_what_is_not_offered_is_not_told(waves, table):
    result = execute_run(run_of(waves, table)).result
    assert result["status"] == "ok"
    assert "encode_s" not in result
    assert result["warmup_s"] > 0


def test_a_worker_has_the_threads_that_it_is_given(waves, table):
    try:
        outcome = execute_run_in_worker(run_of(waves, table), threads=2, parallel=4)
    finally:
        torch.set_num_threads(1)
    assert outcome.env["threads"] == 2
    assert outcome.result["n_parallel"] == 4


def test_draws_are_given_back_after_an_error_too():
    def lose():
        with preserved_random_state():
            raise ValueError(f"lost {torch.rand(1)}")

    before = torch.get_rng_state().tolist()
    with pytest.raises(ValueError, match="lost"):
        lose()
    assert torch.get_rng_state().tolist() == before


def test_the_machine_is_calibrated_once_per_process():
    assert describe_environment()["calibration_s"] == calibration_s() > 0
