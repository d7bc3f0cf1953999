"""Tables: from plans and records on disk to what stands in the page's rows; reads arrays, never a model.

Seeds are averaged inside a split, splits inside a data set. Nothing is averaged silently over what happens to
be there: a score knows how many of its cells are planned, good, failed and missing.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.benchmark.result import KEY_LENGTH, Record, canonical, read_records
from img_repr.benchmark.statistics import corrected_interval, wilson_interval

_PROTOCOL = {"published": "resample"}  # resample 0 is the published split: both are one protocol


@dataclass
class Score:
    """One contender on one data set, over all its splits and seeds.

    Parameters
    ----------
    contender, role, spec
        Who; ``"image"``, ``"table"``, ``"control"`` or ``"leak"``; what exactly.
    planned : int
        Cells that the plan asks for.
    records : list of Record
        Cells that are on disk, failures included.
    """

    contender: str
    role: str
    spec: dict[str, Any]
    needs_seed: bool = True
    planned: int = 0
    records: list[Record] = field(default_factory=list)

    @property
    def good(self) -> list[Record]:
        """Cells with scores."""
        return [record for record in self.records if record.good]

    @property
    def failed(self) -> list[Record]:
        """Cells that failed."""
        return [record for record in self.records if not record.good]

    @property
    def missing(self) -> int:
        """Planned cells that were not run."""
        return max(0, self.planned - len(self.records))

    @property
    def complete(self) -> bool:
        """Whether every planned cell has scores."""
        return bool(self.good) and not self.failed and not self.missing

    @cached_property
    def by_split(self) -> dict[str, list[Record]]:
        """Good cells of each split, by the checksum of the split."""
        splits: dict[str, list[Record]] = defaultdict(list)
        for record in sorted(self.good, key=lambda record: record.result.get("split_number", 0)):
            splits[record.spec["split"]["sha256"]].append(record)
        return dict(splits)

    def mean(self, column: str) -> float:
        """Mean of a column of ``result.json``: over seeds, then over splits; NaN where a cell lacks it."""
        rows = [[record.result.get(column, float("nan")) for record in records] for records in self.by_split.values()]
        if not rows or any(value is None for row in rows for value in row):
            return float("nan")
        return float(np.mean([np.mean(row) for row in rows]))

    @property
    def accuracy(self) -> float:
        """Mean accuracy."""
        return self.mean("accuracy")

    @cached_property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the accuracy: Wilson's on one split, the corrected t interval over several."""
        means = [
            float(np.mean([record.result["accuracy"] for record in records])) for records in self.by_split.values()
        ]
        if len(means) == 1:
            return wilson_interval(means[0], int(self.good[0].result["n_test"]))
        low, high = corrected_interval(means, self.test_over_train)
        return max(0.0, low), min(1.0, high)

    @property
    def test_over_train(self) -> float:
        """Mean size of a test part over that of its training part."""
        return float(np.mean([record.result["n_test"] / record.result["n_train"] for record in self.good]))

    @property
    def seed_sd(self) -> float:
        """Standard deviation over seeds, averaged over splits; NaN with one seed."""
        sets = [[record.result["accuracy"] for record in records] for records in self.by_split.values()]
        spreads = [np.std(values, ddof=1) for values in sets if len(values) > 1]
        return float(np.mean(spreads)) if spreads else float("nan")

    @property
    def counts(self) -> str:
        """Splits and seeds in words, and what is missing of them."""
        seeds = {record.result["seed"] for record in self.good}
        text = f"{_count(len(self.by_split), 'split')}, {_count(len(seeds), 'seed')}"
        return text if self.needs_seed else f"{_count(len(self.by_split), 'split')}, draws nothing"

    @property
    def gaps(self) -> str:
        """What is not there, in words; empty if all is."""
        parts = [f"{len(self.failed)} of {self.planned} failed"] if self.failed else []
        return ", ".join([*parts, f"{self.missing} of {self.planned} missing"] if self.missing else parts)


@dataclass
class Row:
    """One data set under one protocol, with the scores on it in declared order."""

    name: str
    domain: str
    facts: dict[str, Any]
    scores: dict[str, Score] = field(default_factory=dict)

    def primary(self, role: str) -> Score | None:
        """First contender of a role that was declared for this data set."""
        return next((score for score in self.scores.values() if score.role == role), None)

    @property
    def complete(self) -> bool:
        """Whether every planned cell of every contender has scores."""
        return all(score.complete for score in self.scores.values())

    @property
    def best(self) -> set[str]:
        """Contenders with the highest mean accuracy; none while a cell is not there."""
        if not self.complete:
            return set()
        top = max(score.accuracy for score in self.scores.values())
        return {name for name, score in self.scores.items() if score.accuracy > top - 1e-9}


@dataclass
class Board:
    """All that the page shows of a folder of runs."""

    rows: list[Row]
    plans: list[dict[str, Any]]
    records: list[Record]
    left_out: list[str]
    unplanned: int

    @property
    def missing(self) -> int:
        """Planned cells that were not run."""
        return sum(score.missing for row in self.rows for score in row.scores.values())


def read_board(runs: Path) -> Board:
    """Read a folder of runs: plans say what should be there, records what is.

    Without a plan the records speak for themselves, and nothing can be known to be missing.
    """
    records, left_out = read_records(runs)
    plans = []
    for path in sorted((runs / "plans").glob("*.json")):
        try:
            plan = json.loads(path.read_text("utf-8"))
            if not (isinstance(plan, dict) and isinstance(plan.get("cells"), list)):
                raise ValueError("another kind of JSON")
            plans.append(plan)
        except (ValueError, OSError) as error:
            left_out.append(f"plan {path.name}: expected the plan of a recipe, got {error}")
    found = {record.key[:KEY_LENGTH]: record for record in records}
    rows: dict[tuple[str, str, str], Row] = {}
    used: set[str] = set()
    for plan in plans:
        facts = {entry["name"]: entry for entry in plan["datasets"]}
        for entry in plan["cells"]:
            if entry["key"] not in used:
                used.add(entry["key"])
                kind = facts[entry["dataset"]]["splits"][entry["split"]]["kind"]
                _place(rows, facts[entry["dataset"]], kind, entry, found.get(entry["key"]))
    if not plans:
        for record in sorted(records, key=lambda record: str(record.result["started"])):
            result = record.result
            facts_of = {
                "name": result["dataset"],
                "domain": result["domain"],
                "fingerprint": record.spec["dataset"],
            }
            entry = {
                "contender": result["contender"],
                "role": result.get("role", "control"),
                "spec": record.spec["contender"],
            }
            _place(rows, facts_of, result["split_kind"], entry, record)
            used.add(record.key[:KEY_LENGTH])
    _name_apart(rows)
    shown = [record for key, record in found.items() if key in used]
    return Board(list(rows.values()), plans, shown, left_out, len(records) - len(shown))


def _place(
    rows: dict[tuple[str, str, str], Row],
    facts: dict[str, Any],
    kind: str,
    entry: dict[str, Any],
    record: Record | None,
) -> None:
    protocol = _PROTOCOL.get(kind, kind)
    row = rows.setdefault((facts["name"], facts["fingerprint"], protocol), Row(facts["name"], facts["domain"], facts))
    name, spec = entry["contender"], entry["spec"]
    while name in row.scores and canonical(row.scores[name].spec) != canonical(spec):
        name += "*"  # another contender of that name, from another plan
    score = row.scores.setdefault(name, Score(name, entry["role"], spec, entry.get("needs_seed", True)))
    score.planned += 1
    if record is not None:
        score.records.append(record)


def _name_apart(rows: dict[tuple[str, str, str], Row]) -> None:
    names = [row.name for row in rows.values()]
    for (name, fingerprint, protocol), row in rows.items():
        if names.count(name) > 1:
            others = [key for key in rows if key[0] == name]
            same_content = all(key[1] == fingerprint for key in others)
            row.name = (
                f"{name}, {protocol} split" if same_content else f"{name}, {protocol} split, content {fingerprint[:6]}"
            )


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def seconds(records: Iterable[Record]) -> float:
    """Sum of what cells took."""
    return float(sum(record.result.get("total_s") or 0.0 for record in records))
