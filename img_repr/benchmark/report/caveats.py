"""Caveats that stand first on the page, and the environments that its numbers come from."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from img_repr.benchmark.evaluation.tables import ResultsTable
from img_repr.benchmark.result import Record

_UNEQUAL = 1.5  # ratio of calibrations; a shared machine varies by a third within minutes


def list_caveats(results_table: ResultsTable) -> list[str]:
    """Return everything that limits the validity of the numbers, in sentences."""
    lines = [f"Left out, cannot be used: {text}." for text in results_table.left_out]
    for plan in results_table.plans:
        for name, error in plan.get("unreadable", {}).items():
            lines.append(f"Data set {name} could not be used: {error['message']}.")
    for row in results_table.rows:
        lines += [f"{row.name}: {str(sentence).strip()}" for sentence in row.metadata.get("leaks", ())]
    if results_table.missing:
        are = "run is" if results_table.missing == 1 else "runs are"
        lines.append(f"{results_table.missing} planned {are} missing; run the recipe again to compute them.")
    for row in results_table.rows:
        for score in row.scores.values():
            kinds = Counter(
                (record.result["error"].get("stage"), record.result["error"].get("class")) for record in score.failed
            )
            for (stage, kind), count in kinds.items():
                first = next(
                    record.result["error"] for record in score.failed if record.result["error"].get("class") == kind
                )
                said = str(first.get("message")).strip().rstrip(".")
                lines.append(
                    f"{score.contender} on {row.name} failed in {count} of {score.planned} runs, in "
                    f"stage {stage}: {kind}: {said:.300}."
                )
    if results_table.unplanned:
        lines.append(f"{results_table.unplanned} records in the folder belong to no plan there and are not shown.")
    if not results_table.plans:
        lines.append("There is no plan in the folder: missing runs are unknown.")
    versions = {json.dumps(record.env.get("versions"), sort_keys=True) for record in results_table.records}
    if len(versions) > 1:
        lines.append(
            f"The runs were computed with {len(versions)} different sets of library versions; see the environments."
        )
    if any(record.env.get("git_dirty") for record in results_table.records):
        lines.append("Some runs were computed from a source tree with uncommitted changes.")
    note = note_on_times(results_table.records)
    return [*lines, note] if note else lines


def note_on_times(records: Sequence[Record]) -> str:
    """Return the reasons why times of these runs are not comparable; empty if they are."""
    machines = {(record.env.get("device"), record.env.get("platform"), record.env.get("cores")) for record in records}
    parallel = {int(record.result["n_parallel"]) for record in records if record.result.get("n_parallel")}
    known = [float(record.env["calibration_s"]) for record in records if record.env.get("calibration_s")]
    reasons = [f"on {len(machines)} kinds of machine"] if len(machines) > 1 else []
    if len(parallel) > 1:
        reasons.append(f"with {' or '.join(map(str, sorted(parallel)))} runs at a time")
    if known and max(known) > _UNEQUAL * min(known):
        reasons.append(f"at speeds that differ by a factor of {max(known) / min(known):.1f} in the calibration")
    lines = [f"Times were taken {' and '.join(reasons)}: costs compare only roughly."] if reasons else []
    found = sum("disk_reused" in _ways(record.result.get("record", {})) for record in records)
    if found:
        are = "run was" if found == 1 else "runs were"
        lines.append(f"{found} {are} trained on cached images: the fit time excludes encoding.")
    return " ".join(lines)


def _ways(record: Mapping[str, Any]) -> set[str]:
    """Return the storage of a classifier's images (see :mod:`img_repr.training.images`), and of its members'."""
    own = record.get("images")
    inner = (value for value in record.values() if isinstance(value, Mapping))
    return ({own} if isinstance(own, str) else set(own or ())).union(*map(_ways, inner))


def list_environments(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return the distinct environments, the most frequent first, with their runs.

    Returns
    -------
    list of dict
        ``versions``, ``properties``, ``runs``, ``parallel`` (numbers of parallel runs) and ``calibration_s`` (smallest
        and largest); the last two are empty if the records lack them.
    """
    groups: dict[str, list[Record]] = {}
    for record in records:
        same = {name: value for name, value in record.env.items() if name != "calibration_s"}
        groups.setdefault(json.dumps(same, sort_keys=True), []).append(record)
    found = []
    for text, members in sorted(groups.items(), key=lambda pair: -len(pair[1])):
        properties = json.loads(text)
        clocks = sorted(float(one.env["calibration_s"]) for one in members if one.env.get("calibration_s"))
        found.append(
            {
                "runs": len(members),
                "versions": properties.pop("versions", {}),
                "properties": properties,
                "parallel": sorted({one.result["n_parallel"] for one in members if one.result.get("n_parallel")}),
                "calibration_s": [clocks[0], clocks[-1]] if clocks else [],
            }
        )
    return found
