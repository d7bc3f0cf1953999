"""Files of events to sessions: names, users and one unit of time for all."""

from collections.abc import Sequence

from img_repr.domains.mouse.event_file import EventFile, Recording
from img_repr.domains.mouse.session import Session, session_of
from img_repr.domains.mouse.time_unit import check_unit, guess_unit


def sessions_of_files(
    files: Sequence[EventFile],
    *,
    names: Sequence[str],
    users: Sequence[str | None],
    parts: Sequence[str | None],
    unit: str | None,
    who: str,
) -> tuple[list[Session], tuple[str, ...]]:
    """Make a session of each recording of each file.

    Parameters
    ----------
    files : sequence of EventFile
        At least one.
    names, users, parts : sequence of str or None
        One per file: what a session of the file is called, whose file it is (before what it says itself), and the
        part it belongs to.
    unit : {"s", "ms", "us"} or None
        Unit of time. None: as the files say, else one guess for all that do not say it.
    who : str
        The loader, for messages.

    Returns
    -------
    sessions : list of Session
        Those of one file called by its name, with the session that it names, or the user where it holds several.
    notes : tuple of str
        The guess, if there was any.
    """
    check_unit(unit, who)
    silent = [recording.rows.t for file in files if file.unit is None for recording in file.recordings]
    guess, note = guess_unit(silent) if unit is None and silent else (None, None)
    sessions = []
    for file, name, user, part in zip(files, names, users, parts, strict=True):
        several = len({recording.user for recording in file.recordings}) > 1
        for number, recording in enumerate(file.recordings):
            last = number == len(file.recordings) - 1
            sessions.append(
                session_of(
                    recording.rows,
                    unit=unit or file.unit or guess or "s",
                    path=file.path,
                    name=_name(name, recording, several and user is None),
                    user=user or recording.user,
                    part=part,
                    broken=file.broken if last else 0,
                )
            )
    return sessions, (note,) if note else ()


def _name(name: str, recording: Recording, several: bool) -> str:
    own = [recording.user] * several + [recording.session]
    return "/".join([name, *(word for word in own if word)])
