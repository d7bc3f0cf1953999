"""Further features of traces from the literature: movement, rests and clicks."""

import numpy as np

from img_repr.domains.mouse.action_features import deviations
from img_repr.domains.mouse.actions import find_holds
from img_repr.domains.mouse.events import ByTrace, Events
from img_repr.domains.mouse.motion import Motion, Positions, rises
from img_repr.domains.mouse.trace import LEFT, MIDDLE, RIGHT

_AT_REST = 20.0  # px/s: a step of one pixel in 50 ms
_SHARP = np.pi / 4
_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
_OCTANTS = 8
_THIRDS = 3


def movement_features(positions: Positions, motion: Motion) -> dict[str, np.ndarray]:
    """Return features of movement and rest.

    Returns
    -------
    dict of str to ndarray, shape (N,)
        Quantiles of speed (px/s), of the size of the acceleration (px/s²) and of turns (radians), and of step lengths
        (px); width and height of the path; mean deviation from the line through its ends, to either side, per
        distance of the ends; fractions of steps that do not move, of turns above an eighth, and of the path in each
        eighth of a turn; changes of sign of the speed along x and y; submovements (peaks of speed) and how many in a
        second; rests (steps slower than 20 px/s in a row): their number, fraction of the time and the longest in
        seconds; speed in each third of the time, over the mean; when the speed is highest, as a fraction of the time;
        dimensionless jerk, as a logarithm; Fitts's index of difficulty, of a target of one pixel, per second; the
        direction at the start, relative to that of the end; and all turns together, with their sign and without.

    References
    ----------
    A. Meyer et al.: Optimality in human motor performance, Psychological Review 95(3), 1988 (submovements); N. Hogan,
    D. Sternad: Sensitivity of smoothness measures to movement duration, amplitude, and arrests, Journal of Motor
    Behavior 41(6), 2009; P. Fitts: The information capacity of the human motor system, 1954; N. Zheng et al.: An
    efficient user verification system via mouse movements, CCS 2011 (angles).
    """
    by, steps = positions.by, motion.steps
    x, y = positions.x_px, positions.y_px
    elapsed = by.last(positions.time_s)
    length = steps.sum(motion.length_px)
    ends = np.hypot(by.last(x) - by.first(x), by.last(y) - by.first(y))
    sideways = deviations(positions) / by.spread(np.maximum(ends, 1.0))
    sizes = np.abs(motion.turn)
    table = {
        **_quantiles("speed", steps, motion.speed),
        **_quantiles("acceleration_size", motion.changes, np.abs(motion.acceleration)),
        **_quantiles("turn_size", motion.turns, sizes),
        **_quantiles("step_px", steps, motion.length_px),
        "width_px": by.max(x) - by.min(x),
        "height_px": by.max(y) - by.min(y),
        "deviation_right": by.mean(np.maximum(sideways, 0.0)),
        "deviation_left": by.mean(np.maximum(-sideways, 0.0)),
        "still_fraction": steps.mean(~motion.moves),
        "sharp_fraction": motion.turns.mean(sizes > _SHARP),
        "flips_x": _flips(motion.dx_px, steps),
        "flips_y": _flips(motion.dy_px, steps),
        "turn_sum": motion.turns.sum(motion.turn),
        "turn_size_sum": motion.turns.sum(sizes),
        "start_angle": _start_angle(positions, motion),
        "difficulty_per_s": np.log2(1.0 + ends) / np.where(elapsed > 0, elapsed, 1.0),
        "log_jerk": _log_jerk(motion, elapsed),
        **_directions(motion, length),
        **_submovements(motion, elapsed),
        **_rests(motion, elapsed),
        **_profile(positions, motion, elapsed),
    }
    return table


def click_features(events: Events) -> dict[str, np.ndarray]:
    """Return features of the use of buttons and wheel, by the recorder's own clock.

    Returns
    -------
    dict of str to ndarray, shape (N,)
        Presses of each button; holds, their mean and longest seconds, how many of them drag, and the length of the
        drags in px; mean seconds from the last movement to a press; seconds from the start to the first press;
        notches of the wheel in all and their balance, up positive; and how many events turn it.
    """
    by = events.by
    holds = find_holds(events.x_px, events.y_px, events.buttons, by.counts)
    of_holds = ByTrace(np.bincount(by.rows[holds.begin], minlength=len(by.counts)))
    lasted = events.t_s[holds.end] - events.t_s[holds.begin]
    before = np.where(by.inner, np.roll(events.buttons, 1), 0)
    pressed = events.buttons & ~before
    step = np.hypot(np.diff(events.x_px, prepend=0.0), np.diff(events.y_px, prepend=0.0)) * by.inner
    edges = np.zeros(len(step) + 1)
    edges[holds.begin + 1] += 1
    edges[holds.end + 1] -= 1
    dragging = np.cumsum(edges)[:-1]
    positions = np.arange(len(step))
    last_move = np.maximum.accumulate(np.where((step > 0) | ~by.inner, positions, 0))
    waited = events.t_s[holds.begin] - events.t_s[last_move[holds.begin]]
    start = by.spread(events.t_s[by.begins])
    wheel = events.wheel.astype(np.float64)
    return {
        "presses_left": by.sum(pressed & LEFT) / LEFT,
        "presses_right": by.sum(pressed & RIGHT) / RIGHT,
        "presses_middle": by.sum(pressed & MIDDLE) / MIDDLE,
        "holds": of_holds.counts.astype(np.float64),
        "hold_mean_s": of_holds.mean(lasted),
        "hold_longest_s": of_holds.max(lasted),
        "drags": of_holds.sum(holds.moved),
        "drag_px": by.sum(step * dragging),
        "wait_for_press_s": of_holds.mean(waited),
        "first_press_s": of_holds.first(events.t_s[holds.begin] - start[holds.begin]),
        "wheel_notches": by.sum(np.abs(wheel)),
        "wheel_balance": by.sum(wheel),
        "wheel_events": by.sum(wheel != 0),
    }


def _quantiles(name: str, by: ByTrace, values: np.ndarray) -> dict[str, np.ndarray]:
    names = [f"{name}_{100 * fraction:.0f}" for fraction in _QUANTILES]
    return dict(zip(names, by.quantiles(values, _QUANTILES), strict=True))


def _flips(steps_px: np.ndarray, by: ByTrace) -> np.ndarray:
    """Count changes of sign, steps of 0 left out."""
    moved = steps_px != 0
    signs = np.sign(steps_px[moved])
    kept = by.of(moved)
    return kept.fewer().sum(kept.differences(signs) != 0)


def _start_angle(positions: Positions, motion: Motion) -> np.ndarray:
    """Direction of the first step that moves, relative to that of the end, in (-pi, pi]."""
    by = positions.by
    across, down = (by.last(one) - by.first(one) for one in (positions.x_px, positions.y_px))
    goal = np.arctan2(down, across)
    return np.asarray(np.pi - np.mod(np.pi - motion.moving.first(motion.direction) + goal, 2 * np.pi))


def _log_jerk(motion: Motion, elapsed: np.ndarray) -> np.ndarray:
    """Logarithm of the squared jerk over time, by the fifth power of the time and the length of the path."""
    seconds = motion.duration_s[motion.steps.inner][motion.changes.inner]
    squared = motion.jerks.sum(motion.jerk**2 * seconds)
    length = motion.steps.sum(motion.length_px)
    return np.asarray(np.log1p(squared * elapsed**5 / np.maximum(length, 1.0) ** 2))


def _directions(motion: Motion, length: np.ndarray) -> dict[str, np.ndarray]:
    octant = np.floor(np.mod(motion.direction, 2 * np.pi) / (2 * np.pi / _OCTANTS)).astype(np.int64) % _OCTANTS
    cells = motion.moving.rows * _OCTANTS + octant
    paths = np.bincount(cells, motion.length_px[motion.moves], len(length) * _OCTANTS).reshape(-1, _OCTANTS)
    fractions = paths / np.where(length > 0, length, 1.0)[:, None]
    return {f"towards_{number}": fractions[:, number] for number in range(_OCTANTS)}


def _submovements(motion: Motion, elapsed: np.ndarray) -> dict[str, np.ndarray]:
    earlier, later = (motion.speed[:-1], motion.speed[1:])
    inner = motion.steps.inner[1:]
    change = (rises(later, earlier).astype(np.int64) - rises(earlier, later))[inner]
    kept = motion.changes.of(change != 0)
    peaks = kept.fewer().sum(kept.differences(change[change != 0]) < 0)
    return {"submovements": peaks, "submovements_per_s": peaks / np.where(elapsed > 0, elapsed, 1.0)}


def _rests(motion: Motion, elapsed: np.ndarray) -> dict[str, np.ndarray]:
    steps = motion.steps
    slow = motion.speed < _AT_REST
    begins = slow.copy()
    begins[1:] &= ~(slow[:-1] & steps.inner[1:])
    number = np.cumsum(begins)[slow] - 1
    seconds = np.bincount(number, motion.duration_s[slow], int(begins.sum()))
    rests = steps.of(begins)
    return {
        "rests": rests.counts.astype(np.float64),
        "rest_fraction": rests.sum(seconds) / np.where(elapsed > 0, elapsed, 1.0),
        "rest_longest_s": rests.max(seconds),
    }


def _profile(positions: Positions, motion: Motion, elapsed: np.ndarray) -> dict[str, np.ndarray]:
    """When in its time a trace moves fast."""
    steps = motion.steps
    span = np.where(elapsed > 0, elapsed, 1.0)
    middle = (positions.time_s[positions.by.inner] - motion.duration_s / 2) / steps.spread(span)
    third = np.minimum((middle * _THIRDS).astype(np.int64), _THIRDS - 1)
    cells = steps.rows * _THIRDS + third
    count = len(elapsed) * _THIRDS
    paths = np.bincount(cells, motion.length_px, count).reshape(-1, _THIRDS)
    length = steps.sum(motion.length_px)
    fractions = paths / np.where(length > 0, length, 1.0)[:, None]
    fastest = ~rises(steps.spread(steps.max(motion.speed)), motion.speed)
    return {f"path_in_third_{number}": fractions[:, number] for number in range(_THIRDS)} | {
        "fastest_at": steps.of(fastest).first(middle[fastest]),
    }
