"""Models on the Hugging Face Hub, or a server with its interface that the variable ``HF_ENDPOINT`` names."""

import importlib
import os
import shutil
from pathlib import Path
from typing import Any

from img_repr.core.atomic import atomic_folder
from img_repr.core.errors import DataError, ParameterError
from img_repr.training.model_card import CARD
from img_repr.training.model_folder import MODEL

_FILES = (MODEL, CARD, "member-*/trainer.json", "member-*/network.safetensors")


def push_folder(folder: Path, repo: str, *, private: bool | None = None, token: str | None = None) -> str:
    """Upload the files of a saved model, and no others, and return the address of the commit.

    Parameters
    ----------
    folder : Path
        That ``save`` wrote.
    repo : str
        ``"user/name"``; it is made if it does not exist.
    private : bool, optional
        Whether a new repository is private.
    token : str, optional
        Default: that of ``hf auth login``.

    Raises
    ------
    ParameterError
        If the package ``huggingface_hub`` is missing.
    DataError
        If the server refuses.
    """
    hub = _hub(repo)
    try:
        hub.create_repo(repo, private=private, exist_ok=True, token=token)
        done = hub.upload_folder(
            repo_id=repo, folder_path=folder, allow_patterns=list(_FILES), commit_message="Add a model", token=token
        )
    except Exception as error:  # of the network, the server and the name of the repository, without a common base
        raise _refused(repo, error) from error
    return str(done.commit_url)


def pull_folder(
    repo: str, *, revision: str | None = None, token: str | None = None, cache: str | Path | None = None
) -> Path:
    """Download the files of a saved model, and no others, and return their folder in the cache.

    Raises
    ------
    ParameterError
        If the package ``huggingface_hub`` is missing.
    DataError
        If there is no such repository or revision, or the server does not answer.
    """
    hub = _hub(repo)
    try:
        return Path(
            hub.snapshot_download(repo, revision=revision, token=token, cache_dir=cache, allow_patterns=list(_FILES))
        )
    except Exception as error:  # of the network, the server and the name of the repository, without a common base
        raise _refused(repo, error) from error


def copy_model(folder: Path, out: str | Path) -> Path:
    """Copy the files of a saved model, and no others, to a folder atomically."""
    with atomic_folder(out, replaces=MODEL) as temporary:
        for pattern in _FILES:
            for file in sorted(folder.glob(pattern)):
                target = temporary / file.relative_to(folder)
                target.parent.mkdir(exist_ok=True)
                shutil.copyfile(file, target)
    return Path(out)


def _hub(repo: str) -> Any:
    if not isinstance(repo, str):
        raise ParameterError(f"hub: expected a repository like 'user/name', got {repo!r:.60}")
    try:
        hub = importlib.import_module("huggingface_hub")
    except ImportError:
        raise ParameterError(
            "hub: expected the package huggingface_hub, which comes with pip install 'img-repr[hub]', got none"
        ) from None
    return hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)


def _refused(repo: str, error: Exception) -> DataError:
    said = " ".join(str(error).split()) or type(error).__name__
    return DataError(f"hub: expected a repository that can be read and written, got for {repo:.100}: {said[:300]}")
