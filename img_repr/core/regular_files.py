"""Regular files and folders: any other path (FIFO, socket, device) is refused before it is opened."""

import os
import stat
from pathlib import Path

from img_repr.core.errors import DataError

_KINDS = {
    stat.S_IFIFO: "a FIFO (a named pipe)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def check_regular(path: Path) -> None:
    """Check that a path, and everything within it if it is a folder, is a regular file or a folder.

    Reading a FIFO would wait forever. Links are followed; hidden entries, dangling links and folders without
    permission are left to the loaders.

    Raises
    ------
    DataError
        With the first path that is anything else.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.core.regular_files import check_regular
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     check_regular(Path(folder))
    """
    mode = path.stat().st_mode
    if stat.S_ISREG(mode):
        return
    if not stat.S_ISDIR(mode):
        raise DataError(
            f"{path}: expected a regular file or a folder, got {_kind(mode)}; save the data to a file first"
        )
    pending, seen = [os.fspath(path)], set()
    while pending:
        folder = pending.pop()
        try:
            found = os.stat(folder)  # noqa: PTH116
            if (found.st_dev, found.st_ino) in seen:  # a link to a folder above
                continue
            seen.add((found.st_dev, found.st_ino))
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or entry.is_file():
                        continue
                    if entry.is_dir():
                        pending.append(entry.path)
                    elif not _is_dangling(entry):
                        raise DataError(
                            f"{entry.path}: expected regular files and folders in {path}, "
                            f"got {_kind(entry.stat().st_mode)}; move it elsewhere"
                        )
        except OSError:
            continue


def _is_dangling(entry: "os.DirEntry[str]") -> bool:
    return entry.is_symlink() and not os.path.exists(entry.path)  # noqa: PTH110


def _kind(mode: int) -> str:
    return _KINDS.get(stat.S_IFMT(mode), "something else")
