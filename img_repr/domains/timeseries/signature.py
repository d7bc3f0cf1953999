"""Signatures of series, by which near duplicates are found."""

from typing import Any

import numpy as np
import torch

from img_repr.domains.timeseries.missing_values import fill_missing

_MOST = 256  # steps of series of unequal length


def series_signature(samples: Any) -> np.ndarray:
    """Return series as channels over time without missing values; unequal lengths are resampled to at most 256 steps.

    Parameters
    ----------
    samples : ndarray or Tensor (N, T) or (N, C, T), or a list of (T,) or (C, T)

    Returns
    -------
    ndarray, shape (N, C, T)

    Examples
    --------
    >>> from img_repr.domains.timeseries.signature import series_signature
    >>> series_signature([[0.0, 1.0, 2.0], [0.0, 2.0]]).tolist()
    [[[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]]]
    """
    if not isinstance(samples, (np.ndarray, torch.Tensor)):
        rows = [np.atleast_2d(np.asarray(one, dtype=np.float64)) for one in samples]
        length = max(row.shape[1] for row in rows)
        if min(row.shape[1] for row in rows) < length:
            rows = [_stretched(_filled(row), min(length, _MOST)) for row in rows]
        samples = np.stack(rows)
    series = np.asarray(samples)
    series = series[:, None] if series.ndim == 2 else series
    return _filled(series) if np.isnan(series).any() else series


def _filled(series: np.ndarray) -> np.ndarray:
    rows = torch.from_numpy(series.reshape(-1, series.shape[-1]))
    return fill_missing(rows).numpy().reshape(series.shape)


def _stretched(row: np.ndarray, length: int) -> np.ndarray:
    positions = np.linspace(0, row.shape[1] - 1, length)
    return np.stack([np.interp(positions, np.arange(row.shape[1]), channel) for channel in row])
