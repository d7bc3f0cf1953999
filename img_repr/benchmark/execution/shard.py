"""Shard: one of several equal parts of the runs that are open, so that machines need no engine between them.

What is open is found out first, then dealt out by what it is expected to cost. The deal is kept next to the records:
a shard that begins later, in a folder in which others have finished runs already, keeps to the same deal.
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


def deal(runs: Sequence[Run], of: int, expects: Expects) -> list[list[Run]]:
    """Deal runs out in parts that are expected to cost the same, each in running order.

    The dearest are dealt first, each to who has least. A run of which nothing is known is taken for the mean of those
    of which something is; then each contender is dealt out evenly.
    """
    costs = [expects(run) for run in runs]
    known = [cost for cost in costs if cost is not None]
    usual = sum(known) / len(known) if sum(known) else 1.0
    places: dict[str, int] = {}
    for run in runs:
        places.setdefault(run.contender.name, len(places))
    order = sorted(
        ((usual if cost is None else cost, index) for index, cost in enumerate(costs)),
        key=lambda pair: (-pair[0], places[runs[pair[1]].contender.name], pair[1]),
    )
    loads, parts = [(0.0, 0)] * of, [list[int]() for _ in range(of)]
    for cost, index in order:
        least = min(range(of), key=lambda part: (loads[part], part))
        loads[least] = loads[least][0] + cost, loads[least][1] + 1
        parts[least].append(index)
    return [[runs[index] for index in sorted(part)] for part in parts]


def runs_of_shard(shard: Shard, runs: Sequence[Run], folder: Path, name: str, expects: Expects) -> list[Run]:
    """Give the part of the open runs that a shard has to run.

    The deal is ``<folder>/<name>-<n>-<round>.json``. The last that stands there counts if it holds all the open runs;
    else a new one is made, by whoever comes first.
    """
    deals = re.compile(rf"{re.escape(name)}-{shard.of}-(\d+)\.json")  # not of a recipe named like ours and a number
    rounds = [int(found[1]) for path in folder.glob("*.json") if (found := deals.fullmatch(path.name))]
    number = max(rounds, default=0)
    while True:
        dealt = _read(folder / f"{name}-{shard.of}-{number}.json", shard.of)
        if dealt is not None and {run.key[:KEY_LENGTH] for run in runs} <= {key for part in dealt for key in part}:
            mine = set(dealt[shard.number - 1])
            return [run for run in runs if run.key[:KEY_LENGTH] in mine]
        number += 1
        parts = [[run.key[:KEY_LENGTH] for run in part] for part in deal(runs, shard.of, expects)]
        _write_first(folder / f"{name}-{shard.of}-{number}.json", parts)


def _read(path: Path, of: int) -> list[list[str]] | None:
    """Read a deal; None where there is none. A damaged one is named, and a new one is made."""
    if not path.exists():
        return None
    try:
        dealt: list[list[str]] = read_json(path, {"parts": [[str]]}, format=SCHEMA)["parts"]
        if len(dealt) != of:
            raise ResultError(f"{path.name}: expected {of} parts, got {len(dealt)}")
    except ResultError as error:
        log.warning("shard: the parts are dealt out again: %s", error)
        return None
    return dealt


def _write_first(path: Path, parts: list[list[str]]) -> None:
    """Write a file as one step where none stands yet."""
    written = temporary_path(path)
    write_json(written, {"parts": parts}, format=SCHEMA)
    try:
        os.link(written, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links: two that come at the same moment may take a run each twice
        if not path.exists():
            written.replace(path)
    finally:
        written.unlink(missing_ok=True)
