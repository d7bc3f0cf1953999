"""Outlook: what a plan comes to, before it is run."""

from pathlib import Path

from img_repr.benchmark.result import read_records
from img_repr.benchmark.sweep.budget import Budget
from img_repr.benchmark.sweep.plan import Plan
from img_repr.benchmark.sweep.status import Count


def outlook(plan: Plan, runs: Path) -> list[Count]:
    """Count what a folder of runs holds of a plan, and what the rest is expected to take."""
    found = {record.key: record for record in read_records(runs)[0]}
    budget = Budget(None, [found[cell.key] for cell in plan.cells if cell.key in found])
    counts: dict[tuple[str, str], Count] = {}
    for cell in plan.cells:
        names = cell.dataset.name, cell.contender.name
        count = counts.setdefault(names, Count(*names))
        count.add(found.get(cell.key))
        if cell.key not in found:
            expected_s = budget.expected_s(cell)
            count.unknown += expected_s is None
            count.expected_s += expected_s or 0.0
    return list(counts.values())
