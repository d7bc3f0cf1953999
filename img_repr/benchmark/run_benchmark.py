"""Run a recipe: execute its missing runs in order, within a budget, and write their records."""

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
_ROUNDS = 4  # of attempts to claim a run that another process has claimed
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
    """Execute the runs of a recipe that are not on disk yet.

    Several processes may share one folder, on one machine or on several: each run is executed once.

    Parameters
    ----------
    recipe : Recipe or Plan
        Recipe to run, or its plan.
    out_folder : str or Path
        Folder of the runs; several recipes may share it.
    datasets : iterable of Dataset
        Loaded data sets, used for the data sets of that name.
    retry : {None, "failed", "all"}
        Which runs on disk are executed again: none, failures, or all.
    shard : Shard, optional
        Execute only this part of the missing runs. The folders of all shards merge by copying.
    executor : Executor, optional
        Where runs are executed: :class:`~img_repr.benchmark.execution.workers.Workers` are processes of this machine,
        :class:`~img_repr.benchmark.execution.cluster.Cluster` those of Dask; any other executor uses one thread per
        run. Default: this process, with all its threads.
    watch : callable, optional
        ``watch(done, total, result)`` after every run. Default: a live bar on a terminal, else the log.
    command : str
        The command that repeats this, for the page. Default: made from the path of the recipe.

    Returns
    -------
    list of dict
        ``result.json`` of every planned run that is on disk, in running order.

    Raises
    ------
    DataError, ParameterError, UnknownNameError
        If there is nothing to run, a name is unknown, or the folder has other files than those of runs.
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
        log.info("%s: other processes have claimed %d runs here, which are skipped", runs_folder, others)
    plan.write(runs_folder, command=command or usual_command(plan.recipe, runs_folder))
    for name, error in plan.unreadable.items():
        log.warning("%s is left out: %s", name, error["message"])
    save_images(plan.runs, runs_folder)
    existing = {run.key: existing_record(runs_folder, run) for run in plan.runs}
    budget = Budget(plan.recipe.budget_hours, [record for record in existing.values() if record is not None])
    selected = plan.runs
    waiting = [run for run in selected if is_open(existing[run.key], retry)]
    if shard is not None:
        selected = waiting = runs_of_shard(shard, waiting, runs_folder / "shards", plan.recipe.name, budget.expected_s)
    done = len(selected) - len(waiting)
    with _progress(watch, done, len(selected)) as notify, RunClaims(runs_folder).published() as claims:
        claimed = _claimed(waiting, existing, runs_folder, claims)
        for result in _results(claimed, executor, budget, runs_folder, claims, replace=retry == "all"):
            budget.note(result)
            done += 1
            notify(done, len(selected), result)
    remove_abandoned(runs_folder)  # left by workers that were ended while they wrote
    if done < len(selected):
        log.warning("the benchmark ends here: %d of %d runs are missing", len(selected) - done, len(selected))
    found = (existing_record(runs_folder, run) for run in plan.runs)
    return [record.result for record in found if record is not None]


def _claimed(
    runs: Sequence[Run], existing: Mapping[str, Record | None], runs_folder: Path, claims: RunClaims
) -> Iterator[Run | Record]:
    """Yield runs in order, each claimed for this process, or the record of a run that another process has finished.

    Runs claimed by other processes are tried last, and skipped if they are still claimed then. Random pauses separate
    the attempts, because two processes that try at the same moment may leave a run to each other.
    """
    skipped, random_pause = (
        list(runs),
        random.SystemRandom(),
    )  # other processes may share the seed
    for number in range(_ROUNDS):
        if skipped and number > 1:
            time.sleep(random_pause.uniform(0.0, _PAUSE_S))
        remaining, skipped = skipped, []
        for run in remaining:
            if claims.claim(run.key, run.metadata()):
                found, before = existing_record(runs_folder, run), existing[run.key]
                if found is None or (before is not None and found.result == before.result):
                    yield run
                else:
                    claims.release(run.key)
                    yield found
            else:
                skipped.append(run)
    if skipped:
        log.warning("%d runs are left to other processes, which have claimed them in %s", len(skipped), runs_folder)


def _results(
    claimed: Iterator[Run | Record],
    executor: Executor | None,
    budget: Budget,
    runs_folder: Path,
    claims: RunClaims,
    *,
    replace: bool,
) -> Iterator[dict[str, Any]]:
    """Execute runs and write their records; yield each result once it is on disk."""
    if executor is None:
        for run in claimed:
            if isinstance(run, Record):
                yield run.result
                continue
            if not budget.fits(run):  # a later one may be cheaper
                claims.release(run.key)
                if budget.is_spent:
                    return
                continue
            outcome = execute_run(run)
            write_outcome(runs_folder, outcome, replace=replace)
            claims.release(run.key)
            yield outcome.result
        return
    function = _task(executor, runs_folder, replace=replace)
    running: dict[Future[Outcome | dict[str, Any]], tuple[Run, dict[str, Any], float]] = {}
    stopped = False
    while True:
        while not stopped and len(running) < _width(executor):  # only as many as are executed: the budget decides late
            coming = next(claimed, None)
            if isinstance(coming, Record):
                yield coming.result
                continue
            fits = coming is not None and budget.fits(coming)
            stopped = coming is None or (not fits and budget.is_spent)
            if coming is not None and fits:
                try:
                    running[executor.submit(function, coming)] = coming, coming.metadata(), time.perf_counter()
                except BrokenExecutor as broken:
                    log.error("the workers are gone: %s; the remaining runs are missing", broken)
                    stopped, fits = True, False
            if coming is not None and not fits:
                claims.release(coming.key)
        if not running:
            return
        try:
            finished = wait_for_first(running, executor)
        except BrokenExecutor as broken:
            for future in running:
                future.cancel()
            raise ResultError(f"run: {broken}; finished runs stay, and the same command resumes") from None
        for future in finished:
            run, metadata, begun = running.pop(future)
            try:
                found = future.result()
            except NoWorkerError as error:
                raise ResultError(f"run: {error}") from None
            except (CancelledError, BrokenExecutor) as gone:  # it is unknown which run broke it
                log.error("the workers are gone: %s; the remaining runs are missing", gone or "they were canceled")
                stopped = True
                claims.release(run.key)
                continue
            except Exception as error:
                lost = {"total_s": time.perf_counter() - begun, "status": "failed"}
                lost["error"] = describe_error(error, "worker")
                found = Outcome(run.spec, metadata | lost, describe_environment())
            if isinstance(found, Outcome):  # workers of this machine write their own
                write_outcome(runs_folder, found, replace=replace)
                found = found.result
            claims.release(run.key)
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
    """Execute a run and write its record, which stays even if the parent is killed meanwhile."""
    outcome = execute_run_in_worker(run, threads=threads, parallel=parallel)
    write_outcome(runs_folder, outcome, replace=replace)
    return outcome.result


def _width(executor: Executor) -> int:
    """Return how many runs an executor executes at a time: its workers, else the cores of this machine."""
    return getattr(executor, "_max_workers", None) or usable_cores()


def existing_record(runs_folder: Path, run: Run) -> Record | None:
    """Return the record of a run on disk; None if there is none, or it cannot be used."""
    try:
        return read_record(runs_folder / run.key[:KEY_LENGTH])
    except ResultError:
        return None


def check_retry(retry: str | None) -> None:
    """Refuse an unknown value of ``retry``."""
    if retry is not None and retry not in RETRIES:
        raise ParameterError(f"run: expected retry to be one of {', '.join(RETRIES)}, got {retry!r}")


def is_open(record: Record | None, retry: str | None) -> bool:
    """Whether a run with this record must be executed."""
    return record is None or retry == "all" or (retry == "failed" and not record.good)


def usual_command(recipe: Recipe, runs_folder: Path) -> str:
    """Return the command line for a recipe file; without a file, the call in Python."""
    if recipe.path is None:
        return f"run_benchmark({recipe!r}, {str(runs_folder)!r})"
    return shlex.join(["img-repr", "bench", str(recipe.path), "--out", str(runs_folder)])


class _progress:  # noqa: N801 - used like a function
    """Notify the caller's ``watch``, a live bar on a terminal, or the log."""

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
