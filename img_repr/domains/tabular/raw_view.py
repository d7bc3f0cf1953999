"""Rows for explanations: plotted as ranked columns, masked by the middle of a column's limits."""

from typing import Any

import numpy as np

from img_repr.core.encoder import AbstractEncoder, Encoder
from img_repr.core.raw_view import WEIGHT_COLORS, RawView, register_raw_view
from img_repr.core.stack import EncoderStack
from img_repr.domains.tabular.sample import TABULAR

_MOST = 15  # bars


def _first(encoder: AbstractEncoder) -> dict[str, Any]:
    one = encoder.parts[0] if isinstance(encoder, EncoderStack) else encoder
    return one.all_parameters if isinstance(one, Encoder) else {}


def _axes(sample: Any, encoder: AbstractEncoder) -> dict[str, np.ndarray]:
    names = _first(encoder).get("columns")
    return {"column": np.arange(len(sample)) if names is None else np.array(names)}


def _plot(axes: Any, sample: Any, encoder: AbstractEncoder, weights: np.ndarray | None) -> None:
    row = np.asarray(sample, dtype=np.float64)
    names = [
        f"column {name}" if isinstance(name, np.integer) else str(name) for name in _axes(sample, encoder)["column"]
    ]
    order = np.arange(len(row)) if weights is None else np.argsort(-weights, kind="stable")
    order = order[:_MOST][::-1]
    bars = row if weights is None else weights
    colors = None
    if weights is not None:
        from matplotlib import colormaps

        colors = colormaps[WEIGHT_COLORS](0.3 + 0.7 * weights[order])
    axes.barh(np.arange(len(order)), bars[order], color=colors)
    axes.set_yticks(np.arange(len(order)), [f"{names[at][:24]} = {row[at]:.4g}" for at in order], parse_math=False)
    axes.set_xlabel("value" if weights is None else "weight, relative to the strongest column")


def _mask(sample: Any, encoder: AbstractEncoder, masked: np.ndarray) -> np.ndarray:
    """Set masked columns to the middle of their limits."""
    row = np.array(sample, dtype=np.float64)
    limits = _first(encoder).get("limits")
    middles = np.broadcast_to(np.mean((0.0, 1.0) if limits is None else limits, axis=-1), row.shape)
    row[masked] = middles[masked]
    return row


register_raw_view(RawView(TABULAR, _axes, _plot, _mask))
