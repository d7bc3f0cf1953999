"""Run a recipe: the cells that are missing, in order, within a budget; results go to disk, and only there."""

import logging
import shlex
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from pathlib import Path
from typing import Any

from img_repr.benchmark.cell import Cell, describe_error, run_cell, run_cell_in_worker
from img_repr.benchmark.environment import describe_environment
from img_repr.benchmark.pictures import save_pictures
from img_repr.benchmark.plan import make_plan
from img_repr.benchmark.recipe import Recipe
from img_repr.benchmark.result import KEY_LENGTH, Outcome, Record, read_record, write_outcome
from img_repr.core.dataset import Dataset
from img_repr.core.errors import ResultError

log = logging.getLogger(__name__)
Watcher = Callable[[int, int, dict[str, Any]], None]


def run(
    recipe: Recipe,
    out_folder: str | Path,
    *,
    datasets: Iterable[Dataset] = (),
    retry_failed: bool = False,
    executor: Executor | None = None,
    watch: Watcher | None = None,
    command: str = "",
) -> list[dict[str, Any]]:
    """Run the cells of a recipe that are not on disk yet.

    Parameters
    ----------
    recipe : Recipe
    out_folder : str or Path
        Where the cells are; several recipes may share it.
    datasets : iterable of Dataset
        Data sets that are loaded already, used for the names in the recipe that they bear.
    retry_failed : bool
        Run cells again whose record is a failure.
    executor : Executor, optional
        Where cells run, each on one thread; in this process, on all its threads, by default.
    watch : callable, optional
        ``watch(done, total, result)`` after every cell. Default: a live bar on a terminal, else the log.
    command : str
        How to run this again, for the page; made of the recipe's path by default.

    Returns
    -------
    list of dict
        ``result.json`` of every planned cell that is on disk, in running order.
    """
    runs = Path(out_folder)
    plan = make_plan(recipe, datasets)
    plan.write(runs, command=command or usual_command(recipe, runs))
    for name, error in plan.unreadable.items():
        log.warning("%s is left out: %s", name, error["message"])
    save_pictures(plan.cells, runs)
    standing = {cell.key: _standing(runs, cell) for cell in plan.cells}
    waiting = [cell for cell in plan.cells if _is_open(standing[cell.key], retry_failed)]
    budget = Budget(recipe.budget_hours, [record for record in standing.values() if record is not None])
    done = len(plan.cells) - len(waiting)
    with _progress(watch, done, len(plan.cells)) as tell:
        for outcome in _outcomes(waiting, executor, budget):
            write_outcome(runs, outcome)
            budget.note(outcome.result)
            done += 1
            tell(done, len(plan.cells), outcome.result)
    if done < len(plan.cells):
        log.warning("the run ends here: %d of %d cells are missing", len(plan.cells) - done, len(plan.cells))
    found = (_standing(runs, cell) for cell in plan.cells)
    return [record.result for record in found if record is not None]


class Budget:
    """Hours that a sweep may take, and what a cell is expected to take of them.

    A cell is expected to take the mean of what the same contender took on the same data set, else of what it
    took on others; one of which nothing is known is begun.
    """

    def __init__(self, hours: float | None, records: Iterable[Record]) -> None:
        self._ends = None if hours is None else time.monotonic() + 3600.0 * hours
        self._took: dict[tuple[str, ...], list[float]] = defaultdict(list)
        for record in records:
            self.note(record.result)

    def note(self, result: dict[str, Any]) -> None:
        """Learn from a cell that was run."""
        for kind in ((result["contender"], result["dataset"]), (result["contender"],)):
            self._took[kind].append(float(result.get("total_s") or 0.0))

    def fits(self, cell: Cell) -> bool:
        """Whether the cell is expected to end in time."""
        name = cell.contender.name
        took = self._took.get((name, cell.dataset.name)) or self._took.get((name,)) or [0.0]
        return self._ends is None or time.monotonic() + sum(took) / len(took) <= self._ends


def _outcomes(cells: list[Cell], executor: Executor | None, budget: Budget) -> Iterator[Outcome]:
    if executor is None:
        for cell in cells:
            if not budget.fits(cell):
                return
            yield run_cell(cell)
        return
    width = getattr(executor, "_max_workers", None) or 1
    running: dict[Future[Outcome], Cell] = {}
    queue = iter(cells)
    stopped = False
    while True:
        while not stopped and len(running) < width:  # no more than the workers take: the budget decides late
            coming = next(queue, None)
            stopped = coming is None or not budget.fits(coming)
            if coming is not None and not stopped:
                try:
                    running[executor.submit(run_cell_in_worker, coming)] = coming
                except BrokenExecutor as broken:
                    log.error("the workers are gone: %s; the remaining cells are missing", broken)
                    stopped = True
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            cell = running.pop(future)
            error = future.exception()
            yield future.result() if error is None else _lost(cell, error)


def _lost(cell: Cell, error: BaseException) -> Outcome:
    """Record of a cell whose worker died, or could not send its result."""
    result = cell.facts() | {"total_s": 0.0, "status": "failed", "error": describe_error(error, "worker")}
    return Outcome(cell.spec, result, describe_environment())


def _standing(runs: Path, cell: Cell) -> Record | None:
    try:
        return read_record(runs / cell.key[:KEY_LENGTH])
    except ResultError:
        return None


def _is_open(record: Record | None, retry_failed: bool) -> bool:
    return record is None or (retry_failed and not record.good)


def usual_command(recipe: Recipe, runs: Path) -> str:
    """Command line that runs a recipe's file into a folder; without a file the call in Python."""
    if recipe.path is None:
        return f"run({recipe!r}, {str(runs)!r})"
    return shlex.join(["img-repr", "bench", str(recipe.path), "--out", str(runs)])


class _progress:  # noqa: N801 - used as a word: with _progress(...) as tell
    """Tell the caller's watcher, a live bar on a terminal, or the log."""

    def __init__(self, watch: Watcher | None, done: int, total: int) -> None:
        self._watch, self._done, self._total = watch, done, total
        self._bar: Any = None

    def __enter__(self) -> Watcher:
        if self._watch is not None:
            return self._watch
        if not sys.stderr.isatty():
            return self._log
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=Console(stderr=True))
        self._bar.start()
        self._task = self._bar.add_task("benchmark", total=self._total, completed=self._done)
        return lambda done, total, result: self._bar.update(self._task, completed=done, description=_line(result))

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    @staticmethod
    def _log(done: int, total: int, result: dict[str, Any]) -> None:
        log.info("%d of %d: %s", done, total, _line(result))


def _line(result: dict[str, Any]) -> str:
    outcome = f"{result['accuracy']:.3f}" if result["status"] == "ok" else f"failed: {result['error']['message']:.60}"
    return f"{result['dataset']}, {result['contender']}, seed {result['seed']}: {outcome}"
