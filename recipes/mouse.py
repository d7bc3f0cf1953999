"""Mouse traces: who moves this pointer, and do images show more than features?

    python recipes/mouse.py ~/Mouse-Dynamics-Challenge
    python recipes/mouse.py ~/sapimouse --at-most 60 --hours 2
    python recipes/mouse.py synthetic_traces

Change the values below, or pass other data. Balabit gives four sets: the challenge with its published protocol (ROC
AUC over test sessions), the same among users of one kind of hardware, the same with test sessions moved to a smaller
screen, and the training files with whole sessions held out. SapiMouse: three-minute sessions for training, one-minute
sessions for testing. Clock and screen alone identify many users, so every table has a row of these two only.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from img_repr.benchmark.contender import Contender
from img_repr.benchmark.execution.workers import Workers
from img_repr.benchmark.recipe import Recipe
from img_repr.benchmark.report.page import write_report
from img_repr.benchmark.run_benchmark import run_benchmark
from img_repr.core.dataset import Dataset
from img_repr.core.errors import ImgReprError
from img_repr.core.loader import load_dataset

# The first image and the first table are the ones that the verdict compares; they are named before any result.
CONTENDERS = (
    "cnn:trajectory(size=48)",
    "cnn:trajectory(size=48, channels='mono', marks=False)",
    "table:kinematic:extra_trees",
    "table:clock_and_screen:extra_trees",
    "majority",
)
SEEDS = (0, 1, 2)
TRAINING = {"validation_fraction": 0.0, "epochs": 10, "min_steps": 250, "batch_size": 32}  # nothing is chosen by it
SAME_HARDWARE = ("user12", "user15", "user16", "user29")  # 1920 x 1080 pixels, an event every 110 ms
OTHER_SCREEN = 0.7  # from 1920 to 1344 pixels across


def main(
    data: Annotated[list[str], typer.Argument(help="Data sets: folders, files, or synthetic_traces.")],
    contender: Annotated[list[str] | None, typer.Option(help="In place of CONTENDERS; may be repeated.")] = None,
    at_most: Annotated[int, typer.Option(help="Segments of each session, evenly spaced.")] = 100,
    hours: Annotated[float | None, typer.Option(help="Budget; what does not fit is shown as missing.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for records and page.")] = Path("runs/mouse"),
) -> None:
    """Set images of traces against tables and write the page."""
    try:
        loaded = [one for source in data for one in variants(source, at_most)]
        recipe = Recipe(
            name="mouse",
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


def variants(source: str, at_most: int) -> Iterator[Dataset]:
    """Load a set; for Balabit also the variants that separate behavior from hardware."""
    if not Path(source).exists():
        yield load_dataset(source)
        return
    first = load_dataset(source, at_most=at_most)
    yield first
    if first.name != "Balabit" or first.genuine is None:
        return
    variants_of_balabit: dict[str, dict[str, Any]] = {
        "one kind of hardware": {"users": [user for user in SAME_HARDWARE if user in first.classes]},
        f"tested on screens {OTHER_SCREEN:g} times as wide": {"test_scale": OTHER_SCREEN},
        "whose session": {"protocol": "sessions"},
    }
    for words, options in variants_of_balabit.items():
        try:
            yield replace(load_dataset(source, at_most=at_most, **options), name=f"Balabit, {words}")
        except ImgReprError as error:
            typer.echo(f"left out: Balabit, {words}: {error}", err=True)


if __name__ == "__main__":
    typer.run(main)
