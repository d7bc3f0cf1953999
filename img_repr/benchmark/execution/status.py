"""Status: the progress of a benchmark, counted from the files on disk; imports no torch, to be fast."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from img_repr.benchmark.execution.claims import claimed_runs
from img_repr.benchmark.result import KEY_LENGTH, Record, read_plans, read_records


@dataclass
class Count:
    """Runs of one contender on one data set.

    Parameters
    ----------
    dataset, contender : str
        Names.
    planned, done : int
        Planned runs; runs with scores.
    failed : Counter
        Failures by the class of their error.
    expected_s : float
        Expected seconds of the missing runs, as far as they can be estimated.
    unknown : int
        Missing runs without an estimate.
    """

    dataset: str
    contender: str
    planned: int = 0
    done: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    expected_s: float = 0.0
    unknown: int = 0

    @property
    def missing(self) -> int:
        """Planned runs without a record."""
        return self.planned - self.done - self.failed.total()

    @property
    def numbers(self) -> tuple[str, str, str, str]:
        """Planned, done, failed, missing: as a table shows them."""
        return str(self.planned), str(self.done), str(self.failed.total()), str(self.missing)

    def add(self, record: Record | None) -> None:
        """Count a planned run."""
        self.planned += 1
        if record is not None and record.good:
            self.done += 1
        elif record is not None:
            self.failed[str(record.result["error"].get("class"))] += 1


@dataclass(frozen=True)
class Status:
    """Progress of the plans in a folder of runs.

    Parameters
    ----------
    counts : list of Count
        In the order of the plans.
    running : list of dict
        Runs that living processes have claimed: ``key``, ``dataset``, ``contender``, ``split_number``, ``seed`` and
        ``started``.
    left_out : list of str
        Records and plans that cannot be used, with the reason.
    unplanned : int
        Records that belong to no plan.
    """

    counts: list[Count]
    running: list[dict[str, Any]]
    left_out: list[str]
    unplanned: int


def read_status(runs_folder: Path) -> Status:
    """Count the planned runs in a folder by their state; without a plan, count its records."""
    records, left_out = read_records(runs_folder)
    found = {record.key[:KEY_LENGTH]: record for record in records}
    plans, unreadable = read_plans(runs_folder)
    left_out += unreadable
    planned = {entry["key"]: entry for plan in plans for entry in plan["runs"]}
    runs = planned or {key: record.result for key, record in found.items()}
    counts: dict[tuple[str, str], Count] = {}
    for key, entry in runs.items():
        names = str(entry["dataset"]), str(entry["contender"])
        counts.setdefault(names, Count(*names)).add(found.get(key))
    return Status(list(counts.values()), claimed_runs(runs_folder), left_out, len(found.keys() - runs.keys()))
