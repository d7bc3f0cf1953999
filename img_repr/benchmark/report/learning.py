"""Learning curves: what networks said of themselves epoch by epoch, collected and drawn."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from img_repr.benchmark.evaluation.score import Score
from img_repr.benchmark.report.drawing import COLOURS, FAINT, draw_figure, figure_text


def learning_curves(score: Score) -> dict[str, list[np.ndarray]]:
    """Collect ``loss``, ``valid_loss`` and ``valid_accuracy`` by epoch of each run, where the records have a history.

    A history is that of a run's first network; what is not known of an epoch is nan.
    """
    histories = [record.result.get("record", {}).get("history") for record in score.good]
    found: dict[str, list[np.ndarray]] = {}
    for name in ("loss", "valid_loss", "valid_accuracy"):
        lines = [np.array([row.get(name) for row in rows], dtype=np.float64) for rows in histories if rows]
        found |= {name: lines} if any(np.isfinite(line).any() for line in lines) else {}
    return found


def draw_learning(scores: Sequence[Score], ident: str) -> str:
    """Draw losses and below them accuracies by epoch, a column per contender; nothing where no record has a history."""
    known = [(score, curves) for score in scores if (curves := learning_curves(score))]
    if not known:
        return ""
    bands = [("loss", ["loss", "valid_loss"])]
    if any("valid_accuracy" in curves for _, curves in known):
        bands.append(("accuracy", ["valid_accuracy"]))
    columns = {4: 2}.get(len(known), min(len(known), 3))
    lines = math.ceil(len(known) / columns)
    longest = max(len(run) for _, curves in known for runs in curves.values() for run in runs)

    def draw(figure: Any) -> None:
        figure.set_layout_engine("constrained", w_pad=0.08)
        grid = figure.add_gridspec(lines * len(bands), columns)
        first: dict[str, Any] = {}
        for place, (score, curves) in enumerate(known):
            line, column = divmod(place, columns)
            for number, (measure, names) in enumerate(bands):
                axes = figure.add_subplot(grid[line * len(bands) + number, column], sharey=first.get(measure))
                first.setdefault(measure, axes)
                for name in names:
                    role, line_style = ("control", (0, (4, 1.5))) if name == "loss" else (score.role, "-")
                    _draw_runs(axes, curves.get(name, []), COLOURS[role], line_style)
                axes.set_xlim(1, max(longest, 2))
                axes.xaxis.get_major_locator().set_params(integer=True)
                axes.tick_params(labelsize=8, labelleft=column == 0, labelbottom=number == len(bands) - 1)
                axes.grid(axis="y", color=FAINT, linewidth=0.6)
                axes.set_ylabel(measure if column == 0 else "", fontsize=9)
                axes.set_title(
                    textwrap.fill(figure_text(score.contender), 84 // columns) * (number == 0), fontsize=9, loc="left"
                )
            axes.set_xlabel("epoch", fontsize=9)
        first["loss"].set_ylim(bottom=0)
        if "accuracy" in first:
            first["accuracy"].set_ylim(top=1.03)

    return draw_figure(draw, ident, height=1.4 * len(bands) * lines + 0.2)


def _draw_runs(axes: Any, runs: Sequence[np.ndarray], color: str, style: Any) -> None:
    """Draw each run as a faint line, and their mean as far as all of them went."""
    if not runs:
        return
    for run in runs if len(runs) > 1 else ():
        axes.plot(range(1, len(run) + 1), run, "-", color=color, alpha=0.3, linewidth=0.7)
    shortest = min(map(len, runs))
    mean = np.mean([run[:shortest] for run in runs], axis=0)
    axes.plot(range(1, shortest + 1), mean, linestyle=style, color=color, linewidth=1.7)
