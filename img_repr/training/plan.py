"""The plan of a training: its phases, the position in them, and the comparison of two trainings."""

import logging
import math
from dataclasses import dataclass
from typing import Any

from img_repr.training.config import TrainConfig

_log = logging.getLogger(__name__)
_FEW_STEPS = 100  # of all layers; fewer rarely train a network


@dataclass(frozen=True)
class Phase:
    """One learning-rate cycle.

    Parameters
    ----------
    name : {"head", "all"}
        The head alone on a frozen body, or all layers.
    epochs : int
    rate : float
        Peak learning rate of the head.
    lr_mult : float
        Fraction of that rate for the first layers.
    freeze_norm : bool
        Whether batch normalization keeps the statistics that the body's weights were trained with.
    is_fit : bool
        Whether the head is fitted to convergence instead of trained by steps; the phase has no optimizer steps then.
    """

    name: str
    epochs: int
    rate: float
    lr_mult: float = 1.0
    freeze_norm: bool = False
    is_fit: bool = False


@dataclass(frozen=True)
class Position:
    """Phases done, epochs done of the current phase, steps done of the current epoch."""

    phase: int = 0
    epoch: int = 0
    step: int = 0


@dataclass(frozen=True)
class Plan:
    """All phases of a training on ``count`` images in batches of at most ``batch_size``.

    Examples
    --------
    >>> from img_repr.training.plan import Phase, Plan, Position
    >>> plan = Plan((Phase("head", 1, 1e-3), Phase("all", 2, 1e-3, 0.3)), count=33, batch_size=16)
    >>> plan.per_epoch, plan.steps, plan.steps_before(Position(1, 1, 2))
    (3, 9, 8)
    """

    phases: tuple[Phase, ...]
    count: int
    batch_size: int

    @property
    def keeps_best(self) -> bool:
        """Whether the result is the best epoch by validation loss: if the head comes first, which is one of them."""
        return len(self.phases) > 1

    @property
    def per_epoch(self) -> int:
        """Steps of an epoch."""
        return _per_epoch(self.count, self.batch_size)

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.per_epoch * _epochs_of_steps(self.phases)

    @property
    def end(self) -> Position:
        """Position after the last phase."""
        return Position(len(self.phases))

    def epochs_before(self, position: Position) -> int:
        """Return the number of epochs done, of all phases."""
        return sum(phase.epochs for phase in self.phases[: position.phase]) + position.epoch

    def steps_before(self, position: Position) -> int:
        """Return the number of steps done, of all phases."""
        epochs = _epochs_of_steps(self.phases[: position.phase]) + position.epoch
        return epochs * self.per_epoch + position.step

    def after_epoch(self, position: Position) -> Position:
        """Return the position after the current epoch."""
        is_last = position.epoch + 1 == self.phases[position.phase].epochs
        return Position(position.phase + 1) if is_last else Position(position.phase, position.epoch + 1)


def one_cycle_plan(count: int, config: TrainConfig, epochs: int | None = None) -> Plan:
    """Return a plan that trains all layers at one rate; ``epochs`` overrides the configuration."""
    return Plan((Phase("all", _epochs(count, config, epochs), config.learning_rate),), count, config.batch_size)


def fine_tune_plan(count: int, config: TrainConfig, epochs: int | None = None, *, fits_head: bool = False) -> Plan:
    """Return a plan that trains, or fits, the new head first, then all layers, lower layers at lower rates."""
    rate = config.fine_tune_rate
    head = Phase("head", 1 if fits_head else config.freeze_epochs, rate, is_fit=fits_head)
    whole = Phase("all", _epochs(count, config, epochs), rate, config.lr_mult, config.freeze_norm)
    return Plan((head, whole) if config.freeze_epochs else (whole,), count, config.batch_size)


def warn_about_few_steps(plan: Plan) -> None:
    """Log a warning if a plan has too few steps to train a network."""
    epochs = plan.phases[-1].epochs
    steps = epochs * plan.per_epoch
    if steps < _FEW_STEPS:
        _log.warning(
            "trainer: %d epochs on %d samples are %d optimizer steps, and fewer than %d rarely train a network: raise "
            "epochs, or omit it for at least 250 steps",
            epochs,
            plan.count,
            steps,
            _FEW_STEPS,
        )


def _epochs(count: int, config: TrainConfig, epochs: int | None) -> int:
    if epochs is not None:
        return TrainConfig(epochs=epochs).epochs  # checks its range
    return max(config.epochs, math.ceil(config.min_steps / _per_epoch(count, config.batch_size)))


def _epochs_of_steps(phases: tuple[Phase, ...]) -> int:
    return sum(phase.epochs for phase in phases if not phase.is_fit)


def _per_epoch(count: int, batch_size: int) -> int:
    """Return the number of batches of an epoch without cutting them, because it is needed at every step."""
    return max(1, math.ceil(count / batch_size))


def differences(stored: Any, own: Any, name: str = "") -> list[str]:
    """Return the names of fields that differ between two trees of JSON values, with both values.

    Examples
    --------
    >>> from img_repr.training.plan import differences
    >>> differences({"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": 3}})
    ['b.c (2, here 3)']
    """
    if isinstance(stored, dict) and isinstance(own, dict):
        found = []
        for word in sorted(stored.keys() | own.keys()):
            found += differences(stored.get(word), own.get(word), f"{name}.{word}".strip("."))
        return found
    return [] if stored == own else [f"{name} ({stored!r:.40}, here {own!r:.40})"]
