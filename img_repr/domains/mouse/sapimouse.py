"""SapiMouse: ``user7/session_3min.csv`` for training, ``user7/session_1min.csv`` for testing."""

import re
from pathlib import Path
from typing import Unpack

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.file_tree import list_files, text_of
from img_repr.core.loader import loader
from img_repr.domains.mouse.assembly import Cutting, assemble
from img_repr.domains.mouse.reading import SessionFile, Users, choose_users, list_set, other_files, read_sessions
from img_repr.domains.mouse.sample import MOUSE
from img_repr.domains.mouse.session import Session

_USER = re.compile(r"(?P<number>user\d+)(\.\d+)?", re.IGNORECASE)
_SESSION = re.compile(
    r"session_(.+_)?(?P<length>[13]min)\.csv", re.IGNORECASE
)  # the publisher's archive has dates in the names
_PARTS = {"3min": "train", "1min": "test"}


def is_sapimouse(path: Path) -> bool:
    """Whether a folder is this data set, or one user's folder of it."""
    if not path.is_dir():
        return False
    root = path.resolve()
    return any(_match(root, file) for file in list_files(root, at_most=128).files)


@loader(MOUSE, recognizes=is_sapimouse)
def load_sapimouse(
    path: str | Path,
    *,
    users: Users | None = None,
    skip_unreadable: bool = False,
    **cutting: Unpack[Cutting],
) -> Dataset:
    r"""Load SapiMouse: 120 people on a web page with clicks and drags, milliseconds and pixels of the window.

    Each user has two sessions, three minutes for training and one minute for testing. Windows differ in size, which
    identifies many users: list the score of the features of clock and screen next to every score.

    Parameters
    ----------
    path : str or Path
        The folder of the users' folders, or one of these.
    users : str, int or iterable of these, optional
        Users to load: ``"7,9"``. Default: all.
    skip_unreadable : bool
        Skip damaged files, with a note, instead of raising an error.
    **cutting
        ``segments``, ``at_most``, ``shortest``, ``test_scale``, ``defects`` of :func:`assemble`. Default of
        ``segments``: ``"events(n=128)"``, with which people are recognized best.

    Returns
    -------
    Dataset
        ``labels`` users, ``groups`` sessions, ``split`` train and test.

    Raises
    ------
    DataError
        If there is no session, or a file cannot be read.
    ParameterError
        If an option has an invalid value.

    References
    ----------
    Antal, Fejér & Buza 2021, SapiMouse: Mouse Dynamics-based User Authentication Using Deep Feature Learning.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.domains.mouse.sapimouse import load_sapimouse
    >>> head, rows = "client timestamp,button,state,x,y\n", "".join(f"{17 * i},NoButton,Move,{i},4\n" for i in range(9))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "user7").mkdir()
    ...     for name in ("session_3min.csv", "session_1min.csv"):
    ...         _ = Path(folder, "user7", name).write_text(head + rows)
    ...     data = load_sapimouse(folder)
    >>> data.split.tolist(), data.samples[0].duration_s
    (['test', 'train'], 0.136)
    """
    sessions, notes = read_sapimouse(Path(path), users=users, skip_unreadable=skip_unreadable)
    options: Cutting = {"segments": "events(n=128)", **cutting}
    return assemble("SapiMouse", sessions, notes=notes, **options)


def read_sapimouse(
    path: Path, *, users: Users | None = None, skip_unreadable: bool = False
) -> tuple[list[Session], tuple[str, ...]]:
    """Return the sessions and notes; parameters as in :func:`load_sapimouse`."""
    tree = list_set(path, skip_unreadable=skip_unreadable)
    matches = [(file, *match) for file in tree.files if (match := _match(tree.root, file))]
    if not matches:
        raise DataError(f"{path}: expected files like user7/session_3min.csv, got {'; '.join(['none', *tree.notes()])}")
    chosen = choose_users(users, {user for _, user, _ in matches}, "sapimouse")
    found = [(file, user, length) for file, user, length in matches if user in chosen]
    both = len({length for _, _, length in found}) > 1
    files = [
        SessionFile(file, f"{user}/{file.stem}", user, _PARTS[length] if both else None) for file, user, length in found
    ]
    notes = [*tree.notes(hidden=False)]
    if not both:
        notes.append(f"only sessions of {found[0][2]} are here, so the set has no published split")
    alike: dict[str, list[str]] = {}
    for user in sorted({user for _, user, _ in found}):
        alike.setdefault(_number(user), []).append(user)
    notes += [
        f"{' and '.join(users)} are labels of their own, but may be one person by their number"
        for users in alike.values()
        if len(users) > 1
    ]
    sessions, said = read_sessions(files, unit="ms", skip_unreadable=skip_unreadable)
    return sessions, (*notes, *said, *other_files(tree, [file for file, _, _ in matches]))


def _number(user: str) -> str:
    found = _USER.fullmatch(user)
    return found["number"].lower() if found else user


def _match(root: Path, file: Path) -> tuple[str, str] | None:
    """User and length of a session, by the names of its file and folder."""
    below = [text_of(part) for part in file.relative_to(root).parts]
    folder, name = (root.name, *below)[-2:]
    session = _SESSION.fullmatch(name)
    return (folder, session["length"].lower()) if session and len(below) <= 2 and _USER.fullmatch(folder) else None
