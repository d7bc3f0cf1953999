"""The motion of a packed batch, step by step: positions at distinct times, steps between them, and their turns.

Times are rounded to whole milliseconds from a trace's first event, and of the events of one millisecond the last gives
the position: no step takes no time, and the noise of a clock's last digits makes no speeds.
"""

from dataclasses import dataclass

import numpy as np
import torch

from img_repr.domains.mouse.clock import find_ticks
from img_repr.domains.mouse.events import ByTrace, Events
from img_repr.domains.mouse.sample import TraceBatch

_SLACK = 1e-6  # tolerance: speeds equal to this fraction, half turns to this angle, which count as positive


@dataclass(frozen=True, eq=False)
class Positions:
    """Positions of pointers at increasing times, for concatenated traces.

    Parameters
    ----------
    time_s, x_px, y_px : ndarray of float64, shape (P,)
        Seconds from each trace's first event.
    by : ByTrace
        At least one position of each trace.
    """

    time_s: np.ndarray
    x_px: np.ndarray
    y_px: np.ndarray
    by: ByTrace


def find_positions(events: Events, clock_ms: float | None = None) -> Positions:
    """Return one position for each millisecond with events, or for each tick of a canonical clock, of each trace.

    Parameters
    ----------
    events : Events
    clock_ms : float, optional
        Period to which positions are resampled, see :func:`img_repr.domains.mouse.clock.find_ticks`. Default: the
        recorder's own clock.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.mouse.events import events_of
    >>> from img_repr.domains.mouse.sample import check_traces
    >>> points = np.array([[0.0, 0.0, 0.0], [0.1, 8.0, 0.0], [0.1001, 10.0, 0.0], [0.2, 20.0, 0.0]])
    >>> events = events_of(check_traces(points, caller="example"))
    >>> found = find_positions(events)
    >>> found.time_s.tolist(), found.x_px.tolist()
    ([0.0, 0.1, 0.2], [0.0, 10.0, 20.0])
    >>> find_positions(events, clock_ms=50.0).x_px.round(9).tolist()
    [0.0, 5.0, 10.0, 15.0, 20.0]
    """
    every = events.by
    time_ms = np.rint((events.t_s - every.spread(events.t_s[every.begins])) * 1000.0)
    last = np.ones(len(time_ms), dtype=bool)
    last[:-1] = (np.diff(time_ms) > 0) | ~every.inner[1:]
    found = Positions(time_ms[last] / 1000.0, events.x_px[last], events.y_px[last], every.of(last))
    return found if clock_ms is None else _at_ticks(found, clock_ms)


def _at_ticks(positions: Positions, clock_ms: float) -> Positions:
    time, x, y = (torch.from_numpy(one) for one in (positions.time_s, positions.x_px, positions.y_px))
    none = torch.zeros(len(time), dtype=torch.uint8)
    counts = positions.by.counts
    batch = TraceBatch("motion", time, x, y, none, none.to(torch.int8), counts, (len(counts),), "numpy")
    ticks = find_ticks(batch, clock_ms / 1000.0)
    by = ByTrace(np.bincount(ticks.trace.numpy(), minlength=len(counts)))
    return Positions(ticks.t_s.numpy(), ticks.x_px.numpy(), ticks.y_px.numpy(), by)


@dataclass(frozen=True, eq=False)
class Motion:
    """Steps between positions, and the changes from step to step.

    Parameters
    ----------
    steps : ByTrace
        Counts of the arrays below up to ``direction``.
    duration_s, length_px : ndarray
        Of each step; every duration is above 0.
    dx_px, dy_px : ndarray
    speed, speed_x, speed_y : ndarray
        In px/s.
    changes : ByTrace
        Of ``acceleration``, in px/s², from a step to the next over the duration of the latter.
    jerks : ByTrace
        Of ``jerk``, in px/s³.
    moving : ByTrace
        Of ``direction``, in radians in (-pi, pi], of the steps that move, which ``moves`` marks among the steps.
    turns : ByTrace
        Of ``turn``, in radians in (-pi, pi], from a moving step to the next moving one; ``turn_length_px`` is the
        length of the latter and ``turn_duration_s`` the time between the ends of both.
    """

    steps: ByTrace
    duration_s: np.ndarray
    dx_px: np.ndarray
    dy_px: np.ndarray
    length_px: np.ndarray
    speed: np.ndarray
    speed_x: np.ndarray
    speed_y: np.ndarray
    changes: ByTrace
    acceleration: np.ndarray
    jerks: ByTrace
    jerk: np.ndarray
    moves: np.ndarray
    moving: ByTrace
    direction: np.ndarray
    turns: ByTrace
    turn: np.ndarray
    turn_length_px: np.ndarray
    turn_duration_s: np.ndarray


def rises(speed: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Whether speeds exceed others by more than rounding."""
    return np.asarray(speed > before * (1.0 + _SLACK))


def measure_motion(positions: Positions) -> Motion:
    """Return the steps between positions."""
    by = positions.by
    steps = by.fewer()
    duration, dx, dy = (by.differences(one) for one in (positions.time_s, positions.x_px, positions.y_px))
    length = np.hypot(dx, dy)
    speed = length / duration
    changes = steps.fewer()
    after_first = duration[steps.inner]
    acceleration = steps.differences(speed) / after_first
    jerk = changes.differences(acceleration) / after_first[changes.inner]
    moves = length > 0
    moving = steps.of(moves)
    direction = np.arctan2(dy[moves], dx[moves])
    turn = np.remainder(moving.differences(direction), 2 * np.pi)
    return Motion(
        steps=steps,
        duration_s=duration,
        dx_px=dx,
        dy_px=dy,
        length_px=length,
        speed=speed,
        speed_x=dx / duration,
        speed_y=dy / duration,
        changes=changes,
        acceleration=acceleration,
        jerks=changes.fewer(),
        jerk=jerk,
        moves=moves,
        moving=moving,
        direction=direction,
        turns=moving.fewer(),
        turn=np.where(turn > np.pi + _SLACK, turn - 2 * np.pi, turn),
        turn_length_px=length[moves][moving.inner],
        turn_duration_s=moving.differences(positions.time_s[by.inner][moves]),
    )
