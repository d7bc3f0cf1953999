"""``img-repr bench plan`` and ``status``: the runs of a benchmark before, while and after it runs."""

from pathlib import Path
from typing import Annotated

import typer

from img_repr.commands.bench_options import BenchOptions, Sources, check_sources, command_line
from img_repr.commands.csv_output import write_stdout
from img_repr.commands.options import LoadOptions, Runs, check_written, expand_options
from img_repr.console import notes, print_table, say
from img_repr.core.errors import ParameterError, ResultError

_PLAN_HEADS = ("data set", "contender", "runs", "on disk", "failed", "missing", "expected")
_STATUS_HEADS = ("data set", "contender", "runs", "done", "failed", "missing", "errors")


@expand_options
def plan(
    sources: Sources,
    out: Annotated[
        Path | None, typer.Option(help="Folder of records; the plan is written there. Default: runs/NAME is only read.")
    ] = None,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Write the recipe, for `bench run FILE.toml`.")
    ] = None,
    options: BenchOptions = BenchOptions(),  # noqa: B008 - frozen
    load: LoadOptions = LoadOptions(),  # noqa: B008 - frozen
) -> None:
    """Show the runs of a benchmark, how many are on disk, and how long the others may take.

    Example: img-repr bench plan gunpoint --seeds 3 --write gunpoint.toml
    """
    check_sources(sources, load.format or load.read().get("format"))
    if write is not None and write.is_dir():
        raise ParameterError(f"bench plan: expected --write to name a file, got the folder {write}")
    from img_repr.benchmark.execution.budget import estimate
    from img_repr.benchmark.recipe_file import write_recipe

    loaded = options.read(sources, load)
    made = loaded.plan(report_all=True)
    for name, error in made.unreadable.items():
        notes.show(f"{name} is left out: {error['message']}")
    counts = estimate(made.runs, out or Path("runs") / loaded.recipe.name)
    rows = []
    for one in counts:
        expected = _in_words(one.expected_s, one.unknown, one.missing)
        rows.append((one.dataset, one.contender, *one.numbers, expected))
    print_table(f"plan of {loaded.recipe.name}", _PLAN_HEADS, rows)
    missing, unknown = sum(one.missing for one in counts), sum(one.unknown for one in counts)
    expected = _in_words(sum(one.expected_s for one in counts), unknown, missing)
    say(f"{len(made.runs)} runs, {missing} missing{f'; one worker takes: {expected}' if missing else ''}")
    if out is not None:
        say(f"plan in {made.write(out, command=command_line())}")
    if write is not None:
        say(f"recipe in {write_recipe(loaded.to_write, write)}")


def _in_words(seconds: float, unknown: int, missing: int) -> str:
    """Return the time of missing runs in words; the time of ``unknown`` of them cannot be estimated."""
    if unknown == missing:
        return "unknown" if missing else ""
    size = f"{seconds:.0f} s"
    if seconds >= 120:
        size = f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
    return f"{size} and {unknown} unknown" if unknown else size


def status(
    runs: Runs, as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for a program.")] = False
) -> None:
    """Show which runs are done, failed, running and missing, and which records cannot be used.

    Example: img-repr bench status runs/demo
    """
    check_written(runs, "bench")
    import json
    from dataclasses import asdict

    from img_repr.benchmark.execution.status import read_status

    found = read_status(runs)
    if not (found.counts or found.left_out or found.running):
        raise ResultError(f"{runs}: expected a folder that `img-repr bench` wrote, got one without a plan or a record")
    if as_json:
        counts = [{**asdict(one), "missing": one.missing} for one in found.counts]
        write_stdout(json.dumps({**asdict(found), "counts": counts}).encode() + b"\n")
        return
    rows = []
    for one in found.counts:
        errors = ", ".join(f"{name}: {many}" for name, many in one.failed.items())
        rows.append((one.dataset, one.contender, *one.numbers, errors))
    print_table(f"runs in {runs}", _STATUS_HEADS, rows)
    for run in found.running:
        where = f"split {run['split_number']}, seed {run['seed']}"
        say(f"running since {run['started']}: {run['contender']} on {run['dataset']}, {where}")
    for line in found.left_out:
        say(f"left out: {line}")
    if found.unplanned:
        say(f"{found.unplanned} records that belong to no plan")
    numbers = [sum(column) for column in zip(*(map(int, one.numbers) for one in found.counts), strict=True)]
    say("{} runs: {} done, {} failed, {} missing".format(*numbers or [0] * 4))
