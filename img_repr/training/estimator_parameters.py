"""Constructor parameters of the estimators, stored unchanged and checked in ``fit``, as scikit-learn requires."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from sklearn.base import BaseEstimator
from torch import nn

from img_repr.core.dataset import Dataset
from img_repr.core.encoder import AbstractEncoder, Encoder
from img_repr.core.errors import ParameterError
from img_repr.core.naming import encoders_for, get_encoders, infer_parameters
from img_repr.core.stack import EncoderStack
from img_repr.training.config import TrainConfig, module_name
from img_repr.training.events import Listener

IMAGE_SIZE = 64  # side of the images of an encoder named as text, as on the command line


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
        freeze_norm: bool = TrainConfig.freeze_norm,
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
        hyperparameters = self._hyperparameters
        if isinstance(hyperparameters["backbone"], nn.Module):
            hyperparameters["backbone"] = module_name(hyperparameters["backbone"])
        return TrainConfig.of(hyperparameters)

    @property
    def _hyperparameters(self) -> dict[str, Any]:
        return {one.name: self.__dict__[one.name] for one in fields(TrainConfig)}


def as_encoders(
    encoder: Any, *, size: Any = None, dataset: Dataset | None = None, caller: str
) -> tuple[AbstractEncoder, ...]:
    """Return the unfitted encoders of an estimator.

    Parameters
    ----------
    encoder : str, AbstractEncoder, or a sequence of these
    size : int or sequence of int, optional
        Side of the images. None: 64 for names, else the size of each encoder.
    dataset : Dataset, optional
        Samples by which parameters without a value are set.
    caller : str
        Caller, for messages.

    Raises
    ------
    ParameterError
        If there is no encoder, a value is not an encoder, or they are of several domains.

    Examples
    --------
    >>> as_encoders("gadf|mtf", caller="example")
    (get_encoder('gadf', size=64), get_encoder('mtf', size=64))
    """
    found: list[AbstractEncoder] = []
    for one in encoder if isinstance(encoder, (list, tuple)) else [encoder]:
        if isinstance(one, str):
            values = {"size": IMAGE_SIZE if size is None else size}
            found += get_encoders(one, **values) if dataset is None else encoders_for(dataset, one, **values)
        elif isinstance(one, AbstractEncoder):
            sized = one if size is None else _with_size(one, size)
            found += [sized] if dataset is None else infer_parameters([sized], dataset)
        else:
            raise ParameterError(
                f"{caller}: expected encoder to be a name, an Encoder or several of these, got {one!r:.60}"
            )
    if not found:
        raise ParameterError(f"{caller}: expected at least one encoder, got none")
    if len({one.domain.name for one in found}) > 1:
        raise ParameterError(
            f"{caller}: expected encoders of one domain, got {', '.join(one.domain.name for one in found)}"
        )
    return tuple(found)


def _with_size(encoder: AbstractEncoder, size: Any) -> AbstractEncoder:
    """Return an encoder, or a stack, with another size."""
    if isinstance(encoder, EncoderStack):
        resized = [_with_size(one, size) for one in encoder.parts]
        return EncoderStack(tuple(one for one in resized if isinstance(one, Encoder)))
    if not isinstance(encoder, Encoder):
        return encoder
    return Encoder.of(encoder.metadata, dict(encoder.parameters) | {"size": size})
