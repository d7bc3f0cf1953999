"""Linear probe: fit the head of a network to convergence on the features of its frozen body.

Fine-tuning starts from it, so that no gradient of a random head reaches pretrained weights: A. Kumar et al., ICLR 2022,
arXiv:2202.10054.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from img_repr.training.task import Task

STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)  # C of scikit-learn's LogisticRegression: larger is less regularized
_FOLDS = 3
_ITERATIONS = 200  # of L-BFGS, which converges within a few dozen


@dataclass(frozen=True)
class LinearProbe:
    """A fitted linear head.

    Parameters
    ----------
    weight : Tensor, shape (K, F)
    bias : Tensor, shape (K,)
        For features as they are; the standardization is included.
    strength : float
        Chosen member of ``STRENGTHS``.
    """

    weight: Tensor
    bias: Tensor
    strength: float

    def logits(self, features: Tensor) -> Tensor:
        """Return float32 logits ``(N, K)`` of features ``(N, F)``, computed in float64."""
        return (features.double() @ self.weight.T + self.bias).float()


def fit_linear_probe(
    features: Tensor,
    targets: Tensor,
    task: Task,
    valid: tuple[Tensor, Tensor] | None = None,
    groups: np.ndarray | None = None,
    folds: Sequence[tuple[np.ndarray, np.ndarray]] | None = None,
) -> LinearProbe:
    """Fit a linear head on standardized features, by L-BFGS on the task's loss and an L2 penalty.

    Parameters
    ----------
    features : Tensor, shape (N, F)
    targets : Tensor
        As the task takes them.
    task : Task
        Fitted to the targets.
    valid : (Tensor, Tensor), optional
        Features and targets on which the strength of the penalty is chosen. Default: three folds of the training set,
        stratified by class; the strongest penalty if there are fewer than six groups.
    groups : ndarray, shape (N,), optional
        Samples of a group stay in one fold. Default: each sample is a group.
    folds : sequence of (ndarray, ndarray), optional
        Positions to fit on and to choose on, instead of those three folds; the strongest penalty if there is none.

    Examples
    --------
    >>> from img_repr.training.task import Classification
    >>> features, targets = torch.randn(60, 5), torch.arange(60) % 2
    >>> features[:, 0] += 4.0 * targets
    >>> probe = fit_linear_probe(features, targets, Classification(2))
    >>> bool((probe.logits(features).argmax(dim=1) == targets).double().mean() > 0.9)
    True
    """
    rows = features.double()
    mean, std = rows.mean(dim=0), rows.std(dim=0, correction=0)
    std = torch.where(
        std > 1e-12 * rows.abs().amax().clamp_min(1e-300), std, torch.inf
    )  # constant features get no weight
    rows = (rows - mean) / std
    losses = np.zeros(len(STRENGTHS))
    if valid is not None:
        losses += _validation_losses(task, rows, targets, (valid[0].double() - mean) / std, valid[1])
    else:
        for fitting, held_out in _folds(targets, groups) if folds is None else folds:
            losses += _validation_losses(task, rows[fitting], targets[fitting], rows[held_out], targets[held_out])
    strength = STRENGTHS[int(losses.argmin())]
    weight, bias = _minimize(task, rows, targets, strength)
    weight = weight / std
    return LinearProbe(weight, bias - weight @ mean, strength)


def _folds(targets: Tensor, groups: np.ndarray | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return positions to fit on and held-out ones of each fold: whole groups, spread over the classes."""
    named = np.arange(len(targets)) if groups is None else np.asarray(groups)
    names, first, member = np.unique(named, return_index=True, return_inverse=True)
    if len(names) < 2 * _FOLDS:
        return []
    shuffled = np.random.default_rng(0).permutation(len(names))
    truth = targets.cpu().numpy()[first]
    if truth.ndim == 1 and truth.dtype.kind in "iu":  # classes: each is dealt over the folds
        shuffled = shuffled[np.argsort(truth[shuffled], kind="stable")]
    fold = np.empty(len(names), int)
    fold[shuffled] = np.arange(len(names)) % _FOLDS
    return [((fold[member] != number).nonzero()[0], (fold[member] == number).nonzero()[0]) for number in range(_FOLDS)]


def linear_head(head: nn.Module) -> nn.Linear | None:
    """Return the linear layer of a new head, ``Sequential(Dropout, Linear)``; None for any other head."""
    if isinstance(head, nn.Sequential) and len(head) == 2 and isinstance(head[0], nn.Dropout):
        return head[1] if isinstance(head[1], nn.Linear) and head[1].bias is not None else None
    return None


def _validation_losses(task: Task, rows: Tensor, targets: Tensor, held_out: Tensor, truth: Tensor) -> np.ndarray:
    """Return the loss on held-out samples for each strength of the penalty; each fit starts from the one before."""
    losses, start, soft_targets = [], None, task.soft_targets(truth)
    rows, held_out = rows.float(), held_out.float()  # exact enough to compare, in half the time
    for strength in STRENGTHS:
        weight, bias = start = _minimize(task, rows, targets, strength, start, tolerance=1e-4)
        losses.append(float(task.loss(held_out @ weight.T + bias, soft_targets, count=len(held_out))))
    return np.array(losses)


def _minimize(
    task: Task,
    rows: Tensor,
    targets: Tensor,
    strength: float,
    start: tuple[Tensor, Tensor] | None = None,
    *,
    tolerance: float = 1e-6,
) -> tuple[Tensor, Tensor]:
    """Return the weights and biases with the least mean loss plus ``|W|^2 / (2 C N)``."""
    soft_targets = task.soft_targets(targets).to(rows.dtype)
    if start is None:
        start = rows.new_zeros(task.count, rows.shape[1]), rows.new_zeros(task.count)
    weight, bias = (one.clone().requires_grad_() for one in start)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=_ITERATIONS, tolerance_grad=tolerance, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = task.loss(rows @ weight.T + bias, soft_targets, count=len(rows))
        loss = loss + weight.square().sum() / (2.0 * strength * len(rows))
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return weight.detach(), bias.detach()
