"""Tasks: what labels are, how scores are judged by them, and what a prediction is.

One of several classes, any of several labels, or numbers: the trainer's loop asks its task and knows none of them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from img_repr.core.errors import DataError, NotFittedError, ParameterError, ResultError

_MOST_SCORES = 1_000_000
_MOST_WEIGHT = 100.0  # of a class or label, however rare


class Task(Protocol):
    """What the trainer must know of its labels."""

    metric: ClassVar[str]
    """What ``judge`` measures; rows of the history call it ``valid_<metric>``."""

    @property
    def count(self) -> int:
        """Scores per image."""
        ...

    def fit(self, targets: Tensor, *, class_weight: str | None) -> "Task":
        """Check the training targets and fit class weights, or scales, to them."""
        ...

    def shares(self, targets: Tensor) -> Tensor:
        """Give targets as floats ``(B, count)``, of which convex sums make sense."""
        ...

    def loss(self, scores: Tensor, shares: Tensor, *, count: int, smoothing: float = 0.0) -> Tensor:
        """Sum of the losses of some images, divided by ``count`` images: pieces of a batch add up to its mean."""
        ...

    def predictions(self, scores: Tensor, temperature: float = 1.0) -> Tensor:
        """Give what a user wants of scores ``(N, count)``: probabilities, or numbers."""
        ...

    def judge(self, scores: Tensor, targets: Tensor) -> float:
        """Give the metric; higher is better."""
        ...


@dataclass(frozen=True)
class Classification:
    """Each image is of one of ``count`` classes; two are the binary case.

    Parameters
    ----------
    count : int
        K; targets are int64 ``(N,)`` from 0 to K - 1.
    weights : tuple of float
        Weight of each class in the loss; empty where all weigh the same. Learned in ``fit``.

    Examples
    --------
    >>> import torch
    >>> from img_repr.training.task import Classes
    >>> Classification(2).fit(torch.tensor([0, 0, 0, 1]), class_weight="balanced").weights
    (0.6666666666666666, 2.0)
    """

    count: int
    weights: tuple[float, ...] = ()

    metric: ClassVar[str] = "accuracy"

    def __post_init__(self) -> None:
        """Refuse a count that is none."""
        _check_count(self.count)

    def fit(self, targets: Tensor, *, class_weight: str | None) -> "Classification":
        """Weigh classes by how rare they are, their mean over the samples being 1."""
        if targets.ndim != 1 or targets.is_floating_point() or not _within(targets, self.count):
            raise _refused(f"whole numbers (N,) from 0 to {self.count - 1} for {self.count} classes", targets)
        if class_weight is None:
            return self
        counts = targets.bincount(minlength=self.count).clamp_min(1).double()
        weights = (len(targets) / (self.count * counts)).clamp_max(_MOST_WEIGHT)
        return Classification(self.count, tuple(weights.tolist()))

    def shares(self, targets: Tensor) -> Tensor:
        """Give one-hot rows."""
        return nn.functional.one_hot(targets, self.count).float()

    def loss(self, scores: Tensor, shares: Tensor, *, count: int, smoothing: float = 0.0) -> Tensor:
        """Cross-entropy."""
        if not self.weights:
            return nn.functional.cross_entropy(scores, shares, label_smoothing=smoothing, reduction="sum") / count
        losses = nn.functional.cross_entropy(scores, shares, label_smoothing=smoothing, reduction="none")
        return losses @ (shares @ shares.new_tensor(self.weights)) / count

    def predictions(self, scores: Tensor, temperature: float = 1.0) -> Tensor:
        """Give probabilities; rows sum to one."""
        return (scores / temperature).softmax(dim=1)

    def judge(self, scores: Tensor, targets: Tensor) -> float:
        """Accuracy."""
        return float((scores.argmax(dim=1) == targets).double().mean())


@dataclass(frozen=True)
class MultiLabel:
    """Each image has any of ``count`` labels, or none.

    Parameters
    ----------
    count : int
        K; targets are 0 or 1, ``(N, K)``.
    weights : tuple of float
        Weight of each label where it is there, for one where it is not; empty for 1. Learned in ``fit``.
    """

    count: int
    weights: tuple[float, ...] = ()

    metric: ClassVar[str] = "average_precision"

    def __post_init__(self) -> None:
        """Refuse a count that is none."""
        _check_count(self.count)

    def fit(self, targets: Tensor, *, class_weight: str | None) -> "MultiLabel":
        """Weigh labels by how rare they are."""
        if targets.ndim != 2 or targets.shape[1] != self.count or not bool(((targets == 0) | (targets == 1)).all()):
            raise _refused(f"zeros and ones (N, {self.count}) for {self.count} labels", targets)
        if class_weight is None:
            return self
        there = targets.float().sum(dim=0).clamp_min(1.0)
        return MultiLabel(self.count, tuple(((len(targets) - there) / there).clamp(1e-2, _MOST_WEIGHT).tolist()))

    def shares(self, targets: Tensor) -> Tensor:
        """Give the targets as floats."""
        return targets.float()

    def loss(self, scores: Tensor, shares: Tensor, *, count: int, smoothing: float = 0.0) -> Tensor:
        """Binary cross-entropy, mean over labels."""
        weights = scores.new_tensor(self.weights) if self.weights else None
        blurred = shares * (1.0 - smoothing) + smoothing / 2.0
        whole = nn.functional.binary_cross_entropy_with_logits(scores, blurred, pos_weight=weights, reduction="sum")
        return whole / (count * self.count)

    def predictions(self, scores: Tensor, temperature: float = 1.0) -> Tensor:
        """Give the probability of each label."""
        return (scores / temperature).sigmoid()

    def judge(self, scores: Tensor, targets: Tensor) -> float:
        """Average precision, mean over the labels that some image has; nan where none has any."""
        from sklearn.metrics import average_precision_score

        there = (targets > 0).any(dim=0)
        if not bool(there.any()):
            return float("nan")
        return float(average_precision_score(targets[:, there].numpy(), scores[:, there].numpy(), average="macro"))


@dataclass(frozen=True)
class Regression:
    """Each image has ``count`` numbers: regression.

    Parameters
    ----------
    count : int
        K; targets are floats ``(N,)`` for one or ``(N, K)``.
    mean, deviation : tuple of float
        By which the targets are standardized, so that one learning rate suits all units. Learned in ``fit``.
    """

    count: int
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()

    metric: ClassVar[str] = "r2"

    def __post_init__(self) -> None:
        """Refuse a count that is none."""
        _check_count(self.count)

    def fit(self, targets: Tensor, *, class_weight: str | None) -> "Regression":
        """Learn mean and deviation of the training part's targets."""
        rows = self._rows(targets)
        if rows.ndim != 2 or rows.shape[1] != self.count or not bool(rows.isfinite().all()):
            raise _refused(f"finite numbers (N, {self.count}) for {self.count} outputs", targets)
        if class_weight is not None:
            raise ParameterError("training: expected class_weight only for classes and labels, got it for regression")
        deviation = rows.double().std(dim=0, correction=0)
        deviation = torch.where(deviation > 0, deviation, torch.ones_like(deviation))
        return Regression(self.count, tuple(rows.double().mean(dim=0).tolist()), tuple(deviation.tolist()))

    def shares(self, targets: Tensor) -> Tensor:
        """Give standardized rows."""
        rows = self._rows(targets)
        rows = rows if rows.is_floating_point() else rows.double()  # a mean is seldom whole
        return ((rows - rows.new_tensor(self.mean)) / rows.new_tensor(self.deviation)).float()

    def loss(self, scores: Tensor, shares: Tensor, *, count: int, smoothing: float = 0.0) -> Tensor:
        """Squared error, mean over the outputs; nothing is smoothed."""
        return nn.functional.mse_loss(scores, shares, reduction="sum") / (count * self.count)

    def predictions(self, scores: Tensor, temperature: float = 1.0) -> Tensor:
        """Give numbers in the units of the targets."""
        if not self.mean:
            raise NotFittedError("training: expected a call of fit before numbers are predicted")
        return scores * scores.new_tensor(self.deviation) + scores.new_tensor(self.mean)

    def judge(self, scores: Tensor, targets: Tensor) -> float:
        """Coefficient of determination, mean over the outputs; nan where the targets do not vary."""
        rows, found = self._rows(targets).double(), self.predictions(scores.double())
        whole = (rows - rows.mean(dim=0)).square().sum(dim=0)
        return float((1.0 - (rows - found).square().sum(dim=0) / whole)[whole > 0].mean())

    def _rows(self, targets: Tensor) -> Tensor:
        return targets[:, None] if targets.ndim == 1 else targets


_KINDS: dict[str, Callable[..., Task]] = {
    "classes": Classification,
    "labels": MultiLabel,
    "numbers": Regression,
}


def task_spec(task: Task) -> dict[str, Any]:
    """Give a task as JSON values."""
    for name, kind in _KINDS.items():
        if type(task) is kind:
            values = vars(task) | {"count": int(task.count)}
            return {"kind": name} | {word: list(v) if isinstance(v, tuple) else v for word, v in values.items()}
    raise ParameterError(f"training: expected a task of {', '.join(_KINDS)} to write down, got {task!r}")


def task_from_spec(spec: dict[str, Any]) -> Task:
    """Read what :func:`task_spec` gave.

    Examples
    --------
    >>> from img_repr.training.task import Numbers, task_from_spec, task_spec
    >>> task_from_spec(task_spec(Numbers(1, (2.0,), (0.5,))))
    Numbers(count=1, mean=(2.0,), deviation=(0.5,))
    """
    kind = spec.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ResultError(f"task: expected kind to be one of {', '.join(_KINDS)}, got {kind!r:.60}")
    values = {word: tuple(v) if isinstance(v, list) else v for word, v in spec.items() if word != "kind"}
    try:
        task = _KINDS[kind](**values)
    except (TypeError, ParameterError) as error:
        raise ResultError(f"task: expected the fields of {kind}, got: {error}") from error
    if task.count > _MOST_SCORES:
        raise ResultError(f"task: expected at most {_MOST_SCORES} scores per image, got {task.count}")
    for word, learned in vars(task).items():
        if word != "count" and learned != () and not _are_numbers(learned, task.count, above=word != "mean"):
            raise ResultError(f"task: expected {word} to be {task.count} finite numbers, got {learned!r:.60}")
    return task


def _are_numbers(learned: Any, count: int, *, above: bool) -> bool:
    """Whether something is a tuple of so many finite numbers, above 0 where they divide or weigh."""
    if not isinstance(learned, tuple) or len(learned) != count:
        return False
    kinds = all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in learned)
    return kinds and all(math.isfinite(one) and (one > 0 or not above) for one in learned)


def _check_count(count: object) -> None:
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
        raise ParameterError(f"task: expected count to be a whole number of at least 1, got {count!r}")


def _within(targets: Tensor, count: int) -> bool:
    return len(targets) == 0 or (int(targets.min()) >= 0 and int(targets.max()) < count)


def _refused(expected: str, targets: Tensor) -> DataError:
    span = f" from {targets.min():g} to {targets.max():g}" if targets.numel() else ""
    return DataError(
        f"training: expected targets to be {expected}, got {str(targets.dtype).removeprefix('torch.')} of shape "
        f"{tuple(targets.shape)}{span}"
    )
