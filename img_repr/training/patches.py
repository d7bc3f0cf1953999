"""Networks of short inputs on long images: windows over the width, pooled to features of the whole."""

from collections.abc import Callable

import torch
from torch import Tensor

_TINY = 1e-12  # variance below which the gradient of a standard deviation would not be finite


def windows_of(images: Tensor, width: int, hop: int) -> list[Tensor]:
    """Return the windows ``(N, C, H, width)`` of images, ``hop`` columns apart; the last one ends with the images.

    Examples
    --------
    >>> [tuple(one.shape) for one in windows_of(torch.zeros(5, 1, 64, 144), 96, 48)]
    [(5, 1, 64, 96), (5, 1, 64, 96)]
    """
    last = images.shape[-1] - width
    return [images[..., start : start + width] for start in (*range(0, last, hop), last)]


def pool_windows(images: Tensor, features: Callable[[Tensor], Tensor], width: int, hop: int) -> Tensor:
    """Return mean, maximum and standard deviation over the windows' features ``(N, F)``, as ``(N, 3 F)``.

    Examples
    --------
    >>> pool_windows(torch.tensor([[[[1.0, 3.0]]]]), lambda window: window[:, 0, 0], 1, 1)
    tensor([[2., 3., 1.]])
    """
    rows = torch.stack([features(window) for window in windows_of(images, width, hop)])
    std = (rows.var(dim=0, correction=0) + _TINY).sqrt()
    return torch.cat([rows.mean(dim=0), rows.amax(dim=0), std], dim=1)
