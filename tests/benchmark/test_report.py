import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from img_repr.benchmark.contender import Contender
from img_repr.benchmark.figures import COLOURS, draw_learning, learning_curves
from img_repr.benchmark.mistakes import confusion, surest_mistakes
from img_repr.benchmark.recipe import Recipe
from img_repr.benchmark.report import write_report
from img_repr.benchmark.result import Record
from img_repr.benchmark.run import run
from img_repr.benchmark.score import Score
from img_repr.benchmark.statistics import sign_flip_exact
from img_repr.benchmark.tables import read_board
from img_repr.benchmark.verdict import headline, judge
from img_repr.core.errors import ResultError

VOID = {"meta", "br", "wbr", "img", "link", "hr", "input"}


class Page(HTMLParser):
    """Checks that elements nest, collects ids, outside addresses and pictures without words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.outside: list[str] = []
        self.mute = 0
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.ids += [values["id"]] if "id" in values else []
        for word in ("src", "href", "xlink:href"):
            address = values.get(word) or "#"
            self.outside += [] if address.startswith(("#", "data:image/png;base64,")) else [address]
        self.mute += tag == "img" and not values.get("alt")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def page_of(runs) -> str:
    return write_report(runs, runs / "report.html").read_text("utf-8")


def test_the_page_is_whole_and_asks_nothing_of_anybody(recipe, waves, runs):
    run(recipe, runs, datasets=[waves])
    text = page_of(runs)
    page = Page(text)
    assert page.outside == []
    assert len(page.ids) == len(set(page.ids))
    assert page.mute == 0
    assert "@import" not in text
    assert text.count("<script") == 1
    assert "How the networks learned" not in text  # these learners are none


def test_the_page_says_the_numbers_on_disk(recipe, waves, runs):
    run(recipe, runs, datasets=[waves])
    (row,) = read_board(runs).rows
    (verdict,) = judge([row])
    rights = [score.good for score in row.scores.values()]
    first = sum(record.right.astype(int) for record in rights[0])
    assert verdict.comparison.difference == pytest.approx((first / 2).mean() - rights[1][0].right.mean())
    assert verdict.p == sign_flip_exact(first - 2 * rights[1][0].right)
    text = page_of(runs)
    for score in row.scores.values():
        assert f"{score.accuracy:.3f}" in text
    assert headline([verdict]) in text


def test_the_page_knows_no_torch(recipe, waves, runs, tmp_path):
    run(recipe, runs, datasets=[waves])
    code = (
        "import sys; from img_repr.benchmark.report import write_report; "
        f"write_report({str(runs)!r}, {str(tmp_path / 'page.html')!r}); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_failures_gaps_and_corrupt_records_are_told(recipe, waves, runs, failing):
    run(replace(recipe, contenders=(*recipe.contenders, failing)), runs, datasets=[waves])
    board = read_board(runs)
    lost, broken = board.rows[0].scores["CNN on gadf"].records
    shutil.rmtree(lost.folder)
    (broken.folder / "preds.npz").write_bytes(b"")
    text = page_of(runs)
    assert "unlucky on waves failed in 2 of 2 cells, in stage fit: TrainingError: failing: expected luck" in text
    assert f"Left out, cannot be used: record {broken.folder.name}" in text
    assert "2 planned cells are missing" in text
    assert "No verdict on waves." in text
    assert read_board(runs).rows[0].best == set()


def test_a_partial_primary_is_provisional(recipe, waves, runs):
    run(recipe, runs, datasets=[waves])
    shutil.rmtree(read_board(runs).rows[0].scores["CNN on gadf"].records[1].folder)
    (verdict,) = judge(read_board(runs).rows)
    assert verdict.comparison is not None
    assert "provisional" in verdict.reason


def test_the_rule_decides_when_the_data_do(image, table, runs, waves):
    scrambled = replace(image, make=lambda seed: _Scrambled(image.make(seed)), name="scrambled")
    run(Recipe("worse", ("waves",), (scrambled, table)), runs, datasets=[waves])
    (verdict,) = judge(read_board(runs).rows)
    assert verdict.outcome == "hurts"
    assert verdict.title == "The image does not help on waves."


class _Scrambled:
    """The same learner, taught wrong labels."""

    def __init__(self, learner) -> None:
        self.learner = learner

    def fit(self, pixels, labels):
        self.learner.fit(pixels, np.where(labels == "fast", "slow", "fast"))
        self.classes_ = self.learner.classes_
        return self

    def predict_proba(self, pixels):
        return self.learner.predict_proba(pixels)


def test_across_data_sets_seeds_and_splits_are_averaged_first(recipe, waves, runs):
    more = replace(waves, name="more", samples=waves.samples[::-1].copy(), labels=waves.labels[::-1].copy())
    run(replace(recipe, datasets=("waves", "more"), resamples=3), runs, datasets=[waves, more])
    board = read_board(runs)
    verdicts = judge(board.rows)
    assert all("corrected resampled t-test over 3 splits" in verdict.reason for verdict in verdicts)
    assert all("after Holm over 2 data sets" in verdict.reason for verdict in verdicts)
    text = page_of(runs)
    assert "smallest p that it can give is 0.5" in text
    assert "Mean rank" in text


def test_folders_merge_by_copying(recipe, waves, runs, tmp_path):
    run(recipe, runs, datasets=[waves])
    run(replace(recipe, seeds=(2,), name="elsewhere"), tmp_path / "other", datasets=[waves])
    shutil.copytree(tmp_path / "other", runs, dirs_exist_ok=True)
    scores = read_board(runs).rows[0].scores
    assert len(scores["CNN on gadf"].good) == 3
    assert [score.planned for score in scores.values()] == [3, 2, 3]  # the last is what both give together


def test_without_a_plan_the_records_speak(recipe, waves, runs):
    run(recipe, runs, datasets=[waves])
    shutil.rmtree(runs / "plans")
    assert "cells that are missing cannot be known" in page_of(runs)


def test_mistakes_are_those_of_the_predictions(recipe, waves, runs):
    run(recipe, runs, datasets=[waves])
    score = read_board(runs).rows[0].scores["CNN on gadf"]
    matrix = confusion(score)
    assert matrix.counts.sum() == 40
    assert np.trace(matrix.counts) / 40 == pytest.approx(score.accuracy)
    for one in surest_mistakes(score):
        assert waves.labels[one.index] == one.truth != one.predicted
    surest = [one.probability for one in surest_mistakes(score)]
    assert surest == sorted(surest, reverse=True)


def test_names_from_data_cannot_inject(recipe, waves, runs):
    evil = replace(waves, name="<script>alert(1)</script>")
    run(replace(recipe, datasets=(evil.name,)), runs, datasets=[evil])
    text = page_of(runs)
    assert "<script>alert" not in text
    Page(text)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(ResultError, match="expected results in"):
        write_report(tmp_path, tmp_path / "page.html")


def score_of(name: str, *histories: list[dict[str, float]]) -> Score:
    """A contender whose runs had these histories."""
    records = [
        Record(Path(), {}, {"status": "ok", "record": {"history": rows} if rows else {}}, {}) for rows in histories
    ]
    return Score(name, "image", {}, records=records)


def lines_of(svg: str) -> list[tuple[str, float, np.ndarray]]:
    """Colour, width and points of each drawn line of a figure."""
    found = re.findall(r'<path d="(M [^"zC]+)" clip-path[^>]*stroke: (#\w+)[^>]*stroke-width: ([\d.]+)', svg)
    return [(colour, float(width), np.array(re.findall(r"-?[\d.]+", path), float).reshape(-1, 2))
            for path, colour, width in found]  # fmt: skip


def test_learning_curves_are_means_over_runs_as_far_as_all_went():
    long = [{"loss": 1.0, "valid_loss": 0.5}, {"loss": 0.5, "valid_loss": 0.25}, {"loss": 0.1, "valid_loss": 0.2}]
    svg = draw_learning([score_of("cnn", long, long[1:], [])], "l0")  # a run without a history is left out
    lines = [(width, points) for colour, width, points in lines_of(svg) if colour == COLOURS["control"]]
    assert [width for width, _ in lines] == [0.7, 0.7, 1.7]
    first, second, mean = (points for _, points in lines)
    scale = (first[0, 1] - first[1, 1]) / (1.0 - 0.5)  # of the picture, per unit of loss
    assert first[:, 1] == pytest.approx(first[0, 1] + scale * np.array([0.0, -0.5, -0.9]), abs=1e-3)
    assert second[:, 1] == pytest.approx(first[0, 1] + scale * np.array([-0.5, -0.9]), abs=1e-3)
    assert mean == pytest.approx((first[:2] + second) / 2, abs=1e-3)
    assert [width for colour, width, _ in lines_of(svg) if colour == COLOURS["image"]] == [0.7, 0.7, 1.7]


def test_learning_curves_leave_out_what_no_run_has():
    assert draw_learning([score_of("table", [], [])], "l0") == ""
    assert list(learning_curves(score_of("cnn", [{"loss": 1.0}, {"loss": None}]))) == ["loss"]
    one = draw_learning([score_of("cnn", [{"loss": 1.0, "valid_accuracy": 0.5}])], "l0")
    assert [(colour, width) for colour, width, _ in lines_of(one)] == [
        (COLOURS["control"], 1.7),
        (COLOURS["image"], 1.7),
    ]
    assert "accuracy" not in draw_learning([score_of("cnn", [{"loss": 1.0}])], "l0")


def test_the_page_shows_how_networks_learned(recipe, waves, runs):
    values = {"encoder": "gadf", "parameters": {"size": 8}}
    knobs = {"min_steps": 0, "validation_share": 0.3}
    networks = [Contender("cnn", values | {"training": knobs | {"epochs": n}}, f"net {n}") for n in (1, 2, 3, 4)]
    run(replace(recipe, contenders=(*networks[1:3], recipe.contenders[1])), runs, datasets=[waves])
    text = page_of(runs)
    scores = read_board(runs).rows[0].scores
    for name, epochs in (("net 2", 2), ("net 3", 3)):
        for record, line in zip(scores[name].good, learning_curves(scores[name])["valid_accuracy"], strict=True):
            assert line.tolist() == [row["valid_accuracy"] for row in record.result["record"]["history"]]
            assert len(line) == epochs
    figure = text[text.index("How the networks learned") :]
    figure = figure[: figure.index("</figure>")]
    assert [width for _, width, _ in lines_of(figure)].count(1.7) == 6  # three for each network
    assert "<details" not in figure
    Page(text)
    run(replace(recipe, name="more", contenders=tuple(networks), seeds=(0,)), runs, datasets=[waves])
    text = page_of(runs)
    assert "<summary>Losses and accuracies of 4 contenders by epoch</summary>" in text
    Page(text)


@pytest.mark.data
def test_gunpoint_from_the_public_folder(data_folder, image, table, runs):
    path = str(data_folder / "ucr" / "GunPoint")
    results = run(Recipe("gunpoint", (path,), (image, table)), runs)
    assert [result["n_test"] for result in results] == [150, 150]
    assert "Published accuracies" in page_of(runs)
