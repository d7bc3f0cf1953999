"""Tasks of the trainer: classification, multi-label classification and regression, each with its loss and metric."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from img_repr.core.errors import DataError, NotFittedError, ParameterError, ResultError
from img_repr.core.numbers import is_integer, is_number

_MAX_OUTPUTS = 1_000_000
_MAX_WEIGHT = 100.0  # of a class or label, however rare


class Task(Protocol):
    """Targets, loss, predictions and metric of a training."""

    metric: ClassVar[str]
    """Name of the metric of ``evaluate``; rows of the history call it ``valid_<metric>``."""

    @property
    def count(self) -> int:
        """Outputs per image."""
        ...

    def fit(self, targets: Tensor, *, class_weight: str | None) -> "Task":
        """Check the training targets, and return a task with class weights or scales fitted to them."""
        ...

    def soft_targets(self, targets: Tensor) -> Tensor:
        """Return targets as floats ``(B, count)``, of which mixup may take convex sums."""
        ...

    def loss(self, logits: Tensor, targets: Tensor, *, count: int, smoothing: float = 0.0) -> Tensor:
        """Return the sum of the losses divided by ``count``, so that pieces of a batch add up to its mean.

        ``targets`` are soft targets.
        """
        ...

    def predictions(self, logits: Tensor, temperature: float = 1.0) -> Tensor:
        """Return probabilities, or numbers in their units, of logits ``(N, count)``."""
        ...

    def evaluate(self, logits: Tensor, targets: Tensor) -> float:
        """Return the metric; higher is better."""
        ...


@dataclass(frozen=True)
class Classification:
    """Each image has one of ``count`` classes; two are the binary case.

    Parameters
    ----------
    count : int
        K; targets are int64 ``(N,)`` from 0 to K - 1.
    weights : tuple of float
        Weight of each class in the loss; empty if all weigh the same. Set by ``fit``.

    Examples
    --------
    >>> import torch
    >>> from img_repr.training.task import Classification
    >>> Classification(2).fit(torch.tensor([0, 0, 0, 1]), class_weight="balanced").weights
    (0.6666666666666666, 2.0)
    """

    count: int
    weights: tuple[float, ...] = ()

    metric: ClassVar[str] = "accuracy"

    def __post_init__(self) -> None:
        """Check the count."""
        _check_count(self.count)

    def fit(self, targets: Tensor, *, class_weight: str | None) -> "Classification":
        """Return a task that weighs rare classes more; the mean weight over the samples is 1."""
        if targets.ndim != 1 or targets.is_floating_point() or not _within(targets, self.count):
            raise _refused(f"integers (N,) from 0 to {self.count - 1} for {self.count} classes", targets)
        if class_weight is None:
            return self
        counts = targets.bincount(minlength=self.count).clamp_min(1).double()
        weights = (len(targets) / (self.count * counts)).clamp_max(_MAX_WEIGHT)
        return Classification(self.count, tuple(weights.tolist()))

    def soft_targets(self, targets: Tensor) -> Tensor:
        """Return one-hot rows."""
        return nn.functional.one_hot(targets, self.count).float()

    def loss(self, logits: Tensor, targets: Tensor, *, count: int, smoothing: float = 0.0) -> Tensor:
        """Return the cross-entropy."""
        if not self.weights:
            return nn.functional.cross_entropy(logits, targets, label_smoothing=smoothing, reduction="sum") / count
        losses = nn.functional.cross_entropy(logits, targets, label_smoothing=smoothing, reduction="none")
        return losses @ (targets @ targets.new_tensor(self.weights)) / count

    def predictions(self, logits: Tensor, temperature: float = 1.0) -> Tensor:
        """Return probabilities; rows sum to one."""
        return (logits / temperature).softmax(dim=1)

    def evaluate(self, logits: Tensor, targets: Tensor) -> float:
        """Return the accuracy."""
        return float((logits.argmax(dim=1) == targets).double().mean())


@dataclass(frozen=True)
class MultiLabel:
    """Each image has any of ``count`` labels, or none.

    Parameters
    ----------
    count : int
        K; targets are 0 or 1, ``(N, K)``.
    weights : tuple of float
        Weight of each label where it is 1, relative to where it is 0; empty for 1. Set by ``fit``.
    """

    count: int
    weights: tuple[float, ...] = ()

    metric: ClassVar[str] = "average_precision"

    def __post_init__(self) -> None:
        """Check the count."""
        _check_count(self.count)

    def fit(self, targets: Tensor, *, class_weight: str | None) -> "MultiLabel":
        """Return a task that weighs rare labels more."""
        if targets.ndim != 2 or targets.shape[1] != self.count or not bool(((targets == 0) | (targets == 1)).all()):
            raise _refused(f"zeros and ones (N, {self.count}) for {self.count} labels", targets)
        if class_weight is None:
            return self
        positive = targets.float().sum(dim=0).clamp_min(1.0)
        return MultiLabel(self.count, tuple(((len(targets) - positive) / positive).clamp(1e-2, _MAX_WEIGHT).tolist()))

    def soft_targets(self, targets: Tensor) -> Tensor:
        """Return the targets as floats."""
        return targets.float()

    def loss(self, logits: Tensor, targets: Tensor, *, count: int, smoothing: float = 0.0) -> Tensor:
        """Return the binary cross-entropy, mean over labels."""
        weights = logits.new_tensor(self.weights) if self.weights else None
        smoothed = targets * (1.0 - smoothing) + smoothing / 2.0
        whole = nn.functional.binary_cross_entropy_with_logits(logits, smoothed, pos_weight=weights, reduction="sum")
        return whole / (count * self.count)

    def predictions(self, logits: Tensor, temperature: float = 1.0) -> Tensor:
        """Return the probability of each label."""
        return (logits / temperature).sigmoid()

    def evaluate(self, logits: Tensor, targets: Tensor) -> float:
        """Return the average precision, mean over the labels that occur; nan if none does."""
        from sklearn.metrics import average_precision_score

        occurs = (targets > 0).any(dim=0)
        if not bool(occurs.any()):
            return float("nan")
        return float(average_precision_score(targets[:, occurs].numpy(), logits[:, occurs].numpy(), average="macro"))


@dataclass(frozen=True)
class Regression:
    """Each image has ``count`` numbers.

    Parameters
    ----------
    count : int
        K; targets are floats ``(N,)`` for one or ``(N, K)``.
    mean, std : tuple of float
        The targets are standardized by them, so that one learning rate suits all units. Set by ``fit``.
    """

    count: int
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    metric: ClassVar[str] = "r2"

    def __post_init__(self) -> None:
        """Check the count."""
        _check_count(self.count)

    def fit(self, targets: Tensor, *, class_weight: str | None) -> "Regression":
        """Return a task with the mean and standard deviation of the training targets."""
        rows = self._rows(targets)
        if rows.ndim != 2 or rows.shape[1] != self.count or not bool(rows.isfinite().all()):
            raise _refused(f"finite numbers (N, {self.count}) for {self.count} outputs", targets)
        if class_weight is not None:
            raise ParameterError("training: expected class_weight only for classes and labels, got it for regression")
        std = rows.double().std(dim=0, correction=0)
        std = torch.where(std > 0, std, torch.ones_like(std))
        return Regression(self.count, tuple(rows.double().mean(dim=0).tolist()), tuple(std.tolist()))

    def soft_targets(self, targets: Tensor) -> Tensor:
        """Return standardized rows."""
        rows = self._rows(targets)
        rows = rows if rows.is_floating_point() else rows.double()  # the mean is rarely an integer
        return ((rows - rows.new_tensor(self.mean)) / rows.new_tensor(self.std)).float()

    def loss(self, logits: Tensor, targets: Tensor, *, count: int, smoothing: float = 0.0) -> Tensor:
        """Return the squared error, mean over the outputs; smoothing has no effect."""
        return nn.functional.mse_loss(logits, targets, reduction="sum") / (count * self.count)

    def predictions(self, logits: Tensor, temperature: float = 1.0) -> Tensor:
        """Return numbers in the units of the targets."""
        if not self.mean:
            raise NotFittedError("training: expected a call of fit before predictions")
        return logits * logits.new_tensor(self.std) + logits.new_tensor(self.mean)

    def evaluate(self, logits: Tensor, targets: Tensor) -> float:
        """Return the coefficient of determination, mean over the outputs; nan if the targets do not vary."""
        rows, predicted = self._rows(targets).double(), self.predictions(logits.double())
        whole = (rows - rows.mean(dim=0)).square().sum(dim=0)
        return float((1.0 - (rows - predicted).square().sum(dim=0) / whole)[whole > 0].mean())

    def _rows(self, targets: Tensor) -> Tensor:
        return targets[:, None] if targets.ndim == 1 else targets


_KINDS: dict[str, Callable[..., Task]] = {
    "classification": Classification,
    "multilabel": MultiLabel,
    "regression": Regression,
}


def task_spec(task: Task) -> dict[str, Any]:
    """Return a task as JSON values."""
    for name, kind in _KINDS.items():
        if type(task) is kind:
            fields = vars(task) | {"count": int(task.count)}
            return {"kind": name} | {key: list(v) if isinstance(v, tuple) else v for key, v in fields.items()}
    raise ParameterError(f"training: expected one of the tasks {', '.join(_KINDS)} to save, got {task!r}")


def task_from_spec(spec: dict[str, Any]) -> Task:
    """Return the task of a :func:`task_spec`.

    Examples
    --------
    >>> from img_repr.training.task import Regression, task_from_spec, task_spec
    >>> task_from_spec(task_spec(Regression(1, (2.0,), (0.5,))))
    Regression(count=1, mean=(2.0,), std=(0.5,))
    """
    kind = spec.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ResultError(f"task: expected kind to be one of {', '.join(_KINDS)}, got {kind!r:.60}")
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in spec.items() if key != "kind"}
    try:
        task = _KINDS[kind](**values)
    except (TypeError, ParameterError) as error:
        raise ResultError(f"task: expected the fields of {kind}, got: {error}") from error
    if task.count > _MAX_OUTPUTS:
        raise ResultError(f"task: expected at most {_MAX_OUTPUTS} outputs per image, got {task.count}")
    for name, fitted in vars(task).items():
        if name != "count" and fitted != () and not _are_numbers(fitted, task.count, positive=name != "mean"):
            raise ResultError(f"task: expected {name} to be {task.count} finite numbers, got {fitted!r:.60}")
    return task


def _are_numbers(values: Any, count: int, *, positive: bool) -> bool:
    """Return whether a value is a tuple of ``count`` finite numbers, all above 0 if ``positive``."""
    if not isinstance(values, tuple) or len(values) != count:
        return False
    kinds = all(is_number(one) for one in values)
    return kinds and all(math.isfinite(one) and (one > 0 or not positive) for one in values)


def _check_count(count: object) -> None:
    if not is_integer(count, 1):
        raise ParameterError(f"task: expected count to be an integer of at least 1, got {count!r}")


def _within(targets: Tensor, count: int) -> bool:
    return len(targets) == 0 or (int(targets.min()) >= 0 and int(targets.max()) < count)


def _refused(expected: str, targets: Tensor) -> DataError:
    span = f" from {targets.min():g} to {targets.max():g}" if targets.numel() else ""
    return DataError(
        f"training: expected targets to be {expected}, got {str(targets.dtype).removeprefix('torch.')} of shape "
        f"{tuple(targets.shape)}{span}"
    )
