"""``img-repr bench`` and its verbs, in one process, and what Ctrl-C leaves."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from img_repr.__main__ import main
from img_repr.benchmark.recipe_file import read_recipe
from img_repr.benchmark.result import SCHEMA
from img_repr.core.json_file import read_json, write_json

TABLES = ("-c", "table:raw:1nn", "-c", "majority")
HERE = ("--workers", "0")  # in this process


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Said]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> Said:
        monkeypatch.setattr("sys.argv", ["img-repr", *words])
        code = 0
        try:
            main()
        except SystemExit as done:
            code = int(done.code or 0)
        return Said(code, *capsys.readouterr())

    return run


def write_waves(path, seed=0):
    random = np.random.default_rng(seed)
    rows = [",".join([*(f"t{i}" for i in range(20)), "label"])]
    for number in range(24):
        series = np.sin(np.linspace(0, 3 + 6 * (number % 2), 20)) + random.normal(scale=0.1, size=20)
        rows.append(",".join([*map(str, series), ("slow", "fast")[number % 2]]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows))


@pytest.fixture
def waves(tmp_path):
    write_waves(tmp_path / "waves.csv")
    return "waves.csv"


def keys(runs_folder):
    return {path.parent.name for path in Path(runs_folder).glob("[!.]*/result.json")}


def test_without_a_verb_it_runs_and_says_what_it_takes_the_data_for(call, waves):
    said = call("bench", waves, *TABLES, *HERE)
    assert said.code == 0, said.err
    summary, first, second, third, *_ = (line for line in said.err.splitlines() if not line.startswith("note: "))
    assert summary.startswith("waves.csv: timeseries, 24 samples of shape (20,), 2 classes")
    assert first.startswith("waves: read as timeseries (format csv), 24 samples of 2 classes (fast: 12, slow: 12); ")
    assert re.search(r"split: resample, the first with \d+ training and \d+ test samples$", first)
    assert second == "contenders on timeseries: 1nn on raw; majority"
    assert third == "waves: No groups are known: the cuts assume independent samples."
    assert len(keys("runs/waves")) == 2
    assert (Path("runs/waves/report.html")).exists()


def test_contenders_are_chosen_where_none_are_named(call, waves):
    said = call("bench", "plan", waves)
    assert said.code == 0, said.err
    assert "contenders on timeseries: CNN on " in said.err
    assert "majority" in said.err
    assert not Path("runs").exists()  # a plan writes only where that is asked for


def test_data_that_are_called_like_a_verb_and_verbs_that_are_misspelt(call, tmp_path):
    write_waves(tmp_path / "plan" / "waves.csv")
    shutil.move(tmp_path / "plan" / "waves.csv", tmp_path / "plan.csv")
    (tmp_path / "plan").rmdir()
    (tmp_path / "plan.csv").rename(tmp_path / "plan")
    said = call("bench", "run", "plan", "--format", "csv", *TABLES, *HERE, "--out", "r")
    assert said.code == 0, said.err
    assert len(keys("r")) == 2
    said = call("bench", "statsu", "r")
    assert (said.code, "Did you mean 'status'?" in said.err) == (2, True)
    assert "run" in call("bench").out + call("bench", "--help").out


@pytest.mark.slow
def test_a_run_by_options_is_written_as_a_recipe_and_repeated(call, waves, tmp_path):
    options = (*TABLES, "--seeds", "2", "--split", "resample", "--resamples", "3", "--hours", "0.5",
               "--set", "contenders.0.learner=extra_trees", "--set", "note=by hand")  # fmt: skip
    assert call("bench", waves, *options, *HERE, "--out", "one").code == 0
    said = call("bench", "plan", waves, *options, "--write", "kept/waves.toml", "--out", "two")
    assert said.code == 0, said.err
    recipe = read_recipe("kept/waves.toml")
    assert (recipe.datasets, recipe.seeds, recipe.resamples) == (("../waves.csv",), (0, 1), 3)
    assert (recipe.note, recipe.budget_hours) == ("by hand", 0.5)
    assert [one.name for one in recipe.contenders] == ["extra_trees on raw", "majority"]
    assert call("bench", "run", "kept/waves.toml", *HERE, "--out", "two").code == 0
    assert keys("one") == keys("two")
    assert len(keys("one")) == 3 * 2 + 3


def test_a_plan_counts_what_is_there_and_guesses_what_the_rest_takes(call, waves):
    words = (waves, *TABLES, "--split", "resample")
    said = call("bench", "plan", *words, "--resamples", "2", "--out", "r")
    assert re.search(r"1nn on raw\W+2\W+0\W+0\W+2\W+unknown", said.out)
    assert "4 runs, 4 missing; one worker takes: unknown" in said.out
    assert json.loads(Path("r/plans/waves.json").read_text())["resamples"] == 2
    assert call("bench", *words, *HERE, "--out", "r").code == 0
    said = call("bench", "plan", *words, "--resamples", "4", "--out", "r")
    assert re.search(r"1nn on raw\W+4\W+1\W+0\W+3\W+\d+ s", said.out)
    assert re.search(r"8 runs, 6 missing; one worker takes: \d+ s\n", said.out)


def test_status_tells_what_failed_what_is_missing_and_what_is_damaged(call, waves):
    words = (waves, *TABLES, "--split", "resample")
    assert call("bench", *words, *HERE, "--out", "r").code == 0
    assert call("bench", "plan", *words, "--resamples", "3", "--out", "r").code == 0
    victim = sorted(keys("r"))[0]
    result = Path("r") / victim / "result.json"
    error = {"class": "TrainingError", "message": "no"}
    write_json(result, read_json(result, {}, format=SCHEMA) | {"status": "failed", "error": error}, format=SCHEMA)
    said = call("bench", "status", "r")
    assert said.code == 0, said.err
    assert re.search(r"3\W+0\W+1\W+2\W+TrainingError: 1", said.out)
    assert said.out.rstrip().endswith("6 runs: 1 done, 1 failed, 4 missing")
    result.write_text(result.read_text()[:-9])
    said = call("bench", "status", "r")
    assert said.code == 0
    assert f"left out: record {victim}: result.json: expected JSON" in said.out
    told = json.loads(call("bench", "status", "r", "--json").out)
    assert sum(count["missing"] for count in told["counts"]) == 5
    assert told["running"] == []
    (Path("r") / "plans" / "torn.json").write_text("{")
    assert "left out: plan torn.json: " in call("bench", "status", "r").out
    assert call("bench", "status", "nowhere").code == 2
    Path("empty").mkdir()
    said = call("bench", "status", "empty")
    assert (said.code, said.err.count("got one without a plan or a record")) == (2, 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "trainin.epochs=5"], "bench: no key of a recipe is called 'trainin'; did you mean training"),
        (["--set", "seeds=3"], "bench: expected seeds to be a list, got 3"),
        (["--set", "training.epochs=many"], "training: expected epochs to be an integer of at least 1, got 'many'"),
        (["--set", "training.epoch=3"], "epochs"),
        (["--set", "contenders.7.learner=ridge"], "--set: expected contenders.7.learner to have a number below 2"),
        (["--set", "note.more=1"], "bench: expected note to be text, got {'more': 1}"),
        (["--set", "seeds"], "--set: expected a.b=c, got 'seeds'"),
        (["--shard", "3/2"], "shard: expected i/n with i from 1 to n, got 3/2"),
        (["--retry", "some"], "expected retry to be one of failed, all, got 'some'"),
        (["--only-missing", "--retry", "failed"], "expected --only-missing or --retry, got both"),
        (["--dask", "local:2", "--workers", "2"], "expected --dask or limits of workers here, got both"),
        (["--memory", "-1"], "expected memory_gb above 0"),
    ],
)
def test_wrong_options_are_one_sentence(call, waves, words, said):
    workers = () if {"--dask", "--memory"} & set(words) else HERE
    extra = ("-c", "cnn:gadf") if "epoch" in words[-1] else ()
    found = call("bench", waves, *TABLES, *extra, *workers, *words)
    assert found.code == 2
    assert said in found.err.replace("\n", "")
    assert not Path("runs").exists()


def test_a_folder_of_data_sets_is_all_of_them(call, tmp_path):
    for number, name in enumerate(("Bend", "Arc")):
        for part in ("TRAIN", "TEST"):
            path = tmp_path / "archive" / name / f"{name}_{part}.tsv"
            path.parent.mkdir(parents=True, exist_ok=True)
            random = np.random.default_rng(number)
            rows = [[label, *random.normal(size=9) + label] for label in (1, 2) * 6]
            path.write_text("\n".join("\t".join(map(str, row)) for row in rows))
    (tmp_path / "archive" / "papers").mkdir()
    said = call("bench", "archive", *TABLES, *HERE, "--out", "r", "--set", "name=both")
    assert said.code == 0, said.err
    assert said.err.startswith("archive: 2 data sets, Arc, Bend; not papers\n")
    assert len(keys("r")) == 4
    assert [path.name for path in Path("r/plans").iterdir()] == ["both.json"]


def test_shards_by_the_command_line_are_parts_of_one_plan(call, waves):
    words = ("bench", waves, *TABLES, "--split", "resample", "--resamples", "5", *HERE, "--out", "r")
    said = call(*words, "--shard", "2/3")
    assert said.code == 0, said.err
    assert re.fullmatch(r"shard 2/3 in r: [34] of 10 runs are there\n", said.out)
    assert not Path("r/report.html").exists()
    command = json.loads(Path("r/plans/waves.json").read_text())["command"]
    assert command == " ".join(["img-repr", *words])  # the whole, not the part
    assert call(*words, "--shard=1/3").code == call(*words, "--shard=3/3").code == 0
    before = {path: path.stat().st_mtime_ns for path in Path("r").glob("[!.]*/result.json")}
    assert len(before) == 10
    assert call(*words, "--only-missing").code == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_finished(waves, tmp_path):
    words = [sys.executable, "-m", "img_repr", "bench", str(tmp_path / waves), "-c", "table:raw:extra_trees"]
    words += ["--split", "resample", "--resamples", "100", "--out", "r", "--workers", "1"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        words, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        until = time.monotonic() + 120
        while len(keys(tmp_path / "r")) < 2 and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), err
    stand = len(keys(tmp_path / "r"))
    last = err.strip().splitlines()[-1]
    assert last == f"stopped; {stand} of 100 runs are on disk, and the same command resumes there"
    assert "Traceback" not in err
    assert not [path.name for path in (tmp_path / "r").glob(".running*")]


def test_one_group_for_each_class_is_said_for_test_and_validation_and_kept_in_the_plan(call, tmp_path):
    rows = [f"{','.join(str(k * n % 7) for n in range(12))},{'ab'[k // 8]},{'pq'[k // 8]}" for k in range(16)]
    names = ",".join(f"x{n}" for n in range(12))
    (tmp_path / "two.csv").write_text("\n".join([f"{names},label,group", *rows]) + "\n")
    asked = ("two.csv", "--format", "csv", "--load", "layout=wide", "--load", "label=label", "--load", "group=group")
    said = call("bench", "plan", *asked, "-c", "cnn:gadf", "-c", "table:raw:1nn", "--out", "r")
    assert said.code == 0, said.err
    plan = json.loads(Path("r/plans/two.json").read_text())["datasets"][0]["leaks"]
    for sentence in (
        "Training and test share groups, because no class has two of them (p, q): scores are too high for new groups.",
        "The validation part shares groups with what is fitted, because each group is the last of a class (p, q): its "
        "scores are too high for new groups.",
    ):
        assert f"two: {sentence}" in said.err
        assert sentence in plan


@pytest.mark.parametrize("word", ["--resamples", "--seeds"])
def test_a_number_beyond_what_is_meant_is_refused_and_no_list_is_made(call, waves, word):
    said = call("bench", "plan", waves, *TABLES, word, "1000000000")
    assert (said.code, f"'{word}'" in said.err, "or equal to 1000 " in said.err) == (2, True, True)
