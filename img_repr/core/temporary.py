"""Temporary paths: where a file or folder is written before it is renamed, and those that killed processes left.

The name is ``.<name>-<space of processes>-<process>-<random>``, in the folder of the final one.
"""

import os
import re
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path

from img_repr.core.places import is_alive, process_space

_NAME = re.compile(r"\..+-(?P<space>[0-9a-f]{8})-(?P<process>\d{1,9})-[0-9a-f]{8}")
_MOST_LETTERS = 40  # of the final name: file systems allow 255 bytes in all
_ABANDONED_S = 86400.0  # of what was being written: none takes that long


def temporary_path(target: Path) -> Path:
    """Return a free path in the folder of a file or folder, to write it there before it is renamed."""
    name = target.name[:_MOST_LETTERS]
    return target.with_name(f".{name}-{process_space()}-{os.getpid()}-{uuid.uuid4().hex[:8]}")


def remove_abandoned(folder: Path) -> None:
    """Remove what processes that were killed while they wrote have left; to be called before anything is begun."""
    for path in folder.glob(".*"):
        found = _NAME.fullmatch(path.name)
        # of our own number is what another process of it has left, in a container that was begun again
        ours = found is not None and (found["space"], found["process"]) == (process_space(), str(os.getpid()))
        if found and (ours or not is_of_the_living(path)):
            with suppress(OSError):  # another process removes it too
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def is_of_the_living(path: Path, *, silent_s: float = _ABANDONED_S) -> bool:
    """Whether the process that wrote under such a name may still be at work.

    One of another machine or container cannot be asked: it is, unless it has not written for ``silent_s`` seconds. One
    that has not written for a day is another of the same number.
    """
    found = _NAME.fullmatch(path.name)
    if not found:
        return False
    asked = found["space"] == process_space() and os.name == "posix"
    with suppress(FileNotFoundError):
        silent = time.time() - path.stat().st_mtime
        return is_alive(int(found["process"])) and silent < _ABANDONED_S if asked else silent < silent_s
    return False
