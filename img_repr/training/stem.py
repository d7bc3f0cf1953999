"""First convolutions for any number of channels; their response to equal channels does not change."""

import torch
from torch import Tensor, nn

from img_repr.core.errors import ParameterError


def with_channels(stem: nn.Conv2d, channels: int) -> nn.Conv2d:
    """Return a convolution like ``stem`` for ``channels`` inputs, its weights spread by :func:`spread_channels`.

    Raises
    ------
    ParameterError
        If the convolution is grouped, so that there is nothing to spread.
    """
    if stem.in_channels == channels:
        return stem
    if stem.groups != 1:
        raise ParameterError(
            f"backbone: expected a first convolution over all channels, to adapt it to {channels} channels, got "
            f"one of {stem.in_channels} channels in {stem.groups} groups"
        )
    adapted = nn.Conv2d(
        channels,
        stem.out_channels,
        stem.kernel_size,  # type: ignore[arg-type]
        stem.stride,  # type: ignore[arg-type]
        stem.padding,  # type: ignore[arg-type]
        stem.dilation,  # type: ignore[arg-type]
        bias=stem.bias is not None,
        padding_mode=stem.padding_mode,
        device=stem.weight.device,
        dtype=stem.weight.dtype,
    )
    with torch.no_grad():
        adapted.weight.copy_(spread_channels(stem.weight, channels))
        if stem.bias is not None and adapted.bias is not None:
            adapted.bias.copy_(stem.bias)
    return adapted


def spread_channels(weight: Tensor, channels: int) -> Tensor:
    """Return the weights of a convolution for another number of input channels.

    One channel has the sum of the original ones, often three. n channels have copies in turn, scaled by 3 / n, plus an
    equal part each of the remaining difference of the sums, so that the response to an image of equal channels does not
    change. If n is not a multiple of three, timm's ``adapt_input_conv`` omits that part; fastai sets channels beyond
    the third to zero.

    Examples
    --------
    >>> colors = torch.tensor([0.5, 1.0, 1.5]).view(1, 3, 1, 1)
    >>> spread_channels(colors, 1).flatten().tolist()
    [3.0]
    >>> spread_channels(colors, 6).flatten().tolist()
    [0.25, 0.5, 0.75, 0.25, 0.5, 0.75]
    """
    whole = weight.sum(dim=1, keepdim=True)
    if channels == 1:
        return whole
    copies = weight[:, torch.arange(channels) % weight.shape[1]] * (weight.shape[1] / channels)
    return copies + (whole - copies.sum(dim=1, keepdim=True)) / channels


def adapt_stem(state: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return pretrained weights with the stem adapted to a network's channels, if they differ in nothing else.

    ``own`` are the weights of the network.
    """
    adapted = dict(state)
    for name, weight in own.items():
        pretrained = state.get(name)
        if (
            pretrained is not None
            and pretrained.ndim == 4
            and pretrained.shape != weight.shape
            and pretrained[:, 0].shape == weight[:, 0].shape
        ):
            adapted[name] = spread_channels(pretrained, weight.shape[1])
            break
    return adapted
