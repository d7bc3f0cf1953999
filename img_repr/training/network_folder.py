"""A trained network as a folder: ``trainer.json`` and ``network.safetensors``, never a pickle."""

import json
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from img_repr.core.errors import ResultError
from img_repr.core.json_file import parse_json
from img_repr.core.places import written_as_one
from img_repr.training.normalisation import Normalisation
from img_repr.training.task import task_from_spec, task_spec

if TYPE_CHECKING:
    from img_repr.training.trainer import Trainer

FORMAT = 1
OF_A_MODULE = "of the module given"  # what the record says of the weights that a user's module came with
_FACTS, _NETWORK = "trainer.json", "network.safetensors"
_MEAN, _DEVIATION = "input.mean", "input.deviation"


def save_network(trainer: "Trainer", folder: str | Path) -> Path:
    """Write what a trainer learned, as one step; see :meth:`img_repr.training.trainer.Trainer.save`."""
    from safetensors.torch import save_file

    if not trainer.engine.leads:
        return Path(folder)
    with written_as_one(folder, replaces=_FACTS) as beside:
        # copies, for the format holds no weights that share memory
        state = {
            name: value.cpu().clone(memory_format=torch.contiguous_format)
            for name, value in trainer.network.state_dict().items()
        }
        state |= {_MEAN: trainer.normalisation.mean.cpu(), _DEVIATION: trainer.normalisation.deviation.cpu()}
        save_file(state, beside / _NETWORK)
        facts = {
            "format": FORMAT,
            "task": task_spec(trainer.task),
            "channels": trainer.channels,
            "seed": trainer.seed,
            "training": asdict(trainer.config),
            "weights": trainer.weights,
            "unexplained": trainer.normalisation.unexplained,
            "history": [{word: value for word, value in row.items() if word != "seconds"} for row in trainer.history],
            "versions": {name: version(name) for name in ("img-repr", "torch")},
        }
        (beside / _FACTS).write_text(json.dumps(facts, indent=2))
    return Path(folder)


def load_network(
    kind: type["Trainer"], folder: str | Path, *, device: torch.device | None, backbone: nn.Module | None
) -> "Trainer":
    """Read what :func:`save_network` wrote; see :meth:`img_repr.training.trainer.Trainer.load`."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(folder)
    try:
        facts = parse_json((path / _FACTS).read_bytes())
        if facts["format"] != FORMAT:
            raise ResultError(f"expected a network of format {FORMAT}, got {facts['format']}")
        knobs = facts["training"] | {"weights": None}  # they come from this folder
        if backbone is not None:
            knobs["backbone"] = backbone
        elif facts["weights"] == {"weights": OF_A_MODULE}:
            raise ResultError(f"expected backbone=MODULE, for it is a network of a module: {knobs['backbone']!r}")
        task = task_from_spec(facts["task"])
        trainer = kind(task=task, channels=facts["channels"], seed=facts["seed"], device=device, **knobs)
        state = load_file(path / _NETWORK)
        mean, deviation = (state.pop(name).to(trainer.device) for name in (_MEAN, _DEVIATION))
        trainer.normalisation = Normalisation(mean, deviation, facts["unexplained"])
        trainer.network.load_state_dict(state)
        trainer.config = replace(trainer.config, weights=facts["training"]["weights"])
        trainer.weights, trainer.history = facts["weights"], facts["history"]
    except ResultError as error:
        raise ResultError(f"{path}: {error}") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        said = " ".join((getattr(error, "strerror", None) or str(error)).split())
        raise ResultError(f"{path}: expected a network that `save` wrote, got: {said[:200]}") from error
    return trainer
