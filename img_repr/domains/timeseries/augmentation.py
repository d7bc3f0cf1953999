"""Augmentation of series: random variants of the same label, made in the series and not in its image."""

from typing import Any

import torch
from torch import Tensor

from img_repr.domains.timeseries.missing_values import fill_missing

_KNOTS = 6  # of the smooth warp of time


def augment_series(
    series: Any,
    generator: torch.Generator,
    *,
    fraction: float = 0.5,
    jitter: float = 0.02,
    warp: float = 0.2,
    crop: float = 0.05,
) -> Any:
    """Return random variants of some series: time is warped smoothly, ends are cropped, noise is added.

    Parameters
    ----------
    series : Tensor, shape (N, T) or (N, C, T), or a list of series (T,) or (C, T)
        The channels of a series are warped together; missing values (NaN) are carried along with their time.
    generator : torch.Generator
        Source of all random numbers, on the series' device.
    fraction : float
        Probability that a series is varied; the others are unchanged, so that fine differences are trained too.
    jitter : float
        Standard deviation of the noise, as a fraction of each channel's own.
    warp : float
        Largest change of speed, below 1.
    crop : float
        Largest fraction cut off at each end; the rest is stretched to the full length.

    Returns
    -------
    Tensor or list
        Same shapes and type.

    References
    ----------
    T. T. Um et al.: Data Augmentation of Wearable Sensor Data for Parkinson's Disease Monitoring using
    Convolutional Neural Networks, ICMI 2017, arXiv:1706.00527.

    Examples
    --------
    >>> import torch
    >>> augment_series(torch.randn(4, 50), torch.Generator().manual_seed(0)).shape
    torch.Size([4, 50])
    """
    if not isinstance(series, Tensor):
        rows = [torch.as_tensor(one, device=generator.device) for one in series]
        return [
            augment_series(one[None], generator, fraction=fraction, jitter=jitter, warp=warp, crop=crop)[0]
            for one in rows
        ]
    count, length = series.shape[0], series.shape[-1]
    given = series.to(torch.float64)
    is_nan = given.isnan()
    series = fill_missing(given.reshape(-1, length)).view(given.shape) if is_nan.any() else given
    position = _warped_time(count, length, generator, warp, crop) * (length - 1)
    left = position.floor().long().clamp(max=length - 2)
    shape = (count, *[1] * (series.ndim - 2), length)
    left, between = left.view(shape).expand(series.shape), (position - left).view(shape)
    warped = torch.lerp(series.gather(-1, left), series.gather(-1, left + 1), between.expand(series.shape))
    noise = torch.randn(series.shape, generator=generator, dtype=series.dtype, device=series.device)
    varied = warped + jitter * series.std(dim=-1, keepdim=True, correction=0) * noise
    if is_nan.any():
        moved = is_nan.gather(-1, left + (between >= 0.5))
        varied = varied.masked_fill(moved & ~moved.all(dim=-1, keepdim=True), torch.nan)
    chosen = torch.rand(count, generator=generator, dtype=torch.float64, device=generator.device) < fraction
    return torch.where(chosen.view(count, *[1] * (series.ndim - 1)), varied, given)


def _warped_time(count: int, length: int, generator: torch.Generator, warp: float, crop: float) -> Tensor:
    """Increasing positions in [0, 1], float64 ``(N, T)``."""
    uniform = torch.rand(count, _KNOTS + 2, generator=generator, dtype=torch.float64, device=generator.device)
    speed = torch.nn.functional.interpolate(
        2.0 * uniform[:, None, :_KNOTS] - 1.0, length, mode="linear", align_corners=True
    )[:, 0]
    position = (1.0 + warp * speed).cumsum(dim=1)
    position = (position - position[:, :1]) / (position[:, -1:] - position[:, :1])
    begin, end = crop * uniform[:, -2:-1], 1.0 - crop * uniform[:, -1:]
    return begin + position * (end - begin)
