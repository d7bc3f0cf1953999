"""The state of a training: everything that changes while it runs and that a checkpoint keeps."""

import copy
import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from img_repr.training.events import Progress, Row
from img_repr.training.network import Network
from img_repr.training.normalization import Normalization
from img_repr.training.plan import Phase, Plan, Position
from img_repr.training.task import Task

_RECENT_STEPS = 20  # steps whose mean loss is the current loss


class WeightAverage:
    """Exponential moving average of all weights and statistics, usually more accurate than any single step.

    Polyak and Juditsky 1992; Tarvainen and Valpola 2017.

    Parameters
    ----------
    network : Network
        The average starts as a copy of it.
    decay : float
        Fraction of the average that a step leaves. It rises to this value over about ``10 * decay / (1 - decay)``
        steps, so that the first weights are soon forgotten.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: Network, step: int) -> None:
        """Add the weights after step number ``step`` of the training, from 0."""
        new = 1.0 - min(self.decay, (1.0 + step) / (10.0 + step))
        torch._foreach_lerp_(list(self.network.parameters()), list(network.parameters()), new)
        for average, buffer in zip(self.network.buffers(), network.buffers(), strict=True):
            average.copy_(buffer)


@dataclass
class TrainingState:
    """State that the loop, the checkpointer and the rate finder share.

    Parameters
    ----------
    network : Network
        On its device.
    initial_task, task : Task
        As constructed, and fitted to the training part.
    channels, seed : int
    weights : dict
        Record of the weights that the body started from.
    normalization : Normalization
    ema : WeightAverage, optional
        While a training with ``ema_decay`` runs.
    plan, position
        All phases, and how much of them is done.
    losses : Tensor
        Loss of each step of the current epoch.
    history : list of dict
        One row per finished epoch.
    rate : float
        Current learning rate of the head.
    """

    network: Network
    initial_task: Task
    task: Task
    channels: int
    seed: int
    weights: dict[str, Any]
    normalization: Normalization
    ema: WeightAverage | None = None
    plan: Plan = field(default_factory=lambda: Plan((), 0, 1))
    position: Position = field(default_factory=Position)
    losses: Tensor = field(default_factory=lambda: torch.zeros(0))
    history: list[Row] = field(default_factory=list)
    rate: float = 0.0

    @property
    def evaluated_network(self) -> Network:
        """Network that is validated: the moving average if there is one."""
        return self.network if self.ema is None else self.ema.network

    @property
    def progress(self) -> Progress:
        """Progress of the training, for listeners."""
        plan, position = self.plan, self.position
        at_end = position == plan.end
        phase = plan.phases[-1 if at_end else position.phase] if plan.phases else Phase("all", 0, 0.0)
        recent = self.losses[: position.step or len(self.losses)][-_RECENT_STEPS:]
        return Progress(
            phase=phase.name,
            epoch=phase.epochs if at_end else position.epoch + 1,
            epochs=phase.epochs,
            step=plan.steps_before(position),
            steps=plan.steps,
            loss=float(recent.mean()) if len(recent) else math.nan,
            rate=self.rate,
        )
