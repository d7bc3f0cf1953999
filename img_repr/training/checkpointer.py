"""Checkpointer: saves the state of a training, restores it bit by bit, and keeps the best network."""

import hashlib
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import DataError, ParameterError, ResultError
from img_repr.training.checkpoint import Checkpoint, check_checkpoints, read_checkpoint, write_checkpoint
from img_repr.training.config import TrainConfig
from img_repr.training.engine import Engine
from img_repr.training.images import Images, all_targets
from img_repr.training.normalization import Normalization
from img_repr.training.plan import Phase, Plan, Position, differences
from img_repr.training.schedule import parameter_groups
from img_repr.training.state import TrainingState, WeightAverage
from img_repr.training.task import task_from_spec, task_spec

_NETWORK, _EMA, _OPTIMIZER = "network.", "ema.", "optimizer."


class Checkpointer:
    """Save and restore one training, and keep its best network in memory if ``patience`` is set.

    Parameters
    ----------
    state : TrainingState
    config : TrainConfig
    engine : Engine
    folder : str or Path, optional
        Folder of the checkpoints. None: nothing is saved.
    train : Images
    valid : Images, optional
    every_s : float
        Seconds between two checkpoints within an epoch.

    Raises
    ------
    ParameterError
        If ``patience`` is set and there is no validation part.
    DataError
        If there are no images, or checkpoints cannot be written to the folder.
    """

    def __init__(
        self,
        state: TrainingState,
        config: TrainConfig,
        engine: Engine,
        folder: str | Path | None,
        train: Images,
        valid: Images | None,
        *,
        every_s: float = 60.0,
    ) -> None:
        self.state, self.config, self.engine = state, config, engine
        self.train, self.valid = train, valid
        for purpose, images in (("train on", train), ("validate on", valid)):
            if images is not None and not len(images):
                raise DataError(f"trainer: expected at least one image to {purpose}, got none")
        if config.patience and valid is None:
            raise ParameterError("trainer: expected a validation part for patience, got none")
        self.folder = None if folder is None else Path(folder)
        if folder is not None and engine.is_main_process:  # other processes would find its temporary files
            check_checkpoints(folder)
        self.every_s = every_s
        self.best_loss, self.epochs_without_best = float("inf"), 0
        self._best: dict[str, Tensor] = {}
        self._optimizer: dict[str, Tensor] = {}
        self._saved_at = time.monotonic()

    def restore(self, plan: Plan | None) -> bool:
        """Restore the state from the folder's last checkpoint, and return whether there was one.

        Parameters
        ----------
        plan : Plan, optional
            Plan of this training, which the checkpoint must have. None: any plan, and a checkpoint must exist.

        Raises
        ------
        ResultError
            If the checkpoint is of another training, or processes see different ones.
        """
        self.identity = _identity(self.state, self.config, self.train, self.valid)
        found = None if self.folder is None else read_checkpoint(self.folder)
        if found is not None:
            try:
                self._restore(found, plan)
            except (LookupError, TypeError, AttributeError, RuntimeError) as error:  # whole, but of other fields
                message = " ".join(f"{type(error).__name__}: {error}".split())[:160]
                raise ResultError(
                    f"{found.path}: expected a checkpoint of a training, got other fields: {message}"
                ) from error
        if not self.engine.all_equal(-1 if found is None else self.state.plan.steps_before(self.state.position)):
            raise ResultError(f"{self.folder}: expected the same checkpoint for all processes, got different ones")
        if found is None and plan is None:
            raise ResultError(f"{self.folder}: expected a checkpoint to resume from, got none")
        return found is not None

    def optimizer(self, phase: Phase) -> torch.optim.Optimizer:
        """Return the optimizer of a phase; its moments are restored if the checkpoint was written in that phase."""
        groups = parameter_groups(
            self.state.network, rate=phase.rate, lr_mult=phase.lr_mult, weight_decay=self.config.weight_decay
        )
        optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), fused=True)
        if self._optimizer:
            weights = [weight for group in optimizer.param_groups for weight in group["params"]]
            for name, value in self._optimizer.items():
                number, _, key = name.partition(".")
                weight = weights[int(number)]
                # moments in another memory layout than their weight change the last bit
                moment = torch.empty_like(weight) if value.shape == weight.shape else value.to(weight.device)
                optimizer.state[weight][key] = moment.copy_(value)
            self._optimizer = {}
        return optimizer

    def update_best(self) -> bool:
        """Save the network if the last epoch was the best, and return whether patience is exhausted."""
        state, patience = self.state, self.config.patience
        keeps_best = bool(patience) or state.plan.keeps_best
        loss = state.history[-1].get("valid_loss")
        if loss is None:
            return False
        # epochs of the head do not count: stopping there would leave the body untrained
        last_phase = state.position.phase + 1 == len(state.plan.phases)
        self.epochs_without_best = self.epochs_without_best + 1 if last_phase else 0
        if loss < self.best_loss:
            self.best_loss, self.epochs_without_best = loss, 0
            network = state.evaluated_network.state_dict()
            if keeps_best:
                self._best = {name: value.detach().clone() for name, value in network.items()}
            # before `last`: after a crash in between, the epoch runs again and is the best again
            self._write("best", {_NETWORK + name: value for name, value in network.items()})
        return bool(patience) and self.epochs_without_best >= patience

    def save_if_due(self, optimizer: torch.optim.Optimizer) -> None:
        """Save within an epoch if the last save is long ago and all losses of the epoch are finite."""
        if self.folder is None or time.monotonic() - self._saved_at < self.every_s:
            return
        if bool(self.state.losses[: self.state.position.step].isfinite().all()):
            self.save(optimizer)

    def save(self, optimizer: torch.optim.Optimizer) -> None:
        """Save the state of the training and of its optimizer."""
        state = self.state
        tensors = {_NETWORK + name: value for name, value in state.network.state_dict().items()}
        if state.ema is not None:
            tensors |= {_EMA + name: value for name, value in state.ema.network.state_dict().items()}
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        for number, weight in enumerate(weights):
            for key, value in optimizer.state[weight].items():
                tensors[f"{_OPTIMIZER}{number}.{key}"] = value
        tensors |= {"losses": state.losses, "mean": state.normalization.mean, "std": state.normalization.std}
        self._write("last", tensors)
        self._saved_at = time.monotonic()

    def interrupted(self, optimizer: torch.optim.Optimizer) -> KeyboardInterrupt:
        """Save the training, and return the exception that ends it."""
        self.save(optimizer)
        progress = self.state.progress
        return KeyboardInterrupt(
            f"stopped after {progress.step} of {progress.steps} steps; to resume, train with checkpoints={self.folder}"
        )

    def load_final_weights(self) -> None:
        """Load the weights of the result: with patience or fine-tuning the best, else the EMA, else the last."""
        state = self.state
        if self._best:
            state.network.load_state_dict(self._best)
        elif state.ema is not None:
            state.network.load_state_dict(state.ema.network.state_dict())
        state.ema = None

    def _write(self, name: Literal["last", "best"], tensors: dict[str, Tensor]) -> None:
        state = self.state
        if self.folder is None or not self.engine.is_main_process:
            return
        metadata = {
            "training": self.identity,
            "task": task_spec(state.task),
            "unexplained": state.normalization.unexplained,
            "phases": [asdict(phase) for phase in state.plan.phases],
            "position": asdict(state.position),
            "rate": state.rate,
            "history": state.history,
            "best_loss": self.best_loss if np.isfinite(self.best_loss) else None,
            "epochs_without_best": self.epochs_without_best,
        }
        write_checkpoint(self.folder, name, tensors, metadata)

    def _restore(self, found: Checkpoint, plan: Plan | None) -> None:
        """Restore the state from a checkpoint, if it is of this training."""
        state, config, metadata, tensors = self.state, self.config, found.metadata, found.tensors
        phases = tuple(Phase(**one) for one in metadata["phases"])
        other = differences(metadata["training"], self.identity)
        other += differences(_shapes(_with_prefix(tensors, _NETWORK)), _shapes(state.network.state_dict()), "network")
        if plan is not None:
            other += differences(_by_name(phases), _by_name(plan.phases), "phases")
        if other:
            raise ResultError(
                f"{found.path}: expected a checkpoint of this training, got one of another: {', '.join(other[:3])}; "
                "remove it, or use another folder"
            )
        state.network.load_state_dict(_with_prefix(tensors, _NETWORK))
        if config.ema_decay:
            state.ema = WeightAverage(state.network, config.ema_decay)
            state.ema.network.load_state_dict(_with_prefix(tensors, _EMA))
        mean, std = (tensors[name].to(self.engine.device) for name in ("mean", "std"))
        state.normalization = Normalization(mean, std, metadata["unexplained"])
        state.task = task_from_spec(metadata["task"])
        state.losses, state.history = tensors["losses"].to(self.engine.device), metadata["history"]
        state.rate = metadata["rate"]
        self.best_loss = float("inf") if metadata["best_loss"] is None else metadata["best_loss"]
        self.epochs_without_best = metadata["epochs_without_best"]
        state.plan, state.position = Plan(phases, len(self.train), config.batch_size), Position(**metadata["position"])
        if state.position.step or (state.position.epoch and state.position != state.plan.end):
            self._optimizer = _with_prefix(tensors, _OPTIMIZER)
        if (config.patience or state.plan.keeps_best) and np.isfinite(self.best_loss):
            best = read_checkpoint(found.path.parent, "best")
            if best is None:
                raise ResultError(f"{found.path.parent}: expected best.safetensors next to {found.path.name}, got none")
            self._best = _with_prefix(best.tensors, _NETWORK)


def _by_name(phases: tuple[Phase, ...]) -> dict[str, Any]:
    return {f"{number} {phase.name}": asdict(phase) for number, phase in enumerate(phases)}


def _with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _shapes(tensors: dict[str, Tensor]) -> dict[str, list[int]]:
    return {name: list(value.shape) for name, value in tensors.items()}


def _identity(state: TrainingState, config: TrainConfig, train: Images, valid: Images | None) -> dict[str, Any]:
    """Return what distinguishes one training from another: hyperparameters, initial weights and data."""
    return {
        "hyperparameters": asdict(config),
        "task": task_spec(state.initial_task),
        "seed": state.seed,
        "weights": state.weights,
        **_fingerprint(train),
        "validation": None if valid is None else _fingerprint(valid),
    }


def _fingerprint(images: Images) -> dict[str, Any]:
    first = images.batch(np.arange(min(len(images), 8))).double()
    return {
        "images": len(images),
        "shape": list(first.shape[1:]),
        "mean_and_std": [round(float(first.mean()), 3), round(float(first.std()), 3)],
        "targets": hashlib.sha256(all_targets(images).contiguous().numpy().tobytes()).hexdigest()[:16],
    }
