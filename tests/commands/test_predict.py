"""``img-repr predict``: streams, formats, stdin, bad files, Ctrl-C."""

import csv
import io
import json
import os
import signal
import sys

import numpy as np
import pytest

from img_repr import ImageClassifier, load_dataset
from img_repr.__main__ import main
from img_repr.commands.guard import Stopped
from img_repr.commands.predict import _write
from img_repr.training import predictions as module
from img_repr.training.predictions import Prediction, predict_sources


@pytest.fixture(scope="module")
def model():
    data = load_dataset("gunpoint").subset(range(0, 200, 5))
    return ImageClassifier("gadf", size=16, epochs=1, min_steps=1).fit(data)


@pytest.fixture
def folder(model, tmp_path, monkeypatch):
    """A model, three files of series, and a damaged one."""
    monkeypatch.chdir(tmp_path)
    model.save(tmp_path / "model")
    series = load_dataset("gunpoint").samples
    for number in range(3):
        lines = [",".join(map(str, row)) for row in series[number * 2 : number * 2 + 2]]
        (tmp_path / f"{number}.csv").write_text("\n".join([",".join(f"t{at}" for at in range(150)), *lines]))
    (tmp_path / "bad.csv").write_text("t0,t1\nx,y\n")
    return tmp_path


@pytest.fixture
def call(monkeypatch, capfdbinary):
    def run(*words, stdin=b""):
        monkeypatch.setattr("sys.argv", ["img-repr", "predict", "model", *words])
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = 0
        try:
            main()
        except SystemExit as done:
            code = int(done.code or 0)
        sys.stdout.flush()
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return run


def test_csv_and_json_lines_hold_the_models_probabilities(call, folder, model):
    code, _, err = call("0.csv", "1.csv", "--out", "found.csv")
    assert code == 0, err
    rows = list(csv.DictReader((folder / "found.csv").read_text().splitlines()))
    assert [(row["input"], row["sample"]) for row in rows] == [(f"{f}.csv", str(n)) for f in range(2) for n in range(2)]
    wanted = model.predict_proba(load_dataset("gunpoint").samples[:4])
    np.testing.assert_allclose([[float(row["p(1)"]), float(row["p(2)"])] for row in rows], wanted, atol=1e-6)
    assert call("0.csv", "1.csv", "--out", "found.jsonl")[0] == 0
    lines = [json.loads(line) for line in (folder / "found.jsonl").read_text().splitlines()]
    assert [(one["input"], one["sample"], one["class"]) for one in lines] == [
        (row["input"], row["sample"], row["class"]) for row in rows
    ]
    np.testing.assert_allclose([list(one["probabilities"].values()) for one in lines], wanted, atol=1e-6)


def test_a_bad_file_stops_or_becomes_a_row_with_its_error(call, folder):
    (folder / "found.csv").write_text("old")
    code, _, err = call("0.csv", "bad.csv", "1.csv", "--out", "found.csv")
    assert code == 2
    assert "bad.csv" in err
    assert (folder / "found.csv").read_text() == "old"
    code, _, err = call("0.csv", "bad.csv", "missing.csv", "1.csv", "--out", "found.csv", "--on-error", "row")
    assert code == 0, err
    assert "2 of 6 samples have no prediction" in err
    rows = list(csv.DictReader((folder / "found.csv").read_text().splitlines()))
    assert [row["input"] for row in rows] == ["0.csv", "0.csv", "bad.csv", "missing.csv", "1.csv", "1.csv"]
    assert [bool(row["error"]) for row in rows] == [False, False, True, True, False, False]
    assert "does not exist" in rows[3]["error"]
    code, out, _ = call("0.csv", "bad.csv", "--output", "jsonl", "--on-error", "row")
    assert [sorted(json.loads(line)) for line in out.splitlines()] == [
        ["class", "input", "probabilities", "sample"], ["class", "input", "probabilities", "sample"],
        ["error", "input", "sample"],
    ]  # fmt: skip


def test_stdin_is_a_list_of_files_or_a_table(call, folder):
    _, wanted, _ = call("0.csv", "2.csv", "--output", "csv")
    code, out, err = call("-", "--output", "csv", stdin=b"0.csv\n2.csv\n")
    assert (code, out) == (0, wanted), err
    code, out, err = call("-", "--output", "jsonl", stdin=(folder / "2.csv").read_bytes())
    assert code == 0, err
    assert [json.loads(line)["class"] for line in out.splitlines()] == [
        row["class"] for row in csv.DictReader(wanted.splitlines()) if row["input"] == "2.csv"
    ]
    assert call("-", stdin=b"\n")[0] == 2
    assert call("-", "-", stdin=b"0.csv")[0] == 2


def test_rows_appear_as_they_are_computed(folder, model, monkeypatch):
    monkeypatch.setattr(module, "BATCH_SIZE", 2)
    read = []
    found = predict_sources(model, ["0.csv", "1.csv", "2.csv"], on_source=read.append)
    next(found)
    assert len(read) == 0  # the second file was not opened
    assert sum(map(len, found)) == 4


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_ctrl_c_leaves_whole_rows(kind, tmp_path):
    def batches():
        for number in range(9):
            if number == 2:
                os.kill(os.getpid(), signal.SIGINT)
            yield [Prediction("a", str(number * 3 + at), "x", (0.75, 0.25)) for at in range(3)]

    with pytest.raises(Stopped, match="130"):
        _write(batches(), ("x", "y"), tmp_path / "out", kind, with_errors=False)
    lines = (tmp_path / "out").read_text().splitlines()
    assert len(lines) == 9 + (kind == "csv")
    assert all(line.count(",") == 4 for line in lines if kind == "csv")
    assert kind == "csv" or [json.loads(line)["sample"] for line in lines] == list(map(str, range(9)))


def test_the_sample_that_cannot_be_encoded_is_named(folder, model):
    rows = (folder / "1.csv").read_text().splitlines()
    (folder / "1.csv").write_text("\n".join([*rows[:2], ",".join(["inf"] * 150)]))
    errors = [
        one.error for batch in predict_sources(model, ["0.csv", "1.csv", "2.csv"], keep_errors=True) for one in batch
    ]
    assert sum(map(bool, errors)) >= 1
    assert not any(errors[:2])
    assert not any(errors[-2:])
