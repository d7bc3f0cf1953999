"""Backbones: a small one for machines without a GPU, those of torchvision, and the user's.

A backbone is a body, images ``(N, C, H, W)`` to features ``(N, F)``, and a head, features to logits. They are separate
because the head is new for every task and is trained first.
"""

import difflib
import importlib
import inspect
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from img_repr.core.errors import ParameterError
from img_repr.core.registry import Registry
from img_repr.training.network import Network, as_network, fit_stem, last_linear, new_head, with_new_head
from img_repr.training.onnx_body import ONNX, OnnxBody, onnx_network
from img_repr.training.yamnet import yamnet

Factory = TypeVar("Factory", bound=Callable[..., nn.Module])

SMALL, LITE0 = "small", "efficientnet_lite0"
_TIMM = "timm:"
BACKBONES: Registry[Callable[..., nn.Module]] = Registry("backbone")
_NO_SIDE_HEADS = {"aux_logits": False, "init_weights": True}  # else the output in training is a tuple


def backbone(factory: Factory) -> Factory:
    """Register a function that returns a network; a decorator.

    ``backbone="its_name"`` then works wherever torchvision's names do: in recipes, in saved models, and in other
    processes that import the function's module. It overrides a network of torchvision of that name.

    Parameters
    ----------
    factory : callable
        ``factory(*, channels, classes, dropout)`` returns a module with random weights, as :func:`as_network` takes it.

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


def build_backbone(backbone: str | nn.Module, *, channels: int, classes: int, dropout: float = 0.25) -> Network:
    """Return a network with random weights, or one made of a module.

    Parameters
    ----------
    backbone : str or Module
        ``"small"`` (about 200,000 weights); ``"yamnet"``, for sounds; the name of a function registered by
        :func:`backbone`; any classification network that ``torchvision.models`` lists; ``"efficientnet_lite0"`` or
        ``"timm:NAME"``, which need the extra ``pretrained``; ``"onnx:FILE"``, which cannot be trained and needs the
        extra ``onnx``; or a module as :func:`as_network` takes it.
    channels, classes : int
        C of the images, K of the logits.
    dropout : float
        Dropout of the features of the head.

    Raises
    ------
    ParameterError
        If the name is unknown; or if the module returns neither features nor logits.
    """
    if not isinstance(backbone, str):
        return as_network(backbone, channels=channels, classes=classes, dropout=dropout)
    if backbone in BACKBONES:
        module = BACKBONES[backbone](channels=channels, classes=classes, dropout=dropout)
        return as_network(module, channels=channels, classes=classes, dropout=dropout)
    if backbone.startswith(ONNX):
        return onnx_network(backbone)
    if backbone == LITE0 or backbone.startswith(_TIMM):
        return as_network(_timm(backbone), channels=channels, classes=classes, dropout=dropout)
    return _torchvision(backbone, channels, classes, dropout)


def check_backbone(name: str) -> None:
    """Refuse a name that is neither registered by :func:`backbone` nor one of torchvision or timm, nor an ONNX file.

    Raises
    ------
    ParameterError
        With similar names.
    """
    if name in BACKBONES:
        return
    if name == LITE0 or name.startswith(_TIMM):
        _check_timm(name)
        return
    if name.startswith(ONNX):
        OnnxBody(name.removeprefix(ONNX))
        return
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        similar = difflib.get_close_matches(name, [*BACKBONES, LITE0, *known], n=3)
        hint = f"; similar: {', '.join(map(repr, similar))}" if similar else ""
        own = ", ".join(map(repr, BACKBONES))
        raise ParameterError(
            f"backbone: expected {own}, {LITE0!r}, 'timm:NAME', 'onnx:FILE' or a torchvision classification network, "
            f"got {name!r}{hint}; to use your own, import the module that registers it"
        )


class _Residual(nn.Module):
    """Two 3 x 3 convolutions and a shortcut; the first may halve the resolution."""

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
    """Means over a coarse grid, which show where something is, and maxima over the image, which show whether it is."""

    def __init__(self, grid: int) -> None:
        super().__init__()
        self.grid = grid

    def forward(self, features: Tensor) -> Tensor:
        coarse = nn.functional.adaptive_avg_pool2d(features, self.grid).flatten(1)
        return torch.cat([coarse, features.amax(dim=(2, 3))], dim=1)


@backbone
def small(*, channels: int, classes: int, dropout: float) -> Network:
    """Return the network for machines without a GPU: three stages, about 200,000 weights, images of any size."""
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


backbone(yamnet)


def _torchvision(name: str, channels: int, classes: int, dropout: float) -> Network:
    from torchvision import models

    check_backbone(name)
    whole = models.get_model(name, weights=None, **(_NO_SIDE_HEADS if name in ("googlenet", "inception_v3") else {}))
    ending = last_linear(whole)
    if ending is None:
        raise ParameterError(f"backbone: expected a network that ends in a linear layer, got {name!r}, which has none")
    fit_stem(whole, channels)
    return with_new_head(whole, ending, classes, dropout)


def _timm(name: str) -> nn.Module:
    """Return a network of timm without its head; its weights are random."""
    _check_timm(name)
    timm = importlib.import_module("timm")
    module: nn.Module = timm.create_model(timm_name(name), pretrained=False, num_classes=0)
    return module


def timm_name(name: str) -> str:
    """Return timm's name of a backbone; that of ``efficientnet_lite0`` has the padding of its published weights."""
    return "tf_efficientnet_lite0" if name == LITE0 else name.removeprefix(_TIMM)


def _check_timm(name: str) -> None:
    try:
        timm = importlib.import_module("timm")
    except ImportError:
        raise ParameterError(
            f"backbone: expected the package timm for {name!r}, which comes with pip install 'img-repr[pretrained]', "
            "got none"
        ) from None
    if not timm.is_model(timm_name(name)):
        similar = difflib.get_close_matches(timm_name(name), timm.list_models(), n=3)
        hint = f"; similar: {', '.join(map(repr, similar))}" if similar else ""
        raise ParameterError(f"backbone: expected a network of timm, got {name!r}{hint}")
