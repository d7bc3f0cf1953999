"""Hyperparameters of the trainer, with their defaults and the reasons for them.

``docs/defaults.md`` has the comparisons by which the defaults were chosen.
"""

from dataclasses import dataclass, fields
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.core.errors import ParameterError
from img_repr.core.numbers import is_number

RANDOM = "random"  # weights=None in files; also marks the weights of a module as not pretrained
EPOCHS, MIN_STEPS = 30, 250  # if neither is set
MAX_SEEDS = 2**63  # of torch's generators
_RESOLVED: Any = None  # a default that TrainConfig computes

# name: (smallest, largest); the largest are far beyond use, against typing errors that would run for years
_WHOLE = {
    "epochs": (1, 1_000_000),
    "min_steps": (0, 1_000_000_000),
    "freeze_epochs": (0, 1_000_000),
    "batch_size": (2, 1_000_000),
    "grad_accum_steps": (1, 1_000_000),
    "patience": (0, 1_000_000),
    "n_members": (1, 1_000),
    "tta": (0, 1_000),
}


def module_name(backbone: object) -> str:
    """Return the name of a user's module among the hyperparameters."""
    return f"own {type(backbone).__name__}"


@dataclass(frozen=True)
class TrainConfig:
    """Hyperparameters of one network.

    ``epochs`` is the exact number of epochs, unless ``min_steps`` is also set and requires more. If neither is set,
    training takes 30 epochs and at least 250 steps.

    Examples
    --------
    >>> default, epochs, both = TrainConfig(), TrainConfig(epochs=5), TrainConfig(epochs=5, min_steps=80)
    >>> (default.epochs, default.min_steps), (epochs.epochs, epochs.min_steps), (both.epochs, both.min_steps)
    ((30, 250), (5, 0), (5, 80))
    >>> TrainConfig(epochs=0)
    Traceback (most recent call last):
    ...
    img_repr.core.errors.ParameterError: training: expected epochs to be an integer of at least 1, got 0
    """

    # the network
    backbone: str = "small"  # trains in seconds on two cores; with a GPU "resnet18" and the like
    weights: str | None = None  # None: random; "imagenet": torchvision's; or a path to a .safetensors or .pth file
    dropout: float = 0.25  # of the head's inputs; bodies are small and need none

    # how long
    epochs: int = _RESOLVED  # passes over the training part with all layers; 30
    # at least so many optimizer steps; 250 (30 passes over 23 series are too few), 0 if epochs is set
    min_steps: int = _RESOLVED
    freeze_epochs: int = 1  # of the head on a frozen body, for pretrained weights; a linear one is fitted exactly
    freeze_norm: bool = True  # fine-tuning keeps batch normalization's statistics; new ones cost up to 20 points

    # how fast
    batch_size: int = 16  # small data sets need many noisy steps
    learning_rate: float = 3e-3  # peak of the one cycle with random weights
    fine_tune_rate: float = 1e-3  # peak of the head with pretrained weights; lower layers have less
    lr_mult: float = 0.1  # factor of the first layers' rate; between them and the head evenly in logarithms
    pct_start: float = 0.25  # fraction of the cycle with a rising rate
    weight_decay: float = 0.05  # decoupled; not on normalization and biases
    grad_accum_steps: int = 1  # pieces of a batch that does not fit into memory
    grad_clip: float = 0.0  # largest norm of all gradients; 0 is off
    compile: bool = False  # torch.compile; no gain on a CPU (measured, after two minutes of compiling)

    # against overfitting
    augment: bool = True  # random augmentation of each training sample in its domain (of a series, not of its image)
    center_below: float = 0.05  # subtract the mean image, without augmentation, if it leaves less of the variance
    mixup: float = 0.2  # Beta parameter; 0 is off
    label_smoothing: float = 0.0  # off, because it spoils calibration
    ema_decay: float = 0.0  # decay of the moving average of the weights, which is the result; 0 is off
    class_weight: str | None = None  # "balanced": rare classes or labels weigh more in the loss

    # choices made without the test part
    validation_fraction: float = 0.2  # of the training part, split as the test part was
    patience: int = 0  # stop after so many epochs (not the head's) without a lower validation loss; 0 is off
    n_members: int = 1  # networks with different seeds and validation parts; their probabilities are averaged
    tta: int = 0  # random augmentations of a sample whose predictions are averaged with its own

    def __post_init__(self) -> None:
        """Set the number of steps, and refuse values outside their range."""
        values = vars(self)
        if values["min_steps"] is None:
            object.__setattr__(self, "min_steps", MIN_STEPS if values["epochs"] is None else 0)
        if values["epochs"] is None:
            object.__setattr__(self, "epochs", EPOCHS)
        for name, (low, high) in _WHOLE.items():
            value = getattr(self, name)
            whole = type(value) is int and value >= low
            self._check(name, f"to be an integer of at least {low}", whole)
            self._check(name, f"to be at most {high}", value <= high)
        for name in ("learning_rate", "fine_tune_rate"):
            self._check(name, "to be above 0", self._is_number(name) and 0 < getattr(self, name) < inf)
        for name in ("weight_decay", "mixup", "grad_clip"):
            self._check(name, "to be at least 0", self._is_number(name) and 0 <= getattr(self, name) < inf)
        self._check("mixup", "to be 0 or from 0.001 to 1000", self.mixup == 0 or 1e-3 <= self.mixup <= 1e3)
        for name in ("dropout", "pct_start", "label_smoothing", "validation_fraction", "center_below", "ema_decay"):
            self._check(name, "from 0 to below 1", self._is_number(name) and 0 <= getattr(self, name) < 1)
        self._check("lr_mult", "above 0 and up to 1", self._is_number("lr_mult") and 0 < self.lr_mult <= 1)
        for name in ("augment", "compile", "freeze_norm"):
            self._check(name, "to be true or false", isinstance(getattr(self, name), bool))
        self._check("class_weight", "to be None or 'balanced'", self.class_weight in (None, "balanced"))
        self._check("backbone", "to be a name", isinstance(self.backbone, str))
        self._check("weights", "to be None, 'imagenet' or a path", isinstance(self.weights, str | None))

    def _is_number(self, name: str) -> bool:
        return is_number(getattr(self, name))

    def _check(self, name: str, expected: str, holds: bool) -> None:
        if not holds:
            raise ParameterError(f"training: expected {name} {expected}, got {getattr(self, name)!r:.60}")

    @classmethod
    def of(cls, values: dict[str, Any]) -> "TrainConfig":
        """Return the configuration of hyperparameters by name; the error for an unknown name lists the known ones."""
        known = [hyperparameter.name for hyperparameter in fields(cls)]
        for name in values:
            if name not in known:
                raise ParameterError(f"training: no hyperparameter is called {name!r}; known: {', '.join(known)}")
        plain = {name: _plain(value) for name, value in values.items()}
        if plain.get("weights") == RANDOM:
            plain["weights"] = None
        return cls(**plain)


def _plain(value: Any) -> Any:
    """Return paths as text and numpy's numbers as Python's."""
    if isinstance(value, Path):
        return str(value)
    return value.item() if isinstance(value, np.generic) else value
