"""Pretrained weights: found, checked, loaded without unpickling, and never silently replaced by random ones."""

import hashlib
import os
import re
import urllib.error
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from img_repr.core.errors import WeightsError

FOLDER_VARIABLE = "IMG_REPR_WEIGHTS"


@dataclass(frozen=True)
class Weights:
    """A state dictionary and where it came from.

    Parameters
    ----------
    state : dict of Tensor
        Tensors by name.
    source : str
        File name, for the record of a run.
    sha256 : str
        Of the whole file, for the record of a run.
    """

    state: dict[str, Tensor]
    source: str
    sha256: str


def find_weights(weights: str | Path, backbone: str) -> Weights:
    """Find, check and read pretrained weights.

    Parameters
    ----------
    weights : str or Path
        ``"imagenet"`` for torchvision's default weights of ``backbone``: looked for in the folder that
        ``IMG_REPR_WEIGHTS`` names, then in torch's own cache, then downloaded. Or the path of a ``.safetensors``
        or ``.pth`` file.
    backbone : str
        Name of a torchvision network.

    Raises
    ------
    WeightsError
        If they cannot be had, with the places searched and the ways out; or if a file is not what its name says.
    """
    if weights != "imagenet":
        path = Path(weights).expanduser()
        if not path.is_file():
            raise WeightsError(f"weights: expected 'imagenet' or a file, got {str(weights)!r}, which is no file")
        return _read(path)
    url = _torchvision_url(backbone)
    name = url.rsplit("/", 1)[-1]
    cache = Path(torch.hub.get_dir()) / "checkpoints"
    sha256 = _hash_in_name(name)
    folders = [Path(os.environ[FOLDER_VARIABLE]).expanduser()] if os.environ.get(FOLDER_VARIABLE) else []
    for folder in (*folders, cache):
        if (folder / name).is_file():
            return _read(folder / name, sha256)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(cache / name), sha256, progress=False)
    except (urllib.error.URLError, OSError, RuntimeError) as error:
        searched = ", ".join(str(folder) for folder in (*folders, cache))
        raise WeightsError(
            f"weights: expected {name} for backbone {backbone!r} in {searched} or from {url}, got {error}; "
            f"download it elsewhere and name its folder in {FOLDER_VARIABLE}, or give weights=PATH, "
            "or train from random weights with weights=None"
        ) from error
    return _read(cache / name, sha256)


def _torchvision_url(backbone: str) -> str:
    from torchvision import models

    try:
        return str(models.get_model_weights(backbone).DEFAULT.url)
    except ValueError as error:
        raise WeightsError(
            f"weights: expected a torchvision network for 'imagenet', got backbone {backbone!r}"
        ) from error


def _hash_in_name(name: str) -> str | None:
    found = re.search(r"-([0-9a-f]{8,})\.", name)
    return found.group(1) if found else None


def _read(path: Path, expected: str | None = None) -> Weights:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if expected and not digest.startswith(expected):
        raise WeightsError(
            f"weights: expected {path} to have the sha256 of its name, {expected}..., got {digest[:12]}..."
        )
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # every library has its own; a file that cannot be read is one thing to a user
        raise WeightsError(f"weights: expected tensors in {path}, got a file that cannot be read as such") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"weights: expected a dictionary of tensors in {path}, got something else")
    return Weights(state, path.name, digest)
