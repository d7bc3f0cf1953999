"""The benchmark from memory says what the command line says."""

import re

import numpy as np
import pytest
from typer.testing import CliRunner

from img_repr import compare, load_dataset
from img_repr.commands.app import app
from img_repr.core.errors import DataError, ImgReprError

QUICK = ["pixels:gadf:ridge", "cnn:gadf", "table:summary:ridge"]
BRIEF = {"epochs": 1, "min_steps": 2}


@pytest.mark.slow
def test_the_verdict_is_that_of_the_command_line_on_the_same_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = load_dataset("gunpoint").subset(np.r_[0:30, 60:100])
    rows = np.column_stack([np.round(data.samples, 4).astype(str), data.labels])
    header = ",".join([*(f"t{step}" for step in range(data.samples.shape[1])), "label"])
    (tmp_path / "gun.csv").write_text("\n".join([header, *map(",".join, rows)]) + "\n")
    options = [word for one in QUICK for word in ("--contender", one)]
    options += [word for name, value in BRIEF.items() for word in ("--train", f"{name}={value}")]
    said = CliRunner().invoke(app, ["bench", "gun.csv", *options, "--workers", "0", "--out", "runs"])
    assert said.exit_code == 0, said.output
    result = compare(np.round(data.samples, 4), data.labels, name="gun", contenders=QUICK, training=BRIEF)
    without_times, both = r"costs [\d.]+ times", (result.verdict, said.output)  # measured in each run
    verdict, output = (re.sub(without_times, "costs", text) for text in both)
    assert verdict in output
    assert {row["role"] for row in result.rows} >= {"image", "table", "control"}
    assert result.report(tmp_path / "page.html").read_text("utf-8").startswith("<!DOCTYPE html>")


def test_groups_are_never_cut(tmp_path):
    data = load_dataset("gunpoint").subset(range(40))
    result = compare(
        data.samples, data.labels, groups=np.arange(40) // 4, contenders=["majority"], out=tmp_path / "runs"
    )
    assert len(list((tmp_path / "runs").glob("*/spec.json"))) == 5
    assert result.rows[0]["missing"] == ""


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"y": None}, DataError, "compare: expected labels y"),
        ({"y": ["a"]}, DataError, "expected 4 labels"),
        ({"times": [1, 2]}, DataError, "compare: expected 4 times"),
        ({"contenders": ["cnn:melspectrogram"]}, ImgReprError, "timeseries"),
        ({"split": "group"}, DataError, "expected groups to hold out"),
    ],
)
def test_wrong_input_is_one_sentence(options, error, message):
    with pytest.raises(error, match=message):
        compare(np.eye(4), **({"y": list("abab")} | options))
