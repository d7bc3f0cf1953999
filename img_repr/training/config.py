"""Every knob of the trainer, each with its default and its reason.

The defaults were chosen on data sets that no table of this project reports: see ``docs/defaults.md``.
"""

from dataclasses import dataclass, fields
from math import inf
from pathlib import Path
from typing import Any

from img_repr.core.errors import ParameterError

RANDOM = "random"  # weights, where a file must say what is None in Python


def own_name(backbone: object) -> str:
    """Name that stands for a user's own module among the knobs."""
    return f"own {type(backbone).__name__}"


@dataclass(frozen=True)
class TrainConfig:
    """How one network is trained.

    Examples
    --------
    >>> TrainConfig(epochs=5).epochs
    5
    >>> TrainConfig(epochs=0)
    Traceback (most recent call last):
    ...
    img_repr.core.errors.ParameterError: training: expected epochs to be a whole number of at least 1, got 0
    """

    # the network
    backbone: str = "small"  # runs in seconds on two cores; "resnet18" and the like where there is a GPU
    weights: str | None = None  # None: random; "imagenet": torchvision's; or a path to a .safetensors or .pth file
    dropout: float = 0.25  # of the head's inputs; bodies are small enough without

    # how long
    epochs: int = 30  # passes over the training part, all layers learning
    min_steps: int = 250  # optimiser steps at the least: 30 passes over 23 series are too few
    freeze_epochs: int = 1  # passes with the body frozen, where its weights are pretrained

    # how fast
    batch_size: int = 16  # small sets want many noisy steps
    learning_rate: float = 3e-3  # peak of the one cycle with random weights
    fine_tune_rate: float = 1e-3  # peak for the head with pretrained weights; deeper groups get less
    depth_share: float = 0.01  # of the head's rate, for the first layers; those between lie evenly (fastai: 1/100)
    warm_share: float = 0.25  # of the cycle spent rising
    weight_decay: float = 0.05  # decoupled; not on normalisation and biases
    accumulate: int = 1  # pieces that a batch is worked at in, where it does not fit the device
    clip: float = 0.0  # largest norm of all gradients together; 0 is off
    compile: bool = False  # torch.compile of the network; never pays on a CPU (measured: no gain for two minutes)

    # against overfitting
    augment: bool = True  # draw each training sample anew in its own domain (a series is warped, not its picture)
    centre_below: float = 0.05  # where the mean image leaves less of the variance: subtract it, and draw nothing
    mixup: float = 0.2  # Beta parameter; 0 is off
    label_smoothing: float = 0.0  # blurs calibration; off
    average: float = 0.0  # decay of a moving average of the weights, which is then used; 0 is off
    balanced: bool = False  # rare classes, or labels, weigh more in the loss

    # choices made without the test part
    validation_share: float = 0.2  # of the training part, cut as the test part was
    patience: int = 0  # epochs (not the head's) without a better validation loss before the best weights are taken
    members: int = 1  # networks that differ in seed and validation part; their probabilities are averaged
    views: int = 0  # a prediction is the mean over the sample and so many draws of it, as training draws them

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        at_least = {"epochs": 1, "min_steps": 0, "freeze_epochs": 0, "batch_size": 2, "members": 1}
        at_least |= {"accumulate": 1, "patience": 0, "views": 0}
        for name, low in at_least.items():
            value = getattr(self, name)
            self._check(name, f"to be a whole number of at least {low}", type(value) is int and value >= low)
        for name in ("learning_rate", "fine_tune_rate"):
            self._check(name, "to be above 0", self._is_number(name) and 0 < getattr(self, name) < inf)
        for name in ("weight_decay", "mixup", "clip"):
            self._check(name, "to be at least 0", self._is_number(name) and 0 <= getattr(self, name) < inf)
        for name in ("dropout", "warm_share", "label_smoothing", "validation_share", "centre_below", "average"):
            self._check(name, "from 0 to below 1", self._is_number(name) and 0 <= getattr(self, name) < 1)
        self._check("depth_share", "above 0 and up to 1", self._is_number("depth_share") and 0 < self.depth_share <= 1)
        for name in ("augment", "balanced", "compile"):
            self._check(name, "to be true or false", isinstance(getattr(self, name), bool))
        self._check("backbone", "to be a name", isinstance(self.backbone, str))
        self._check("weights", "to be None, 'imagenet' or a path", isinstance(self.weights, str | None))

    def _is_number(self, name: str) -> bool:
        return isinstance(getattr(self, name), int | float) and not isinstance(getattr(self, name), bool)

    def _check(self, name: str, expected: str, holds: bool) -> None:
        if not holds:
            raise ParameterError(f"training: expected {name} {expected}, got {getattr(self, name)!r}")

    @classmethod
    def of(cls, values: dict[str, Any]) -> "TrainConfig":
        """Read knobs by name; one that does not exist is an error that names the others."""
        known = [knob.name for knob in fields(cls)]
        for name in values:
            if name not in known:
                raise ParameterError(f"training: no knob is called {name!r}; known: {', '.join(known)}")
        plain: dict[str, Any] = {name: str(one) if isinstance(one, Path) else one for name, one in values.items()}
        if plain.get("weights") == RANDOM:
            plain["weights"] = None
        return cls(**plain)
