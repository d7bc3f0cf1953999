"""``img-repr train``: a model from labeled samples."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from img_repr.commands.guard import Stopped
from img_repr.commands.options import (
    ENCODERS_OF,
    Device,
    DropColumns,
    Format,
    GroupColumn,
    Hyperparameters,
    IdColumn,
    LabelColumn,
    Loading,
    Settings,
    Size,
    Source,
    TimeColumn,
    check_source,
    read_dataset,
    read_device,
    read_loading,
    read_settings,
    tell_what_is_asked_for,
)
from img_repr.console import counting_bar, notes, say, screen, training_bar


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
    hyperparameters: Hyperparameters = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Decides weights, order and every draw.")] = 0,
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
    label_col: LabelColumn = None,
    group_col: GroupColumn = None,
    time_col: TimeColumn = None,
    id_col: IdColumn = None,
    drop: DropColumns = None,
    device: Device = "auto",
) -> None:
    """Train the CNN on the images of labeled samples and save the model.

    A validation part is cut from the training part; a test part that the publisher names is judged once, at the end.
    The same command goes on where an interrupted one stopped, and ends with the same model.

    Example: img-repr train gunpoint --encoder gadf --out models/gunpoint
    """
    options = read_loading(loading, label=label_col, group=group_col, time=time_col, id=id_col, drop=drop)
    check_source(data, format)
    import numpy as np

    from img_repr.core.atomic import check_new_folder
    from img_repr.core.errors import ParameterError
    from img_repr.core.naming import encoders_for, get_encoders
    from img_repr.core.seed import check_seed
    from img_repr.core.shards import stream
    from img_repr.core.splits.cuts import published_splits
    from img_repr.core.splits.findings import describe_splits
    from img_repr.core.splits.inner import validation_notes
    from img_repr.training.checkpoint import check_checkpoints, forget_checkpoints
    from img_repr.training.classifier import ImageClassifier
    from img_repr.training.config import TrainConfig
    from img_repr.training.loggers import log_of

    check_seed("train", seed)
    TrainConfig.of(hyperparameter_values := read_settings(hyperparameters, "--train"))
    values = {"size": size, **read_settings(settings, "--set")}
    if encoder is not None:
        get_encoders(encoder, **values)  # what is wrong with it is said before the data are read
    check_new_folder(out, replaces="model.json")
    kept = checkpoints or out.resolve().with_name(f"{out.resolve().name}.checkpoints")
    if out.resolve() in (kept.resolve(), *kept.resolve().parents):
        raise ParameterError(f"train: expected a folder for checkpoints outside of {out}, got {kept}")
    listeners = [log_of(text) for text in logs or ()]
    chosen = read_device(device)
    dataset = read_dataset(data, options, format)
    model = ImageClassifier(
        encoders_for(dataset, encoder, **values), infer_parameters=False, device=chosen, **hyperparameter_values
    )
    tell_what_is_asked_for(data, dataset, values)
    for place in model.kept_in(kept):
        check_checkpoints(place)
    part, split = dataset, None
    if dataset.split is not None:
        split = next(published_splits(dataset))
        part = dataset.subset(split.train)
        for sentence in describe_splits(dataset, [split]):
            notes.tell(f"{dataset.name}: {sentence}")
    if model.config.validation_fraction:
        for sentence in validation_notes(part, np.arange(len(part)), model.config.validation_fraction):
            notes.tell(f"{dataset.name}: {sentence}")
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
    if model.engine.is_main_process:  # of several processes one writes
        for place in model.kept_in(kept):
            forget_checkpoints(place)
        with suppress(OSError):  # something else is in it
            kept.rmdir()
    screen.quiet = not model.engine.is_main_process
    say(f"model in {folder}: {len(part)} training samples, {len(model.classes)} classes")
    if "valid_accuracy" in model.record:
        say(f"accuracy on the validation part: {model.record['valid_accuracy']:.3f}")
    if split is not None:
        right = model.predict_proba(dataset.take(split.test)).argmax(axis=1)
        truth = dataset.known_labels[split.test]
        accuracy = float(np.mean(np.array(model.classes)[right] == truth))
        say(f"accuracy on the test part ({len(truth)} samples, opened once): {accuracy:.3f}")
