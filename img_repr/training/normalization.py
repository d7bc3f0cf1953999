"""Normalization of the network's input by the training images, and what it tells of them."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from img_repr.training.images import Images

_AT_ONCE = 256


@dataclass(frozen=True)
class Normalization:
    """What is subtracted from images, and by what they are divided.

    Parameters
    ----------
    mean : Tensor, shape (1, C, 1, 1), or (1, C, H, W) where it is the mean image
    deviation : Tensor, shape (1, C, 1, 1)
    unexplained : float
        Share of the training images' variance that their mean image does not explain, from 0 (all alike) to 1.
    """

    mean: Tensor
    deviation: Tensor
    unexplained: float = 1.0

    @property
    def centered(self) -> bool:
        """Whether the mean image is subtracted."""
        return self.mean.shape[-2:] != (1, 1)

    def __call__(self, images: Tensor) -> Tensor:
        """Normalize a batch."""
        return (images - self.mean) / self.deviation


def normalization_of(train: Images, *, center_below: float) -> Normalization:
    """Learn the normalization from training images as they are, before any augmentation.

    Where the mean image explains nearly all of them (spectra of one substance and another), what tells classes
    apart is far below the contrast that all share, and a network does not see it: the mean image is subtracted.

    Parameters
    ----------
    train : Images
    center_below : float
        Subtract the mean image where the unexplained share is below this.
    """
    total, squares = torch.zeros(()), torch.zeros(())
    for positions in np.array_split(np.arange(len(train)), math.ceil(len(train) / _AT_ONCE)):
        images = train.batch(positions).double()
        total = total + images.sum(dim=0, keepdim=True)
        squares = squares + images.square().sum(dim=0, keepdim=True)
    image = total / len(train)
    second = (squares / len(train)).mean(dim=(2, 3), keepdim=True)
    level = image.mean(dim=(2, 3), keepdim=True)
    whole = (second - level.square()).clamp_min(0.0)
    around = (squares / len(train) - image.square()).clamp_min(0.0).mean(dim=(2, 3), keepdim=True)
    unexplained = float(around.sum() / whole.sum()) if float(whole.sum()) > 0.0 else 1.0
    centered = unexplained < center_below
    deviation = (around if centered else whole).sqrt()
    deviation = torch.where(deviation > 1e-9, deviation, torch.ones_like(deviation))  # a channel that never changes
    return Normalization((image if centered else level).float(), deviation.float(), unexplained)
