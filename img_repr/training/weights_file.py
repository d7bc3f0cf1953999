"""Files of weights as other trainers write them: read without running anything, unwrapped to tensors by name."""

import argparse
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from img_repr.core.errors import WeightsError

# keys under which a checkpoint holds its weights, the most usual first; averages only where nothing else is there
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params")
_AVERAGES = ("ema", "model_ema", "state_dict_ema", "ema_state_dict", "params_ema")
_IN_FOLDERS = ("model.safetensors", "network.safetensors", "pytorch_model.bin", "member-0/network.safetensors")
_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt")
_DEPTH = 4  # wrappers in each other, at most


def file_of_weights(given: str | Path) -> Path:
    """Give the file of weights that a path names: the file itself, or the one in a folder of a saved model.

    Raises
    ------
    WeightsError
        If there is none, or more than one.
    """
    try:
        path = Path(given).expanduser()
        is_folder = path.is_dir() and bool(str(given))
        if path.is_file():
            return path
    except (OSError, RuntimeError, ValueError) as error:  # a name too long, no home
        raise WeightsError(f"weights: expected 'imagenet' or a file, got {str(given)!r:.80}: {error}") from None
    if not is_folder:
        raise WeightsError(f"weights: expected 'imagenet' or a file, got {str(given)!r}, which is no file")
    usual = [path / name for name in _IN_FOLDERS if (path / name).is_file()]
    if usual and not (path / "member-1").exists():
        return usual[0]
    found = sorted(one for one in path.iterdir() if one.suffix in _SUFFIXES and one.is_file())
    if len(found) == 1:
        return found[0]
    names = ", ".join(one.name for one in found[:5]) or "none"
    raise WeightsError(
        f"weights: expected one file of weights in {path} ({', '.join(_IN_FOLDERS[:3])}, or a single one of "
        f"{', '.join(_SUFFIXES)}), got {names}; name the file"
    )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the weights of a checkpoint, without what else stands in it.

    Parameters
    ----------
    path : Path
        ``.safetensors``, or what ``torch.save`` writes: a dictionary of tensors, or one that holds it under a usual key
        (``state_dict``, ``model``, ...). Only tensors and plain values are read; no object is made.

    Raises
    ------
    WeightsError
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            content: Any = load_file(path)
        else:
            with torch.serialization.safe_globals([argparse.Namespace]):  # plain values; trainers keep options in it
                content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # every library has its own; a file that cannot be read is one thing to a user
        raise WeightsError(f"weights: expected tensors in {path}, got {_obstacle(error)}") from error
    return _checked(_unwrapped(content, path), path)


def without_prefix(state: Mapping[str, Tensor], own: Iterable[str]) -> tuple[dict[str, Tensor], str]:
    """Take the prefix off names under which a wrapper kept a network: ``module.``, ``model.``, ``_orig_mod.`` ...

    Parameters
    ----------
    state : mapping of str to Tensor
    own : iterable of str
        Names of the network's own weights.

    Returns
    -------
    dict, str
        The weights below the prefix that fits most of the own names, and that prefix; all, and "", where none does.

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
    """Name the tensors that hold NaN or infinity, as float32 for those that are not.

    Examples
    --------
    >>> import torch
    >>> not_finite({"good": torch.ones(2), "bad": torch.tensor([1.0, float("nan")])})
    ['bad']
    """
    floats = {name: value for name, value in state.items() if value.is_floating_point() and not value.is_meta}
    return [name for name, value in floats.items() if not bool(value.to(torch.float32).isfinite().all())]


def _unwrapped(content: Any, path: Path) -> dict[str, Tensor]:
    for _ in range(_DEPTH):
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
    """Say why a file could not be read; objects in it are named, and the way out."""
    found = re.search(r"(?:GLOBAL|global) ([\w.]+)", str(error))
    if found:
        return (
            f"an object of {found.group(1)}, which is never loaded, for it may run code; where you trust the file, "
            "save the dictionary of tensors in it alone"
        )
    return "a file that cannot be read as such"
