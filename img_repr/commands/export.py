"""``img-repr export``: models as ONNX or ``torch.export`` programs, encoded images in formats of other programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from img_repr.commands.options import check_written
from img_repr.console import say
from img_repr.core.errors import ParameterError

if TYPE_CHECKING:
    from concurrent.futures import Executor

KINDS = "png (a folder per label), parquet (as Hugging Face's datasets has it) or webdataset (tar files)"


def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A model of `train`, or the images of `encode`.")],
    targets: Annotated[
        list[str],
        typer.Argument(metavar="TARGET...", help=f"Of a model: files called .onnx or .pt2. Of images: {KINDS}."),
    ],
    length: Annotated[
        int | None,
        typer.Option(help="Of a model: values of a sample. Default: that of the training samples, if all have one."),
    ] = None,
) -> None:
    """Write a model as one program for other runtimes, or encoded images in formats of other programs.

    A program has the encoder inside: it takes raw samples and returns probabilities. Images go into a subfolder of
    their own.

    Example: img-repr export models/gunpoint gunpoint.onnx
    """
    if not (folder / "model.json").is_file():
        check_written(folder, "train` or `encode")
        if length is not None:
            raise ParameterError(f"--length: expected it with a model, got the images {folder}")
        export_images(folder, targets, None)
        return
    from img_repr.training.classifier import ImageClassifier

    model = ImageClassifier.load(folder, device="cpu")
    for target in targets:
        say(f"program in {model.export(target, length=length)}")


def export_images(images: Path, kinds: list[str], executor: "Executor | None") -> None:
    """Write encoded images in formats of other programs."""
    from img_repr.core.exports import check_export, export

    for kind in kinds:
        check_export(kind)
    for kind in kinds:
        say(f"{kind} in {export(images, kind, executor=executor)}")
