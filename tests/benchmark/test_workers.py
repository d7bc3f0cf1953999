"""Runs in worker processes: what kills one stays with its run."""

import logging
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from img_repr.benchmark.execution.workers import Workers
from img_repr.benchmark.result import read_records
from img_repr.benchmark.run_benchmark import run_benchmark
from img_repr.core.errors import ParameterError
from img_repr.core.machine import free_memory_gb, usable_cores


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)  # workers are told where this process looks


def swept(runs_folder, executor, count, does=None, **given):
    from hazards import make_recipe, make_steps

    results = run_benchmark(make_recipe(count, does, **given), runs_folder, datasets=[make_steps()], executor=executor)
    return {result["seed"]: result for result in results}


def process_of(result):
    return result["record"]["process"]


def ended(process):
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.slow
def test_what_kills_a_worker_stays_with_its_run(runs_folder):
    does = {1: "crash", 3: "exit", 4: "leave", 6: "grow", 8: "poison", 10: "refuse"}
    with Workers(1, memory_gb=1.2) as workers:
        found = swept(runs_folder, workers, 12, does)
    assert sorted(found) == list(range(12))
    assert [seed for seed in found if found[seed]["status"] == "ok"] == [0, 2, 5, 7, 9, 11]
    errors = {seed: found[seed]["error"] for seed in does}
    assert {seed: error["class"] for seed, error in errors.items()} == {
        1: "WorkerDiedError", 3: "WorkerDiedError", 4: "RuntimeError", 6: "MemoryLimitError",
        8: "RuntimeError", 10: "TrainingError",
    }  # fmt: skip
    assert {seed: error["stage"] for seed, error in errors.items()} == {
        1: "worker", 3: "worker", 4: "worker", 6: "worker", 8: "fit", 10: "fit"
    }  # fmt: skip
    assert errors[1]["message"] == "trees on steps: expected a result, got a worker ended by signal 11 (SIGSEGV)"
    assert errors[3]["message"] == "trees on steps: expected a result, got a worker that ended with exit code 3"
    assert errors[4]["message"] == "SystemExit: left"
    assert "expected a worker of at most 1.2 GB, got 1." in errors[6]["message"]
    assert found[6]["total_s"] > 0
    one, other, third, last = (process_of(found[seed]) for seed in (0, 2, 5, 7))
    assert len({one, other, third, last, process_of(found[9])}) == 5 - (other == third)  # 4 left its worker alive
    assert other != third  # 3 did not
    assert process_of(found[9]) == process_of(found[11])  # an error of ours leaves its process in order
    assert os.getpid() not in (one, other, third, last)
    assert not list(runs_folder.rglob(".*"))


@pytest.mark.slow
def test_workers_give_what_this_process_gives(runs_folder, tmp_path):
    with Workers(2) as workers:
        there = swept(tmp_path / "there", workers, 8)
    here = swept(runs_folder, None, 8)
    for column in ("accuracy", "log_loss"):
        assert [there[seed][column] for seed in range(8)] == [here[seed][column] for seed in range(8)]
    assert {there[seed]["n_parallel"] for seed in there} == {2}
    kept, same = ({record.key: record.predictions["probabilities"] for record in read_records(folder)[0]}
                  for folder in (runs_folder, tmp_path / "there"))  # fmt: skip
    assert kept.keys() == same.keys()
    assert all(np.array_equal(kept[key], same[key]) for key in kept)


@pytest.mark.slow
def test_a_run_may_take_so_long(runs_folder):
    with Workers(1, run_hours=1 / 3600) as workers:
        found = swept(runs_folder, workers, 1, {0: "hang"})
    assert found[0]["error"]["class"] == "TimeLimitError"
    assert found[0]["total_s"] < 60


@pytest.mark.slow
def test_workers_end_with_the_block_even_in_the_middle_of_a_run(runs_folder, tmp_path):
    log = tmp_path / "log"
    with pytest.raises(KeyboardInterrupt), Workers(1) as workers:  # noqa: PT012
        from hazards import make_recipe, make_steps

        from img_repr.benchmark.execution.plan import make_plan
        from img_repr.benchmark.execution.run import execute_run_in_worker

        (run,) = make_plan(make_recipe(1, {0: "hang"}, log), [make_steps()]).runs
        workers.submit(execute_run_in_worker, run)
        until = time.monotonic() + 60
        while not log.exists() and time.monotonic() < until:
            time.sleep(0.05)
        raise KeyboardInterrupt
    assert ended(int(log.read_text().split()[1]))


@pytest.mark.slow
def test_what_a_worker_warns_of_is_told_here(runs_folder, caplog):
    from hazards import make_steps

    from img_repr.benchmark.contender import Contender
    from img_repr.benchmark.recipe import Recipe

    constant = make_steps()
    constant.samples[:] = 1.0
    pixels = Recipe("constant", ("steps",), (Contender.parse("pixels:gadf(size=8):1nn"),))
    with caplog.at_level(logging.WARNING), Workers(1) as workers:
        (result,) = run_benchmark(pixels, runs_folder, datasets=[constant], executor=workers)
    assert result["status"] == "ok"
    assert any("constant" in record.getMessage() for record in caplog.records if record.name.endswith("workers"))


@pytest.mark.slow
def test_a_contender_that_cannot_travel_is_told_why(waves, recipe, runs_folder):
    with Workers(1) as workers:
        results = run_benchmark(recipe, runs_folder, datasets=[waves], executor=workers)  # one is made by a lambda
    failed = [result["error"] for result in results if result["status"] == "failed"]
    assert failed
    assert {error["stage"] for error in failed} == {"worker"}
    assert [error["message"] for error in failed if "pickle" not in error["message"]] == []


@pytest.mark.parametrize("wrong", [{"count": 0}, {"memory_gb": -1.0}, {"run_hours": 0.0}])
def test_limits_are_above_nothing(wrong):
    with pytest.raises(ParameterError, match=f"expected {next(iter(wrong))} above 0"):
        Workers(**wrong)


def test_workers_fit_the_machine(monkeypatch):
    cores = usable_cores()
    with Workers(memory_gb=1e-3, at_most=100 * cores) as many, Workers(memory_gb=1e6) as one, Workers(at_most=1) as few:
        assert many.count == cores
        assert many.limits.threads == 1
        assert (one.count, one.limits.threads) == (1, cores)
        assert (few.count, few.limits.threads) == (1, cores)
        assert few.limits.memory_gb == pytest.approx(0.9 * free_memory_gb(), rel=0.2)


@pytest.mark.parametrize(
    ("place", "files"),
    [
        ("0::/job/step", {"job/memory.max": "3000000000", "job/memory.current": "2500000000",
                          "job/memory.stat": "anon 5\ninactive_file 500000000", "job/step/memory.max": "max"}),
        ("9:memory:/job", {"memory/job/memory.limit_in_bytes": "1500000000", "memory/job/memory.usage_in_bytes":
                           "600000000", "memory/job/memory.stat": "cache 7\ntotal_inactive_file 100000000"}),
    ],
)  # fmt: skip
def test_a_container_has_the_memory_of_its_group(tmp_path, place, files):
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text(f"{place}\n1:name=systemd:/job\n")
    for name, text in files.items():
        path = tmp_path / "sys" / "fs" / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert free_memory_gb(tmp_path) == pytest.approx(1.0)


@pytest.mark.slow
def test_records_come_to_a_folder_that_is_named_from_where_this_process_is_now(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # workers are elsewhere: where this process was when it began
    with Workers(1) as workers:
        found = swept(Path("runs"), workers, 2)
    assert sorted(found) == [0, 1]
    assert len(read_records(tmp_path / "runs")[0]) == 2


@pytest.mark.slow
def test_a_data_set_that_cannot_travel_spoils_no_other(runs_folder):
    from hazards import hazard, make_steps

    from img_repr.benchmark.recipe import Recipe

    class Stuck(np.ndarray):
        def __reduce__(self):
            raise TypeError("cannot pickle it")

    stuck, steps = make_steps(), make_steps()
    stuck = replace(stuck, name="stuck", samples=(stuck.samples + 1.0).view(Stuck))
    recipe = Recipe("two", ("stuck", "steps"), (hazard(),), seeds=(0, 1))
    with Workers(1) as workers:
        results = run_benchmark(recipe, runs_folder, datasets=[stuck, steps], executor=workers)
    said = [(result["dataset"], result["seed"], result["status"]) for result in results]
    assert said == [("stuck", 0, "failed"), ("steps", 0, "ok"), ("stuck", 1, "failed"), ("steps", 1, "ok")]
    assert all("cannot pickle it" in one["error"]["message"] for one in results if one["status"] == "failed")
