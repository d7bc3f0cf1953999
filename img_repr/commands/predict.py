"""``img-repr predict``: classify raw samples with a trained model."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from img_repr.commands.csv_output import csv_lines, write_stdout
from img_repr.commands.guard import Stopped
from img_repr.commands.options import (
    Device,
    LoadOptions,
    check_source,
    check_written,
    expand_options,
    read_device,
    report_dataset,
)
from img_repr.console import counting_bar, is_terminal, notes, print_table, say

if TYPE_CHECKING:
    from img_repr.training.predictions import Prediction

_REPORTED = 20  # inputs; of more none is summarized
_STDIN = "-"


@expand_options
def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that `train` wrote.")],
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...", help="Files or folders of raw samples; - reads a list of files, or a table, from stdin."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Write a file. Default: a table on a terminal, rows into a pipe as they appear.")
    ] = None,
    output: Annotated[
        Literal["csv", "jsonl"] | None,
        typer.Option(
            help="Comma-separated values, or a JSON object per line. Default: by the name of --out, else csv."
        ),
    ] = None,
    on_error: Annotated[
        Literal["stop", "row"],
        typer.Option(help="What cannot be read or encoded: stop, or write a row with the error."),
    ] = "stop",
    load: LoadOptions = LoadOptions(),  # noqa: B008 - frozen
    device: Device = "auto",
) -> None:
    """Classify raw samples with a trained model: the class and the probability of each class.

    Each row names its sample: the file, the id, the session, or the number of the row. Labels in the input are
    ignored. After Ctrl-C the rows that were finished are complete.

    Example: img-repr predict models/gunpoint new_series.csv --out predictions.csv
    """
    from img_repr.core.errors import DataError

    options = load.read()
    check_written(model, "train", "model.json")
    if out is not None and out.is_dir():
        raise DataError(f"{out}: expected a file to write predictions into, got a folder")
    kind = output or ("jsonl" if out is not None and out.suffix.lower() in (".jsonl", ".ndjson") else "csv")
    with _sources(inputs) as sources:
        for source in sources if on_error == "stop" else ():
            check_source(source, load.format)
        chosen = read_device(device)
        from img_repr.training.classifier import ImageClassifier
        from img_repr.training.predictions import predict_sources

        classifier = ImageClassifier.load(model, device=chosen)
        with counting_bar("predicting", len(sources)) as advance:
            found = predict_sources(
                classifier,
                sources,
                options={"format": load.format, **options},
                labeled="label" in options,
                keep_errors=on_error == "row",
                on_dataset=report_dataset if len(sources) <= _REPORTED else None,
                on_source=advance,
            )
            _write(found, classifier.classes, out, kind, with_errors=on_error == "row")


@contextmanager
def _sources(inputs: list[str]) -> Iterator[list[str]]:
    """Yield the inputs, with stdin replaced by the files that it lists, or by a file of the table that it holds."""
    from img_repr.core.errors import DataError

    if _STDIN not in inputs:
        yield inputs
        return
    if inputs.count(_STDIN) > 1 or sys.stdin is None:
        raise DataError("predict: expected stdin once, as -, and open")
    content = sys.stdin.buffer.read()
    lines = content.decode("utf-8", "surrogateescape").splitlines()
    named = [line.strip() for line in lines if line.strip()]
    if not named:
        raise DataError("stdin: expected a list of files, one per line, or a table, got nothing")
    with tempfile.TemporaryDirectory() as temporary:
        if not _is_path(named[0]):
            table = Path(temporary, "stdin.csv")
            table.write_bytes(content)
            named = [str(table)]
        at = inputs.index(_STDIN)
        yield [*inputs[:at], *named, *inputs[at + 1 :]]


def _is_path(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False


def _write(
    found: "Iterator[list[Prediction]]", classes: tuple[str, ...], out: Path | None, kind: str, *, with_errors: bool
) -> None:
    """Write predictions batch by batch: to a file that is renamed at the end, to stdout, or as a table."""
    from img_repr.core.atomic import atomic_file
    from img_repr.core.errors import DataError
    from img_repr.training.interruption import stop_requests

    heads = ("input", "sample", "class", *(f"p({name})" for name in classes), *(["error"] * with_errors))
    count = failed = 0

    def run(write: Callable[[bytes], Any], stopped: Callable[[], bool]) -> None:
        nonlocal count, failed
        if kind == "csv":
            write(csv_lines([heads]))
        for batch in found:
            write(csv_lines(_row(one, heads) for one in batch) if kind == "csv" else _json_lines(batch, classes))
            count, failed = count + len(batch), failed + sum(one.error != "" for one in batch)
            if stopped():
                return

    if out is None and output_is_table(kind):
        rows = [_row(one, heads) for batch in found for one in batch]
        print_table("predictions", heads, rows)
        return
    try:
        with stop_requests(True) as stopped:
            if out is None:
                run(write_stdout, stopped)
            elif out.exists() and not out.is_file():  # a device or a FIFO is written to, never replaced
                with out.open("wb", buffering=0) as device:
                    run(device.write, stopped)
            else:
                with atomic_file(out.resolve(), flush=True) as temporary, temporary.open("wb") as stream:
                    run(stream.write, stopped)
    except OSError as error:
        raise DataError(f"{out}: expected a place for a file, got: {error.strerror}") from None
    except KeyboardInterrupt:
        raise Stopped(f"stopped after {count} predictions, which are kept") from None
    if failed:
        notes.show(f"{failed} of {count} samples have no prediction; their rows say why")
    if out is not None:
        say(f"{count} predictions in {out}")


def output_is_table(kind: str) -> bool:
    """Return whether predictions are shown as a table: CSV on a terminal."""
    return kind == "csv" and is_terminal()


def _row(one: "Prediction", heads: tuple[str, ...]) -> tuple[str, ...]:
    """Return the cells of a prediction; empty where it failed."""
    width = sum(head.startswith("p(") for head in heads)
    shown = [f"{value:.6f}" for value in one.probabilities] or [""] * width
    return (one.source, one.sample, one.label, *shown, *([one.error] if heads[-1] == "error" else []))


def _json_lines(batch: "list[Prediction]", classes: tuple[str, ...]) -> bytes:
    lines = []
    for one in batch:
        known: dict[str, Any] = {"input": one.source, "sample": one.sample}
        if one.error:
            known["error"] = one.error
        else:
            probabilities = {name: round(value, 6) for name, value in zip(classes, one.probabilities, strict=True)}
            known |= {"class": one.label, "probabilities": probabilities}
        lines.append(json.dumps(known, ensure_ascii=False) + "\n")
    return "".join(lines).encode("utf-8", "backslashreplace")
