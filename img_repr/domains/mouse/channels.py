"""Channels of a trajectory: a value in [0, 1] for every step of a trace, on fixed physical scales.

============  =====================================================================================================
name          value
============  =====================================================================================================
mono          1 wherever a stroke is
speed         px/s over 5,000, at most 1
log_speed     logarithm of the speed, from 0 at 10 px/s and less to 1 at 10,000 px/s and more
acceleration  ``(1 + a / (abs(a) + 10,000 px/s²)) / 2``: 0.5 at constant speed
direction     two planes, ``(1 + cos) / 2`` and ``(1 + sin) / 2`` of the angle from the right, up positive; 0.5 in both
              if the pointer rests
time_step     logarithm of the time between the recorded events, from 0 at 1 ms to 1 at 10 s, for any ``clock_ms``. It
              reveals the recorder: leave it out to identify people
elapsed       time from the first event to the middle of the step, as a fraction of the trace's duration
curvature     ``(1 + k / (abs(k) + 0.01 / px)) / 2``: 0.5 on straight paths, more for anticlockwise turns
============  =====================================================================================================
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.domains.mouse.clock import Ticks
from img_repr.domains.mouse.kinematics import Steps, acceleration, curvature, direction
from img_repr.domains.mouse.sample import TraceBatch

FASTEST_PX_PER_S = 5e3
LOG_SPEED_PX_PER_S = (10.0, 1e4)
ACCELERATION_PX_PER_S2 = 1e4
TIME_STEP_S = (1e-3, 10.0)
CURVATURE_PER_PX = 0.01


def _mono(steps: Steps, ticks: Ticks, batch: TraceBatch) -> list[Tensor]:
    return [torch.ones_like(steps.dt_s)]


def _speed(steps: Steps, ticks: Ticks, batch: TraceBatch) -> list[Tensor]:
    return [(steps.speed / FASTEST_PX_PER_S).clamp(max=1.0)]


def log_speed(steps: Steps) -> Tensor:
    """Logarithm of the speed of each step, ``(K,)``: from 0 at 10 px/s and less to 1 at 10,000 px/s and more."""
    return _logarithm(steps.speed, *LOG_SPEED_PX_PER_S)


def _log_speed(steps: Steps, ticks: Ticks, batch: TraceBatch) -> list[Tensor]:
    return [log_speed(steps)]


def _acceleration(steps: Steps, ticks: Ticks, batch: TraceBatch) -> list[Tensor]:
    return [_squashed(acceleration(steps), ACCELERATION_PX_PER_S2)]


def _direction(steps: Steps, ticks: Ticks, batch: TraceBatch) -> list[Tensor]:
    return [(1.0 + one) / 2.0 for one in direction(steps)]


def _time_step(steps: Steps, ticks: Ticks, batch: TraceBatch) -> list[Tensor]:
    event, after = ticks.event[steps.begin], ticks.next_event[steps.begin]
    gap = torch.where(after > event, batch.t_s[after] - batch.t_s[event], steps.dt_s)
    return [_logarithm(gap, *TIME_STEP_S)]


def _elapsed(steps: Steps, ticks: Ticks, batch: TraceBatch) -> list[Tensor]:
    duration = ticks.t_s.new_zeros(len(batch.lengths)).scatter_reduce(0, ticks.trace, ticks.t_s, "amax")
    whole = duration.index_select(0, steps.trace)
    return [torch.where(whole > 0, (ticks.t_s.index_select(0, steps.begin) + steps.dt_s / 2.0) / whole, 0.0)]


def _curvature(steps: Steps, ticks: Ticks, batch: TraceBatch) -> list[Tensor]:
    return [_squashed(curvature(steps), CURVATURE_PER_PX)]


def _logarithm(values: Tensor, low: float, high: float) -> Tensor:
    return ((values.clamp(low, high) / low).log() / math.log(high / low)).clamp(0.0, 1.0)


def _squashed(values: Tensor, scale: float) -> Tensor:
    return (1.0 + values / (values.abs() + scale)) / 2.0


CHANNELS: dict[str, Callable[[Steps, Ticks, TraceBatch], list[Tensor]]] = {
    "mono": _mono,
    "speed": _speed,
    "log_speed": _log_speed,
    "acceleration": _acceleration,
    "direction": _direction,
    "time_step": _time_step,
    "elapsed": _elapsed,
    "curvature": _curvature,
}


def check_channels(caller: str, channels: Any) -> tuple[str, ...]:
    """Return the names of channels, after a check that they are known and distinct."""
    names = (channels,) if isinstance(channels, str) else channels
    listed = isinstance(names, (tuple, list)) and all(isinstance(one, str) for one in names)
    if not listed or not names or len(set(names)) < len(names) or not set(names) <= set(CHANNELS):
        raise ParameterError(
            f"{caller}: expected channels to be some of {', '.join(CHANNELS)}, each once, got {channels!r:.80}"
        )
    return tuple(names)


def channel_values(names: tuple[str, ...], steps: Steps, ticks: Ticks, batch: TraceBatch) -> Tensor:
    """Values of steps, float32 ``(P, K)``, a row for each plane; ``direction`` has two."""
    planes = [plane for name in names for plane in CHANNELS[name](steps, ticks, batch)]
    return torch.stack(planes).float()
