"""Energies in decibels below the loudest of each image, as ``librosa.power_to_db`` has it for one clip."""

from typing import Any

import torch
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.numbers import is_number

_FAINTEST = 1e-10  # librosa's amin: energies below count as this


def check_top_db(caller: str, top_db: Any) -> float:
    """Check the depth of the image."""
    if not is_number(top_db) or top_db <= 0:
        raise ParameterError(f"{caller}: expected top_db to be a positive number of decibels, got {top_db!r}")
    return float(top_db)


def below_loudest(energies: Tensor, top_db: float) -> Tensor:
    """Decibels of energies ``(m, H, K)`` below the largest of each image, not below ``-top_db``; the memory is reused.

    Silence has nothing loudest: it is 0 dB everywhere, as in librosa.
    """
    loudest = _log(energies.amax(dim=(-2, -1), keepdim=True))
    if energies.requires_grad or torch.compiler.is_compiling():
        return (_log(energies) - loudest).clamp(min=-top_db)
    return energies.clamp_(min=_FAINTEST).log10_().mul_(10.0).sub_(loudest).clamp_(min=-top_db)


def above_one(energies: Tensor, top_db: float) -> Tensor:
    """Decibels of energies ``(m, H, K)`` above 1, not more than ``top_db`` below the largest of each image."""
    values = _log(energies)
    return torch.maximum(values, values.amax(dim=(-2, -1), keepdim=True) - top_db)


def _log(energies: Tensor) -> Tensor:
    return energies.clamp(min=_FAINTEST).log10() * 10.0
