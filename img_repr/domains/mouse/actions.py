"""Actions of a pointer: the times when a button is held, and whether they are clicks or drags."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from img_repr.domains.mouse.sample import check_traces
from img_repr.domains.mouse.trace import Trace

ActionKind: TypeAlias = Literal["MM", "PC", "DD"]

KINDS: tuple[ActionKind, ...] = ("MM", "PC", "DD")


@dataclass(frozen=True, eq=False)
class Holds:
    """Intervals of events in which a button is held, for concatenated traces.

    Parameters
    ----------
    begin, end : ndarray of int64, shape (K,)
        Event of the first press, or first event of a trace that begins with a button held; event of the last release,
        or last event of a trace that ends before it.
    moved : ndarray of bool, shape (K,)
        Whether the pointer moved between: a drag, else a click.
    """

    begin: np.ndarray
    end: np.ndarray
    moved: np.ndarray


def find_holds(x_px: np.ndarray, y_px: np.ndarray, buttons: np.ndarray, lengths: np.ndarray) -> Holds:
    """Find the intervals in which a button is held.

    Parameters
    ----------
    x_px, y_px, buttons : ndarray, shape (sum of lengths,)
        Events of concatenated traces.
    lengths : ndarray of int64, shape (N,)
        Events of each trace.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([0, 0, 0, 4, 4])
    >>> holds = find_holds(x, np.zeros(5), np.array([1, 0, 2, 2, 0]), np.array([5]))
    >>> holds.begin.tolist(), holds.end.tolist(), holds.moved.tolist()
    ([0, 2], [1, 4], [False, True])
    """
    held = buttons != 0
    before = np.zeros_like(held)
    before[1:] = held[:-1]
    ends = np.cumsum(lengths)
    filled = lengths > 0
    before[(ends - lengths)[filled]] = False
    begin = np.flatnonzero(held & ~before)
    up = before & ~held
    up[ends[filled] - 1] |= held[ends[filled] - 1]
    end = np.flatnonzero(up)
    moves = np.zeros(len(held), dtype=np.int64)
    moves[1:] = np.cumsum((np.diff(x_px) != 0) | (np.diff(y_px) != 0))
    return Holds(begin, end, moves[end] > moves[begin])


def kind_of(trace: Trace) -> ActionKind:
    """Return the kind of action of a trace.

    Parameters
    ----------
    trace : Trace
        One action of :class:`img_repr.domains.mouse.segments.Actions`, or any other trace.

    Returns
    -------
    {"MM", "PC", "DD"}
        ``"DD"`` if the pointer moves while a button is held, else ``"PC"`` if one is pressed, else ``"MM"``.

    References
    ----------
    M. Antal, E. Egyed-Zsigmond: Intrusion detection using mouse dynamics, IET Biometrics 8(5), 2019: mouse move,
    point and click, drag and drop.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.mouse.trace import LEFT, Trace
    >>> time, x = np.arange(3) / 10, np.array([0, 5, 5])
    >>> [kind_of(Trace(time, x, x, buttons)) for buttons in ([0, 0, 0], [0, LEFT, 0], [LEFT, LEFT, 0])]
    ['MM', 'PC', 'DD']
    """
    batch = check_traces(trace, caller="kind of action")
    x, y, buttons = (getattr(batch, name).cpu().numpy() for name in ("x_px", "y_px", "buttons"))
    holds = find_holds(x, y, buttons, batch.lengths)
    return "DD" if holds.moved.any() else "PC" if len(holds.begin) else "MM"
