import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from img_repr.benchmark.execution.budget import Budget
from img_repr.benchmark.execution.plan import make_plan
from img_repr.benchmark.recipe import Recipe
from img_repr.benchmark.result import KEY_LENGTH, read_record, read_records, run_key
from img_repr.benchmark.run_benchmark import run_benchmark
from img_repr.core.errors import DataError, ResultError


def test_results_are_on_disk_and_are_what_was_measured(recipe, waves, runs_folder):
    results = run_benchmark(recipe, runs_folder, datasets=[waves])
    records, left_out = read_records(runs_folder)
    assert (len(results), len(records), left_out) == (
        3,
        3,
        [],
    )  # the nearest neighbor draws nothing: one seed
    for record in records:
        kept = record.predictions
        assert kept["probabilities"].dtype == np.float32
        assert np.array_equal(kept["labels"], waves.labels[kept["indices"]])
        assert record.right.mean() == pytest.approx(record.result["accuracy"])
        assert record.result["accuracy"] > 0.6
        assert record.result["fit_s"] > 0
        assert record.result["peak_rss_mb"] > 10
        assert record.env["versions"]["torch"]
        assert run_key(record.spec)[:KEY_LENGTH] == record.folder.name
    assert not [path for path in runs_folder.iterdir() if path.name.startswith(".")]


def test_runs_on_disk_are_not_run_again(recipe, waves, runs_folder):
    run_benchmark(recipe, runs_folder, datasets=[waves])
    seen = []
    run_benchmark(
        replace(recipe, seeds=(0, 1, 2)),
        runs_folder,
        datasets=[waves],
        watch=lambda done, total, result: seen.append(result["seed"]),
    )
    assert seen == [2]


def test_the_key_is_content_not_name(recipe, waves):
    keys = [run.key for run in make_plan(recipe, [waves]).runs]
    renamed = replace(recipe, datasets=("other",))
    assert [run.key for run in make_plan(renamed, [replace(waves, name="other")]).runs] == keys
    changed = replace(waves, samples=waves.samples + 1e-9)
    assert not set(keys) & {run.key for run in make_plan(recipe, [changed]).runs}


def test_a_failing_run_is_a_record_and_stops_nothing(recipe, waves, runs_folder, failing):
    recipe = replace(recipe, contenders=(failing, *recipe.contenders))
    results = run_benchmark(recipe, runs_folder, datasets=[waves])
    failed = [result for result in results if result["status"] == "failed"]
    assert (len(results), len(failed)) == (5, 2)
    assert failed[0]["error"]["class"] == "TrainingError"
    assert (failed[0]["error"]["stage"], failed[0]["error"]["message"]) == (
        "fit",
        "failing: expected luck, got seed 0",
    )
    assert failed[0]["error"]["where"].startswith("conftest.py:")


def test_failed_runs_are_retried_only_on_request(recipe, waves, runs_folder, failing):
    recipe = replace(recipe, contenders=(failing,), seeds=(0,))
    run_benchmark(recipe, runs_folder, datasets=[waves])
    seen = []
    run_benchmark(recipe, runs_folder, datasets=[waves], watch=lambda *told: seen.append(told))
    assert not seen
    lucky = replace(failing, fails=False)  # the same spec: whether it fails is no part of what it is
    results = run_benchmark(replace(recipe, contenders=(lucky,)), runs_folder, datasets=[waves], retry="failed")
    assert [result["status"] for result in results] == ["ok"]


def test_the_first_pass_touches_everything_once(recipe, waves):
    plan = make_plan(
        replace(recipe, datasets=("waves", "more"), resamples=2),
        [waves, replace(waves, name="more", samples=waves.samples + 1.0)],
    )
    coordinates = [(run.number, run.seed, run.dataset.name, run.contender.role) for run in plan.runs]
    assert coordinates[:4] == [
        (0, 0, "waves", "image"), (0, 0, "waves", "table"), (0, 0, "more", "image"), (0, 0, "more", "table"),
    ]  # fmt: skip
    assert coordinates[4:6] == [(0, 1, "waves", "image"), (0, 1, "more", "image")]
    assert {number for number, *_ in coordinates[6:]} == {1}


def test_a_data_set_that_cannot_be_read_does_not_stop_the_others(recipe, waves, runs_folder):
    results = run_benchmark(replace(recipe, datasets=("nowhere", "waves")), runs_folder, datasets=[waves])
    assert len(results) == 3
    plan = json.loads((runs_folder / "plans" / "small.json").read_text())
    assert "nowhere" in plan["unreadable"]["nowhere"]["message"]
    with pytest.raises(DataError, match="expected a data set that can be used, got none"):
        make_plan(replace(recipe, datasets=("nowhere",)))


def test_a_budget_stops_before_what_does_not_fit(recipe, waves, runs_folder):
    runs = make_plan(recipe, [waves]).runs
    budget = Budget(1.0, [])
    assert budget.fits(runs[0])
    budget.note({"contender": runs[0].contender.name, "dataset": "another", "total_s": 3601.0})
    assert not budget.fits(runs[0])
    budget.note({"contender": runs[0].contender.name, "dataset": "waves", "total_s": 1.0})
    assert budget.fits(runs[0])
    assert budget.fits(runs[1])
    results = run_benchmark(replace(recipe, budget_hours=1e-9), runs_folder, datasets=[waves])
    assert results == []


def test_workers_give_what_one_process_gives(recipe, waves, runs_folder, tmp_path):
    with ThreadPoolExecutor(1) as executor:
        there = run_benchmark(recipe, tmp_path / "there", datasets=[waves], executor=executor)
    here = run_benchmark(recipe, runs_folder, datasets=[waves])
    assert [result["log_loss"] for result in there] == [result["log_loss"] for result in here]


@pytest.mark.parametrize("file", ["result.json", "preds.npz", "spec.json", "env.json"])
def test_a_corrupt_record_is_named_left_out_and_run_again(recipe, waves, runs_folder, file):
    run_benchmark(recipe, runs_folder, datasets=[waves])
    folder = next(path for path in runs_folder.iterdir() if (path / file).exists())
    (folder / file).write_bytes((folder / file).read_bytes()[:-20])
    with pytest.raises(ResultError, match=folder.name):
        read_record(folder)
    records, left_out = read_records(runs_folder)
    assert (len(records), len(left_out)) == (2, 1)
    seen = []
    run_benchmark(recipe, runs_folder, datasets=[waves], watch=lambda *told: seen.append(told))
    assert len(seen) == 1
    assert len(read_records(runs_folder)[0]) == 3


def test_images_are_of_the_first_training_samples(recipe, waves, runs_folder):
    run_benchmark(recipe, runs_folder, datasets=[waves])
    files = sorted((runs_folder / "images").iterdir())
    assert [path.name.rsplit("-", 1)[0] for path in files] == ["waves-gadf", "waves-raw"]
    with np.load(files[0]) as stored:
        assert (stored["images"].shape, stored["images"].dtype) == ((4, 1, 8, 8), np.uint8)
        assert stored["labels"].tolist() == ["fast", "fast", "slow", "slow"]
        fast = np.flatnonzero((waves.labels == "fast") & (waves.split == "train"))
        assert stored["indices"].tolist()[:2] == fast[:2].tolist()


def test_probabilities_that_are_none_are_a_failure(recipe, waves, runs_folder, image):
    class Wrong(type(image)):
        def build(self):
            learner = super().build()
            learner.predict_proba = lambda samples: np.full((len(samples), 2), 0.7)
            return learner

    wrong = Wrong(image.encoder, image.parameters, make=image.make)
    (result,) = run_benchmark(Recipe("wrong", ("waves",), (wrong,)), runs_folder, datasets=[waves])
    assert result["error"]["stage"] == "score"
    assert "sum to 1, got one that sums to 1.4" in result["error"]["message"]
