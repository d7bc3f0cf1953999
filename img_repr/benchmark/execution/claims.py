"""RunClaims: which runs are run at present in a folder of runs, told by each process in one small file.

So several processes, of one machine or of several that share the folder, part a sweep without knowing of each other.
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

_TOLD = ("dataset", "contender", "split_number", "seed", "started")
_SHAPE = {
    "runs": [
        {
            **dict.fromkeys(("key", "dataset", "contender", "started"), str),
            **dict.fromkeys(("split_number", "seed"), range(0, 1 << 53)),
        }
    ]
}
_SIGN_S = 60.0  # between two signs of life
_SILENT_S = 600.0  # after which a process of another machine counts as dead


class RunClaims:
    """Tells other processes which runs this one has begun, and heeds what they tell.

    Parameters
    ----------
    runs_folder : Path
        Folder of runs; the file is ``.running-<space of processes>-<process>-<chance>``.
    """

    def __init__(self, runs_folder: Path) -> None:
        self._runs_folder, self._path = runs_folder, temporary_path(runs_folder / "running")
        self._begun: dict[str, dict[str, Any]] = {}

    def claim(self, key: str, facts: dict[str, Any]) -> bool:
        """Tell of a run that is to be begun; False, and nothing told, where another process is at it.

        It is told before it is asked, so that of two processes at least one sees the other. Where each sees the other
        neither begins it: a run may so come later, but never twice.
        """
        self._begun[key] = {"key": key, **{word: facts[word] for word in _TOLD}}
        self._write()
        others = (path for path in self._runs_folder.glob(".running-*") if path.name != self._path.name)
        if any(run["key"] == key for run in _told_in(others)):
            self.end(key)
            return False
        return True

    def end(self, key: str) -> None:
        """Tell no more of a run."""
        del self._begun[key]
        self._write()

    @contextmanager
    def told(self) -> Iterator["RunClaims"]:
        """Give signs of life during the block; remove the file at its end, however it ends."""
        ended = threading.Event()
        signs = threading.Thread(target=self._give_signs, args=(ended,), daemon=True)
        signs.start()
        try:
            yield self
        finally:
            ended.set()
            signs.join()
            self._path.unlink(missing_ok=True)

    def _give_signs(self, ended: threading.Event) -> None:
        while not ended.wait(_SIGN_S):
            with suppress(OSError):
                os.utime(self._path)

    def _write(self) -> None:
        write_json(self._path, {"runs": list(self._begun.values())}, format=SCHEMA)


def claimed_runs(runs_folder: Path) -> list[dict[str, Any]]:
    """Return the runs that living processes have claimed: key, data set, contender, split, seed, time of the claim."""
    return list(_told_in(sorted(runs_folder.glob(".running-*"))))


def _told_in(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        if may_be_in_use(path, silent_s=_SILENT_S):
            with suppress(ResultError):  # it ends while it is read, or is damaged: its runs are run here then
                yield from read_json(path, _SHAPE, format=SCHEMA)["runs"]
