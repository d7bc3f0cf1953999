"""EstimatorParameters: every hyperparameter by name, stored unchanged and checked in ``fit``, as scikit-learn asks."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from sklearn.base import BaseEstimator
from torch import nn

from img_repr.core.encoder import AbstractEncoder
from img_repr.training.config import TrainConfig, own_name
from img_repr.training.events import Listener


class EstimatorParameters(BaseEstimator):  # type: ignore[misc]
    """The constructor of :class:`ImageClassifier` and :class:`ImageRegressor`."""

    def __init__(
        self,
        encoder: str | AbstractEncoder | Sequence[str | AbstractEncoder] = "gadf",
        *,
        size: int | Sequence[int] | None = None,
        backbone: str | nn.Module = TrainConfig.backbone,
        weights: str | Path | None = TrainConfig.weights,
        dropout: float = TrainConfig.dropout,
        epochs: int | None = None,
        min_steps: int | None = None,
        freeze_epochs: int = TrainConfig.freeze_epochs,
        batch_size: int = TrainConfig.batch_size,
        learning_rate: float = TrainConfig.learning_rate,
        fine_tune_rate: float = TrainConfig.fine_tune_rate,
        lr_mult: float = TrainConfig.lr_mult,
        pct_start: float = TrainConfig.pct_start,
        weight_decay: float = TrainConfig.weight_decay,
        grad_accum_steps: int = TrainConfig.grad_accum_steps,
        grad_clip: float = TrainConfig.grad_clip,
        compile: bool = TrainConfig.compile,
        augment: bool = TrainConfig.augment,
        center_below: float = TrainConfig.center_below,
        mixup: float = TrainConfig.mixup,
        label_smoothing: float = TrainConfig.label_smoothing,
        ema_decay: float = TrainConfig.ema_decay,
        class_weight: str | None = TrainConfig.class_weight,
        validation_fraction: float = TrainConfig.validation_fraction,
        patience: int = TrainConfig.patience,
        n_members: int = TrainConfig.n_members,
        tta: int = TrainConfig.tta,
        infer_parameters: bool = True,
        seed: int = 0,
        device: str | torch.device | None = None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self.__dict__.update({word: value for word, value in locals().items() if word not in ("self", "__class__")})

    @property
    def config(self) -> TrainConfig:
        """The hyperparameters, checked.

        Raises
        ------
        ParameterError
        """
        given = self._hyperparameters
        if isinstance(given["backbone"], nn.Module):
            given["backbone"] = own_name(given["backbone"])
        return TrainConfig.of(given)

    @property
    def _hyperparameters(self) -> dict[str, Any]:
        return {one.name: self.__dict__[one.name] for one in fields(TrainConfig)}
