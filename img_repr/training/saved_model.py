"""SavedModel: how a fitted estimator becomes a folder, or a pickle by state, and comes back."""

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
    """Something must be learned first; scikit-learn knows it too."""


class SavedModel(EstimatorParameters):
    """What of an estimator is kept: its parameters, encoders, networks and columns."""

    _kind: str  # what the folder calls it
    _caller: str  # what messages call it

    @property
    def columns(self) -> tuple[str, ...] | None:
        """Names of the features or channels of the training data, in their order; None if they had none."""
        names = getattr(self, "feature_names_in_", None)
        return None if names is None else tuple(map(str, names))

    def save(self, folder: str | Path) -> Path:
        """Write the model as a folder: ``model.json`` and one folder per network; atomic, never a pickle.

        Raises
        ------
        DataError
            If the folder holds something that is no model: only a model is replaced; or cannot be written.
        """
        self._expect_fit("save")
        target = Path(folder)
        if not self.engine.is_main_process:
            return target
        with atomic_folder(target, replaces=MODEL) as temporary_path:
            for number, member in enumerate(self.members_):
                member.save(member_folder(temporary_path, number))
            facts = describe(self._kind, self.encoders_, self.members_) | {
                **self._own_facts(),
                "columns": None if self.columns is None else list(self.columns),
                "features": getattr(self, "n_features_in_", None),
                "training": asdict(self.config),
                "record": self.record_,
                "versions": {name: version(name) for name in ("img-repr", "torch")},
            }
            (temporary_path / MODEL).write_text(json.dumps(facts, indent=2))
        return target

    @classmethod
    def load(
        cls, folder: str | Path, *, device: str | torch.device | None = None, backbone: nn.Module | None = None
    ) -> Self:
        """Read a model that ``save`` wrote; ``backbone`` is the module again where it was a user's own.

        Raises
        ------
        ResultError
            If the folder is no model of this kind, or not a whole one; the message names the file.
        ParameterError
            If there is no such device.
        """
        place = device_of(device)
        facts, encoders, members = load_members(Path(folder), cls._kind, device=place, backbone=backbone)
        own = {} if backbone is None else {"backbone": backbone}
        model = cls(encoders[0] if len(encoders) == 1 else encoders, device=device, **facts["training"] | own)
        model.encoders_, model.members_, model.record_ = encoders, members, facts["record"]
        if facts["columns"] is not None:
            model.feature_names_in_ = np.array(facts["columns"], dtype=object)
        if facts["features"] is not None:
            model.n_features_in_ = facts["features"]
        model._take_facts(facts)
        return model

    @abstractmethod
    def _own_facts(self) -> dict[str, Any]:
        """Give what ``model.json`` says of this kind of model alone."""

    @abstractmethod
    def _take_facts(self, facts: dict[str, Any]) -> None:
        """Take what :meth:`_own_facts` wrote."""

    def _expect_fit(self, verb: str) -> None:
        if not self.__sklearn_is_fitted__():
            raise UnfittedError(f"{self._caller}: expected a call of fit or load before {verb}")

    def __sklearn_is_fitted__(self) -> bool:
        """Whether ``fit`` was called."""
        return hasattr(self, "members_")

    def __getstate__(self) -> dict[str, Any]:
        """Parameters, and of a fitted model the files that ``save`` writes, as bytes."""
        state = dict(vars(self))
        if self.__sklearn_is_fitted__():
            with tempfile.TemporaryDirectory() as room:
                folder = self.save(Path(room, "model"))
                files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}
            state = {word: value for word, value in state.items() if not word.endswith("_") or word == "cost_"}
            state["_files"] = files
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Read what :meth:`__getstate__` gave."""
        files = state.pop("_files", None)
        self.__dict__.update(state)
        if files is None:
            return
        with tempfile.TemporaryDirectory() as room:
            for name, content in files.items():
                path = Path(room, name)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
            own = state["backbone"] if isinstance(state["backbone"], nn.Module) else None
            try:
                device = device_of(state["device"])
            except ParameterError:  # another machine
                device = device_of(None)
            fitted = type(self).load(room, device=device, backbone=own)
        self.__dict__.update({word: value for word, value in vars(fitted).items() if word.endswith("_")})
