"""``img-repr bench plan``: what a run would do."""

from pathlib import Path
from typing import Annotated

import typer

from img_repr.commands.bench_options import (
    Changes,
    Contenders,
    Force,
    Hours,
    Resamples,
    Seeds,
    Sources,
    SplitKind,
    check_sources,
    command_line,
    read_asked,
)
from img_repr.commands.options import (
    DropColumns,
    Format,
    GroupColumn,
    Hyperparameters,
    IdColumn,
    LabelColumn,
    Loading,
    TimeColumn,
    read_loading,
)
from img_repr.console import notes, print_table, say
from img_repr.core.errors import ParameterError

_HEADS = ("data set", "contender", "runs", "on disk", "failed", "missing", "expected")


def plan(
    sources: Sources,
    out: Annotated[
        Path | None, typer.Option(help="Folder of records; the plan is written there. Default: runs/NAME is looked at.")
    ] = None,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Write the recipe, to run it by `bench run FILE.toml`.")
    ] = None,
    contenders: Contenders = None,
    seeds: Seeds = None,
    resamples: Resamples = None,
    split: SplitKind = None,
    force: Force = False,
    hours: Hours = None,
    format: Format = None,
    loading: Loading = None,
    label_col: LabelColumn = None,
    group_col: GroupColumn = None,
    time_col: TimeColumn = None,
    id_col: IdColumn = None,
    drop: DropColumns = None,
    hyperparameters: Hyperparameters = None,
    changes: Changes = None,
) -> None:
    """Show what a run would do: its runs, what is on disk of them, and how long the rest may take.

    Example: img-repr bench plan gunpoint --seeds 3 --write gunpoint.toml
    """
    options = read_loading(loading, label=label_col, group=group_col, time=time_col, id=id_col, drop=drop)
    check_sources(sources, format or options.get("format"))
    if write is not None and write.is_dir():
        raise ParameterError(f"bench plan: expected --write to name a file, got the folder {write}")
    from img_repr.benchmark.execution.budget import estimate
    from img_repr.benchmark.recipe_file import write_recipe

    asked = read_asked(
        sources, contenders=contenders, seeds=seeds, resamples=resamples, split=split, force=force, hours=hours,
        format=format, loading=options, hyperparameters=hyperparameters, changes=changes,
    )  # fmt: skip
    made = asked.plan(tell_all=True)
    for name, error in made.unreadable.items():
        notes.tell(f"{name} is left out: {error['message']}")
    counts = estimate(made.runs, out or Path("runs") / asked.recipe.name)
    rows = []
    for one in counts:
        expected = _in_words(one.expected_s, one.unknown, one.missing)
        rows.append((one.dataset, one.contender, *one.numbers, expected))
    print_table(f"plan of {asked.recipe.name}", _HEADS, rows)
    missing, unknown = sum(one.missing for one in counts), sum(one.unknown for one in counts)
    expected = _in_words(sum(one.expected_s for one in counts), unknown, missing)
    say(f"{len(made.runs)} runs, {missing} missing{f'; one worker takes: {expected}' if missing else ''}")
    if out is not None:
        say(f"plan in {made.write(out, command=command_line())}")
    if write is not None:
        say(f"recipe in {write_recipe(asked.written, write)}")


def _in_words(seconds: float, unknown: int, missing: int) -> str:
    """Say how long missing runs may take, of some of which nothing is known."""
    if unknown == missing:
        return "unknown" if missing else ""
    size = f"{seconds:.0f} s"
    if seconds >= 120:
        size = f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
    return f"{size} and {unknown} unknown" if unknown else size
