"""Sweeps that are killed, dealt out, merged, moved and damaged: what stands is never computed again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from img_repr.benchmark.contender import Contender
from img_repr.benchmark.evaluation.tables import read_results
from img_repr.benchmark.execution.claims import claimed_runs
from img_repr.benchmark.execution.plan import make_plan
from img_repr.benchmark.execution.shard import Shard, assign, runs_of_shard
from img_repr.benchmark.execution.status import read_status
from img_repr.benchmark.recipe import Recipe
from img_repr.benchmark.result import Outcome, canonical, read_record, read_records, write_outcome
from img_repr.benchmark.run_benchmark import run_benchmark
from img_repr.core.atomic import remove_abandoned, temporary_path
from img_repr.core.errors import ParameterError

HERE = Path(__file__).parent
RUNS = 200


def stamps(runs_folder):
    return {path.parent.name: path.stat().st_mtime_ns for path in runs_folder.glob("[!.]*/result.json")}


def gone(process):
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_for(condition, seconds=120.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.slow
def test_a_sweep_of_200_runs_killed_three_times_computes_every_run_once(runs_folder, tmp_path):
    log = tmp_path / "log"
    command = [sys.executable, str(HERE / "hazards.py"), str(runs_folder), str(log)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)])}
    chance = np.random.default_rng()
    standing: dict[str, int] = {}
    lost = 0
    for least in (20, 70, 120):
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
            wait_for(lambda: len(stamps(runs_folder)) >= least or process.poll() is not None)  # noqa: B023
            time.sleep(chance.uniform(0, 0.3))
            process.send_signal(signal.SIGKILL)
            process.communicate()
        assert process.returncode == -signal.SIGKILL
        workers = {int(line.split()[1]) for line in log.read_text().splitlines()}
        wait_for(lambda: all(gone(worker) for worker in workers), 20)  # noqa: B023
        begun = log.read_text()
        now = stamps(runs_folder)
        assert {key: now[key] for key in standing} == standing
        standing = now
        lost = len(begun.splitlines()) - len(standing)
        time.sleep(0.3)
        assert log.read_text() == begun  # nobody is left to go on
    assert len(standing) < RUNS
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    records, left_out = read_records(runs_folder)
    assert (len(records), left_out) == (RUNS, [])
    assert all(record.good for record in records)
    assert {record.result["seed"] for record in records} == set(range(RUNS))
    now = stamps(runs_folder)
    assert {key: now[key] for key in standing} == standing  # what stood was let alone
    begun_once = Counter(int(line.split()[0]) for line in log.read_text().splitlines())
    assert set(begun_once) == set(range(RUNS))
    assert begun_once.total() == RUNS + lost  # only what was cut off by a kill was begun again
    assert lost <= 2 * 3
    assert not list(runs_folder.rglob(".*"))


def test_the_dead_leave_nothing_behind(recipe, waves, runs_folder, tmp_path):
    run_benchmark(recipe, runs_folder, datasets=[waves])
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    mine, dead = temporary_path(runs_folder / "0123456789abcdef").name, str(process.pid)
    for name in (mine.replace(str(os.getpid()), dead), mine):  # the second is of the same number, in a container
        (runs_folder / name).mkdir()
        (runs_folder / name / "spec.json").write_text("{")
    (
        runs_folder
        / "plans"
        / temporary_path(runs_folder / "plans" / "small.json").name.replace(str(os.getpid()), dead)
    ).write_text("{")
    (runs_folder / mine.replace(str(os.getpid()), str(os.getppid()))).mkdir()  # somebody who lives
    (runs_folder / ".other").mkdir()
    (runs_folder / temporary_path(runs_folder / "running").name.replace(str(os.getpid()), dead)).write_text("{}")
    assert claimed_runs(runs_folder) == []
    run_benchmark(recipe, runs_folder, datasets=[waves])
    left = sorted(path.name for path in runs_folder.rglob(".*"))
    assert left == sorted([".other", mine.replace(str(os.getpid()), str(os.getppid()))])
    remove_abandoned(tmp_path / "nowhere")


def test_running_runs_are_claimed(recipe, waves, runs_folder, image):
    seen = []

    class Curious(type(image)):
        def build(self):
            seen.extend(claimed_runs(runs_folder))
            return super().build()

    curious = Curious(image.encoder, image.parameters, make=image.make)
    run_benchmark(Recipe("small", ("waves",), (curious,), seeds=(3,)), runs_folder, datasets=[waves])
    (run,) = seen
    assert (run["dataset"], run["contender"], run["split_number"], run["seed"]) == ("waves", "CNN on gadf", 0, 3)
    assert claimed_runs(runs_folder) == []


def resampled(recipe):
    return replace(recipe, split="resample", resamples=4)


def board_of(runs_folder):
    """What the page shows, without the clock."""
    results_table = read_results(runs_folder)
    clock = ("_s", "_mb", "started", "_ms_per_item")
    return [
        [row.name, name, score.planned, score.missing, score.values, canonical(score.spec),
         [{key: value for key, value in record.result.items() if not key.endswith(clock)} for record in score.records]]
        for row in results_table.rows
        for name, score in row.scores.items()
    ], results_table.left_out, results_table.unplanned  # fmt: skip


def test_shards_that_ran_apart_merge_into_the_board_of_one_run(recipe, waves, runs_folder, tmp_path):
    recipe = resampled(recipe)
    for number in (1, 2, 3):
        folder = tmp_path / ("machine" if number < 3 else "other")  # two machines, three shards
        run_benchmark(recipe, folder, datasets=[waves], shard=Shard(number, 3), command="again")
    sizes = {name: len(stamps(tmp_path / name)) for name in ("machine", "other")}
    assert sizes == {"machine": 8, "other": 4}
    for name in sizes:
        shutil.copytree(tmp_path / name, tmp_path / "merged", dirs_exist_ok=True)
    run_benchmark(recipe, runs_folder, datasets=[waves], command="again")
    assert board_of(tmp_path / "merged") == board_of(runs_folder)
    plans = [json.loads((folder / "plans" / "small.json").read_text()) for folder in (tmp_path / "merged", runs_folder)]
    assert plans[0] | {"written": "", "checksum": ""} == plans[1] | {"written": "", "checksum": ""}
    assert read_status(tmp_path / "merged").counts == read_status(runs_folder).counts


def test_a_shard_that_begins_late_keeps_to_the_deal(recipe, waves, runs_folder):
    recipe = resampled(recipe)
    done = [run_benchmark(recipe, runs_folder, datasets=[waves], shard=Shard(number, 3)) for number in (3, 1, 2)]
    assert [len(results) for results in done] == [4, 8, 12]
    shutil.rmtree(sorted(runs_folder.glob("[!.]*/result.json"))[0].parent)  # lost: the others are let alone
    assert (
        sum(
            len(run_benchmark(recipe, runs_folder, datasets=[waves], shard=Shard(number, 3))) == 12
            for number in (1, 2, 3)
        )
        >= 1
    )
    more = replace(recipe, seeds=(0, 1, 2, 3))
    for number in (1, 2, 3):
        results = run_benchmark(more, runs_folder, datasets=[waves], shard=Shard(number, 3))
        assert len(results) == 12 + [3, 6, 8][number - 1]  # what is missing now is assigned again


def test_runs_are_dealt_out_by_what_they_cost(recipe, waves, runs_folder):
    runs = make_plan(resampled(recipe), [waves]).runs
    halves = assign(runs, 2, lambda run: None)
    by_contender = Counter((number, run.contender.name) for number, part in enumerate(halves) for run in part)
    assert set(by_contender.values()) == {4, 2}  # eight images and four tables, though they alternate
    costs = {"CNN on gadf": 10.0, "1nn on raw": 1.0}
    parts = assign(runs, 3, lambda run: costs[run.contender.name])
    loads = sorted(sum(costs[run.contender.name] for run in part) for part in parts)
    assert loads[-1] - loads[0] <= 10.0
    assert sorted(run.key for part in parts for run in part) == sorted(run.key for run in runs)
    order = {run.key: place for place, run in enumerate(runs)}
    assert all([order[run.key] for run in part] == sorted(order[run.key] for run in part) for part in parts)
    taken = [runs_of_shard(Shard(number, 5), runs, runs_folder, "small", lambda run: None) for number in range(1, 6)]
    assert Counter(run.key for part in taken for run in part) == Counter(run.key for run in runs)
    (runs_folder / "small-5-3-9.json").write_text("[]")  # of a recipe called small-5
    assert runs_of_shard(Shard(2, 5), runs, runs_folder, "small", lambda run: None) == taken[1]
    assert sorted(path.name for path in runs_folder.iterdir()) == ["small-5-1.json", "small-5-3-9.json"]  # no new deal
    (runs_folder / "small-5-1.json").write_text("[[")
    assert runs_of_shard(Shard(2, 5), runs, runs_folder, "small", lambda run: None) == taken[1]


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/0", "-1/3", "a/b", "1/3/5"])
def test_a_shard_is_one_of_so_many(text):
    with pytest.raises(ParameterError, match="shard: expected i/n"):
        Shard.parse(text)


def test_changed_predictions_are_named_left_out_and_computed_again(recipe, waves, runs_folder):
    run_benchmark(recipe, runs_folder, datasets=[waves])
    before = stamps(runs_folder)
    victim = sorted(runs_folder.glob("[!.]*/preds.npz"))[1]
    with np.load(victim) as stored:
        arrays = dict(stored)
    arrays["probabilities"] = arrays["probabilities"][::-1]
    np.savez_compressed(victim, **arrays)
    status = read_status(runs_folder)
    (line,) = status.left_out
    assert victim.parent.name in line
    assert "checksum" in line
    assert sum(count.missing for count in status.counts) == 1
    assert line in read_results(runs_folder).left_out
    run_benchmark(recipe, runs_folder, datasets=[waves])
    changed = {name for name, stamp in stamps(runs_folder).items() if stamp != before[name]}
    assert changed == {victim.parent.name}
    assert read_status(runs_folder).left_out == []


def test_a_folder_that_was_moved_goes_on(recipe, waves, runs_folder, tmp_path):
    run_benchmark(recipe, runs_folder, datasets=[waves])
    before = stamps(runs_folder)
    elsewhere = tmp_path / "some" / "where"
    elsewhere.parent.mkdir()
    runs_folder.rename(elsewhere)
    results = run_benchmark(replace(recipe, seeds=(0, 1, 2)), elsewhere, datasets=[waves])
    assert len(results) == 4
    assert {name: stamps(elsewhere)[name] for name in before} == before
    assert not runs_folder.exists()


def test_everything_is_run_again_only_where_that_is_asked_for(recipe, waves, runs_folder, failing):
    run_benchmark(recipe, runs_folder, datasets=[waves])
    before = stamps(runs_folder)
    run_benchmark(recipe, runs_folder, datasets=[waves], retry="all")
    assert all(stamps(runs_folder)[name] != before[name] for name in before)
    assert len(stamps(runs_folder)) == len(before)
    record = read_record(next(path.parent for path in runs_folder.glob("[!.]*/result.json")))
    failure = Outcome(record.spec, record.result | {"status": "failed", "error": {"class": "E", "message": "no"}}, {})
    write_outcome(runs_folder, failure, replace=True)
    assert read_record(record.folder).good  # a failure never takes the place of scores
    with pytest.raises(ParameterError, match="expected retry to be one of failed, all, got 'some'"):
        run_benchmark(recipe, runs_folder, datasets=[waves], retry="some")


def test_what_is_the_same_under_another_name_is_run_once(recipe, waves, runs_folder, caplog):
    again = replace(waves, name="waves again")
    table = Contender.parse("table:raw:1nn")
    twice = Recipe("twice", ("waves", "waves again"), (table, replace(table, name="neighbor")))
    plan = make_plan(twice, [waves, again])
    assert [(run.dataset.name, run.contender.name) for run in plan.runs] == [("waves", "1nn on raw")]
    assert "distinct content, got that of waves again" in plan.unreadable["waves again"]["message"]
    assert "waves: neighbor is the same as 1nn on raw, and is left out" in caplog.text
