"""``img-repr push`` and ``img-repr pull``: models on the Hugging Face Hub."""

from pathlib import Path
from typing import Annotated

import typer

from img_repr.commands.options import check_written
from img_repr.console import say

Repo = Annotated[str, typer.Argument(metavar="REPO", help="Repository, user/name.")]


def push(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that `train` wrote.")],
    repo: Repo,
    private: Annotated[bool | None, typer.Option("--private/--public", help="Of a new repository.")] = None,
) -> None:
    """Upload a model to the Hugging Face Hub: its weights, its record and its card as it is in the folder.

    The token is that of `hf auth login` or of the variable HF_TOKEN.

    Example: img-repr push models/gunpoint me/gunpoint
    """
    check_written(model, "train", "model.json")
    from img_repr.training.classifier import ImageClassifier
    from img_repr.training.hub import push_folder

    ImageClassifier.load(model, device="cpu")  # a damaged model is refused here
    say(f"model in {push_folder(model, repo, private=private)}")


def pull(
    repo: Repo,
    out: Annotated[Path, typer.Option(help="Folder for the model; an existing model is replaced.")],
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit. Default: the main branch.")] = None,
) -> None:
    """Download a model from the Hugging Face Hub and check it; nothing in it is executed.

    Example: img-repr pull me/gunpoint --out models/gunpoint
    """
    from img_repr.core.atomic import check_new_folder
    from img_repr.training.classifier import ImageClassifier
    from img_repr.training.hub import copy_model, pull_folder

    check_new_folder(out, replaces="model.json")
    folder = pull_folder(repo, revision=revision)
    ImageClassifier.load(folder, device="cpu")
    say(f"model in {copy_model(folder, out)}; its card is README.md")
