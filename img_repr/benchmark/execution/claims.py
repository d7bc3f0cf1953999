"""RunClaims: each process claims runs by writing a file into the folder of runs; the others skip claimed runs.

So several processes, on one machine or on several that share the folder, divide a benchmark without a scheduler.
"""

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from img_repr.benchmark.result import SCHEMA
from img_repr.core.atomic import may_be_in_use, temporary_path
from img_repr.core.errors import ResultError
from img_repr.core.json_file import read_json, write_json

_COLUMNS = ("dataset", "contender", "split_number", "seed", "started")
_SHAPE = {
    "runs": [
        {
            **dict.fromkeys(("key", "dataset", "contender", "started"), str),
            **dict.fromkeys(("split_number", "seed"), range(0, 1 << 53)),
        }
    ]
}
_TOUCH_S = 60.0  # between two updates of the file's time, which show that the process lives
_SILENT_S = 600.0  # without an update, after which a process of another machine counts as dead


class RunClaims:
    """The runs that this process has claimed, in a file that other processes read.

    Parameters
    ----------
    runs_folder : Path
        Folder of runs; the file is ``.running-<process namespace>-<process>-<random>``.
    """

    def __init__(self, runs_folder: Path) -> None:
        self._runs_folder, self._path = runs_folder, temporary_path(runs_folder / "running")
        self._claimed: dict[str, dict[str, Any]] = {}

    def claim(self, key: str, metadata: dict[str, Any]) -> bool:
        """Claim a run; return False, and claim nothing, if another process has claimed it.

        The claim is written before the others are read, so that of two processes at least one sees the other. If each
        sees the other, neither starts the run: it may run later, but never twice.
        """
        self._claimed[key] = {"key": key, **{word: metadata[word] for word in _COLUMNS}}
        self._write()
        others = (path for path in self._runs_folder.glob(".running-*") if path.name != self._path.name)
        if any(run["key"] == key for run in _claims_in(others)):
            self.release(key)
            return False
        return True

    def release(self, key: str) -> None:
        """Remove the claim of a run."""
        del self._claimed[key]
        self._write()

    @contextmanager
    def published(self) -> Iterator["RunClaims"]:
        """Keep the file alive during the block, and remove it when the block ends or raises."""
        ended = threading.Event()
        toucher = threading.Thread(target=self._touch, args=(ended,), daemon=True)
        toucher.start()
        try:
            yield self
        finally:
            ended.set()
            toucher.join()
            self._path.unlink(missing_ok=True)

    def _touch(self, ended: threading.Event) -> None:
        while not ended.wait(_TOUCH_S):
            with suppress(OSError):
                os.utime(self._path)

    def _write(self) -> None:
        write_json(self._path, {"runs": list(self._claimed.values())}, format=SCHEMA)


def claimed_runs(runs_folder: Path) -> list[dict[str, Any]]:
    """Return the runs that living processes have claimed: key, data set, contender, split, seed, time of the claim."""
    return list(_claims_in(sorted(runs_folder.glob(".running-*"))))


def _claims_in(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        if may_be_in_use(path, silent_s=_SILENT_S):
            with suppress(ResultError):  # it is removed while it is read, or damaged: its runs then run here
                yield from read_json(path, _SHAPE, format=SCHEMA)["runs"]
