"""Shard: one of several equal parts of the missing runs, so that machines need no scheduler.

Missing runs are assigned to shards by their expected time. The assignment is stored next to the records: a shard that
starts later, in a folder where others have finished runs, uses the same assignment.
"""

import logging
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from img_repr.benchmark.execution.run import Run
from img_repr.benchmark.result import KEY_LENGTH, SCHEMA
from img_repr.core.atomic import temporary_path
from img_repr.core.errors import ParameterError, ResultError
from img_repr.core.json_file import read_json, write_json

log = logging.getLogger(__name__)
Expects = Callable[[Run], float | None]


@dataclass(frozen=True)
class Shard:
    """Part ``number``, from 1, of ``of`` parts.

    Examples
    --------
    >>> Shard.parse("2/3")
    Shard(number=2, of=3)
    """

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise ParameterError(f"shard: expected i/n with i from 1 to n, got {self}")

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read ``i/n``."""
        found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
        if not found:
            raise ParameterError(f"shard: expected i/n, as in 1/4, got {text!r}")
        return cls(int(found[1]), int(found[2]))


def assign(runs: Sequence[Run], of: int, expects: Expects) -> list[list[Run]]:
    """Assign runs to parts of equal expected time, each in running order.

    The longest runs are assigned first, each to the part with the least time. A run without an estimate counts as the
    mean of the others; contenders are then spread evenly.
    """
    costs = [expects(run) for run in runs]
    known = [cost for cost in costs if cost is not None]
    usual = sum(known) / len(known) if sum(known) else 1.0
    ranks: dict[str, int] = {}
    for run in runs:
        ranks.setdefault(run.contender.name, len(ranks))
    order = sorted(
        ((usual if cost is None else cost, index) for index, cost in enumerate(costs)),
        key=lambda pair: (-pair[0], ranks[runs[pair[1]].contender.name], pair[1]),
    )
    loads, parts = [(0.0, 0)] * of, [list[int]() for _ in range(of)]
    for cost, index in order:
        least = min(range(of), key=lambda part: (loads[part], part))
        loads[least] = loads[least][0] + cost, loads[least][1] + 1
        parts[least].append(index)
    return [[runs[index] for index in sorted(part)] for part in parts]


def runs_of_shard(shard: Shard, runs: Sequence[Run], folder: Path, name: str, expects: Expects) -> list[Run]:
    """Return the missing runs of a shard.

    The assignment is ``<folder>/<name>-<n>-<round>.json``. The last one counts if it has all missing runs; else the
    first process writes a new one.
    """
    pattern = re.compile(rf"{re.escape(name)}-{shard.of}-(\d+)\.json")  # a recipe may have the same name and a number
    rounds = [int(found[1]) for path in folder.glob("*.json") if (found := pattern.fullmatch(path.name))]
    number = max(rounds, default=0)
    while True:
        assigned = _read(folder / f"{name}-{shard.of}-{number}.json", shard.of)
        if assigned is not None and {run.key[:KEY_LENGTH] for run in runs} <= {
            key for part in assigned for key in part
        }:
            mine = set(assigned[shard.number - 1])
            return [run for run in runs if run.key[:KEY_LENGTH] in mine]
        number += 1
        parts = [[run.key[:KEY_LENGTH] for run in part] for part in assign(runs, shard.of, expects)]
        _write_first(folder / f"{name}-{shard.of}-{number}.json", parts)


def _read(path: Path, of: int) -> list[list[str]] | None:
    """Read an assignment; None if there is none. A damaged one is logged, and a new one is made."""
    if not path.exists():
        return None
    try:
        assigned: list[list[str]] = read_json(path, {"parts": [[str]]}, format=SCHEMA)["parts"]
        if len(assigned) != of:
            raise ResultError(f"{path.name}: expected {of} parts, got {len(assigned)}")
    except ResultError as error:
        log.warning("shard: the runs are assigned again: %s", error)
        return None
    return assigned


def _write_first(path: Path, parts: list[list[str]]) -> None:
    """Write a file atomically unless it exists."""
    written = temporary_path(path)
    write_json(written, {"parts": parts}, format=SCHEMA)
    try:
        os.link(written, path)
    except FileExistsError:
        pass
    except OSError:  # without hard links, two processes at the same moment may run a run twice
        if not path.exists():
            written.replace(path)
    finally:
        written.unlink(missing_ok=True)
