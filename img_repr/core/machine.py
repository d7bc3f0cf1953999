"""Machine: the cores and the memory that this process may use, not those that are there."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from img_repr.core.errors import DataError, ImgReprError

_GB = 1e9
_ALWAYS = 64 << 20  # bytes that are taken without a question: the answer costs more
_FILES = (("memory.max", "memory.current", "inactive_file"),  # cgroup 2, then 1: limit, used, of that only cached
          ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"))  # fmt: skip


def usable_cores() -> int:
    """Count the cores that this process may use: its affinity, its container's quota and the machine's number."""
    import joblib

    return int(joblib.cpu_count())


def free_memory_gb(root: Path = Path("/")) -> float:
    """Memory that could be taken now, in GB of 1e9 bytes: what the machine has left, and what a container or job has.

    Parameters
    ----------
    root : Path
        Where ``proc`` and ``sys`` are.

    Examples
    --------
    >>> free_memory_gb() > 0
    True
    """
    import psutil

    return float(min([psutil.virtual_memory().available, *_left_in_groups(root)])) / _GB


def check_memory(caller: str, needed: int, *, error: type[ImgReprError] = DataError) -> None:
    """Refuse to take more memory than is free.

    Parameters
    ----------
    caller : str
        Who asks, for the message.
    needed : int
        Bytes.
    error : type
        Raised if they are not free.

    Examples
    --------
    >>> check_memory("doc", 1 << 60)
    Traceback (most recent call last):
    ...
    img_repr.core.errors.DataError: doc: expected what fits into free memory, ... GB, got 1,152,921,504.6 GB
    """
    if needed > _ALWAYS and needed > (free := _GB * free_memory_gb()):
        raise error(f"{caller}: expected what fits into free memory, {free / _GB:,.1f} GB, got {needed / _GB:,.1f} GB")


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
