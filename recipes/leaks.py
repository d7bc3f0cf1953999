"""Leaks: how much does a random split over known groups inflate a score?

    python recipes/leaks.py ~/free-spoken-digit-dataset ~/ESC-10 ~/Mouse-Dynamics-Challenge ~/sapimouse ~/cpu_rec_corpus

Each data set is split twice: as a benchmark does by default (the publisher's split, or whole groups), and at random, as
many publications do. The tables of its domain are scored on both, those of recording conditions too. The result is a
Markdown table, and a report page for each kind of split.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from img_repr.benchmark.contender import Contender
from img_repr.benchmark.evaluation.score import Score
from img_repr.benchmark.evaluation.tables import read_results
from img_repr.benchmark.execution.workers import Workers
from img_repr.benchmark.recipe import Recipe
from img_repr.benchmark.report.page import write_report
from img_repr.benchmark.run_benchmark import run_benchmark
from img_repr.core.dataset import Dataset
from img_repr.core.domain import DOMAINS
from img_repr.core.errors import ImgReprError, SplitError
from img_repr.core.loader import load_dataset
from img_repr.core.splits.policy import default_split_kind, make_splits

RANDOM_SPLITS = 3
HEAD = "| data set | features | honest split | random split | inflation |\n| --- | --- | --- | --- | --- |"


def main(
    data: Annotated[list[str], typer.Argument(help="Data sets: folders, files, or names of bundled ones.")],
    contender: Annotated[list[str] | None, typer.Option(help="In place of the domain's tables.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for records and pages.")] = Path("runs/leaks"),
) -> None:
    """Score each data set by its honest split and by a random one."""
    try:
        rows, refusals = [], []
        for dataset in map(load_for_users, data):
            contenders = tuple(map(Contender.parse, contender)) if contender else tables_of(dataset)
            honest = scores(dataset, contenders, out / "honest", None)
            random = scores(dataset, contenders, out / "random", "resample")
            kind = default_split_kind(dataset)
            rows += [row_of(dataset.name, kind, honest[name], random[name]) for name in honest if name in random]
            refusals.append(refusal(dataset))
        typer.echo("\n".join(["", HEAD, *rows, "", *filter(None, refusals)]))
        for kind in ("honest", "random"):
            typer.echo(f"report page: {write_report(out / kind, out / kind / 'report.html').resolve()}")
    except ImgReprError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None


def load_for_users(source: str) -> Dataset:
    """Load a data set; Balabit with the question whose session it is, not whether the user is genuine."""
    dataset = load_dataset(source)
    return dataset if dataset.genuine is None else load_dataset(source, protocol="sessions")


def tables_of(dataset: Dataset) -> tuple[Contender, ...]:
    """Return the tables among the default contenders of a data set's domain, those of recording conditions too."""
    known = map(Contender.parse, DOMAINS[dataset.domain.name].contenders)
    return tuple(one for one in known if one.role in ("table", "leak"))


def scores(dataset: Dataset, contenders: tuple[Contender, ...], out: Path, split: str | None) -> dict[str, Score]:
    """Run the contenders on one kind of split and return their scores by name."""
    recipe = Recipe(
        name="leaks",
        datasets=(dataset.name,),
        contenders=contenders,
        split=split,
        resamples=1 if split is None else RANDOM_SPLITS,
        force=split is not None,
        note="" if split is None else "A random split over known groups: these scores are inflated. Do not quote them.",
    )
    with Workers() as workers:
        run_benchmark(recipe, out, datasets=[dataset], executor=workers, command=f"python {' '.join(sys.argv)}")
    rows = [row for row in read_results(out).rows if row.name.split(",")[0] == dataset.name]
    return {name: score for row in rows for name, score in row.scores.items() if score.role in ("table", "leak")}


def row_of(dataset: str, kind: str, honest: Score, random: Score) -> str:
    """Return one line of the table."""
    cells = ["{:.3f} [{:.3f}, {:.3f}]".format(score.accuracy, *score.interval) for score in (honest, random)]
    leak = " (leak)" if honest.role == "leak" else ""
    inflation = 100.0 * (random.accuracy - honest.accuracy)
    return f"| {dataset} | {honest.contender}{leak} | {cells[0]}, {kind} | {cells[1]} | {inflation:+.1f} points |"


def refusal(dataset: Dataset) -> str:
    """Return what a random split of the data set is answered with unless it is forced."""
    try:
        list(make_splits(dataset, "resample"))
    except SplitError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    typer.run(main)
