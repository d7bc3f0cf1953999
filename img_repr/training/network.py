"""Networks: a body, a head and the depth of the body's parts; made of any module that gives features or scores."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from img_repr.core.errors import ParameterError
from img_repr.training.stem import with_channels

_SIDES = (64, 32, 96, 128, 224, 28)  # pixels of the blank images that a module is tried on, in this order
_WAY_OUT = "or make a Network(body, head) of it, which is taken as it is"


class Network(nn.Module):
    """A body, a head, and the order of depth in which fine-tuning gives them their rates.

    Parameters
    ----------
    body : Module
        Images ``(N, C, H, W)`` to features ``(N, F)``.
    head : Module
        Features to scores ``(N, K)``.
    stages : list of Module, optional
        The body's parts from the first layers to the last, which together hold its weights; each is one parameter
        group. Default: the body's children.

    Examples
    --------
    >>> body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
    >>> network = Network(body, nn.Linear(16, 3))
    >>> network(torch.zeros(5, 1, 32, 32)).shape, len(network.stages)
    (torch.Size([5, 3]), 1)
    """

    def __init__(self, body: nn.Module, head: nn.Module, stages: list[nn.Module] | None = None) -> None:
        super().__init__()
        self.body, self.head = body, head
        # a tuple, so that their weights are not registered twice
        self._stages = tuple(_trunk(body) if stages is None else stages)

    @property
    def stages(self) -> tuple[nn.Module, ...]:
        """Parts of the body, first layers first."""
        return self._stages

    def forward(self, images: Tensor) -> Tensor:
        """Scores of images."""
        scores: Tensor = self.head(self.body(images))
        return scores


def as_network(module: Any, *, channels: int, classes: int, dropout: float = 0.25) -> Network:
    """Make a network of a copy of a module; the module stays what it was.

    What the module gives of blank images decides:

    - a :class:`Network` is taken as it is;
    - where a linear layer ends it, that is the head: as it is where it gives K scores, else a new one takes its place;
    - features ``(N, F)``, as many at every size of the images, get a new head;
    - maps ``(N, F, H, W)`` are averaged over H and W, and get a new head.

    A first convolution (``Conv2d``) over another number of channels is made for C, its weights spread as
    :func:`img_repr.training.stem.spread_channels` does. The weights are those that the module has: a module handed
    over starts every training from the same ones, a name (:func:`img_repr.training.backbone.backbone`) from the seed's.

    Parameters
    ----------
    module : Module
        Images to scores, features or maps. It is tried, as in training, on two images of 64, 32, 96, 128, 224 and 28
        pixels a side; one that ends in a linear layer may need another size.
    channels, classes : int
        C of the images, K of the scores.
    dropout : float
        Share of features that a new head does not see in training.

    Raises
    ------
    ParameterError
        If it gives something else, or cannot be tried and has no linear layer.

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
        what = f"the class {module.__name__}" if isinstance(module, type) else f"a {type(module).__name__}"
        raise ParameterError(f"backbone: expected a name or a torch module, got {what}")
    caller = type(module).__name__
    if any(is_lazy(weight) for weight in (*module.parameters(), *module.buffers())):
        raise ParameterError(
            f"backbone: expected weights of known shape, got lazy layers in {caller}: call it on a batch of "
            "images before"
        )
    whole = copy.deepcopy(module)
    if isinstance(whole, Network):
        return _checked(whole, channels, classes)
    fit_stem(whole, channels)
    ending = last_linear(whole)
    trials, said = _trials(whole, channels, ending)
    if ending is not None and (not trials or trials[0].gave is trials[0].ending):
        return with_new_head(whole, ending, classes, dropout, keep=True)
    if not trials:
        raise ParameterError(
            f"backbone: expected {caller} to take images of {channels} channels and one of "
            f"{', '.join(map(str, _SIDES))} pixels a side, got {said}; {_WAY_OUT}"
        )
    features = _count_features(caller, trials)
    if trials[0].gave.ndim == 4:
        whole.register_forward_hook(_average)  # no module around it, so that its weights keep their names
    return Network(whole, new_head(features, classes, dropout))


def with_new_head(whole: nn.Module, ending: str, classes: int, dropout: float, *, keep: bool = False) -> Network:
    """Split a network at the linear layer that ends it; the layer itself stays the head where it may and fits."""
    last = whole.get_submodule(ending)
    assert isinstance(last, nn.Linear)
    replace_module(whole, ending, nn.Identity())
    stages = _trunk(whole)
    head = last if keep and last.out_features == classes else new_head(last.in_features, classes, dropout)
    return Network(whole, head, stages)


def new_head(features: int, classes: int, dropout: float) -> nn.Module:
    """Make a head with random weights."""
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(features, classes))


def last_linear(whole: nn.Module) -> str | None:
    """Path of the last linear layer, in the order in which layers were set; None where there is none."""
    found = [path for path, part in whole.named_modules() if isinstance(part, nn.Linear) and path]
    return found[-1] if found else None


def fit_stem(whole: nn.Module, channels: int) -> None:
    """Make the first convolution, in the order in which layers were set, one for this number of channels."""
    for path, part in whole.named_modules():
        if isinstance(part, nn.Conv2d) and path:
            replace_module(whole, path, with_channels(part, channels))
            return


def replace_module(whole: nn.Module, path: str, part: nn.Module) -> None:
    """Put ``part`` in the place that ``path`` names."""
    parent, _, name = path.rpartition(".")
    setattr(whole.get_submodule(parent), name, part)


def _trunk(whole: nn.Module) -> list[nn.Module]:
    """Parts in order of depth: the children, in place of ``features`` its own; one part where parts share weights."""
    parts: list[nn.Module] = [nn.ParameterList(whole.parameters(recurse=False))]  # a transformer's class token
    for name, child in whole.named_children():
        parts += child.children() if name == "features" and isinstance(child, nn.Sequential) else [child]
    parts = [part for part in parts if any(True for _ in part.parameters())]
    return parts if _hold_each_once(parts, whole) else [whole]


def _hold_each_once(parts: Sequence[nn.Module], whole: nn.Module) -> bool:
    held = [id(weight) for part in parts for weight in part.parameters()]
    return sorted(held) == sorted(id(weight) for weight in whole.parameters())


def _checked(network: Network, channels: int, classes: int) -> Network:
    """Refuse scores of another shape, and stages that would leave weights unlearned."""
    if not _hold_each_once(network.stages, network.body):
        raise ParameterError("backbone: expected the stages of a Network to hold each weight of its body once")
    for trial in _trials(network, channels)[0]:
        if not isinstance(trial.gave, Tensor) or trial.gave.shape != (2, classes):
            raise ParameterError(
                f"backbone: expected a Network to give scores (2, {classes}), got {_shape(trial.gave)}"
            )
    return network


@dataclass(frozen=True)
class _Trial:
    side: int  # of the images, in pixels
    gave: Any  # by the whole
    ending: Any  # what its last linear layer gave


def _trials(whole: nn.Module, channels: int, ending: str | None = None) -> tuple[list[_Trial], str]:
    """Try a copy, as in training, on two blank images of the first two sizes that it takes; and what it said first."""
    trial, trials, said = copy.deepcopy(whole).train(), [], ""
    outputs: list[Any] = [None]
    if ending is not None:
        trial.get_submodule(ending).register_forward_hook(lambda part, given, output: outputs.append(output))
    weight = next(trial.parameters(), torch.zeros(0))
    with torch.random.fork_rng([weight.get_device()] if weight.is_cuda else []), torch.no_grad():
        for side in _SIDES:
            try:
                gave = trial(torch.zeros(2, channels, side, side, device=weight.device))
            except Exception as error:  # a module of anybody's may raise anything where it does not take this size
                said = said or f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
                continue
            trials.append(_Trial(side, gave, outputs[-1]))
            if len(trials) == 2:
                break
    return trials, said


def _count_features(caller: str, trials: list[_Trial]) -> int:
    """Count the features of a module that ends in no linear layer; maps have as many as channels."""
    first, *more = trials
    if not isinstance(first.gave, Tensor) or first.gave.ndim not in (2, 4) or len(first.gave) != 2:
        raise ParameterError(
            f"backbone: expected {caller} to end in a linear layer or to give features (N, F) or maps (N, F, "
            "H, W), got "
            f"{_shape(first.gave)} of 2 images; {_WAY_OUT}"
        )
    if first.gave.ndim == 2 and _are_shares(first.gave):
        raise ParameterError(
            f"backbone: expected {caller} to end before any softmax, which belongs to the loss, got rows that "
            "sum to one; "
            f"{_WAY_OUT}"
        )
    features = int(first.gave.shape[1])
    for other in more:
        if other.gave.shape[1] != features:
            raise ParameterError(
                f"backbone: expected {caller} to give as many features at every size of the images, got {features} at "
                f"{first.side} pixels a side and {other.gave.shape[1]} at {other.side}: leave its maps (N, F, H, W) "
                f"unflattened, {_WAY_OUT}"
            )
    return features


def _are_shares(rows: Tensor) -> bool:
    """Tell a softmax, or its logarithm, by its rows."""
    one = torch.ones(len(rows), dtype=rows.dtype, device=rows.device)
    return any(bool((shares >= 0).all()) and torch.allclose(shares.sum(1), one) for shares in (rows, rows.exp()))


def _average(body: nn.Module, given: Any, maps: Tensor) -> Tensor:
    return maps.mean(dim=(2, 3))


def _shape(thing: Any) -> str:
    return str(tuple(thing.shape)) if isinstance(thing, Tensor) else f"a {type(thing).__name__}"
