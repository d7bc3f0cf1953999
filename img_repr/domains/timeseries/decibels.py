"""Scaling of amplitudes: fractions of the image's maximum, or decibels below it."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.image import ValueRange
from img_repr.core.numbers import is_number

Scale: TypeAlias = Literal["amplitude", "log"]


def check_scale(caller: str, scale: Any, top_db: Any) -> None:
    """Check the parameters of :func:`below_peak`."""
    if scale not in ("amplitude", "log"):
        raise ParameterError(f"{caller}: expected scale to be 'amplitude' or 'log', got {scale!r}")
    if not is_number(top_db) or top_db <= 0:
        raise ParameterError(f"{caller}: expected top_db to be a positive number of decibels, got {top_db!r}")


def scale_range(parameters: Mapping[str, Any]) -> ValueRange:
    """Range of the values under an encoder's parameters."""
    return (0.0, 1.0) if parameters["scale"] == "amplitude" else (-float(parameters["top_db"]), 0.0)


def below_peak(amplitude: Tensor, scale: Scale, top_db: float) -> Tensor:
    """Return amplitudes ``(M, S, S)`` as fractions of each image's maximum, or in dB below it, at least ``-top_db``.

    An image of zeros gives zeros, or ``-top_db`` everywhere.
    """
    peak = amplitude.amax(dim=(-2, -1), keepdim=True)
    fraction = amplitude / torch.where(peak > 0.0, peak, 1.0)
    if scale == "amplitude":
        return fraction.clamp(0.0, 1.0)
    return (20.0 * torch.log10(fraction.clamp(min=10.0 ** (-top_db / 20.0)))).clamp(-top_db, 0.0)
