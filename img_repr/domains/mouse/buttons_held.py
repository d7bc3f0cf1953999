"""Buttons held, from presses, releases and drags; presses and releases that the file lost are found and counted."""

import numpy as np

from img_repr.domains.mouse.rows import DRAG, MOVE, PRESS, RELEASE, Rows
from img_repr.domains.mouse.trace import LEFT, MIDDLE, RIGHT


def buttons_held(rows: Rows) -> tuple[np.ndarray, dict[str, int]]:
    """Find which buttons are held after each row.

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
        As of :class:`Trace`.
    counts : dict of str to int
        ``release_missing``, ``press_missing`` and ``drag_without_press``, where there are any.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.mouse.buttons_held import buttons_held
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
