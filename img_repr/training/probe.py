"""Checks of a network before its first step: it takes the images and the smallest batches, and it compiles."""

import copy
from typing import Any

import torch
from torch import nn

from img_repr.core.errors import ParameterError
from img_repr.training.backbone import BACKBONES, build_backbone
from img_repr.training.config import module_name
from img_repr.training.onnx_body import refuse_training
from img_repr.training.schedule import fork_rng


def check_backbone_takes(backbone: str | nn.Module, shape: tuple[int, int, int]) -> None:
    """Refuse a backbone that cannot be trained on images of a shape, before any image is made.

    A network of torchvision is tried on the meta device, which computes shapes only: no weights are made or loaded.

    Parameters
    ----------
    backbone : str or Module
        As :func:`img_repr.training.backbone.build_backbone` takes it.
    shape : tuple of int
        Channels, height and width of an image.

    Raises
    ------
    ParameterError
        With the shape and the error of the network.

    Examples
    --------
    >>> check_backbone_takes("small", (1, 16, 16))
    """
    if isinstance(backbone, str):
        refuse_training(backbone)
    shapes_only = isinstance(backbone, str) and backbone not in BACKBONES
    with fork_rng(torch.device("cpu")), torch.device("meta" if shapes_only else "cpu"):
        network = build_backbone(backbone, channels=shape[0], classes=2)
    check_network_takes(network, module_name(backbone) if isinstance(backbone, nn.Module) else backbone, shape)


def check_network_takes(network: nn.Module, caller: str, shape: tuple[int, ...], *, smallest: int = 2) -> None:
    """Refuse a network that cannot be trained on images of a shape.

    A copy is run on blank images in training mode, on the device of the weights; the network does not change.

    Parameters
    ----------
    network : Module
    caller : str
        Name of the network, for messages.
    shape : tuple of int
        Channels, height and width.
    smallest : int
        Images in the smallest piece of a batch.

    Raises
    ------
    ParameterError
    """
    failed = _failure(network, shape, 2)
    channels, height, width = shape
    if failed is not None:
        raise ParameterError(
            f"backbone: expected a network that takes images of {height} x {width} pixels with {channels} "
            f"channel{'s' if channels > 1 else ''}, got {caller}, which fails ({first_line(failed)}); choose another "
            "size or another backbone"
        )
    if smallest < 2 and _failure(network, shape, smallest) is not None:
        raise ParameterError(
            f"training: expected at least two images in each piece of a batch, because {caller} normalizes "
            f"over a batch and has one value per channel at {height} x {width} pixels, got a piece of one image: "
            "change batch_size, lower grad_accum_steps, or add samples"
        )


def check_compiler(device: torch.device) -> None:
    """Refuse ``compile=True`` if torch.compile does not work, before any network is compiled.

    Raises
    ------
    ParameterError
    """
    try:
        torch.compile(_increment)(torch.zeros(2, device=device))
    except Exception as error:  # torch.compile raises different errors for each missing tool
        raise ParameterError(
            f"training: expected a working torch.compile for compile=True, got {first_line(error)}; install a C++ "
            "compiler, or omit compile: it changes only the speed"
        ) from error


def first_line(error: Any) -> str:
    """Return class and first line of an error of torch, shortened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:160] if lines else ''}".rstrip(": ")


def _increment(values: torch.Tensor) -> torch.Tensor:
    return values + 1.0


def _failure(network: nn.Module, shape: tuple[int, ...], count: int) -> Exception | None:
    weight = next(network.parameters(), torch.zeros(0))
    with fork_rng(weight.device), torch.no_grad():
        try:
            blank = torch.zeros((count, *shape), device=weight.device)
            copy.deepcopy(network).requires_grad_(False).train()(blank)
        except Exception as error:  # networks raise any error for a size that they do not take
            return error
    return None
