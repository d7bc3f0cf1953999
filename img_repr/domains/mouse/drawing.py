"""Drawings of traces: strokes and marks in image coordinates, and the projection of pixels back to events."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from img_repr.domains.mouse.channels import channel_values
from img_repr.domains.mouse.clock import Ticks, find_ticks
from img_repr.domains.mouse.field import Field
from img_repr.domains.mouse.kinematics import Steps, find_steps
from img_repr.domains.mouse.marks import find_marks
from img_repr.domains.mouse.sample import TraceBatch
from img_repr.domains.mouse.strokes import StrokePixels, Strokes, clip

DRAG_WIDTH = 2.0  # of a drag, in widths of a stroke
INK = 0.25  # of a stroke whose value is 0; paper is 0


@dataclass(frozen=True, eq=False)
class Layer:
    """Strokes in the images of a batch, M of them.

    Parameters
    ----------
    pixels : StrokePixels
        Their pixels.
    weight : Tensor of float32, shape (M,)
        Weight of each where they overlap.
    owner : Tensor of int64, shape (M,)
        The step, or for marks the event, of each.
    """

    pixels: StrokePixels
    weight: Tensor
    owner: Tensor


@dataclass(frozen=True, eq=False)
class Drawing:
    """Strokes and marks of a batch of traces.

    Parameters
    ----------
    field : Field
    ticks : Ticks
    steps : Steps
    strokes : Layer
        The steps. The weight of a step is its seconds per image pixel of the stroke's length, round ends included: it
        is the same for a whole step and its parts, so that an image hardly depends on the recorder's clock.
    inks : Tensor of float32, shape (P, K)
        Brightness of each step in each plane.
    marks : Layer, optional
        Discs, rings and bars, weighted by their level. None: no plane of marks.
    """

    field: Field
    ticks: Ticks
    steps: Steps
    strokes: Layer
    inks: Tensor
    marks: Layer | None

    @property
    def planes(self) -> int:
        """Number of channels of the images."""
        return len(self.inks) + (self.marks is not None)

    @property
    def pixels(self) -> int:
        """Number of pixels of one plane."""
        return self.field.height * self.field.width


@torch.inference_mode()
def lay_out(
    batch: TraceBatch,
    field: Field,
    *,
    period_s: float | None,
    stroke_px: float,
    channels: tuple[str, ...],
    marks: bool,
) -> Drawing:
    """Return the drawing of traces, resampled to the clock."""
    ticks = find_ticks(batch, period_s)
    steps = find_steps(ticks)
    held = batch.buttons.index_select(0, ticks.event.index_select(0, steps.begin)) != 0
    strokes = step_strokes(ticks, steps, field, torch.where(held, DRAG_WIDTH * stroke_px, stroke_px).double())
    pixels, which = _lay_in(strokes, field)
    seconds, length_px = steps.dt_s.index_select(0, which), steps.length_px.index_select(0, which)
    weight = torch.where(seconds > 0, seconds, 1.0) / (length_px / field.px_per_pixel + pixels.strokes.width)
    mark_layer = None
    if marks:
        found = find_marks(batch, field, stroke_px)
        spots, left = _lay_in(found.strokes, field)
        mark_layer = Layer(spots, found.level.index_select(0, left), found.event.index_select(0, left))
    inks = channel_values(channels, steps, ticks, batch).mul_(1.0 - INK).add_(INK)
    return Drawing(field, ticks, steps, Layer(pixels, weight.float(), which), inks, mark_layer)


def step_strokes(ticks: Ticks, steps: Steps, field: Field, width: Tensor) -> Strokes:
    """Return the strokes of the steps, ``width`` (K,) of each in image pixels."""
    u, v = field.position(ticks.x_px, ticks.y_px, ticks.trace)
    u0, v0, u1, v1 = (one.index_select(0, tick) for tick in (steps.begin, steps.end) for one in (u, v))
    return Strokes(steps.trace, u0, v0, u1, v1, width)


def _lay_in(strokes: Strokes, field: Field) -> tuple[StrokePixels, Tensor]:
    """Return the visible parts of strokes, and their strokes."""
    inside, which, _ = clip(strokes, field.height, field.width, strokes.reach)
    return StrokePixels(inside, field.height, field.width), which


def lead_back(drawing: Drawing, heat: np.ndarray, count: int) -> np.ndarray:
    """Project weights over the planes of one trace's image back to its events.

    Parameters
    ----------
    drawing : Drawing
        Of one trace.
    heat : ndarray, shape (C, H, W)
    count : int
        Events of the trace, T.

    Returns
    -------
    ndarray of float64, shape (T,)
        A pixel's weight is divided among its steps by their weights there, and from them by :func:`to_events`. A pixel
        of the plane of marks is divided among its marks. Weights on blank pixels are spread evenly over all events; the
        sum is conserved.
    """
    warm = torch.from_numpy(np.ascontiguousarray(heat, dtype=np.float64)).to(drawing.inks.device).flatten(1)
    shown = warm[: len(drawing.inks)].sum(dim=0)
    at_steps, blank = divide_heat(drawing.strokes, shown, len(drawing.steps.begin))
    events = to_events(drawing.ticks, drawing.steps, at_steps, count)
    if drawing.marks is not None:
        at_events, in_between = divide_heat(drawing.marks, warm[-1], count)
        events, blank = events + at_events, blank + in_between
    return np.asarray((events + blank / count).cpu().numpy())


def divide_heat(layer: Layer, heat: Tensor, count: int) -> tuple[Tensor, float]:
    """Divide the heat of each pixel ``(H * W,)`` of one image among the ``count`` owners of its strokes.

    Returns
    -------
    Tensor of float64, shape (count,)
    float
        Sum over blank pixels.
    """
    total = torch.zeros_like(heat)
    for touches in layer.pixels.touched():
        counted = touches.coverage.double() * layer.weight[touches.stroke]
        total.scatter_add_(0, touches.pixel, counted)
    per_weight = torch.where(total > 0, heat / total, 0.0)
    owned = torch.zeros(count, dtype=torch.float64, device=heat.device)
    for touches in layer.pixels.touched():
        stroke = touches.stroke
        counted = touches.coverage.double() * layer.weight[stroke]
        owned.scatter_add_(0, layer.owner[stroke], counted * per_weight[touches.pixel])
    return owned, float(heat[total <= 0].sum())


def to_events(ticks: Ticks, steps: Steps, at_steps: Tensor, count: int) -> Tensor:
    """Project weights ``(K,)`` of the steps of one trace to its ``count`` events.

    Half of a step's weight goes to each end, split between the two events from which that end is interpolated.
    """
    events = torch.zeros(count, dtype=torch.float64, device=at_steps.device)
    for tick in (steps.begin, steps.end):
        for event, fraction in ((ticks.event, 1.0 - ticks.fraction), (ticks.next_event, ticks.fraction)):
            events.scatter_add_(0, event[tick], at_steps / 2.0 * fraction[tick])
    return events
