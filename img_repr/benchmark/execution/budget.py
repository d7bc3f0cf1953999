"""Budget: how long runs are expected to take, and which of them fit into the hours that are left."""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from img_repr.benchmark.contender import CnnContender, Contender
from img_repr.benchmark.execution.run import Run
from img_repr.benchmark.execution.status import Count
from img_repr.benchmark.result import Record, read_records

_LEARNERS = ("majority", "1nn", "ridge", "logistic", "logistic_unscaled", "extra_trees", "gradient_boosting", "1nn_dtw")
"""From cheap to expensive, as measured on the data sets of the archive."""


class Budget:
    """Times of finished runs, and which further runs fit into the hours that are left.

    A run is expected to take the mean time of the same contender on the same data set, else on other data sets. A run
    of a contender without any time is started.

    Parameters
    ----------
    hours : float or None
        Hours from now on; None: unlimited.
    records : iterable of Record
        Runs that finished before.
    """

    def __init__(self, hours: float | None, records: Iterable[Record]) -> None:
        self._ends = None if hours is None else time.monotonic() + 3600.0 * hours
        self._took: dict[tuple[str, ...], list[float]] = defaultdict(list)
        for record in records:
            self.note(record.result)

    def note(self, result: dict[str, Any]) -> None:
        """Add the time of a finished run."""
        for kind in ((result["contender"], result["dataset"]), (result["contender"],)):
            self._took[kind].append(float(result.get("total_s") or 0.0))

    def expected_s(self, run: Run) -> float | None:
        """Return the expected seconds of a run; None if no run of its contender has finished."""
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


def estimate(runs: Sequence[Run], runs_folder: Path) -> list[Count]:
    """Count the planned runs that a folder holds, and estimate the time of the others."""
    found = {record.key: record for record in read_records(runs_folder)[0]}
    budget = Budget(None, [found[run.key] for run in runs if run.key in found])
    counts: dict[tuple[str, str], Count] = {}
    for run in runs:
        names = run.dataset.name, run.contender.name
        count = counts.setdefault(names, Count(*names))
        count.add(found.get(run.key))
        if run.key not in found:
            expected_s = budget.expected_s(run)
            count.unknown += expected_s is None
            count.expected_s += expected_s or 0.0
    return list(counts.values())


def cheapest_pair_first(contenders: Sequence[Contender]) -> list[Contender]:
    """Move the cheapest table and the cheapest image to the front; the others keep their order.

    The table comes first: it takes seconds, and an image that starts late still gives a verdict.

    Examples
    --------
    >>> from img_repr.benchmark.contender import Contender
    >>> from img_repr.benchmark.execution.budget import cheapest_pair_first
    >>> declared = ["cnn:recurrence|gadf", "cnn:gadf+mtf", "majority", "table:raw:1nn_dtw", "table:raw:1nn"]
    >>> [one.name for one in cheapest_pair_first([Contender.parse(text) for text in declared])][:2]
    ['1nn on raw', 'CNN on gadf+mtf']
    """
    front = []
    for role in ("table", "image"):
        fitting = [one for one in contenders if one.role == role]
        if fitting:
            front.append(min(fitting, key=_cost))  # the first declared of equals
    return [*front, *(one for one in contenders if not any(one is other for other in front))]


def _cost(contender: Contender) -> tuple[int, ...]:
    """Order contenders of one role: heads and learners, then networks, then composites."""
    if contender.members:
        return (2, len(contender.members))
    networks = len(contender.encoders())
    channels = sum(encoder.name.count("+") + 1 for encoder in contender.encoders())
    if isinstance(contender, CnnContender):
        values = contender.hyperparameters
        pretrained = values["weights"] is not None or values["backbone"] != "small"
        return (1, int(pretrained), networks * values["n_members"], channels, values["epochs"])
    learner = getattr(contender, "learner", None)
    rank = _LEARNERS.index(learner) if learner in _LEARNERS else len(_LEARNERS)
    return (0, rank, networks, channels)
