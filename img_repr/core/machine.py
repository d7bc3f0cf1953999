"""Machine: the cores, the memory and the cache folder that this process may use."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from img_repr.core.errors import DataError, ImgReprError, ParameterError

_SMALL = 1 << 27  # bytes; below, free memory is not looked up
_GB = 1e9
_FILES = (("memory.max", "memory.current", "inactive_file"),  # cgroup 2, then 1: limit, used, reclaimable cache
          ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"))  # fmt: skip


def usable_cores() -> int:
    """Return the number of cores that this process may use, by its affinity, its container's quota and the machine."""
    import joblib

    return int(joblib.cpu_count())


def free_memory(root: Path = Path("/")) -> int:
    """Bytes that can be allocated now: the least of what the machine, a container or job, and this process have left.

    Parameters
    ----------
    root : Path
        Folder of ``proc`` and ``sys``.

    Examples
    --------
    >>> from img_repr.core.machine import free_memory
    >>> free_memory() > 0
    True
    """
    import psutil

    return max(0, int(min([psutil.virtual_memory().available, *_left_in_groups(root), *_left_in_process()])))


def free_memory_gb(root: Path = Path("/")) -> float:
    """Return :func:`free_memory` in GB of 1e9 bytes.

    Examples
    --------
    >>> free_memory_gb() > 0
    True
    """
    return free_memory(root) / _GB


def check_memory(
    caller: str, needed: int, purpose: str, *, remedy: str = "", error: type[ImgReprError] = ParameterError
) -> None:
    """Refuse work that needs more memory than is free, before any is allocated.

    Parameters
    ----------
    caller : str
        First word of the message.
    needed : int
        Bytes.
    purpose : str
        Content of the memory, ``"100 images of shape (1, 64, 64)"``.
    remedy : str
        Change that reduces the need.
    error : type
        Class of the error.

    Raises
    ------
    ImgReprError
        If more bytes are needed than are free.

    Examples
    --------
    >>> from img_repr.core.machine import check_memory
    >>> check_memory("doc", 10**18, "a billion images", remedy="a smaller size=")
    Traceback (most recent call last):
    ...
    img_repr.core.errors.ParameterError: doc: expected at most ... GB of memory, got 1000000000.0 GB for a billion
    images; a smaller size= needs less
    """
    if needed <= _SMALL:
        return
    free = free_memory()
    if needed > free:
        way_out = f"; {remedy} needs less" if remedy else ""
        raise error(
            f"{caller}: expected at most {free / _GB:.1f} GB of memory, got {needed / _GB:.1f} GB for {purpose}"
            f"{way_out}"
        )


def _left_in_process() -> Iterator[int]:
    """Bytes left under the process's own limit of address space (``ulimit -v``)."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        import psutil

        yield limit - int(psutil.Process().memory_info().vms)


def _left_in_groups(root: Path) -> Iterator[int]:
    """Bytes left in each control group of this process."""
    mount = root / "sys" / "fs" / "cgroup"
    lines: list[str] = []
    with contextlib.suppress(OSError):
        lines = (root / "proc" / "self" / "cgroup").read_text().splitlines()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        top = mount / controllers
        for folder in (here := top / path.strip("/"), *here.parents):
            for limit, used, cached in _FILES:
                with contextlib.suppress(OSError, ValueError):  # "max": no limit
                    left = int((folder / limit).read_text()) - int((folder / used).read_text())
                    stat = dict(pair.split() for pair in (folder / "memory.stat").read_text().splitlines())
                    yield left + int(stat.get(cached, 0))
            if folder == top:
                break


def cache_folder(kind: str) -> Path:
    """Return the folder of one kind of cached files, which may be deleted at any time; it need not exist.

    It lies in the folder named by ``IMG_REPR_CACHE``, else in ``img_repr`` in the user's cache folder:
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
        If ``IMG_REPR_CACHE`` is not set and the user has no home.

    Examples
    --------
    >>> from img_repr.core.machine import cache_folder
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
