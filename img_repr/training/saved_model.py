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
from img_repr.training.hub import pull_folder, push_folder
from img_repr.training.model_card import CARD, render_card
from img_repr.training.model_folder import MODEL, describe, load_members, member_folder
from img_repr.training.program import ModelProgram, program_shape, write_program


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
        """Write the model to a folder atomically: ``model.json``, a model card and one folder per network.

        Never a pickle. The card, ``README.md``, has the format of Hugging Face: data, split, score, license, limits.

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
            (temporary_path / CARD).write_text(render_card(content), "utf-8", "backslashreplace")
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

    def push_to_hub(self, repo: str, *, private: bool | None = None, token: str | None = None) -> str:
        """Upload the files that ``save`` writes to the Hugging Face Hub, and return the address of the commit.

        Needs ``pip install 'img-repr[hub]'``. The variable ``HF_ENDPOINT`` names another server.

        Parameters
        ----------
        repo : str
            ``"user/name"``; it is made if it does not exist.
        private : bool, optional
            Whether a new repository is private.
        token : str, optional
            Default: that of ``hf auth login``.

        Raises
        ------
        DataError
            If the server refuses.
        """
        self._expect_fit("push_to_hub")
        with tempfile.TemporaryDirectory() as temporary:
            return push_folder(self.save(Path(temporary, "model")), repo, private=private, token=token)

    @classmethod
    def from_hub(
        cls,
        repo: str,
        *,
        revision: str | None = None,
        token: str | None = None,
        cache: str | Path | None = None,
        device: str | torch.device | None = None,
        backbone: nn.Module | None = None,
    ) -> Self:
        """Download a model from the Hugging Face Hub and read it as ``load`` does; nothing in it is executed.

        Parameters
        ----------
        repo : str
            ``"user/name"``.
        revision : str, optional
            Branch, tag or commit. Default: the main branch.
        token : str, optional
            For private repositories. Default: that of ``hf auth login``.
        cache : str or Path, optional
            Folder for downloads. Default: that of huggingface_hub.
        device, backbone
            As in ``load``.

        Raises
        ------
        DataError
            If there is no such repository, or the server does not answer.
        ResultError
            If it is not a model of this kind.
        """
        folder = pull_folder(repo, revision=revision, token=token, cache=cache)
        return cls.load(folder, device=device, backbone=backbone)

    def export(self, file: str | Path, *, length: int | None = None) -> Path:
        """Write the model, encoders included, as one program for other runtimes: raw samples in, predictions out.

        The program takes float32 samples ``(N, T)`` or ``(N, C, T)``, waveforms of full scale 1 at the sample rate of
        the encoder, or rows ``(N, F)`` in the order of ``columns``, any number of them; recordings of any length if the
        encoder has a ``duration_s``. It returns float32 ``(N, K)``, within 1e-4 of ``predict_proba`` (or ``predict`` of
        a regressor) of the same float32 numbers; for a sample that the model would refuse, NaN. Names of classes,
        encoders, sample rate and version are in the file: ``metadata_props`` of ONNX.

        Parameters
        ----------
        file : str or Path
            ``.onnx`` (with ``pip install 'img-repr[onnx]'``) or ``.pt2``, which ``torch.export.load`` reads.
        length : int, optional
            Values of a sample. Default: that of the training samples, if all have one.

        Raises
        ------
        ParameterError
            If an operation of the model cannot be exported, which the message names, or the length is missing.
        DataError
            If the file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> from img_repr import ImageClassifier, load_dataset
        >>> data = load_dataset("gunpoint").subset(range(20))
        >>> model = ImageClassifier("gadf", size=16, epochs=1, min_steps=1).fit(data)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.export(f"{folder}/model.pt2").name
        'model.pt2'
        """
        self._expect_fit("export")
        if self.config.tta:
            raise ParameterError(
                f"export: expected tta=0, because a program has no random augmentation, got {self.config.tta}; "
                "set_params(tta=0)"
            )
        program = ModelProgram(self.encoders_, self.members_, getattr(self, "temperature_", 1.0))
        domain = self.encoders_[0].domain
        shape = program_shape(self.record_, self.encoders_, length)
        return write_program(program, file, domain=domain, shape=shape, metadata=self._metadata())

    def _metadata(self) -> dict[str, Any]:
        """Return what a user of an exported program must know."""
        parts = [part for one in self.encoders_ for part in getattr(one, "parts", (one,))]
        rates = {part.all_parameters.get("sample_rate_hz") for part in parts} - {None}
        metadata = {
            "version": version("img-repr"),
            "domain": self.encoders_[0].domain.name,
            "encoder": repr(self.encoders_[0]) if len(self.encoders_) == 1 else repr(list(self.encoders_)),
            "output": "probabilities" if self._kind == "classifier" else "numbers",
        }
        if rates:
            metadata["sample_rate_hz"] = ", ".join(map(str, sorted(rates)))
        if self.columns is not None:
            metadata["columns"] = list(self.columns)
        return metadata | {word: value for word, value in self._record_of_kind().items() if word == "classes"}

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
