"""A trained network as a folder, ``trainer.json`` and ``network.safetensors``, and the reader of a model's JSON files.

Types and bounds of all fields are checked before anything is built of them; nothing is unpickled.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from img_repr.core.atomic import atomic_folder
from img_repr.core.errors import ResultError
from img_repr.core.numbers import is_number
from img_repr.training.config import TrainConfig
from img_repr.training.engine import Engine
from img_repr.training.normalization import Normalization
from img_repr.training.state import TrainingState
from img_repr.training.task import Task, task_from_spec, task_spec
from img_repr.training.weights_file import not_finite

FORMAT = 2
FROM_MODULE = "from the module"  # recorded for a network that was made of a module with weights
_RECORD, _NETWORK = "trainer.json", "network.safetensors"
_MEAN, _STD = "input.mean", "input.std"
_MAX_BYTES = 64 << 20  # a history of a million epochs

Check = tuple[str, Callable[[Any], bool]]


def is_count(value: Any, low: int = 1, high: int = 1_000_000) -> bool:
    """Return whether a JSON value is an integer within bounds."""
    return type(value) is int and low <= value <= high


def is_rows(value: Any) -> bool:
    """Return whether a JSON value is a list of objects."""
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def is_temperature(value: Any) -> bool:
    """Return whether a JSON value may divide logits; the bounds are far beyond any calibration."""
    return is_number(value, 1e-3, 1e3)


def is_fraction(value: Any) -> bool:
    """Return whether a JSON value is a number from 0 to 1, up to rounding."""
    return is_number(value, -1e-6, 1.0 + 1e-6)


_CHECKS: dict[str, Check] = {
    "format": (f"{FORMAT}", lambda value: value == FORMAT),
    "task": ("a task", lambda value: isinstance(value, dict)),
    "channels": ("a number of channels", is_count),
    "seed": ("an integer from 0", lambda value: is_count(value, 0, 2**63 - 1)),
    "training": ("hyperparameters by name", lambda value: isinstance(value, dict)),
    "weights": ("a record of weights", lambda value: isinstance(value, dict)),
    "unexplained": ("a number from 0 to 1", is_fraction),
    "history": ("rows", is_rows),
    "sha256": ("a checksum", lambda value: isinstance(value, str)),
}


def read_json(path: Path, checks: Mapping[str, Check]) -> dict[str, Any]:
    """Read a JSON object with known fields.

    Parameters
    ----------
    path : Path
    checks : mapping of str to (str, callable)
        For each field, the expected value in words, and a function that checks it.

    Raises
    ------
    ResultError
        If the file cannot be read or is not a JSON object, or a field is missing or wrong.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "model.json")
    ...     _ = path.write_text('{"temperature": 0}')
    ...     read_json(path, {"temperature": ("a number above 0", lambda value: is_number(value) and value > 0)})
    Traceback (most recent call last):
    ...
    img_repr.core.errors.ResultError: model.json: expected temperature to be a number above 0, got 0
    """
    try:
        check_file(path)
        if path.stat().st_size > _MAX_BYTES:
            raise ResultError(f"{path.name}: expected at most {_MAX_BYTES} bytes, got {path.stat().st_size}")
        record = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ResultError(f"{path.name}: expected a file that can be read, got: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, ResultError):
            raise
        raise ResultError(f"{path.name}: expected JSON that `save` wrote, got: {str(error)[:120]}") from error
    if not isinstance(record, dict):
        raise ResultError(f"{path.name}: expected a JSON object, got a {type(record).__name__}")
    for field, (expected, holds) in checks.items():
        if field not in record:
            raise ResultError(f"{path.name}: expected {field} to be {expected}, got no field of that name")
        if not holds(record[field]):
            raise ResultError(f"{path.name}: expected {field} to be {expected}, got {record[field]!r:.60}")
    return record


def check_file(path: Path) -> None:
    """Refuse a FIFO, a device or a folder in place of a file: reading it might never end."""
    if path.exists() and not path.is_file():
        raise ResultError(f"{path.name}: expected a regular file, got a FIFO, a device or a folder")


def save_network(state: TrainingState, config: TrainConfig, engine: Engine, folder: str | Path) -> Path:
    """Write a network to a folder atomically; see :meth:`img_repr.training.trainer.Trainer.save`."""
    from safetensors.torch import save_file

    if not engine.is_main_process:
        return Path(folder)
    with atomic_folder(folder, replaces=_RECORD) as temporary_path:
        # copies, because the format refuses tensors that share memory
        tensors = {
            name: value.cpu().clone(memory_format=torch.contiguous_format)
            for name, value in state.network.state_dict().items()
        }
        tensors |= {_MEAN: state.normalization.mean.cpu(), _STD: state.normalization.std.cpu()}
        save_file(tensors, temporary_path / _NETWORK)
        record = {
            "format": FORMAT,
            "task": task_spec(state.task),
            "channels": state.channels,
            "seed": state.seed,
            "training": asdict(config),
            "weights": state.weights,
            "unexplained": state.normalization.unexplained,
            "history": [{name: value for name, value in row.items() if name != "seconds"} for row in state.history],
            "sha256": _sha256(temporary_path / _NETWORK),
            "versions": {name: version(name) for name in ("img-repr", "torch")},
        }
        (temporary_path / _RECORD).write_text(json.dumps(record, indent=2))
    return Path(folder)


@dataclass(frozen=True)
class SavedNetwork:
    """Content of a network's folder.

    Parameters
    ----------
    record : dict
        The fields of ``trainer.json``.
    task : Task
    tensors : dict of Tensor
        Weights by name, and the normalization.
    """

    record: dict[str, Any]
    task: Task
    tensors: dict[str, Tensor]

    def hyperparameters(self, backbone: nn.Module | None) -> dict[str, Any]:
        """Return the parameters of a ``Trainer`` for this network; ``backbone`` is the module that it was made of.

        Raises
        ------
        ResultError
            If the network was made of a module and none is passed.
        """
        found: dict[str, Any] = self.record["training"] | {"weights": None}  # the weights are in the folder
        if backbone is not None:
            found["backbone"] = backbone
        elif str(found.get("backbone")).startswith("own "):
            raise ResultError(f"expected backbone=MODULE, because the network was made of one: {found['backbone']!r}")
        return found

    def restore(self, state: TrainingState) -> None:
        """Load weights, normalization and history into a new state."""
        device = state.normalization.mean.device
        mean, std = (self.tensors[name].to(device) for name in (_MEAN, _STD))
        state.normalization = Normalization(mean, std, self.record["unexplained"])
        weights = {name: value for name, value in self.tensors.items() if name not in (_MEAN, _STD)}
        state.network.load_state_dict(weights)
        state.weights, state.history = self.record["weights"], self.record["history"]


def read_network(folder: str | Path) -> SavedNetwork:
    """Read what :func:`save_network` wrote, and check all of it.

    Raises
    ------
    ResultError, OSError, ValueError
        See :func:`refuse_damage`.
    """
    from safetensors.torch import load_file

    path = Path(folder)
    record = read_json(path / _RECORD, _CHECKS)
    check_file(path / _NETWORK)
    if _sha256(path / _NETWORK) != record["sha256"]:
        raise ResultError(f"{_NETWORK}: expected the bytes that `save` wrote, got others: the file is damaged")
    saved = SavedNetwork(record, task_from_spec(record["task"]), load_file(path / _NETWORK))
    _check_tensors(saved.tensors, record["channels"], saved.task.count)
    return saved


@contextmanager
def refuse_damage(folder: str | Path) -> Iterator[None]:
    """Raise every error of a block that reads a network as a ``ResultError`` that names the folder."""
    from safetensors import SafetensorError

    try:
        yield
    except ResultError as error:
        raise ResultError(f"{folder}: {error}") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        message = " ".join((getattr(error, "strerror", None) or str(error)).split())
        raise ResultError(f"{folder}: expected a network that `save` wrote, got: {message[:200]}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_tensors(tensors: dict[str, Tensor], channels: int, count: int) -> None:
    """Refuse tensors that cannot belong to a network of these channels and outputs, before one is built."""
    bad = not_finite(tensors)
    if bad:
        raise ResultError(f"{_NETWORK}: expected finite numbers, got NaN or infinity in {', '.join(bad[:3])}")
    mean, std = (tensors.get(name, torch.zeros(0)) for name in (_MEAN, _STD))
    if mean.ndim != 4 or mean.shape[:2] != (1, channels) or std.shape != (1, channels, 1, 1):
        raise ResultError(
            f"{_NETWORK}: expected a normalization of {channels} channels, got {_MEAN} {tuple(mean.shape)} and "
            f"{_STD} {tuple(std.shape)}"
        )
    if not bool((std > 0).all()):
        raise ResultError(f"{_NETWORK}: expected {_STD} above 0, got {float(std.min()):g}")
    heads = [value.shape for name, value in tensors.items() if name.startswith("head.")]
    if heads and all(shape[:1] != (count,) for shape in heads):
        raise ResultError(f"{_NETWORK}: expected a head of {count} outputs, got tensors {heads[-1]}")
