"""The frozen body of a network: its features, and the head that is fitted on them."""

import math
import time
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from img_repr.core.errors import TrainingError
from img_repr.training.config import TrainConfig
from img_repr.training.engine import Engine
from img_repr.training.events import Row
from img_repr.training.forward import forward, forward_all
from img_repr.training.images import Images, all_targets
from img_repr.training.linear_probe import fit_linear_probe, linear_head
from img_repr.training.network import Network
from img_repr.training.plan import Phase
from img_repr.training.state import TrainingState, WeightAverage


def body_features(state: TrainingState, config: TrainConfig, engine: Engine, images: Images) -> Tensor:
    """Return the features that the body computes of images, float32 ``(N, F)`` on the CPU."""

    def forward_body(network: Network, batch: Tensor) -> Tensor:
        return forward(state, config, engine, network.body, batch)

    return forward_all(images, state.network, forward_body, seed=state.seed, engine=engine)


def fit_head(
    state: TrainingState,
    config: TrainConfig,
    engine: Engine,
    phase: Phase,
    train: Images,
    valid: Images | None,
    groups: np.ndarray | None = None,
) -> None:
    """Fit a linear head to convergence on the features of the frozen body, and add its row to the history.

    The strength of its penalty is chosen on the validation part; without one on folds of the training part, which
    keep groups together.
    """
    started, task = time.perf_counter(), state.task
    layer = cast(nn.Linear, linear_head(state.network.head))
    features, targets = _finite_features(state, config, engine, train), all_targets(train)
    held_out = None if valid is None else (_finite_features(state, config, engine, valid), all_targets(valid))
    probe = fit_linear_probe(features, targets, task, held_out, groups)
    with torch.no_grad():
        layer.weight.copy_(probe.weight)
        layer.bias.copy_(probe.bias)
    engine.broadcast_weights(state.network)
    if state.ema is not None:  # it starts from the fitted head
        state.ema = WeightAverage(state.network, config.ema_decay)
    state.rate, state.losses = 0.0, torch.zeros(0)

    def loss_of(rows: Tensor, truth: Tensor) -> tuple[float, Tensor]:
        logits = probe.logits(rows)
        return float(task.loss(logits, task.soft_targets(truth), count=len(rows))), logits

    row: Row = {
        "phase": phase.name,
        "epoch": phase.epochs,
        "epochs": phase.epochs,
        "steps": 0,
        "loss": loss_of(features, targets)[0],
        "rate": 0.0,
        "strength": probe.strength,
    }
    if held_out is not None:
        row["valid_loss"], logits = loss_of(*held_out)
        metric = task.evaluate(logits, held_out[1])
        if math.isfinite(metric):
            row[f"valid_{task.metric}"] = metric
    row["seconds"] = time.perf_counter() - started
    state.history.append(row)


def _finite_features(state: TrainingState, config: TrainConfig, engine: Engine, images: Images) -> Tensor:
    features = body_features(state, config, engine, images)
    if not bool(features.isfinite().all()):
        raise TrainingError(
            "trainer: expected finite features, but the features that the frozen body computes of the images are not"
        )
    return features
