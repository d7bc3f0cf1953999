"""What a training writes into TensorBoard and MLflow, where they are installed; of several processes the first writes.

Losses and rates of single steps are named ``step/...``, fields of the history's rows ``epoch/...``; both lie over the
steps done. Every network of a model has a run of its own, called after its seed.
"""

import logging
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from img_repr.core.errors import ParameterError
from img_repr.training.events import Event

if TYPE_CHECKING:
    from img_repr.training.trainer import Trainer

_log = logging.getLogger(__name__)


class AbstractLog(ABC):
    """Follow trainings and write rows of numbers; how they are written is said by those that inherit.

    Parameters
    ----------
    package : str
        Module without which there is nothing to write with.
    every : int
        Steps between two rows of ``step/...``.

    Raises
    ------
    ParameterError
        If the package is not there, or ``every`` is less than 1.
    """

    def __init__(self, package: str, *, every: int) -> None:
        if type(every) is not int or every < 1:
            raise ParameterError(f"log: expected every to be a whole number of at least 1, got {every!r}")
        try:
            import_module(package)
        except ImportError as error:
            raise ParameterError(
                f"log: expected the package {package}, which comes with pip install 'img-repr[logging]', got: {error}"
            ) from None
        self.every = every
        self._steps = 0

    def __call__(self, event: Event, trainer: "Trainer") -> None:
        """Write what an event tells."""
        if not trainer.engine.is_main_process:
            return
        if event == "fit_start":
            self._steps = 0
            known = {
                hyperparameter.name: getattr(trainer.config, hyperparameter.name)
                for hyperparameter in fields(trainer.config)
            }
            self._open(trainer, {"seed": trainer.seed} | known)
        elif event == "step_end":
            self._steps += 1
            if self._steps % self.every == 0:  # asking more often would make a GPU wait
                at = trainer.progress
                self._write(at.step, {"step/loss": at.loss, "step/rate": at.rate})
        elif event == "epoch_end":
            self._write_row(trainer, len(trainer.history) - 1)
        else:
            self._close()

    def _write_row(self, trainer: "Trainer", number: int) -> None:
        """Write the numbers of one row of the history."""
        row = trainer.history[number]
        steps = sum(before["steps"] for before in trainer.history[: number + 1])
        self._write(steps, {f"epoch/{name}": value for name, value in row.items() if isinstance(value, (int, float))})

    @abstractmethod
    def _open(self, trainer: "Trainer", parameters: dict[str, Any]) -> None:
        """Begin a run, or go on with one."""

    @abstractmethod
    def _write(self, step: int, numbers: dict[str, float]) -> None:
        """Write numbers that hold after a step."""

    @abstractmethod
    def _close(self) -> None:
        """End the run."""


class TensorBoardLog(AbstractLog):
    """Write a folder that ``tensorboard --logdir`` shows.

    Parameters
    ----------
    folder : str or Path
        Gets a folder per network, ``seed-0`` and so on. A training that goes on from a checkpoint takes the place of
        what an interrupted one wrote after it.
    every : int
        Steps between two rows of ``step/loss`` and ``step/rate``.

    Examples
    --------
    >>> import tempfile
    >>> import torch
    >>> from img_repr.training.images import ReadyImages
    >>> from img_repr.training.loggers import TensorBoardLog
    >>> from img_repr.training.trainer import Trainer
    >>> toy = ReadyImages(torch.rand(8, 1, 16, 16), [0, 1] * 4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = TensorBoardLog(folder)
    ...     trainer = Trainer(classes=2, channels=1, epochs=1, min_steps=0, listeners=(log,)).fit(toy)
    ...     [path.name for path in Path(folder).iterdir()]
    ['seed-0']
    """

    def __init__(self, folder: str | Path, *, every: int = 20) -> None:
        super().__init__("tensorboard", every=every)
        self.folder = Path(folder)

    def _open(self, trainer: "Trainer", parameters: dict[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter
        from torch.utils.tensorboard.summary import hparams

        place = self.folder / f"seed-{trainer.seed}"
        self._writer = SummaryWriter(str(place), purge_step=trainer.progress.step + 1)
        values = {name: value if isinstance(value, (int, float)) else str(value) for name, value in parameters.items()}
        for summary in hparams(values, {"epoch/loss": 0.0, "epoch/valid_loss": 0.0}):  # type: ignore[no-untyped-call]
            self._writer.file_writer.add_summary(summary)  # type: ignore[attr-defined]

    def _write(self, step: int, numbers: dict[str, float]) -> None:
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def _close(self) -> None:
        self._writer.close()


class MLflowLog(AbstractLog):
    """Write runs into a tracking store of MLflow.

    Parameters
    ----------
    experiment : str
        Is made where it does not exist.
    tracking_uri : str, optional
        Default: what MLflow is set to, by ``MLFLOW_TRACKING_URI`` for example. A server is reached with the package
        ``mlflow-skinny`` alone; ``sqlite:///FILE`` needs sqlalchemy and alembic next to it.
    every : int
        Steps between two rows of ``step/loss`` and ``step/rate``.

    Raises
    ------
    ParameterError
        When a training begins and the store cannot be used. One that fails later is warned of: the training goes on.

    Examples
    --------
    >>> from img_repr.training.loggers import MLflowLog
    >>> log = MLflowLog(experiment="gunpoint", tracking_uri="http://localhost:5000")  # doctest: +SKIP
    """

    def __init__(self, *, experiment: str = "img_repr", tracking_uri: str | None = None, every: int = 20) -> None:
        super().__init__("mlflow", every=every)
        self.experiment, self.tracking_uri = experiment, tracking_uri

    def _open(self, trainer: "Trainer", parameters: dict[str, Any]) -> None:
        from mlflow import MlflowClient
        from mlflow.entities import Param
        from mlflow.exceptions import MlflowException

        try:
            self._client = MlflowClient(tracking_uri=self.tracking_uri)
            found = self._client.get_experiment_by_name(self.experiment)
            experiment = found.experiment_id if found else self._client.create_experiment(self.experiment)
            self._run = self._client.create_run(experiment, run_name=f"seed-{trainer.seed}").info.run_id
            self._client.log_batch(self._run, params=[Param(name, str(value)) for name, value in parameters.items()])
        except (MlflowException, OSError) as error:
            place = self.tracking_uri or "MLflow's own place"
            raise ParameterError(f"log: expected a tracking store of MLflow at {place}, got: {error}") from error
        for number in range(len(trainer.history)):  # of what a training goes on from
            self._write_row(trainer, number)

    def _write(self, step: int, numbers: dict[str, float]) -> None:
        from mlflow.entities import Metric

        now_ms = int(time.time() * 1000)
        known = {name: value for name, value in numbers.items() if math.isfinite(value)}
        with _failures_as_warnings():
            self._client.log_batch(self._run, [Metric(name, value, now_ms, step) for name, value in known.items()])

    def _close(self) -> None:
        with _failures_as_warnings():
            self._client.set_terminated(self._run)


@contextmanager
def _failures_as_warnings() -> Iterator[None]:
    """Let a training go on when a server does not answer: what it learned is worth more than a curve."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:
        _log.warning("MLflow could not be written to: %s", error)


def log_of(text: str) -> AbstractLog:
    """Read ``tensorboard:FOLDER``, ``mlflow`` or ``mlflow:TRACKING_URI``.

    Raises
    ------
    ParameterError
        If it is none of them, or the package is not there.
    """
    kind, _, place = text.partition(":")
    if kind == "tensorboard" and place:
        return TensorBoardLog(place)
    if kind == "mlflow":
        return MLflowLog(tracking_uri=place or None)
    raise ParameterError(f"log: expected tensorboard:FOLDER, mlflow or mlflow:TRACKING_URI, got {text!r}")
