"""The forward pass of networks, bodies and heads: normalization, precision, errors that name the cause."""

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from img_repr.core.errors import SampleError, TrainingError
from img_repr.training.config import TrainConfig
from img_repr.training.engine import Engine
from img_repr.training.images import Images
from img_repr.training.network import Network
from img_repr.training.probe import first_line
from img_repr.training.schedule import seed_globally, step_generator
from img_repr.training.state import TrainingState

Forward: TypeAlias = Callable[[Network, Tensor], Tensor]
_BATCH_SIZE = 256  # images per pass without gradients
_CPU_BATCH_SIZE = 32  # the maps of more leave the cache: at 128 px EfficientNet-Lite0 takes 1.8 times as long with 256


def forward(state: TrainingState, config: TrainConfig, engine: Engine, module: nn.Module, images: Tensor) -> Tensor:
    """Return the float32 output of a network, or of its body, for images, which are normalized first.

    Raises
    ------
    SampleError
        If the images have another shape than those of the training.
    """
    normalization = state.normalization
    sides = normalization.mean.shape[2:] if normalization.centered else images.shape[2:]
    if images.shape[1:] != (state.channels, *sides):
        raise SampleError(
            f"trainer: expected images {(state.channels, *sides)} in channels, height and width, got "
            f"{tuple(images.shape[1:])}"
        )
    inputs = normalization(images).contiguous(memory_format=torch.channels_last)
    return forward_normalized(config, engine, module, inputs)


def forward_normalized(config: TrainConfig, engine: Engine, module: nn.Module, inputs: Tensor) -> Tensor:
    """Return the float32 output of a network for normalized images, or of a head for features.

    Raises
    ------
    TrainingError
        If the memory does not suffice.
    SampleError
        If the network does not take inputs of this shape.
    """
    try:
        with engine.autocast():
            output: Tensor = module(inputs)
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            f"trainer: expected memory for {len(inputs)} images {tuple(inputs.shape[1:])} in "
            f"{config.backbone}, got: {first_line(error)}; lower batch_size, raise grad_accum_steps or choose "
            "smaller images"
        ) from error
    except (RuntimeError, ValueError, AssertionError, IndexError) as error:  # errors of modules for a wrong size
        raise SampleError(
            f"trainer: expected images that {config.backbone} takes, got {tuple(inputs.shape)}: {first_line(error)}"
        ) from error
    return output.float()


def forward_all(
    images: Images, network: Network, forward_batch: Forward, *, seed: int, engine: Engine, variant: int | None = None
) -> Tensor:
    """Return the outputs for all images, ``(N, K)`` on the CPU; each of several processes computes a part of them.

    Parameters
    ----------
    images : Images
    network : Network
        Is switched to evaluation mode.
    forward_batch : callable
        Output of the network for a batch.
    seed : int
    engine : Engine
    variant : int, optional
        Number of a random augmentation of every sample. None: the samples as they are.
    """
    network.eval()
    mine = engine.partition(np.arange(len(images)))
    size = min(_BATCH_SIZE, _CPU_BATCH_SIZE) if engine.device.type == "cpu" else _BATCH_SIZE
    outputs = []
    with torch.inference_mode():
        for number, positions in enumerate(np.array_split(mine, max(1, math.ceil(len(mine) / size)))):
            generator = None
            if variant is not None:
                generator = step_generator(engine.device, seed=seed, step=number, piece=variant)
                seed_globally(generator.initial_seed(), engine.device)
            outputs.append(forward_batch(network, images.batch(positions, generator)).cpu())
    return engine.gather(torch.cat(outputs), len(images))
