"""Tables: the scores of all contenders in a folder of runs, from its plans and records; no model is loaded.

The row ``FUSED`` of a data set is the mean of the probabilities of its primary image and its primary table.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.benchmark.evaluation.metrics import score_probabilities
from img_repr.benchmark.evaluation.score import Score
from img_repr.benchmark.result import KEY_LENGTH, Record, canonical, read_plans, read_records

FUSED = "primary image and table, fused"
_SUMMED = ("warmup_s", "encode_ms_per_item", "fit_s", "predict_s", "predict_ms_per_item", "total_s")
_LARGER = ("peak_rss_mb", "peak_gpu_allocated_mb", "peak_gpu_reserved_mb")  # both run one after the other
_PROTOCOL = {"published": "resample"}  # resample 0 is the published split: both are one protocol


@dataclass
class Row:
    """One data set under one protocol, with the scores on it in declared order."""

    name: str
    domain: str
    metadata: dict[str, Any]
    scores: dict[str, Score] = field(default_factory=dict)

    def primary(self, role: str) -> Score | None:
        """First contender of a role that was declared for this data set."""
        return next((score for score in self.scores.values() if score.role == role), None)

    @property
    def complete(self) -> bool:
        """Whether every planned run of every contender has scores."""
        return all(score.complete for score in self.scores.values())

    @property
    def best(self) -> set[str]:
        """Contenders with the highest value; none while a run is not there, or where some have more splits."""
        if not self.complete or len({frozenset(score.by_split) for score in self.scores.values()}) > 1:
            return set()
        top = max(score.value for score in self.scores.values())
        return {name for name, score in self.scores.items() if score.value > top - 1e-9}


@dataclass
class ResultsTable:
    """Everything that the page shows of a folder of runs."""

    rows: list[Row]
    plans: list[dict[str, Any]]
    records: list[Record]
    left_out: list[str]
    unplanned: int

    @property
    def missing(self) -> int:
        """Number of planned runs without a record."""
        return sum(score.missing for row in self.rows for name, score in row.scores.items() if name != FUSED)


def read_results(runs_folder: Path) -> ResultsTable:
    """Read the plans and records of a folder of runs.

    Without a plan all records are shown, and missing runs are unknown.
    """
    records, left_out = read_records(runs_folder)
    plans, unreadable = read_plans(runs_folder)
    left_out += unreadable
    found = {record.key[:KEY_LENGTH]: record for record in records}
    rows: dict[tuple[str, str, str], Row] = {}
    used: set[str] = set()
    for plan in plans:
        metadata = {entry["name"]: entry for entry in plan["datasets"]}
        for entry in plan["runs"]:
            if entry["key"] not in used:
                used.add(entry["key"])
                kind = metadata[entry["dataset"]]["splits"][entry["split"]]["kind"]
                _add_run(rows, metadata[entry["dataset"]], kind, entry, found.get(entry["key"]))
    if not plans:
        for record in sorted(records, key=lambda record: str(record.result["started"])):
            result = record.result
            metadata = {
                "name": result["dataset"],
                "domain": result["domain"],
                "fingerprint": record.spec["dataset"],
            }
            entry = {
                "contender": result["contender"],
                "role": result.get("role", "control"),
                "spec": record.spec["contender"],
            }
            _add_run(rows, metadata, result["split_kind"], entry, record)
            used.add(record.key[:KEY_LENGTH])
    _make_names_unique(rows)
    for row in rows.values():
        image, table = row.primary("image"), row.primary("table")
        fused = fuse(image, table) if image is not None and table is not None else None
        if fused is not None:
            row.scores[FUSED] = fused
    shown = [record for key, record in found.items() if key in used]
    return ResultsTable(list(rows.values()), plans, shown, left_out, len(records) - len(shown))


def _add_run(
    rows: dict[tuple[str, str, str], Row],
    metadata: dict[str, Any],
    kind: str,
    entry: dict[str, Any],
    record: Record | None,
) -> None:
    protocol = _PROTOCOL.get(kind, kind)
    row = rows.setdefault(
        (metadata["name"], metadata["fingerprint"], protocol), Row(metadata["name"], metadata["domain"], metadata)
    )
    name, spec = entry["contender"], entry["spec"]
    while name in row.scores and canonical(row.scores[name].spec) != canonical(spec):
        name += "*"  # another contender of that name, from another plan
    score = row.scores.setdefault(name, Score(name, entry["role"], spec, entry.get("needs_seed", True)))
    score.planned += 1
    if record is not None:
        score.records.append(record)


def _make_names_unique(rows: dict[tuple[str, str, str], Row]) -> None:
    names = [row.name for row in rows.values()]
    for (name, fingerprint, protocol), row in rows.items():
        if names.count(name) > 1:
            others = [key for key in rows if key[0] == name]
            same_content = all(key[1] == fingerprint for key in others)
            row.name = (
                f"{name}, {protocol} split" if same_content else f"{name}, {protocol} split, content {fingerprint[:6]}"
            )


def seconds(records: Iterable[Record]) -> float:
    """Sum of what runs took."""
    return float(sum(record.result.get("total_s") or 0.0 for record in records))


def fuse(image: Score, table: Score) -> Score | None:
    """Return the score of the mean of both probabilities; None if image and table share no split.

    Nothing is fitted or weighted, so nothing can be chosen by a test score. A contender that uses no random numbers has
    one run, which is paired with every seed of the other.
    """
    led, by = (table, image) if table.needs_seed and not image.needs_seed else (image, table)
    records = []
    for split, first in led.by_split.items():
        second = by.by_split.get(split, [])
        by_seed = {record.result["seed"]: record for record in second}
        for record in first:
            other = by_seed.get(record.result["seed"]) if by.needs_seed else next(iter(second), None)
            if other is not None and set(record.predictions["classes"]) == set(other.predictions["classes"]):
                records.append(_together(record, other))
    if not records:
        return None
    spec = {"kind": "fused", "parts": [image.spec, table.spec]}
    return Score(FUSED, "fused", spec, led.needs_seed, led.planned, records)


def _together(first: Record, second: Record) -> Record:
    kept, other = first.predictions, second.predictions
    rows = np.argsort(other["indices"])[np.argsort(np.argsort(kept["indices"]))]
    columns = [other["classes"].tolist().index(name) for name in kept["classes"]]
    mean = (kept["probabilities"] + other["probabilities"][np.ix_(rows, columns)]) / 2.0
    predictions = kept | {"probabilities": mean}
    result = dict(first.result)
    for name in (*_SUMMED, *_LARGER):
        both = [one.result[name] for one in (first, second) if one.result.get(name) is not None]
        result[name] = None if len(both) < 2 else sum(both) if name in _SUMMED else max(both)
    result |= {"contender": FUSED, "role": "fused", "cost": {}, "record": {}}
    result |= score_probabilities(
        kept["labels"][first.scored_rows], mean[first.scored_rows], tuple(kept["classes"].tolist())
    )
    return Record(first.folder, first.spec, result, first.env).holding(predictions)
