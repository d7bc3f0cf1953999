"""Backbones: a small one of our own for machines without a GPU, torchvision's by name, and the user's.

A backbone is a body that makes features ``(N, F)`` of images ``(N, C, H, W)`` and a head that makes scores of them;
kept apart, because the head is new for every task and is trained first.
"""

import difflib
import inspect
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from img_repr.core.errors import ParameterError
from img_repr.core.registry import Registry
from img_repr.training.network import Network, as_network, fit_stem, last_linear, new_head, with_new_head

Factory = TypeVar("Factory", bound=Callable[..., nn.Module])

SMALL = "small"
BACKBONES: Registry[Callable[..., nn.Module]] = Registry("backbone")
_NO_SIDE_HEADS = {"aux_logits": False, "init_weights": True}  # else training gives a tuple of scores


def backbone(factory: Factory) -> Factory:
    """Register a function that makes a network under its own name, and give it back unchanged.

    From then on ``backbone="its_name"`` works wherever torchvision's names do: in recipes, in saved models and in
    other processes that import the module which registers it. A name of torchvision's then stands for yours.

    Parameters
    ----------
    factory : callable
        ``factory(*, channels, classes, dropout)`` gives a module with random weights, of the kinds that
        :func:`as_network` takes.

    Examples
    --------
    >>> @backbone
    ... def two_layers(*, channels: int, classes: int, dropout: float) -> nn.Module:
    ...     return nn.Sequential(nn.Conv2d(channels, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2))
    >>> build_backbone("two_layers", channels=1, classes=3)(torch.zeros(5, 1, 32, 32)).shape
    torch.Size([5, 3])
    """
    name = factory.__name__
    try:
        inspect.signature(factory).bind(channels=1, classes=2, dropout=0.0)
    except TypeError as error:
        raise ParameterError(
            f"backbone: expected {name} to take the keywords channels, classes and dropout and no other, got "
            f"{name}{inspect.signature(factory)}"
        ) from error
    BACKBONES.add(name, factory)
    return factory


def build_backbone(given: str | nn.Module, *, channels: int, classes: int, dropout: float = 0.25) -> Network:
    """Build a network with random weights, or make one of a module that is there.

    Parameters
    ----------
    given : str or Module
        ``"small"`` (about 200,000 weights), the name of a function registered by :func:`backbone`, or any
        classification network that ``torchvision.models`` lists. Or a module: see :func:`as_network`.
    channels, classes : int
        C of the images, K of the scores.
    dropout : float
        Share of features that the head does not see in training.

    Raises
    ------
    ParameterError
        If nothing is called so, with near names; or if the module gives neither features nor scores.
    """
    if not isinstance(given, str):
        return as_network(given, channels=channels, classes=classes, dropout=dropout)
    if given in BACKBONES:
        made = BACKBONES[given](channels=channels, classes=classes, dropout=dropout)
        return as_network(made, channels=channels, classes=classes, dropout=dropout)
    return _torchvision(given, channels, classes, dropout)


def check_backbone(name: str) -> None:
    """Refuse a name that neither :func:`backbone` registered nor torchvision lists.

    Raises
    ------
    ParameterError
        With near names.
    """
    if name in BACKBONES:
        return
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        near = difflib.get_close_matches(name, [*BACKBONES, *known], n=3)
        hint = f"; near: {near}" if near else ""
        own = ", ".join(map(repr, BACKBONES))
        raise ParameterError(
            f"backbone: expected {own} or a torchvision classification network, got {name!r}{hint}; one of your own "
            "must be registered first, by an import of its module"
        )


class _Residual(nn.Module):
    """Two 3 x 3 convolutions next to a shortcut; the first may halve the resolution."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        same = inputs == outputs and stride == 1
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(
                nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity(),
                nn.Conv2d(inputs, outputs, 1, bias=False),
                nn.BatchNorm2d(outputs),
            )
        )

    def forward(self, images: Tensor) -> Tensor:
        return torch.relu(self.path(images) + self.shortcut(images))


class _GridPool(nn.Module):
    """Mean over a coarse grid next to the maximum over everything: where something is, and whether it is at all."""

    def __init__(self, grid: int) -> None:
        super().__init__()
        self.grid = grid

    def forward(self, features: Tensor) -> Tensor:
        coarse = nn.functional.adaptive_avg_pool2d(features, self.grid).flatten(1)
        return torch.cat([coarse, features.amax(dim=(2, 3))], dim=1)


@backbone
def small(*, channels: int, classes: int, dropout: float) -> Network:
    """Make the network for machines without a GPU: three stages, about 200,000 weights, images of any size."""
    widths, grid = (24, 48, 96), 3
    stem = nn.Sequential(
        nn.Conv2d(channels, widths[0], 5, 2, 2, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)
    )
    stages: list[nn.Module] = [
        nn.Sequential(stem, _Residual(widths[0], widths[0], 1)),
        _Residual(widths[0], widths[1], 2),
        _Residual(widths[1], widths[2], 2),
    ]
    body = nn.Sequential(*stages, _GridPool(grid))
    return Network(body, new_head(widths[2] * (grid * grid + 1), classes, dropout), stages)


def _torchvision(name: str, channels: int, classes: int, dropout: float) -> Network:
    from torchvision import models

    check_backbone(name)
    whole = models.get_model(name, weights=None, **(_NO_SIDE_HEADS if name in ("googlenet", "inception_v3") else {}))
    ending = last_linear(whole)
    if ending is None:
        raise ParameterError(f"backbone: expected a network that ends in a linear layer, got {name!r}, which has none")
    fit_stem(whole, channels)
    return with_new_head(whole, ending, classes, dropout)
