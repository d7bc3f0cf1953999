"""The one trainer: its verbs. It knows images and labels, and no domain; the loop itself is in ``loop.py``."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from img_repr.core.errors import ParameterError, SampleError, TrainingError
from img_repr.core.seed import check_seed
from img_repr.training.average import WeightAverage
from img_repr.training.backbone import build_backbone
from img_repr.training.config import MOST_SEEDS, RANDOM, TrainConfig, own_name
from img_repr.training.engine import Engine
from img_repr.training.events import Event, Listener, Progress, Row
from img_repr.training.images import Images
from img_repr.training.loop import run, scores_of
from img_repr.training.model_file import is_temperature
from img_repr.training.network import Network
from img_repr.training.network_folder import OF_A_MODULE, load_network, save_network
from img_repr.training.normalization import Normalization
from img_repr.training.plan import Phase, Place, Plan, fine_tune_plan, one_cycle_plan
from img_repr.training.pretrained import check_module_weights, load_pretrained
from img_repr.training.probe import first_line
from img_repr.training.rate_finder import RateCurve, find_rate
from img_repr.training.schedule import own_draws, seed_globally
from img_repr.training.task import Classification, Task

_LAST_STEPS = 20  # whose mean loss is shown


class Trainer:
    """Train one network on images.

    Parameters
    ----------
    classes : int, optional
        Number of classes K; the same as ``task=Classes(K)``.
    task : Task, optional
        ``Classification``, ``MultiLabel`` or ``Regression`` of :mod:`img_repr.training.task`.
    channels : int
        C of the images.
    seed : int
        Decides weights, order and every draw: same seed, same numbers.
    device : str or torch.device, optional
        Default: the GPU where there is one. Under ``torchrun`` each process has its own.
    listeners : sequence of Listener
        Called with each event, see `img_repr.training.events`.
    **hyperparameters
        See :class:`img_repr.training.config.TrainConfig`. ``backbone`` may be a ``torch.nn.Module`` as well: its
        weights are taken for pretrained ones, unless ``weights="random"`` says otherwise.

    Attributes
    ----------
    fine_tunes : bool
        Whether ``fit`` fine-tunes: the weights come from a file or with a module.
    history : list of dict
        One row per epoch: phase, epoch, epochs, steps, loss, rate, seconds; valid_loss and valid_accuracy (or the
        metric of the task) where there is a validation part.
    weights : dict
        Which weights the body really started from.
    normalization : Normalization
        Learned from the training images.

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
        if isinstance(backbone, nn.Module):
            hyperparameters["backbone"] = own_name(backbone)
        self.config = TrainConfig.of(hyperparameters)
        if isinstance(channels, bool) or not isinstance(channels, (int, np.integer)) or channels < 1:
            raise ParameterError(f"trainer: expected channels to be a whole number of at least 1, got {channels!r}")
        self.given_task: Task
        if task is not None and classes is None:
            self.given_task = task
        elif task is None and classes is not None:
            self.given_task = Classification(classes)
        else:
            raise ParameterError(f"trainer: expected classes or task, got classes={classes!r} and task={task!r}")
        self.task = self.given_task  # with what it learned of the training part
        self.channels, self.seed = int(channels), check_seed("trainer", seed, most=MOST_SEEDS - 1)
        self.engine = Engine.here(device)
        self.device = self.engine.device
        self.listeners = tuple(listeners)
        self.history: list[Row] = []
        with own_draws(torch.device("cpu")):
            seed_globally(self.seed, torch.device("cpu"))
            network = build_backbone(backbone, channels=channels, classes=self.task.count, dropout=self.config.dropout)
        own = not isinstance(backbone, str)
        self.fine_tunes = self.config.weights is not None or (own and hyperparameters.get("weights") != RANDOM)
        self.weights: dict[str, Any] = {"weights": OF_A_MODULE if own else RANDOM}
        if own:
            check_module_weights(network, self.config.backbone)
        if self.config.weights is not None:
            self.weights = load_pretrained(network, self.config.weights, self.config.backbone)
        self.network = self.engine.place(network)
        self.average: WeightAverage | None = None
        nothing = torch.zeros(1, channels, 1, 1, device=self.device)
        self.normalization = Normalization(nothing, nothing + 1.0)
        self.checkpoint_every_s = 60.0
        self.plan, self.place, self.rate = Plan((), 0, 1), Place(), 0.0
        self.losses = torch.zeros(0)

    def fit(self, train: Images, valid: Images | None = None, *, checkpoints: str | Path | None = None) -> "Trainer":
        """Train as the weights ask: ``fine_tune`` where they come from a file or a module, else ``fit_one_cycle``.

        Parameters
        ----------
        train : Images
        valid : Images, optional
            Is looked at after each epoch, and never learned from.
        checkpoints : str or Path, optional
            Folder where the training is kept, at the end of each epoch and from time to time within. What stands there
            already is gone on from: a training that was killed ends with the weights of one that was not.

        Raises
        ------
        TrainingError
            If the loss is no number.
        ResultError
            If the checkpoint is of another training.
        """
        verb = self.fine_tune if self.fine_tunes else self.fit_one_cycle
        return verb(train, None, valid, checkpoints=checkpoints)

    def fit_one_cycle(
        self,
        train: Images,
        epochs: int | None = None,
        valid: Images | None = None,
        *,
        checkpoints: str | Path | None = None,
    ) -> "Trainer":
        """Train all layers at one rate, from random weights; ``epochs`` by default as configured. See :meth:`fit`."""
        return self._run(one_cycle_plan(len(train), self.config, epochs), train, valid, checkpoints)

    def fine_tune(
        self,
        train: Images,
        epochs: int | None = None,
        valid: Images | None = None,
        *,
        checkpoints: str | Path | None = None,
    ) -> "Trainer":
        """Train the new head on a frozen body first, then all layers for ``epochs``, the deeper the slower.

        J. Howard, S. Gugger: Deep Learning for Coders with fastai and PyTorch (2020), chapter 1. See :meth:`fit`.
        """
        return self._run(fine_tune_plan(len(train), self.config, epochs), train, valid, checkpoints)

    def resume(self, folder: str | Path, train: Images, valid: Images | None = None) -> "Trainer":
        """Go on from the last checkpoint of a folder; one must be there."""
        return self._run(None, train, valid, folder)

    def lr_find(self, train: Images, *, steps: int = 100) -> RateCurve:
        """Try rising learning rates on a copy of the network; nothing here changes."""
        return find_rate(self, train, steps=steps)

    def predict_scores(self, images: Images) -> Tensor:
        """Scores before softmax, float32 ``(N, K)`` on the CPU."""
        return scores_of(self, images, self.network, self.look)

    def features(self, images: Images) -> Tensor:
        """Give what the body makes of images, float32 ``(N, F)`` on the CPU."""
        return scores_of(self, images, self.network, lambda network, batch: self.look(network.body, batch))

    def predict_proba(self, images: Images, *, temperature: float = 1.0, tta: int = 0) -> np.ndarray:
        """Probabilities, float64 ``(N, K)``; the numbers themselves where the task is regression.

        Parameters
        ----------
        images : Images
        temperature : float
            Divides the scores.
        tta : int
            Draw each sample so many times again, as in training, and give the mean over these and the sample itself
            (test-time augmentation). What is drawn leaves labels as they are, for training asks the same of it.
        """
        if not is_temperature(temperature):
            raise ParameterError(f"trainer: expected temperature to be from 0.001 to 1000, got {temperature!r:.60}")
        TrainConfig(tta=tta)  # checks its range
        tta = 0 if self.normalization.centered else tta  # as in training: nothing is drawn
        with own_draws(self.device):
            scores = [self.predict_scores(images)]
            scores += [scores_of(self, images, self.network, self.look, view=view) for view in range(tta)]
        found = [self.task.predictions(one.double(), temperature) for one in scores]
        return np.asarray(torch.stack(found).mean(dim=0).numpy())

    def save(self, folder: str | Path) -> Path:
        """Write the network as a folder, ``trainer.json`` and ``network.safetensors``; atomic, never a pickle.

        Raises
        ------
        DataError
            If the folder holds something that is no network: only a network is replaced; or cannot be written.
        """
        return save_network(self, folder)

    @classmethod
    def load(
        cls, folder: str | Path, *, device: str | torch.device | None = None, backbone: nn.Module | None = None
    ) -> "Trainer":
        """Read what ``save`` wrote; ``backbone`` is the module again where it was a user's own.

        Raises
        ------
        ResultError
            If the folder is no network, or not a whole one.
        """
        return load_network(cls, folder, device=device, backbone=backbone)

    @property
    def progress(self) -> Progress:
        """How far the training has come."""
        at_end = self.place == self.plan.end
        phase = self.plan.phases[-1 if at_end else self.place.phase] if self.plan.phases else Phase("all", 0, 0.0)
        recent = self.losses[: self.place.step or len(self.losses)][-_LAST_STEPS:]
        return Progress(
            phase=phase.name,
            epoch=phase.epochs if at_end else self.place.epoch + 1,
            epochs=phase.epochs,
            step=self.plan.steps_before(self.place),
            steps=self.plan.steps,
            loss=float(recent.mean()) if len(recent) else math.nan,
            rate=self.rate,
        )

    @property
    def judged_network(self) -> Network:
        """What is validated: the average of the weights where one is kept."""
        return self.network if self.average is None else self.average.network

    def look(self, network: nn.Module, images: Tensor) -> Tensor:
        """Give what a network, or its body, makes of images; they are normalized first."""
        side = self.normalization.mean.shape[2:] if self.normalization.centered else images.shape[2:]
        if images.shape[1:] != (self.channels, *side):
            raise SampleError(
                f"trainer: expected images {(self.channels, *side)} in channels, height and width, got "
                f"{tuple(images.shape[1:])}"
            )
        images = self.normalization(images).contiguous(memory_format=torch.channels_last)
        return self.forward_normalized(network, images)

    def forward_normalized(self, network: nn.Module, inputs: Tensor) -> Tensor:
        """Give what a network, or its head, makes of what needs no normalization, float32."""
        try:
            with self.engine.autocast():
                made: Tensor = network(inputs)
        except torch.OutOfMemoryError as error:
            raise TrainingError(
                f"trainer: expected memory for {len(inputs)} images {tuple(inputs.shape[1:])} in "
                f"{self.config.backbone}, got: {first_line(error)}; lower batch_size, raise grad_accum_steps or choose "
                "smaller images"
            ) from error
        except (RuntimeError, ValueError, AssertionError, IndexError) as error:  # where a size does not suit
            raise SampleError(
                f"trainer: expected images that {self.config.backbone} takes, got {tuple(inputs.shape)}: "
                f"{first_line(error)}"
            ) from error
        return made.float()

    def tell(self, event: Event) -> None:
        """Tell all listeners."""
        for listener in self.listeners:
            listener(event, self)

    def _run(self, plan: Plan | None, train: Images, valid: Images | None, folder: str | Path | None) -> "Trainer":
        run(self, plan, train, valid, folder)
        return self
