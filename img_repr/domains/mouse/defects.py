"""Defects of pointer files: named rules that repair and count them.

The general rule: a move without a time or a position is dropped; a press, a release or a turn of the wheel is kept, at
the time and position of the row before it.

Of two clocks in one file (Balabit) the client's is used: the recorder's adds the jitter of the network. Drags are
written ``NoButton,Drag`` (Balabit) or ``Left,Drag`` (SapiMouse), with the same meaning.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from img_repr.domains.mouse.rows import CLICK, DRAG, MOVE, NO_EVENT, OTHER, PRESS, RELEASE, WHEEL_DOWN, WHEEL_UP, Rows
from img_repr.domains.mouse.trace import LEFT, MIDDLE, RIGHT, Trace

SENTINEL = 65535  # -1 as unsigned 16 bits: the pointer was outside, or the session was attached again
FURTHEST_SCREEN_PX = 32767  # screen coordinates are signed 16 bits
FURTHEST_S = 1e10  # from most of the rows; clocks count from 1970 at the earliest


def count_missing(rows: Rows) -> tuple[Rows, int]:
    """Count the rows whose time or position is NaN or infinity in the file, or whose time is impossible."""
    return rows, int((_timeless(rows) | _placeless(rows)).sum())


def drop_other_events(rows: Rows) -> tuple[Rows, int]:
    """Drop the rows of other events: keys, focus."""
    other = rows.state == NO_EVENT
    return (rows.take(~other), int(other.sum())) if other.any() else (rows, 0)


def split_clicks(rows: Rows) -> tuple[Rows, int]:
    """Replace each click by a press and a release; if there are presses, a click repeats them and becomes a move."""
    clicks = rows.state == CLICK
    if not clicks.any():
        return rows, 0
    if (rows.state == PRESS).any():
        return rows.but(state=np.where(clicks, 0, rows.state), button=np.where(clicks, 0, rows.button)), 0
    rows = rows.take(np.repeat(np.arange(len(rows)), 1 + clicks))
    state = rows.state.copy()
    presses = np.flatnonzero(state == CLICK)[::2]
    state[presses], state[presses + 1] = PRESS, RELEASE
    return rows.but(state=state), int(clicks.sum())


def name_other_buttons(rows: Rows) -> tuple[Rows, int]:
    """Count a button that is neither left, right nor middle (``XButton``, ``Other``) as the middle one."""
    other = rows.button == OTHER
    return rows.but(button=np.where(other, np.uint8(MIDDLE), rows.button)), int(other.sum())


def place_scrolls(rows: Rows) -> tuple[Rows, int]:
    """Remove the position of turns of the wheel at 0,0, which means that the file has none."""
    return _without_place(rows, rows.wheels & (rows.x_px == 0) & (rows.y_px == 0))


def cut_at_sentinels(rows: Rows) -> tuple[Rows, int]:
    """Remove positions of 65535, and cut there: the pointer returns elsewhere."""
    sentinel = (rows.x_px == SENTINEL) | (rows.y_px == SENTINEL)
    returns = ~sentinel & np.append(False, sentinel[:-1])
    return _without_place(rows.but(piece=rows.piece + np.cumsum(returns)), sentinel)


def drop_far_places(rows: Rows) -> tuple[Rows, int]:
    """Remove positions beyond any screen."""
    furthest = np.maximum(np.abs(rows.x_px), np.abs(rows.y_px))
    return _without_place(rows, (furthest > FURTHEST_SCREEN_PX) & (furthest < np.inf))


def carry_over(rows: Rows) -> tuple[Rows, int]:
    """Drop moves without a time or a position, and use those of the row before for other rows; not counted."""
    timeless, placeless = _timeless(rows), _placeless(rows)
    if not (timeless.any() or placeless.any()):
        return rows, 0
    if timeless.all() or placeless.all():
        return rows.take(slice(0, 0)), 0
    before, position = _nearest_known(timeless, rows.piece), _nearest_known(placeless, rows.piece)
    rows = rows.but(t=rows.t[before], x_px=rows.x_px[position], y_px=rows.y_px[position])
    return rows.take(~(timeless | placeless) | rows.acts), 0


def drop_duplicates(rows: Rows) -> tuple[Rows, int]:
    """Drop rows that repeat the row before, except turns of the wheel, each of which is one more notch."""
    same = np.zeros(len(rows), bool)
    same[1:] = (np.diff(rows.t) == 0) & (np.diff(rows.x_px) == 0) & (np.diff(rows.y_px) == 0)
    same[1:] &= (rows.state[1:] == rows.state[:-1]) & (rows.button[1:] == rows.button[:-1])
    same[1:] &= rows.piece[1:] == rows.piece[:-1]
    same &= ~rows.wheels
    return (rows.take(~same), int(same.sum())) if same.any() else (rows, 0)


def cut_at_steps_back(rows: Rows) -> tuple[Rows, int]:
    """Cut where time runs backwards: the clock was set by an unknown amount."""
    back = np.append(False, np.diff(rows.t) < 0)[: len(rows)]
    own = back & np.append(False, np.diff(rows.piece) == 0)[: len(rows)]
    return rows.but(piece=rows.piece + np.cumsum(back)), int(own.sum())


def count_equal_times(rows: Rows) -> tuple[Rows, int]:
    """Count the rows at the time of the row before; they are kept, because encoders and features merge them."""
    return rows, int(((np.diff(rows.t) == 0) & (np.diff(rows.piece) == 0)).sum())


def count_negative(rows: Rows) -> tuple[Rows, int]:
    """Count the rows left of or above the main screen; they are kept, because there may be a second screen."""
    return rows, int(((rows.x_px < 0) | (rows.y_px < 0)).sum())


@dataclass(frozen=True)
class Rule:
    """A defect: its description, and the function that finds and repairs it."""

    says: str
    apply: Callable[[Rows], tuple[Rows, int]] | None = None


RULES: Mapping[str, Rule] = {
    "broken_row": Rule("truncated last rows, dropped"),  # counted by the reader
    "missing_number": Rule(
        "rows without a time or a position, moves dropped, others put to the row before", count_missing
    ),
    "other_event": Rule("rows that are no event of a pointer, dropped", drop_other_events),
    "click": Rule("clicks made a press and a release each", split_clicks),
    "other_button": Rule(
        "rows of a button that is neither left nor right, counted as the middle one", name_other_buttons
    ),
    "scroll_at_origin": Rule("turns of the wheel at 0,0, put to where the pointer was", place_scrolls),
    "sentinel": Rule("rows at 65535 (pointer outside), dropped, and the session cut there", cut_at_sentinels),
    "off_screen": Rule(
        f"rows beyond {FURTHEST_SCREEN_PX} pixels, moves dropped, others put to the row before", drop_far_places
    ),
    "carry_over": Rule("", carry_over),
    "duplicate": Rule("rows that repeat the row before, dropped", drop_duplicates),
    "clock_back": Rule("steps of time backwards, the session cut there", cut_at_steps_back),
    "equal_time": Rule("rows at the time of the row before, kept", count_equal_times),
    "negative": Rule("rows left of or above the main screen, kept", count_negative),
    "release_missing": Rule("presses without a release, held until the next plain move"),  # of buttons_held
    "press_missing": Rule("releases without a press, kept as moves"),
    "drag_without_press": Rule("drags without a press, taken as the button held"),
}
"""The rules in the order in which they are applied."""


def clean(rows: Rows) -> tuple[tuple[Trace, ...], dict[str, int]]:
    """Apply all rules.

    Parameters
    ----------
    rows : Rows
        Of one recording, ``t`` in seconds.

    Returns
    -------
    pieces : tuple of Trace
        Continuous pieces in their order, with at least one event; times start at the first event of all.
    counts : dict of str to int
        Number of findings of each rule of ``RULES``, without zeros.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.mouse.defects import clean
    >>> from img_repr.domains.mouse.rows import Rows
    >>> x = np.array([5.0, 6.0, 65535.0, 900.0])
    >>> pieces, counts = clean(Rows.of(np.array([1.0, 1.1, 9.0, 9.1]), x, x))
    >>> [piece.x_px.tolist() for piece in pieces], counts
    ([[5.0, 6.0], [900.0]], {'sentinel': 1})
    """
    counts = {}
    for name, rule in RULES.items():
        if rule.apply is not None:
            rows, counts[name] = rule.apply(rows)
    if not len(rows):
        return (), {name: number for name, number in counts.items() if number}
    held, lost = buttons_held(rows)
    wheel = (rows.state == WHEEL_UP).astype(np.int8) - (rows.state == WHEEL_DOWN).astype(np.int8)
    whole = Trace(rows.t - rows.t.min(), rows.x_px, rows.y_px, held, wheel)
    bounds = [0, *(np.flatnonzero(np.diff(rows.piece)) + 1).tolist(), len(rows)]
    pieces = tuple(whole[start:stop] for start, stop in pairwise(bounds))
    return pieces, {name: number for name, number in (counts | lost).items() if number}


def _timeless(rows: Rows) -> np.ndarray:
    return np.asarray(~(np.abs(rows.t) <= FURTHEST_S))


def _placeless(rows: Rows) -> np.ndarray:
    return np.asarray(~(np.isfinite(rows.x_px) & np.isfinite(rows.y_px)))


def _without_place(rows: Rows, which: np.ndarray) -> tuple[Rows, int]:
    count = int(which.sum())
    if not count:
        return rows, 0
    return rows.but(x_px=np.where(which, np.nan, rows.x_px), y_px=np.where(which, np.nan, rows.y_px)), count


def _nearest_known(unknown: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """Position of the last known row at or before each row, or of the next one if the piece has none before."""
    count = len(unknown)
    positions = np.arange(count)
    before = np.maximum.accumulate(np.where(unknown, -1, positions))
    after = np.minimum.accumulate(np.where(unknown, count, positions)[::-1])[::-1]
    strange = (before < 0) | (piece[before] != piece)
    own = np.minimum(after, count - 1)
    return np.asarray(np.where((strange & (piece[own] == piece) & (after < count)) | (before < 0), own, before))


def buttons_held(rows: Rows) -> tuple[np.ndarray, dict[str, int]]:
    """Return the buttons held after each row; lost presses and releases are found and counted.

    A button is held from its press to its release. A press whose release is missing (the next event of the button is
    another press, or there is none) is held until the first row that is a plain move, because files call movement
    with a button held a drag. A drag that follows no press holds the button that it names, or the left one
    (``NoButton,Drag``).

    Parameters
    ----------
    rows : Rows
        Presses and releases name ``LEFT``, ``RIGHT`` or ``MIDDLE``.

    Returns
    -------
    held : ndarray of uint8, shape (T,)
        As in :class:`Trace`.
    counts : dict of str to int
        ``release_missing``, ``press_missing`` and ``drag_without_press``, where there are any.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.mouse.defects import buttons_held
    >>> from img_repr.domains.mouse.rows import DRAG, MOVE, PRESS, RELEASE, Rows
    >>> time = np.arange(5.0)
    >>> button, state = np.array([0, 1, 0, 1, 0], np.uint8), np.array([MOVE, PRESS, DRAG, RELEASE, MOVE], np.uint8)
    >>> buttons_held(Rows.of(time, time, time, button, state))
    (array([0, 1, 1, 0, 0], dtype=uint8), {})
    """
    count = len(rows)
    moves = np.flatnonzero(rows.state == MOVE)
    held = np.zeros(count, np.uint8)
    lost = {"release_missing": 0, "press_missing": 0, "drag_without_press": 0}
    for button in (LEFT, RIGHT, MIDDLE):
        events = np.flatnonzero((rows.button == button) & ((rows.state == PRESS) | (rows.state == RELEASE)))
        if not len(events):
            continue
        presses = rows.state[events] == PRESS
        following = np.append(events[1:], count)
        closed = np.append(~presses[1:], False)
        next_move = np.append(moves, count)[np.searchsorted(moves, events)]
        ends = np.where(closed, following, np.minimum(following, next_move))
        steps = np.bincount(events[presses], minlength=count + 1) - np.bincount(ends[presses], minlength=count + 1)
        held |= (np.cumsum(steps[:count]) > 0).astype(np.uint8) * np.uint8(button)
        lost["release_missing"] += int((presses & ~closed).sum())
        lost["press_missing"] += int((~presses & ~np.append(False, presses[:-1])).sum())
    alone = (rows.state == DRAG) & (held == 0)
    if alone.any():
        held[alone] = np.where(rows.button[alone] > 0, rows.button[alone], LEFT)
        begins = alone & ~np.append(False, alone[:-1])
        lost["drag_without_press"] = int(begins.sum())
    return held, {name: number for name, number in lost.items() if number}
