"""Figures of the page: scores with intervals, against cost, by seconds observed, as ranks; learning curves."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from img_repr.benchmark.evaluation.ranking import Ranking
from img_repr.benchmark.evaluation.score import Score
from img_repr.benchmark.report.drawing import (
    COLORS,
    FAINT,
    INK,
    MARKERS,
    draw_axes,
    draw_figure,
    figure_text,
    label_next_to,
    logarithmic,
    mark,
)

_COST = "milliseconds to fit and to predict one sample (log scale)"


def draw_accuracy(scores: Sequence[Score], ident: str) -> str:
    """Draw accuracies with their intervals, one line per contender, each run as a faint mark."""

    def draw(axes: Any) -> None:
        for place, score in enumerate(scores):
            color = COLORS[score.role]
            runs = score.values
            if len(runs) > 1:
                axes.plot(runs, np.full(len(runs), place), "|", color=color, alpha=0.5, markersize=11)
            low, high = score.interval
            axes.plot([low, high], [place, place], "-", color=color, linewidth=2)
            mark(axes, score.value, place, score.role, size=7)
            axes.annotate(
                f"{score.value:.3f}",
                (1.02, place),
                xycoords=("axes fraction", "data"),
                va="center",
                annotation_clip=False,
            )
        axes.set_yticks(range(len(scores)), [figure_text(score.contender) for score in scores])
        axes.set_ylim(len(scores) - 0.4, -0.6)
        axes.set_xlabel(f"{scores[0].measure}, 95 % interval")
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=FAINT, linewidth=0.6)
        axes.set_axisbelow(True)

    return draw_axes(draw, ident, height=0.75 + 0.36 * len(scores))


@dataclass(frozen=True)
class CostPoint:
    """A contender by what it costs, in milliseconds per sample, and by how good it is; more is better."""

    name: str
    role: str
    cost_ms: float
    value: float


def cost_front(points: Sequence[CostPoint]) -> list[CostPoint]:
    """Give the points that no other beats: none is as good at less cost, none better at no more; cheapest first.

    Examples
    --------
    >>> points = [("a", "image", 9.0, 0.9), ("b", "table", 1.0, 0.8), ("c", "table", 2.0, 0.7)]
    >>> [point.name for point in cost_front([CostPoint(*one) for one in points])]
    ['b', 'a']
    """
    front = [
        one
        for one in points
        if not any(
            other.cost_ms <= one.cost_ms
            and other.value >= one.value
            and (other.cost_ms, other.value) != (one.cost_ms, one.value)
            for other in points
        )
    ]
    return sorted(front, key=lambda point: (point.cost_ms, point.name))


def draw_cost(points: Sequence[CostPoint], measure: str, ident: str) -> str:
    """Draw scores against cost: the front as filled marks on a stepped line, whom another beats in both as outlines."""

    def draw(axes: Any) -> None:
        order = sorted(points, key=lambda point: point.value)
        costs, values = [point.cost_ms for point in order], [point.value for point in order]
        logarithmic(axes, min(costs) / 2, max(costs) * 2, _COST)
        margin = max(0.02, 0.12 * (values[-1] - values[0]))
        axes.set_ylim(values[0] - margin, values[-1] + margin)
        axes.set_ylabel(measure)
        axes.yaxis.set_major_formatter(lambda tick, _: f"{abs(tick):g}")  # of ranks, whose sign is turned
        front = cost_front(points)
        line = [(point.cost_ms, point.value) for point in front] + [(max(costs) * 2, values[-1])]
        axes.step(*zip(*line, strict=True), where="post", color=INK, alpha=0.45, linewidth=1.0, zorder=1)
        for point in order:
            mark(axes, point.cost_ms, point.value, point.role, filled=point in front)
        label_next_to(
            axes,
            [point.name for point in order],
            list(zip(costs, values, strict=True)),
            bold=[point in front for point in order],
        )

    return draw_axes(draw, ident, height=max(2.6, 0.75 + 0.3 * len(points)))


def draw_curve(scores: Sequence[Score], ident: str) -> str:
    """Draw the score of trials by observed seconds; an empty text if times are unknown."""
    curves = sorted(((score, score.curve) for score in scores if len(score.curve) > 1), key=lambda pair: pair[1][-1][1])
    if not curves:
        return ""

    def draw(axes: Any) -> None:
        for score, curve in curves:
            sign = f"-{MARKERS[score.role]}"
            axes.plot(*zip(*curve, strict=True), sign, color=COLORS[score.role], linewidth=1.6, markersize=4)
        logarithmic(axes, curves[0][1][0][0], curves[0][1][-1][0], "seconds observed, on a logarithmic scale")
        axes.set_ylim(min(value for _, curve in curves for _, value in curve) - 0.03, 1.03)
        axes.set_ylabel("AUC over trials" if curves[0][0].verifies else "accuracy over groups")
        names, ends = [score.contender for score, _ in curves], [curve[-1] for _, curve in curves]
        label_next_to(axes, names, ends, bold=[False] * len(ends))

    return draw_axes(draw, ident, height=max(2.6, 0.75 + 0.3 * len(curves)))


def draw_ranks(ranking: Ranking, ident: str) -> str:
    """Draw a critical-difference diagram: mean ranks on an axis, names at both sides, a bar under each undecided group.

    References
    ----------
    J. Demsar: Statistical comparisons of classifiers over multiple data sets, JMLR 7, 2006; with bars by Wilcoxon's
    test and Holm's rule, as A. Benavoli et al. ask for: Should we rely on the mean ranks?, JMLR 17, 2016.
    """
    count = len(ranking.names)
    near = (count + 1) // 2  # the better half has its names on the left, the best on top; the rest on the right
    names = ["\n".join(textwrap.wrap(figure_text(name), 26)) for name in ranking.names]
    sides = (range(near), range(count - 1, near - 1, -1))
    under_bars = 0.6 + 0.45 * len(ranking.cliques)  # all depths are in lines of text below the axis
    depths = [0.0] * count
    for side in sides:
        depth = under_bars
        for place in side:
            lines = names[place].count("\n") + 1
            depths[place] = depth + lines / 2
            depth += lines + 0.55
    deepest = max(depths) + 1.0

    def draw(axes: Any) -> None:
        axes.set_position([0.28, 0.0, 0.44, 1.0])
        axes.set_axis_off()
        axes.set_xlim(0.8, count + 0.2)
        axes.set_ylim(deepest, -1.6)
        axes.plot([1, count], [0, 0], color=INK, linewidth=1.2, solid_capstyle="butt")
        for tick in range(1, count + 1):
            axes.plot([tick, tick], [0, -0.25], color=INK, linewidth=1.2)
            axes.text(tick, -0.4, str(tick), ha="center", va="bottom")
        for number, (best, worst) in enumerate(ranking.cliques):
            ends = [ranking.ranks[best] - 0.06, ranking.ranks[worst] + 0.06]
            axes.plot(ends, [0.85 + 0.45 * number] * 2, color=INK, linewidth=3.5, solid_capstyle="butt", zorder=2)
        for side, end, align in zip(sides, (0.8, count + 0.2), ("right", "left"), strict=True):
            for place in side:
                rank, depth = ranking.ranks[place], depths[place]
                axes.plot([rank, rank, end], [0, depth, depth], color=INK, alpha=0.45, linewidth=0.9, zorder=1)
                mark(axes, rank, 0, ranking.roles[place], size=7)
                first = axes.annotate(
                    f"{rank:.2f}",
                    (end, depth),
                    xytext=(-4 if align == "right" else 4, 0),
                    textcoords="offset points",
                    ha=align,
                    va="center_baseline",
                    weight="bold",
                )
                axes.annotate(
                    names[place],
                    (0 if align == "right" else 1, 0.5),
                    xycoords=first,
                    xytext=(-6 if align == "right" else 6, 0),
                    textcoords="offset points",
                    ha=align,
                    va="center_baseline",
                    linespacing=1.1,
                )

    return draw_axes(draw, ident, height=0.17 * (deepest + 1.6))


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
                    _draw_runs(axes, curves.get(name, []), COLORS[role], line_style)
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
