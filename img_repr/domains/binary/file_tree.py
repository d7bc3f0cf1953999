"""Files below a folder, found in bounded time whatever lies there: loops of links, pipes, what may not be read."""

import errno
import os
import stat
from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

ODD = "pipes, devices or links to nothing or to folders that were listed before"
"""What a note calls the ``odd`` of a tree."""

_NAMED = 5
_NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


@dataclass
class FileTree:
    """What lies below a folder.

    Parameters
    ----------
    root : Path
    files : list of Path
        Plain files that are not hidden, sorted by their names from the root down; also what cannot be looked at, whose
        reading is to fail by name.
    unreadable : list of Path
        Folders that cannot be listed.
    odd : list of Path
        What holds no data of its own: pipes, sockets, devices, links to folders that were listed before or to nothing.
    """

    root: Path
    files: list[Path] = field(default_factory=list)
    unreadable: list[Path] = field(default_factory=list)
    odd: list[Path] = field(default_factory=list)

    def names(self, files: list[Path]) -> str:
        """Name the first few of some files below the root."""
        return name_some(["/".join(self.below(file)) for file in files])

    def below(self, file: Path) -> tuple[str, ...]:
        """Give the names of folders and file below the root; what is no UTF-8 in them is spelt out."""
        return tuple(os.fsencode(name).decode(errors="backslashreplace") for name in file.relative_to(self.root).parts)


def list_files(root: Path, *, at_most: int | None = None) -> FileTree:
    """List the files below a folder; links to folders are followed, but no folder is listed twice.

    Parameters
    ----------
    root : Path
    at_most : int, optional
        For a short look: so many entries of each folder and so many folders, those higher up first.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.domains.binary.file_tree import list_files
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "a").mkdir()
    ...     _ = Path(folder, "a", "b.bin").write_bytes(b"b")
    ...     Path(folder, "a", "loop").symlink_to(folder)
    ...     tree = list_files(Path(folder))
    >>> [file.name for file in tree.files], [link.name for link in tree.odd]
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
                tree.odd.append(folder)
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as inside:
                for entry in sorted(islice(inside, at_most), key=lambda entry: entry.name):
                    if not entry.name.startswith("."):
                        _place(tree, waiting, entry)
        except OSError:
            tree.unreadable.append(folder)
    for found in (tree.files, tree.unreadable, tree.odd):
        found.sort(key=lambda file: file.parts)
    return tree


def _place(tree: FileTree, waiting: deque[Path], entry: os.DirEntry[str]) -> None:
    path = Path(entry.path)
    try:
        mode = entry.stat().st_mode
    except OSError as error:
        (tree.odd if entry.is_symlink() and error.errno in _NOWHERE else tree.files).append(path)
        return
    if stat.S_ISDIR(mode):
        waiting.append(path)
    else:
        (tree.files if stat.S_ISREG(mode) else tree.odd).append(path)


def name_some(names: list[str]) -> str:
    """Join the first few of some names.

    Examples
    --------
    >>> name_some(["a", "b"]), name_some(list("abcdefg"))
    ('a, b', 'a, b, c, d, e, ...')
    """
    return ", ".join(names[:_NAMED]) + ", ..." * (len(names) > _NAMED)
