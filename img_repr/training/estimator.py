"""ImageEstimator: what ImageClassifier and ImageRegressor have in common, encoders with one network for each.

The reason for its length: the verbs of an estimator with their parameters.
"""

from abc import abstractmethod
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils.validation import validate_data
from torch import nn

from img_repr.core.arrays import in_order
from img_repr.core.dataset import Dataset
from img_repr.core.domain import Domain
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import DataError
from img_repr.core.loader import load_dataset
from img_repr.core.seed import check_seed
from img_repr.core.splits.inner import hold_out, validation_notes
from img_repr.training.engine import Engine
from img_repr.training.given_encoders import given_encoders
from img_repr.training.images import Images, image_source
from img_repr.training.model_folder import member_folder
from img_repr.training.model_record import cost_of, record_of
from img_repr.training.probe import check_backbone_takes
from img_repr.training.rate_finder import RateCurve
from img_repr.training.samples import as_dataset, as_samples
from img_repr.training.saved_model import SavedModel
from img_repr.training.task import Task
from img_repr.training.trainer import Trainer

Verb = Literal["fit", "fine_tune", "fit_one_cycle"]


class ImageEstimator(SavedModel):
    """Encoders and the shared CNN as a scikit-learn estimator; see :class:`ImageClassifier` for the parameters."""

    @property
    def encoders(self) -> tuple[AbstractEncoder, ...]:
        """The fitted encoders; before ``fit`` those that were given."""
        found: tuple[AbstractEncoder, ...] = getattr(self, "encoders_", None) or self._given(None)
        return found

    @property
    def engine(self) -> Engine:
        """Device and processes of the trainings.

        Raises
        ------
        ParameterError
            If there is no such device.
        """
        return Engine.here(self.__dict__["device"])

    @property
    def cost(self) -> dict[str, float]:
        """Parameters, networks and bytes per image, for the benchmark; empty before ``fit``."""
        return getattr(self, "cost_", {})

    @property
    def record(self) -> dict[str, Any]:
        """What a reader must know to trust the model; empty before ``fit``."""
        return getattr(self, "record_", {})

    def fit(
        self, X: Any, y: Any = None, groups: Any = None, *, seed: int | None = None, checkpoints: Any = None
    ) -> Self:
        """Fit encoders, networks and temperature; a validation part is cut from the samples for each network.

        Parameters
        ----------
        X : array, Tensor, list of samples, DataFrame, path, list of paths, or Dataset
            N training samples.
        y : array, shape (N,), optional
            Labels, or numbers for a regressor. Default: those of a Dataset or path.
        groups : array, shape (N,), optional
            Samples of one group are not independent: the validation part is cut by whole groups.
        seed : int, optional
            Default: the estimator's own.
        checkpoints : str or Path, optional
            Folder where the trainings are kept, one folder each. A training that was interrupted is resumed from it.

        Raises
        ------
        DataError
            If the samples or labels cannot be learned from.
        ParameterError
            If a hyperparameter is outside its range, or the network does not take the images.
        ResultError
            If a checkpoint is of another training.
        """
        return self._train("fit", X, y, groups, None, seed, checkpoints)

    def fine_tune(
        self,
        X: Any,
        y: Any = None,
        epochs: int | None = None,
        *,
        groups: Any = None,
        seed: int | None = None,
        checkpoints: Any = None,
    ) -> Self:
        """Train the heads on frozen bodies first, then all layers, whatever the weights; see :meth:`fit`.

        Parameters
        ----------
        epochs : int, optional
            Of all layers; ``fine_tune(dataset, 3)`` gives them where X brings its labels.
        """
        return self._train("fine_tune", X, y, groups, epochs, seed, checkpoints)

    def fit_one_cycle(
        self,
        X: Any,
        y: Any = None,
        epochs: int | None = None,
        *,
        groups: Any = None,
        seed: int | None = None,
        checkpoints: Any = None,
    ) -> Self:
        """Train all layers at one rate, whatever the weights; see :meth:`fine_tune`."""
        return self._train("fit_one_cycle", X, y, groups, epochs, seed, checkpoints)

    def lr_find(self, X: Any, y: Any = None, *, groups: Any = None, steps: int = 100) -> RateCurve:
        """Try rising learning rates on a new network of the first encoder; the estimator does not change."""
        twin = clone(self).set_params(n_members=1)
        train, targets, task = twin._prepared(X, y, groups)
        encoder = twin._given(train)[0].fit(train.samples)
        images = twin._images(encoder, train, targets, augmented=True)
        trainer: Trainer = twin._trainer(encoder, train, task, check_seed(self._caller, self.__dict__["seed"]))
        return trainer.lr_find(images, steps=steps)

    def kept_in(self, checkpoints: str | Path) -> list[Path]:
        """Give the folders in which ``fit`` keeps its trainings, one for each network."""
        return [
            member_folder(Path(checkpoints), number) for number in range(len(self._given(None)) * self.config.n_members)
        ]

    def warm_up(self, few: Dataset) -> None:
        """Let a throw-away twin train for one step on a few samples: imports, the device's context, its kernels."""
        brief = {
            "epochs": 1,
            "min_steps": 1,
            "validation_fraction": 0.0,
            "patience": 0,
            "n_members": 1,
            "compile": False,
        }
        if not isinstance(self.__dict__["backbone"], nn.Module):
            clone(self).set_params(**brief, listeners=()).fit(few).predict(few.samples)

    def represent(self, samples: Any) -> None:
        """Make the images of samples, as prediction does, and keep none: the benchmark times this alone."""
        for encoder in self.encoders:
            image_source(encoder, samples, np.zeros(len(samples), int), device=self.engine.device)

    def check(self, few: Dataset) -> None:
        """Refuse, before anything is trained, a network that does not take the images of some samples.

        Encoders that have something to learn learn it from these few.

        Raises
        ------
        ParameterError
        """
        for encoder in self._given(few):
            one = encoder.fit(few.samples)(few.take([0]))
            check_backbone_takes(self.__dict__["backbone"], tuple(one.shape[1:]))

    @abstractmethod
    def predict(self, X: Any) -> np.ndarray:
        """Give one prediction per sample."""

    @abstractmethod
    def _target(self, train: Dataset) -> tuple[np.ndarray, Task]:
        """Give targets as the trainer takes them, with their task; and learn what labels there are."""

    @abstractmethod
    def _calibrate(self, scores: list[torch.Tensor], truth: list[np.ndarray]) -> None:
        """Learn from the scores of the validation parts."""

    def _calibration(self) -> dict[str, Any]:
        """Give what was learned there, for the record."""
        return {}

    def _train(
        self, verb: Verb, X: Any, y: Any, groups: Any, epochs: int | None, seed: int | None, checkpoints: Any
    ) -> Self:
        if verb != "fit" and epochs is None and isinstance(y, int) and not isinstance(y, bool):
            y, epochs = None, y  # fine_tune(dataset, 3)
        config = self.config
        seed = check_seed(self._caller, self.__dict__["seed"] if seed is None else seed)
        train, targets, task = self._prepared(X, y, groups)
        everything = np.arange(len(train))
        encoders = tuple(encoder.fit(train.samples) for encoder in self._given(train))
        members, scores, truth, how = [], [], [], ""
        for number, encoder in enumerate(encoders * config.n_members):
            member_seed = seed * 1000 + number
            learn, judge = everything, everything[:0]
            if config.validation_fraction:
                learn, judge = hold_out(train, everything, fraction=config.validation_fraction, seed=member_seed)
            trainer = self._trainer(encoder, train, task, member_seed)
            images = self._images(encoder, train.subset(learn), targets[learn], augmented=True)
            valid = self._images(encoder, train.subset(judge), targets[judge]) if len(judge) else None
            kept = None if checkpoints is None else member_folder(Path(checkpoints), number)
            if verb == "fit":
                trainer.fit(images, valid, checkpoints=kept)
            else:
                getattr(trainer, verb)(images, epochs, valid, checkpoints=kept)
            members.append(trainer)
            how = images.how
            if valid is not None:
                scores.append(trainer.predict_scores(valid))
                truth.append(targets[judge])
        self.encoders_, self.members_ = encoders, members
        self._calibrate(scores, truth)
        self.cost_ = cost_of(encoders, members, train.take([0]))
        self.record_ = record_of(encoders, members, how) | self._calibration()
        share = config.validation_fraction
        notes = validation_notes(train, everything, share) if share else []
        if notes:
            self.record_["validation_notes"] = notes
        return self

    def _prepared(self, X: Any, y: Any, groups: Any) -> tuple[Dataset, np.ndarray, Task]:
        """Bring samples to a data set that can be cut, and targets to the trainer's form."""
        domain = self._domain
        train = as_dataset(X, y, groups, domain=domain, caller=self._caller)
        if train.labels is None:
            raise DataError(
                f"{self._caller}: it requires y to be passed, but the target y is None"
                if train.name == self._caller
                else f"{train.name}: expected labeled samples, got none with a label"
            )
        self._check_columns(X, domain, reset=True)
        if train.columns is not None:
            self.feature_names_in_ = np.array(train.columns, dtype=object)
        targets, task = self._target(train)
        return train, targets, task

    def _sources(self, X: Any) -> list[tuple[Trainer, Images]]:
        """Give each network with the images that it sees of samples."""
        self._expect_fit("predict")
        domain = self._domain
        if isinstance(X, (str, Path)):
            X = load_dataset(X, labeled=False, columns=self.columns)
        elif isinstance(X, Dataset):
            X = X.with_columns(self.columns)
        elif not hasattr(self, "n_features_in_"):  # trained on a data set: its names are put in order
            X = in_order(X, self.columns, caller=self._caller)
        samples = as_samples(X, domain=domain, caller=self._caller)
        self._check_columns(X, domain, reset=False)
        drawn = self._augmentation(domain) if self.config.tta else {}
        device, found = self.members_[0].device, []
        for place, encoder in enumerate(self.encoders_):
            images = image_source(encoder, samples, np.zeros(len(samples), int), device=device, **drawn)
            found += [(member, images) for member in self.members_[place :: len(self.encoders_)]]
        return found

    def _images(
        self, encoder: AbstractEncoder, part: Dataset, targets: np.ndarray, *, augmented: bool = False
    ) -> Images:
        drawn = self._augmentation(part.domain) if augmented and self.__dict__["augment"] else {}
        return image_source(
            encoder, part.samples, targets, device=self.engine.device, fingerprint=part.fingerprint, **drawn
        )

    def _trainer(self, encoder: AbstractEncoder, train: Dataset, task: Task, seed: int) -> Trainer:
        return Trainer(
            task=task,
            channels=int(torch.as_tensor(encoder(train.take([0]))).shape[1]),
            seed=seed,
            device=self.engine.device,
            listeners=tuple(self.__dict__["listeners"]),
            **self._hyperparameters,
        )

    @property
    def _domain(self) -> Domain:
        return self.encoders[0].domain

    def _given(self, dataset: Dataset | None) -> tuple[AbstractEncoder, ...]:
        """Give the encoders that were asked for, unfitted."""
        with_inferred_parameters = dataset if self.__dict__["infer_parameters"] else None
        return given_encoders(self._caller, self.__dict__["encoder"], self.__dict__["size"], with_inferred_parameters)

    def _check_columns(self, X: Any, domain: Domain, *, reset: bool) -> None:
        """Keep, or compare, the names of a data frame's columns; a table always has as many as in training."""
        named = hasattr(X, "iloc")
        if reset:
            for word in ("n_features_in_", "feature_names_in_"):
                self.__dict__.pop(word, None)
        array = getattr(X, "ndim", 0) == 2 and hasattr(X, "shape")
        compared = named or domain.name == "tabular"  # series of another length are encoded to the same size
        if array and (reset or compared) and (reset or hasattr(self, "n_features_in_")):
            try:
                validate_data(self, X, reset=reset, skip_check_array=True)
            except ValueError as error:
                raise DataError(f"{self._caller}: {' '.join(str(error).split())}") from error

    def _augmentation(self, domain: Domain) -> dict[str, Any]:
        """How the samples of a domain, and their images, are augmented."""
        return {"augment": domain.augment, "augment_images": domain.augment_images}

    def __sklearn_tags__(self) -> Any:
        """Say that samples may have channels, and missing values where the encoder takes them."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags
