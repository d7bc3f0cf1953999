"""Binaries: is it worth turning their bytes into images?

    python recipes/binary.py ~/cpu_rec
    python recipes/binary.py ~/cpu_rec --elsewhere /usr/lib
    python recipes/binary.py ~/malimg ~/my_class_folders --hours 5
    python recipes/binary.py python_files

Change the values below, or pass other data: the corpus of cpu_rec, BIG 2015, Malimg, a folder of class folders, a CSV
of paths and labels. The publisher's split is used if there is one; otherwise whole groups (files, packages) are held
out. With --elsewhere, contenders are also fitted on the whole first set and tested on the code of other ELF files; a
file's prediction is the mean over its fragments.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from img_repr.benchmark.contender import Contender
from img_repr.benchmark.evaluation.trials import trials_of
from img_repr.benchmark.execution.workers import Workers
from img_repr.benchmark.recipe import Recipe
from img_repr.benchmark.report.page import write_report
from img_repr.benchmark.result import Record, read_records
from img_repr.benchmark.run_benchmark import run_benchmark
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ImgReprError
from img_repr.core.loader import load_dataset

# The first image and the first table are the ones that the verdict compares; they are named before any result.
CONTENDERS = (
    "cnn:bigram",
    "cnn:byteplot",
    "cnn:bigram|byteplot",
    "table:byte_bigram:logistic_unscaled",
    "table:byte_histogram:extra_trees",
    "table:ember:extra_trees",
    "pixels:byteplot:extra_trees",
    "table:file_size:extra_trees",
    "majority",
)
SEEDS = (0, 1, 2)
TRAINING = {"validation_fraction": 0.0, "epochs": 8, "min_steps": 250}  # nothing is chosen by a validation part


def main(
    data: Annotated[list[str], typer.Argument(help="Data sets: folders, CSV files, or python_files.")],
    contender: Annotated[list[str] | None, typer.Option(help="In place of CONTENDERS; may be repeated.")] = None,
    elsewhere: Annotated[
        Path | None, typer.Option(help="ELF files to test on, after training on the whole first set.")
    ] = None,
    hours: Annotated[float | None, typer.Option(help="Budget; runs beyond it are shown as missing.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for records and page.")] = Path("runs/binary"),
) -> None:
    """Compare images of bytes with tables and write the page."""
    try:
        loaded = [load_dataset(source) for source in data]
        if elsewhere is not None:
            loaded.append(joined(loaded[0], load_dataset(elsewhere, format="elf_code")))
        recipe = Recipe(
            name="binary",
            datasets=tuple(one.name for one in loaded),
            contenders=tuple(Contender.parse(text) for text in contender or CONTENDERS),
            seeds=SEEDS,
            training=TRAINING,
            budget_hours=hours,
        )
        with Workers() as workers:  # a crash ends one run, not the benchmark
            run_benchmark(recipe, out, datasets=loaded, executor=workers, command=f"python {' '.join(sys.argv)}")
        if elsewhere is not None:
            typer.echo("\n".join(votes(read_records(out)[0], loaded[-1].name)))
        typer.echo(f"report page: {write_report(out, out / 'report.html').resolve()}")
    except ImgReprError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None


def joined(known: Dataset, new: Dataset) -> Dataset:
    """Return a data set that trains on all of ``known`` and tests on the samples of ``new`` with known classes."""
    common = np.isin(new.known_labels, known.classes)
    if not common.any():
        raise DataError(f"{new.name}: expected a class that {known.name} has, got only {', '.join(new.classes[:9])}")
    tested = new.subset(np.flatnonzero(common))
    sources = np.arange(len(known)).astype(str) if known.groups is None else known.groups
    other = sorted({*new.classes} - {*known.classes})
    return Dataset(
        f"{known.name} to {new.name}",
        known.domain,
        [*known.samples, *tested.samples],
        labels=np.concatenate([known.known_labels, tested.known_labels]),
        groups=np.concatenate([sources, np.asarray(tested.groups)]),
        split=np.repeat(["train", "test"], [len(known), len(tested)]),
        names=None if known.names is None else np.concatenate([known.names, np.asarray(tested.names)]),
        notes=(*known.notes, *new.notes, *([f"left out of the test: {', '.join(other)}"] if other else ())),
    )


def votes(records: list[Record], dataset: str) -> Iterator[str]:
    """Report for each contender how many files it classifies correctly, by the mean over fragments."""
    for record in sorted(records, key=lambda one: (one.result["contender"], one.result["seed"])):
        if not record.good or record.result["dataset"] != dataset:
            continue
        trials = trials_of(record.predictions)
        if trials is None:  # one fragment of each file
            continue
        said = trials.classes[trials.scores.argmax(axis=1)]
        wrong = [f"{trials.groups[at]} is {trials.labels[at]}, not {said[at]}" for at in np.flatnonzero(~trials.right)]
        yield (
            f"{record.result['contender']}, seed {record.result['seed']}: {len(trials) - len(wrong)} of {len(trials)} "
            f"files named rightly{': ' * bool(wrong)}{'; '.join(wrong[:5])}"
        )


if __name__ == "__main__":
    typer.run(main)
