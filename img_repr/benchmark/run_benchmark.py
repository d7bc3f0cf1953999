"""Run a recipe: the runs that are missing, in order, within a budget; results go to disk, and only there."""

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

from img_repr.benchmark.execution.budget import Budget
from img_repr.benchmark.execution.claims import RunClaims, claimed_runs
from img_repr.benchmark.execution.environment import describe_environment
from img_repr.benchmark.execution.plan import Plan, make_plan
from img_repr.benchmark.execution.run import Run, describe_error, execute_run, execute_run_in_worker
from img_repr.benchmark.execution.shard import Shard, runs_of_shard
from img_repr.benchmark.execution.workers import NoWorkerError, Workers
from img_repr.benchmark.recipe import Recipe
from img_repr.benchmark.report.images import save_images
from img_repr.benchmark.result import KEY_LENGTH, Outcome, Record, check_runs_folder, read_record, write_outcome
from img_repr.core.atomic import remove_abandoned
from img_repr.core.dataset import Dataset
from img_repr.core.errors import ParameterError, ResultError
from img_repr.core.executors import wait_for_first
from img_repr.core.machine import usable_cores

log = logging.getLogger(__name__)
Watcher = Callable[[int, int, dict[str, Any]], None]
RETRIES = ("failed", "all")
_ROUNDS = 4  # in which a run that another process is at is asked for
_PAUSE_S = 0.5  # at most, between the last of them


def run_benchmark(
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
    """Run the runs of a recipe that are not on disk yet.

    Several processes may do so in one folder, on one machine or on several that share it: a run that one of them is
    at, or has run, is not run by another.

    Parameters
    ----------
    recipe : Recipe or Plan
        What to run; a plan is one that was made of a recipe already.
    out_folder : str or Path
        Where the runs are; several recipes may share it.
    datasets : iterable of Dataset
        Data sets that are loaded already, used for the names in the recipe that they bear.
    retry : {None, "failed", "all"}
        Which runs are run again though their record is on disk: none, failures, or every one.
    shard : Shard, optional
        Run this part of the open runs only; others run the other parts, and their folders merge by copying.
    executor : Executor, optional
        Where runs run: :class:`~img_repr.benchmark.execution.workers.Workers` are processes of this machine, which may
        die; :class:`~img_repr.benchmark.execution.cluster.Cluster` those of Dask; any other gets runs whole, to run on
        one thread. Default: in this process, on all its threads.
    watch : callable, optional
        ``watch(done, total, result)`` after every run. Default: a live bar on a terminal, else the log.
    command : str
        How to run this again, for the page; made of the recipe's path by default.

    Returns
    -------
    list of dict
        ``result.json`` of every planned run that is on disk, in running order.

    Raises
    ------
    DataError, ParameterError, UnknownNameError
        If there is nothing to run, something unknown is asked for, or the folder holds something else than runs.
    ResultError
        If no worker can be started.
    """
    check_retry(retry)
    runs_folder = Path(out_folder)
    check_runs_folder(runs_folder)
    plan = recipe if isinstance(recipe, Plan) else make_plan(recipe, datasets)
    for folder in (runs_folder, runs_folder / "plans", runs_folder / "images", runs_folder / "shards"):
        remove_abandoned(folder)
    others = len(claimed_runs(runs_folder))
    if others:
        log.info("%s: other processes run %d runs here, which are left to them", runs_folder, others)
    plan.write(runs_folder, command=command or usual_command(plan.recipe, runs_folder))
    for name, error in plan.unreadable.items():
        log.warning("%s is left out: %s", name, error["message"])
    save_images(plan.runs, runs_folder)
    standing = {run.key: standing_record(runs_folder, run) for run in plan.runs}
    budget = Budget(plan.recipe.budget_hours, [record for record in standing.values() if record is not None])
    asked = plan.runs
    waiting = [run for run in asked if is_open(standing[run.key], retry)]
    if shard is not None:
        asked = waiting = runs_of_shard(shard, waiting, runs_folder / "shards", plan.recipe.name, budget.expected_s)
    done = len(asked) - len(waiting)
    with _progress(watch, done, len(asked)) as tell, RunClaims(runs_folder).told() as presence:
        turns = _turns(waiting, standing, runs_folder, presence)
        for result in _results(turns, executor, budget, runs_folder, presence, replace=retry == "all"):
            budget.note(result)
            done += 1
            tell(done, len(asked), result)
    remove_abandoned(runs_folder)  # of workers that were ended while they wrote
    if done < len(asked):
        log.warning("the run ends here: %d of %d runs are missing", len(asked) - done, len(asked))
    found = (standing_record(runs_folder, run) for run in plan.runs)
    return [record.result for record in found if record is not None]


def _turns(
    runs: Sequence[Run], standing: Mapping[str, Record | None], runs_folder: Path, presence: RunClaims
) -> Iterator[Run | Record]:
    """Give runs in their order, each claimed for this process; for one that another has run meanwhile, its record.

    A run that another process is at comes last, and is left to it if it still is at it then. It is asked for again
    after pauses by chance: of two processes that ask at one moment each may have left it to the other.
    """
    held, chance = list(runs), random.SystemRandom()  # no draw of the caller's, which may be those of the other too
    for number in range(_ROUNDS):
        if held and number > 1:
            time.sleep(chance.uniform(0.0, _PAUSE_S))
        asked, held = held, []
        for run in asked:
            if presence.claim(run.key, run.facts()):
                found, before = standing_record(runs_folder, run), standing[run.key]
                if found is None or (before is not None and found.result == before.result):
                    yield run
                else:
                    presence.end(run.key)
                    yield found
            else:
                held.append(run)
    if held:
        log.warning("%d runs are left to other processes, which are at them in %s", len(held), runs_folder)


def _results(
    turns: Iterator[Run | Record],
    executor: Executor | None,
    budget: Budget,
    runs_folder: Path,
    presence: RunClaims,
    *,
    replace: bool,
) -> Iterator[dict[str, Any]]:
    """Run runs and write what comes of them; a result is given when it is on disk."""
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
            outcome = execute_run(turn)
            write_outcome(runs_folder, outcome, replace=replace)
            presence.end(turn.key)
            yield outcome.result
        return
    function = _task(executor, runs_folder, replace=replace)
    running: dict[Future[Outcome | dict[str, Any]], tuple[Run, dict[str, Any], float]] = {}
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
                    log.error("the workers are gone: %s; the remaining runs are missing", broken)
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
            raise ResultError(f"run: {broken}; finished runs stay, and the same command resumes") from None
        for future in finished:
            run, facts, begun = running.pop(future)
            try:
                found = future.result()
            except NoWorkerError as error:
                raise ResultError(f"run: {error}") from None
            except (CancelledError, BrokenExecutor) as gone:  # which of the runs broke it, nobody can tell
                log.error("the workers are gone: %s; the remaining runs are missing", gone or "they were canceled")
                stopped = True
                presence.end(run.key)
                continue
            except Exception as error:
                lost = {"total_s": time.perf_counter() - begun, "status": "failed"}
                lost["error"] = describe_error(error, "worker")
                found = Outcome(run.spec, facts | lost, describe_environment())
            if isinstance(found, Outcome):  # workers of this machine have written theirs
                write_outcome(runs_folder, found, replace=replace)
                found = found.result
            presence.end(run.key)
            yield found


def _task(executor: Executor, runs_folder: Path, *, replace: bool) -> Callable[[Run], Outcome | dict[str, Any]]:
    if isinstance(executor, Workers):
        return partial(
            _run_and_write,
            runs_folder=runs_folder.absolute(),
            replace=replace,
            threads=executor.limits.threads,
            parallel=executor.count,
        )
    return partial(execute_run_in_worker, threads=1, parallel=_width(executor))


def _run_and_write(run: Run, *, runs_folder: Path, replace: bool, threads: int, parallel: int) -> dict[str, Any]:
    """Run a run and write it: what is finished stays, even if whoever asked for it is killed meanwhile."""
    outcome = execute_run_in_worker(run, threads=threads, parallel=parallel)
    write_outcome(runs_folder, outcome, replace=replace)
    return outcome.result


def _width(executor: Executor) -> int:
    """Return how many runs an executor works on at a time: its workers, else the machine's cores."""
    return getattr(executor, "_max_workers", None) or usable_cores()


def standing_record(runs_folder: Path, run: Run) -> Record | None:
    """Read the record of a run; None where there is none that can be used."""
    try:
        return read_record(runs_folder / run.key[:KEY_LENGTH])
    except ResultError:
        return None


def check_retry(retry: str | None) -> None:
    """Refuse a word for what is to be run again that there is not."""
    if retry is not None and retry not in RETRIES:
        raise ParameterError(f"run: expected retry to be one of {', '.join(RETRIES)}, got {retry!r}")


def is_open(record: Record | None, retry: str | None) -> bool:
    """Whether a run with such a record is to be run."""
    return record is None or retry == "all" or (retry == "failed" and not record.good)


def usual_command(recipe: Recipe, runs_folder: Path) -> str:
    """Command line that runs a recipe's file into a folder; without a file the call in Python."""
    if recipe.path is None:
        return f"run_benchmark({recipe!r}, {str(runs_folder)!r})"
    return shlex.join(["img-repr", "bench", str(recipe.path), "--out", str(runs_folder)])


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
