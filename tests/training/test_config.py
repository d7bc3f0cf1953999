"""Hyperparameters: ranges, unknown names, defaults."""

from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import pytest

from img_repr.core.errors import ParameterError
from img_repr.training.config import TrainConfig

NAN, INF = float("nan"), float("inf")
WHOLE = "to be an integer of at least"
SHARE = [-0.1, 1, 1.5, NAN, "x", None, True]
REFUSED = {
    "backbone": ("to be a name", [None, 3, b"small"]),
    "weights": ("to be None, 'imagenet' or a path", [3, True, b"imagenet"]),
    "dropout": ("from 0 to below 1", SHARE),
    "epochs": (f"{WHOLE} 1", [0, -1, 2.5, 1e9, "3", True]),
    "min_steps": (f"{WHOLE} 0", [-1, 0.5]),
    "freeze_epochs": (f"{WHOLE} 0", [-1, 1.0]),
    "batch_size": (f"{WHOLE} 2", [1, 0, -4, 16.0]),
    "learning_rate": ("to be above 0", [0, -1e-3, NAN, INF, "x", None, True]),
    "fine_tune_rate": ("to be above 0", [0.0, -1, NAN, INF, [1e-3]]),
    "lr_mult": ("above 0 and up to 1", [0, -0.3, 1.1, NAN, "x"]),
    "pct_start": ("from 0 to below 1", SHARE),
    "weight_decay": ("to be at least 0", [-1e-9, NAN, INF, "x"]),
    "grad_accum_steps": (f"{WHOLE} 1", [0, 2.0]),
    "grad_clip": ("to be at least 0", [-1, NAN, INF, None]),
    "compile": ("to be true or false", ["yes", 1, None]),
    "augment": ("to be true or false", ["yes", 1, None]),
    "freeze_norm": ("to be true or false", ["yes", 1, None]),
    "center_below": ("from 0 to below 1", SHARE),
    "mixup": ("to be at least 0", [-0.2, NAN, INF, None]),
    "label_smoothing": ("from 0 to below 1", SHARE),
    "ema_decay": ("from 0 to below 1", SHARE),
    "class_weight": ("to be None or 'balanced'", ["yes", 1, True]),
    "patience": (f"{WHOLE} 0", [-1, 1.5]),
    "tta": (f"{WHOLE} 0", [-1, 1.5]),
    "validation_fraction": ("from 0 to below 1", SHARE),
    "n_members": (f"{WHOLE} 1", [0, 1.5]),
}
EDGES = {
    "dropout": [0, 0.999],
    "epochs": [1],
    "min_steps": [0],
    "freeze_epochs": [0],
    "freeze_norm": [False],
    "batch_size": [2],
    "learning_rate": [1e-12, 1],
    "fine_tune_rate": [np.float64(0.1)],
    "lr_mult": [1, 1e-6],
    "pct_start": [0],
    "weight_decay": [0],
    "grad_accum_steps": [1, 4],
    "grad_clip": [0, 1.0],
    "compile": [True],
    "augment": [False],
    "ema_decay": [0, 0.999],
    "class_weight": ["balanced"],
    "patience": [0, 5],
    "tta": [0, 8],
    "center_below": [0],
    "mixup": [0, 8],
    "label_smoothing": [0],
    "validation_fraction": [0],
    "n_members": [1, 9],
    "weights": [None, "imagenet"],
    "backbone": ["resnet18"],
}


def test_table_of_ranges_is_complete():
    hyperparameters = {hyperparameter.name for hyperparameter in fields(TrainConfig)}
    assert set(REFUSED) == hyperparameters
    assert set(EDGES) == hyperparameters


@pytest.mark.parametrize(
    ("hyperparameter", "value"),
    [(hyperparameter, value) for hyperparameter, (_, values) in REFUSED.items() for value in values],
)
def test_rejects_values_outside_the_range_in_one_sentence(hyperparameter, value):
    with pytest.raises(ParameterError) as refused:
        TrainConfig(**{hyperparameter: value})
    assert str(refused.value) == f"training: expected {hyperparameter} {REFUSED[hyperparameter][0]}, got {value!r}"


@pytest.mark.parametrize(
    ("hyperparameter", "value"),
    [(hyperparameter, value) for hyperparameter, values in EDGES.items() for value in values],
)
def test_accepts_the_ends_of_the_range(hyperparameter, value):
    assert getattr(TrainConfig(**{hyperparameter: value}), hyperparameter) == value


def test_error_for_unknown_hyperparameter_lists_the_known_ones():
    with pytest.raises(ParameterError) as refused:
        TrainConfig.of({"epochs": 3, "epoch": 4})
    said = str(refused.value)
    assert said.startswith("training: no hyperparameter is called 'epoch'; known: backbone, weights, ")
    assert all(hyperparameter.name in said for hyperparameter in fields(TrainConfig))


def test_of_reads_asdict():
    config = TrainConfig.of({"epochs": 3, "mixup": 0.0})
    assert TrainConfig.of(asdict(config)) == config
    assert (config.epochs, config.mixup, config.batch_size) == (3, 0.0, TrainConfig().batch_size)


def test_path_of_weights_becomes_text():
    assert TrainConfig.of({"weights": Path("mine") / "net.pth"}).weights == str(Path("mine") / "net.pth")


def test_defaults_of_the_published_results():
    config = TrainConfig()
    assert (config.backbone, config.weights, config.n_members, config.label_smoothing) == ("small", None, 1, 0.0)


@pytest.mark.parametrize(
    ("given", "epochs", "min_steps"),
    [({}, 30, 250), ({"epochs": 8}, 8, 0), ({"epochs": 5, "min_steps": 80}, 5, 80), ({"min_steps": 1}, 30, 1)],
)
def test_epochs_are_exact_without_min_steps(given, epochs, min_steps):
    for config in (TrainConfig(**given), TrainConfig.of(given), TrainConfig.of(asdict(TrainConfig(**given)))):
        assert (config.epochs, config.min_steps) == (epochs, min_steps)


@pytest.mark.parametrize(
    "hyperparameter", ["epochs", "min_steps", "batch_size", "n_members", "tta", "grad_accum_steps", "patience"]
)
def test_rejects_absurdly_large_values(hyperparameter):
    with pytest.raises(ParameterError, match=f"training: expected {hyperparameter} to be at most 1[0]+, got 10"):
        TrainConfig(**{hyperparameter: 10**12})


@pytest.mark.parametrize("value", [1e-9, 1e9])
def test_rejects_mixup_that_numpy_cannot_sample(value):
    with pytest.raises(ParameterError, match=r"expected mixup to be 0 or from 0\.001 to 1000"):
        TrainConfig(mixup=value)
