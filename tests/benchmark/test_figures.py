import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from img_repr.benchmark.contender import CnnContender
from img_repr.benchmark.evaluation.score import Score
from img_repr.benchmark.evaluation.tables import read_results
from img_repr.benchmark.report.drawing import COLORS
from img_repr.benchmark.report.figures import draw_learning, learning_curves
from img_repr.benchmark.report.page import write_report
from img_repr.benchmark.result import Record
from img_repr.benchmark.run_benchmark import run_benchmark


def score_of(name: str, *histories: list[dict[str, float]]) -> Score:
    """A contender whose runs had these histories."""
    records = [
        Record(Path(), {}, {"status": "ok", "record": {"history": rows} if rows else {}}, {}) for rows in histories
    ]
    return Score(name, "image", {}, records=records)


def lines_of(svg: str) -> list[tuple[str, float, np.ndarray]]:
    """Color, width and points of each drawn line of a figure."""
    found = re.findall(r'<path d="(M [^"zC]+)" clip-path[^>]*stroke: (#\w+)[^>]*stroke-width: ([\d.]+)', svg)
    return [(color, float(width), np.array(re.findall(r"-?[\d.]+", path), float).reshape(-1, 2))
            for path, color, width in found]  # fmt: skip


def test_learning_curves_are_means_over_runs_as_far_as_all_went():
    long = [{"loss": 1.0, "valid_loss": 0.5}, {"loss": 0.5, "valid_loss": 0.25}, {"loss": 0.1, "valid_loss": 0.2}]
    svg = draw_learning([score_of("cnn", long, long[1:], [])], "l0")  # a run without a history is left out
    lines = [(width, points) for color, width, points in lines_of(svg) if color == COLORS["control"]]
    assert [width for width, _ in lines] == [0.7, 0.7, 1.7]
    first, second, mean = (points for _, points in lines)
    scale = (first[0, 1] - first[1, 1]) / (1.0 - 0.5)  # of the image, per unit of loss
    assert first[:, 1] == pytest.approx(first[0, 1] + scale * np.array([0.0, -0.5, -0.9]), abs=1e-3)
    assert second[:, 1] == pytest.approx(first[0, 1] + scale * np.array([-0.5, -0.9]), abs=1e-3)
    assert mean == pytest.approx((first[:2] + second) / 2, abs=1e-3)
    assert [width for color, width, _ in lines_of(svg) if color == COLORS["image"]] == [0.7, 0.7, 1.7]


def test_learning_curves_leave_out_what_no_run_has():
    assert draw_learning([score_of("table", [], [])], "l0") == ""
    assert list(learning_curves(score_of("cnn", [{"loss": 1.0}, {"loss": None}]))) == ["loss"]
    one = draw_learning([score_of("cnn", [{"loss": 1.0, "valid_accuracy": 0.5}])], "l0")
    assert [(color, width) for color, width, _ in lines_of(one)] == [
        (COLORS["control"], 1.7),
        (COLORS["image"], 1.7),
    ]
    assert "accuracy" not in draw_learning([score_of("cnn", [{"loss": 1.0}])], "l0")


@pytest.mark.slow
def test_the_page_shows_how_networks_learned(recipe, waves, runs_folder):
    values = {"encoder": "gadf", "parameters": {"size": 8}}
    hyperparameters = {"min_steps": 0, "validation_fraction": 0.3}
    networks = [CnnContender(**values, training=hyperparameters | {"epochs": n}, name=f"net {n}") for n in (1, 2, 3, 4)]
    run_benchmark(replace(recipe, contenders=(*networks[1:3], recipe.contenders[1])), runs_folder, datasets=[waves])
    text = write_report(runs_folder, runs_folder / "report.html").read_text("utf-8")
    scores = read_results(runs_folder).rows[0].scores
    for name, epochs in (("net 2", 2), ("net 3", 3)):
        for record, line in zip(scores[name].good, learning_curves(scores[name])["valid_accuracy"], strict=True):
            assert line.tolist() == [row["valid_accuracy"] for row in record.result["record"]["history"]]
            assert len(line) == epochs
    figure = text[text.index("Training curves") :]
    figure = figure[: figure.index("</figure>")]
    assert [width for _, width, _ in lines_of(figure)].count(1.7) == 6  # three for each network
    assert "<details" not in figure
    run_benchmark(replace(recipe, name="more", contenders=tuple(networks), seeds=(0,)), runs_folder, datasets=[waves])
    text = write_report(runs_folder, runs_folder / "report.html").read_text("utf-8")
    assert "<summary>Losses and accuracies of 4 contenders by epoch</summary>" in text
