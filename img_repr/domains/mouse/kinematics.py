"""How pointers move, step by step: speed, acceleration, direction and curvature of a packed batch.

A step leads from one tick of a trace to the next. Speed and direction belong to steps; acceleration and turning belong
to the joints between them, and a step has the mean of its one or two joints. Screens count y downwards; directions and
turns are as the user sees them, up and anticlockwise positive.
"""

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from img_repr.domains.mouse.clock import Ticks, true_at


@dataclass(frozen=True, eq=False)
class Steps:
    """Steps between the ticks of concatenated traces.

    Parameters
    ----------
    begin, end : Tensor of int64, shape (K,)
        Ticks. A trace of one tick has one step, from the tick to itself.
    trace : Tensor of int64, shape (K,)
        Number of the trace.
    dt_s, dx_px, dy_px : Tensor of float64, shape (K,)
        ``dt_s`` is 0 in a trace of one tick and nowhere else.
    joined : Tensor of bool, shape (K - 1,)
        Whether a step and the next one belong to one trace.
    """

    begin: Tensor
    end: Tensor
    trace: Tensor
    dt_s: Tensor
    dx_px: Tensor
    dy_px: Tensor
    joined: Tensor

    @functools.cached_property
    def length_px(self) -> Tensor:
        """From the beginning of each step to its end, ``(K,)``."""
        return torch.hypot(self.dx_px, self.dy_px)

    @functools.cached_property
    def speed(self) -> Tensor:
        """Pixels per second of each step, ``(K,)``; 0 where no time passes."""
        return torch.where(self.dt_s > 0, self.length_px / self.dt_s, 0.0)


def find_steps(ticks: Ticks) -> Steps:
    """Take the steps from tick to tick.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.mouse.clock import find_ticks
    >>> from img_repr.domains.mouse.sample import check_traces
    >>> batch = check_traces(np.array([[0.0, 0.0, 0.0], [0.5, 30.0, 40.0], [1.0, 30.0, 40.0]]), caller="example")
    >>> steps = find_steps(find_ticks(batch, None))
    >>> steps.speed.tolist(), acceleration(steps).tolist()
    ([100.0, 0.0], [-200.0, -200.0])
    """
    trace = ticks.trace
    last = torch.ones(len(trace), dtype=torch.bool, device=trace.device)
    last[:-1] = trace.diff() > 0
    first = last.roll(1)
    begin = true_at(~last | first)
    end = begin + (~last).long().index_select(0, begin)
    trace = trace.index_select(0, begin)
    dt_s, dx_px, dy_px = (
        one.index_select(0, end) - one.index_select(0, begin) for one in (ticks.t_s, ticks.x_px, ticks.y_px)
    )
    return Steps(begin, end, trace, dt_s, dx_px, dy_px, trace.diff() == 0)


def acceleration(steps: Steps) -> Tensor:
    """Change of speed in px/s², ``(K,)``: at a joint, of the speeds next to it over the time between their middles."""
    between = (steps.dt_s[1:] + steps.dt_s[:-1]) / 2.0
    return _mean_of_joints(steps, torch.where(steps.joined, steps.speed.diff() / between, 0.0))


def direction(steps: Steps) -> tuple[Tensor, Tensor]:
    """Cosine and sine of the angle from the right, up positive, ``(K,)`` each; both 0 if the pointer rests."""
    far = steps.length_px
    moving = far > 0
    return torch.where(moving, steps.dx_px / far, 0.0), torch.where(moving, -steps.dy_px / far, 0.0)


def curvature(steps: Steps) -> Tensor:
    """Return the turning per path in 1/px, ``(K,)``: at a joint, the angle between its steps over their mean length.

    Anticlockwise positive, as the user sees it; 0 at a joint with a resting step.
    """
    far, dx, dy = steps.length_px, steps.dx_px, steps.dy_px
    cross = dy[:-1] * dx[1:] - dx[:-1] * dy[1:]
    angle = torch.atan2(cross, dx[:-1] * dx[1:] + dy[:-1] * dy[1:])
    turning = steps.joined & (far[1:] > 0) & (far[:-1] > 0)
    return _mean_of_joints(steps, torch.where(turning, 2.0 * angle / (far[1:] + far[:-1]), 0.0))


def _mean_of_joints(steps: Steps, at_joints: Tensor) -> Tensor:
    """Mean of the joints ``(K - 1,)`` of each step, 0 if it has none."""
    total, number = torch.zeros_like(steps.dt_s), torch.zeros_like(steps.dt_s)
    total[1:] += at_joints
    total[:-1] += at_joints
    number[1:] += steps.joined
    number[:-1] += steps.joined
    return total / number.clamp(min=1.0)
