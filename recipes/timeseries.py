"""Any set of time series: is it worth turning them into images?

    python recipes/timeseries.py gunpoint
    python recipes/timeseries.py ~/UCR/OliveOil ~/UCR/ECG200 --resamples 5

Values, then a call. Change the values, or give another data set: a folder of the UCR archive, a .ts or .csv file,
an .npy array, a folder of class folders, or one of the sets that come along.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from img_repr.benchmark.contender import Contender
from img_repr.benchmark.execution.workers import Workers
from img_repr.benchmark.recipe import Recipe
from img_repr.benchmark.report.page import write_report
from img_repr.benchmark.run_benchmark import run_benchmark
from img_repr.core.errors import ImgReprError
from img_repr.core.loader import load_dataset

# The first image and the first table are the ones that the verdict compares; they are named before any result.
CONTENDERS = (
    "cnn:recurrence(signed=True)|scalogram|gadf",
    "cnn:recurrence(signed=True)",
    "cnn:scalogram",
    "cnn:gadf",
    "cnn:gadf+mtf+recurrence",
    "table:minirocket:ridge",
    "table:summary:extra_trees",
    "table:raw:1nn_dtw",
    "table:raw:1nn",
    "pixels:gadf:extra_trees",
    "majority",
)
SEEDS = (0, 1, 2)


def main(
    data: Annotated[list[str], typer.Argument(help="Data sets: files, folders, or gunpoint, coffee, basic_motions.")],
    resamples: Annotated[int, typer.Option(help="Stratified resamples; the first is the published split.")] = 1,
    contender: Annotated[list[str] | None, typer.Option(help="In place of CONTENDERS; may be repeated.")] = None,
    hours: Annotated[float | None, typer.Option(help="Budget; what does not fit is shown as missing.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for records and page.")] = Path("runs/timeseries"),
) -> None:
    """Set images of time series against tables and write the page."""
    try:
        loaded = [load_dataset(source) for source in data]
        recipe = Recipe(
            name="timeseries",
            datasets=tuple(one.name for one in loaded),
            contenders=tuple(Contender.parse(text) for text in contender or CONTENDERS),
            resamples=resamples,
            seeds=SEEDS,
            budget_hours=hours,
        )
        with Workers() as workers:  # a run that dies takes its process along, and nothing else
            run_benchmark(recipe, out, datasets=loaded, executor=workers, command=f"python {' '.join(sys.argv)}")
        typer.echo(f"report page: {write_report(out, out / 'report.html').resolve()}")
    except ImgReprError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    typer.run(main)
