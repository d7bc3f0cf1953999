"""The 39 features of an action that are standard in the literature."""

import numpy as np

from img_repr.domains.mouse.actions import find_holds
from img_repr.domains.mouse.events import ByTrace, Events
from img_repr.domains.mouse.motion import Motion, Positions, rises

_CRITICAL = 0.0005  # curvature in 1/px below which a point is critical, after the authors


def antal_features(events: Events, positions: Positions, motion: Motion) -> dict[str, np.ndarray]:
    """Return the features of Antal and Egyed-Zsigmond of each action.

    Returns
    -------
    dict of str to ndarray, shape (N,)
        ``action``: 0 a movement, 1 with a click, 2 a drag; ``length_px`` of the path; ``elapsed_s``; ``direction`` of
        the end from the start, in eighths of a turn from the x axis towards y, 0 to 7; ``straightness``, the
        distance of the ends over the length; ``points``; ``angles_sum``, of the directions of all steps; mean,
        deviation, max and min of ``curvature`` (turn over step length, 1/px), ``angular_velocity`` (turn over time,
        1/s), ``speed_x``, ``speed_y``, ``speed``, ``acceleration``, ``jerk``; ``largest_deviation_px`` from the line
        through the ends; ``ends_px``, their distance; ``critical_points``, turns of a curvature below 0.0005; and
        ``acceleration_s``, how long the speed rises at the start.

    Notes
    -----
    Two differences from the paper: turns are wrapped into half a turn, as Gamboa and Fred (2004) define them, and taken
    between steps that move; and lists of differences begin with the first difference, not with a 0 before it.
    The authors' published tables of Balabit have about one point in 50 ms, more than was recorded: use ``clock_ms=50``
    to approximate them.

    References
    ----------
    M. Antal, E. Egyed-Zsigmond: Intrusion detection using mouse dynamics, IET Biometrics 8(5), 2019,
    arXiv:1810.04668; H. Gamboa, A. Fred: A behavioral biometric system based on human-computer interaction, SPIE
    5404, 2004.
    """
    by, steps = positions.by, motion.steps
    length = steps.sum(motion.length_px)
    across, down = (by.last(one) - by.first(one) for one in (positions.x_px, positions.y_px))
    ends = np.hypot(across, down)
    curvature = motion.turn / motion.turn_length_px
    table = {
        "action": _actions(events),
        "length_px": length,
        "elapsed_s": by.last(positions.time_s),
        "direction": np.floor(np.mod(np.arctan2(down, across), 2 * np.pi) / (np.pi / 4)) % 8,
        "straightness": np.minimum(ends / np.where(length > 0, length, 1.0), 1.0),
        "points": by.counts.astype(np.float64),
        "angles_sum": motion.moving.sum(motion.direction),
        **four("curvature", motion.turns, curvature),
        **four("angular_velocity", motion.turns, motion.turn / motion.turn_duration_s),
        "largest_deviation_px": by.max(np.abs(deviations(positions))),
        "ends_px": ends,
        "critical_points": motion.turns.sum(np.abs(curvature) < _CRITICAL),
        **four("speed_x", steps, motion.speed_x),
        **four("speed_y", steps, motion.speed_y),
        **four("speed", steps, motion.speed),
        **four("acceleration", motion.changes, motion.acceleration),
        **four("jerk", motion.jerks, motion.jerk),
        "acceleration_s": _first_acceleration(motion),
    }
    return table


def four(name: str, by: ByTrace, values: np.ndarray) -> dict[str, np.ndarray]:
    """Mean, deviation, max and min of each trace."""
    return {
        f"{name}_mean": by.mean(values),
        f"{name}_deviation": by.std(values),
        f"{name}_max": by.max(values),
        f"{name}_min": by.min(values),
    }


def deviations(positions: Positions) -> np.ndarray:
    """Distances of positions from the line through the ends of their trace, positive to its right on the screen.

    If both ends coincide: the distance from that position.
    """
    by = positions.by
    x, y = (one - by.spread(by.first(one)) for one in (positions.x_px, positions.y_px))
    across, down = by.last(x), by.last(y)
    ends = np.hypot(across, down)
    unit = np.where(ends > 0, ends, 1.0)
    sideways = by.spread(across / unit) * y - by.spread(down / unit) * x
    return np.asarray(np.where(by.spread(ends > 0), sideways, np.hypot(x, y)))


def _actions(events: Events) -> np.ndarray:
    holds = find_holds(events.x_px, events.y_px, events.buttons, events.by.counts)
    found = np.zeros(len(events.by.counts))
    np.maximum.at(found, events.by.rows[holds.begin], 1.0 + holds.moved)
    return found


def _first_acceleration(motion: Motion) -> np.ndarray:
    """Seconds from the start until a step is not faster than the one before, the first being compared with rest."""
    steps, speed = motion.steps, motion.speed
    before = np.zeros_like(speed)
    before[1:] = np.where(steps.inner[1:], speed[:-1], 0.0)
    stops = ~rises(speed, before)
    stopped = np.cumsum(stops)
    earlier = steps.spread(steps.first(stopped - stops))
    return np.asarray(steps.sum(np.where(stopped == earlier, motion.duration_s, 0.0)))
