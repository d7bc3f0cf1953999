"""The command line: encode, train, predict, bench, report, encoders.

Each command imports what it needs when it is called, so that ``--help`` answers at once.
"""

import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from img_repr.console import counting_bar, messages, print_table, read_settings, screen, training_bar, write_csv

app = typer.Typer(
    name="img-repr",
    help="Turn data that are not pictures into pictures, fine-tune one CNN on them, and learn whether it was worth it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Source = Annotated[
    str, typer.Argument(help="A file, a folder, or a bundled data set: gunpoint, coffee, basic_motions.")
]
EncoderName = Annotated[str, typer.Option("--encoder", "-e", help="Name, or several with + between: gadf+mtf.")]
Size = Annotated[int, typer.Option(help="Side of the image in pixels.")]
Format = Annotated[str | None, typer.Option("--format", help="How to read DATA, if not by looking: ucr, ts, csv ...")]
Settings = Annotated[list[str] | None, typer.Option("--set", help="A parameter, name=value; may be repeated.")]


@app.command()
def encode(
    data: Source,
    out: Annotated[Path, typer.Option(help="New folder for the images.")],
    encoder: EncoderName = "gadf",
    size: Size = 64,
    settings: Settings = None,
    format: Format = None,
    png: Annotated[bool, typer.Option("--png", help="Write PNG files as well, by label.")] = False,
    keep_degenerate: Annotated[
        bool,
        typer.Option("--keep-degenerate", help="Encode samples whose picture tells nothing (constant series)."),
    ] = False,
) -> None:
    """Turn samples into images: shards of uint8 .npy with a manifest, and PNG files if asked.

    Example: img-repr encode gunpoint --encoder gadf --size 64 --out pictures --png
    """
    from img_repr.core.errors import DegenerateSampleWarning, SampleError
    from img_repr.core.loader import load_dataset
    from img_repr.core.naming import get_encoder
    from img_repr.core.shards import export_png, write_shards

    chosen = get_encoder(encoder, size=size, **read_settings(settings))
    dataset = load_dataset(data, format=format)
    chosen = chosen.fit(dataset.samples)
    with warnings.catch_warnings(), counting_bar("encoding", len(dataset)) as advance:
        if not keep_degenerate:
            warnings.simplefilter("error", DegenerateSampleWarning)
        try:
            folder = write_shards(chosen, dataset, out, on_images=advance)
        except DegenerateSampleWarning as warning:
            raise SampleError(f"{warning}; --keep-degenerate encodes them all the same") from None
    if png:
        export_png(folder)
    screen.print(f"{len(dataset)} images of {dataset.name} by {chosen!r} in {folder}", highlight=False, soft_wrap=True)


@app.command()
def train(
    data: Source,
    out: Annotated[Path, typer.Option(help="Folder for the model.")],
    encoder: EncoderName = "gadf",
    size: Size = 64,
    settings: Settings = None,
    knobs: Annotated[
        list[str] | None,
        typer.Option("--train", help="A knob of the trainer: epochs=20, backbone=resnet18, weights=imagenet ..."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides weights, order and every draw.")] = 0,
    format: Format = None,
) -> None:
    """Train the CNN on the images of labelled samples and save the model.

    A validation part is cut from the training part; a test part that the publisher names is judged once, at the end.

    Example: img-repr train gunpoint --encoder gadf --out models/gunpoint
    """
    import numpy as np

    from img_repr.core.loader import load_dataset
    from img_repr.core.naming import get_encoder
    from img_repr.core.splits import published_splits
    from img_repr.training.classifier import ImageClassifier

    dataset = load_dataset(data, format=format)
    part, split = dataset, None
    if dataset.parts is not None:
        split = next(published_splits(dataset))
        part = dataset.part(split.train)
    with training_bar() as on_epoch:
        model = ImageClassifier(
            get_encoder(encoder, size=size, **read_settings(settings)), on_epoch=on_epoch, **read_settings(knobs)
        )
        model.fit(part, seed=seed)
    folder = model.save(out)
    valid = model.record.get("valid_accuracy")
    screen.print(f"model in {folder}: {len(part)} training samples, {len(model.classes)} classes", soft_wrap=True)
    if valid is not None:
        screen.print(f"accuracy on the validation part: {valid:.3f}")
    if split is not None:
        right = model.predict_proba(dataset.take(split.test)).argmax(axis=1)
        truth = dataset.known_labels[split.test]
        accuracy = float(np.mean(np.array(model.classes)[right] == truth))
        screen.print(f"accuracy on the test part ({len(truth)} samples, opened once): {accuracy:.3f}")


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="A folder that `train` wrote.")],
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Files or folders of raw samples.")],
    out: Annotated[Path | None, typer.Option(help="Write a CSV here instead of printing a table.")] = None,
    format: Format = None,
) -> None:
    """Classify raw samples with a trained model.

    Example: img-repr predict models/gunpoint new_series.csv --out predictions.csv
    """
    from img_repr.core.loader import load_dataset
    from img_repr.training.classifier import ImageClassifier

    classifier = ImageClassifier.load(model)
    rows: list[tuple[str, ...]] = []
    for source in inputs:
        dataset = load_dataset(source, format=format)
        for number, chances in enumerate(classifier.predict_proba(dataset.samples)):
            best = int(chances.argmax())
            rows.append((source, str(number), classifier.classes[best], *(f"{chance:.4f}" for chance in chances)))
    heads = ("input", "sample", "class", *(f"p({name})" for name in classifier.classes))
    if out is None:
        print_table("predictions", heads, rows)
    else:
        write_csv(out, heads, rows)
        screen.print(f"{len(rows)} predictions in {out}", soft_wrap=True)


@app.command()
def bench(
    sources: Annotated[list[str], typer.Argument(metavar="DATA|RECIPE...", help="Data sets, or one recipe (.toml).")],
    out: Annotated[Path | None, typer.Option(help="Folder for records and page; default: runs/NAME.")] = None,
    contenders: Annotated[
        list[str] | None,
        typer.Option(
            "--contender",
            "-c",
            help="cnn:ENCODER, table:FEATURES:LEARNER, pixels:ENCODER:LEARNER or majority; may be repeated; "
            "the first image and the first table are compared.",
        ),
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="Number of seeds.")] = None,
    resamples: Annotated[
        int | None, typer.Option(help="Number of stratified resamples; the first is the published split.")
    ] = None,
    hours: Annotated[float | None, typer.Option(help="Budget; what does not fit is shown as missing.")] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run failed cells again.")] = False,
) -> None:
    """Set images against tables: is it worth turning these data into pictures? Ends with a report page.

    What is on disk already is not run again: an interrupted run goes on where it stopped.

    Example: img-repr bench gunpoint --seeds 3
    """
    from dataclasses import replace

    from img_repr.benchmark.contender import Contender
    from img_repr.benchmark.recipe import Recipe, default_recipe, read_recipe
    from img_repr.benchmark.report import write_report
    from img_repr.benchmark.run import run
    from img_repr.core.errors import ParameterError
    from img_repr.core.loader import load_dataset

    loaded = []
    if sources[0].endswith(".toml"):
        if len(sources) > 1:
            raise ParameterError(f"bench: expected one recipe or data sets, got {', '.join(sources)}")
        recipe: Recipe = read_recipe(sources[0])
    else:
        loaded = [load_dataset(source) for source in sources]
        recipe = replace(default_recipe(loaded[0]), datasets=tuple(data.name for data in loaded))
    changes: dict[str, Any] = {
        "contenders": tuple(Contender.parse(text) for text in contenders) if contenders else None,
        "seeds": tuple(range(seeds)) if seeds else None,
        "resamples": resamples,
        "budget_hours": hours,
    }
    recipe = replace(recipe, **{name: value for name, value in changes.items() if value is not None})
    folder = out or Path("runs") / recipe.name
    run(recipe, folder, datasets=loaded, retry_failed=retry_failed)
    _show_report(folder, write_report(folder, folder / "report.html"))


@app.command()
def report(
    runs: Annotated[Path, typer.Argument(help="A folder that `bench` wrote; merged ones too.")],
    out: Annotated[Path | None, typer.Option(help="The page; default: report.html in the folder.")] = None,
) -> None:
    """Write the report page anew from the records on disk.

    Example: img-repr report runs/demo
    """
    from img_repr.benchmark.report import write_report

    _show_report(runs, write_report(runs, out or runs / "report.html"))


@app.command()
def encoders(domain: Annotated[str | None, typer.Argument(help="Only those of one domain.")] = None) -> None:
    """List the encoders with what they take and what their images are.

    Example: img-repr encoders timeseries
    """
    from img_repr.core.domain import DOMAINS
    from img_repr.core.facts import ENCODERS
    from img_repr.core.naming import list_encoders

    if domain is not None:
        DOMAINS[domain]
    rows = []
    for name in list_encoders(domain):
        facts = ENCODERS[name]
        words = ", ".join(word for word in facts.defaults() if word != "size")
        rows.append((name, facts.domain.name, words, ", ".join(facts.invariances) or "-", facts.reference))
    print_table("encoders", ("name", "domain", "parameters beside size", "blind to", "reference"), rows)


def main() -> None:
    """Run the command line; every error that we raise on purpose is one sentence and exit code 2."""
    from img_repr.core.errors import ImgReprError

    warnings.showwarning = lambda message, *_, **__: messages.print(
        f"note: {message}", style="yellow", highlight=False, soft_wrap=True
    )
    try:
        app()
    except ImgReprError as error:
        messages.print(f"error: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        messages.print("stopped; what was finished is kept", style="yellow")
        sys.exit(130)


def _show_report(runs: Path, page: Path) -> None:
    screen.print(f"records in {runs}", highlight=False, soft_wrap=True)
    screen.print(f"report page: {page.resolve()}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
