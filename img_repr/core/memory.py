"""Memory: how much this process can still take, and the check before a large allocation."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from img_repr.core.errors import ImgReprError, ParameterError

_SMALL = 1 << 27  # bytes; below, nothing is looked up
_FILES = (("memory.max", "memory.current", "inactive_file"),  # cgroup 2, then 1: limit, used, of that only cached
          ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"))  # fmt: skip


def free_memory(root: Path = Path("/")) -> int:
    """Bytes that could be taken now: the least of what the machine, a container or job, and this process have left.

    Parameters
    ----------
    root : Path
        Where ``proc`` and ``sys`` are.

    Examples
    --------
    >>> from img_repr.core.memory import free_memory
    >>> free_memory() > 0
    True
    """
    import psutil

    return max(0, int(min([psutil.virtual_memory().available, *_left_in_groups(root), *_left_in_process()])))


def check_memory(
    caller: str, needed: int, purpose: str, *, remedy: str = "", error: type[ImgReprError] = ParameterError
) -> None:
    """Refuse work that needs more memory than there is, before any is taken.

    Parameters
    ----------
    caller : str
        The name at the beginning of the message.
    needed : int
        Bytes.
    purpose : str
        What they hold, ``"100 images of shape (1, 64, 64)"``.
    remedy : str
        What makes it less.
    error : type
        Class of the error.

    Raises
    ------
    ImgReprError
        If more bytes are needed than are free.

    Examples
    --------
    >>> from img_repr.core.memory import check_memory
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
            f"{caller}: expected at most {free / 1e9:.1f} GB of memory, got {needed / 1e9:.1f} GB for {purpose}"
            f"{way_out}"
        )


def _left_in_process() -> Iterator[int]:
    """Bytes that the process's own limit of address space leaves (``ulimit -v``)."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        import psutil

        yield limit - int(psutil.Process().memory_info().vms)


def _left_in_groups(root: Path) -> Iterator[int]:
    """Bytes that each control group has left that this process is in."""
    mount = root / "sys" / "fs" / "cgroup"
    lines: list[str] = []
    with contextlib.suppress(OSError):
        lines = (root / "proc" / "self" / "cgroup").read_text().splitlines()
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        top = mount / controllers
        for folder in (here := top / place.strip("/"), *here.parents):
            for limit, used, cached in _FILES:
                with contextlib.suppress(OSError, ValueError):  # "max": no limit
                    left = int((folder / limit).read_text()) - int((folder / used).read_text())
                    stat = dict(pair.split() for pair in (folder / "memory.stat").read_text().splitlines())
                    yield left + int(stat.get(cached, 0))
            if folder == top:
                break
