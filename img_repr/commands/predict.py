"""``img-repr predict``: classes of raw samples by a trained model."""

from pathlib import Path
from typing import Annotated

import typer

from img_repr.commands.options import Format, Loading, read_dataset
from img_repr.console import counting_bar, print_table, say, screen, write_csv


def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that `train` wrote.")],
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Files or folders of raw samples.")],
    out: Annotated[
        Path | None, typer.Option(help="Write a CSV here. Default: a table on a terminal, CSV into a pipe.")
    ] = None,
    format: Format = None,
    loading: Loading = None,
) -> None:
    """Classify raw samples with a trained model: the class and the probability of each class.

    Labels that the files hold are not looked at.

    Example: img-repr predict models/gunpoint new_series.csv --out predictions.csv
    """
    from img_repr.core.errors import DataError, SampleError
    from img_repr.training.classifier import ImageClassifier

    classifier = ImageClassifier.load(model)
    if out is not None and out.is_dir():
        raise DataError(f"{out}: expected a file to write predictions into, got a folder")
    rows: list[tuple[str, ...]] = []
    with counting_bar("predicting", len(inputs)) as advance:
        for source in inputs:
            dataset = read_dataset(source, format, loading, columns=classifier.columns)
            expected = classifier.encoders[0].domain
            if dataset.domain.name != expected.name:
                raise DataError(f"{source}: expected {expected.name} as the model, got {dataset.domain.name}")
            try:
                found = classifier.predict_proba(dataset.samples)
            except SampleError as error:
                raise SampleError(f"{source}: {error}") from error
            for number, chances in enumerate(found):
                best = classifier.classes[int(chances.argmax())]
                rows.append((source, str(number), best, *(f"{chance:.6f}" for chance in chances)))
            advance(1)
    heads = ("input", "sample", "class", *(f"p({name})" for name in classifier.classes))
    if out is None and screen.is_terminal:
        print_table("predictions", heads, rows)
    else:
        write_csv(out, heads, rows)
    if out is not None:
        say(f"{len(rows)} predictions in {out}")
