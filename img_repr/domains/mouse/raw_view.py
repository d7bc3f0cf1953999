"""Traces for explanations: plotted on the screen with weights on their events, masked by leaving events out."""

from typing import Any

import numpy as np

from img_repr.core.encoder import AbstractEncoder
from img_repr.core.raw_view import WEIGHT_COLORS, RawView, register_raw_view
from img_repr.domains.mouse.sample import MOUSE


def _axes(sample: Any, encoder: AbstractEncoder) -> dict[str, np.ndarray]:
    return {"time_s": np.asarray(sample.t_s, dtype=np.float64)}


def _plot(axes: Any, sample: Any, encoder: AbstractEncoder, weights: np.ndarray | None) -> None:
    x, y = np.asarray(sample.x_px), np.asarray(sample.y_px)
    axes.plot(x, y, color="0.45" if weights is None else "0.7", linewidth=0.7, zorder=1)
    if weights is None:
        axes.scatter(x, y, color="0.3", s=2, zorder=2)
    else:
        order = np.argsort(weights)
        heat = weights[order]
        axes.scatter(x[order], y[order], c=heat, cmap=WEIGHT_COLORS, vmin=0.0, vmax=1.0, s=3 + 22 * heat, zorder=2)
    axes.set_xlabel("x (px)")
    axes.set_ylabel("y (px)")
    axes.set_aspect("equal", adjustable="datalim")
    if not axes.yaxis_inverted():
        axes.invert_yaxis()  # screens count down


def _mask(sample: Any, encoder: AbstractEncoder, masked: np.ndarray) -> Any:
    """Leave out masked events; the first and the last stay."""
    kept = ~masked
    kept[[0, -1]] = True
    return sample[np.flatnonzero(kept)]


register_raw_view(RawView(MOUSE, _axes, _plot, _mask))
