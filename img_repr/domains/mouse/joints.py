"""Joint values of motion: pairs of numbers for the steps of a trace, as positions in the unit square.

============  ========================================  =========================================================
name          across, from left to right                up
============  ========================================  =========================================================
speed         log speed of a step                       log speed of the next step
later         log speed of a step                       log speed of the fourth step after it
acceleration  log speed of a step                       acceleration towards it, signed logarithm: 0 in the middle
turn          log speed of a step                       turn towards it, from half a turn clockwise to anticlockwise
direction     log speed of a step                       its direction, from left over down, right and up to left
velocity      velocity to the right, signed logarithm   velocity upwards, signed logarithm
============  ========================================  =========================================================

Log speeds reach from 10 to 10,000 px/s, as in a trajectory; values beyond are at the edge. A pair of speeds needs one
step that moves, a turn two.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from img_repr.domains.mouse.channels import log_speed
from img_repr.domains.mouse.kinematics import Steps

LATER = 4  # steps, 64 ms of the default clock
ACCELERATION_PX_PER_S2 = (1e2, 1e6)
VELOCITY_PX_PER_S = (60.0, 1e4)
_REST_PX = 1e-3  # a shorter step is rounding of interpolated positions


@dataclass(frozen=True, eq=False)
class Joints:
    """Positions in the unit square, one for each pair of steps.

    Parameters
    ----------
    first, second : Tensor of int64, shape (K,)
        The steps, equal where a value belongs to one step.
    across, up : Tensor of float64, shape (K,)
        In [0, 1].
    closed : bool
        Whether ``up`` is an angle, so that 0 and 1 are one position.
    """

    first: Tensor
    second: Tensor
    across: Tensor
    up: Tensor
    closed: bool = False


def _moving(steps: Steps) -> Tensor:
    return steps.length_px > _REST_PX


def _pairs(steps: Steps, apart: int, *, both: bool = False) -> tuple[Tensor, Tensor]:
    """Return the steps of one trace that are ``apart`` steps apart, of which one moves, or both."""
    moving = _moving(steps)
    head, tail = moving[:-apart], moving[apart:]
    fits = (steps.trace[apart:] == steps.trace[:-apart]) & (head & tail if both else head | tail)
    first = fits.nonzero()[:, 0]
    return first, first + apart


def _speeds(steps: Steps, apart: int) -> Joints:
    first, second = _pairs(steps, apart)
    speed = log_speed(steps)
    return Joints(first, second, speed[first], speed[second])


def _speed(steps: Steps) -> Joints:
    return _speeds(steps, 1)


def _later(steps: Steps) -> Joints:
    return _speeds(steps, LATER)


def _acceleration(steps: Steps) -> Joints:
    first, second = _pairs(steps, 1)
    change = steps.speed[second] - steps.speed[first]
    between_s = (steps.dt_s[second] + steps.dt_s[first]) / 2.0
    return Joints(first, second, log_speed(steps)[second], _signed(change / between_s, *ACCELERATION_PX_PER_S2))


def _turn(steps: Steps) -> Joints:
    first, second = _pairs(steps, 1, both=True)
    dx, dy = steps.dx_px, -steps.dy_px
    cross = dx[first] * dy[second] - dy[first] * dx[second]
    angle = torch.atan2(cross, dx[first] * dx[second] + dy[first] * dy[second])
    return Joints(first, second, log_speed(steps)[second], angle / (2.0 * math.pi) + 0.5, closed=True)


def _direction(steps: Steps) -> Joints:
    step = _moving(steps).nonzero()[:, 0]
    angle = torch.atan2(-steps.dy_px[step], steps.dx_px[step])
    return Joints(step, step, log_speed(steps)[step], angle / (2.0 * math.pi) + 0.5, closed=True)


def _velocity(steps: Steps) -> Joints:
    step = _moving(steps).nonzero()[:, 0]
    dt_s = steps.dt_s[step]
    across, up = (_signed(one[step] / dt_s, *VELOCITY_PX_PER_S) for one in (steps.dx_px, -steps.dy_px))
    return Joints(step, step, across, up)


def _signed(values: Tensor, unit: float, most: float) -> Tensor:
    """Logarithm of ``1 + abs(values) / unit`` with the sign of the values, from 0 at ``-most`` to 1 at ``most``."""
    size = (values.abs() / unit).log1p() / math.log1p(most / unit)
    return (0.5 + 0.5 * values.sign() * size).clamp(0.0, 1.0)


JOINTS: dict[str, Callable[[Steps], Joints]] = {
    "speed": _speed,
    "later": _later,
    "acceleration": _acceleration,
    "turn": _turn,
    "direction": _direction,
    "velocity": _velocity,
}
