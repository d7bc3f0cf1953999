"""Places on disk for results: checked before the work is done, written as one step after it; and for caches."""

import functools
import os
import platform
import re
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from img_repr.core.errors import DataError

_ABANDONED_S = 7 * 24 * 3600  # of work that nobody can be asked about: none goes a week without a new file


def check_place(folder: str | Path, *, replaces: str = "") -> Path:
    """Check that a new folder can be written at a place.

    Parameters
    ----------
    folder : str or Path
        Must not exist, or be empty.
    replaces : str
        Name of a file that marks a folder that may be replaced.

    Returns
    -------
    Path
        The nearest folder above it that exists.

    Raises
    ------
    DataError
        If there is a file, or a folder that holds something else, or nothing can be written there.
    """
    target = Path(folder)
    try:
        target.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:  # a name too long, or with a zero byte
        said = getattr(error, "strerror", None) or error
        raise DataError(f"{target!s:.200}: expected a place for a folder, got: {said}") from None
    if target.is_dir():
        if any(target.iterdir()) and not (replaces and (target / replaces).is_file()):
            raise DataError(f"{target}: expected a new or empty folder to write into, got one that holds something")
    elif target.exists():
        raise DataError(f"{target}: expected a new or empty folder to write into, got a file")
    above = next(place for place in target.absolute().parents if place.exists())
    if not above.is_dir():
        raise DataError(f"{target}: expected a place for a folder, got one below {above}, which is a file")
    try:
        tempfile.TemporaryDirectory(dir=above).cleanup()  # permissions do not tell all: a disk may be read-only
    except OSError as error:
        raise DataError(f"{target}: expected a place that can be written, got {above}: {error.strerror}") from None
    return above


@contextmanager
def written_as_one(folder: str | Path, *, replaces: str = "") -> Iterator[Path]:
    """Give an empty folder to write into; it takes its place when the block ends well, and is gone when not.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.core.places import written_as_one
    >>> with tempfile.TemporaryDirectory() as room:
    ...     with written_as_one(Path(room, "a", "b")) as folder:
    ...         _ = Path(folder, "note").write_text("done")
    ...     Path(room, "a", "b", "note").read_text()
    'done'
    """
    target = Path(folder)
    above = check_place(target, replaces=replaces)
    workshop = Path(tempfile.mkdtemp(prefix=f".{target.name[:40]}-", dir=above))
    temporary_path, old = workshop / "new", workshop / "old"
    try:
        temporary_path.mkdir()
        yield temporary_path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            if target.exists():
                target.rename(old)
            temporary_path.rename(target)
        except BaseException:  # an interruption too: what stood there is not to be lost
            if old.exists() and not target.exists():
                old.rename(target)
            raise
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


@contextmanager
def work_folder(within: Path) -> Iterator[Path]:
    """Give an empty hidden folder of this process within another, for what is written next to and then renamed.

    It is gone when the block ends. Those that killed processes of this machine left are deleted first, and those of
    others, or of this one before it was begun again, after a week; what a living one works in stays.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.core.places import work_folder
    >>> with tempfile.TemporaryDirectory() as room:
    ...     with work_folder(Path(room)) as work:
    ...         _ = Path(work, "half").write_text("whole")
    ...         _ = Path(work, "half").rename(Path(room, "whole"))
    ...     [path.name for path in Path(room).iterdir()]
    ['whole']
    """
    for left in within.glob(".work-*"):
        theirs = re.fullmatch(r"\.work-([0-9a-f]{8})\.(\d+)\..*", left.name)
        if not theirs:
            continue
        with suppress(FileNotFoundError):  # another process removes it too
            silent_s = time.time() - left.stat().st_mtime
            if not is_alive(int(theirs[2])) if theirs[1] == process_space() else silent_s > _ABANDONED_S:
                shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f".work-{process_space()}.{os.getpid()}.", dir=within))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@functools.cache
def process_space() -> str:
    """Eight hexadecimal digits for where the number of a process means the same: this machine, or this container of it.

    Folders are shared between machines and containers, which may bear one name; process numbers are not.
    """
    known = [platform.node()]
    with suppress(OSError):  # elsewhere than on Linux the name has to do
        known += [Path("/proc/sys/kernel/random/boot_id").read_text("ascii"), str(Path("/proc/self/ns/pid").readlink())]
    return f"{zlib.crc32(' '.join(known).encode()):08x}"


def is_alive(process: int) -> bool:
    """Whether a process of that number runs in this space of processes, as far as it can be asked without harm."""
    if os.name != "posix":  # elsewhere the question would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def cache_folder(kind: str) -> Path:
    """Folder of one kind of things that can be made again, and so may be deleted at any time; it need not exist.

    It lies in the folder that ``IMG_REPR_CACHE`` names, else in ``img_repr`` in the user's cache folder:
    ``XDG_CACHE_HOME``, or ``~/.cache``.

    Parameters
    ----------
    kind : str
        Name of the folder, ``"images"`` for example.

    Returns
    -------
    Path

    Raises
    ------
    DataError
        If none is named and the user has no home.

    Examples
    --------
    >>> from img_repr.core.places import cache_folder
    >>> cache_folder("images").name
    'images'
    """
    named, users = os.environ.get("IMG_REPR_CACHE"), os.environ.get("XDG_CACHE_HOME")
    try:
        if named:
            return Path(named).expanduser() / kind
        return Path(users or "~/.cache").expanduser() / "img_repr" / kind
    except RuntimeError:
        raise DataError("cache: expected a folder named by IMG_REPR_CACHE or a home folder, got neither") from None
