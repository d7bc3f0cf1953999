"""Marks: presses, releases and turns of the wheel as small shapes, at the position and event where they happened.

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
_SHAPES = 3  # discs, rings and bars


@dataclass(frozen=True, eq=False)
class Marks:
    """Marks of a batch of traces.

    Parameters
    ----------
    strokes : Strokes
        Their shapes, M of them.
    level : Tensor of float32, shape (M,)
        Brightness of each.
    event : Tensor of int64, shape (M,)
        Event of the batch of each.
    """

    strokes: Strokes
    level: Tensor
    event: Tensor


def find_marks(batch: TraceBatch, field: Field, stroke_px: float) -> Marks:
    """Find the marks of a batch: discs, rings and bars.

    A button held at the first event of a trace counts as pressed there.

    Parameters
    ----------
    batch : TraceBatch
    field : Field
    stroke_px : float
        Width of a stroke in image pixels.
    """
    before = batch.buttons.roll(1)
    before[torch.from_numpy(batch.starts).to(batch.device)] = 0
    changed = torch.stack((batch.buttons & ~before, before & ~batch.buttons, batch.wheel.view(torch.uint8)), dim=1)
    position = true_at(changed.view(-1) != 0)
    event, shape = position.div(_SHAPES, rounding_mode="floor"), position % _SHAPES
    ends = torch.from_numpy(batch.lengths.cumsum()).to(batch.device)
    trace = torch.searchsorted(ends, event, right=True)
    u, v = field.position(batch.x_px.index_select(0, event), batch.y_px.index_select(0, event), trace)
    width = torch.where(shape == 0, 3.0 * stroke_px, stroke_px).double()
    ring = torch.where(shape == 1, 2.5 * stroke_px, 0.0).double()
    turns = shape == 2
    notches = batch.wheel.index_select(0, event).double() * turns
    long = stroke_px * (2.0 + notches.abs().clamp(max=_MOST_NOTCHES)) * notches.sign()
    level = torch.where(turns, WHEEL_LEVEL, 0.0)
    bits = changed.view(-1).index_select(0, position)
    for bit, bright in BUTTON_LEVELS.items():
        level = level.maximum(torch.where(((bits & bit) != 0) & ~turns, bright, 0.0))
    return Marks(Strokes(trace, u, v, u, v - long, width, ring), level.float(), event)
