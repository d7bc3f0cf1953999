"""Presence: which cells are run at present in a folder of runs, told by each process in one small file."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from img_repr.benchmark.sweep.workshop import beside, is_of_the_living

_TOLD = ("dataset", "contender", "split_number", "seed", "started")


class Presence:
    """Tells other processes which cells this one has begun.

    Parameters
    ----------
    runs : Path
        Folder of runs; the file is ``.running-<node>-<process>-<chance>``.
    """

    def __init__(self, runs: Path) -> None:
        self._path = beside(runs / "running")
        self._begun: dict[str, dict[str, Any]] = {}

    def begin(self, key: str, facts: dict[str, Any]) -> None:
        """Tell of a cell that is begun."""
        self._begun[key] = {word: facts[word] for word in _TOLD}
        self._write()

    def end(self, key: str) -> None:
        """Tell no more of a cell."""
        del self._begun[key]
        self._write()

    @contextmanager
    def told(self) -> Iterator["Presence"]:
        """Remove the file at the end of the block, however it ends."""
        try:
            yield self
        finally:
            self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        written = beside(self._path)
        written.write_text(json.dumps(list(self._begun.values())) + "\n", "utf-8")
        written.replace(self._path)


def running_cells(runs: Path) -> list[dict[str, Any]]:
    """Cells that living processes have begun and not ended: data set, contender, split, seed, when it was begun."""
    found: list[dict[str, Any]] = []
    for path in sorted(runs.glob(".running-*")):
        if is_of_the_living(path):
            with suppress(OSError, ValueError):  # it ends while it is read
                found += json.loads(path.read_text("utf-8"))
    return found
