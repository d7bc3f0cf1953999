"""Frozen: a linear head on the features that a fixed network computes from images.

With pretrained weights this is a linear probe of those weights; with random ones it is its control.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from img_repr.baselines.learners import make_learner
from img_repr.core.dataset import Dataset
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import DataError, NotFittedError, ParameterError, SplitError
from img_repr.core.splits.inner import inner_folds
from img_repr.training.images import image_source
from img_repr.training.linear_probe import LinearProbe, fit_linear_probe
from img_repr.training.normalization import normalization_of
from img_repr.training.task import Classification
from img_repr.training.trainer import Trainer

HEADS = ("logistic", "ridge")
_FOLDS = 3


class _Head(Protocol):
    def predict_proba(self, table: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class _LinearHead:
    """Softmax of a linear probe."""

    probe: LinearProbe
    task: Classification

    @property
    def strength(self) -> float:
        return self.probe.strength

    def predict_proba(self, table: np.ndarray) -> np.ndarray:
        return self.task.predictions(self.probe.logits(torch.from_numpy(table))).numpy()


@dataclass(frozen=True)
class _Fitted:
    """One encoder, the network that computes features of its images, and the head on them."""

    encoder: AbstractEncoder
    trainer: Trainer
    head: _Head
    images: str


class FrozenFeatures:
    """Classify raw samples with a linear head on the features of a frozen network.

    Images are normalized as for fine-tuning, by the training part; there is no augmentation. The head standardizes the
    features by the training part. The regularization of a logistic head, the linear probe of fine-tuning, is chosen by
    its log loss over inner folds of the training part (by groups or times if they are known), that of ridge by its
    leave-one-out error there.

    Parameters
    ----------
    *encoders : AbstractEncoder
        They are fitted in ``fit``. Each has its own network and head; probabilities are averaged.
    learner : {"logistic", "ridge"}
        The head.
    device : torch.device, optional
        Default: the GPU if there is one.
    **hyperparameters
        Of :class:`img_repr.training.config.TrainConfig`: ``backbone``, ``weights`` (None: random, by the seed),
        ``center_below``, ``n_members``.

    Attributes
    ----------
    classes : tuple of str
        Order of the probabilities' columns.
    cost, record : dict
        Parameters, features, bytes per image; the weights actually used, the regularization of each head.

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
        self._encoders, self.learner, self._device, self._hyperparameters = encoders, learner, device, hyperparameters
        self.classes: tuple[str, ...] = ()
        self.cost: dict[str, float] = {}
        self.record: dict[str, Any] = {}
        self._fitted: list[_Fitted] = []

    def fit(self, train: Dataset, *, seed: int) -> "FrozenFeatures":
        """Compute the features of the training part and fit the heads.

        Raises
        ------
        DataError
            If there is only one class.
        """
        self.classes = train.classes
        if len(self.classes) < 2:
            raise DataError(f"{train.name}: expected at least two classes to train on, got {', '.join(self.classes)}")
        encoders = [encoder.fit(train.samples) for encoder in self._encoders]
        self._fitted, features, cost = [], 0, {"parameters": 0.0, "networks": 0.0, "bytes_per_image": 0.0}
        for number, encoder in enumerate(encoders * self._hyperparameters.get("n_members", 1)):
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
            trainer.normalization = normalization_of(
                images, center_below=trainer.config.center_below, own_values=trainer.network.own_values
            )
            table = trainer.features(images).numpy()
            self._fitted.append(_Fitted(encoder, trainer, self._fit_head(table, train), images.storage))
            features += table.shape[1]
            weights = sum(weight.numel() for weight in trainer.network.body.parameters())
            cost["parameters"] += weights + (table.shape[1] + 1) * len(self.classes)
            cost["networks"] += 1
            cost["bytes_per_image"] += first.nbytes if number < len(encoders) else 0
        self.cost = cost | {"features": float(features)}
        leading = self._fitted[0]
        self.record = {
            "encoders": [encoder.spec() for encoder in encoders],
            "weights": leading.trainer.weights,
            "frozen_body": leading.trainer.config.backbone,
            "head": self.learner,
            "strengths": [getattr(one.head, "strength", None) for one in self._fitted],
            "mean_image_subtracted": [one.trainer.normalization.centered for one in self._fitted],
            "images": leading.images,
            "device": leading.trainer.device.type,
        }
        return self

    def predict_proba(self, samples: Any) -> np.ndarray:
        """Return the mean of the heads' probabilities, float64 ``(N, K)``, columns in the order of ``classes``."""
        if not self._fitted:
            raise NotFittedError("frozen features: expected a call of fit before predict_proba")
        found = []
        for one in self._fitted:
            images = image_source(one.encoder, samples, np.zeros(len(samples), int), device=one.trainer.device)
            found.append(one.head.predict_proba(one.trainer.features(images).numpy()))
        return np.asarray(np.mean(found, axis=0), dtype=np.float64)

    def warm_up(self, few: Dataset) -> None:
        """Make the first calls of encoder, network and head on a few samples, with a copy that is thrown away."""
        twin = type(self)(*self._encoders, learner=self.learner, device=self._device, **self._hyperparameters)
        twin.fit(few, seed=0).predict_proba(few.samples)

    def represent(self, samples: Any) -> None:
        """Encode samples as ``predict_proba`` does, and discard the images: the benchmark times this alone."""
        for one in self._fitted:
            image_source(one.encoder, samples, np.zeros(len(samples), int), device=one.trainer.device)

    def _fit_head(self, table: np.ndarray, train: Dataset) -> _Head:
        """Fit the head; the folds are those of seed 0, so that a head on pretrained features does not depend on it."""
        if self.learner == "ridge":
            return make_learner(self.learner).fit(table, train.known_labels.astype(str))  # type: ignore[no-any-return]
        try:
            folds = list(inner_folds(train, np.arange(len(train)), _FOLDS))
        except SplitError:
            folds = []
        task = Classification(len(self.classes))
        probe = fit_linear_probe(torch.from_numpy(table), torch.from_numpy(train.targets), task, folds=folds)
        return _LinearHead(probe, task)


def check_head(learner: str) -> None:
    """Refuse a learner that is not a linear head.

    Raises
    ------
    ParameterError
    """
    if learner not in HEADS:
        raise ParameterError(f"contender frozen: expected a linear head, {' or '.join(HEADS)}, got {learner!r}")
