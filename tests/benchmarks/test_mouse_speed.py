"""Traces drawn per second next to Pillow and matplotlib, as the usual scripts draw: a colored line for each step.

Thirty-two smooth walks are one work; every contender draws the same points at 224 x 224 pixels with strokes of 1.5
pixels, colored by speed and time. Pillow draws 2 or 4 times as large and averages, which is how it comes to smooth
edges. The first round, which makes or loads machine code, does not count: two seconds, then half a second a process.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from img_repr.domains.mouse.trace import Trace
from img_repr.domains.mouse.trajectory import encode_trajectory

pytestmark = pytest.mark.benchmark

SIZE, TRACES = 224, 32
PATHS_PX = {100: 430.0, 300: 1500.0, 1000: 5200.0}  # length of the path for the number of points, in image pixels


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def walks_of(points: int) -> list[Trace]:
    """Smooth walks inside the image, mirrored at its edges."""
    random = np.random.default_rng(points)
    room = 0.9 * SIZE
    walks = []
    for _ in range(TRACES):
        heading = np.cumsum(random.normal(0.0, 0.25, points))
        step = PATHS_PX[points] / points * np.exp(random.normal(-0.125, 0.5, points))
        x, y = (
            np.abs(np.mod(np.cumsum(step * turn(heading)) + room / 2, 2 * room) - room) + 0.05 * SIZE
            for turn in (np.cos, np.sin)
        )
        walks.append(Trace(np.arange(points) * 0.016, x, y))
    return walks


def colors_of(trace: Trace) -> np.ndarray:
    """Speed, its change and the time of each step, 0 to 1."""
    step = np.diff(trace.t_s)
    speed = np.hypot(np.diff(trace.x_px), np.diff(trace.y_px)) / step
    change = np.gradient(speed) / step
    shares = [np.log(np.clip(speed, 10, 1e4) / 10) / np.log(1000), (1 + change / (np.abs(change) + 1e4)) / 2]
    return np.stack([*shares, np.linspace(0, 1, len(step))], axis=1)


def by_pillow(trace: Trace, times: int) -> np.ndarray:
    image = Image.new("RGB", (SIZE * times, SIZE * times))
    pen = ImageDraw.Draw(image)
    points = np.stack([trace.x_px, trace.y_px], axis=1) * times
    ends = np.concatenate([points[:-1], points[1:]], axis=1).tolist()
    colors = (64 + 191 * colors_of(trace)).astype(int).tolist()
    for line, color in zip(ends, colors, strict=True):
        pen.line(line, fill=tuple(color), width=round(1.5 * times))
    return np.asarray(image.reduce(times))


def by_matplotlib(traces: list[Trace]) -> list[np.ndarray]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    images = []
    for trace in traces:
        figure = Figure(figsize=(SIZE / 100, SIZE / 100), dpi=100)
        canvas = FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, SIZE), ylim=(SIZE, 0))
        axes.axis("off")
        points = np.stack([trace.x_px, trace.y_px], axis=1)
        lines = np.stack([points[:-1], points[1:]], axis=1)
        axes.add_collection(LineCollection(lines, colors=colors_of(trace), linewidths=1.5 * 72 / 100))
        canvas.draw()
        images.append(np.asarray(canvas.buffer_rgba()).copy())
    return images


def ours(traces: list[Trace]) -> Callable[[], Any]:
    """Draw all at once into memory that is used again, as training does."""
    out = np.empty((len(traces), 3, SIZE, SIZE), np.float32)
    return lambda: encode_trajectory(traces, size=SIZE, field_px=SIZE, clock_ms=None, marks=False, out=out)


@pytest.mark.parametrize(("times", "bar"), [(4, 2.0), (2, 1.0)])
@pytest.mark.parametrize("points", PATHS_PX)
def test_beside_pillow(points: int, times: int, bar: float, ratio: Any, say: Any) -> None:
    traces = walks_of(points)
    faster = ratio(lambda: [by_pillow(trace, times) for trace in traces], ours(traces), rounds=5)
    say(f"trajectory, {points} points at 224 px", faster, f"x Pillow, {times}x", bar)
    assert faster >= bar


@pytest.mark.parametrize("points", PATHS_PX)
def test_beside_matplotlib(points: int, ratio: Any, say: Any) -> None:
    traces = walks_of(points)
    faster = ratio(lambda: by_matplotlib(traces), ours(traces), rounds=5)
    say(f"trajectory, {points} points at 224 px", faster, "x matplotlib", 12.0)
    assert faster >= 12.0
