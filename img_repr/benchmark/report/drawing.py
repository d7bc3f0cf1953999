"""Drawing: common parts of the page's figures, inline SVG by matplotlib in the page's own colors.

A figure comes out the same byte for byte. Ink is a placeholder that becomes ``currentColor``, so that one
drawing serves light, dark and paper. A role has a shape as well as a color, for eyes and printers that lose these.
"""

import io
import math
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from img_repr.core.file_name import printable

_MOST_LETTERS = 80  # of a name in a figure
COLORS = {"image": "#3578c6", "table": "#c8741f", "control": "#84898f", "leak": "#b3452c", "fused": "#7a5aa6"}
MARKERS = {"image": "o", "table": "s", "control": "^", "leak": "X", "fused": "D"}
INK, FAINT = "#010203", "#040506"  # stand for the page's ink and hairlines; no other element has these colors
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.parse_math": False,  # a name with dollars is a name
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw_axes(draw: Callable[[Any], None], ident: str, *, height: float) -> str:
    """Let one pair of axes be drawn, as a part of the page."""
    return draw_figure(lambda figure: draw(figure.add_subplot()), ident, height=height)


def draw_figure(draw: Callable[[Any], None], ident: str, *, height: float) -> str:
    """Let a figure, ``height`` inches high, be drawn as a part of the page; its identifiers begin with ``ident``."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": ident}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # the browser has a font that has it
        figure = Figure(figsize=(6.6, height))
        draw(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", bbox_inches="tight", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{ident}-', text)
    text = re.sub(r"(href=\"#|url\(#)", rf"\g<1>{ident}-", text)
    text = text.replace(INK, "currentColor").replace(FAINT, "var(--line)")
    text = re.sub(r"font-family: [^;\"]*", "font-family: inherit", text)
    return re.sub(r"font: ([^;\"']*)'[^;\"]*", r"font: \1system-ui, sans-serif", text)  # of older matplotlibs


def figure_text(name: str) -> str:
    """Return a name as figures show it: on one line, of bounded length, as SVG can hold it."""
    return printable(" ".join(name.split()), _MOST_LETTERS)


def mark(axes: Any, x: float, y: float, role: str, *, filled: bool = True, size: float = 8.0) -> None:
    """Draw the sign of a role, filled or hollow."""
    color = COLORS[role]
    axes.plot(
        x,
        y,
        MARKERS[role],
        color=color,
        markerfacecolor=color if filled else "none",
        markeredgewidth=1.4,
        markersize=size,
        zorder=3,
        clip_on=False,
    )


def label_next_to(
    axes: Any, names: Sequence[str], points: Sequence[tuple[float, float]], *, bold: Sequence[bool]
) -> None:
    """Name points in a column right of the axes, in the order of their heights, joined by hairlines; none overlap.

    Limits and scales must stand already; ``points`` ascend.
    """
    low, high = axes.get_ylim()
    heights = _spread([(y - low) / (high - low) for _, y in points], 1 / (len(points) + 1))
    for name, point, height, strong in zip(names, points, heights, bold, strict=True):
        axes.annotate(
            figure_text(name),
            point,
            xytext=(1.04, height),
            textcoords="axes fraction",
            va="center",
            weight="bold" if strong else "normal",
            arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 4},
            annotation_clip=False,
        )


def logarithmic(axes: Any, low: float, high: float, label: str) -> None:
    """Give the horizontal axis a logarithmic scale with at least three ticks in plain numbers where they fit."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = _round_ticks(low, high)
    axes.set_xticks(ticks, [f"{tick:,.10g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel(label)


def _round_ticks(low: float, high: float) -> list[float]:
    """Powers of ten inside a range; with less than three of them, 3 or 2 and 5 times them too."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5)):
        ticks = [step * 10.0**exponent for exponent in exponents for step in steps]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) >= 3:
            break
    return inside


def _spread(heights: Sequence[float], least: float) -> list[float]:
    """Move ascending heights apart until neighbors are at least ``least`` from each other, inside [0, 1]."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + least) if placed else max(height, 0.0))
    for number in range(len(placed) - 1, -1, -1):
        ceiling = 1.0 if number == len(placed) - 1 else placed[number + 1] - least
        placed[number] = min(placed[number], ceiling)
    return placed
