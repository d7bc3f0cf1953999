"""Events of a training, and what listeners may read of a trainer."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from img_repr.training.config import TrainConfig
from img_repr.training.engine import Engine
from img_repr.training.network import Network

Event: TypeAlias = Literal["fit_start", "step_end", "epoch_end", "fit_end"]
Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Progress:
    """Progress of a training.

    Parameters
    ----------
    phase : str
        ``"head"`` while the body is frozen, else ``"all"``.
    epoch, epochs : int
        Number of the epoch in its phase, from 1, and epochs of the phase.
    step, steps : int
        Steps done, and steps of the whole training.
    loss : float
        Mean over the last steps of the epoch, at most 20; nan before the first step.
    rate : float
        Learning rate of the head's group.
    """

    phase: str
    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    rate: float


class TrainerView(Protocol):
    """The part of :class:`img_repr.training.trainer.Trainer` that listeners read."""

    @property
    def seed(self) -> int:
        """Seed of the training."""
        ...

    @property
    def config(self) -> TrainConfig:
        """Hyperparameters."""
        ...

    @property
    def engine(self) -> Engine:
        """Device and processes."""
        ...

    @property
    def network(self) -> Network:
        """Network being trained."""
        ...

    @property
    def history(self) -> list[Row]:
        """One row per finished epoch."""
        ...

    @property
    def progress(self) -> Progress:
        """Progress of the training; computed at each access, which makes a GPU wait."""
        ...


class Listener(Protocol):
    """Called with each event and the trainer.

    ``fit_start`` comes before the first step, ``step_end`` after each step, ``epoch_end`` after the row of an epoch was
    appended to ``history``, ``fit_end`` at the end.
    """

    def __call__(self, event: Event, trainer: TrainerView) -> None:
        """Handle an event."""
        ...
