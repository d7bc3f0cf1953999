"""The learning-rate finder: how the loss answers to rising rates, and which rate that suggests."""

import copy
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from img_repr.core.errors import DataError, ParameterError
from img_repr.training.images import Images
from img_repr.training.loop import learn
from img_repr.training.normalization import normalization_of
from img_repr.training.schedule import batches, epoch_order, own_draws, parameter_groups, set_rates

if TYPE_CHECKING:
    from img_repr.training.trainer import Trainer

_SMOOTH = 0.95  # share of the running mean that a step leaves
_MOST_STEPS = 100_000
_WORSE = 4.0  # times the best loss: further there is nothing to learn


@dataclass(frozen=True)
class RateCurve:
    """Losses under rising learning rates.

    Parameters
    ----------
    rates, losses : ndarray of float64, shape (steps,)
        Losses are running means, corrected for their start.
    suggestion : float
        A peak rate for one cycle: two thirds into the longest fall of the loss, in logarithmic steps (the "valley" of
        fastai, after ESRI).
    """

    rates: np.ndarray
    losses: np.ndarray
    suggestion: float

    def plot(self, path: str | Path | None = None) -> Any:
        """Draw the curve with the suggestion; gives matplotlib's figure, and writes it where a path is given."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6.0, 3.5), layout="constrained")
        axes = figure.subplots()
        axes.semilogx(self.rates, self.losses)
        axes.axvline(self.suggestion, linestyle="--", color="0.4", label=f"suggested: {self.suggestion:.1e}")
        axes.set(xlabel="learning rate", ylabel="loss, running mean")
        axes.legend()
        if path is not None:
            try:
                figure.savefig(path)
            except (OSError, ValueError) as error:
                raise DataError(f"{path}: expected a place for a plot (.svg, .png, .pdf), got: {error}") from None
        return figure


def find_rate(
    trainer: "Trainer", train: Images, *, steps: int = 100, lowest: float = 1e-6, highest: float = 1.0
) -> RateCurve:
    """Train a copy of a trainer's network with a rate that rises at every step, until the loss is lost.

    All layers learn, whatever the plan; neither the trainer nor torch's own generators change.

    Parameters
    ----------
    trainer : Trainer
    train : Images
    steps : int
        At the most, 10 or more.
    lowest, highest : float

    References
    ----------
    L. N. Smith: Cyclical Learning Rates for Training Neural Networks, 2017.

    Examples
    --------
    >>> import torch
    >>> from img_repr.training.images import ReadyImages
    >>> from img_repr.training.trainer import Trainer
    >>> trainer = Trainer(classes=2, channels=1, device=torch.device("cpu"))
    >>> curve = trainer.lr_find(ReadyImages(torch.rand(8, 1, 16, 16), [0, 1] * 4), steps=20)
    >>> len(curve.rates) == len(curve.losses) <= 20
    True
    """
    if type(steps) is not int or not 10 <= steps <= _MOST_STEPS or not 0 < lowest < highest < math.inf:
        raise ParameterError(
            f"rate finder: expected at least 10 steps, at most {_MOST_STEPS}, from a rate above 0 to a higher one, got "
            f"{steps} steps from "
            f"{lowest} to {highest}"
        )
    probe = copy.copy(trainer)
    probe.network, probe.average = copy.deepcopy(trainer.network).requires_grad_(True), None
    probe.normalization = normalization_of(train, center_below=trainer.config.center_below)
    probe.task = trainer.task.fit(train.targets(np.arange(len(train))).cpu(), class_weight=trainer.config.class_weight)
    share = trainer.config.lr_mult if trainer.fine_tunes else 1.0
    groups = parameter_groups(probe.network, rate=1.0, lr_mult=share, weight_decay=trainer.config.weight_decay)
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), fused=True)
    rates, losses, mean, best = np.geomspace(lowest, highest, steps), [], 0.0, math.inf
    probe.network.train()
    with own_draws(probe.device):
        parts: list[np.ndarray] = []
        for step, rate in enumerate(rates):
            if not parts:
                parts = batches(epoch_order(len(train), seed=probe.seed, epoch=step), probe.config.batch_size)
            set_rates(optimizer.param_groups, float(rate))
            loss = learn(probe, probe.network, probe.look, train, parts.pop(0), step, optimizer)
            mean = _SMOOTH * mean + (1.0 - _SMOOTH) * float(loss)
            smooth = mean / (1.0 - _SMOOTH ** (step + 1))
            best = min(best, smooth)
            if not math.isfinite(smooth) or smooth > _WORSE * best:
                break
            losses.append(smooth)
    if len(losses) < 2:
        raise DataError(f"rate finder: expected a finite loss at a rate of {lowest:g}, got none")
    found = np.array(losses)
    return RateCurve(rates[: len(found)], found, float(rates[_valley(found)]))


def _valley(losses: np.ndarray) -> int:
    """Place two thirds into the longest stretch, with gaps, over which losses fall (longest falling subsequence)."""
    length, before = np.ones(len(losses), int), np.full(len(losses), -1)
    for place in range(1, len(losses)):
        above = np.flatnonzero(losses[:place] > losses[place])
        if len(above):
            best = above[length[above].argmax()]
            length[place], before[place] = length[best] + 1, best
    end = int(length.argmax())
    begin = end
    while before[begin] >= 0:
        begin = int(before[begin])
    return begin + (end - begin) * 2 // 3
