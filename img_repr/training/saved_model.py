"""SavedModel: saving and loading of estimators, as folders and as pickles."""

import json
import tempfile
from abc import abstractmethod
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from sklearn.exceptions import NotFittedError as ScikitNotFittedError
from torch import nn

from img_repr.core.atomic import atomic_folder
from img_repr.core.errors import NotFittedError, ParameterError
from img_repr.training.engine import device_of
from img_repr.training.estimator_parameters import EstimatorParameters
from img_repr.training.model_folder import MODEL, describe, load_members, member_folder


class UnfittedError(NotFittedError, ScikitNotFittedError):  # type: ignore[misc]
    """An estimator is not fitted; also scikit-learn's error of that name."""


class SavedModel(EstimatorParameters):
    """An estimator that can be saved: parameters, encoders, networks and column names."""

    _kind: str  # in model.json
    _caller: str  # in messages

    @property
    def columns(self) -> tuple[str, ...] | None:
        """Names of the features or channels of the training data, in their order; None if they have no names."""
        names = getattr(self, "feature_names_in_", None)
        return None if names is None else tuple(map(str, names))

    def save(self, folder: str | Path) -> Path:
        """Write the model to a folder atomically: ``model.json`` and one folder per network; never a pickle.

        Raises
        ------
        DataError
            If the folder holds anything but a model, which would be replaced, or cannot be written.
        """
        self._expect_fit("save")
        target = Path(folder)
        if not self.engine.is_main_process:
            return target
        with atomic_folder(target, replaces=MODEL) as temporary_path:
            for number, member in enumerate(self.members_):
                member.save(member_folder(temporary_path, number))
            content = describe(self._kind, self.encoders_, self.members_) | {
                **self._record_of_kind(),
                "columns": None if self.columns is None else list(self.columns),
                "features": getattr(self, "n_features_in_", None),
                "training": asdict(self.config),
                "record": self.record_,
                "versions": {name: version(name) for name in ("img-repr", "torch")},
            }
            (temporary_path / MODEL).write_text(json.dumps(content, indent=2))
        return target

    @classmethod
    def load(
        cls, folder: str | Path, *, device: str | torch.device | None = None, backbone: nn.Module | None = None
    ) -> Self:
        """Read a model that ``save`` wrote; pass ``backbone`` again if it was a module.

        Raises
        ------
        ResultError
            If the folder is not a model of this kind, or is incomplete; the message names the file.
        ParameterError
            If there is no such device.
        """
        content, encoders, members = load_members(Path(folder), cls._kind, device=device_of(device), backbone=backbone)
        hyperparameters = content["training"] | ({} if backbone is None else {"backbone": backbone})
        model = cls(encoders[0] if len(encoders) == 1 else encoders, device=device, **hyperparameters)
        model.encoders_, model.members_, model.record_ = encoders, members, content["record"]
        if content["columns"] is not None:
            model.feature_names_in_ = np.array(content["columns"], dtype=object)
        if content["features"] is not None:
            model.n_features_in_ = content["features"]
        model._restore_kind(content)
        return model

    @abstractmethod
    def _record_of_kind(self) -> dict[str, Any]:
        """Return the fields of ``model.json`` that only this kind of model has."""

    @abstractmethod
    def _restore_kind(self, record: dict[str, Any]) -> None:
        """Restore the fields of :meth:`_record_of_kind`."""

    def _expect_fit(self, verb: str) -> None:
        if not self.__sklearn_is_fitted__():
            raise UnfittedError(f"{self._caller}: expected a call of fit or load before {verb}")

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether the estimator is fitted."""
        return hasattr(self, "members_")

    def __getstate__(self) -> dict[str, Any]:
        """Return the parameters and, for a fitted model, the files that ``save`` writes."""
        state = dict(vars(self))
        if self.__sklearn_is_fitted__():
            with tempfile.TemporaryDirectory() as temporary:
                folder = self.save(Path(temporary, "model"))
                files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}
            state = {word: value for word, value in state.items() if not word.endswith("_") or word == "cost_"}
            state["_files"] = files
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a state of :meth:`__getstate__`."""
        files = state.pop("_files", None)
        self.__dict__.update(state)
        if files is None:
            return
        with tempfile.TemporaryDirectory() as temporary:
            for name, content in files.items():
                path = Path(temporary, name)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
            backbone = state["backbone"] if isinstance(state["backbone"], nn.Module) else None
            try:
                device = device_of(state["device"])
            except ParameterError:  # unpickled on another machine
                device = device_of(None)
            fitted = type(self).load(temporary, device=device, backbone=backbone)
        self.__dict__.update({word: value for word, value in vars(fitted).items() if word.endswith("_")})
