"""Run a recipe: the cells that are missing, in order, within a budget; results go to disk, and only there."""

import logging
import random
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from functools import partial
from pathlib import Path
from typing import Any

from img_repr.benchmark.page.pictures import save_pictures
from img_repr.benchmark.recipe import Recipe
from img_repr.benchmark.result import KEY_LENGTH, Outcome, Record, check_runs_folder, read_record, write_outcome
from img_repr.benchmark.sweep.budget import Budget
from img_repr.benchmark.sweep.cell import Cell, describe_error, run_cell, run_cell_in_worker
from img_repr.benchmark.sweep.environment import describe_environment
from img_repr.benchmark.sweep.plan import Plan, make_plan
from img_repr.benchmark.sweep.presence import Presence, running_cells
from img_repr.benchmark.sweep.shard import Shard, cells_of_shard
from img_repr.benchmark.sweep.workers import NoWorkerError, Workers
from img_repr.core.dataset import Dataset
from img_repr.core.errors import ParameterError, ResultError
from img_repr.core.executors import wait_for_first
from img_repr.core.machine import usable_cores
from img_repr.core.temporary import remove_abandoned

log = logging.getLogger(__name__)
Watcher = Callable[[int, int, dict[str, Any]], None]
RETRIES = ("failed", "all")
_ROUNDS = 4  # in which a cell that another process is at is asked for
_PAUSE_S = 0.5  # at most, between the last of them


def run(
    recipe: Recipe | Plan,
    out_folder: str | Path,
    *,
    datasets: Iterable[Dataset] = (),
    retry: str | None = None,
    shard: Shard | None = None,
    executor: Executor | None = None,
    watch: Watcher | None = None,
    command: str = "",
) -> list[dict[str, Any]]:
    """Run the cells of a recipe that are not on disk yet.

    Several processes may do so in one folder, on one machine or on several that share it: a cell that one of them is
    at, or has run, is not run by another.

    Parameters
    ----------
    recipe : Recipe or Plan
        What to run; a plan is one that was made of a recipe already.
    out_folder : str or Path
        Where the cells are; several recipes may share it.
    datasets : iterable of Dataset
        Data sets that are loaded already, used for the names in the recipe that they bear.
    retry : {None, "failed", "all"}
        Which cells are run again though their record is on disk: none, failures, or every one.
    shard : Shard, optional
        Run this part of the open cells only; others run the other parts, and their folders merge by copying.
    executor : Executor, optional
        Where cells run: :class:`~img_repr.benchmark.sweep.workers.Workers` are processes of this machine, which may
        die; :class:`~img_repr.benchmark.sweep.cluster.Cluster` those of Dask; any other gets cells whole, to run on
        one thread. Default: in this process, on all its threads.
    watch : callable, optional
        ``watch(done, total, result)`` after every cell. Default: a live bar on a terminal, else the log.
    command : str
        How to run this again, for the page; made of the recipe's path by default.

    Returns
    -------
    list of dict
        ``result.json`` of every planned cell that is on disk, in running order.

    Raises
    ------
    DataError, ParameterError, UnknownNameError
        If there is nothing to run, something unknown is asked for, or the folder holds something else than runs.
    ResultError
        If no worker can be started.
    """
    check_retry(retry)
    runs = Path(out_folder)
    check_runs_folder(runs)
    plan = recipe if isinstance(recipe, Plan) else make_plan(recipe, datasets)
    for folder in (runs, runs / "plans", runs / "pictures", runs / "shards"):
        remove_abandoned(folder)
    others = len(running_cells(runs))
    if others:
        log.info("%s: other processes run %d cells here, which are left to them", runs, others)
    plan.write(runs, command=command or usual_command(plan.recipe, runs))
    for name, error in plan.unreadable.items():
        log.warning("%s is left out: %s", name, error["message"])
    save_pictures(plan.cells, runs)
    standing = {cell.key: standing_record(runs, cell) for cell in plan.cells}
    budget = Budget(plan.recipe.budget_hours, [record for record in standing.values() if record is not None])
    asked = plan.cells
    waiting = [cell for cell in asked if is_open(standing[cell.key], retry)]
    if shard is not None:
        asked = waiting = cells_of_shard(shard, waiting, runs / "shards", plan.recipe.name, budget.expected_s)
    done = len(asked) - len(waiting)
    with _progress(watch, done, len(asked)) as tell, Presence(runs).told() as presence:
        turns = _turns(waiting, standing, runs, presence)
        for result in _results(turns, executor, budget, runs, presence, replace=retry == "all"):
            budget.note(result)
            done += 1
            tell(done, len(asked), result)
    remove_abandoned(runs)  # of workers that were ended while they wrote
    if done < len(asked):
        log.warning("the run ends here: %d of %d cells are missing", len(asked) - done, len(asked))
    found = (standing_record(runs, cell) for cell in plan.cells)
    return [record.result for record in found if record is not None]


def _turns(
    cells: Sequence[Cell], standing: Mapping[str, Record | None], runs: Path, presence: Presence
) -> Iterator[Cell | Record]:
    """Give cells in their order, each claimed for this process; for one that another has run meanwhile, its record.

    A cell that another process is at comes last, and is left to it if it still is at it then. It is asked for again
    after pauses by chance: of two processes that ask at one moment each may have left it to the other.
    """
    held, chance = list(cells), random.SystemRandom()  # no draw of the caller's, which may be those of the other too
    for number in range(_ROUNDS):
        if held and number > 1:
            time.sleep(chance.uniform(0.0, _PAUSE_S))
        asked, held = held, []
        for cell in asked:
            if presence.claim(cell.key, cell.facts()):
                found, before = standing_record(runs, cell), standing[cell.key]
                if found is None or (before is not None and found.result == before.result):
                    yield cell
                else:
                    presence.end(cell.key)
                    yield found
            else:
                held.append(cell)
    if held:
        log.warning("%d cells are left to other processes, which are at them in %s", len(held), runs)


def _results(
    turns: Iterator[Cell | Record],
    executor: Executor | None,
    budget: Budget,
    runs: Path,
    presence: Presence,
    *,
    replace: bool,
) -> Iterator[dict[str, Any]]:
    """Run cells and write what comes of them; a result is given when it is on disk."""
    if executor is None:
        for turn in turns:
            if isinstance(turn, Record):
                yield turn.result
                continue
            if not budget.fits(turn):  # a later one may be cheaper
                presence.end(turn.key)
                if budget.is_spent:
                    return
                continue
            outcome = run_cell(turn)
            write_outcome(runs, outcome, replace=replace)
            presence.end(turn.key)
            yield outcome.result
        return
    function = _task(executor, runs, replace=replace)
    running: dict[Future[Outcome | dict[str, Any]], tuple[Cell, dict[str, Any], float]] = {}
    stopped = False
    while True:
        while not stopped and len(running) < _width(executor):  # no more than are run: the budget decides late
            coming = next(turns, None)
            if isinstance(coming, Record):
                yield coming.result
                continue
            fits = coming is not None and budget.fits(coming)
            stopped = coming is None or (not fits and budget.is_spent)
            if coming is not None and fits:
                try:
                    running[executor.submit(function, coming)] = coming, coming.facts(), time.perf_counter()
                except BrokenExecutor as broken:
                    log.error("the workers are gone: %s; the remaining cells are missing", broken)
                    stopped, fits = True, False
            if coming is not None and not fits:
                presence.end(coming.key)
        if not running:
            return
        try:
            finished = wait_for_first(running, executor)
        except BrokenExecutor as broken:
            for future in running:
                future.cancel()
            raise ResultError(f"run: {broken}; finished cells stay, and the same command resumes") from None
        for future in finished:
            cell, facts, begun = running.pop(future)
            try:
                found = future.result()
            except NoWorkerError as error:
                raise ResultError(f"run: {error}") from None
            except (CancelledError, BrokenExecutor) as gone:  # which of the cells broke it, nobody can tell
                log.error("the workers are gone: %s; the remaining cells are missing", gone or "they were cancelled")
                stopped = True
                presence.end(cell.key)
                continue
            except Exception as error:
                lost = {"total_s": time.perf_counter() - begun, "status": "failed"}
                lost["error"] = describe_error(error, "worker")
                found = Outcome(cell.spec, facts | lost, describe_environment())
            if isinstance(found, Outcome):  # workers of this machine have written theirs
                write_outcome(runs, found, replace=replace)
                found = found.result
            presence.end(cell.key)
            yield found


def _task(executor: Executor, runs: Path, *, replace: bool) -> Callable[[Cell], Outcome | dict[str, Any]]:
    if isinstance(executor, Workers):
        return partial(
            _run_and_write,
            runs=runs.absolute(),
            replace=replace,
            threads=executor.limits.threads,
            parallel=executor.count,
        )
    return partial(run_cell_in_worker, threads=1, parallel=_width(executor))


def _run_and_write(cell: Cell, *, runs: Path, replace: bool, threads: int, parallel: int) -> dict[str, Any]:
    """Run a cell and write it: what is finished stays, even if whoever asked for it is killed meanwhile."""
    outcome = run_cell_in_worker(cell, threads=threads, parallel=parallel)
    write_outcome(runs, outcome, replace=replace)
    return outcome.result


def _width(executor: Executor) -> int:
    """Cells that an executor runs at a time; what cannot be known is taken for the machine's cores."""
    return getattr(executor, "_max_workers", None) or usable_cores()


def standing_record(runs: Path, cell: Cell) -> Record | None:
    """Read the record of a cell; None where there is none that can be used."""
    try:
        return read_record(runs / cell.key[:KEY_LENGTH])
    except ResultError:
        return None


def check_retry(retry: str | None) -> None:
    """Refuse a word for what is to be run again that there is not."""
    if retry is not None and retry not in RETRIES:
        raise ParameterError(f"run: expected retry to be one of {', '.join(RETRIES)}, got {retry!r}")


def is_open(record: Record | None, retry: str | None) -> bool:
    """Whether a cell with such a record is to be run."""
    return record is None or retry == "all" or (retry == "failed" and not record.good)


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
