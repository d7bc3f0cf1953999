"""Deltas: how an image changes along time, by the local polynomial that ``librosa.feature.delta`` fits."""

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import ParameterError

WIDTH = 9  # frames


def check_delta(caller: str, delta: Any) -> int:
    """Check the order: 0 the image itself, 1 its speed, 2 its acceleration."""
    if isinstance(delta, bool) or delta not in (0, 1, 2):
        raise ParameterError(f"{caller}: expected delta to be 0, 1 or 2, got {delta!r}")
    return int(delta)


def delta_along_time(matrix: Tensor, order: int) -> Tensor:
    """Take the derivative along the last axis, per frame (Savitzky-Golay over nine frames; the ends continue the fit).

    Parameters
    ----------
    matrix : Tensor, shape (..., K)
        Where K is below nine, over the largest odd number of frames that there is; below three it is zero.
    order : {0, 1, 2}
        Order of the derivative and of the polynomial; 0 returns the matrix itself.

    References
    ----------
    A. Savitzky, M. J. E. Golay: Smoothing and Differentiation of Data by Simplified Least Squares Procedures,
    Analytical Chemistry 36(8), 1964.

    Examples
    --------
    >>> import torch
    >>> delta_along_time(torch.arange(12.0), 1).round(decimals=5).unique().tolist()
    [1.0]
    """
    if order == 0:
        return matrix
    width = min(WIDTH, matrix.shape[-1] - (matrix.shape[-1] + 1) % 2)
    if width < 3:
        return matrix * 0.0  # which has a gradient, of zeros
    inside = matrix.unfold(-1, width, 1) @ torch.from_numpy(_fit(width, order)).to(matrix)
    ends = (*inside.shape[:-1], width // 2)  # the fit goes on: its highest derivative is the same everywhere
    return torch.cat([inside[..., :1].expand(ends), inside, inside[..., -1:].expand(ends)], dim=-1)


def delta_range(low: float, high: float, order: int) -> tuple[float, float]:
    """Range of the deltas of values between two bounds."""
    if order == 0:
        return low, high
    bound = max(float(np.abs(_fit(width, order)).sum()) for width in range(3, WIDTH + 1, 2)) * (high - low) / 2.0
    return -bound, bound


@functools.lru_cache(maxsize=16)
def _fit(width: int, order: int) -> np.ndarray:
    """Weights ``(width,)`` that give the highest derivative of the polynomial through a window."""
    places = np.arange(width) - width // 2
    coefficients = np.linalg.pinv(np.vander(places, order + 1, increasing=True).astype(np.float64))
    return np.asarray(order * coefficients[order])  # 1! and 2!
