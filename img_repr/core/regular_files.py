"""Regular files and folders: any other path (FIFO, socket, device) is refused before it is opened."""

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
    """Check that a path is a regular file or a folder; links are followed.

    Reading a FIFO would wait forever. Loaders count and name those inside of a folder.

    Raises
    ------
    DataError
        If it is anything else.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.core.regular_files import check_regular
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     check_regular(Path(folder))
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        raise DataError(f"{path}: expected a regular file or a folder, got {kind}; save the data to a file first")
