"""ImageEstimator: the common base of ImageClassifier and ImageRegressor, encoders with a network for each."""

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
from img_repr.training.estimator_parameters import as_encoders
from img_repr.training.images import Images, image_source
from img_repr.training.model_folder import cost_of, member_folder, record_of
from img_repr.training.plots import plot_history
from img_repr.training.probe import check_backbone_takes
from img_repr.training.rate_finder import RateCurve
from img_repr.training.samples import as_dataset, as_samples, shape_of
from img_repr.training.saved_model import SavedModel
from img_repr.training.task import Task
from img_repr.training.trainer import Trainer

Verb = Literal["fit", "fine_tune", "fit_one_cycle"]


class ImageEstimator(SavedModel):
    """Encoders and a CNN as a scikit-learn estimator; see :class:`ImageClassifier` for the parameters."""

    @property
    def encoders(self) -> tuple[AbstractEncoder, ...]:
        """The fitted encoders; before ``fit`` the unfitted ones."""
        encoders: tuple[AbstractEncoder, ...] = getattr(self, "encoders_", None) or self._unfitted_encoders(None)
        return encoders

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
        """Encoders, weights, epochs, history and validation of the model; empty before ``fit``."""
        return getattr(self, "record_", {})

    def fit(
        self, X: Any, y: Any = None, groups: Any = None, *, seed: int | None = None, checkpoints: Any = None
    ) -> Self:
        """Fit encoders, networks and temperature; each network has its own validation part of the samples.

        Parameters
        ----------
        X : array, Tensor, list of samples, DataFrame, path, list of paths, or Dataset
            N training samples.
        y : array, shape (N,), optional
            Labels, or numbers for a regressor. Default: those of a Dataset or path.
        groups : array, shape (N,), optional
            Samples of one group are not independent: groups are not split between training and validation.
        seed : int, optional
            Default: the estimator's.
        checkpoints : str or Path, optional
            Folder for checkpoints of each network. To resume, call ``fit`` again with the same folder.

        Raises
        ------
        DataError
            If the samples or labels cannot be used for training.
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
        """Train the heads on frozen bodies first, then all layers, for any weights; see :meth:`fit`.

        Parameters
        ----------
        epochs : int, optional
            Epochs of all layers. If X has labels, ``fine_tune(dataset, 3)`` sets them.
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
        """Train all layers at one rate, for any weights; see :meth:`fine_tune`."""
        return self._train("fit_one_cycle", X, y, groups, epochs, seed, checkpoints)

    def lr_find(self, X: Any, y: Any = None, *, groups: Any = None, steps: int = 100) -> RateCurve:
        """Return the losses under rising learning rates, tried on a new network of the first encoder."""
        twin = clone(self).set_params(n_members=1)
        train, targets, task = twin._prepared(X, y, groups)
        encoder = twin._unfitted_encoders(train)[0].fit(train.samples)
        images = twin._images(encoder, train, targets, augmented=True)
        trainer: Trainer = twin._trainer(encoder, train, task, check_seed(self._caller, self.__dict__["seed"]))
        return trainer.lr_find(images, steps=steps)

    def plot_history(self, ax: Any = None) -> Any:
        """Plot the losses of the first network by epoch; return matplotlib axes, by default of a new figure."""
        self._expect_fit("plot_history")
        return plot_history(self.members_[0].history, ax)

    def checkpoint_folders(self, checkpoints: str | Path) -> list[Path]:
        """Return the folders of the checkpoints of ``fit``, one for each network."""
        count = len(self._unfitted_encoders(None)) * self.config.n_members
        return [member_folder(Path(checkpoints), number) for number in range(count)]

    def warm_up(self, few: Dataset) -> None:
        """Train a temporary copy for one step on a few samples, to load packages and device kernels before timing."""
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
        """Encode samples as prediction does, and discard the images; the benchmark times this."""
        for encoder in self.encoders:
            image_source(encoder, samples, np.zeros(len(samples), int), device=self.engine.device)

    def check(self, few: Dataset) -> None:
        """Refuse a network that does not take the images of some samples, before training.

        Encoders are fitted to these samples.

        Raises
        ------
        ParameterError
        """
        for encoder in self._unfitted_encoders(few):
            one = encoder.fit(few.samples)(few.take([0]))
            check_backbone_takes(self.__dict__["backbone"], tuple(one.shape[1:]))

    @abstractmethod
    def predict(self, X: Any) -> np.ndarray:
        """Return one prediction per sample."""

    @abstractmethod
    def _target(self, train: Dataset) -> tuple[np.ndarray, Task]:
        """Return the trainer's targets and task, and remember the labels."""

    @abstractmethod
    def _calibrate(self, logits: list[torch.Tensor], truth: list[np.ndarray]) -> None:
        """Fit the calibration to the logits of the validation parts."""

    def _calibration(self) -> dict[str, Any]:
        """Return the calibration, for the record."""
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
        encoders = tuple(encoder.fit(train.samples) for encoder in self._unfitted_encoders(train))
        members, logits, truth, storage = [], [], [], ""
        for number, encoder in enumerate(encoders * config.n_members):
            member_seed = seed * 1000 + number
            fitting, validation = everything, everything[:0]
            if config.validation_fraction:
                fitting, validation = hold_out(train, everything, fraction=config.validation_fraction, seed=member_seed)
            trainer = self._trainer(encoder, train, task, member_seed)
            images = self._images(encoder, train.subset(fitting), targets[fitting], augmented=True)
            valid = None
            if len(validation):
                valid = self._images(encoder, train.subset(validation), targets[validation])
            folder = None if checkpoints is None else member_folder(Path(checkpoints), number)
            together = {} if train.groups is None or verb == "fit_one_cycle" else {"groups": train.groups[fitting]}
            if verb == "fit":
                trainer.fit(images, valid, checkpoints=folder, **together)
            else:
                getattr(trainer, verb)(images, epochs, valid, checkpoints=folder, **together)
            members.append(trainer)
            storage = images.storage
            if valid is not None:
                logits.append(trainer.predict_logits(valid))
                truth.append(targets[validation])
        self.encoders_, self.members_ = encoders, members
        self._calibrate(logits, truth)
        self.cost_ = cost_of(encoders, members, train.take([0]))
        drawn = self._augmentation(train.domain).values() if self.__dict__["augment"] else ()
        names = [function.__name__ for function in drawn if function is not None]
        self.record_ = record_of(encoders, members, storage, names) | self._calibration()
        self.record_["samples"] = {
            "name": train.name,
            "domain": train.domain.name,
            "count": len(train),
            "shape": shape_of(train.samples, train.domain),
        }
        held_out = round(float(np.mean([len(one) for one in truth]))) if truth else 0
        self.record_["validation"] = {"count": held_out, "grouped": train.groups is not None}
        fraction = config.validation_fraction
        notes = validation_notes(train, everything, fraction) if fraction else []
        if notes:
            self.record_["validation_notes"] = notes
        return self

    def _prepared(self, X: Any, y: Any, groups: Any) -> tuple[Dataset, np.ndarray, Task]:
        """Return the samples as a data set, and the trainer's targets and task."""
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
        """Return each network with its images of the samples."""
        self._expect_fit("predict")
        domain = self._domain
        if isinstance(X, (str, Path)):
            X = load_dataset(X, labeled=False, columns=self.columns)
        elif isinstance(X, Dataset):
            X = X.with_columns(self.columns)
        elif not hasattr(self, "n_features_in_"):  # trained on a data set: columns are reordered by name
            X = in_order(X, self.columns, caller=self._caller)
        samples = as_samples(X, domain=domain, caller=self._caller)
        self._check_columns(X, domain, reset=False)
        augmentation = self._augmentation(domain) if self.config.tta else {}
        device, sources = self.members_[0].device, []
        for number, encoder in enumerate(self.encoders_):
            images = image_source(encoder, samples, np.zeros(len(samples), int), device=device, **augmentation)
            sources += [(member, images) for member in self.members_[number :: len(self.encoders_)]]
        return sources

    def _images(
        self, encoder: AbstractEncoder, dataset: Dataset, targets: np.ndarray, *, augmented: bool = False
    ) -> Images:
        augmentation = self._augmentation(dataset.domain) if augmented and self.__dict__["augment"] else {}
        return image_source(
            encoder,
            dataset.samples,
            targets,
            device=self.engine.device,
            fingerprint=dataset.fingerprint,
            **augmentation,
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

    def _unfitted_encoders(self, dataset: Dataset | None) -> tuple[AbstractEncoder, ...]:
        """Return the unfitted encoders, with parameters inferred from a data set."""
        parameters = self.__dict__
        return as_encoders(
            parameters["encoder"],
            size=parameters["size"],
            dataset=dataset if parameters["infer_parameters"] else None,
            caller=self._caller,
        )

    def _check_columns(self, X: Any, domain: Domain, *, reset: bool) -> None:
        """Store or compare the column names of a data frame; a table must have the number of columns of training."""
        named = hasattr(X, "iloc")
        if reset:
            for word in ("n_features_in_", "feature_names_in_"):
                self.__dict__.pop(word, None)
        matrix = getattr(X, "ndim", 0) == 2 and hasattr(X, "shape")
        compared = named or domain.name == "tabular"  # series of other lengths have images of the same size
        if matrix and (reset or compared) and (reset or hasattr(self, "n_features_in_")):
            try:
                validate_data(self, X, reset=reset, skip_check_array=True)
            except ValueError as error:
                raise DataError(f"{self._caller}: {' '.join(str(error).split())}") from error

    def _augmentation(self, domain: Domain) -> dict[str, Any]:
        """Return the augmentations of a domain's samples and images."""
        return {"augment": domain.augment, "augment_images": domain.augment_images}

    def __sklearn_tags__(self) -> Any:
        """Declare that samples may have channels and missing values."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags
