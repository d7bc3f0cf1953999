"""Environment of a result: versions, device, threads, source, speed of the machine, peak memory."""

import contextlib
import functools
import os
import platform
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

_PACKAGES = ("img-repr", "torch", "torchvision", "numpy", "scipy", "scikit-learn", "pyts", "librosa")


def describe_environment() -> dict[str, Any]:
    """Return versions, device, cores, threads, platform, commit of the source and calibration, as JSON values."""
    import torch

    cuda = torch.cuda.is_available()
    return {
        "versions": dict(_versions()),
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "platform": f"{platform.system()} {platform.machine()}",
        **describe_source(),
        "calibration_s": calibration_s(),
    }


@functools.cache
def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = None
            found[name] = version(name)
    return found


@functools.cache
def calibration_s() -> float:
    """Return the seconds of a fixed computation on one thread, to compare machines; measured once per process.

    Twenty arrays of 20,000 random numbers are sorted ten times each; the quickest of three repetitions counts. It takes
    a tenth of a second. tsml-eval (Middlehurst et al. 2024) sorts a thousand arrays next to each experiment.
    """
    numbers = np.random.default_rng(0).random((20, 20_000))
    took = []
    for _ in range(3):
        clock = time.perf_counter()
        for row in (*numbers,) * 10:
            np.sort(row)
        took.append(time.perf_counter() - clock)
    return min(took)


@functools.cache
def describe_source() -> dict[str, Any]:
    """Return the commit of the checkout that the package runs from, and whether it has changes; else None for both."""
    here = Path(__file__).resolve().parent

    def git(*words: str) -> str | None:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(
                ["git", "-C", str(here), *words], capture_output=True, text=True, timeout=10, check=True
            )
            return done.stdout.strip()
        return None

    if not (here.parents[1] / ".git").exists():  # the package may be installed inside another repository
        return {"git_commit": None, "git_dirty": None}
    commit, changes = git("rev-parse", "HEAD"), git("status", "--porcelain")
    return {"git_commit": commit, "git_dirty": None if changes is None else bool(changes)}


def _cuda_in_use() -> bool:
    import torch

    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def preserved_random_state() -> Iterator[None]:
    """Restore the global random state of Python, numpy and torch after the block."""
    import torch

    plain, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002 - other code may have seeded it
    devices = range(torch.cuda.device_count()) if _cuda_in_use() else ()
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            random.setstate(plain)
            np.random.set_state(legacy)  # noqa: NPY002


def wait_for_device() -> None:
    """Wait until the CUDA devices have finished their work."""
    import torch

    if _cuda_in_use():
        torch.cuda.synchronize()


class PeakMemory:
    """Peak of resident memory and of CUDA memory while the block runs, in MB.

    Linux can reset the process's peak; elsewhere it is the peak since the start of the process and ``of_block`` is
    False. At the start of the block, memory that torch's allocator caches is released to the devices.

    Attributes
    ----------
    peak_mb : float
    of_block : bool
    gpu_allocated_mb, gpu_reserved_mb : float or None
        Memory of tensors, and memory that the allocator reserved for them, summed over devices. None without a device.

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
        self.gpu_allocated_mb: float | None = None
        self.gpu_reserved_mb: float | None = None

    def __enter__(self) -> "PeakMemory":
        import torch

        if _cuda_in_use():
            torch.cuda.empty_cache()
            for device in range(torch.cuda.device_count()):
                torch.cuda.reset_peak_memory_stats(device)
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
            self.of_block = True
        return self

    def __exit__(self, *_: object) -> None:
        import torch

        if torch.cuda.is_available():
            devices = range(torch.cuda.device_count())
            self.gpu_allocated_mb = sum(torch.cuda.max_memory_allocated(device) for device in devices) / (1 << 20)
            self.gpu_reserved_mb = sum(torch.cuda.max_memory_reserved(device) for device in devices) / (1 << 20)
        with contextlib.suppress(OSError, StopIteration):
            lines = Path("/proc/self/status").read_text().splitlines()
            self.peak_mb = int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
            return
        with contextlib.suppress(ImportError):  # Windows has no such module
            import resource

            unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
            self.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
