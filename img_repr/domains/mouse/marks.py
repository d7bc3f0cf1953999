"""Marks: presses, releases and turns of the wheel as small shapes, at the place and event where they happened.

A press is a filled disc of 3 strokes' width across, a release a ring of 6 about the same point, so that a click is a
target. A turn of the wheel is an upright bar from the point, up or down as the wheel turned, 2 strokes long and one
more for each notch up to 4.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from img_repr.domains.mouse.clock import true_at
from img_repr.domains.mouse.field import Field
from img_repr.domains.mouse.sample import TraceBatch
from img_repr.domains.mouse.strokes import Strokes
from img_repr.domains.mouse.trace import LEFT, MIDDLE, RIGHT

BUTTON_LEVELS = {LEFT: 1.0, RIGHT: 0.75, MIDDLE: 0.5}
WHEEL_LEVEL = 0.75
_MOST_NOTCHES = 4.0


@dataclass(frozen=True, eq=False)
class Marks:
    """Marks of one shape.

    Parameters
    ----------
    strokes : Strokes
        Their shapes, M of them.
    level : Tensor of float32, shape (M,)
        How bright each is.
    event : Tensor of int64, shape (M,)
        Event of the batch at which it stands.
    """

    strokes: Strokes
    level: Tensor
    event: Tensor


def find_marks(batch: TraceBatch, field: Field, stroke_px: float) -> list[Marks]:
    """Find the marks of a batch: discs, rings and bars.

    A button that is held at the first event of a trace counts as pressed there.

    Parameters
    ----------
    batch : TraceBatch
    field : Field
    stroke_px : float
        Width of a stroke in picture pixels.
    """
    starts = torch.from_numpy(batch.starts).to(batch.device)
    before = batch.buttons.roll(1)
    before[starts] = 0
    marks = []
    for changed, width, ring in (
        (batch.buttons & ~before, 3.0 * stroke_px, 0.0),
        (before & ~batch.buttons, stroke_px, 2.5 * stroke_px),
    ):
        event = true_at(changed != 0)
        level = torch.zeros(len(event), dtype=torch.float32, device=batch.device)
        for bit, bright in BUTTON_LEVELS.items():
            level = torch.maximum(level, ((changed[event] & bit) != 0) * bright)
        trace, u, v = _points(batch, field, event)
        marks.append(Marks(Strokes(trace, u, v, u, v, width, ring), level, event))
    event = true_at(batch.wheel != 0)
    trace, u, v = _points(batch, field, event)
    notches = batch.wheel[event].double()
    long = stroke_px * (2.0 + notches.abs().clamp(max=_MOST_NOTCHES)) * notches.sign()
    bars = Strokes(trace, u, v, u, v - long, stroke_px)
    marks.append(Marks(bars, torch.full_like(notches, WHEEL_LEVEL, dtype=torch.float32), event))
    return marks


def _points(batch: TraceBatch, field: Field, event: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Give the number of the trace and the place in its picture, of events."""
    ends = torch.from_numpy(batch.lengths.cumsum()).to(batch.device)
    trace = torch.searchsorted(ends, event, right=True)
    return trace, *field.place(batch.x_px[event], batch.y_px[event], trace)
