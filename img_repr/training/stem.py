"""Stems for any number of channels: the weights of a first convolution, spread so that its answer stays what it was."""

import torch
from torch import Tensor, nn

from img_repr.core.errors import ParameterError


def with_channels(stem: nn.Conv2d, channels: int) -> nn.Conv2d:
    """Make a convolution like ``stem`` for ``channels`` inputs, its weights spread as :func:`spread_channels` does.

    Raises
    ------
    ParameterError
        If it does not see all channels at once, so that there is nothing to spread.
    """
    if stem.in_channels == channels:
        return stem
    if stem.groups != 1:
        raise ParameterError(
            f"backbone: expected a first convolution that sees all channels at once, to make it for {channels}, got "
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
    """Spread the weights of a convolution over its channels, often three, to any number.

    The sum of the three for one channel; for n channels copies in turn, scaled by 3 / n, and an equal share each of
    what their sum then lacks: the response to an image of equal channels stays what it was. Where n is no multiple of
    three, timm's ``adapt_input_conv`` leaves that share out, and fastai gives channels beyond the third zeros.

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
