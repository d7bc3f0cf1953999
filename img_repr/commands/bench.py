"""``img-repr bench`` and ``report``: compare images with tables, and write the page of results."""

import difflib
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from img_repr.commands.bench_options import BenchOptions, Sources, check_sources, command_line
from img_repr.commands.bench_plan import plan, status
from img_repr.commands.guard import Stopped
from img_repr.commands.options import LoadOptions, Runs, check_written, expand_options
from img_repr.console import messages, notes, say
from img_repr.core.errors import ParameterError

if TYPE_CHECKING:
    from img_repr.benchmark.execution.plan import Plan
    from img_repr.benchmark.execution.shard import Shard


class _RunByDefault(TyperGroup):
    """A group that passes its arguments to ``run`` unless the first is a command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = args[0] if args else "--help"
        misspelt = difflib.get_close_matches(first, self.commands, cutoff=0.8) and not Path(first).exists()
        if first not in (*self.commands, *ctx.help_option_names) and not misspelt:
            args = ["run", *args]
        return super().parse_args(ctx, args)


bench = typer.Typer(
    cls=_RunByDefault,
    no_args_is_help=True,
    help="Compare images with tables: is it worth turning these data into images?\n\n"
    "`img-repr bench gunpoint` is `img-repr bench run gunpoint`; `img-repr bench run --help` lists its options.",
)


@bench.command()
@expand_options
def run(
    sources: Sources,
    out: Annotated[Path | None, typer.Option(help="Folder for records and page; default: runs/NAME.")] = None,
    options: BenchOptions = BenchOptions(),  # noqa: B008 - frozen
    load: LoadOptions = LoadOptions(),  # noqa: B008 - frozen
    only_missing: Annotated[
        bool, typer.Option("--only-missing", help="Run only what has no record (the default).")
    ] = False,
    retry: Annotated[str | None, typer.Option(metavar="failed|all", help="Run again: failures, or everything.")] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Run part I of N equal parts of the missing runs, without a page. The folders merge by copying.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Worker processes; 0: run in this process. Default: as many as fit the machine."),
    ] = None,
    memory: Annotated[
        float | None, typer.Option(metavar="GB", help="Memory of each worker. Default: an even share of what is free.")
    ] = None,
    run_hours: Annotated[float | None, typer.Option(help="Time limit of one run, in hours.")] = None,
    dask: Annotated[
        str | None, typer.Option(metavar="ADDRESS|local:N", help="Use the workers of a Dask cluster (extra: scale).")
    ] = None,
) -> None:
    """Compare contenders and write the report page.

    To resume, run the same command again: runs on disk are skipped. Each run (one contender on one split under one
    seed) has a worker process; a run that crashes or exceeds a limit is a failure in the table, and the others go on.

    Example: img-repr bench gunpoint --seeds 3
    """
    check_sources(sources, load.format or load.read().get("format"))
    from img_repr.benchmark.execution.processes import prepare

    if only_missing and retry:
        raise ParameterError(f"bench: expected --only-missing or --retry, got both, --retry {retry}")
    if dask and (workers is not None or memory or run_hours):
        raise ParameterError("bench: expected --dask or limits of workers here, got both")
    if workers != 0 and not dask:
        prepare()  # while this process imports torch, which takes seconds
    from img_repr.benchmark.execution.shard import Shard
    from img_repr.benchmark.result import check_runs_folder
    from img_repr.benchmark.run_benchmark import check_retry, run_benchmark
    from img_repr.core.errors import ResultError

    check_retry(retry)
    part = Shard.parse(shard) if shard else None
    if out is not None:
        check_runs_folder(out)
    loaded = options.read(sources, load)
    made = loaded.plan()
    folder = out or Path("runs") / loaded.recipe.name
    try:
        with _executor(made, folder, retry, part, workers, memory, run_hours, dask) as executor:
            results = run_benchmark(made, folder, retry=retry, shard=part, executor=executor, command=command_line())
    except KeyboardInterrupt:
        progress = f"{_count_written(made, folder)} of {len(made.runs)} runs are on disk"
        raise Stopped(f"stopped; {progress}, and the same command resumes there") from None
    failed = [result for result in results if result["status"] == "failed"]
    for result in failed:
        notes.show(f"{result['contender']} failed on {result['dataset']}: {result['error']['message']}")
    if part is None:
        _report(folder, None)
    else:
        say(f"shard {part} in {folder}: {len(results)} of {len(made.runs)} runs are there")
    if failed and len(failed) == len(results):
        raise ResultError(f"{folder}: expected a contender that works on these data, got {len(failed)} failures")


@contextmanager
def _executor(
    plan: "Plan", folder: Path, retry: str | None, shard: "Shard | None", workers: int | None,
    memory_gb: float | None, run_hours: float | None, dask: str | None,
) -> Iterator[Executor | None]:  # fmt: skip
    """Yield the executor of the runs, None for this process."""
    from img_repr.benchmark.execution.cluster import Cluster
    from img_repr.benchmark.execution.workers import Workers
    from img_repr.core.executors import dask_client

    if dask:
        with dask_client(dask) as client, Cluster(client) as cluster:
            yield cluster
        return
    if workers == 0:
        yield None
        return
    waiting = len(plan.runs) - (0 if retry else _count_written(plan, folder))
    at_most = max(1, -(-waiting // (shard.of if shard else 1)))
    with Workers(workers, memory_gb=memory_gb, run_hours=run_hours, at_most=at_most) as made:
        if waiting:
            many = f"{made.count} workers, each with" if made.count > 1 else "one worker with"
            threads = "a thread" if made.limits.threads == 1 else f"{made.limits.threads} threads"
            messages.print(f"{many} {threads} and {made.limits.memory_gb:.3g} GB at most")
        yield made


def _count_written(plan: "Plan", folder: Path) -> int:
    """Count the runs of a plan that have a record, good or not."""
    from img_repr.benchmark.result import KEY_LENGTH

    return sum((folder / run.key[:KEY_LENGTH] / "result.json").exists() for run in plan.runs)


bench.command()(plan)
bench.command()(status)


@bench.command()
def report(
    runs: Runs,
    out: Annotated[Path | None, typer.Option(help="The page; default: report.html in the folder.")] = None,
) -> None:
    """Write the report page from the records on disk.

    Example: img-repr report runs/demo
    """
    _report(runs, out)


def _report(runs: Path, out: Path | None) -> None:
    """Write the page, and print its verdicts."""
    check_written(runs, "bench")
    from img_repr.benchmark.evaluation.tables import read_results
    from img_repr.benchmark.evaluation.verdict import headline, reach_verdicts
    from img_repr.benchmark.report.page import write_report

    page = write_report(runs, out or runs / "report.html")
    verdicts = reach_verdicts(read_results(runs).rows)
    for line in [headline(verdicts)] * (len(verdicts) > 1) + [verdict.answer for verdict in verdicts]:
        say(line)
    say(f"records in {runs}")
    say(f"report page: {page.resolve()}")
