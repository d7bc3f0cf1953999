"""Normalization of a network's input by the training images."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.training.images import Images

_BATCH_SIZE = 256


@dataclass(frozen=True)
class Normalization:
    """Mean and standard deviation by which images are normalized.

    Parameters
    ----------
    mean : Tensor, shape (1, C, 1, 1), or (1, C, H, W) for a mean image
    std : Tensor, shape (1, C, 1, 1)
    unexplained : float
        Fraction of the training images' variance that their mean image does not explain, from 0 (all alike) to 1.
    """

    mean: Tensor
    std: Tensor
    unexplained: float = 1.0

    @property
    def centered(self) -> bool:
        """Whether the mean image is subtracted."""
        return self.mean.shape[-2:] != (1, 1)

    def __call__(self, images: Tensor) -> Tensor:
        """Normalize a batch."""
        return (images - self.mean) / self.std


def normalization_of(train: Images, *, center_below: float, own_values: bool = False) -> Normalization:
    """Return the normalization of training images, computed before any augmentation.

    If the mean image explains nearly all of them (spectra of one substance and another), classes differ by far less
    than the contrast that all images share, and a network does not learn the difference: the mean image is subtracted.

    Parameters
    ----------
    train : Images
    center_below : float
        Subtract the mean image if the unexplained fraction of the variance is below this.
    own_values : bool
        Return to the encoder's own values instead, whatever the images: networks of published front ends need them.

    Raises
    ------
    ParameterError
        If the images have no own values that are known, or they differ by image.
    """
    if own_values:
        return _to_own_values(train)
    total, squares = torch.zeros(()), torch.zeros(())
    for positions in np.array_split(np.arange(len(train)), math.ceil(len(train) / _BATCH_SIZE)):
        images = train.batch(positions).double()
        total = total + images.sum(dim=0, keepdim=True)
        squares = squares + images.square().sum(dim=0, keepdim=True)
    mean_image = total / len(train)
    mean_square = (squares / len(train)).mean(dim=(2, 3), keepdim=True)
    mean = mean_image.mean(dim=(2, 3), keepdim=True)
    whole = (mean_square - mean.square()).clamp_min(0.0)
    around = (squares / len(train) - mean_image.square()).clamp_min(0.0).mean(dim=(2, 3), keepdim=True)
    unexplained = float(around.sum() / whole.sum()) if float(whole.sum()) > 0.0 else 1.0
    centered = unexplained < center_below
    std = (around if centered else whole).sqrt()
    std = torch.where(std > 1e-9, std, torch.ones_like(std))  # a channel that never changes
    return Normalization((mean_image if centered else mean).float(), std.float(), unexplained)


def _to_own_values(train: Images) -> Normalization:
    if train.value_range is None:
        raise ParameterError(
            "backbone: expected images of one encoder with a fixed range of values, which this network takes as they "
            "were before they were mapped to 0 to 1, got others"
        )
    low, high = train.value_range
    one = torch.ones(1, train.batch(np.arange(1)).shape[1], 1, 1, dtype=torch.float64)
    return Normalization((-low / (high - low) * one).float(), (one / (high - low)).float())
