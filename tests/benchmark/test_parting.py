"""Processes that part a sweep without knowing of each other, by what each tells in the folder of runs."""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from img_repr.benchmark.execution.claims import claimed_runs
from img_repr.benchmark.execution.plan import make_plan
from img_repr.benchmark.execution.status import read_status
from img_repr.benchmark.result import SCHEMA
from img_repr.benchmark.run_benchmark import existing_record, run_benchmark
from img_repr.core.atomic import process_space, temporary_path
from img_repr.core.json_file import write_json

HERE = Path(__file__).parent


@pytest.fixture
def other(runs_folder):
    """What somebody who lives tells of: this process's parent."""
    runs_folder.mkdir()
    path = temporary_path(runs_folder / "running")
    return path.with_name(path.name.replace(str(os.getpid()), str(os.getppid())))


def tell(path: Path, *keys: str) -> None:
    """Write what a process tells of runs that it runs."""
    facts = {"dataset": "waves", "contender": "x", "split_number": 0, "seed": 0, "started": "today"}
    write_json(path, {"runs": [{"key": key, **facts} for key in keys]}, format=SCHEMA)


@pytest.mark.parametrize("content", ["[1]", "[" * 100_000, '{"runs": [{"key": 1}]}', "", "\0", "null"])
def test_a_damaged_claim_claims_nothing_and_ends_nothing(recipe, waves, runs_folder, other, content):
    other.write_text(content)
    assert claimed_runs(runs_folder) == []
    assert read_status(runs_folder).running == []
    assert len(run_benchmark(recipe, runs_folder, datasets=[waves])) == len(make_plan(recipe, [waves]).runs)


def test_a_run_that_another_process_is_at_is_left_to_it(recipe, waves, runs_folder, other, caplog):
    runs = make_plan(recipe, [waves]).runs
    tell(other, runs[0].key)
    assert len(run_benchmark(recipe, runs_folder, datasets=[waves])) == len(runs) - 1
    assert "1 runs are left to other processes" in caplog.text
    assert existing_record(runs_folder, runs[0]) is None
    with ThreadPoolExecutor(2) as executor:
        assert len(run_benchmark(recipe, runs_folder, datasets=[waves], executor=executor)) == len(runs) - 1
    other.unlink()
    assert len(run_benchmark(recipe, runs_folder, datasets=[waves])) == len(runs)
    assert [path.name for path in runs_folder.glob(".running-*")] == []


@pytest.mark.parametrize("threads", [0, 2])
def test_a_run_that_another_process_has_run_meanwhile_is_taken(recipe, waves, runs_folder, tmp_path, threads):
    """The first run lasts until another process, here a thread, has run all the others."""
    run_benchmark(replace(recipe, seeds=(0,)), tmp_path / "elsewhere", datasets=[waves])
    first, *others = make_plan(recipe, [waves]).runs
    built = []

    class Late(type(first.contender)):
        def build(self):
            built.append(self.name)
            for run in others:
                if (found := existing_record(tmp_path / "elsewhere", run)) is not None:
                    shutil.copytree(found.folder, runs_folder / found.folder.name, dirs_exist_ok=True)
            return super().build()

    late = Late(first.contender.encoder, first.contender.parameters, make=first.contender.make)
    executor = ThreadPoolExecutor(1) if threads else None
    told = []
    recipe = replace(recipe, contenders=(late, others[0].contender))
    results = run_benchmark(
        recipe, runs_folder, datasets=[waves], executor=executor, watch=lambda *told_of: told.append(told_of[:2])
    )
    assert [(result["contender"], result["seed"]) for result in results] == [
        ("CNN on gadf", 0), ("1nn on raw", 0), ("CNN on gadf", 1)
    ]  # fmt: skip
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert results[1] == existing_record(tmp_path / "elsewhere", others[0]).result
    assert built == ["CNN on gadf"] * 2


def test_a_run_that_two_left_to_each_other_is_asked_for_again(recipe, waves, runs_folder, other, monkeypatch):
    runs = make_plan(recipe, [waves]).runs
    tell(other, runs[0].key)
    monkeypatch.setattr("img_repr.benchmark.run_benchmark.time.sleep", lambda seconds: other.unlink(missing_ok=True))
    assert len(run_benchmark(recipe, runs_folder, datasets=[waves])) == len(runs)


def test_of_two_containers_a_process_has_one_number(recipe, waves, runs_folder, other):
    runs = make_plan(recipe, [waves]).runs
    far = temporary_path(runs_folder / "running")
    far = far.with_name(far.name.replace(process_space(), "0" * 8))
    tell(far, runs[0].key)
    assert len(run_benchmark(recipe, runs_folder, datasets=[waves])) == len(runs) - 1
    assert far.exists()


def test_a_process_that_gave_no_sign_for_a_day_is_another_of_its_number(runs_folder, other):
    tell(other, "k")
    os.utime(other, (time.time() - 3600.0,) * 2)
    assert [run["key"] for run in claimed_runs(runs_folder)] == ["k"]
    os.utime(other, (time.time() - 90000.0,) * 2)
    assert claimed_runs(runs_folder) == []


def test_one_of_another_machine_is_gone_when_it_gives_no_sign(runs_folder, other):
    far = other.with_name(other.name.replace(process_space(), "0" * 8))
    tell(far, "k")
    assert [run["key"] for run in claimed_runs(runs_folder)] == ["k"]
    os.utime(far, (time.time() - 3600.0,) * 2)
    assert claimed_runs(runs_folder) == []


@pytest.mark.slow
def test_two_processes_part_a_sweep(runs_folder, tmp_path):
    # runs that together last far longer than one process may begin after the other
    command = [sys.executable, str(HERE / "hazards.py"), str(runs_folder), str(tmp_path / "log"), "40", "0.4"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)])}
    both = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [process.wait(300) for process in both] == [0, 0]
    lines = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    assert sorted(int(seed) for seed, *_ in lines) == list(range(40))
    assert len({process for _, process, _ in lines}) > 2  # of four workers: each has two
    assert len(list(runs_folder.glob("[!.]*/result.json"))) == 40


def test_a_broken_pool_loses_nothing_but_what_it_was_at(waves, recipe, runs_folder, caplog):
    class Broken(ThreadPoolExecutor):
        def submit(self, *task):
            future = super().submit(*task)
            if list(runs_folder.glob("[!.]*/result.json")):
                future = Future()
                future.set_exception(BrokenExecutor("a process died"))
            return future

    with Broken(1) as executor:
        assert len(run_benchmark(recipe, runs_folder, datasets=[waves], executor=executor)) == 1
    assert "the workers are gone: a process died; the remaining runs are missing" in caplog.text
    assert all(result["status"] == "ok" for result in run_benchmark(recipe, runs_folder, datasets=[waves]))
