"""Synthetic traces of people and scripts from a seed, to try every command without a download.

The task is that of the standard for pointing devices: to click on targets in a ring, one after the other, so that an
image shows how somebody moves, not where to. People aim as described in the literature: a first movement of minimum
jerk whose time follows Fitts's law and which misses the target a little, a second one that corrects it, a curved path,
tremor, and a click. Scripts move straight at one speed, or along a Bézier curve with noise, like programs that imitate
people.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import ParameterError
from img_repr.core.loader import loader
from img_repr.core.numbers import is_integer
from img_repr.domains.mouse.sample import MOUSE
from img_repr.domains.mouse.trace import LEFT, Trace

_PEOPLE = 5
_SESSIONS = 5
_HELD_OUT = (3, 4)
_ROUNDS = 10  # of a session
_TARGETS = 5  # of a round, in a ring; every second one is next
_RINGS_PX = (350.0, 650.0)
_TARGETS_PX = (12.0, 80.0)
_SCREEN_PX = (1280, 800)
_EDGE_PX = 60.0  # between a ring and the edge of the screen
_TICK_S = 0.016
_MOOD = 0.12  # how much a person differs from one session to another, as a fraction


@dataclass(frozen=True)
class _Hand:
    """Habits of one person.

    ``delay_s`` and ``per_bit_s`` are Fitts's a and b; ``gain`` is the fraction of the way that the first movement
    covers and ``spread`` its standard deviation; ``bend`` is the distance of the path from the straight line, per
    length; ``skew`` is the time of the highest speed, early below 1.
    """

    delay_s: float
    per_bit_s: float
    gain: float
    spread: float
    bend: float
    skew: float

    @classmethod
    def draw(cls, count: int, random: np.random.Generator) -> "list[_Hand]":
        """Return random people who differ in every habit: its range is divided into equal parts, one per person."""
        ranges = {
            "delay_s": (0.05, 0.25),
            "per_bit_s": (0.08, 0.18),
            "gain": (0.7, 1.2),
            "spread": (0.04, 0.1),
            "bend": (-0.2, 0.2),
            "skew": (0.75, 1.05),
        }
        habits = {
            habit: low + (high - low) * (random.permutation(count) + random.random(count)) / count
            for habit, (low, high) in ranges.items()
        }
        return [cls(**{habit: float(values[number]) for habit, values in habits.items()}) for number in range(count)]

    def in_a_mood(self, random: np.random.Generator) -> "_Hand":
        """Return the habits of one session."""
        return replace(self, **{one.name: getattr(self, one.name) * _factor(random) for one in fields(self)})

    def aim(self, start: np.ndarray, goal: np.ndarray, width: float, random: np.random.Generator) -> Trace:
        """Move from one position to a target of a given width, and click."""
        way = goal - start
        distance = float(np.hypot(*way))
        seconds = (self.delay_s + self.per_bit_s * np.log2(distance / width + 1.0)) * _factor(random)
        landed = start + way * (self.gain + random.normal(scale=self.spread))
        correction_s = (self.delay_s + 0.5 * self.per_bit_s) * _factor(random)
        begins = 0.85 * seconds  # a correction sets in before the first movement has ended
        time = _ticks(seconds + correction_s, random)
        first = _minimum_jerk((time / seconds).clip(0.0, 1.0) ** self.skew)
        second = _minimum_jerk(((time - begins) / correction_s).clip(0.0, 1.0))
        across = np.array([-way[1], way[0]])
        bend = (self.bend + random.normal(scale=0.04)) * np.sin(np.pi * first) * (1.2 - 0.4 * first)
        aside = random.normal(scale=width / 6.0, size=2)
        path = (
            start + np.outer(first, landed - start) + np.outer(second, goal + aside - landed) + np.outer(bend, across)
        )
        return _clicked(time, path + _tremor(time, random), random)


Aim = Callable[[np.ndarray, np.ndarray, float, np.random.Generator], Trace]


def _straight(start: np.ndarray, goal: np.ndarray, width: float, random: np.random.Generator) -> Trace:
    """Move straight at one speed, with a little noise."""
    time = _ticks(float(np.hypot(*(goal - start))) / random.uniform(600.0, 1400.0) + 0.1, random)
    fraction = time / time[-1]
    path = start + np.outer(fraction, goal - start) + random.normal(scale=0.6, size=(len(time), 2))
    return _clicked(time, path, random)


def _curved(start: np.ndarray, goal: np.ndarray, width: float, random: np.random.Generator) -> Trace:
    """Move along a cubic Bézier curve, eased at both ends, with noise, in the time of Fitts's law."""
    way = goal - start
    seconds = 0.2 + random.uniform(0.1, 0.18) * np.log2(np.hypot(*way) / width + 1.0)
    time = _ticks(seconds, random)
    fraction = time / time[-1]
    fraction = (fraction * fraction * (3.0 - 2.0 * fraction))[:, None]
    across = np.array([-way[1], way[0]])
    first, second = (start + part * way + random.normal(scale=0.08) * across for part in (0.3, 0.7))
    path = (1 - fraction) ** 3 * start + 3 * (1 - fraction) ** 2 * fraction * first
    path = path + 3 * (1 - fraction) * fraction**2 * second + fraction**3 * goal
    path = path + random.normal(scale=0.8, size=path.shape)
    return _clicked(time, path, random)


def _factor(random: np.random.Generator) -> float:
    return float(np.exp(random.normal(scale=_MOOD)))


def _tremor(time: np.ndarray, random: np.random.Generator) -> np.ndarray:
    wobble = np.sin(2 * np.pi * random.uniform(7.0, 12.0) * time[:, None] + random.uniform(0.0, 2 * np.pi, 2))
    return np.asarray(random.uniform(0.2, 1.4) * (0.6 * wobble + 0.5 * random.normal(size=wobble.shape)))


def _minimum_jerk(fraction: np.ndarray) -> np.ndarray:
    """Way covered after a fraction of the time (Flash & Hogan 1985)."""
    return np.asarray(fraction**3 * (10.0 - 15.0 * fraction + 6.0 * fraction**2))


def _ticks(seconds: float, random: np.random.Generator) -> np.ndarray:
    """Return the times of the common recorder: every 16 ms, a millisecond early or late."""
    time = np.arange(max(3, int(seconds / _TICK_S) + 1)) * _TICK_S
    late = np.rint(random.normal(scale=0.5, size=len(time))).clip(-1, 1) / 1000.0
    late[0] = 0.0
    return np.asarray(time + late)


def _clicked(time: np.ndarray, path: np.ndarray, random: np.random.Generator) -> Trace:
    """Append a rest, a press and a release at the end, with fixed delays; positions are whole pixels."""
    wait_s, hold_s = random.uniform(0.06, 0.25), random.uniform(0.06, 0.16)
    rest = time[-1] + _ticks(wait_s + hold_s, random)[1:]
    buttons = np.zeros(len(time) + len(rest), dtype=np.uint8)
    buttons[len(time) :] = LEFT * (rest - time[-1] >= wait_s)
    buttons[-2:] = LEFT, 0
    positions = np.rint(np.concatenate([path, np.repeat(path[-1:], len(rest), axis=0)]))
    positions = positions.clip(0, np.array(_SCREEN_PX) - 1)
    return Trace(np.concatenate([time, rest]), positions[:, 0], positions[:, 1], buttons)


def make_session(aim: Aim, random: np.random.Generator) -> list[Trace]:
    """Return the rounds of a session, each over a ring of targets of one width at a random position."""
    made: list[Trace] = []
    seconds = 0.0
    for _ in range(_ROUNDS):
        across, width = random.uniform(*_RINGS_PX), random.uniform(*_TARGETS_PX)
        margin = across / 2.0 + _EDGE_PX
        middle = margin + random.random(2) * (np.array(_SCREEN_PX) - 2.0 * margin)
        turns = 4.0 * np.pi * np.arange(_TARGETS + 1) / _TARGETS
        goals = middle + across / 2.0 * np.stack([np.sin(turns), -np.cos(turns)], axis=1)
        position, ways = goals[0], []
        for goal in goals[1:]:
            way = aim(position, goal, width, random)
            ways.append(replace(way, t_s=way.t_s + seconds))
            position = np.array([way.x_px[-1], way.y_px[-1]])
            seconds += way.duration_s + random.uniform(0.1, 0.3)
        columns = ([getattr(way, column) for way in ways] for column in ("t_s", "x_px", "y_px", "buttons"))
        made.append(Trace(*map(np.concatenate, columns)))
        seconds += random.uniform(1.0, 3.0)
    return made


@loader(MOUSE, bundled=True)
def load_synthetic_traces(*, seed: int = 0) -> Dataset:
    """Return synthetic traces of five people and two scripts, which are the classes.

    Each has five sessions, the groups, of ten rounds over a ring of five targets; the last two sessions are the test
    part. People differ in the time for a distance, in the accuracy of the first movement and in curvature, and a little
    from session to session. Tremor, delays, clock and screen are the same for all, so that only movement separates the
    classes. Scores on these traces show that a method works, and say nothing about real traces.

    Parameters
    ----------
    seed : int
        Seed of all random numbers, including the people's habits.

    Returns
    -------
    Dataset
        350 traces of about 330 events, in whole pixels.

    Raises
    ------
    ParameterError
        If the seed is not an integer from 0.

    References
    ----------
    P. Fitts 1954 (movement times); T. Flash, N. Hogan 1985 (minimum jerk); D. Meyer et al. 1988 (submovements);
    ISO 9241-411:2012 (the ring of targets).

    Examples
    --------
    >>> from img_repr.domains.mouse.synthetic import load_synthetic_traces
    >>> data = load_synthetic_traces()
    >>> len(data), data.classes[-3:]
    (350, ('person 5', 'script, curved', 'script, straight'))
    """
    if not is_integer(seed, 0):
        raise ParameterError(f"synthetic_traces: expected seed to be an integer from 0, got {seed!r:.40}")
    random = np.random.default_rng(seed)
    people = {f"person {number}": hand for number, hand in enumerate(_Hand.draw(_PEOPLE, random), start=1)}
    scripts: dict[str, Aim] = {"script, straight": _straight, "script, curved": _curved}
    samples, labels, groups, names, parts = [], [], [], [], []
    for label in (*people, *scripts):
        for session in range(_SESSIONS):
            group = f"{label}, session {session + 1}"
            aim = scripts[label] if label in scripts else people[label].in_a_mood(random).aim
            for number, trace in enumerate(make_session(aim, random)):
                samples.append(trace)
                labels.append(label)
                groups.append(group)
                names.append(f"{group}, round {number + 1}")
                parts.append("test" if session in _HELD_OUT else "train")
    return Dataset(
        "SyntheticTraces",
        MOUSE,
        samples,
        labels=np.array(labels),
        groups=np.array(groups),
        split=np.array(parts),
        names=np.array(names),
        notes=(f"synthetic: made by code from seed {seed}; scores say nothing of real traces",),
    )
