"""Series for explanations: plotted with colored points, masked by straight lines."""

from typing import Any

import numpy as np

from img_repr.core.encoder import AbstractEncoder
from img_repr.core.raw_view import WEIGHT_COLORS, RawView, register_raw_view
from img_repr.domains.timeseries.sample import TIMESERIES


def _axes(sample: Any, encoder: AbstractEncoder) -> dict[str, np.ndarray]:
    shape = np.shape(sample)
    names = ("channel", "time_step")[-len(shape) :]
    return {name: np.arange(count) for name, count in zip(names, shape, strict=True)}


def _plot(axes: Any, sample: Any, encoder: AbstractEncoder, weights: np.ndarray | None) -> None:
    rows = np.atleast_2d(np.asarray(sample, dtype=np.float64))
    steps = np.arange(rows.shape[1])
    for number, row in enumerate(rows):
        axes.plot(steps, row, color="0.45", linewidth=0.8, zorder=1)
        if weights is not None:
            heat = np.atleast_2d(weights)[number]
            axes.scatter(steps, row, c=heat, cmap=WEIGHT_COLORS, vmin=0.0, vmax=1.0, s=4 + 22 * heat, zorder=2)
    axes.set_xlabel("time step")
    axes.set_ylabel("value")


def _mask(sample: Any, encoder: AbstractEncoder, masked: np.ndarray) -> np.ndarray:
    """Replace masked values by straight lines between the others; by the mean of the channel if there are none."""
    series = np.array(sample, dtype=np.float64)
    for row, out in zip(np.atleast_2d(series), np.atleast_2d(masked), strict=True):  # views
        kept = ~out & np.isfinite(row)
        if kept.any():
            row[out] = np.interp(np.flatnonzero(out), np.flatnonzero(kept), row[kept])
        else:
            row[:] = np.nanmean(row)
    return series


register_raw_view(RawView(TIMESERIES, _axes, _plot, _mask))
