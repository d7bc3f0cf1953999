"""Session: one recording of one person, as continuous pieces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from img_repr.core.errors import DataError
from img_repr.core.split_names import normalize_split_names
from img_repr.domains.mouse.defects import FURTHEST_S, clean
from img_repr.domains.mouse.event_file import EventFile
from img_repr.domains.mouse.rows import Rows
from img_repr.domains.mouse.time_unit import UNITS, check_unit, guess_unit
from img_repr.domains.mouse.trace import Trace


@dataclass(frozen=True, eq=False)
class Session:
    """One recording of one person.

    Parameters
    ----------
    name : str
        Unique in the data set; samples cut from one session are a group.
    user : str or None
        The user, or the claimed user; the label.
    pieces : tuple of Trace
        Continuous pieces in their order, cut where the pointer jumped or the clock was set; zero of ``t_s`` is the
        first event of the session.
    part : str, optional
        ``"train"``, ``"test"`` or the name of a fold, if there is a published split.
    genuine : bool, optional
        Whether it is of the claimed user; None if the publisher does not say.
    defects : mapping of str to int
        Number of findings of each rule of ``img_repr.domains.mouse.defects.RULES``.

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
    """Return the session of the rows of a file, after the repair of its defects.

    Parameters
    ----------
    rows : Rows
        Times in ``unit``.
    unit : {"s", "ms", "us", "ns"}
        Unit of time.
    path : Path
        The file, for messages.
    name, user, part, genuine
        As in :class:`Session`.
    broken : int
        Truncated rows at the end of the file.

    Raises
    ------
    DataError
        If no event has a time and a position.
    """
    pieces, counts = clean(rows.but(t=_from_start(rows.t, UNITS[unit])))
    if not pieces:
        raise DataError(
            f"{path}: expected events with a time and a position, got none in {len(rows)} rows (times read as {unit})"
        )
    return Session(name, user, pieces, part, genuine, ({"broken_row": broken} if broken else {}) | counts)


def sessions_of(
    files: Sequence[EventFile],
    *,
    names: Sequence[str],
    users: Sequence[str | None],
    splits: Sequence[str | None],
    unit: str | None,
    caller: str,
) -> tuple[list[Session], tuple[str, ...]]:
    """Return a session for each recording of each file.

    Parameters
    ----------
    files : sequence of EventFile
        At least one.
    names, users, splits : sequence of str or None
        One per file: the name of its sessions, and its user and split, which override those in the file.
    unit : {"s", "ms", "us", "ns"} or None
        Unit of time. None: as stated in the files, else one guess for all files without a unit.
    caller : str
        The loader, for messages.

    Returns
    -------
    sessions : list of Session
        Named after their file, with the session in it, and the user if it holds several.
    notes : tuple of str
        Distinct notes of the files, and the guess, if any.
    """
    check_unit(unit, caller)
    silent = [recording.rows.t for file in files if file.unit is None for recording in file.recordings]
    guess, note = guess_unit(silent) if unit is None and silent else (None, None)
    sessions = []
    for file, name, user, split in zip(files, names, users, splits, strict=True):
        several = len({recording.user for recording in file.recordings}) > 1
        parts = {(recording.user, recording.session) for recording in file.recordings}
        for number, recording in enumerate(file.recordings):
            last = number == len(file.recordings) - 1
            said = [recording.user] * (several and user is None) + [recording.session]
            said += [recording.split] * (len(parts) < len(file.recordings))
            sessions.append(
                session_of(
                    recording.rows,
                    unit=unit or file.unit or guess or "s",
                    path=file.path,
                    name="/".join([name, *(word for word in said if word)]),
                    user=user or recording.user,
                    part=split or recording.split,
                    broken=file.broken if last else 0,
                )
            )
    notes = list(dict.fromkeys(note for file in files for note in file.notes))
    if None not in splits or all(session.part is None for session in sessions):
        return sessions, (*notes, *([note] if note else []))
    named, said_of_splits = normalize_split_names([session.part or "" for session in sessions])
    sessions = [replace(session, part=named[at] if named else None) for at, session in enumerate(sessions)]
    return sessions, (*notes, *said_of_splits, *([note] if note else []))


def _from_start(t: np.ndarray, per_second: float) -> np.ndarray:
    """Return seconds since the first event, subtracted first, because seconds since 1970 have only seven decimals."""
    known = t[np.isfinite(t)]
    if not len(known):
        return t
    with np.errstate(over="ignore"):  # of numbers that no clock gives, and that the rules drop
        middle = np.partition(known, len(known) // 2)[len(known) // 2]
        start = known[np.abs(known - middle) <= FURTHEST_S * per_second].min()
        return np.asarray((t - start) / per_second)
