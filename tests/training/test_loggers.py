"""Loggers: TensorBoard and MLflow read all values that a training wrote."""

import signal
import sys
from pathlib import Path

import pytest
import torch

from img_repr.core.errors import ParameterError
from img_repr.training.engine import Engine
from img_repr.training.images import ReadyImages
from img_repr.training.loggers import MLflowLog, TensorBoardLog, log_of
from img_repr.training.trainer import Trainer

CPU = torch.device("cpu")
EPOCHS, PER_EPOCH = 3, 4


def network(*listeners, seed=0, **hyperparameters) -> Trainer:
    hyperparameters = {"epochs": EPOCHS, "min_steps": 0, "batch_size": 2, "mixup": 0.0} | hyperparameters
    return Trainer(classes=2, channels=1, device=CPU, seed=seed, listeners=listeners, **hyperparameters)


def noise(count: int) -> ReadyImages:
    return ReadyImages(torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(0)), [0, 1] * (count // 2))


def fit(trainer: Trainer, **where) -> Trainer:
    return trainer.fit(noise(2 * PER_EPOCH), noise(4), **where)


def stop_after(step: int):
    def listen(event, trainer):
        if event == "step_end" and trainer.progress.step == step:
            signal.raise_signal(signal.SIGINT)

    return listen


class Heard:
    """Steps of a training with their running losses and rates."""

    def __init__(self) -> None:
        self.steps: dict[int, tuple[float, float]] = {}

    def __call__(self, event, trainer) -> None:
        if event == "step_end":
            at = trainer.progress
            self.steps[at.step] = (at.loss, at.rate)


def numbers_of(row) -> dict[str, float]:
    return {f"epoch/{name}": value for name, value in row.items() if isinstance(value, (int, float))}


def read_tensorboard(folder: Path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    return accumulator.EventAccumulator(str(folder)).Reload()


def scalars(events, name: str) -> dict[int, float]:
    return {one.step: one.value for one in events.Scalars(name)}


def test_tensorboard_reads_all_values(tmp_path):
    heard = Heard()
    trainer = fit(network(TensorBoardLog(tmp_path, every=3), heard, seed=5, label_smoothing=0.1))
    assert [path.name for path in tmp_path.iterdir()] == ["seed-5"]
    events = read_tensorboard(tmp_path / "seed-5")
    for number, row in enumerate(trainer.history):
        for name, value in numbers_of(row).items():
            assert scalars(events, name)[PER_EPOCH * (number + 1)] == pytest.approx(value, rel=1e-6)
    assert set(events.Tags()["scalars"]) == {*numbers_of(trainer.history[0]), "step/loss", "step/rate"}
    assert {"epoch/valid_loss", "epoch/valid_accuracy"} < set(events.Tags()["scalars"])
    for place, name in enumerate(("step/loss", "step/rate")):
        found = scalars(events, name)
        assert list(found) == [3, 6, 9, 12]
        assert found == pytest.approx({step: heard.steps[step][place] for step in found}, rel=1e-6)


def test_tensorboard_has_the_hyperparameters(tmp_path):
    fit(network(TensorBoardLog(tmp_path), seed=5, label_smoothing=0.1, weights=None))
    plugin = pytest.importorskip("tensorboard.plugins.hparams.plugin_data_pb2")
    events = read_tensorboard(tmp_path / "seed-5")
    content = events.PluginTagToContent("hparams")["_hparams_/session_start_info"]
    known = plugin.HParamsPluginData.FromString(content).session_start_info.hparams
    assert known["seed"].number_value == 5
    assert known["label_smoothing"].number_value == 0.1
    assert known["backbone"].string_value == "small"
    assert known["weights"].string_value == "None"


def test_resumed_training_has_one_curve_in_tensorboard(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(network(TensorBoardLog(tmp_path / "log", every=1), stop_after(6)), checkpoints=tmp_path / "kept")
    (tmp_path / "kept" / "last.safetensors").unlink()  # as if it had been killed, and not stopped: back to step 4
    trainer = fit(network(TensorBoardLog(tmp_path / "log", every=1)), checkpoints=tmp_path / "kept")
    whole = fit(network(TensorBoardLog(tmp_path / "whole", every=1)))
    assert trainer.history[-1]["loss"] == whole.history[-1]["loss"]
    found, expected = (read_tensorboard(tmp_path / name / "seed-0") for name in ("log", "whole"))
    for name in ("step/loss", "step/rate", "epoch/loss", "epoch/valid_accuracy"):
        assert [(one.step, one.value) for one in found.Scalars(name)] == [
            (one.step, one.value) for one in expected.Scalars(name)
        ]


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Address of a new tracking store in one file, and a client that reads it."""
    mlflow = pytest.importorskip("mlflow", reason="no MLflow: pip install 'img-repr[logging]' sqlalchemy alembic")
    pytest.importorskip("sqlalchemy", reason="MLflow keeps runs in a file only with sqlalchemy and alembic")
    monkeypatch.chdir(tmp_path)
    address = f"sqlite:///{tmp_path / 'runs.db'}"
    return address, mlflow.MlflowClient(tracking_uri=address)


@pytest.mark.filterwarnings("ignore")  # of MLflow's own libraries
def test_mlflow_reads_all_values(store, tmp_path):
    address, client = store
    heard = Heard()
    log = MLflowLog(experiment="noise", tracking_uri=address, every=3)
    with pytest.raises(KeyboardInterrupt):
        fit(network(log, stop_after(6), seed=5), checkpoints=tmp_path / "kept")
    trainer = fit(network(log, heard, seed=5), checkpoints=tmp_path / "kept")
    (experiment,) = client.search_experiments(filter_string="name = 'noise'")
    run, first = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])
    assert (run.info.status, first.info.status) == ("FINISHED", "RUNNING")
    assert run.info.run_name == "seed-5"
    assert run.data.params["label_smoothing"] == "0.0"
    assert run.data.params["seed"] == "5"
    for number, row in enumerate(trainer.history):  # the first of them from the run that was stopped
        for name, value in numbers_of(row).items():
            found = {one.step: one.value for one in client.get_metric_history(run.info.run_id, name)}
            assert found[PER_EPOCH * (number + 1)] == value
    found = {one.step: one.value for one in client.get_metric_history(run.info.run_id, "step/loss")}
    assert found == {step: heard.steps[step][0] for step in (9, 12)}


@pytest.mark.filterwarnings("ignore")
def test_unusable_store_is_an_error_before_the_first_step(store, tmp_path):
    heard = Heard()
    with pytest.raises(ParameterError, match="log: expected a tracking store of MLflow at nothing://x, got: "):
        fit(network(MLflowLog(tracking_uri="nothing://x"), heard))
    assert heard.steps == {}


@pytest.mark.filterwarnings("ignore")
def test_store_that_fails_later_does_not_end_a_training(store, caplog):
    address, client = store

    def lose_the_run(event, trainer):
        if event == "fit_start":
            client.delete_run(log._run)

    log = MLflowLog(tracking_uri=address, every=1)
    trainer = fit(network(log, lose_the_run))
    assert len(trainer.history) == EPOCHS
    assert "MLflow could not be written to" in caplog.text


@pytest.mark.parametrize(("name", "text"), [("tensorboard", "tensorboard:folder"), ("mlflow", "mlflow")])
def test_error_for_missing_package_has_the_install_command(name, text, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)  # as Python marks what cannot be imported
    expected = rf"log: expected the package {name}, which comes with pip install 'img-repr\[logging\]'"
    with pytest.raises(ParameterError, match=expected):
        log_of(text)


@pytest.mark.parametrize("every", [0, -1, 2.0, True, "3"])
def test_rejects_invalid_steps_between_rows(every, tmp_path):
    with pytest.raises(ParameterError, match="log: expected every to be an integer of at least 1, got "):
        TensorBoardLog(tmp_path, every=every)


def test_log_of_parses_text(tmp_path):
    log = log_of(f"tensorboard:{tmp_path}")
    assert isinstance(log, TensorBoardLog)
    assert log.folder == tmp_path
    for text in ("tensorboard", "tensorboard:", "wandb", "", "tensorboards:x"):
        with pytest.raises(ParameterError, match="log: expected tensorboard:FOLDER, mlflow or mlflow:TRACKING_URI"):
            log_of(text)


def test_only_the_first_process_logs(tmp_path):
    trainer = network()
    trainer.engine = Engine(CPU, rank=1, world=2)
    log = TensorBoardLog(tmp_path)
    for event in ("fit_start", "step_end", "epoch_end", "fit_end"):
        log(event, trainer)
    assert list(tmp_path.iterdir()) == []
