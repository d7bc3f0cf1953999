"""Learning-rate finder: losses under rising rates, and the rate that they suggest."""

import copy
import math
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from img_repr.core.errors import DataError, ParameterError
from img_repr.training.config import TrainConfig
from img_repr.training.engine import Engine
from img_repr.training.forward import forward
from img_repr.training.frozen_body import fit_head
from img_repr.training.images import Images, all_targets
from img_repr.training.linear_probe import linear_head
from img_repr.training.loop import PhaseInputs, set_train_mode, train_step
from img_repr.training.normalization import normalization_of
from img_repr.training.onnx_body import refuse_training
from img_repr.training.plan import Phase
from img_repr.training.schedule import batches, epoch_order, fork_rng, parameter_groups, set_rates
from img_repr.training.state import TrainingState

_SMOOTHING = 0.95  # fraction of the running mean that a step leaves
_MAX_STEPS = 100_000
_DIVERGED = 4.0  # times the best loss, where the search ends


@dataclass(frozen=True)
class RateCurve:
    """Losses under rising learning rates.

    Parameters
    ----------
    rates, losses : ndarray of float64, shape (steps,)
        Losses are running means, with bias correction.
    suggestion : float
        Peak rate for one cycle: two thirds into the longest fall of the loss, in logarithmic steps (the "valley" of
        fastai, after ESRI).
    """

    rates: np.ndarray
    losses: np.ndarray
    suggestion: float

    def plot(self, path: str | Path | None = None) -> Any:
        """Return the curve with the suggestion as a matplotlib figure, and write it to ``path`` if there is one."""
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
                raise DataError(f"{path}: expected a path for a plot (.svg, .png, .pdf), got: {error}") from None
        return figure


def find_rate(
    state: TrainingState,
    config: TrainConfig,
    engine: Engine,
    train: Images,
    *,
    fine_tunes: bool,
    steps: int = 100,
    lowest: float = 1e-6,
    highest: float = 1.0,
) -> RateCurve:
    """Train a copy of the network with a rate that rises at every step, until the loss diverges.

    All layers are trained. Neither the state nor torch's default generators change.

    Parameters
    ----------
    state : TrainingState
    config : TrainConfig
    engine : Engine
    train : Images
    fine_tunes : bool
        Whether lower layers have lower rates.
    steps : int
        At most; 10 or more.
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
    refuse_training(config.backbone)
    if type(steps) is not int or not 10 <= steps <= _MAX_STEPS or not 0 < lowest < highest < math.inf:
        raise ParameterError(
            f"rate finder: expected at least 10 steps, at most {_MAX_STEPS}, from a rate above 0 to a higher one, got "
            f"{steps} steps from {lowest} to {highest}"
        )
    trial = replace(
        state,
        network=copy.deepcopy(state.network).requires_grad_(True),
        ema=None,
        normalization=normalization_of(train, center_below=config.center_below, own_values=state.network.own_values),
        task=state.task.fit(all_targets(train), class_weight=config.class_weight),
        history=[],
    )
    if fine_tunes and config.freeze_epochs and linear_head(trial.network.head) is not None:
        fit_head(trial, config, engine, Phase("head", 1, 1.0, is_fit=True), train, None)
    lr_mult = config.lr_mult if fine_tunes else 1.0
    groups = parameter_groups(trial.network, rate=1.0, lr_mult=lr_mult, weight_decay=config.weight_decay)
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), fused=True)
    rates, losses, mean, best = np.geomspace(lowest, highest, steps), [], 0.0, math.inf
    inputs = PhaseInputs(train, None, partial(forward, trial, config, engine))
    set_train_mode(trial.network, Phase("all", 1, 1.0, freeze_norm=fine_tunes and config.freeze_norm))
    with fork_rng(engine.device):
        epoch: list[np.ndarray] = []
        for step, rate in enumerate(rates):
            if not epoch:
                epoch = batches(epoch_order(len(train), seed=trial.seed, epoch=step), config.batch_size)
            set_rates(optimizer.param_groups, float(rate))
            loss = train_step(
                trial,
                config,
                engine,
                network=trial.network,
                inputs=inputs,
                positions=epoch.pop(0),
                number=step,
                optimizer=optimizer,
            )
            mean = _SMOOTHING * mean + (1.0 - _SMOOTHING) * float(loss)
            smooth = mean / (1.0 - _SMOOTHING ** (step + 1))
            best = min(best, smooth)
            if not math.isfinite(smooth) or smooth > _DIVERGED * best:
                break
            losses.append(smooth)
    if len(losses) < 2:
        raise DataError(f"rate finder: expected a finite loss at a rate of {lowest:g}, got none")
    curve = np.array(losses)
    return RateCurve(rates[: len(curve)], curve, float(rates[_valley(curve)]))


def _valley(losses: np.ndarray) -> int:
    """Return the index two thirds into the longest falling subsequence of the losses."""
    length, before = np.ones(len(losses), int), np.full(len(losses), -1)
    for index in range(1, len(losses)):
        above = np.flatnonzero(losses[:index] > losses[index])
        if len(above):
            best = above[length[above].argmax()]
            length[index], before[index] = length[best] + 1, best
    end = int(length.argmax())
    begin = end
    while before[begin] >= 0:
        begin = int(before[begin])
    return begin + (end - begin) * 2 // 3
