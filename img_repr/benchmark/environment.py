"""What a result was computed on: versions, device, threads, source, peak of memory."""

import contextlib
import functools
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = ("img-repr", "torch", "torchvision", "numpy", "scipy", "scikit-learn", "pyts", "librosa")


def describe_environment() -> dict[str, Any]:
    """Versions, device, cores, threads, platform and the commit of the source, as JSON values."""
    import torch

    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None  # type: ignore[assignment]
    cuda = torch.cuda.is_available()
    return {
        "versions": versions,
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "platform": f"{platform.system()} {platform.machine()}",
        **describe_source(),
    }


@functools.cache
def describe_source() -> dict[str, Any]:
    """Commit of the checkout that the package runs from, and whether it was changed since; else both None."""
    here = Path(__file__).resolve().parent

    def git(*words: str) -> str | None:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(
                ["git", "-C", str(here), *words], capture_output=True, text=True, timeout=10, check=True
            )
            return done.stdout.strip()
        return None

    if not (here.parents[1] / ".git").exists():  # installed into somebody else's repository, perhaps
        return {"git_commit": None, "git_dirty": None}
    commit, changes = git("rev-parse", "HEAD"), git("status", "--porcelain")
    return {"git_commit": commit, "git_dirty": None if changes is None else bool(changes)}


class PeakMemory:
    """Peak of resident memory while the block runs, in MB.

    Linux can forget the process's earlier peak; elsewhere the peak since the start is given and ``of_block``
    is False.

    Examples
    --------
    >>> with PeakMemory() as memory:
    ...     block = bytearray(1 << 20)
    >>> memory.peak_mb > 1
    True
    """

    def __init__(self) -> None:
        self.peak_mb = 0.0
        self.of_block = False

    def __enter__(self) -> "PeakMemory":
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
            self.of_block = True
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError, StopIteration):
            lines = Path("/proc/self/status").read_text().splitlines()
            self.peak_mb = int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
            return
        with contextlib.suppress(ImportError):  # Windows has no such module
            import resource

            unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
            self.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
