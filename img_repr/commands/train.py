"""``img-repr train``: train a model on labeled samples."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from img_repr.commands.guard import Stopped
from img_repr.commands.options import (
    ENCODERS_OF,
    Device,
    Hyperparameters,
    LoadOptions,
    Settings,
    Size,
    Source,
    check_source,
    expand_options,
    read_dataset,
    read_device,
    read_settings,
    report_inferred_parameters,
)
from img_repr.console import counting_bar, notes, say, screen, training_bar


@expand_options
def train(
    data: Source,
    out: Annotated[Path, typer.Option(help="Folder for the model; an existing model is replaced.")],
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder", "-e", help=f"{ENCODERS_OF} image; a|b: a network each, averaged. Default: the domain's own."
        ),
    ] = None,
    size: Size = 64,
    settings: Settings = None,
    hyperparameters: Hyperparameters = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of weights, order and augmentation.")] = 0,
    checkpoints: Annotated[
        Path | None,
        typer.Option(help="Folder for checkpoints, to resume an interrupted training. Default: OUT.checkpoints."),
    ] = None,
    logs: Annotated[
        list[str] | None,
        typer.Option(
            "--log",
            metavar="WHERE",
            help="tensorboard:FOLDER, mlflow or mlflow:TRACKING_URI: write losses and metrics there; may be repeated.",
        ),
    ] = None,
    load: LoadOptions = LoadOptions(),  # noqa: B008 - frozen
    device: Device = "auto",
) -> None:
    """Train the CNN on the images of labeled samples and save the model.

    A validation part is cut from the training part; a published test part is scored once, at the end. To resume an
    interrupted training, run the same command again; it ends with the same model.

    Example: img-repr train gunpoint --encoder gadf --out models/gunpoint
    """
    options = load.read()
    check_source(data, load.format)
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
        get_encoders(encoder, **values)  # errors come before the data are read
    check_new_folder(out, replaces="model.json")
    checkpoint_folder = checkpoints or out.resolve().with_name(f"{out.resolve().name}.checkpoints")
    if out.resolve() in (checkpoint_folder.resolve(), *checkpoint_folder.resolve().parents):
        raise ParameterError(f"train: expected a folder for checkpoints outside of {out}, got {checkpoint_folder}")
    listeners = [log_of(text) for text in logs or ()]
    chosen = read_device(device)
    dataset = read_dataset(data, options, load.format)
    model = ImageClassifier(
        encoders_for(dataset, encoder, **values), infer_parameters=False, device=chosen, **hyperparameter_values
    )
    report_inferred_parameters(data, dataset, values)
    for path in model.checkpoint_folders(checkpoint_folder):
        check_checkpoints(path)
    part, split = dataset, None
    if dataset.split is not None:
        split = next(published_splits(dataset))
        part = dataset.subset(split.train)
        for sentence in describe_splits(dataset, [split]):
            notes.show(f"{dataset.name}: {sentence}")
    if model.config.validation_fraction:
        for sentence in validation_notes(part, np.arange(len(part)), model.config.validation_fraction):
            notes.show(f"{dataset.name}: {sentence}")
    with counting_bar("checking the samples", len(dataset) * len(model.encoders)) as advance:
        for one in model.encoders:  # finds unusable samples now, with their number, not in epoch 3
            for images in stream(one.fit(part.samples), dataset):
                advance(len(images))
    with training_bar(len(model.checkpoint_folders(checkpoint_folder))) as bar:
        model.listeners = (bar, *listeners)
        try:
            model.fit(part, seed=seed, checkpoints=checkpoint_folder)
        except KeyboardInterrupt:
            if not bar.position:
                raise
            raise Stopped(f"stopped in {bar.position}; the same command resumes there") from None
    scored = ""
    if split is not None:
        predicted = model.predict_proba(dataset.take(split.test)).argmax(axis=1)
        truth = dataset.known_labels[split.test]
        accuracy = float(np.mean(np.array(model.classes)[predicted] == truth))
        model.record["test"] = {"accuracy": accuracy, "count": len(truth)}  # for the model card
        scored = f"accuracy on the test part ({len(truth)} samples, scored once): {accuracy:.3f}"
    folder = model.save(out)
    if model.engine.is_main_process:  # only one of several processes writes
        for path in model.checkpoint_folders(checkpoint_folder):
            forget_checkpoints(path)
        with suppress(OSError):  # something else is in it
            checkpoint_folder.rmdir()
    screen.quiet = not model.engine.is_main_process
    say(f"model in {folder}: {len(part)} training samples, {len(model.classes)} classes")
    if "valid_accuracy" in model.record:
        say(f"accuracy on the validation part: {model.record['valid_accuracy']:.3f}")
    if scored:
        say(scored)
