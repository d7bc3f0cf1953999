"""A trained model as a folder, ``model.json`` and one folder per network, and its record and costs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import ResultError
from img_repr.core.naming import encoder_from_spec
from img_repr.training.network_folder import Check, is_count, is_rows, is_temperature, read_json
from img_repr.training.trainer import Trainer

FORMAT = 3
MODEL = "model.json"
LABEL_TYPES = ("str", "int", "float", "bool")
_CHECKS: dict[str, Check] = {
    "format": (f"{FORMAT}", lambda value: value == FORMAT),
    "kind": ("a kind of model", lambda value: isinstance(value, str)),
    "encoders": ("at least one encoder", lambda value: is_rows(value) and len(value) > 0),
    "channels": ("channels of each network", lambda value: isinstance(value, list) and all(map(is_count, value))),
    "columns": ("names or null", lambda value: value is None or _are_names(value)),
    "features": ("a number of columns or null", lambda value: value is None or is_count(value)),
    "training": ("hyperparameters by name", lambda value: isinstance(value, dict)),
    "record": ("a record", lambda value: isinstance(value, dict)),
}
_CHECKS_OF_KIND: Mapping[str, dict[str, Check]] = {
    "classifier": {
        "classes": (
            "at least two names, each once",
            lambda value: _are_names(value) and len(value) >= 2 and len(set(value)) == len(value),
        ),
        "label_type": (f"one of {', '.join(LABEL_TYPES)}", lambda value: value in LABEL_TYPES),
        "temperature": ("a number from 0.001 to 1000", is_temperature),
    },
    "regressor": {},
}
_TASKS = {"classifier": "Classification", "regressor": "Regression"}


def member_folder(folder: Path, number: int) -> Path:
    """Return the folder of one of a model's networks."""
    return folder / f"member-{number}"


def describe(kind: str, encoders: Sequence[AbstractEncoder], members: Sequence[Trainer]) -> dict[str, Any]:
    """Return the fields of ``model.json`` that all kinds of model have."""
    return {
        "format": FORMAT,
        "kind": kind,
        "encoders": [encoder.spec() for encoder in encoders],
        "channels": [member.channels for member in members],
    }


def cost_of(encoders: Sequence[AbstractEncoder], members: Sequence[Trainer], sample: Any) -> dict[str, float]:
    """Return the number of weights, of networks, and of bytes of one image of each encoder."""
    return {
        "parameters": sum(weight.numel() for member in members for weight in member.network.parameters()),
        "networks": len(members),
        "bytes_per_image": sum(int(torch.as_tensor(one(sample, dtype="uint8")).nbytes) for one in encoders),
    }


def record_of(
    encoders: Sequence[AbstractEncoder], members: Sequence[Trainer], storage: str, augmentations: Sequence[str] = ()
) -> dict[str, Any]:
    """Return, as JSON values, what was trained and how, and the validation metric of the final networks.

    Parameters
    ----------
    encoders, members
        Of the model.
    storage : str
        Storage of the last network's training images, see :mod:`img_repr.training.images`.
    augmentations : sequence of str
        Names of the random augmentations of samples and images, which networks with a subtracted mean image skip.
    """
    first = members[0]
    if first.normalization.centered:
        augmentations = ()
    record: dict[str, Any] = {
        "encoders": [encoder.spec() for encoder in encoders],
        "weights": first.weights,
        "unexplained_by_mean_image": [member.normalization.unexplained for member in members],
        "mean_image_subtracted": [member.normalization.centered for member in members],
        "images": storage,
        "head": ", ".join(str(layer) for layer in first.network.head.modules() if not list(layer.children())),
        "schedule": [asdict(phase) for phase in first.state.plan.phases],
        "augmentation": [*augmentations, *([f"mixup {first.config.mixup:g}"] if first.config.mixup else [])],
        "result_of": [f"{row['phase']}, epoch {row['epoch']}" for row in map(_final_row, members)],
        "epochs": len(first.history),
        "device": first.device.type,
        "history": [{name: value for name, value in row.items() if name != "seconds"} for row in first.history],
    }
    metric = f"valid_{first.task.metric}"
    if metric in first.history[-1]:
        record[metric] = float(np.mean([_final_row(member)[metric] for member in members]))
    return record


def _final_row(member: Trainer) -> dict[str, Any]:
    """Return the row of the epoch whose weights the network has: the best with patience or fine-tuning, or the last."""
    if all("valid_loss" in row for row in member.history) and (
        member.config.patience or member.history[0]["phase"] == "head"
    ):
        return min(member.history, key=lambda row: row["valid_loss"])
    return member.history[-1]


def load_members(
    path: Path, kind: str, *, device: torch.device, backbone: nn.Module | None
) -> tuple[dict[str, Any], tuple[AbstractEncoder, ...], list[Trainer]]:
    """Read ``model.json`` and the networks, and check that they belong together.

    Parameters
    ----------
    path : Path
        Folder that ``save`` wrote.
    kind : {"classifier", "regressor"}
    device : torch.device
    backbone : Module, optional
        The module that the networks were made of, if any.

    Returns
    -------
    dict, tuple of AbstractEncoder, list of Trainer

    Raises
    ------
    ResultError
    """
    try:
        content = read_json(path / MODEL, _CHECKS)
        if content["kind"] != kind:
            raise ResultError(f"{MODEL}: expected a {kind}, got a model of kind {content['kind']!r:.40}")
        content = read_json(path / MODEL, _CHECKS_OF_KIND[kind])
        encoders = tuple(map(encoder_from_spec, content["encoders"]))
        if len({encoder.domain.name for encoder in encoders}) > 1 or any(one.needs_fit for one in encoders):
            raise ResultError(f"{MODEL}: expected fitted encoders of one domain, got {content['encoders']!r:.80}")
        members = [
            Trainer.load(member_folder(path, number), device=device, backbone=backbone)
            for number in range(len(content["channels"]))
        ]
        _check_members(content, kind, len(encoders), members)
    except ResultError as error:
        raise ResultError(f"{path}: {error}") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        message = " ".join((getattr(error, "strerror", None) or str(error)).split())
        raise ResultError(f"{path}: expected a folder that `train` or `save` wrote, got: {message[:200]}") from error
    return content, encoders, members


def _check_members(content: dict[str, Any], kind: str, encoders: int, members: list[Trainer]) -> None:
    """Refuse networks other than those that ``model.json`` describes."""
    count = len(content["classes"]) if kind == "classifier" else members[0].task.count if members else 0
    if not members or len(members) != encoders * members[0].config.n_members:
        raise ResultError(f"{MODEL}: expected `n_members` networks per encoder, got {len(members)} in all")
    for channels, member in zip(content["channels"], members, strict=True):
        if type(member.task).__name__ != _TASKS[kind]:
            raise ResultError(f"expected networks of a {kind}, got one of another task: {member.task!r:.60}")
        if (member.channels, member.task.count) != (channels, count) or vars(member.config) != content["training"]:
            raise ResultError(
                f"expected networks of {channels} channels and {count} outputs with the hyperparameters of {MODEL}, "
                f"got one of {member.channels} channels and {member.task.count} outputs, or with other hyperparameters"
            )


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
