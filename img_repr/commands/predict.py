"""``img-repr predict``: classify raw samples with a trained model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from img_repr.commands.csv_output import write_csv
from img_repr.commands.options import (
    Device,
    LoadOptions,
    check_source,
    check_written,
    expand_options,
    read_dataset,
    read_device,
)
from img_repr.console import counting_bar, is_terminal, print_table, say

if TYPE_CHECKING:
    from img_repr.core.dataset import Dataset


@expand_options
def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that `train` wrote.")],
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Files or folders of raw samples.")],
    out: Annotated[
        Path | None, typer.Option(help="Write a CSV here. Default: a table on a terminal, CSV into a pipe.")
    ] = None,
    load: LoadOptions = LoadOptions(),  # noqa: B008 - frozen
    device: Device = "auto",
) -> None:
    """Classify raw samples with a trained model: the class and the probability of each class.

    Each row names its sample: the file, the id, the session, or the number of the row. Labels in the input are
    ignored.

    Example: img-repr predict models/gunpoint new_series.csv --out predictions.csv
    """
    from img_repr.core.errors import DataError, SampleError

    options = load.read()
    check_written(model, "train", "model.json")
    for source in inputs:
        check_source(source, load.format)
    if out is not None and out.is_dir():
        raise DataError(f"{out}: expected a file to write predictions into, got a folder")
    chosen = read_device(device)
    from img_repr.training.classifier import ImageClassifier

    classifier = ImageClassifier.load(model, device=chosen)
    rows: list[tuple[str, ...]] = []
    with counting_bar("predicting", len(inputs)) as advance:
        for source in inputs:
            dataset = read_dataset(source, options, load.format, labeled="label" in options, columns=classifier.columns)
            expected = classifier.encoders[0].domain
            if dataset.domain.name != expected.name:
                raise DataError(f"{source}: expected {expected.name} as the model, got {dataset.domain.name}")
            try:
                found = classifier.predict_proba(dataset.samples)
            except SampleError as error:
                raise SampleError(f"{source}: {error}") from error
            for name, row in zip(_names(dataset), found, strict=True):
                best = classifier.classes[int(row.argmax())]
                rows.append((source, name, best, *(f"{value:.6f}" for value in row)))
            advance(1)
    heads = ("input", "sample", "class", *(f"p({name})" for name in classifier.classes))
    if out is None and is_terminal():
        print_table("predictions", heads, rows)
    else:
        write_csv(out, heads, rows)
    if out is not None:
        say(f"{len(rows)} predictions in {out}")


def _names(dataset: "Dataset") -> list[str]:
    """Return the name of each sample, or its number if the data set has no names."""
    return [str(name) for name in (range(len(dataset)) if dataset.names is None else dataset.names)]
