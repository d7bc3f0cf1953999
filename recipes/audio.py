"""Recordings: is it worth turning them into spectrograms?

    python recipes/audio.py ~/ESC-10
    python recipes/audio.py ~/free-spoken-digit-dataset ~/UrbanSound8K --hours 5
    python recipes/audio.py synthetic_sounds

Change the values below, or pass other data: the folder of FSDD, ESC-10, ESC-50, UrbanSound8K or Speech
Commands, a folder of class folders, a CSV of paths and labels. The publisher's folds are used if there are
any; otherwise whole groups (speakers, sources) are held out.
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
    "cnn:melspectrogram",
    "cnn:melspectrogram|pcen",
    "cnn:melspectrogram+melspectrogram(delta=1)+melspectrogram(delta=2)",
    "cnn:mfcc(cmvn=True)",
    "cnn:stft(frequency='log')",
    "table:acoustic:logistic",
    "table:acoustic:ridge",
    "table:acoustic:extra_trees",
    "pixels:melspectrogram:extra_trees",
    "majority",
)
SEEDS = (0, 1, 2)
TRAINING = {"validation_fraction": 0.0}  # no choice needs a validation set, so all speakers and sources are trained on


def main(
    data: Annotated[list[str], typer.Argument(help="Data sets: folders, CSV files, or synthetic_sounds.")],
    contender: Annotated[list[str] | None, typer.Option(help="In place of CONTENDERS; may be repeated.")] = None,
    hours: Annotated[float | None, typer.Option(help="Budget; what does not fit is shown as missing.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for records and page.")] = Path("runs/audio"),
) -> None:
    """Set images of recordings against tables and write the page."""
    try:
        loaded = [load_dataset(source) for source in data]
        recipe = Recipe(
            name="audio",
            datasets=tuple(one.name for one in loaded),
            contenders=tuple(Contender.parse(text) for text in contender or CONTENDERS),
            seeds=SEEDS,
            training=TRAINING,
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
