"""Sessions of published data sets: one file per session, with a known user and unit of time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from img_repr.core.errors import DataError, ParameterError
from img_repr.core.file_tree import FileTree, list_files
from img_repr.domains.mouse.event_table import read_event_table
from img_repr.domains.mouse.session import Session, session_of

Users = str | int | float | Iterable[str | int | float]
"""Users of a set: ``"user12"``, ``12``, ``"12,15,16"``, or several of these."""


@dataclass(frozen=True)
class SessionFile:
    """A file with one session, and the fields of :class:`Session` from its name and folder."""

    path: Path
    name: str
    user: str
    part: str | None = None
    genuine: bool | None = None


def list_set(path: Path, *, skip_unreadable: bool) -> FileTree:
    """List the files of a set.

    Raises
    ------
    DataError
        If it is not a folder, or a folder cannot be read.
    """
    if not path.is_dir():
        raise DataError(f"{path}: expected the folder of the set, got {'a file' if path.exists() else 'nothing there'}")
    tree = list_files(path.resolve())
    if tree.unreadable and not skip_unreadable:
        raise DataError(
            f"{tree.unreadable[0]}: expected a folder that can be read, got: Permission denied; "
            "skip_unreadable=True leaves it out"
        )
    return tree


def read_sessions(
    files: Sequence[SessionFile], *, unit: str, skip_unreadable: bool = False
) -> tuple[list[Session], tuple[str, ...]]:
    """Read files of one session each.

    Parameters
    ----------
    files : sequence of SessionFile
        At least one.
    unit : {"s", "ms", "us", "ns"}
        Unit of time of all.
    skip_unreadable : bool
        Skip files that cannot be read, with a note, instead of raising an error.

    Returns
    -------
    sessions : list of Session
        In the order of the files.
    notes : tuple of str
        Skipped files, and files without buttons.

    Raises
    ------
    DataError
        If a file cannot be read, or all are skipped.
    """
    sessions, skipped, silent = [], [], 0
    said: dict[str, None] = {}
    for file in files:
        try:
            read = read_event_table(file.path, divided=False)
            session = session_of(
                read.recordings[0].rows,
                unit=unit,
                path=file.path,
                name=file.name,
                user=file.user,
                part=file.part,
                genuine=file.genuine,
                broken=read.broken,
            )
        except DataError as error:
            if not skip_unreadable:
                raise
            skipped.append(str(error))
            continue
        silent += not read.knows_buttons
        said |= dict.fromkeys(read.notes)
        sessions.append(session)
    if not sessions:
        raise DataError(
            f"expected at least one file that can be read, got none of {len(files)}; the first: {skipped[0]}"
        )
    return sessions, (*reading_notes(skipped, len(files), silent), *said)


def other_files(tree: FileTree, sessions: Sequence[Path]) -> tuple[str, ...]:
    """Return a note on the files that are not sessions of the set."""
    known = {*sessions}
    others = [file for file in tree.files if file not in known]
    return (f"left out {len(others)} files that are no sessions: {tree.names(others)}",) if others else ()


def reading_notes(skipped: Sequence[str], files: int, silent: int) -> tuple[str, ...]:
    """Return notes on skipped files, and on files without presses."""
    notes = []
    if skipped:
        notes.append(f"skipped {len(skipped)} of {files} files; the first: {skipped[0]}")
    if silent:
        notes.append(f"{silent} of {files} files have no column of states: no press, drag or wheel is known of them")
    return tuple(notes)


def choose_users(users: Users | None, known: Iterable[str], caller: str) -> set[str]:
    """Return the folders of the requested users; all if ``users`` is None.

    Raises
    ------
    ParameterError
        If one of them does not exist, or none is named.

    Examples
    --------
    >>> from img_repr.domains.mouse.reading import choose_users
    >>> sorted(choose_users("12, user15", ["user7", "user12", "user15"], "balabit"))
    ['user12', 'user15']
    """
    folders = set(known)
    if users is None:
        return folders
    words = users.split(",") if isinstance(users, str) else [users] if isinstance(users, (int, float)) else list(users)
    chosen = set()
    for word in words:
        name = str(word).strip()
        found = {folder for folder in folders if folder.lower() in (name.lower(), f"user{name}")}
        if not found:
            raise ParameterError(f"{caller}: expected users to be among {', '.join(sorted(folders))}, got {name!r}")
        chosen |= found
    if not chosen:
        raise ParameterError(f"{caller}: expected users to name at least one, got none")
    return chosen
