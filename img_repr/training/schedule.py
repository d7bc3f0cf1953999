"""Order, random numbers and learning rates as pure functions, which makes trainings repeatable.

order = f(seed, epoch); random numbers = f(seed, step, piece); learning rate = f(progress).
"""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch import nn

from img_repr.training.network import Network


def epoch_order(count: int, *, seed: int, epoch: int) -> np.ndarray:
    """Return the order in which an epoch visits ``count`` samples.

    Examples
    --------
    >>> sorted(epoch_order(4, seed=0, epoch=1).tolist())
    [0, 1, 2, 3]
    """
    return np.random.default_rng((seed, epoch)).permutation(count)


def batches(order: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Split an order into batches of nearly equal size, none larger than ``batch_size``.

    Examples
    --------
    >>> [len(batch) for batch in batches(np.arange(33), 16)]
    [11, 11, 11]
    """
    return np.array_split(order, max(1, math.ceil(len(order) / batch_size)))


def step_generator(device: torch.device, *, seed: int, step: int, piece: int = 0) -> torch.Generator:
    """Return the generator of one piece of a step's batch; it does not depend on earlier random numbers."""
    # a CPU generator uses the lower 32 bits of a seed, so pieces must be far apart in these
    return torch.Generator(device).manual_seed((seed * 1_000_003 + step + piece * 0x9E3779B1) % 2**63)


def seed_globally(seed: int, device: torch.device) -> None:
    """Seed torch's default generator of one device; ``torch.manual_seed`` seeds all backends, 100 times as slowly."""
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


def fork_rng(device: torch.device) -> AbstractContextManager[None]:
    """Restore torch's default generators of the CPU and a device at the end of a block."""
    return torch.random.fork_rng(devices=[device.index or 0] if device.type == "cuda" else [])


def one_cycle(progress: float, *, pct_start: float) -> float:
    """Return the learning rate as a fraction of its peak: a cosine up from 1/25 in ``pct_start``, a cosine down to 0.

    L. N. Smith: Super-Convergence, arXiv:1708.07120, with fastai's cosines.

    Examples
    --------
    >>> [round(one_cycle(p, pct_start=0.25), 2) for p in (0.0, 0.25, 1.0)]
    [0.04, 1.0, 0.0]
    """
    if progress < pct_start:
        return 1.0 - (1.0 - 1.0 / 25.0) * (1.0 + math.cos(math.pi * progress / pct_start)) / 2.0
    return (1.0 + math.cos(math.pi * (progress - pct_start) / (1.0 - pct_start))) / 2.0


def parameter_groups(network: Network, *, rate: float, lr_mult: float, weight_decay: float) -> list[dict[str, Any]]:
    """Return parameter groups for the optimizer: the head first, then the body from its last stage to its first.

    The head has ``rate``, the first stage ``lr_mult`` times that, the stages in between evenly in logarithms;
    normalization and biases have no weight decay.
    """
    groups: list[dict[str, Any]] = []
    for depth, stage in enumerate((network.head, *reversed(network.stages))):
        for decays in (True, False):
            weights = [weight for weight in stage.parameters() if weight.requires_grad and (weight.ndim > 1) == decays]
            if weights:
                peak = rate * lr_mult ** (depth / max(1, len(network.stages)))
                groups.append(
                    {
                        "params": weights,
                        "peak": peak,
                        "lr": peak,
                        "weight_decay": weight_decay if decays else 0.0,
                    }
                )
    return groups


def set_rates(groups: Sequence[dict[str, Any]], fraction: float) -> float:
    """Set each group's learning rate to a fraction of its peak, and return that of the first group, the head."""
    for group in groups:
        group["lr"] = group["peak"] * fraction
    return float(groups[0]["lr"])


def freeze(body: nn.Module, frozen: bool) -> None:
    """Freeze or unfreeze the weights of a module."""
    for weight in body.parameters():
        weight.requires_grad_(not frozen)
