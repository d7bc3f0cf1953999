"""The command line: encode, train, predict, bench, report, encoders.

Each command imports what it needs when it is called, so that ``--help`` answers at once.
The reason for its length: the options of every command, with their help, stand here as one list.
"""

import shlex
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from img_repr.console import (
    ENCODERS_OF,
    Format,
    Knobs,
    Loading,
    Settings,
    Size,
    Source,
    Stopped,
    counting_bar,
    in_plain_words,
    notes,
    print_table,
    read_dataset,
    read_settings,
    say,
    screen,
    training_bar,
    write_csv,
)

if TYPE_CHECKING:
    from img_repr.core.dataset import Dataset

app = typer.Typer(
    name="img-repr",
    help="Turn data that are not pictures into pictures, fine-tune one CNN on them, and learn whether it was worth it.",
    epilog="Begin with: img-repr bench gunpoint",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def encode(
    data: Source,
    out: Annotated[Path, typer.Option(help="New folder for the images.")],
    encoder: Annotated[
        str | None, typer.Option("--encoder", "-e", help=f"{ENCODERS_OF} image. Default: the domain's own.")
    ] = None,
    size: Size = 64,
    settings: Settings = None,
    format: Format = None,
    loading: Loading = None,
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
    from img_repr.core.naming import encoders_for, get_encoder
    from img_repr.core.places import check_place
    from img_repr.core.shards import export_png, write_shards

    values = {"size": size, **read_settings(settings, "--set")}
    if encoder is not None:
        get_encoder(encoder, **values)  # what is wrong with it is said before the data are read
    check_place(out)
    dataset = read_dataset(data, format, loading)
    chosen = encoders_for(dataset, encoder, **values)[0]
    _tell_what_is_asked_for(data, dataset, values)
    judged = [] if dataset.parts is None else (dataset.parts == "test").nonzero()[0]  # is not learned from
    chosen = chosen.fit(dataset.take([place for place in range(len(dataset)) if place not in judged]))
    with warnings.catch_warnings(), counting_bar("encoding", len(dataset)) as advance:
        if not keep_degenerate:
            warnings.simplefilter("error", DegenerateSampleWarning)
        try:
            folder = write_shards(chosen, dataset, out, on_images=advance)
        except DegenerateSampleWarning as warning:
            raise SampleError(f"{warning}; --keep-degenerate encodes them all the same") from None
    if png:
        export_png(folder)
    say(f"{len(dataset)} images of {dataset.name} by {chosen!r} in {folder}")


@app.command()
def train(
    data: Source,
    out: Annotated[Path, typer.Option(help="Folder for the model; one that stands there is replaced.")],
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder", "-e", help=f"{ENCODERS_OF} image; a|b: a network each, averaged. Default: the domain's own."
        ),
    ] = None,
    size: Size = 64,
    settings: Settings = None,
    knobs: Knobs = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides weights, order and every draw.")] = 0,
    checkpoints: Annotated[
        Path | None,
        typer.Option(help="Folder for what an interrupted training goes on from. Default: OUT.checkpoints."),
    ] = None,
    logs: Annotated[
        list[str] | None,
        typer.Option(
            "--log",
            metavar="WHERE",
            help="tensorboard:FOLDER, mlflow or mlflow:TRACKING_URI: write losses and metrics there; may be repeated.",
        ),
    ] = None,
    format: Format = None,
    loading: Loading = None,
) -> None:
    """Train the CNN on the images of labelled samples and save the model.

    A validation part is cut from the training part; a test part that the publisher names is judged once, at the end.
    The same command goes on where an interrupted one stopped, and ends with the same model.

    Example: img-repr train gunpoint --encoder gadf --out models/gunpoint
    """
    import numpy as np

    from img_repr.core.errors import ParameterError
    from img_repr.core.naming import encoders_for, get_encoders
    from img_repr.core.places import check_place
    from img_repr.core.shards import stream
    from img_repr.core.splits import published_splits
    from img_repr.training.checkpoint import check_checkpoints, forget_checkpoints
    from img_repr.training.classifier import ImageClassifier
    from img_repr.training.config import TrainConfig
    from img_repr.training.loggers import log_of

    TrainConfig.of(knob_values := read_settings(knobs, "--train"))
    values = {"size": size, **read_settings(settings, "--set")}
    if encoder is not None:
        get_encoders(encoder, **values)  # what is wrong with it is said before the data are read
    check_place(out, replaces="model.json")
    kept = checkpoints or out.resolve().with_name(f"{out.resolve().name}.checkpoints")
    if out.resolve() in (kept.resolve(), *kept.resolve().parents):
        raise ParameterError(f"train: expected a folder for checkpoints outside of {out}, got {kept}")
    listeners = [log_of(text) for text in logs or ()]
    dataset = read_dataset(data, format, loading)
    model = ImageClassifier(*encoders_for(dataset, encoder, **values), **knob_values)
    _tell_what_is_asked_for(data, dataset, values)
    for place in model.kept_in(kept):
        check_checkpoints(place)
    part, split = dataset, None
    if dataset.parts is not None:
        split = next(published_splits(dataset))
        part = dataset.part(split.train)
    with counting_bar("looking at the samples", len(dataset) * len(model.encoders)) as advance:
        for one in model.encoders:  # a sample that cannot be used is found now, with its number, and not in epoch 3
            for images in stream(one.fit(part.samples), dataset):
                advance(len(images))
    with training_bar(len(model.kept_in(kept))) as bar:
        model.listeners = (bar, *listeners)
        try:
            model.fit(part, seed=seed, checkpoints=kept)
        except KeyboardInterrupt:
            if not bar.place:
                raise
            raise Stopped(f"stopped in {bar.place}; the same command goes on from there") from None
    folder = model.save(out)
    if model.engine.leads:  # of several processes one writes
        for place in model.kept_in(kept):
            forget_checkpoints(place)
        with suppress(OSError):  # something else is in it
            kept.rmdir()
    screen.quiet = not model.engine.leads
    say(f"model in {folder}: {len(part)} training samples, {len(model.classes)} classes")
    if "valid_accuracy" in model.record:
        say(f"accuracy on the validation part: {model.record['valid_accuracy']:.3f}")
    if split is not None:
        right = model.predict_proba(dataset.take(split.test)).argmax(axis=1)
        truth = dataset.known_labels[split.test]
        accuracy = float(np.mean(np.array(model.classes)[right] == truth))
        say(f"accuracy on the test part ({len(truth)} samples, opened once): {accuracy:.3f}")


@app.command()
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
            dataset = read_dataset(source, format, loading)
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


@app.command()
def report(
    runs: Annotated[Path, typer.Argument(metavar="RUNS", help="A folder that `bench` wrote; merged ones too.")],
    out: Annotated[Path | None, typer.Option(help="The page; default: report.html in the folder.")] = None,
) -> None:
    """Write the report page anew from the records on disk.

    Example: img-repr report runs/demo
    """
    _report(runs, out)


@app.command()
def encoders(
    domain: Annotated[
        str | None,
        typer.Argument(metavar="DOMAIN", help="Only those of one: timeseries, audio, mouse, binary or tabular."),
    ] = None,
) -> None:
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
        words = ", ".join(f"{word}={value}" for word, value in facts.defaults().items() if word != "size")
        rows.append((name, facts.domain.name, words, ", ".join(facts.invariances) or "-", facts.reference))
    print_table("encoders", ("name", "domain", "parameters beside size", "blind to", "reference"), rows)


def main() -> None:
    """Run the command line; what a user can mend is one sentence and exit code 2."""
    with in_plain_words():
        app()


def _tell_what_is_asked_for(source: str, dataset: "Dataset", given: dict[str, Any]) -> None:
    """Say which parameters the samples set where the user set none."""
    asked_for = {word: value for word, value in dataset.asks_for().items() if word not in given}
    if asked_for:
        notes.tell(f"{source}: these samples set {', '.join(f'{word}={value!r}' for word, value in asked_for.items())}")


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


if __name__ == "__main__":
    main()
