"""ImageClassifier: encoders and the shared CNN as one classifier of raw samples, saved as a folder."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from img_repr.core.dataset import Dataset
from img_repr.core.domain import Domain
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import DataError, NotFittedError, ParameterError, ResultError
from img_repr.core.naming import encoder_from_spec
from img_repr.core.places import written_as_one
from img_repr.core.splits import hold_out
from img_repr.training.config import TrainConfig, own_name
from img_repr.training.engine import Engine
from img_repr.training.events import Listener, Row
from img_repr.training.images import images_of
from img_repr.training.trainer import Trainer

FORMAT = 3
_TEMPERATURES = np.geomspace(0.25, 8.0, 81)


class ImageClassifier:
    """Classify raw samples by their images.

    Parameters
    ----------
    *encoders : AbstractEncoder
        From ``get_encoder``; what they have to learn is learned from the training part in ``fit``. Several encoders
        have networks of their own, whose probabilities are averaged.
    listeners : sequence of Listener
        Called with each event of each member's training, see `img_repr.training.events`.
    device : torch.device, optional
        Default: the GPU where there is one.
    **knobs
        See :class:`img_repr.training.config.TrainConfig`. ``backbone`` may be a ``torch.nn.Module`` as well.

    Attributes
    ----------
    classes : tuple of str
        Order of the probabilities' columns.
    columns : tuple of str or None
        Names of the features or channels of the training data, see :meth:`img_repr.core.dataset.Dataset.with_columns`.
    cost, record : dict
        What the benchmark writes down: parameters, bytes per image; weights, epochs, validation, temperature.

    Examples
    --------
    >>> from img_repr import get_encoder
    >>> from img_repr.core.loader import load_dataset
    >>> from img_repr.training.classifier import ImageClassifier
    >>> data = load_dataset("gunpoint").part(range(20))
    >>> model = ImageClassifier(get_encoder("gadf", size=16), epochs=1, min_steps=1).fit(data, seed=0)
    >>> model.predict_proba(data.samples[:3]).shape
    (3, 2)
    """

    def __init__(
        self,
        *encoders: AbstractEncoder,
        listeners: Sequence[Listener] = (),
        device: torch.device | None = None,
        **knobs: Any,
    ) -> None:
        if not encoders:
            raise ParameterError("image classifier: expected at least one encoder, got none")
        self._given = self.encoders = encoders
        self.listeners = tuple(listeners)
        own = knobs.get("backbone")
        self._own = {"backbone": own} if isinstance(own, nn.Module) else {}
        self.config = TrainConfig.of(knobs | {word: own_name(module) for word, module in self._own.items()})
        self.engine = Engine.here(device)
        self.device = self.engine.device
        self.members: list[Trainer] = []
        self.temperature = 1.0
        self.classes: tuple[str, ...] = ()
        self.columns: tuple[str, ...] | None = None
        self._how = ""
        self.cost: dict[str, float] = {}
        self.record: dict[str, Any] = {}

    def fit(self, train: Dataset, *, seed: int = 0, checkpoints: str | Path | None = None) -> "ImageClassifier":
        """Fit encoder, networks and temperature on a training part; a validation part is cut from it for each member.

        Parameters
        ----------
        train : Dataset
        seed : int
        checkpoints : str or Path, optional
            Folder where the trainings are kept, one folder each; what stands there already is gone on from.

        Raises
        ------
        DataError
            If there is only one class.
        ResultError
            If a checkpoint is of another training.
        """
        self.classes, self.columns = train.classes, train.columns
        if len(self.classes) < 2:
            raise DataError(f"{train.name}: expected at least two classes to train on, got {', '.join(self.classes)}")
        self.encoders = tuple(encoder.fit(train.samples) for encoder in self._given)
        targets, everything = train.targets, np.arange(len(train))
        drawn = _drawn_by(train.domain) if self.config.augment else {}
        self.members, scores, truth = [], [], []
        for number, encoder in enumerate(self.encoders * self.config.members):
            member_seed = seed * 1000 + number
            channels = int(torch.as_tensor(encoder(train.take([0]))).shape[1])
            learn, judge = everything, everything[:0]
            if self.config.validation_share:
                learn, judge = hold_out(train, everything, share=self.config.validation_share, seed=member_seed)
            images, *judged = [
                images_of(
                    encoder,
                    train.take(part),
                    targets[part],
                    device=self.device,
                    fingerprint=train.part(part).fingerprint,
                    **(drawn if part is learn else {}),
                )
                for part in (learn, judge)
                if len(part)
            ]
            valid = judged[0] if judged else None
            trainer = Trainer(
                classes=len(self.classes),
                channels=channels,
                seed=member_seed,
                device=self.device,
                listeners=self.listeners,
                **(asdict(self.config) | self._own),
            )
            trainer.fit(images, valid, checkpoints=None if checkpoints is None else self.kept_in(checkpoints)[number])
            self.members.append(trainer)
            self._how = images.how
            if valid is not None:
                scores.append(trainer.predict_scores(valid))
                truth.append(torch.from_numpy(targets[judge]))
        self.temperature = _temperature(torch.cat(scores), torch.cat(truth)) if scores else 1.0
        self._write_down(train.take([0]))
        return self

    def kept_in(self, checkpoints: str | Path) -> list[Path]:
        """Give the folders in which ``fit`` keeps its trainings, one for each network."""
        return [Path(checkpoints, _member(number)) for number in range(len(self._given) * self.config.members)]

    def predict_proba(self, samples: Any) -> np.ndarray:
        """Mean of the members' probabilities, float64 ``(N, K)``, columns in the order of ``classes``."""
        if not self.members:
            raise NotFittedError("image classifier: expected a call of fit or load before predict_proba")
        if not hasattr(samples, "__len__") or not len(samples):
            got = "none" if hasattr(samples, "__len__") else f"one {type(samples).__name__} that is no batch"
            raise DataError(f"image classifier: expected a batch of at least one sample to predict, got {got}")
        chances = []
        for place, encoder in enumerate(self.encoders):
            drawn = _drawn_by(encoder.domain) if self.config.views else {}
            images = images_of(encoder, samples, np.zeros(len(samples), int), device=self.device, **drawn)
            own = self.members[place :: len(self.encoders)]
            chances += [
                member.predict_proba(images, temperature=self.temperature, views=self.config.views) for member in own
            ]
        return np.asarray(np.mean(chances, axis=0))

    def warm_up(self, few: Dataset) -> None:
        """Let a throw-away twin train for one step on a few samples: imports, the device's context, its kernels."""
        brief = {"epochs": 1, "min_steps": 0, "validation_share": 0.0, "patience": 0, "members": 1, "compile": False}
        if not self._own:  # a user's own module would learn from it
            twin = type(self)(*self._given, device=self.device, **asdict(self.config) | brief)
            twin.fit(few).predict_proba(few.samples)

    def represent(self, samples: Any) -> None:
        """Make the images of samples, as ``predict_proba`` does, and keep none: the benchmark times this alone."""
        for encoder in self.encoders:
            images_of(encoder, samples, np.zeros(len(samples), int), device=self.device)

    def save(self, folder: str | Path) -> Path:
        """Write the model as a folder: ``model.json`` and one folder per network; atomic, never a pickle.

        Raises
        ------
        DataError
            If the folder holds something that is no model: only a model is replaced; or cannot be written.
        """
        if not self.members:
            raise NotFittedError("image classifier: expected a call of fit before save")
        target = Path(folder)
        if not self.engine.leads:
            return target
        with written_as_one(target, replaces="model.json") as beside:
            for number, member in enumerate(self.members):
                member.save(beside / _member(number))
            model = {
                "format": FORMAT,
                "encoders": [encoder.spec() for encoder in self.encoders],
                "classes": list(self.classes),
                "columns": None if self.columns is None else list(self.columns),
                "channels": [member.channels for member in self.members],
                "temperature": self.temperature,
                "training": asdict(self.config),
                "record": self.record,
                "versions": {name: version(name) for name in ("img-repr", "torch")},
            }
            (beside / "model.json").write_text(json.dumps(model, indent=2))
        return target

    @classmethod
    def load(
        cls, folder: str | Path, *, device: torch.device | None = None, backbone: nn.Module | None = None
    ) -> "ImageClassifier":
        """Read a model that ``save`` wrote; ``backbone`` is the module again where it was a user's own.

        Raises
        ------
        ResultError
            If the folder is no model, or not a whole one.
        """
        path = Path(folder)
        try:
            stored = json.loads((path / "model.json").read_text())
            if stored["format"] != FORMAT:
                raise ResultError(f"expected a model of format {FORMAT}, got {stored['format']}")
            model = cls(*map(encoder_from_spec, stored["encoders"]), device=device, **stored["training"])
            model.classes = tuple(stored["classes"])
            model.columns = None if stored["columns"] is None else tuple(map(str, stored["columns"]))
            model.temperature, model.record = stored["temperature"], stored["record"]
            model.members = [
                Trainer.load(path / _member(number), device=device, backbone=backbone)
                for number in range(len(stored["channels"]))
            ]
            if len(model.members) != len(model.encoders) * model.config.members:
                raise ResultError(
                    f"expected {model.config.members} networks per encoder, got {len(model.members)} in all"
                )
            for channels, member in zip(stored["channels"], model.members, strict=True):
                found = (member.channels, member.task.count, member.config)
                if found != (channels, len(model.classes), model.config):
                    raise ResultError(
                        f"expected networks of {channels} channels and {len(model.classes)} classes, trained as "
                        f"model.json says, got one of {member.channels} and {member.task.count}, or with other knobs"
                    )
        except ResultError as error:
            raise ResultError(f"{path}: {error}") from error
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            said = " ".join((getattr(error, "strerror", None) or str(error)).split())
            raise ResultError(f"{path}: expected a folder that `train` or `save` wrote, got: {said[:200]}") from error
        return model

    def _write_down(self, sample: Any) -> None:
        first = self.members[0]
        self.cost = {
            "parameters": sum(weight.numel() for member in self.members for weight in member.network.parameters()),
            "networks": len(self.members),
            "bytes_per_image": sum(self._bytes_per_image(encoder, sample) for encoder in self.encoders),
        }
        kept = [self._kept_row(member) for member in self.members]
        self.record = {
            "encoders": [encoder.spec() for encoder in self.encoders],
            "weights": first.weights,
            "unexplained_by_mean_image": [member.normalisation.unexplained for member in self.members],
            "mean_image_subtracted": [member.normalisation.centred for member in self.members],
            "images": self._how,
            "epochs": len(first.history),
            "device": self.device.type,
            "temperature": self.temperature,
            "history": [{k: v for k, v in row.items() if k != "seconds"} for row in first.history],
        }
        if "valid_accuracy" in kept[0]:
            self.record["valid_accuracy"] = float(np.mean([row["valid_accuracy"] for row in kept]))

    def _kept_row(self, member: Trainer) -> Row:
        """Give the row of the epoch whose network was kept: with patience the best, else the last."""
        return min(member.history, key=lambda row: row["valid_loss"]) if self.config.patience else member.history[-1]

    @staticmethod
    def _bytes_per_image(encoder: AbstractEncoder, sample: Any) -> int:
        return int(torch.as_tensor(encoder(sample, dtype="uint8")).nbytes)


def _member(number: int) -> str:
    return f"member-{number}"


def _drawn_by(domain: Domain) -> dict[str, Any]:
    """How the samples of a domain, and their images, are drawn anew."""
    return {"augment": domain.augment, "augment_images": domain.augment_images}


def _temperature(scores: Tensor, truth: Tensor) -> float:
    """Temperature that makes held-out samples likeliest (Guo et al. 2017, arXiv:1706.04599), from 1/4 to 8.

    One sample is given to every class alike, so that a few samples that are all right do not ask for certainty.
    """
    losses = []
    for temperature in _TEMPERATURES:
        logs = (scores.double() / temperature).log_softmax(dim=1)
        losses.append(float(-logs.gather(1, truth[:, None]).sum() - logs.mean(dim=1).mean()))
    return float(_TEMPERATURES[int(np.argmin(losses))])
