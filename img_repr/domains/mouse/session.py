"""Session: what one person did in one sitting, as continuous pieces."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from img_repr.core.errors import DataError
from img_repr.domains.mouse.defects import FURTHEST_S, clean
from img_repr.domains.mouse.rows import Rows
from img_repr.domains.mouse.time_unit import UNITS
from img_repr.domains.mouse.trace import Trace


@dataclass(frozen=True, eq=False)
class Session:
    """One recording of one person.

    Parameters
    ----------
    name : str
        Of its own in the data set; samples cut from one session are a group.
    user : str or None
        Whose it is, or is claimed to be; the label.
    pieces : tuple of Trace
        Continuous pieces in their order, cut where the file says that the pointer jumped or the clock was set; zero
        of ``t_s`` is the first event of the session.
    part : str, optional
        ``"train"``, ``"test"`` or the name of a fold, where there is a published split.
    genuine : bool, optional
        Whether it is of the user under whose name it stands; None where the publisher does not say.
    defects : mapping of str to int
        How often each rule of ``img_repr.domains.mouse.defects.RULES`` found something.

    Examples
    --------
    >>> from img_repr.domains.mouse.sample import make_traces
    >>> from img_repr.domains.mouse.session import Session
    >>> session = Session("monday", "ada", tuple(make_traces(2)))
    >>> session.user, sum(map(len, session.pieces))
    ('ada', 139)
    """

    name: str
    user: str | None
    pieces: tuple[Trace, ...]
    part: str | None = None
    genuine: bool | None = None
    defects: Mapping[str, int] = field(default_factory=dict)


def session_of(
    rows: Rows,
    *,
    unit: str,
    path: Path,
    name: str,
    user: str | None = None,
    part: str | None = None,
    genuine: bool | None = None,
    broken: int = 0,
) -> Session:
    """Make a session of the rows of a file, by the rules for its defects.

    Parameters
    ----------
    rows : Rows
        Times in ``unit``.
    unit : {"s", "ms", "us", "ns"}
        Unit of time.
    path : Path
        The file, for messages.
    name, user, part, genuine
        As of :class:`Session`.
    broken : int
        Rows that broke off where the file ends.

    Raises
    ------
    DataError
        If no event has a time and a place.
    """
    pieces, counts = clean(rows.but(t=_from_start(rows.t, UNITS[unit])))
    if not pieces:
        raise DataError(
            f"{path}: expected events with a time and a place, got none among {len(rows)} rows (times taken as {unit})"
        )
    return Session(name, user, pieces, part, genuine, ({"broken_row": broken} if broken else {}) | counts)


def _from_start(t: np.ndarray, per_second: float) -> np.ndarray:
    """Give seconds since the first event; taken off first, because seconds since 1970 leave only seven decimals."""
    known = t[np.isfinite(t)]
    if not len(known):
        return t
    with np.errstate(over="ignore"):  # of numbers that no clock gives, and that the rules drop
        middle = np.partition(known, len(known) // 2)[len(known) // 2]
        start = known[np.abs(known - middle) <= FURTHEST_S * per_second].min()
        return np.asarray((t - start) / per_second)
