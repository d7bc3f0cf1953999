"""What a training tells while it runs: four events, and one kind of listener for all of them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from img_repr.training.trainer import Trainer

Event: TypeAlias = Literal["fit_start", "step_end", "epoch_end", "fit_end"]
Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Progress:
    """How far a training has come.

    Parameters
    ----------
    phase : str
        ``"head"`` while the body is frozen, else ``"all"``.
    epoch, epochs : int
        Number of the epoch in its phase, from 1, and how many the phase has.
    step, steps : int
        Steps done of the whole training, and how many it has.
    loss : float
        Mean over the last steps of the epoch, at most 20; nan where none was done.
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


class Listener(Protocol):
    """Is called with each event, and with the trainer whose ``progress`` and ``history`` it may read.

    ``fit_start`` before the first step, ``step_end`` after each, ``epoch_end`` when the row of an epoch stands at the
    end of ``history``, ``fit_end`` when all is done. ``progress`` costs nothing until it is asked for.
    """

    def __call__(self, event: Event, trainer: "Trainer") -> None:
        """Take notice."""
        ...
