"""Pretrained weights: found, checked, loaded without unpickling, and never silently replaced by random ones."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from img_repr.core.errors import WeightsError
from img_repr.core.machine import cache_folder
from img_repr.training.download import download
from img_repr.training.published import FULL_SHA256
from img_repr.training.weights_file import file_of_weights, read_tensors

FOLDER_VARIABLE = "IMG_REPR_WEIGHTS"
_PATIENCE_S = 30.0  # without a byte from the server
_OLD_DENSENET = re.compile(r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)")


@dataclass(frozen=True)
class Weights:
    """A state dictionary and where it came from.

    Parameters
    ----------
    state : dict of Tensor
        Tensors by name.
    source : str
        File name.
    sha256 : str
        Of the whole file.
    checked : str
        What of the sha256 was known beforehand: ``"sha256"``, all of it; ``"8 digits"``, those in the file's name;
        ``"nothing"``, as of a file of one's own.
    """

    state: dict[str, Tensor]
    source: str
    sha256: str
    checked: str

    def record(self) -> dict[str, str]:
        """Say for the record of a run which weights these are."""
        return {"file": self.source, "sha256": self.sha256, "checked": self.checked}


def find_weights(weights: str | Path, backbone: str) -> Weights:
    """Find, check and read pretrained weights.

    Parameters
    ----------
    weights : str or Path
        ``"imagenet"`` for torchvision's default weights of ``backbone``: looked for in the folder that
        ``IMG_REPR_WEIGHTS`` names, then in torch's own cache, then downloaded. Or the path of a ``.safetensors``
        or ``.pth`` file, in any usual wrapping (:mod:`img_repr.training.weights_file`), or of a folder with one.
    backbone : str
        Name of a torchvision network.

    Raises
    ------
    WeightsError
        If they cannot be had, with the places searched and the ways out; or if a file is not what its name says.
    """
    if weights != "imagenet":
        path = file_of_weights(weights)
        return _read(path, backbone)
    url = _torchvision_url(backbone)
    name = url.rsplit("/", 1)[-1]
    expected = FULL_SHA256.get(name) or _digits_in_name(name)
    cache = _torch_cache()
    folders = [Path(os.environ[FOLDER_VARIABLE]).expanduser()] if os.environ.get(FOLDER_VARIABLE) else []
    for folder in (*folders, cache):
        if (folder / name).is_file():
            return _read(folder / name, backbone, expected)
    try:
        download(url, cache / name, expected, patience_s=_PATIENCE_S)
    except (OSError, WeightsError) as error:
        searched = ", ".join(str(folder) for folder in (*folders, cache))
        said = " ".join(str(error).split()) or type(error).__name__
        raise WeightsError(
            f"weights: expected {name} for backbone {backbone!r} in {searched} or from {url}, got {said}; "
            f"download it elsewhere and name its folder in {FOLDER_VARIABLE}, or give weights=PATH, "
            "or train from random weights with weights=None"
        ) from error
    return _read(cache / name, backbone, expected)


def _torch_cache() -> Path:
    """Return torch's own folder for weights; ours where the user has no home, of which torch would make one named ~."""
    folder = Path(torch.hub.get_dir())
    return cache_folder("weights") if folder.parts[0].startswith("~") else folder / "checkpoints"


def _torchvision_url(backbone: str) -> str:
    from torchvision import models

    try:
        return str(models.get_model_weights(backbone).DEFAULT.url)
    except ValueError as error:
        raise WeightsError(
            f"weights: expected a torchvision network for 'imagenet', got backbone {backbone!r}"
        ) from error


def _digits_in_name(name: str) -> str:
    found = re.search(r"-([0-9a-f]{8,})\.", name)
    if found is None:
        raise WeightsError(f"weights: expected digits of the sha256 in the name of a published file, got {name}")
    return found.group(1)


def _read(path: Path, backbone: str, expected: str = "") -> Weights:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"weights: expected a file that can be read at {path}, got: {error.strerror}") from error
    if not digest.startswith(expected):
        raise WeightsError(
            f"weights: expected {path} to have the sha256 that was published, {expected[:12]}..., got "
            f"{digest[:12]}...: delete it"
        )
    state = read_tensors(path)
    if backbone.startswith("densenet"):  # torchvision's files have names that no module may have any more
        state = {_OLD_DENSENET.sub(r"\1\2", name): value for name, value in state.items()}
    known = f"{len(expected)} digits" if expected else "nothing"
    return Weights(state, path.name, digest, "sha256" if digest in FULL_SHA256.values() else known)
