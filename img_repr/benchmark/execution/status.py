"""Status: how far a sweep is, counted from what is on disk; imports no torch, to answer at once."""

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
        Runs that were asked for; those with scores.
    failed : Counter
        Failures by the class of their error.
    expected_s : float
        Seconds that the missing ones are expected to take, as far as runs like them were run.
    unknown : int
        Missing runs of which nothing is known.
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
    """What stands in a folder of runs.

    Parameters
    ----------
    counts : list of Count
        In the order of the plans.
    running : list of dict
        Runs that living processes are at: ``key``, ``dataset``, ``contender``, ``split_number``, ``seed`` and
        ``started``.
    left_out : list of str
        Records and plans that cannot be used, and why.
    unplanned : int
        Records that no plan asks for.
    """

    counts: list[Count]
    running: list[dict[str, Any]]
    left_out: list[str]
    unplanned: int


def read_status(runs_folder: Path) -> Status:
    """Count what a folder of runs holds of what its plans ask for; without a plan, what it holds."""
    records, left_out = read_records(runs_folder)
    found = {record.key[:KEY_LENGTH]: record for record in records}
    plans, unreadable = read_plans(runs_folder)
    left_out += unreadable
    asked = {entry["key"]: entry for plan in plans for entry in plan["runs"]}
    runs = asked or {key: record.result for key, record in found.items()}
    counts: dict[tuple[str, str], Count] = {}
    for key, entry in runs.items():
        names = str(entry["dataset"]), str(entry["contender"])
        counts.setdefault(names, Count(*names)).add(found.get(key))
    return Status(list(counts.values()), claimed_runs(runs_folder), left_out, len(found.keys() - runs.keys()))
