"""Atomic writes: files and folders appear whole or not at all, and what crashed processes left behind is removed.

Everything is written under a temporary path first, ``.<name>-<process space>-<process>-<random>`` in the folder of the
final path, and then renamed.
"""

import functools
import os
import platform
import re
import shutil
import tempfile
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from img_repr.core.errors import DataError

_NAME = re.compile(r"\..+-(?P<space>[0-9a-f]{8})-(?P<process>\d{1,9})-[0-9a-f]{8}")
_MOST_CHARACTERS = 40  # of the final name: file systems allow 255 bytes in all
_ABANDONED_S = 86400.0  # since the last write; no single file takes that long
_WORK = "work"
_WORK_ABANDONED_S = 7 * 86400.0  # of a work folder; no work goes a week without a new file


def temporary_path(target: Path) -> Path:
    """Return an unused path in the folder of ``target``, to write to before it is renamed."""
    name = target.name[:_MOST_CHARACTERS]
    return target.with_name(f".{name}-{process_space()}-{os.getpid()}-{uuid.uuid4().hex[:8]}")


@contextmanager
def atomic_file(path: Path, *, flush: bool = False) -> Iterator[Path]:
    """Yield a temporary path that replaces ``path`` when the block succeeds and is removed when it fails.

    The folder of the file is made if needed.

    Parameters
    ----------
    path : Path
    flush : bool
        Flush the file to the disk before it is renamed, so that a full disk is noticed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.core.atomic import atomic_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_file(Path(folder, "note.txt")) as temporary:
    ...         _ = temporary.write_text("done")
    ...     [(path.name, path.read_text()) for path in Path(folder).iterdir()]
    [('note.txt', 'done')]
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(path)
    try:
        yield temporary
        if flush:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(folder: str | Path, *, replaces: str = "") -> Iterator[Path]:
    """Yield an empty folder that is renamed to ``folder`` when the block succeeds and removed when it fails.

    Parameters
    ----------
    folder : str or Path
    replaces : str
        As in :func:`check_new_folder`.

    Raises
    ------
    DataError
        As in :func:`check_new_folder`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.core.atomic import atomic_folder
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     with atomic_folder(Path(parent, "a", "b")) as folder:
    ...         _ = Path(folder, "note").write_text("done")
    ...     Path(parent, "a", "b", "note").read_text()
    'done'
    """
    target = Path(folder)
    existing = check_new_folder(target, replaces=replaces)
    work = temporary_path(existing / target.name)
    new, old = work / "new", work / "old"
    try:
        new.mkdir(parents=True)
        yield new
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            if target.exists():
                target.rename(old)
            new.rename(target)
        except BaseException:  # an interruption too: the old folder must not be lost
            if old.exists() and not target.exists():
                old.rename(target)
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def work_folder(parent: Path) -> Iterator[Path]:
    """Yield an empty hidden folder in ``parent``, for files that are renamed into ``parent`` once they are complete.

    The folder is removed when the block ends. Work folders left by crashed processes of this machine are removed
    first; those of other machines, whose processes cannot be checked, after a week.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.core.atomic import work_folder
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     with work_folder(Path(parent)) as work:
    ...         _ = Path(work, "half").write_text("whole")
    ...         _ = Path(work, "half").rename(Path(parent, "whole"))
    ...     [path.name for path in Path(parent).iterdir()]
    ['whole']
    """
    for path in parent.glob(f".{_WORK}-*"):
        if _NAME.fullmatch(path.name) and not may_be_in_use(
            path, silent_s=_WORK_ABANDONED_S, local_silent_s=_WORK_ABANDONED_S
        ):
            shutil.rmtree(path, ignore_errors=True)
    folder = temporary_path(parent / _WORK)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(folder: Path) -> None:
    """Remove temporary files and folders left behind by crashed processes; call it before any write begins."""
    for path in folder.glob(".*"):
        found = _NAME.fullmatch(path.name)
        # our own process number belonged to another process, in a container that was restarted
        ours = found is not None and (found["space"], found["process"]) == (process_space(), str(os.getpid()))
        if found and (ours or not may_be_in_use(path)):
            with suppress(OSError):  # another process removes it too
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def may_be_in_use(path: Path, *, silent_s: float = _ABANDONED_S, local_silent_s: float = _ABANDONED_S) -> bool:
    """Whether the process that made a temporary path may still be writing there.

    Parameters
    ----------
    path : Path
    silent_s : float
        Seconds without a write after which a process of another machine or container, which cannot be checked, counts
        as ended.
    local_silent_s : float
        The same for a running process of this machine: by then its number belongs to another process.
    """
    found = _NAME.fullmatch(path.name)
    if not found:
        return False
    is_local = found["space"] == process_space() and os.name == "posix"
    with suppress(FileNotFoundError):
        silent = time.time() - path.stat().st_mtime
        return is_alive(int(found["process"])) and silent < local_silent_s if is_local else silent < silent_s
    return False


def check_new_folder(folder: str | Path, *, replaces: str = "") -> Path:
    """Check that a new folder can be written at a path.

    Parameters
    ----------
    folder : str or Path
        Must not exist, or be empty.
    replaces : str
        Name of a file that marks a folder that may be replaced.

    Returns
    -------
    Path
        The nearest parent folder that exists.

    Raises
    ------
    DataError
        If the path is a file or a folder with other content, or cannot be written to.
    """
    target = Path(folder)
    try:
        target.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:  # a name too long, or with a zero byte
        said = getattr(error, "strerror", None) or error
        raise DataError(f"{target!s:.200}: expected a path for a folder, got: {said}") from None
    if target.is_dir():
        if any(target.iterdir()) and not (replaces and (target / replaces).is_file()):
            raise DataError(f"{target}: expected a new or empty folder to write into, got a folder with content")
    elif target.exists():
        raise DataError(f"{target}: expected a new or empty folder to write into, got a file")
    existing = next(parent for parent in target.absolute().parents if parent.exists())
    if not existing.is_dir():
        raise DataError(f"{target}: expected a path for a folder, got one below {existing}, which is a file")
    try:
        tempfile.TemporaryDirectory(dir=existing).cleanup()  # permissions are not enough: a disk may be read-only
    except OSError as error:
        raise DataError(f"{target}: expected a path that can be written, got {existing}: {error.strerror}") from None
    return existing


@functools.cache
def process_space() -> str:
    """Eight hexadecimal digits that identify the machine or container within which process numbers are unique.

    Folders may be shared between machines and containers of the same name; process numbers are not.
    """
    known = [platform.node()]
    with suppress(OSError):  # Linux only; elsewhere the name has to do
        known += [Path("/proc/sys/kernel/random/boot_id").read_text("ascii"), str(Path("/proc/self/ns/pid").readlink())]
    return f"{zlib.crc32(' '.join(known).encode()):08x}"


def is_alive(process: int) -> bool:
    """Whether a process of that number runs on this machine or in this container; True if it cannot be checked."""
    if os.name != "posix":  # elsewhere os.kill would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
