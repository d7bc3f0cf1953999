"""Networks of a body and a head, built from any module that returns features or logits."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from img_repr.core.errors import ParameterError
from img_repr.training.stem import with_channels

_SIZES = (64, 32, 96, 128, 224, 28)  # sides of the blank images on which a module is tried, in this order
_ALTERNATIVE = "or pass a Network(body, head), which is used unchanged"


class Network(nn.Module):
    """A body, a head, and the stages by which fine-tuning sets learning rates.

    Parameters
    ----------
    body : Module
        Images ``(N, C, H, W)`` to features ``(N, F)``.
    head : Module
        Features to logits ``(N, K)``.
    stages : list of Module, optional
        Modules of the body from the first layers to the last, which together hold each weight once; each is a parameter
        group. Default: the body's children.
    own_values : bool
        The body takes the encoder's own values, as published front ends need, instead of images that are normalized by
        the training part.

    Examples
    --------
    >>> body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
    >>> network = Network(body, nn.Linear(16, 3))
    >>> network(torch.zeros(5, 1, 32, 32)).shape, len(network.stages)
    (torch.Size([5, 3]), 1)
    """

    def __init__(
        self,
        body: nn.Module,
        head: nn.Module,
        stages: list[nn.Module] | None = None,
        *,
        own_values: bool = False,
    ) -> None:
        super().__init__()
        self.body, self.head, self.own_values = body, head, own_values
        # a tuple, which does not register their weights a second time
        self._stages = tuple(_trunk(body) if stages is None else stages)

    @property
    def stages(self) -> tuple[nn.Module, ...]:
        """Stages of the body, first layers first."""
        return self._stages

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of images."""
        logits: Tensor = self.head(self.body(images))
        return logits


def as_network(module: Any, *, channels: int, classes: int, dropout: float = 0.25) -> Network:
    """Return a network made of a copy of a module.

    The module's output for blank images decides how:

    - a :class:`Network` is used unchanged;
    - the linear layer at the end of a module is the head; it is replaced if its output size is not K;
    - features ``(N, F)``, of one size F for all image sizes, get a new head;
    - maps ``(N, F, H, W)`` are averaged over H and W and get a new head.

    A first convolution (``Conv2d``) over another number of channels is adapted to C by
    :func:`img_repr.training.stem.spread_channels`. The module's weights are used: every training starts from them,
    whereas a name (:func:`img_repr.training.backbone.backbone`) starts from random weights of the seed.

    Parameters
    ----------
    module : Module
        Images to logits, features or maps. It is tried in training mode on two images of 64, 32, 96, 128, 224 and 28
        pixels a side; a module that ends in a linear layer may need another size.
    channels, classes : int
        C of the images, K of the logits.
    dropout : float
        Dropout of the features of a new head.

    Raises
    ------
    ParameterError
        If it returns something else, or cannot be tried and has no linear layer.

    Examples
    --------
    >>> network = as_network(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()), channels=1, classes=4)
    >>> network.body[0].in_channels, network.head
    (1, Sequential(
      (0): Dropout(p=0.25, inplace=False)
      (1): Linear(in_features=8, out_features=4, bias=True)
    ))
    """
    if not isinstance(module, nn.Module):
        got = f"the class {module.__name__}" if isinstance(module, type) else f"a {type(module).__name__}"
        raise ParameterError(f"backbone: expected a name or a torch module, got {got}")
    caller = type(module).__name__
    if any(is_lazy(weight) for weight in (*module.parameters(), *module.buffers())):
        raise ParameterError(
            f"backbone: expected weights of known shape, got lazy layers in {caller}: call it on a batch of "
            "images first"
        )
    whole = copy.deepcopy(module)
    if isinstance(whole, Network):
        return _checked(whole, channels, classes)
    fit_stem(whole, channels)
    ending = last_linear(whole)
    trials, message = _trials(whole, channels, ending)
    if ending is not None and (not trials or trials[0].output is trials[0].ending):
        return with_new_head(whole, ending, classes, dropout, keep=True)
    if not trials:
        raise ParameterError(
            f"backbone: expected {caller} to take images of {channels} channels and one of "
            f"{', '.join(map(str, _SIZES))} pixels a side, got {message}; {_ALTERNATIVE}"
        )
    features = _count_features(caller, trials)
    if trials[0].output.ndim == 4:
        whole.register_forward_hook(_average)  # a hook, so that its weights keep their names
    return Network(whole, new_head(features, classes, dropout))


def with_new_head(whole: nn.Module, ending: str, classes: int, dropout: float, *, keep: bool = False) -> Network:
    """Split a module at its last linear layer; the layer stays the head if ``keep`` and its output size is K."""
    last = whole.get_submodule(ending)
    assert isinstance(last, nn.Linear)
    replace_module(whole, ending, nn.Identity())
    stages = _trunk(whole)
    head = last if keep and last.out_features == classes else new_head(last.in_features, classes, dropout)
    return Network(whole, head, stages)


def new_head(features: int, classes: int, dropout: float) -> nn.Module:
    """Return a head with random weights."""
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(features, classes))


def last_linear(whole: nn.Module) -> str | None:
    """Return the path of the last linear layer, in the order in which layers were set; None if there is none."""
    found = [path for path, module in whole.named_modules() if isinstance(module, nn.Linear) and path]
    return found[-1] if found else None


def fit_stem(whole: nn.Module, channels: int) -> None:
    """Adapt the first convolution, in the order in which layers were set, to a number of channels."""
    for path, module in whole.named_modules():
        if isinstance(module, nn.Conv2d) and path:
            replace_module(whole, path, with_channels(module, channels))
            return


def replace_module(whole: nn.Module, path: str, module: nn.Module) -> None:
    """Replace the submodule at a path."""
    parent, _, name = path.rpartition(".")
    setattr(whole.get_submodule(parent), name, module)


def _trunk(whole: nn.Module) -> list[nn.Module]:
    """Return the children by depth, those of ``features`` instead of it; the whole if children share weights."""
    stages: list[nn.Module] = [nn.ParameterList(whole.parameters(recurse=False))]  # a transformer's class token
    for name, child in whole.named_children():
        stages += (
            child.children()
            if name in ("features", "blocks", "stages", "layers") and isinstance(child, nn.Sequential)
            else [child]
        )
    stages = [stage for stage in stages if any(True for _ in stage.parameters())]
    return stages if _hold_each_once(stages, whole) else [whole]


def _hold_each_once(stages: Sequence[nn.Module], whole: nn.Module) -> bool:
    held = [id(weight) for stage in stages for weight in stage.parameters()]
    return sorted(held) == sorted(id(weight) for weight in whole.parameters())


def _checked(network: Network, channels: int, classes: int) -> Network:
    """Refuse logits of another shape, and stages that lack a weight."""
    if not _hold_each_once(network.stages, network.body):
        raise ParameterError("backbone: expected the stages of a Network to hold each weight of its body once")
    for trial in _trials(network, channels)[0]:
        if not isinstance(trial.output, Tensor) or trial.output.shape != (2, classes):
            raise ParameterError(
                f"backbone: expected a Network to return logits (2, {classes}), got {_shape(trial.output)}"
            )
    return network


@dataclass(frozen=True)
class _Trial:
    size: int  # side of the images, in pixels
    output: Any  # of the whole module
    ending: Any  # output of its last linear layer


def _trials(whole: nn.Module, channels: int, ending: str | None = None) -> tuple[list[_Trial], str]:
    """Try a copy in training mode on blank images of the first two sizes that it takes; return also the first error."""
    trial, trials, message = copy.deepcopy(whole).train(), [], ""
    outputs: list[Any] = [None]
    if ending is not None:
        trial.get_submodule(ending).register_forward_hook(lambda module, inputs, output: outputs.append(output))
    weight = next(trial.parameters(), torch.zeros(0))
    with torch.random.fork_rng([weight.get_device()] if weight.is_cuda else []), torch.no_grad():
        for size in _SIZES:
            try:
                output = trial(torch.zeros(2, channels, size, size, device=weight.device))
            except Exception as error:  # modules raise any error for a size that they do not take
                message = message or f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
                continue
            trials.append(_Trial(size, output, outputs[-1]))
            if len(trials) == 2:
                break
    return trials, message


def _count_features(caller: str, trials: list[_Trial]) -> int:
    """Return the number of features of a module without a linear layer at its end; of maps, their channels."""
    first, *more = trials
    if not isinstance(first.output, Tensor) or first.output.ndim not in (2, 4) or len(first.output) != 2:
        raise ParameterError(
            f"backbone: expected {caller} to end in a linear layer or to return features (N, F) or maps "
            f"(N, F, H, W), got {_shape(first.output)} of 2 images; {_ALTERNATIVE}"
        )
    if first.output.ndim == 2 and _are_probabilities(first.output):
        raise ParameterError(
            f"backbone: expected {caller} to end before any softmax, which belongs to the loss, got rows that "
            f"sum to one; {_ALTERNATIVE}"
        )
    features = int(first.output.shape[1])
    for other in more:
        if other.output.shape[1] != features:
            raise ParameterError(
                f"backbone: expected {caller} to return one number of features for all image sizes, got {features} at "
                f"{first.size} pixels a side and {other.output.shape[1]} at {other.size}: return its maps (N, F, H, W) "
                f"without flattening, {_ALTERNATIVE}"
            )
    return features


def _are_probabilities(rows: Tensor) -> bool:
    """Return whether the rows are those of a softmax or its logarithm."""
    one = torch.ones(len(rows), dtype=rows.dtype, device=rows.device)
    return any(bool((values >= 0).all()) and torch.allclose(values.sum(1), one) for values in (rows, rows.exp()))


def _average(body: nn.Module, inputs: Any, maps: Tensor) -> Tensor:
    return maps.mean(dim=(2, 3))


def _shape(output: Any) -> str:
    return str(tuple(output.shape)) if isinstance(output, Tensor) else f"a {type(output).__name__}"
