"""Machine: the cores and the memory that this process may use, not those that are there."""

from pathlib import Path

from img_repr.core.memory import free_memory

_GB = 1e9


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
    return free_memory(root) / _GB
