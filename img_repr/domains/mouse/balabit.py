"""Balabit Mouse Dynamics Challenge: ``training_files/user7/session_...``, ``test_files/...``, ``public_labels.csv``."""

import re
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Literal, Unpack

from img_repr.core.csv_reader import read_csv_table
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.file_tree import list_files, text_of
from img_repr.core.loader import loader
from img_repr.domains.mouse.assembly import Cutting, assemble
from img_repr.domains.mouse.reading import SessionFile, Users, choose_users, list_set, other_files, read_sessions
from img_repr.domains.mouse.sample import MOUSE
from img_repr.domains.mouse.session import Session

_PARTS = {"training_files": "train", "test_files": "test"}
_LABELS = "public_labels.csv"
_USER = re.compile(r"user\d+", re.IGNORECASE)
_SESSION = re.compile(r"session_\d+(?:\.csv|\.txt)?", re.IGNORECASE)
_FOLDS = 5


def is_balabit(path: Path) -> bool:
    """Whether a folder is this data set, or its training or test part, or one user's folder of them."""
    if not path.is_dir():
        return False
    root = path.resolve()
    return any(_match(root, file) for file in list_files(root, at_most=128).files)


@loader(MOUSE, recognizes=is_balabit)
def load_balabit(
    path: str | Path,
    *,
    protocol: Literal["challenge", "sessions"] = "challenge",
    users: Users | None = None,
    skip_unreadable: bool = False,
    **cutting: Unpack[Cutting],
) -> Dataset:
    r"""Load the Balabit Mouse Dynamics Challenge: ten people at work over remote desktop, seconds and screen pixels.

    Times are those of the client's clock; the other clock is that of the recorder on the network, whose rows arrive
    late and in bursts. **Clock and screen identify these users**: list the score of these features alone next to every
    score, and use ``users=`` for the users of one kind of hardware (12, 15, 16 and 29).

    Parameters
    ----------
    path : str or Path
        The repository, its folder ``training_files`` or ``test_files``, or one user's folder in them.
    protocol : {"challenge", "sessions"}
        ``"challenge"``: train and test as published, for user verification. The label of a test session is the claimed
        user, in whose folder it lies, and ``genuine`` says whether the claim is true; test sessions without a public
        label are skipped. ``"sessions"``: training files only, whose user is certain; the sessions of each user, in the
        order of their names, are assigned to folds 1 to 5 in turn, so that whole sessions are held out.
    users : str, int or iterable of these, optional
        Users to load: ``"12,15,16"``. Default: all.
    skip_unreadable : bool
        Skip damaged files, with a note, instead of raising an error.
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
        If an option has an invalid value.

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
    >>> data.labels.tolist(), data.split.tolist(), data.genuine.tolist()
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
    """Return the sessions and notes; parameters as in :func:`load_balabit`."""
    if protocol not in ("challenge", "sessions"):
        raise ParameterError(f"balabit: expected protocol to be 'challenge' or 'sessions', got {protocol!r}")
    tree = list_set(path, skip_unreadable=skip_unreadable)
    matches = [(file, *match) for file in tree.files if (match := _match(tree.root, file))]
    if not matches:
        raise DataError(
            f"{path}: expected files like training_files/user7/session_0041905381, "
            f"got {'; '.join(['none', *tree.notes()])}"
        )
    chosen = choose_users(users, {user for _, _, user in matches}, "balabit")
    found = [
        SessionFile(file, f"{user}/{text_of(file.name)}", user, part) for file, part, user in matches if user in chosen
    ]
    files, notes = _as_folds(found) if protocol == "sessions" else _as_challenge(found, path)
    if not files:
        raise DataError(f"{path}: expected sessions for protocol={protocol!r}, got none: {'; '.join(notes)}")
    sessions, said = read_sessions(files, unit="s", skip_unreadable=skip_unreadable)
    known = [file for file, _, _ in matches] + [file for file in tree.files if file.name == _LABELS]
    return sessions, (*tree.notes(hidden=False), *notes, *said, *other_files(tree, known))


def _match(root: Path, file: Path) -> tuple[str, str] | None:
    """Split and user of a session, by the names of its file and folders."""
    below = [text_of(part) for part in file.relative_to(root).parts]
    part, user, name = (root.parent.name, root.name, *below)[-3:]
    known = len(below) <= 3 and part in _PARTS and _USER.fullmatch(user) and _SESSION.fullmatch(name)
    return (_PARTS[part], user) if known else None


def _as_folds(found: list[SessionFile]) -> tuple[list[SessionFile], list[str]]:
    files = [file for file in found if file.part == "train"]
    position = {file.path: at for _, own in groupby(files, lambda file: file.user) for at, file in enumerate(own)}
    left = len(found) - len(files)
    return (
        [replace(file, part=f"fold {position[file.path] % _FOLDS + 1}") for file in files],
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
    """Whether each test session is an intruder's, by its file name."""
    table = read_csv_table(path, header=True)
    if not {"filename", "is_illegal"} <= {*(table.header or ())}:
        raise DataError(f"{path}: expected columns filename and is_illegal, got {', '.join(table.header or ())}"[:300])
    names, words = ((table.header or ()).index(word) for word in ("filename", "is_illegal"))
    found = {}
    for row, cells in enumerate(table.rows):
        name, word = cells[names].strip(), cells[words].strip()
        if not name or word not in ("0", "1"):
            raise DataError(f"{table.where(row)}: expected a filename and is_illegal of 0 or 1, got {cells}"[:300])
        found[name] = word == "1"
    return found
