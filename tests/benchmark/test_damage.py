"""Folders of runs that are damaged or changed: what does not agree is named, left out, and run or made again."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from img_repr.benchmark.contender import MajorityContender
from img_repr.benchmark.evaluation.tables import read_results
from img_repr.benchmark.execution.status import read_status
from img_repr.benchmark.recipe import Recipe
from img_repr.benchmark.report.page import write_report
from img_repr.benchmark.result import SCHEMA, read_plans, read_record, read_records
from img_repr.benchmark.run_benchmark import run_benchmark
from img_repr.core.errors import DataError, ResultError
from img_repr.core.json_file import read_json, write_json

FILES = ("result.json", "env.json", "spec.json", "preds.npz")


@pytest.fixture
def good(recipe, waves, runs_folder) -> Path:
    run_benchmark(replace(recipe, seeds=(0,)), runs_folder, datasets=[waves])
    return runs_folder


def first_record(runs_folder: Path) -> Path:
    return next(path.parent for path in sorted(runs_folder.glob("?" * 16 + "/result.json")))


@pytest.mark.parametrize("file", FILES)
def test_a_changed_byte_of_a_record_is_noticed_wherever_it_is(good, file):
    folder = first_record(good)
    written = (folder / file).read_bytes()
    places = np.random.default_rng(0).choice(len(written), min(120, len(written)), replace=False)
    for place in map(int, places):
        (folder / file).write_bytes(written[:place] + bytes([written[place] ^ 4]) + written[place + 1 :])
        with pytest.raises(ResultError, match=f"record {folder.name}: .*run the recipe again"):
            read_record(folder)
    (folder / file).write_bytes(written)
    assert read_record(folder).good


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("content", [b"", b"[1]", b"null", b"[" * 100_000, b"{}", b"\xff\x00"])
def test_a_record_with_other_content_is_named_and_left_out_of_every_view(good, file, content):
    folder = first_record(good)
    (folder / file).write_bytes(content)
    records, left_out = read_records(good)
    assert len(records) == 1
    assert folder.name in left_out[0]
    assert left_out == read_status(good).left_out == read_results(good).left_out


def test_a_file_of_another_record_is_noticed(good):
    one, other = (path.parent for path in sorted(good.glob("?" * 16 + "/result.json")))
    env = read_json(one / "env.json", {}, format=SCHEMA)
    write_json(other / "env.json", env | {"device": "another"}, format=SCHEMA)
    with pytest.raises(ResultError, match=r"env.json: expected the bytes that were written"):
        read_record(other)


def test_a_record_of_an_older_format_is_refused_by_its_name(good):
    folder = first_record(good)
    for file in FILES[:3]:
        old = json.loads((folder / file).read_text())
        del old["format"], old["checksum"]
        (folder / file).write_text(json.dumps(old, indent=1))
    with pytest.raises(ResultError, match=f"record {folder.name}: .*expected format 2, got none, as older versions"):
        read_record(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: plan.update(runs=["x"]),
        lambda plan: plan.update(datasets=None),
        lambda plan: plan["runs"][0].update(role="evil"),
        lambda plan: plan["runs"][0].update(split=7),
        lambda plan: plan["runs"][0].update(dataset="elsewhere"),
        lambda plan: plan["datasets"][0].update(splits={}),
        lambda plan: plan.update(seeds=[-1]),
        lambda plan: plan.pop("command"),
    ],
)
def test_a_plan_of_wrong_inner_types_is_named_and_left_out(good, change):
    path = good / "plans" / "small.json"
    plan = read_json(path, {}, format=SCHEMA)
    change(plan)
    write_json(path, plan, format=SCHEMA)  # with a checksum that is right
    plans, left_out = read_plans(good)
    assert plans == []
    assert "plan small.json: expected" in left_out[0]
    assert "Left out, cannot be used: plan small.json" in write_report(good, good / "report.html").read_text()


@pytest.mark.parametrize(
    "change",
    [
        lambda result: result.update(record=None),
        lambda result: result.update(n_train=0),
        lambda result: result.update(seed="0"),
        lambda result: result.update(accuracy=True),
        lambda result: result.update(status="good"),
        lambda result: result.update(sha256=[]),
    ],
)
def test_a_result_of_wrong_inner_types_is_named_and_left_out(good, change):
    folder = first_record(good)
    result = read_json(folder / "result.json", {}, format=SCHEMA)
    change(result)
    write_json(folder / "result.json", result, format=SCHEMA)
    assert folder.name in read_records(good)[1][0]
    write_report(good, good / "report.html")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"[1]"])
def test_damaged_sample_images_end_no_report_and_are_made_again(good, recipe, waves, content, caplog):
    images = sorted((good / "images").iterdir())
    written = [path.read_bytes() for path in images]
    for path in images:
        path.write_bytes(content or path.read_bytes()[:-30])
    assert "cannot be read" in write_report(good, good / "report.html").read_text()
    run_benchmark(replace(recipe, seeds=(0,)), good, datasets=[waves])
    assert "these images are made again" in caplog.text
    assert [path.read_bytes() for path in images] == written


def test_a_folder_of_something_else_is_not_written_into(recipe, waves, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("x")
    with pytest.raises(DataError, match=r"thesis: expected a new or empty folder, .* got one with chapter"):
        run_benchmark(recipe, tmp_path / "thesis", datasets=[waves])
    assert os.listdir(tmp_path / "thesis") == ["chapter.tex"]  # noqa: PTH208


def test_a_folder_into_which_records_were_copied_is_gone_on_with(good, recipe, waves, tmp_path):
    shutil.copytree(first_record(good), tmp_path / "merged" / first_record(good).name)
    (tmp_path / "merged" / "notes.txt").write_text("x")
    assert len(run_benchmark(replace(recipe, seeds=(0,)), tmp_path / "merged", datasets=[waves])) == 2


NAMES = {
    "dollars": "costs $5 or $6",
    "mathematics": r"$\alfa$ of last_year^2",
    "a tag": "<script>alert(1)</script>",
    "a line break": "two\nlines",
    "control": "bell \a, escape \x1b, zero \0",
    "no UTF-8": "cl\udcff",
    "reversed": "\u202eevil",
    "hebrew": "שלום",
    "emoji": "👩\u200d🔬 wins",
    "long": "long " * 100,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_every_text_may_be_a_name(waves, runs_folder, table, image, name):
    labels = np.where(waves.labels == "fast", name, "slow")
    named = replace(waves, name=name, labels=labels, names=np.full(len(waves), name))
    recipe = Recipe("small", (name.replace("\0", ""),), (replace(image, name=name), table, MajorityContender()))
    named = replace(named, name=name.replace("\0", ""))
    results = run_benchmark(recipe, runs_folder, datasets=[named])
    assert [result["status"] for result in results] == ["ok"] * 3
    text = write_report(runs_folder, runs_folder / "report.html").read_text("utf-8")
    assert "<script>alert" not in text
    assert not set(text) & set("\a\x1b\0\u202e")
    if name in ("costs $5 or $6", "שלום", "👩\u200d🔬 wins"):
        assert f">{name}</text>" in text  # in the figures, as it is


def test_sets_whose_names_differ_at_the_end_of_long_names_have_images_each(waves, runs_folder, table):
    first, second = (replace(waves, name="n" * 240 + end, gap=gap) for end, gap in (("a", 0.0), ("b", 1.0)))
    run_benchmark(Recipe("small", (first.name, second.name), (table,)), runs_folder, datasets=[first, second])
    assert len(list((runs_folder / "images").iterdir())) == 2
