"""Outlook: what a plan comes to, before it is run."""

from pathlib import Path

from img_repr.benchmark.execution.budget import Budget
from img_repr.benchmark.execution.plan import Plan
from img_repr.benchmark.execution.status import Count
from img_repr.benchmark.result import read_records


def estimate(plan: Plan, runs_folder: Path) -> list[Count]:
    """Count what a folder of runs holds of a plan, and what the rest is expected to take."""
    found = {record.key: record for record in read_records(runs_folder)[0]}
    budget = Budget(None, [found[run.key] for run in plan.runs if run.key in found])
    counts: dict[tuple[str, str], Count] = {}
    for run in plan.runs:
        names = run.dataset.name, run.contender.name
        count = counts.setdefault(names, Count(*names))
        count.add(found.get(run.key))
        if run.key not in found:
            expected_s = budget.expected_s(run)
            count.unknown += expected_s is None
            count.expected_s += expected_s or 0.0
    return list(counts.values())
