"""Files of weights as other trainers write them, read without executing code and unwrapped to tensors by name."""

import argparse
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from img_repr.core.errors import WeightsError
from img_repr.training.tensorflow_file import BUNDLE, HDF5, read_bundle, read_hdf5

# keys under which checkpoints hold weights, the most usual first; averages only if there is nothing else
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params")
_AVERAGES = ("ema", "model_ema", "state_dict_ema", "ema_state_dict", "params_ema")
_IN_FOLDERS = (
    *("model.safetensors", "network.safetensors", "pytorch_model.bin", "member-0/network.safetensors"),
    f"variables/{BUNDLE}",  # of TensorFlow's SavedModel
)
_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", *HDF5)
_MAX_DEPTH = 4  # nested wrappers


def find_file(name: str | Path) -> Path:
    """Return the file of weights of a path: the file itself, or the one in the folder of a saved model.

    Raises
    ------
    WeightsError
        If there is no file, or more than one.
    """
    try:
        path = Path(name).expanduser()
        is_folder = path.is_dir() and bool(str(name))
        if path.is_file():
            return path
    except (OSError, RuntimeError, ValueError) as error:  # a name that is too long, no home
        raise WeightsError(f"weights: expected 'imagenet' or a file, got {str(name)!r:.80}: {error}") from None
    if not is_folder:
        raise WeightsError(f"weights: expected 'imagenet' or a file, got {str(name)!r}, which is not a file")
    usual = [path / name for name in _IN_FOLDERS if (path / name).is_file()]
    if usual and not (path / "member-1").exists():
        return usual[0]
    found = sorted(one for one in path.iterdir() if one.suffix in _SUFFIXES and one.is_file())
    if len(found) == 1:
        return found[0]
    some = ", ".join(one.name for one in found[:5]) or "none"
    raise WeightsError(
        f"weights: expected one file of weights in {path} ({', '.join(_IN_FOLDERS[:3])}, or a single one of "
        f"{', '.join(_SUFFIXES)}), got {some}; pass the path of the file"
    )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the weights of a checkpoint and nothing else.

    Parameters
    ----------
    path : Path
        ``.safetensors``, or a file of ``torch.save``: a dictionary of tensors, or one that holds it under a usual key
        (``state_dict``, ``model``, ...). Only tensors and plain values are read; no object is created. The data file of
        TensorFlow's SavedModel, or Keras' ``.h5``, as :mod:`img_repr.training.tensorflow_file` reads them.

    Raises
    ------
    WeightsError
    """
    if path.name == BUNDLE or path.suffix in HDF5:
        return read_bundle(path) if path.name == BUNDLE else read_hdf5(path)
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            content: Any = load_file(path)
        else:
            with torch.serialization.safe_globals([argparse.Namespace]):  # plain values; trainers store options in it
                content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # libraries raise errors of their own
        raise WeightsError(f"weights: expected tensors in {path}, got {_obstacle(error)}") from error
    return _checked(_unwrapped(content, path), path)


def without_prefix(state: Mapping[str, Tensor], own: Iterable[str]) -> tuple[dict[str, Tensor], str]:
    """Remove the prefix that a wrapper added to names: ``module.``, ``model.``, ``_orig_mod.`` ...

    Parameters
    ----------
    state : mapping of str to Tensor
    own : iterable of str
        Names of the network's weights.

    Returns
    -------
    dict, str
        The weights with the prefix that matches most of these names, and the prefix; all weights and "" if none does.

    Examples
    --------
    >>> import torch
    >>> state = {"model.stem.weight": torch.zeros(1), "model.head.bias": torch.zeros(1), "loss.weight": torch.zeros(1)}
    >>> found, prefix = without_prefix(state, ["stem.weight", "stem.bias"])
    >>> sorted(found), prefix
    (['head.bias', 'stem.weight'], 'model.')
    """
    known, counts = set(own), {"": 0}
    for name in state:
        for start in (0, *(dot.end() for dot in re.finditer(r"\.", name))):
            if name[start:] in known:
                counts[name[:start]] = counts.get(name[:start], 0) + 1
    prefix = min(counts, key=lambda one: (-counts[one], len(one)))
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}, prefix


def not_finite(state: Mapping[str, Tensor]) -> list[str]:
    """Return the names of tensors that hold NaN or infinity after conversion to float32.

    Examples
    --------
    >>> import torch
    >>> not_finite({"good": torch.ones(2), "bad": torch.tensor([1.0, float("nan")])})
    ['bad']
    """
    floats = {name: value for name, value in state.items() if value.is_floating_point() and not value.is_meta}
    return [name for name, value in floats.items() if not bool(value.to(torch.float32).isfinite().all())]


def _unwrapped(content: Any, path: Path) -> dict[str, Tensor]:
    for _ in range(_MAX_DEPTH):
        if not isinstance(content, Mapping):
            break
        tensors = {name: value for name, value in content.items() if isinstance(value, Tensor)}
        inner = {name: value for name, value in content.items() if isinstance(value, Mapping) and value}
        named = [name for name in (*_WRAPPERS, *_AVERAGES) if name in inner]
        if not named and len(inner) == 1 and not tensors:
            named = list(inner)
        if not named:
            if len(tensors) == len(content):
                return dict(tensors)
            break
        content = content[named[0]]
    got = type(content).__name__
    if isinstance(content, Mapping):
        got = f"one of {', '.join(map(repr, list(content)[:5]))}" if content else "an empty one"
    raise WeightsError(
        f"weights: expected a dictionary of tensors in {path}, or one under {', '.join(_WRAPPERS[:3])}, got "
        f"{got:.160}; save network.state_dict() alone"
    )


def _checked(state: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    for name, value in state.items():
        plain = value.layout == torch.strided and not (value.is_complex() or value.is_quantized or value.is_meta)
        if not isinstance(name, str) or not plain:
            kind = f"{str(value.layout).removeprefix('torch.')} {str(value.dtype).removeprefix('torch.')}"
            raise WeightsError(f"weights: expected dense real tensors by name in {path}, got {name!r:.60} of {kind}")
    return state


def _obstacle(error: Exception) -> str:
    """Return why a file could not be read; for an object in it, also the solution."""
    found = re.search(r"(?:GLOBAL|global) ([\w.]+)", str(error))
    if found:
        return (
            f"an object of {found.group(1)}, which is never loaded because it may run code; if you trust the file, "
            "save only the dictionary of tensors in it"
        )
    return "a file of another format"
