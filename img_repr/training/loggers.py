"""Listeners that log trainings to TensorBoard and MLflow; of several processes, the first one logs.

Losses and rates of steps are named ``step/...``, fields of the history's rows ``epoch/...``; the x-axis of both is the
number of steps. Each network of a model has its own run, named by its seed.
"""

import logging
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from img_repr.core.errors import ParameterError
from img_repr.training.events import Event, TrainerView

_log = logging.getLogger(__name__)


class AbstractLog(ABC):
    """Base class of listeners that log numbers; subclasses write them.

    Parameters
    ----------
    package : str
        Package that must be installed.
    every : int
        Steps between two values of ``step/...``.

    Raises
    ------
    ParameterError
        If the package is not installed, or ``every`` is less than 1.
    """

    def __init__(self, package: str, *, every: int) -> None:
        if type(every) is not int or every < 1:
            raise ParameterError(f"log: expected every to be an integer of at least 1, got {every!r}")
        try:
            import_module(package)
        except ImportError as error:
            raise ParameterError(
                f"log: expected the package {package}, which comes with pip install 'img-repr[logging]', got: {error}"
            ) from None
        self.every = every
        self._steps = 0

    def __call__(self, event: Event, trainer: TrainerView) -> None:
        """Log an event."""
        if not trainer.engine.is_main_process:
            return
        if event == "fit_start":
            self._steps = 0
            self._open(trainer, {"seed": trainer.seed} | asdict(trainer.config))
        elif event == "step_end":
            self._steps += 1
            if self._steps % self.every == 0:  # reading the loss more often would make a GPU wait
                progress = trainer.progress
                self._write(progress.step, {"step/loss": progress.loss, "step/rate": progress.rate})
        elif event == "epoch_end":
            self._write_row(trainer, len(trainer.history) - 1)
        else:
            self._close()

    def _write_row(self, trainer: TrainerView, number: int) -> None:
        """Log one row of the history."""
        row = trainer.history[number]
        steps = sum(before["steps"] for before in trainer.history[: number + 1])
        self._write(steps, {f"epoch/{name}": value for name, value in row.items() if isinstance(value, (int, float))})

    @abstractmethod
    def _open(self, trainer: TrainerView, parameters: dict[str, Any]) -> None:
        """Start or continue a run."""

    @abstractmethod
    def _write(self, step: int, numbers: dict[str, float]) -> None:
        """Write numbers after a step."""

    @abstractmethod
    def _close(self) -> None:
        """End the run."""


class TensorBoardLog(AbstractLog):
    """Log to a folder that ``tensorboard --logdir`` shows.

    Parameters
    ----------
    folder : str or Path
        Each network writes to its own folder there, ``seed-0`` and so on. A resumed training replaces the values that
        the interrupted one wrote after the checkpoint.
    every : int
        Steps between two values of ``step/loss`` and ``step/rate``.

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

    def _open(self, trainer: TrainerView, parameters: dict[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter
        from torch.utils.tensorboard.summary import hparams

        folder = self.folder / f"seed-{trainer.seed}"
        self._writer = SummaryWriter(str(folder), purge_step=trainer.progress.step + 1)
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
    """Log to a tracking store of MLflow.

    Parameters
    ----------
    experiment : str
        Created if it does not exist.
    tracking_uri : str, optional
        Default: the setting of MLflow, for example ``MLFLOW_TRACKING_URI``. A server needs only the package
        ``mlflow-skinny``; ``sqlite:///FILE`` also needs sqlalchemy and alembic.
    every : int
        Steps between two values of ``step/loss`` and ``step/rate``.

    Raises
    ------
    ParameterError
        If the store cannot be used when a training starts. If it fails later, training continues with a warning.

    Examples
    --------
    >>> from img_repr.training.loggers import MLflowLog
    >>> log = MLflowLog(experiment="gunpoint", tracking_uri="http://localhost:5000")  # doctest: +SKIP
    """

    def __init__(self, *, experiment: str = "img_repr", tracking_uri: str | None = None, every: int = 20) -> None:
        super().__init__("mlflow", every=every)
        self.experiment, self.tracking_uri = experiment, tracking_uri

    def _open(self, trainer: TrainerView, parameters: dict[str, Any]) -> None:
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
            store = self.tracking_uri or "MLflow's default"
            raise ParameterError(f"log: expected a tracking store of MLflow at {store}, got: {error}") from error
        for number in range(len(trainer.history)):  # of a resumed training
            self._write_row(trainer, number)

    def _write(self, step: int, numbers: dict[str, float]) -> None:
        from mlflow.entities import Metric

        now_ms = int(time.time() * 1000)
        finite = {name: value for name, value in numbers.items() if math.isfinite(value)}
        with _failures_as_warnings():
            self._client.log_batch(self._run, [Metric(name, value, now_ms, step) for name, value in finite.items()])

    def _close(self) -> None:
        with _failures_as_warnings():
            self._client.set_terminated(self._run)


@contextmanager
def _failures_as_warnings() -> Iterator[None]:
    """Log errors of a server as warnings, so that training continues."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:
        _log.warning("MLflow could not be written to: %s", error)


def log_of(text: str) -> AbstractLog:
    """Return the logger of ``tensorboard:FOLDER``, ``mlflow`` or ``mlflow:TRACKING_URI``.

    Raises
    ------
    ParameterError
        If the text is another, or the package is not installed.
    """
    kind, _, target = text.partition(":")
    if kind == "tensorboard" and target:
        return TensorBoardLog(target)
    if kind == "mlflow":
        return MLflowLog(tracking_uri=target or None)
    raise ParameterError(f"log: expected tensorboard:FOLDER, mlflow or mlflow:TRACKING_URI, got {text!r}")
