"""A trained network as a folder: ``trainer.json`` and ``network.safetensors``, never a pickle."""

import json
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from img_repr.core.atomic import atomic_folder
from img_repr.core.errors import ResultError
from img_repr.training.engine import device_of
from img_repr.training.model_file import is_count, is_rows, is_unit, read_facts, sha256_of
from img_repr.training.normalization import Normalization
from img_repr.training.task import task_from_spec, task_spec
from img_repr.training.weights_file import not_finite

if TYPE_CHECKING:
    from img_repr.training.trainer import Trainer

FORMAT = 2
OF_A_MODULE = "of the module given"  # what the record says of the weights that a user's module came with
_FACTS, _NETWORK = "trainer.json", "network.safetensors"
_MEAN, _DEVIATION = "input.mean", "input.deviation"
_CHECKS = {
    "format": (f"{FORMAT}", lambda value: value == FORMAT),
    "task": ("a task", lambda value: isinstance(value, dict)),
    "channels": ("a number of channels", is_count),
    "seed": ("a whole number from 0", lambda value: is_count(value, 0, 2**63 - 1)),
    "training": ("hyperparameters by name", lambda value: isinstance(value, dict)),
    "weights": ("a record of weights", lambda value: isinstance(value, dict)),
    "unexplained": ("a number from 0 to 1", is_unit),
    "history": ("rows", is_rows),
    "sha256": ("a checksum", lambda value: isinstance(value, str)),
}


def save_network(trainer: "Trainer", folder: str | Path) -> Path:
    """Write what a trainer learned, as one step; see :meth:`img_repr.training.trainer.Trainer.save`."""
    from safetensors.torch import save_file

    if not trainer.engine.is_main_process:
        return Path(folder)
    with atomic_folder(folder, replaces=_FACTS) as temporary_path:
        # copies, for the format holds no weights that share memory
        state = {
            name: value.cpu().clone(memory_format=torch.contiguous_format)
            for name, value in trainer.network.state_dict().items()
        }
        state |= {_MEAN: trainer.normalization.mean.cpu(), _DEVIATION: trainer.normalization.deviation.cpu()}
        save_file(state, temporary_path / _NETWORK)
        facts = {
            "format": FORMAT,
            "task": task_spec(trainer.task),
            "channels": trainer.channels,
            "seed": trainer.seed,
            "training": asdict(trainer.config),
            "weights": trainer.weights,
            "unexplained": trainer.normalization.unexplained,
            "history": [{word: value for word, value in row.items() if word != "seconds"} for row in trainer.history],
            "sha256": sha256_of(temporary_path / _NETWORK),
            "versions": {name: version(name) for name in ("img-repr", "torch")},
        }
        (temporary_path / _FACTS).write_text(json.dumps(facts, indent=2))
    return Path(folder)


def load_network(
    kind: type["Trainer"], folder: str | Path, *, device: str | torch.device | None, backbone: nn.Module | None
) -> "Trainer":
    """Read what :func:`save_network` wrote; see :meth:`img_repr.training.trainer.Trainer.load`."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path, place = Path(folder), device_of(device)
    try:
        facts = read_facts(path / _FACTS, _CHECKS)
        hyperparameters = facts["training"] | {"weights": None}  # they come from this folder
        if backbone is not None:
            hyperparameters["backbone"] = backbone
        elif str(hyperparameters.get("backbone")).startswith("own "):
            raise ResultError(
                f"expected backbone=MODULE, for it is a network of a module: {hyperparameters['backbone']!r}"
            )
        if sha256_of(path / _NETWORK) != facts["sha256"]:
            raise ResultError(f"{_NETWORK}: expected the bytes that `save` wrote, got others: it is damaged")
        task, state = task_from_spec(facts["task"]), load_file(path / _NETWORK)
        _check_tensors(state, facts["channels"], task.count)
        trainer = kind(task=task, channels=facts["channels"], seed=facts["seed"], device=place, **hyperparameters)
        mean, deviation = (state.pop(name).to(trainer.device) for name in (_MEAN, _DEVIATION))
        trainer.normalization = Normalization(mean, deviation, facts["unexplained"])
        trainer.network.load_state_dict(state)
        trainer.config = replace(trainer.config, weights=facts["training"]["weights"])
        trainer.weights, trainer.history = facts["weights"], facts["history"]
    except ResultError as error:
        raise ResultError(f"{path}: {error}") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        said = " ".join((getattr(error, "strerror", None) or str(error)).split())
        raise ResultError(f"{path}: expected a network that `save` wrote, got: {said[:200]}") from error
    return trainer


def _check_tensors(state: dict[str, Tensor], channels: int, count: int) -> None:
    """Refuse tensors that cannot be a network of so many channels and scores, before one is built."""
    bad = not_finite(state)
    if bad:
        raise ResultError(f"{_NETWORK}: expected finite numbers, got NaN or infinity in {', '.join(bad[:3])}")
    mean, deviation = (state.get(name, torch.zeros(0)) for name in (_MEAN, _DEVIATION))
    if mean.ndim != 4 or mean.shape[:2] != (1, channels) or deviation.shape != (1, channels, 1, 1):
        raise ResultError(
            f"{_NETWORK}: expected a normalization of {channels} channels, got {_MEAN} {tuple(mean.shape)} and "
            f"{_DEVIATION} {tuple(deviation.shape)}"
        )
    if not bool((deviation > 0).all()):
        raise ResultError(f"{_NETWORK}: expected {_DEVIATION} above 0, got {float(deviation.min()):g}")
    heads = [value.shape for name, value in state.items() if name.startswith("head.")]
    if heads and all(shape[:1] != (count,) for shape in heads):
        raise ResultError(f"{_NETWORK}: expected a head of {count} scores, got tensors {heads[-1]}")
