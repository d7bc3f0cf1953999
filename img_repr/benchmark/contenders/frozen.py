"""Frozen: images through the body of a network that learns nothing, and a linear head on what comes out.

With pretrained weights it tells what an image is worth to a network that was never fitted to it; with random ones it
is the control next to that: what any convolutions and a line would find.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from img_repr.baselines.learners import make_learner
from img_repr.benchmark.contenders.classifier import in_order_of
from img_repr.benchmark.evaluation.metrics import score_probabilities
from img_repr.core.dataset import Dataset
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import DataError, NotFittedError, ParameterError, SplitError
from img_repr.core.splits.inner import inner_folds
from img_repr.training.images import image_source
from img_repr.training.normalization import normalization_of
from img_repr.training.trainer import Trainer

HEADS = ("logistic", "ridge")
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)  # C of the logistic regression, the strongest first
_FOLDS = 3


@dataclass(frozen=True)
class _Part:
    """One encoder, the body that looks at its images, and the head on its features."""

    encoder: AbstractEncoder
    trainer: Trainer
    head: Any
    images: str
    strength: float | None
    log_losses: dict[str, float]


class FrozenFeatures:
    """Classify raw samples by what a network's body makes of their images, with a linear head.

    Images are normalized as for fine-tuning, by the training part; nothing is drawn again. The head scales features by
    the training part. The strength of a logistic head is chosen by its log loss over inner folds of the training part
    (by groups or times where they are known), that of ridge by its own leave-one-out error there.

    Parameters
    ----------
    *encoders : AbstractEncoder
        What they have to learn is learned in ``fit``. Several have bodies and heads of their own, whose probabilities
        are averaged.
    learner : {"logistic", "ridge"}
        The head.
    device : torch.device, optional
        Default: the GPU where there is one.
    **hyperparameters
        Of :class:`img_repr.training.config.TrainConfig`: ``backbone``, ``weights`` (None: random, drawn by the seed),
        ``center_below``, ``members``.

    Attributes
    ----------
    classes : tuple of str
        Order of the probabilities' columns.
    cost, record : dict
        Parameters, features, bytes per image; the weights really used, the strength of each head.

    Examples
    --------
    >>> from img_repr import get_encoder, load_dataset
    >>> from img_repr.benchmark.contenders.frozen import FrozenFeatures
    >>> data = load_dataset("gunpoint").subset(range(50))
    >>> model = FrozenFeatures(get_encoder("gadf", size=16), learner="ridge").fit(data, seed=0)
    >>> model.predict_proba(data.samples[:3]).shape, model.record["weights"]
    ((3, 2), {'weights': 'random'})
    """

    def __init__(
        self, *encoders: AbstractEncoder, learner: str, device: torch.device | None = None, **hyperparameters: Any
    ) -> None:
        check_head(learner)
        self._given, self.learner, self._device, self._hyperparameters = encoders, learner, device, hyperparameters
        self.classes: tuple[str, ...] = ()
        self.cost: dict[str, float] = {}
        self.record: dict[str, Any] = {}
        self._parts: list[_Part] = []

    def fit(self, train: Dataset, *, seed: int) -> "FrozenFeatures":
        """Run the bodies once over the training part and fit the heads.

        Raises
        ------
        DataError
            If there is only one class.
        """
        self.classes = train.classes
        if len(self.classes) < 2:
            raise DataError(f"{train.name}: expected at least two classes to train on, got {', '.join(self.classes)}")
        encoders = [encoder.fit(train.samples) for encoder in self._given]
        self._parts, features, cost = [], 0, {"parameters": 0.0, "networks": 0.0, "bytes_per_image": 0.0}
        for number, encoder in enumerate(encoders * self._hyperparameters.get("members", 1)):
            first = torch.as_tensor(encoder(train.take([0]), dtype="uint8"))
            trainer = Trainer(
                classes=len(self.classes),
                channels=int(first.shape[1]),
                seed=seed * 1000 + number,
                device=self._device,
                **self._hyperparameters,
            )
            images = image_source(
                encoder, train.samples, train.targets, device=trainer.device, fingerprint=train.fingerprint
            )
            trainer.normalization = normalization_of(images, center_below=trainer.config.center_below)
            table = trainer.features(images).numpy()
            strength, losses = self._choose_strength(table, train)
            head = self._head(strength).fit(table, train.known_labels.astype(str))
            self._parts.append(_Part(encoder, trainer, head, images.storage, strength, losses))
            features += table.shape[1]
            weights = sum(weight.numel() for weight in trainer.network.body.parameters())
            cost["parameters"] += weights + (table.shape[1] + 1) * len(self.classes)
            cost["networks"] += 1
            cost["bytes_per_image"] += first.nbytes if number < len(encoders) else 0
        self.cost = cost | {"features": float(features)}
        part = self._parts[0]
        self.record = {
            "encoders": [encoder.spec() for encoder in encoders],
            "weights": part.trainer.weights,
            "frozen_body": part.trainer.config.backbone,
            "head": self.learner,
            "strengths": [one.strength for one in self._parts],
            "inner_log_loss": [one.log_losses for one in self._parts],
            "mean_image_subtracted": [one.trainer.normalization.centered for one in self._parts],
            "images": part.images,
            "device": part.trainer.device.type,
        }
        return self

    def predict_proba(self, samples: Any) -> np.ndarray:
        """Mean of the heads' probabilities, float64 ``(N, K)``, columns in the order of ``classes``."""
        if not self._parts:
            raise NotFittedError("frozen features: expected a call of fit before predict_proba")
        chances = []
        for part in self._parts:
            images = image_source(part.encoder, samples, np.zeros(len(samples), int), device=part.trainer.device)
            chances.append(part.head.predict_proba(part.trainer.features(images).numpy()))
        return np.asarray(np.mean(chances, axis=0), dtype=np.float64)

    def warm_up(self, few: Dataset) -> None:
        """Let a throw-away twin make the first calls of encoder, body and head on a few samples."""
        twin = type(self)(*self._given, learner=self.learner, device=self._device, **self._hyperparameters)
        twin.fit(few, seed=0).predict_proba(few.samples)

    def represent(self, samples: Any) -> None:
        """Make the images of samples, as ``predict_proba`` does, and keep none: the benchmark times this alone."""
        for part in self._parts:
            image_source(part.encoder, samples, np.zeros(len(samples), int), device=part.trainer.device)

    def _head(self, strength: float | None) -> Any:
        head = make_learner(self.learner)
        return head if strength is None else head.set_params(logisticregression__C=strength)

    def _choose_strength(self, table: np.ndarray, train: Dataset) -> tuple[float | None, dict[str, float]]:
        """Choose C by the log loss over inner folds; None where the head chooses itself or no fold can be cut.

        The folds are those of seed 0, so that a head on pretrained features draws nothing.
        """
        if self.learner == "ridge":
            return None, {}
        labels = train.known_labels.astype(str)
        try:
            cut = list(inner_folds(train, np.arange(len(train)), _FOLDS))
        except SplitError:
            return None, {}
        folds = [(fitting, judged) for fitting, judged in cut if len(np.unique(labels[fitting])) > 1]
        losses = {}
        for strength in STRENGTHS if folds else ():
            chances = []
            for fitting, judged in folds:
                head = self._head(strength).fit(table[fitting], labels[fitting])
                own = tuple(map(str, head.classes_))
                chances.append(in_order_of(self.classes, own, head.predict_proba(table[judged])))
            truth = np.concatenate([labels[judged] for _, judged in folds])
            losses[strength] = score_probabilities(truth, np.concatenate(chances), self.classes)["log_loss"]
        best = min(losses, key=lambda strength: losses[strength], default=None)
        return best, {f"{strength:g}": loss for strength, loss in losses.items()}


def check_head(learner: str) -> None:
    """Refuse a learner that is no linear head on scaled features.

    Raises
    ------
    ParameterError
    """
    if learner not in HEADS:
        raise ParameterError(f"contender frozen: expected a linear head, {' or '.join(HEADS)}, got {learner!r}")
