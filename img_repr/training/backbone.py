"""Backbones: torchvision's classification networks by name, and a small one of our own for machines without a GPU.

A backbone is a body that makes features ``(N, F)`` of images ``(N, C, H, W)`` and a head that makes scores of them;
kept apart, because the head is new for every task and is trained first.
"""

import torch
from torch import Tensor, nn

from img_repr.core.errors import ParameterError

SMALL = "small"
_NO_SIDE_HEADS = {"aux_logits": False, "init_weights": True}  # else training gives a tuple of scores


class Network(nn.Module):
    """A body, a head, and the order of depth in which fine-tuning gives them their rates.

    Parameters
    ----------
    body : Module
        Images to features.
    head : Module
        Features to scores ``(N, K)``.
    stages : list of Module
        The body's parts from the first layers to the last; each is one parameter group.
    """

    def __init__(self, body: nn.Module, head: nn.Module, stages: list[nn.Module]) -> None:
        super().__init__()
        self.body, self.head = body, head
        self._stages = tuple(stages)  # a tuple, so that their weights are not registered twice

    @property
    def stages(self) -> tuple[nn.Module, ...]:
        """Parts of the body, first layers first."""
        return self._stages

    def forward(self, images: Tensor) -> Tensor:
        """Scores of images."""
        scores: Tensor = self.head(self.body(images))
        return scores


class _Residual(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut; the first may halve the resolution."""

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
    """Mean over a coarse grid beside the maximum over everything: where something is, and whether it is at all."""

    def __init__(self, grid: int) -> None:
        super().__init__()
        self.grid = grid

    def forward(self, features: Tensor) -> Tensor:
        coarse = nn.functional.adaptive_avg_pool2d(features, self.grid).flatten(1)
        return torch.cat([coarse, features.amax(dim=(2, 3))], dim=1)


def build_backbone(name: str, *, channels: int, classes: int, dropout: float = 0.25) -> Network:
    """Build a network with random weights.

    Parameters
    ----------
    name : str
        ``"small"`` (about 200,000 weights), or any classification network that ``torchvision.models`` lists.
    channels, classes : int
        C of the images, K of the scores.
    dropout : float
        Share of features that the head does not see in training.
    """
    if name == SMALL:
        return _small(channels, classes, dropout)
    return _torchvision(name, channels, classes, dropout)


def _small(channels: int, classes: int, dropout: float) -> Network:
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
    features = widths[2] * (grid * grid + 1)
    return Network(body, nn.Sequential(nn.Dropout(dropout), nn.Linear(features, classes)), stages)


def _torchvision(name: str, channels: int, classes: int, dropout: float) -> Network:
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        import difflib

        near = difflib.get_close_matches(name, [SMALL, *known], n=3)
        hint = f"; near: {near}" if near else ""
        raise ParameterError(f"backbone: expected 'small' or a torchvision classification network, got {name!r}{hint}")
    whole = models.get_model(name, weights=None, **(_NO_SIDE_HEADS if name in ("googlenet", "inception_v3") else {}))
    linear = [(path, part) for path, part in whole.named_modules() if isinstance(part, nn.Linear)]
    if not linear:
        raise ParameterError(f"backbone: expected a network that ends in a linear layer, got {name!r}, which has none")
    head_name, last = linear[-1]
    stem_name, stem = next((path, part) for path, part in whole.named_modules() if isinstance(part, nn.Conv2d))
    replace_module(whole, stem_name, with_channels(stem, channels))
    replace_module(whole, head_name, nn.Identity())
    stages = [part for part in _trunk(whole) if any(True for _ in part.parameters())]
    return Network(whole, nn.Sequential(nn.Dropout(dropout), nn.Linear(last.in_features, classes)), stages)


def _trunk(whole: nn.Module) -> list[nn.Module]:
    """Parts in order of depth: the children, and in place of ``features`` its own; together they hold every weight."""
    parts: list[nn.Module] = [nn.ParameterList(whole.parameters(recurse=False))]  # a transformer's class token
    for name, child in whole.named_children():
        parts += child.children() if name == "features" and isinstance(child, nn.Sequential) else [child]
    return parts


def with_channels(stem: nn.Conv2d, channels: int) -> nn.Conv2d:
    """Make a convolution like ``stem`` for ``channels`` inputs, its weights spread as :func:`spread_channels` does."""
    if stem.in_channels == channels:
        return stem
    adapted = nn.Conv2d(
        channels,
        stem.out_channels,
        stem.kernel_size,  # type: ignore[arg-type]
        stem.stride,  # type: ignore[arg-type]
        stem.padding,  # type: ignore[arg-type]
        bias=stem.bias is not None,
    )
    with torch.no_grad():
        adapted.weight.copy_(spread_channels(stem.weight, channels))
        if stem.bias is not None and adapted.bias is not None:
            adapted.bias.copy_(stem.bias)
    return adapted


def spread_channels(weight: Tensor, channels: int) -> Tensor:
    """Spread the weights of a convolution over three channels to any number.

    The sum of the three for one channel; for n channels copies in turn, scaled by 3 / n, and an equal share each of
    what their sum then lacks: the response to an image of equal channels stays what it was.
    """
    whole = weight.sum(dim=1, keepdim=True)
    if channels == 1:
        return whole
    copies = weight[:, torch.arange(channels) % weight.shape[1]] * (weight.shape[1] / channels)
    return copies + (whole - copies.sum(dim=1, keepdim=True)) / channels


def adapt_stem(state: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Spread the stem of pretrained weights over the channels of our own, where that is all in which they differ."""
    adapted = dict(state)
    for name, weight in own.items():
        given = state.get(name)
        if (
            given is not None
            and given.ndim == 4
            and given.shape != weight.shape
            and given[:, 0].shape == weight[:, 0].shape
        ):
            adapted[name] = spread_channels(given, weight.shape[1])
            break
    return adapted


def replace_module(whole: nn.Module, path: str, part: nn.Module) -> None:
    """Put ``part`` in the place that ``path`` names."""
    parent, _, name = path.rpartition(".")
    setattr(whole.get_submodule(parent), name, part)
