"""Rendering and back projection of images whose columns are times (scalogram, spectrogram, line plot)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.image import ValueRange
from img_repr.core.machine import check_memory
from img_repr.domains.timeseries.polar import spread_rows
from img_repr.domains.timeseries.sample import SeriesBatch

_NUMBERS_AT_ONCE = 1 << 21  # numbers that one drawing may hold: 16 MiB in float64


def render_by_length(
    batch: SeriesBatch,
    draw: Callable[[Tensor], Tensor],
    size: int,
    value_range: ValueRange,
    dtype: Any,
    out: Any,
    *,
    numbers_per_row: Callable[[int], int],
) -> Any:
    """Render the rows of each length together, a bounded number at a time.

    Parameters
    ----------
    batch : SeriesBatch
    draw
        ``draw(values)`` returns the images ``(m, S, S)`` of rows ``(m, T)`` without padding; each row's image must not
        depend on the other rows.
    size : int
        Side S of the images.
    value_range, dtype, out
        As in :meth:`SeriesBatch.render`.
    numbers_per_row
        Approximate number of values that ``draw`` holds in memory for one row of a given length.
    """

    def fill(rows: slice, target: Tensor | None) -> Tensor:
        values, lengths = batch.values[rows], batch.lengths[rows]
        pieces, order = [], []
        for length in np.unique(lengths):
            members = np.flatnonzero(lengths == length)
            whole = torch.compiler.is_compiling() or len(members) == len(values)
            chosen = values if whole else values[torch.from_numpy(members).to(values.device)]
            held = max(numbers_per_row(int(length)), size * size // 8)
            if not torch.compiler.is_compiling():
                check_memory(batch.caller, 8 * held, f"one series of {length} values", remedy="a smaller window")
            step = max(1, _NUMBERS_AT_ONCE // held)
            parts = [chosen] if target is None else torch.split(chosen, step)
            pieces += [draw(part[:, :length]) for part in parts]
            order.append(members)
        images = pieces[0] if len(pieces) == 1 else torch.cat(pieces)
        if len(order) > 1:
            images = images[torch.from_numpy(np.argsort(np.concatenate(order))).to(images.device)]
        return images.to(batch.default) if target is None else target.copy_(images)

    return batch.render(fill, (size, size), value_range, dtype, out)


def spread_columns(heat: np.ndarray, sample: Any, **_: Any) -> np.ndarray:
    """Project heat over time and another axis back to the times: a column's sum to the column's window."""
    return spread_rows(heat.sum(axis=-2), sample)
