"""The command line in one process: what it writes, and that bad input is one sentence and exit code 2."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from img_repr.__main__ import main

QUICK = ["--size", "8", "--train", "epochs=1", "--train", "min_steps=1"]


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Said]:
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Said:
        monkeypatch.setattr("sys.argv", ["img-repr", *words])
        code = 0
        try:
            main()
        except SystemExit as done:
            code = int(done.code or 0)
        return Said(code, *capsys.readouterr())

    return run


@pytest.fixture
def waves(tmp_path: Path, random: np.random.Generator) -> Path:
    """Twelve labelled series as a CSV with a header."""
    path = tmp_path / "waves.csv"
    rows = [",".join([*(f"t{i}" for i in range(20)), "label"])]
    for number in range(12):
        series = np.sin(np.linspace(0, 3 + 6 * (number % 2), 20)) + random.normal(scale=0.1, size=20)
        rows.append(",".join([*map(str, series), ("slow", "fast")[number % 2]]))
    path.write_text("\n".join(rows))
    return path


def test_encode_writes_shards_and_pictures(call, waves, tmp_path):
    said = call("encode", str(waves), "--encoder", "gadf+mtf", "--size", "16", "--out", "pictures", "--png")
    assert said.code == 0
    manifest = json.loads((tmp_path / "pictures" / "manifest.json").read_text())
    assert manifest["shape"] == [2, 16, 16]
    assert len(list((tmp_path / "pictures" / "png").rglob("*.png"))) == 12


BAD = {
    "empty.csv": "",
    "one.csv": "1\n",
    "hole.csv": "1,2,nan,4\n1,2,3,4\n",
    "infinite.csv": "1,2,inf,4\n",
    "prose.csv": "hello world\nthis is prose\n",
    "constant.csv": "3,3,3,3\n",
    "two.csv": "0,1,0,1,1,0,0,1\n",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_samples_are_one_sentence(call, tmp_path, name):
    (tmp_path / name).write_text(BAD[name])
    before = sorted(tmp_path.iterdir())
    said = call("encode", name, "--size", "8", "--out", "pictures")
    assert said.code == 2
    assert said.err.startswith("error: ")
    assert len(said.err.strip().splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "words",
    [
        ["encode", "missing.csv", "--out", "p"],
        ["encode", "waves.csv", "--out", "p", "--encoder", "gdaf"],
        ["encode", "waves.csv", "--out", "p", "--size", "0"],
        ["encode", "waves.csv", "--out", "p", "--set", "n_bins"],
        ["encode", "waves.csv", "--out", "p", "--set", "bins=3"],
        ["encode", "waves.csv", "--out", "."],
        ["encode", "waves.csv", "--out", "p", "--format", "tsv"],
        ["train", "waves.csv", "--out", "p", "--train", "epoch=3"],
        ["train", "waves.csv", "--out", "p", "--train", "epochs=many"],
        ["predict", "nothing", "waves.csv"],
        ["bench", "waves.csv", "-c", "table:summery:ridge"],
        ["bench", "waves.csv", "--seeds", "0"],
        ["bench", "missing.toml"],
        ["report", "nothing"],
        ["encoders", "sound"],
        ["paint"],
    ],
)
def test_wrong_use_is_exit_code_2_and_writes_nothing(call, waves, tmp_path, words):
    said = call(*words)
    assert said.code == 2
    assert "Traceback" not in said.err
    assert sorted(tmp_path.iterdir()) == [waves]


def test_train_and_predict(call, waves, tmp_path):
    said = call("train", str(waves), "--encoder", "gadf|line", "--out", "model", *QUICK)
    assert said.code == 0, said.err
    assert "accuracy on the validation part" in said.out
    assert call("predict", "model", str(waves), str(waves), "--out", "found.csv").code == 0
    rows = list(csv.DictReader((tmp_path / "found.csv").read_text().splitlines()))
    assert len(rows) == 24
    for row in rows:
        assert row["class"] in ("fast", "slow")
        assert float(row["p(fast)"]) + float(row["p(slow)"]) == pytest.approx(1.0, abs=1e-5)


def test_bench_ends_with_the_page_and_goes_on_where_it_stopped(call, waves, tmp_path):
    words = ["bench", str(waves), "-c", "pixels:gadf:1nn", "-c", "table:raw:1nn", "-c", "majority", "--out", "runs"]
    said = call(*words)
    assert said.code == 0, said.err
    assert (tmp_path / "runs" / "report.html").read_text().startswith("<!DOCTYPE html>")
    cells = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").glob("*/result.json")}
    assert len(cells) == 3
    assert call(*words).code == 0
    assert {path: path.stat().st_mtime_ns for path in cells} == cells


def test_encoders_are_listed(call):
    said = call("encoders")
    assert said.code == 0
    assert "recurrence" in said.out
