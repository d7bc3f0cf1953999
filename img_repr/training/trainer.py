"""Trainer: the network with its verbs fit, predict, save and load. It knows images and targets, but no domain."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from img_repr.core.errors import ParameterError
from img_repr.core.numbers import is_integer
from img_repr.core.seed import check_seed
from img_repr.training.backbone import build_backbone
from img_repr.training.checkpointer import Checkpointer
from img_repr.training.config import MAX_SEEDS, RANDOM, TrainConfig, module_name
from img_repr.training.engine import Engine, device_of
from img_repr.training.events import Event, Listener, Progress, Row
from img_repr.training.forward import forward, forward_all
from img_repr.training.frozen_body import body_features
from img_repr.training.images import Images
from img_repr.training.linear_probe import linear_head
from img_repr.training.loop import run_training
from img_repr.training.network import Network
from img_repr.training.network_folder import FROM_MODULE, is_temperature, read_network, refuse_damage, save_network
from img_repr.training.normalization import Normalization
from img_repr.training.onnx_body import record_of
from img_repr.training.plan import Plan, fine_tune_plan, one_cycle_plan
from img_repr.training.rate_finder import RateCurve, find_rate
from img_repr.training.schedule import fork_rng, seed_globally
from img_repr.training.state import TrainingState
from img_repr.training.task import Classification, Task
from img_repr.training.weights import check_module_weights, load_pretrained


class Trainer:
    """Train one network on images.

    Parameters
    ----------
    classes : int, optional
        Number of classes K; the same as ``task=Classification(K)``.
    task : Task, optional
        ``Classification``, ``MultiLabel`` or ``Regression`` of :mod:`img_repr.training.task`.
    channels : int
        C of the images.
    seed : int
        Decides weights, order and augmentation: the same seed gives the same numbers.
    device : str or torch.device, optional
        Default: the GPU if there is one. Under ``torchrun`` each process has its own.
    listeners : sequence of Listener
        Called with each event, see `img_repr.training.events`.
    **hyperparameters
        See :class:`img_repr.training.config.TrainConfig`. ``backbone`` may also be a ``torch.nn.Module``; its weights
        are fine-tuned unless ``weights="random"``.

    Attributes
    ----------
    config : TrainConfig
    state : TrainingState
        Everything that changes during training.
    history : list of dict
        One row per epoch: phase, epoch, epochs, steps, loss, rate, seconds; with a validation part also valid_loss and
        valid_accuracy (or the metric of the task).
    weights : dict
        Record of the weights that the body started from.
    normalization : Normalization
        Fitted to the training images.

    Examples
    --------
    >>> import torch
    >>> from img_repr.training.images import ReadyImages
    >>> from img_repr.training.trainer import Trainer
    >>> toy = ReadyImages(torch.rand(8, 1, 16, 16), [0, 1] * 4)
    >>> trainer = Trainer(classes=2, channels=1, epochs=1, min_steps=0, device=torch.device("cpu")).fit(toy)
    >>> trainer.predict_proba(toy).shape
    (8, 2)
    """

    def __init__(
        self,
        *,
        channels: int,
        classes: int | None = None,
        task: Task | None = None,
        seed: int = 0,
        device: str | torch.device | None = None,
        listeners: Sequence[Listener] = (),
        **hyperparameters: Any,
    ) -> None:
        backbone = hyperparameters.get("backbone", TrainConfig.backbone)
        is_module = not isinstance(backbone, str)
        if isinstance(backbone, nn.Module):
            hyperparameters["backbone"] = module_name(backbone)
        self.config = TrainConfig.of(hyperparameters)
        if not is_integer(channels, 1):
            raise ParameterError(f"trainer: expected channels to be an integer of at least 1, got {channels!r}")
        if (task is None) == (classes is None):
            raise ParameterError(f"trainer: expected classes or task, got classes={classes!r} and task={task!r}")
        initial_task = Classification(classes) if classes is not None else task
        assert initial_task is not None
        seed = check_seed("trainer", seed, most=MAX_SEEDS - 1)
        self.engine, self.listeners = Engine.here(device), tuple(listeners)
        with fork_rng(torch.device("cpu")):
            seed_globally(seed, torch.device("cpu"))
            network = build_backbone(
                backbone, channels=channels, classes=initial_task.count, dropout=self.config.dropout
            )
        has_weights = is_module and hyperparameters.get("weights") != RANDOM
        weights = record_of(network) or {"weights": FROM_MODULE if has_weights else RANDOM}
        if is_module:
            check_module_weights(network, self.config.backbone)
        if self.config.weights is not None:
            weights = load_pretrained(network, self.config.weights, self.config.backbone)
        zero = torch.zeros(1, channels, 1, 1, device=self.engine.device)
        self.state = TrainingState(
            network=self.engine.prepare(network),
            initial_task=initial_task,
            task=initial_task,
            channels=int(channels),
            seed=seed,
            weights=weights,
            normalization=Normalization(zero, zero + 1.0),
        )
        self.checkpoint_every_s = 60.0

    def fit(
        self,
        train: Images,
        valid: Images | None = None,
        *,
        groups: np.ndarray | None = None,
        checkpoints: str | Path | None = None,
    ) -> "Trainer":
        """Train by ``fine_tune`` if the weights come from a file or a module, else by ``fit_one_cycle``.

        Parameters
        ----------
        train : Images
        valid : Images, optional
            Validated after each epoch, never trained on.
        groups : ndarray, optional
            Group of each training image. Without a validation part, the penalty of the head's fit is chosen on folds
            that keep groups together.
        checkpoints : str or Path, optional
            Folder for checkpoints, written at the end of each epoch and every minute within. To resume, call ``fit``
            with the same folder: the result has the weights of an uninterrupted training, bit by bit.

        Raises
        ------
        TrainingError
            If the loss is not finite.
        ResultError
            If the checkpoint is of another training.
        """
        if self.fine_tunes:
            return self.fine_tune(train, None, valid, groups=groups, checkpoints=checkpoints)
        return self.fit_one_cycle(train, None, valid, checkpoints=checkpoints)

    def fit_one_cycle(
        self,
        train: Images,
        epochs: int | None = None,
        valid: Images | None = None,
        *,
        checkpoints: str | Path | None = None,
    ) -> "Trainer":
        """Train all layers at one rate, for random weights; ``epochs`` overrides the configuration. See :meth:`fit`."""
        return self._train(one_cycle_plan(len(train), self.config, epochs), train, valid, checkpoints)

    def fine_tune(
        self,
        train: Images,
        epochs: int | None = None,
        valid: Images | None = None,
        *,
        groups: np.ndarray | None = None,
        checkpoints: str | Path | None = None,
    ) -> "Trainer":
        """Fit the new head on a frozen body first, then train all layers for ``epochs``, lower ones at lower rates.

        With a validation part, the result is the best of the head's fit and all epochs. J. Howard, S. Gugger: Deep
        Learning for Coders with fastai and PyTorch (2020), chapter 1. See :meth:`fit`.
        """
        fits_head = bool(self.config.freeze_epochs) and linear_head(self.network.head) is not None
        plan = fine_tune_plan(len(train), self.config, epochs, fits_head=fits_head)
        return self._train(plan, train, valid, checkpoints, groups)

    def resume(self, folder: str | Path, train: Images, valid: Images | None = None) -> "Trainer":
        """Resume from the last checkpoint of a folder, which must exist."""
        return self._train(None, train, valid, folder)

    def lr_find(self, train: Images, *, steps: int = 100) -> RateCurve:
        """Return the losses under rising learning rates, tried on a copy of the network."""
        return find_rate(self.state, self.config, self.engine, train, steps=steps, fine_tunes=self.fine_tunes)

    def predict_logits(self, images: Images) -> Tensor:
        """Return the outputs before softmax, float32 ``(N, K)`` on the CPU."""
        return self._forward_all(images)

    def features(self, images: Images) -> Tensor:
        """Return the features that the body computes of images, float32 ``(N, F)`` on the CPU."""
        return body_features(self.state, self.config, self.engine, images)

    def predict_proba(self, images: Images, *, temperature: float = 1.0, tta: int = 0) -> np.ndarray:
        """Return probabilities, float64 ``(N, K)``, or for regression the predicted numbers.

        Parameters
        ----------
        images : Images
        temperature : float
            Divides the logits.
        tta : int
            Number of random augmentations of each sample, as in training, whose predictions are averaged with that of
            the sample itself (test-time augmentation).
        """
        if not is_temperature(temperature):
            raise ParameterError(f"trainer: expected temperature to be from 0.001 to 1000, got {temperature!r:.60}")
        TrainConfig(tta=tta)  # checks its range
        tta = 0 if self.normalization.centered else tta  # as in training, there is no augmentation
        with fork_rng(self.device):
            logits = [self._forward_all(images), *(self._forward_all(images, variant=one) for one in range(tta))]
        predictions = [self.task.predictions(one.double(), temperature) for one in logits]
        return np.asarray(torch.stack(predictions).mean(dim=0).numpy())

    def save(self, folder: str | Path) -> Path:
        """Write the network to a folder as ``trainer.json`` and ``network.safetensors``, atomically; never a pickle.

        Raises
        ------
        DataError
            If the folder holds anything but a network, which would be replaced, or cannot be written.
        """
        return save_network(self.state, self.config, self.engine, folder)

    @classmethod
    def load(
        cls, folder: str | Path, *, device: str | torch.device | None = None, backbone: nn.Module | None = None
    ) -> "Trainer":
        """Read a network that ``save`` wrote; pass ``backbone`` again if it was a module.

        Raises
        ------
        ResultError
            If the folder is not a network, or is incomplete.
        """
        if device is not None:
            device = device_of(device)
        with refuse_damage(folder):
            saved = read_network(folder)
            trainer = cls(
                task=saved.task,
                channels=saved.record["channels"],
                seed=saved.record["seed"],
                device=device,
                **saved.hyperparameters(backbone),
            )
            saved.restore(trainer.state)
        trainer.config = replace(trainer.config, weights=saved.record["training"]["weights"])
        return trainer

    @property
    def fine_tunes(self) -> bool:
        """Whether ``fit`` fine-tunes: True if the weights come from a file or with a module."""
        return bool(self.weights["weights"] != RANDOM)

    @property
    def network(self) -> Network:
        """The network, on its device."""
        return self.state.network

    @property
    def task(self) -> Task:
        """The task, fitted to the training part after ``fit``."""
        return self.state.task

    @property
    def channels(self) -> int:
        """C of the images."""
        return self.state.channels

    @property
    def seed(self) -> int:
        """Seed of weights, order and augmentation."""
        return self.state.seed

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        return self.engine.device

    @property
    def weights(self) -> dict[str, Any]:
        """Record of the weights that the body started from."""
        return self.state.weights

    @property
    def normalization(self) -> Normalization:
        """Normalization of the images; may be set to use the network without training it."""
        return self.state.normalization

    @normalization.setter
    def normalization(self, normalization: Normalization) -> None:
        self.state.normalization = normalization

    @property
    def history(self) -> list[Row]:
        """One row per epoch."""
        return self.state.history

    @property
    def progress(self) -> Progress:
        """Progress of the training."""
        return self.state.progress

    def notify(self, event: Event) -> None:
        """Call all listeners."""
        for listener in self.listeners:
            listener(event, self)

    def _forward_all(self, images: Images, *, variant: int | None = None) -> Tensor:
        forward_batch = partial(forward, self.state, self.config, self.engine)
        return forward_all(images, self.network, forward_batch, seed=self.seed, engine=self.engine, variant=variant)

    def _train(
        self,
        plan: Plan | None,
        train: Images,
        valid: Images | None,
        folder: str | Path | None,
        groups: np.ndarray | None = None,
    ) -> "Trainer":
        checkpointer = Checkpointer(
            self.state, self.config, self.engine, folder, train, valid, every_s=self.checkpoint_every_s
        )
        run_training(
            self.state,
            self.config,
            self.engine,
            plan=plan,
            train=train,
            valid=valid,
            groups=groups,
            checkpointer=checkpointer,
            notify=self.notify,
        )
        return self
