"""Balabit Mouse Dynamics Challenge: ``training_files/user7/session_...``, ``test_files/...``, ``public_labels.csv``."""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Literal, Unpack

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import loader
from img_repr.domains.mouse.assembly import Cutting, assemble
from img_repr.domains.mouse.reading import SessionFile, Users, choose_users, read_sessions, visible
from img_repr.domains.mouse.sample import MOUSE
from img_repr.domains.mouse.session import Session

_PARTS = {"training_files": "train", "test_files": "test"}
_LABELS = "public_labels.csv"
_USER = re.compile(r"user\d+")
_SESSION = re.compile(r"session_\d+")
_FOLDS = 5


def is_balabit(path: Path) -> bool:
    """Whether a folder is this data set, or its training or test part, or one user's folder of them."""
    return any(
        _SESSION.fullmatch(file.name) for folder, _ in _user_folders(path) for file in visible(folder, at_most=8)
    )


@loader(MOUSE, recognises=is_balabit)
def load_balabit(
    path: str | Path,
    *,
    protocol: Literal["challenge", "sessions"] = "challenge",
    users: Users | None = None,
    skip_unreadable: bool = False,
    **cutting: Unpack[Cutting],
) -> Dataset:
    r"""Load the Balabit Mouse Dynamics Challenge: ten people at work over remote desktop, seconds and screen pixels.

    Of the two clocks of its files, the client's is taken: the other one is the recorder's on the network, whose
    rows come late and in bunches. **Clock and screen tell these users apart**: show the features of those alone
    beside every score, and use ``users=`` for those who share one kind of hardware (12, 15, 16 and 29).

    Parameters
    ----------
    path : str or Path
        The repository, its folder ``training_files`` or ``test_files``, or one user's folder in them.
    protocol : {"challenge", "sessions"}
        ``"challenge"``: parts train and test as published; the label of a test session is the user in whose folder it
        lies, who is claimed, and ``genuine`` says whether the claim is true. Test sessions without a public label are
        left out. ``"sessions"``: training files only, whose owner is certain; of each user the sessions in the order
        of their names go to the folds 1 to 5 in turn, so that whole sessions are held out.
    users : str, int or iterable of these, optional
        Only these: ``"12,15,16"``. Default: all.
    skip_unreadable : bool
        Whether a damaged file is left out and named in a note, instead of being an error.
    **cutting
        ``segments``, ``at_most``, ``shortest``, ``test_scale``, ``defects`` of :func:`assemble`.

    Returns
    -------
    Dataset
        ``labels`` users, ``groups`` sessions; ``notes`` count the defects of the files.

    Raises
    ------
    DataError
        If there is no session, or a file cannot be read.
    ParameterError
        If an option is none of those above.

    References
    ----------
    Fülöp, Kovács, Kurics & Windhager-Pokol 2016, Balabit Mouse Dynamics Challenge data set.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.domains.mouse.balabit import load_balabit
    >>> head = "record timestamp,client timestamp,button,state,x,y\n"
    >>> rows = "".join(f"{i},{i / 10},NoButton,Move,{500 + i},400\n" for i in range(9))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("training_files/user7/session_01", "test_files/user7/session_02"):
    ...         Path(folder, name).parent.mkdir(parents=True)
    ...         _ = Path(folder, name).write_text(head + rows)
    ...     _ = Path(folder, "public_labels.csv").write_text("filename,is_illegal\nsession_02,1\n")
    ...     data = load_balabit(folder)
    >>> data.labels.tolist(), data.parts.tolist(), data.genuine.tolist()
    (['user7', 'user7'], ['train', 'test'], [True, False])
    """
    sessions, notes = read_balabit(Path(path), protocol=protocol, users=users, skip_unreadable=skip_unreadable)
    return assemble("Balabit", sessions, notes=notes, **cutting)


def read_balabit(
    path: Path,
    *,
    protocol: str = "challenge",
    users: Users | None = None,
    skip_unreadable: bool = False,
) -> tuple[list[Session], tuple[str, ...]]:
    """Read the sessions and what is to be said of them; parameters as of :func:`load_balabit`."""
    if protocol not in ("challenge", "sessions"):
        raise ParameterError(f"balabit: expected protocol to be 'challenge' or 'sessions', got {protocol!r}")
    folders = sorted((folder, part) for folder, part in _user_folders(path))
    chosen = choose_users(users, {folder.name for folder, _ in folders}, "balabit") if folders else set()
    found = [
        SessionFile(file, f"{folder.name}/{file.name}", folder.name, part)
        for folder, part in folders
        if folder.name in chosen
        for file in sorted(visible(folder))
        if _SESSION.fullmatch(file.name)
    ]
    if not found:
        raise DataError(f"{path}: expected files like training_files/user7/session_0041905381, got none")
    files, notes = _as_folds(found) if protocol == "sessions" else _as_challenge(found, path)
    if not files:
        raise DataError(f"{path}: expected sessions for protocol={protocol!r}, got none: {'; '.join(notes)}")
    sessions, said = read_sessions(files, unit="s", skip_unreadable=skip_unreadable)
    return sessions, (*notes, *said)


def _user_folders(path: Path) -> Iterator[tuple[Path, str]]:
    """Give the folders of users with the part that they belong to."""
    path = path.resolve()
    if path.parent.name in _PARTS and _USER.fullmatch(path.name):
        yield path, _PARTS[path.parent.name]
        return
    for folder in (path, *(path / name for name in _PARTS)):
        if folder.name in _PARTS:
            for user in visible(folder):
                if _USER.fullmatch(user.name):
                    yield user, _PARTS[folder.name]


def _as_folds(found: list[SessionFile]) -> tuple[list[SessionFile], list[str]]:
    files = [file for file in found if file.part == "train"]
    place = {file.path: at for _, own in groupby(files, lambda file: file.user) for at, file in enumerate(own)}
    left = len(found) - len(files)
    return (
        [replace(file, part=f"fold {place[file.path] % _FOLDS + 1}") for file in files],
        [f"left out {left} test sessions, of which it is not certain whose they are"] if left else [],
    )


def _as_challenge(found: list[SessionFile], path: Path) -> tuple[list[SessionFile], list[str]]:
    labels = next((one / _LABELS for one in (path, *path.resolve().parents[:2]) if (one / _LABELS).is_file()), None)
    illegal = {} if labels is None else _read_labels(labels)
    files = [file for file in found if file.part == "train"]
    files += [
        replace(file, genuine=not illegal[file.path.name])
        for file in found
        if file.part == "test" and file.path.name in illegal
    ]
    notes = []
    if len(files) < len(found):
        why = f"because there is no {_LABELS}" if labels is None else f"without a label in {_LABELS}"
        notes.append(f"left out {len(found) - len(files)} test sessions {why}")
    parts = {file.part for file in files}
    if len(parts) == 1:
        notes.append(f"only the part {parts.pop()} is here, so the set has no published split")
        files = [replace(file, part=None) for file in files]
    return files, notes


def _read_labels(path: Path) -> dict[str, bool]:
    """Whether each test session is an intruder's, by its file's name."""
    found = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.DictReader(file, skipinitialspace=True), start=2):
                name, word = row.get("filename"), row.get("is_illegal")
                if not name or word is None or word.strip() not in ("0", "1"):
                    raise DataError(
                        f"{path} row {number}: expected a filename and is_illegal of 0 or 1, got {row}"[:300]
                    )
                found[name.strip()] = word.strip() == "1"
    except OSError as error:
        raise DataError(f"{path}: expected the table of labels, got: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: expected a table of text in UTF-8, got: {error}") from None
    return found
