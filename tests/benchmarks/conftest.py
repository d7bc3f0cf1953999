"""What every benchmark measures with: CPU times of two works in turn, and a line for the reader."""

import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest

collect_ignore = ["fastai_peer.py", "bulk_job.py"]  # are run by processes of their own


@pytest.fixture(autouse=True)
def _quiet() -> None:
    warnings.simplefilter("ignore")


def _cpu_seconds(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


@pytest.fixture
def ratio() -> Callable[..., float]:
    def temporary_path(theirs: Callable[[], Any], ours: Callable[[], Any], *, rounds: int = 5) -> float:
        """How many times as fast ours is: best of each, in turn, after one round that does not count."""
        ours()
        pairs = [(_cpu_seconds(theirs), _cpu_seconds(ours)) for _ in range(rounds)]
        return min(pair[0] for pair in pairs) / min(pair[1] for pair in pairs)

    return temporary_path


@pytest.fixture
def say(record_property: Callable[[str, Any], None]) -> Callable[..., None]:
    def tell(what: str, value: float, unit: str, bar: float) -> None:
        record_property(what, value)
        print(f"\n  {what:<58} {value:8.1f} {unit}  (bar {bar:g})", end="")

    return tell
