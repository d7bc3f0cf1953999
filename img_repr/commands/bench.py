"""``img-repr bench`` and ``report``: images against tables, and the page that says what came of it."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from img_repr.commands.options import ENCODERS_OF, Format, Knobs, Loading, read_dataset, read_settings
from img_repr.console import notes, say


def bench(
    sources: Annotated[list[str], typer.Argument(metavar="DATA|RECIPE...", help="Data sets, or one recipe (.toml).")],
    out: Annotated[Path | None, typer.Option(help="Folder for records and page; default: runs/NAME.")] = None,
    contenders: Annotated[
        list[str] | None,
        typer.Option(
            "--contender",
            "-c",
            help="cnn:ENCODER, table:FEATURES:LEARNER, pixels:ENCODER:LEARNER or majority; may be repeated; "
            f"the first image and the first table are compared. ENCODER: {ENCODERS_OF} image, a|b: a network each. "
            "FEATURES: minirocket, raw, summary, acoustic, kinematic, ember, raw_columns ... "
            "LEARNER: 1nn, 1nn_dtw, extra_trees, gradient_boosting, logistic, ridge.",
        ),
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="Number of seeds.")] = None,
    resamples: Annotated[
        int | None, typer.Option(help="Number of stratified resamples; the first is the published split.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="published, group, time or resample. Default: the most honest that the data allow."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Allow a random split over known groups, times or folds, though it leaks.")
    ] = False,
    hours: Annotated[float | None, typer.Option(help="Budget; what does not fit is shown as missing.")] = None,
    format: Format = None,
    loading: Loading = None,
    knobs: Knobs = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run failed cells again.")] = False,
) -> None:
    """Set images against tables: is it worth turning these data into pictures? Ends with a report page.

    What is on disk already is not run again: an interrupted run goes on where it stopped.

    Example: img-repr bench gunpoint --seeds 3
    """
    from dataclasses import replace

    from img_repr.benchmark.contender import Contender
    from img_repr.benchmark.recipe import Recipe, default_recipe, read_recipe
    from img_repr.benchmark.run import run
    from img_repr.core.errors import ParameterError, ResultError

    loaded = []
    if any(source.endswith(".toml") for source in sources):
        if len(sources) > 1:
            raise ParameterError(f"bench: expected one recipe or data sets, got {', '.join(sources)}")
        recipe: Recipe = read_recipe(sources[0])
    else:
        loaded = [read_dataset(source, format, loading) for source in sources]
        recipe = replace(default_recipe(loaded[0]), datasets=tuple(data.name for data in loaded))
    changes: dict[str, Any] = {
        "contenders": tuple(Contender.parse(text) for text in contenders) if contenders else None,
        "seeds": None if seeds is None else tuple(range(seeds)),
        "resamples": resamples,
        "split": split,
        "force": force or None,
        "budget_hours": hours,
        "loading": ({"format": format} if format else {}) | read_settings(loading, "--load") or None,
        "training": {**recipe.training, **read_settings(knobs, "--train")} if knobs else None,
    }
    recipe = replace(recipe, **{name: value for name, value in changes.items() if value is not None})
    folder = out or Path("runs") / recipe.name
    command = shlex.join(["img-repr", *sys.argv[1:]])
    results = run(recipe, folder, datasets=loaded, retry_failed=retry_failed, command=command)
    failed = [result for result in results if result["status"] == "failed"]
    for result in failed:
        notes.tell(f"{result['contender']} failed on {result['dataset']}: {result['error']['message']}")
    _report(folder, None)
    if failed and len(failed) == len(results):
        raise ResultError(f"{folder}: expected a contender that works on these data, got {len(failed)} failures")


def report(
    runs: Annotated[Path, typer.Argument(metavar="RUNS", help="A folder that `bench` wrote; merged ones too.")],
    out: Annotated[Path | None, typer.Option(help="The page; default: report.html in the folder.")] = None,
) -> None:
    """Write the report page anew from the records on disk.

    Example: img-repr report runs/demo
    """
    _report(runs, out)


def _report(runs: Path, out: Path | None) -> None:
    """Write the page, and say what it says first."""
    from img_repr.benchmark.report import write_report
    from img_repr.benchmark.tables import read_board
    from img_repr.benchmark.verdict import headline, judge

    page = write_report(runs, out or runs / "report.html")
    verdicts = judge(read_board(runs).rows)
    for line in [headline(verdicts)] * (len(verdicts) > 1) + [
        f"{verdict.sentence} {verdict.together}".strip() for verdict in verdicts
    ]:
        say(line)
    say(f"records in {runs}")
    say(f"report page: {page.resolve()}")
