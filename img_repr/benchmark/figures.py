"""Figures of the page: inline SVG by matplotlib in the page's own colours, and pictures as data URIs.

A figure comes out the same byte for byte. Ink is a placeholder that becomes ``currentColor``, so that one
drawing serves light, dark and paper.
"""

import base64
import io
import math
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from img_repr.benchmark.score import Score

COLOURS = {"image": "#3578c6", "table": "#c8741f", "control": "#84898f", "leak": "#b3452c", "fused": "#7a5aa6"}
_INK, _FAINT = (
    "#010203",
    "#040506",
)  # stand for the page's ink and hairlines; no other element has these colours
_PICTURE_PX = 128  # of a sample picture on the page; larger ones are averaged down
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": _FAINT,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw_accuracy(scores: Sequence[Score], ident: str) -> str:
    """Draw accuracies with their intervals, one line per contender, each run as a faint mark."""

    def draw(axes: Any) -> None:
        for place, score in enumerate(scores):
            colour = COLOURS[score.role]
            runs = score.values
            if len(runs) > 1:
                axes.plot(runs, np.full(len(runs), place), "|", color=colour, alpha=0.5, markersize=11)
            low, high = score.interval
            axes.plot([low, high], [place, place], "-", color=colour, linewidth=2)
            axes.plot(score.value, place, "o", color=colour, markersize=7)
            axes.annotate(
                f"{score.value:.3f}",
                (1.02, place),
                xycoords=("axes fraction", "data"),
                va="center",
                annotation_clip=False,
            )
        axes.set_yticks(range(len(scores)), [score.contender for score in scores])
        axes.set_ylim(len(scores) - 0.4, -0.6)
        axes.set_xlabel(f"{scores[0].measure}, 95 % interval")
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=_FAINT, linewidth=0.6)
        axes.set_axisbelow(True)

    return _svg(draw, ident, height=0.75 + 0.36 * len(scores))


def draw_cost(scores: Sequence[Score], ident: str) -> str:
    """Draw accuracy against seconds of fitting and predicting; labels stand in a column and never overlap."""

    def draw(axes: Any) -> None:
        order = sorted(scores, key=lambda score: score.value)
        costs = [max(score.mean("fit_s") + score.mean("predict_s"), 1e-3) for score in order]
        values = [score.value for score in order]
        axes.set_xscale("log")
        axes.set_xlim(min(costs) / 2, max(costs) * 2)
        ticks = _seconds_ticks(min(costs) / 2, max(costs) * 2)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        low, high = min(values), max(values)
        margin = max(0.02, 0.12 * (high - low))
        axes.set_ylim(low - margin, high + margin)
        front = sorted(zip(costs, values, strict=True))
        best = np.maximum.accumulate([value for _, value in front])
        axes.step([cost for cost, _ in front], best, where="post", color=_INK, alpha=0.45, linewidth=1.0, zorder=1)
        heights = _spread(
            [(value - low + margin) / (high - low + 2 * margin) for value in values], 1 / (len(values) + 1)
        )
        for score, cost, value, height in zip(order, costs, values, heights, strict=True):
            axes.plot(cost, value, "o", color=COLOURS[score.role], markersize=8, zorder=3)
            axes.annotate(
                score.contender,
                (cost, value),
                xytext=(1.04, height),
                textcoords="axes fraction",
                va="center",
                arrowprops={"arrowstyle": "-", "color": _FAINT, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 4},
                annotation_clip=False,
            )
        axes.set_xlabel("seconds to fit and predict, on a logarithmic scale")
        axes.set_ylabel(scores[0].measure)

    return _svg(draw, ident, height=max(2.6, 0.75 + 0.3 * len(scores)))


def draw_curve(scores: Sequence[Score], ident: str) -> str:
    """Draw what trials tell after some seconds of each; nothing where times are unknown."""
    curves = sorted(((score, score.curve) for score in scores if len(score.curve) > 1), key=lambda pair: pair[1][-1][1])
    if not curves:
        return ""

    def draw(axes: Any) -> None:
        for score, curve in curves:
            axes.plot(*zip(*curve, strict=True), "-", color=COLOURS[score.role], linewidth=1.6)
        ends = [curve[-1][1] for _, curve in curves]
        low = min(value for _, curve in curves for _, value in curve)
        axes.set_xscale("log")
        axes.set_ylim(low - 0.03, 1.03)
        first, last = curves[0][1][0][0], curves[0][1][-1][0]
        ticks = _seconds_ticks(first, last)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        heights = _spread([(value - low + 0.03) / (1.06 - low) for value in ends], 1 / (len(ends) + 1))
        for (score, curve), height in zip(curves, heights, strict=True):
            axes.annotate(
                score.contender,
                curve[-1],
                xytext=(1.04, height),
                textcoords="axes fraction",
                va="center",
                arrowprops={"arrowstyle": "-", "color": _FAINT, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 4},
                annotation_clip=False,
            )
        axes.set_xlabel("seconds observed, on a logarithmic scale")
        axes.set_ylabel("AUC over trials" if curves[0][0].verifies else "accuracy over groups")

    return _svg(draw, ident, height=max(2.6, 0.75 + 0.3 * len(curves)))


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
                    _draw_runs(axes, curves.get(name, []), COLOURS["control" if name == "loss" else score.role])
                axes.set_xlim(1, max(longest, 2))
                axes.xaxis.get_major_locator().set_params(integer=True)
                axes.tick_params(labelsize=8, labelleft=column == 0, labelbottom=number == len(bands) - 1)
                axes.grid(axis="y", color=_FAINT, linewidth=0.6)
                axes.set_ylabel(measure if column == 0 else "", fontsize=9)
                axes.set_title(textwrap.fill(score.contender, 84 // columns) * (number == 0), fontsize=9, loc="left")
            axes.set_xlabel("epoch", fontsize=9)
        first["loss"].set_ylim(bottom=0)
        if "accuracy" in first:
            first["accuracy"].set_ylim(top=1.03)

    return _svg_of(draw, ident, height=1.4 * len(bands) * lines + 0.2)


def _draw_runs(axes: Any, runs: Sequence[np.ndarray], colour: str) -> None:
    """Draw each run as a faint line, and their mean as far as all of them went."""
    if not runs:
        return
    for run in runs if len(runs) > 1 else ():
        axes.plot(range(1, len(run) + 1), run, "-", color=colour, alpha=0.3, linewidth=0.7)
    shortest = min(map(len, runs))
    mean = np.mean([run[:shortest] for run in runs], axis=0)
    axes.plot(range(1, shortest + 1), mean, "-", color=colour, linewidth=1.7)


def _seconds_ticks(low: float, high: float) -> list[float]:
    """Powers of ten inside a range; with less than two of them, 2 and 5 times them too."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5)):
        ticks = [step * 10.0**exponent for exponent in exponents for step in steps]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) >= 3:
            break
    return inside


def _spread(heights: Sequence[float], least: float) -> list[float]:
    """Move ascending heights apart until neighbours are at least ``least`` from each other, inside [0, 1]."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + least) if placed else max(height, 0.0))
    for number in range(len(placed) - 1, -1, -1):
        ceiling = 1.0 if number == len(placed) - 1 else placed[number + 1] - least
        placed[number] = min(placed[number], ceiling)
    return placed


def _svg(draw: Callable[[Any], None], ident: str, *, height: float) -> str:
    """Let one pair of axes be drawn."""
    return _svg_of(lambda figure: draw(figure.add_subplot()), ident, height=height)


def _svg_of(draw: Callable[[Any], None], ident: str, *, height: float) -> str:
    """Let a figure be drawn, and make it a part of the page."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": ident}):
        figure = Figure(figsize=(6.6, height))
        draw(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", bbox_inches="tight", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{ident}-', text)
    text = re.sub(r"(href=\"#|url\(#)", rf"\g<1>{ident}-", text)
    text = text.replace(_INK, "currentColor").replace(_FAINT, "var(--line)")
    return re.sub(r"font: ([^;\"]*?)'sans-serif'[^;\"]*", r"font: \1inherit", text)


def draw_series(line: np.ndarray, *, width: int = 120, height: int = 44) -> str:
    """Draw a short series as a bare line, SVG."""
    known = np.nan_to_num(line.astype(np.float64))
    span = float(np.ptp(known)) or 1.0
    x = np.linspace(1, width - 1, len(known))
    y = height - 2 - (known - known.min()) / span * (height - 4)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return (
        f'<svg viewBox="0 0 {width} {height}" aria-hidden="true"><polyline points="{points}" fill="none" '
        'stroke="currentColor" stroke-width="1.2"/></svg>'
    )


def picture_uri(image: np.ndarray) -> str:
    """PNG data URI of a uint8 image ``(C, H, W)``: one channel in viridis, more as red, green, blue."""
    from matplotlib import colormaps
    from PIL import Image

    if image.shape[0] == 1:
        picture = Image.fromarray(image[0])
        palette = (np.asarray(colormaps["viridis"](np.arange(256)))[:, :3] * 255).round().astype(np.uint8)
    else:
        planes = [*image[:3], *[np.zeros_like(image[0])] * max(0, 3 - len(image))]
        picture, palette = Image.fromarray(np.stack(planes, axis=-1)), None
    if max(picture.size) > _PICTURE_PX:
        picture.thumbnail((_PICTURE_PX, _PICTURE_PX), Image.Resampling.BOX)
    if palette is not None:
        picture.putpalette(palette.tobytes())  # makes it a palette picture: a third of the size
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
