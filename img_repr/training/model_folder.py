"""A trained model as a folder: ``model.json`` and one network per folder, checked as a whole when it is read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import ResultError
from img_repr.core.naming import encoder_from_spec
from img_repr.training.model_file import is_count, is_rows, is_temperature, read_facts
from img_repr.training.trainer import Trainer

FORMAT = 3
MODEL = "model.json"
LABEL_TYPES = ("str", "int", "float", "bool")
_CHECKS = {
    "format": (f"{FORMAT}", lambda value: value == FORMAT),
    "kind": ("a kind of model", lambda value: isinstance(value, str)),
    "encoders": ("at least one encoder", lambda value: is_rows(value) and len(value) > 0),
    "channels": ("channels of each network", lambda value: isinstance(value, list) and all(map(is_count, value))),
    "columns": ("names or null", lambda value: value is None or _are_names(value)),
    "features": ("a number of columns or null", lambda value: value is None or is_count(value)),
    "training": ("hyperparameters by name", lambda value: isinstance(value, dict)),
    "record": ("a record", lambda value: isinstance(value, dict)),
}
_OF_KIND = {
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
_TASKS = {"classifier": "Classes", "regressor": "Numbers"}


def member_folder(folder: Path, number: int) -> Path:
    """Give the folder of one of a model's networks."""
    return folder / f"member-{number}"


def describe(kind: str, encoders: Sequence[AbstractEncoder], members: Sequence[Trainer]) -> dict[str, Any]:
    """Give what ``model.json`` says of every kind of model."""
    return {
        "format": FORMAT,
        "kind": kind,
        "encoders": [encoder.spec() for encoder in encoders],
        "channels": [member.channels for member in members],
    }


def load_members(
    path: Path, kind: str, *, device: torch.device, backbone: nn.Module | None
) -> tuple[dict[str, Any], tuple[AbstractEncoder, ...], list[Trainer]]:
    """Read ``model.json`` and the networks, and check that they are one model.

    Parameters
    ----------
    path : Path
        Folder that ``save`` wrote.
    kind : {"classifier", "regressor"}
    device : torch.device
    backbone : Module, optional
        Where the networks are of a module.

    Returns
    -------
    dict, tuple of AbstractEncoder, list of Trainer

    Raises
    ------
    ResultError
    """
    try:
        facts = read_facts(path / MODEL, _CHECKS)
        if facts["kind"] != kind:
            raise ResultError(f"{MODEL}: expected a {kind}, got a model of kind {facts['kind']!r:.40}")
        facts = read_facts(path / MODEL, _OF_KIND[kind])
        encoders = tuple(map(encoder_from_spec, facts["encoders"]))
        if len({encoder.domain.name for encoder in encoders}) > 1 or any(one.needs_fit for one in encoders):
            raise ResultError(f"{MODEL}: expected fitted encoders of one domain, got {facts['encoders']!r:.80}")
        members = [
            Trainer.load(member_folder(path, number), device=device, backbone=backbone)
            for number in range(len(facts["channels"]))
        ]
        _check_members(facts, kind, len(encoders), members)
    except ResultError as error:
        raise ResultError(f"{path}: {error}") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        said = " ".join((getattr(error, "strerror", None) or str(error)).split())
        raise ResultError(f"{path}: expected a folder that `train` or `save` wrote, got: {said[:200]}") from error
    return facts, encoders, members


def _check_members(facts: dict[str, Any], kind: str, encoders: int, members: list[Trainer]) -> None:
    """Refuse networks that are not those of which ``model.json`` speaks."""
    count = len(facts["classes"]) if kind == "classifier" else members[0].task.count if members else 0
    configs = [member.config for member in members]
    if not members or len(members) != encoders * configs[0].n_members:
        raise ResultError(
            f"{MODEL}: expected as many networks per encoder as `n_members` says, got {len(members)} in all"
        )
    for channels, member in zip(facts["channels"], members, strict=True):
        if type(member.task).__name__ != _TASKS[kind]:
            raise ResultError(f"expected networks of a {kind}, got one of another task: {member.task!r:.60}")
        stored = {**facts["training"]}
        if (member.channels, member.task.count) != (channels, count) or vars(member.config) != stored:
            raise ResultError(
                f"expected networks of {channels} channels and {count} scores, trained as {MODEL} says, got one of "
                f"{member.channels} and {member.task.count}, or with other hyperparameters"
            )


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
