"""Budget: hours that a sweep may take, and what a run is expected to take of them."""

import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from img_repr.benchmark.execution.run import Run
from img_repr.benchmark.result import Record


class Budget:
    """What runs took, and which fit into the hours that are left.

    A run is expected to take the mean of what the same contender took on the same data set, else of what it
    took on others; one of which nothing is known is begun.

    Parameters
    ----------
    hours : float or None
        From now on; None: as many as it takes.
    records : iterable of Record
        Runs that were run before.
    """

    def __init__(self, hours: float | None, records: Iterable[Record]) -> None:
        self._ends = None if hours is None else time.monotonic() + 3600.0 * hours
        self._took: dict[tuple[str, ...], list[float]] = defaultdict(list)
        for record in records:
            self.note(record.result)

    def note(self, result: dict[str, Any]) -> None:
        """Learn from a run that was run."""
        for kind in ((result["contender"], result["dataset"]), (result["contender"],)):
            self._took[kind].append(float(result.get("total_s") or 0.0))

    def expected_s(self, run: Run) -> float | None:
        """Seconds that a run is expected to take; None if nothing is known of its contender."""
        name = run.contender.name
        took = self._took.get((name, run.dataset.name)) or self._took.get((name,))
        return sum(took) / len(took) if took else None

    @property
    def is_spent(self) -> bool:
        """Whether no time is left for any run."""
        return self._ends is not None and time.monotonic() > self._ends

    def fits(self, run: Run) -> bool:
        """Whether the run is expected to end in time."""
        return self._ends is None or time.monotonic() + (self.expected_s(run) or 0.0) <= self._ends
