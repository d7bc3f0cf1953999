"""What a training keeps: its last state, from which it goes on bit by bit, and the best of its networks."""

import hashlib
import time
from dataclasses import asdict, astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import DataError, ParameterError, ResultError
from img_repr.training.average import WeightAverage
from img_repr.training.checkpoint import Checkpoint, check_checkpoints, read_checkpoint, write_checkpoint
from img_repr.training.images import Images
from img_repr.training.normalization import Normalization, normalization_of
from img_repr.training.plan import Phase, Place, Plan, differences
from img_repr.training.schedule import parameter_groups
from img_repr.training.task import task_from_spec, task_spec

if TYPE_CHECKING:
    from img_repr.training.trainer import Trainer

_NETWORK, _AVERAGE, _OPTIMIZER = "network.", "average.", "optimizer."


class Checkpointer:
    """Keeps one training, in a folder where one is given, and its best network where patience asks for it.

    Parameters
    ----------
    trainer : Trainer
    folder : str or Path, optional
    train : Images
    valid : Images, optional

    Raises
    ------
    ParameterError
        If patience has no validation part to look at.
    DataError
        If there are no images, or no place for checkpoints.
    """

    def __init__(self, trainer: "Trainer", folder: str | Path | None, train: Images, valid: Images | None) -> None:
        self.trainer, self.train, self.valid = trainer, train, valid
        for part, images in (("train on", train), ("validate on", valid)):
            if images is not None and not len(images):
                raise DataError(f"trainer: expected at least one image to {part}, got none")
        if trainer.config.patience and valid is None:
            raise ParameterError("trainer: expected a validation part to be patient with, got none")
        self.folder = None if folder is None else Path(folder)
        if folder is not None and trainer.engine.is_main_process:  # the others would find what it tries there
            check_checkpoints(folder)
        self.best_loss, self.waited = float("inf"), 0
        self._best: dict[str, Tensor] = {}
        self._optimizer: dict[str, Tensor] = {}
        self._kept_at = time.monotonic()

    def begin(self, plan: Plan | None) -> tuple[Plan, Place]:
        """Start, or take up what the folder has; without a plan, it must have something."""
        trainer = self.trainer
        self.training = _facts_of(trainer, self.train, self.valid)
        found = None if self.folder is None else read_checkpoint(self.folder)
        taken_up = None if found is None else self._taken_up(found, plan)
        if not trainer.engine.all_equal(-1 if taken_up is None else taken_up[0].steps_before(taken_up[1])):
            raise ResultError(f"{self.folder}: expected the same checkpoint for all processes, got others")
        if taken_up is not None:
            return taken_up
        if plan is None:
            raise ResultError(f"{self.folder}: expected a checkpoint to go on from, got none")
        trainer.task = trainer.task.fit(_targets_of(self.train), class_weight=trainer.config.class_weight)
        if self.valid is not None:  # what does not fit is found now, and not at the end of the first epoch
            trainer.task.fit(_targets_of(self.valid), class_weight=None)
        trainer.engine.broadcast_weights(trainer.network)
        trainer.normalization = normalization_of(self.train, center_below=trainer.config.center_below)
        if trainer.config.ema_decay:
            trainer.average = WeightAverage(trainer.network, trainer.config.ema_decay)
        trainer.history = []
        trainer.losses = torch.zeros(0)
        return plan, Place()

    def optimizer(self, phase: Phase) -> torch.optim.Optimizer:
        """Make the optimizer of a phase; where a checkpoint was in the middle of it, as it was."""
        groups = parameter_groups(
            self.trainer.network,
            rate=phase.rate,
            lr_mult=phase.lr_mult,
            weight_decay=self.trainer.config.weight_decay,
        )
        optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), fused=True)
        if self._optimizer:
            weights = [weight for group in optimizer.param_groups for weight in group["params"]]
            for name, value in self._optimizer.items():
                number, _, word = name.partition(".")
                weight = weights[int(number)]
                # in the order of axes that the weight has, without which the last bit differs
                own = torch.empty_like(weight) if value.shape == weight.shape else value.to(weight.device)
                optimizer.state[weight][word] = own.copy_(value)
            self._optimizer = {}
        return optimizer

    def judge(self) -> bool:
        """Note whether the last epoch is the best so far; tell whether patience is at its end."""
        trainer = self.trainer
        loss = trainer.history[-1].get("valid_loss")
        if loss is None:
            return False
        # epochs of the head are few and none is left out: were they the last, the body would never learn
        self.waited = self.waited + 1 if trainer.place.phase + 1 == len(trainer.plan.phases) else 0
        if loss < self.best_loss:
            self.best_loss, self.waited = loss, 0
            state = trainer.judged_network.state_dict()
            if trainer.config.patience:
                self._best = {name: value.detach().clone() for name, value in state.items()}
            # before the last is written: should this be the end, the epoch is run again and is the best again
            self._write("best", {_NETWORK + name: value for name, value in state.items()})
        return bool(trainer.config.patience) and self.waited >= trainer.config.patience

    def keep_from_time_to_time(self, optimizer: torch.optim.Optimizer) -> None:
        """Keep the training in the middle of an epoch, where the last time is long ago and its losses are numbers."""
        if self.folder is None or time.monotonic() - self._kept_at < self.trainer.checkpoint_every_s:
            return
        if bool(self.trainer.losses[: self.trainer.place.step].isfinite().all()):
            self.keep(optimizer)

    def keep(self, optimizer: torch.optim.Optimizer) -> None:
        """Write all that is needed to go on bit by bit."""
        trainer = self.trainer
        tensors = {_NETWORK + name: value for name, value in trainer.network.state_dict().items()}
        if trainer.average is not None:
            tensors |= {_AVERAGE + name: value for name, value in trainer.average.network.state_dict().items()}
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        for number, weight in enumerate(weights):
            for word, value in optimizer.state[weight].items():
                tensors[f"{_OPTIMIZER}{number}.{word}"] = value
        tensors |= {
            "losses": trainer.losses,
            "mean": trainer.normalization.mean,
            "deviation": trainer.normalization.deviation,
        }
        self._write("last", tensors)
        self._kept_at = time.monotonic()

    def interrupted(self, optimizer: torch.optim.Optimizer) -> KeyboardInterrupt:
        """Keep the training and give what is raised to end it."""
        self.keep(optimizer)
        done = self.trainer.progress
        return KeyboardInterrupt(
            f"stopped after {done.step} of {done.steps} steps; {self.folder} has all that is needed to go on"
        )

    def finish(self) -> None:
        """Leave the network as it is to be used: the best of all epochs, or the average, or the last."""
        trainer = self.trainer
        if self._best:
            trainer.network.load_state_dict(self._best)
        elif trainer.average is not None:
            trainer.network.load_state_dict(trainer.average.network.state_dict())
        trainer.average = None

    def _write(self, name: Literal["last", "best"], tensors: dict[str, Tensor]) -> None:
        trainer = self.trainer
        if self.folder is None or not trainer.engine.is_main_process:
            return
        facts = {
            "training": self.training,
            "task": task_spec(trainer.task),
            "unexplained": trainer.normalization.unexplained,
            "phases": [asdict(phase) for phase in trainer.plan.phases],
            "place": asdict(trainer.place),
            "rate": trainer.rate,
            "history": trainer.history,
            "best_loss": self.best_loss if np.isfinite(self.best_loss) else None,
            "waited": self.waited,
        }
        write_checkpoint(self.folder, name, tensors, facts)

    def _taken_up(self, found: Checkpoint, given: Plan | None) -> tuple[Plan, Place]:
        try:
            return self._take_up(found, given)
        except (LookupError, TypeError, AttributeError, RuntimeError) as error:  # whole, and of other fields
            said = " ".join(f"{type(error).__name__}: {error}".split())[:160]
            raise ResultError(f"{found.path}: expected a checkpoint of a training, got other fields: {said}") from error

    def _take_up(self, found: Checkpoint, given: Plan | None) -> tuple[Plan, Place]:
        """Bring the trainer to the state of a checkpoint, if it is one of this training."""
        trainer, facts, tensors = self.trainer, found.facts, found.tensors
        phases = tuple(Phase(**one) for one in facts["phases"])
        other = differences(facts["training"], self.training)
        other += differences(_shapes(_part(tensors, _NETWORK)), _shapes(trainer.network.state_dict()), "network")
        if given is not None:
            other += differences(list(map(astuple, phases)), list(map(astuple, given.phases)), "phases")
        if other:
            raise ResultError(
                f"{found.path}: expected a checkpoint of this training, got one of another: {', '.join(other[:3])}; "
                "remove it, or name another folder"
            )
        trainer.network.load_state_dict(_part(tensors, _NETWORK))
        if trainer.config.ema_decay:
            trainer.average = WeightAverage(trainer.network, trainer.config.ema_decay)
            trainer.average.network.load_state_dict(_part(tensors, _AVERAGE))
        mean, deviation = (tensors[name].to(trainer.device) for name in ("mean", "deviation"))
        trainer.normalization = Normalization(mean, deviation, facts["unexplained"])
        trainer.task = task_from_spec(facts["task"])
        trainer.losses, trainer.history = tensors["losses"].to(trainer.device), facts["history"]
        self.best_loss = float("inf") if facts["best_loss"] is None else facts["best_loss"]
        self.waited, trainer.rate = facts["waited"], facts["rate"]
        plan = Plan(phases, len(self.train), trainer.config.batch_size)
        place = Place(**facts["place"])
        if place.step or (place.epoch and place != plan.end):
            self._optimizer = _part(tensors, _OPTIMIZER)
        if trainer.config.patience and np.isfinite(self.best_loss):
            best = read_checkpoint(found.path.parent, "best")
            if best is None:
                raise ResultError(f"{found.path.parent}: expected best.safetensors next to {found.path.name}, got none")
            self._best = _part(best.tensors, _NETWORK)
        return plan, place


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _shapes(state: dict[str, Tensor]) -> dict[str, list[int]]:
    return {name: list(value.shape) for name, value in state.items()}


def _targets_of(images: Images) -> Tensor:
    return images.targets(np.arange(len(images))).cpu()


def _facts_of(trainer: "Trainer", train: Images, valid: Images | None) -> dict[str, Any]:
    """Tell by what one training is known from another: its hyperparameters, its start and its data."""
    return {
        "hyperparameters": asdict(trainer.config),
        "task": task_spec(trainer.given_task),
        "seed": trainer.seed,
        "weights": trainer.weights,
        **_facts_of_images(train),
        "validation": None if valid is None else _facts_of_images(valid),
    }


def _facts_of_images(images: Images) -> dict[str, Any]:
    look = images.batch(np.arange(min(len(images), 8))).double()
    return {
        "images": len(images),
        "shape": list(look.shape[1:]),
        "look": [round(float(look.mean()), 3), round(float(look.std()), 3)],
        "targets": hashlib.sha256(_targets_of(images).contiguous().numpy().tobytes()).hexdigest()[:16],
    }
