"""Files and their kinds: walk folders in bounded time, despite loops of links, pipes and unreadable folders."""

import errno
import os
import stat
import unicodedata
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from img_repr.core.errors import DataError

_NAMED = 5
_NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_HIDDEN = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "$recycle.bin", "lost+found"))
_LOOK_AT = 10_000
_KINDS = {
    stat.S_IFIFO: "a FIFO (a named pipe)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass
class FileTree:
    """Files below a folder, and all other entries.

    Parameters
    ----------
    root : Path
    files : list of Path
        Regular files that are not hidden, sorted by their paths; also files whose status cannot be read, so that the
        error on reading names them.
    folders : list of Path
        All folders that were listed, except the root.
    unreadable : list of Path
        Folders that cannot be listed.
    dangling : list of Path
        Broken links: data of git-annex or Git LFS that were not fetched.
    irregular : list of Path
        Pipes, sockets, devices, and links to folders that were listed before.
    hidden : list of Path
        Files and folders whose name begins with a dot, and hidden files of Windows and macOS: ``Thumbs.db``.
    """

    root: Path
    files: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    unreadable: list[Path] = field(default_factory=list)
    dangling: list[Path] = field(default_factory=list)
    irregular: list[Path] = field(default_factory=list)
    hidden: list[Path] = field(default_factory=list)

    def names(self, files: Sequence[Path]) -> str:
        """Paths of the first five files below the root, joined."""
        return name_some(["/".join(self.below(file)) for file in files])

    def below(self, file: Path) -> tuple[str, ...]:
        """Names of the folders and the file below the root as text, see :func:`text_of`."""
        return tuple(text_of(name) for name in file.parts[len(self.root.parts) :])

    def notes(self, *, hidden: bool = True) -> Iterator[str]:
        """Yield one note per reason with the number and names of entries that are not among the files."""
        for left_out, reason in (
            (self.dangling, "links to nothing (were the data fetched?)"),
            (self.irregular, "pipes, devices or links to listed folders"),
            (self.unreadable, "folders that cannot be read"),
            (self.hidden if hidden else [], "hidden files and folders"),
        ):
            if left_out:
                yield f"left out {len(left_out)} {reason}: {self.names(left_out)}"


def text_of(name: str) -> str:
    r"""Return the name of a file as composed Unicode (NFC); bytes that are not UTF-8 are escaped.

    Examples
    --------
    >>> from img_repr.core.file_tree import text_of
    >>> text_of("cafe\u0301") == "caf\u00e9", text_of("a\udcff")
    (True, 'a\\xff')
    """
    return unicodedata.normalize("NFC", os.fsencode(name).decode(errors="backslashreplace"))


def list_files(root: Path, *, at_most: int | None = None) -> FileTree:
    """List the files below a folder; links to folders are followed, but no folder is listed twice.

    Parameters
    ----------
    root : Path
    at_most : int, optional
        Limits the entries of each folder and the number of folders, top ones first, for a quick inspection.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.core.file_tree import list_files
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "a").mkdir()
    ...     _ = Path(folder, "a", "b.bin").write_bytes(b"b")
    ...     Path(folder, "a", "loop").symlink_to(folder)
    ...     tree = list_files(Path(folder))
    >>> [file.name for file in tree.files], [link.name for link in tree.irregular]
    (['b.bin'], ['loop'])
    """
    tree = FileTree(root)
    waiting = deque([root])
    seen: set[tuple[int, int]] = set()
    while waiting and len(seen) != at_most:
        folder = waiting.popleft()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in seen:
                tree.irregular.append(folder)
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as inside:
                for entry in sorted(islice(inside, at_most), key=lambda entry: entry.name):
                    _sort_in(tree, waiting, entry)
            if folder is not root:
                tree.folders.append(folder)
        except OSError:
            tree.unreadable.append(folder)
    for found in (tree.files, tree.folders, tree.unreadable, tree.dangling, tree.irregular, tree.hidden):
        found.sort(key=lambda file: file.parts)
    return tree


def list_readable(root: str | Path, *, skip_unreadable: bool = False) -> FileTree:
    """List the files below a folder, and check that all folders can be read.

    Parameters
    ----------
    root : str or Path
    skip_unreadable : bool
        Skip folders that cannot be read instead of raising an error; ``notes`` names them.

    Raises
    ------
    DataError
        If the folder does not exist, or a folder cannot be read.
    """
    root = Path(root)
    if not is_folder(root):
        raise DataError(f"{root}: expected a folder, got {'a file' if os.path.lexists(root) else 'nothing there'}")
    tree = list_files(root)
    if tree.unreadable and not skip_unreadable:
        raise DataError(
            f"{tree.unreadable[0]}: expected a folder that can be read, got: "
            f"{_why_unreadable(tree.unreadable[0])}; skip_unreadable=True leaves it out"
        )
    return tree


def _why_unreadable(folder: Path) -> str:
    try:
        os.scandir(folder).close()
    except OSError as error:
        return str(error.strerror)
    return "an error while it was listed"


def is_file(path: Path) -> bool:
    """Whether a path is a regular file or a link to one; never raises and opens nothing."""
    return _has_mode(path, stat.S_ISREG)


def is_folder(path: Path) -> bool:
    """Whether a path is a folder or a link to one; never raises."""
    return _has_mode(path, stat.S_ISDIR)


def _has_mode(path: Path, of_kind: Callable[[int], bool]) -> bool:
    try:
        return of_kind(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def names_in(folder: Path) -> list[str]:
    """Sorted names of the first entries of a folder that are not hidden; empty if it cannot be read.

    Examples
    --------
    >>> from pathlib import Path
    >>> from img_repr.core.file_tree import names_in
    >>> names_in(Path("nowhere"))
    []
    """
    try:
        with os.scandir(folder) as inside:
            return sorted(entry.name for entry in islice(inside, _LOOK_AT) if not entry.name.startswith("."))
    except (OSError, ValueError):
        return []


def check_regular(path: Path) -> None:
    """Check that a path is a regular file or a folder; links are followed.

    Reading a FIFO would block forever. Inside folders, loaders skip other kinds of files with a note.

    Raises
    ------
    DataError
        If it is anything else.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.core.file_tree import check_regular
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     check_regular(Path(folder))
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        raise DataError(f"{path}: expected a regular file or a folder, got {kind}; save the data to a file first")


def size_of(path: Path, expected: str) -> int:
    """Size of a regular file in bytes; nothing is opened, so a FIFO cannot block.

    Parameters
    ----------
    path : Path
    expected : str
        Kind of file, for the message: ``"a sound file"``.

    Raises
    ------
    DataError
        If the file does not exist, or is a folder, a pipe or a device.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: expected {expected} that can be read, got: {said}") from None
    if not stat.S_ISREG(status.st_mode):
        found = os.strerror(errno.EISDIR) if stat.S_ISDIR(status.st_mode) else "a pipe or a device"
        raise DataError(f"{path}: expected {expected} that can be read, got: {found}")
    return status.st_size


def _sort_in(tree: FileTree, waiting: deque[Path], entry: os.DirEntry[str]) -> None:
    path = Path(entry.path)
    if entry.name.startswith(".") or entry.name.lower() in _HIDDEN:
        tree.hidden.append(path)
        return
    try:
        mode = entry.stat().st_mode
    except OSError as error:
        (tree.dangling if entry.is_symlink() and error.errno in _NOWHERE else tree.files).append(path)
        return
    if stat.S_ISDIR(mode):
        waiting.append(path)
    else:
        (tree.files if stat.S_ISREG(mode) else tree.irregular).append(path)


def name_some(names: Sequence[str]) -> str:
    """Join the first five names.

    Examples
    --------
    >>> from img_repr.core.file_tree import name_some
    >>> name_some(["a", "b"]), name_some(list("abcdefg"))
    ('a, b', 'a, b, c, d, e, ...')
    """
    return ", ".join(names[:_NAMED]) + ", ..." * (len(names) > _NAMED)
