"""Segmenters: cut a long trace into the segments that are drawn, measured and classified.

A segmenter is a small frozen value that is called on one continuous trace and returns its slices: in order, none empty,
together the whole trace. Only :class:`Blocks` may overlap. The caller drops segments that are too short.
"""

import inspect
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.naming import parse_names
from img_repr.core.numbers import is_number
from img_repr.core.registry import Registry
from img_repr.domains.mouse.actions import find_holds
from img_repr.domains.mouse.trace import Trace

Segmenter: TypeAlias = Callable[[Trace], list[slice]]

SEGMENTERS: Registry[Callable[..., Segmenter]] = Registry("segmenter")


def get_segmenter(text: str) -> Segmenter:
    """Get a segmenter by name, with its parameters in brackets.

    Parameters
    ----------
    text : str
        ``"pause(longest_s=1.0)"``, ``"click"``, ``"pause_click(longest_s=1.0)"``, ``"events(n=128, step=None)"``,
        ``"seconds(s=10.0)"`` or ``"actions(pause_s=10.0)"``; in brackets the defaults.

    Raises
    ------
    UnknownNameError
        If there is no such segmenter; the message suggests similar names.
    ParameterError
        If it is not a single name, or a parameter is unknown or out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.mouse.segments import get_segmenter
    >>> from img_repr.domains.mouse.trace import Trace
    >>> trace = Trace(np.array([0.0, 0.1, 2.0, 2.1, 2.2]), np.arange(5), np.zeros(5), buttons=[0, 0, 0, 1, 0])
    >>> get_segmenter("pause(longest_s=1.0)")(trace)
    [slice(0, 2, None), slice(2, 5, None)]
    >>> get_segmenter("events")
    Blocks(n=128, step=None)
    """
    named = parse_names(text, "segments")
    if len(named) != 1:
        raise ParameterError(f"segments: expected one segmenter, got {text!r}")
    ((name, parameters),) = named
    make = SEGMENTERS[name]
    known = list(inspect.signature(make).parameters)
    for word in parameters:
        if word not in known:
            raise ParameterError(
                f"segments: no parameter of {name} is called {word!r}; known: {', '.join(known) or 'none'}"
            )
    return make(**parameters)


@dataclass(frozen=True)
class Pauses:
    """Cut at long pauses.

    Parameters
    ----------
    longest_s : float
        Longest time between two events of one segment, in seconds; 0 cuts between all events of unequal times.
    """

    longest_s: float = 1.0

    def __post_init__(self) -> None:
        _expect_seconds(self.longest_s, "longest_s", zero=True)

    def __call__(self, trace: Trace) -> list[slice]:
        """Return the slices of a trace."""
        return _cut_at(_pauses(trace, self.longest_s), len(trace))


@dataclass(frozen=True)
class Clicks:
    """Cut after each release of the last held button: a segment is a movement with the click or drag that ends it."""

    def __call__(self, trace: Trace) -> list[slice]:
        """Return the slices of a trace."""
        return _cut_at(_after_releases(trace), len(trace))


@dataclass(frozen=True)
class PausesAndClicks:
    """Cut at long pauses, and after each click or drag.

    Parameters
    ----------
    longest_s : float
        As in :class:`Pauses`.
    """

    longest_s: float = 1.0

    def __post_init__(self) -> None:
        _expect_seconds(self.longest_s, "longest_s", zero=True)

    def __call__(self, trace: Trace) -> list[slice]:
        """Return the slices of a trace."""
        return _cut_at(np.union1d(_pauses(trace, self.longest_s), _after_releases(trace)), len(trace))


@dataclass(frozen=True)
class Blocks:
    """Cut blocks of ``n`` events, which may overlap; the last segment may have fewer.

    Parameters
    ----------
    n : int
        Events of a segment, at least 1.
    step : int, optional
        Events from the begin of a segment to that of the next, 1 to ``n``. Default: ``n``, segments do not overlap.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.mouse.segments import Blocks
    >>> from img_repr.domains.mouse.trace import Trace
    >>> trace = Trace(np.arange(7.0), np.zeros(7), np.zeros(7))
    >>> Blocks(n=4)(trace), Blocks(n=4, step=2)(trace)
    ([slice(0, 4, None), slice(4, 7, None)], [slice(0, 4, None), slice(2, 6, None), slice(4, 7, None)])
    """

    n: int = 128
    step: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.n, bool) or not isinstance(self.n, int) or self.n < 1:
            raise ParameterError(f"segments: expected n to be an integer of events above 0, got {self.n!r}")
        whole = isinstance(self.step, int) and not isinstance(self.step, bool)
        if self.step is not None and not (whole and 1 <= self.step <= self.n):
            raise ParameterError(f"segments: expected step to be from 1 to n = {self.n} events, got {self.step!r}")

    def __call__(self, trace: Trace) -> list[slice]:
        """Return the slices of a trace."""
        step, length = self.step or self.n, len(trace)
        begins = range(0, max(length - self.n + step, 1), step) if length else ()
        return [slice(begin, min(begin + self.n, length)) for begin in begins]


@dataclass(frozen=True)
class Seconds:
    """Cut into windows of ``s`` seconds from the first event on; windows without an event give no segment.

    Parameters
    ----------
    s : float
        Seconds, above 0.
    """

    s: float = 10.0

    def __post_init__(self) -> None:
        _expect_seconds(self.s, "s")

    def __call__(self, trace: Trace) -> list[slice]:
        """Return the slices of a trace."""
        time = _column(trace.t_s)
        window = np.floor((time - time[:1]) / self.s)
        return _cut_at(np.flatnonzero(np.diff(window)) + 1, len(trace))


@dataclass(frozen=True)
class Actions:
    """Cut into actions: movements (MM), movements that end in a click (PC), and drags from press to release (DD).

    A drag is a press and its release with a movement between them; it begins at the press, so that the movement towards
    it is a separate action. Pauses while a button is held do not cut.
    :func:`img_repr.domains.mouse.actions.kind_of` returns which of the three a segment is.

    Parameters
    ----------
    pause_s : float
        Longest pause within an action, in seconds.

    References
    ----------
    M. Antal, E. Egyed-Zsigmond: Intrusion detection using mouse dynamics, IET Biometrics 8(5), 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.mouse.actions import kind_of
    >>> from img_repr.domains.mouse.trace import Trace
    >>> x = np.array([0, 5, 5, 5, 9, 9, 12, 12])
    >>> buttons = [0, 0, 1, 0, 0, 1, 1, 0]
    >>> trace = Trace(np.arange(8) / 10, x, np.zeros(8), buttons)
    >>> [(part.start, part.stop, kind_of(trace[part])) for part in Actions()(trace)]
    [(0, 4, 'PC'), (4, 5, 'MM'), (5, 8, 'DD')]
    """

    pause_s: float = 10.0

    def __post_init__(self) -> None:
        _expect_seconds(self.pause_s, "pause_s", zero=True)

    def __call__(self, trace: Trace) -> list[slice]:
        """Return the slices of a trace."""
        x, y, buttons = _column(trace.x_px), _column(trace.y_px), _column(trace.buttons)
        pauses = _pauses(trace, self.pause_s)
        pauses = pauses[buttons[pauses - 1] == 0]
        holds = find_holds(x, y, buttons, np.array([len(trace)]))
        drags = holds.begin[holds.moved]
        return _cut_at(np.unique(np.concatenate([pauses, drags, _after_releases(trace)])), len(trace))


for _name, _make in {
    "pause": Pauses,
    "click": Clicks,
    "pause_click": PausesAndClicks,
    "events": Blocks,
    "seconds": Seconds,
    "actions": Actions,
}.items():
    SEGMENTERS.add(_name, _make)


def _expect_seconds(value: Any, word: str, *, zero: bool = False) -> None:
    number = is_number(value)
    if not (number and (value >= 0 if zero else value > 0) and value < np.inf):
        raise ParameterError(
            f"segments: expected {word} to be seconds {'from 0 on' if zero else 'above 0'}, got {value!r}"
        )


def _column(column: Any) -> np.ndarray:
    return column.detach().cpu().numpy() if isinstance(column, Tensor) else np.asarray(column)


def _pauses(trace: Trace, longest_s: float) -> np.ndarray:
    """First events after a pause."""
    return np.flatnonzero(np.diff(_column(trace.t_s)) > longest_s) + 1


def _after_releases(trace: Trace) -> np.ndarray:
    """Events that follow the release of the last held button."""
    held = _column(trace.buttons) != 0
    after = np.flatnonzero(held[:-1] & ~held[1:]) + 2
    return after[after < len(trace)]


def _cut_at(begins: np.ndarray, length: int) -> list[slice]:
    """Slices from each begin to the next, the first from 0 on."""
    bounds = [0, *begins.tolist(), length]
    return [slice(begin, end) for begin, end in itertools.pairwise(bounds) if begin < end]
