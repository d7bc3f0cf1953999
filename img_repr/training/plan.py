"""The plan of a training: its phases, where it stands in them, and what decides whether two trainings are the same."""

import logging
import math
from dataclasses import dataclass
from typing import Any

from img_repr.training.config import TrainConfig

_log = logging.getLogger(__name__)
_FEW_STEPS = 100  # of all layers: fewer seldom leave a network that was worth training


@dataclass(frozen=True)
class Phase:
    """One learning-rate cycle.

    Parameters
    ----------
    name : {"head", "all"}
        The head alone, on a body that is frozen; or all layers.
    epochs : int
    rate : float
        Peak of the head's learning rate.
    lr_mult : float
        Share of that rate at which the first layers learn.
    """

    name: str
    epochs: int
    rate: float
    lr_mult: float = 1.0


@dataclass(frozen=True)
class Place:
    """How much is done: phases, epochs of the one at hand, steps of the epoch at hand."""

    phase: int = 0
    epoch: int = 0
    step: int = 0


@dataclass(frozen=True)
class Plan:
    """All phases of a training on ``count`` images in batches of at most ``batch_size``.

    Examples
    --------
    >>> from img_repr.training.plan import Phase, Place, Plan
    >>> plan = Plan((Phase("head", 1, 1e-3), Phase("all", 2, 1e-3, 0.3)), count=33, batch_size=16)
    >>> plan.per_epoch, plan.steps, plan.steps_before(Place(1, 1, 2))
    (3, 9, 8)
    """

    phases: tuple[Phase, ...]
    count: int
    batch_size: int

    @property
    def per_epoch(self) -> int:
        """Steps of an epoch."""
        return _per_epoch(self.count, self.batch_size)

    @property
    def steps(self) -> int:
        """Steps in all."""
        return self.per_epoch * sum(phase.epochs for phase in self.phases)

    @property
    def end(self) -> Place:
        """The place behind the last phase."""
        return Place(len(self.phases))

    def epochs_before(self, place: Place) -> int:
        """Count the epochs that are done, of all phases."""
        return sum(phase.epochs for phase in self.phases[: place.phase]) + place.epoch

    def steps_before(self, place: Place) -> int:
        """Count the steps that are done, of all phases."""
        return self.epochs_before(place) * self.per_epoch + place.step

    def after_epoch(self, place: Place) -> Place:
        """Give the place behind the epoch at hand."""
        over = place.epoch + 1 == self.phases[place.phase].epochs
        return Place(place.phase + 1) if over else Place(place.phase, place.epoch + 1)


def one_cycle_plan(count: int, config: TrainConfig, epochs: int | None = None) -> Plan:
    """All layers at one rate, from random weights; ``epochs`` of a call go before those of the configuration."""
    return Plan((Phase("all", _epochs(count, config, epochs), config.learning_rate),), count, config.batch_size)


def fine_tune_plan(count: int, config: TrainConfig, epochs: int | None = None) -> Plan:
    """First the new head, then all layers, the deeper the slower."""
    rate, head = config.fine_tune_rate, Phase("head", config.freeze_epochs, config.fine_tune_rate)
    whole = Phase("all", _epochs(count, config, epochs), rate, config.lr_mult)
    return Plan((head, whole) if config.freeze_epochs else (whole,), count, config.batch_size)


def note_a_short_schedule(plan: Plan) -> None:
    """Log a warning where a plan has so few steps that a network hardly learns."""
    epochs = plan.phases[-1].epochs
    steps = epochs * plan.per_epoch
    if steps < _FEW_STEPS:
        _log.warning(
            "trainer: %d epochs on %d samples are %d optimizer steps, and fewer than %d rarely train a network: raise "
            "epochs, or leave it out for at least 250 steps",
            epochs,
            plan.count,
            steps,
            _FEW_STEPS,
        )


def _epochs(count: int, config: TrainConfig, epochs: int | None) -> int:
    if epochs is not None:
        return TrainConfig(epochs=epochs).epochs  # checked as one of the configuration is
    return max(config.epochs, math.ceil(config.min_steps / _per_epoch(count, config.batch_size)))


def _per_epoch(count: int, batch_size: int) -> int:
    """Count the batches that ``batches`` cuts, without cutting them: this is asked at every step."""
    return max(1, math.ceil(count / batch_size))


def differences(stored: Any, own: Any, name: str = "") -> list[str]:
    """Name what differs between two trees of JSON values, with both values.

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
