"""Rendering of images of several planes, which are made together."""

from typing import Any

import torch

from img_repr.core.image import Fill, ValueRange, as_buffer, check_fits, render
from img_repr.domains.mouse.sample import TraceBatch


def render_planes(
    fill: Fill, batch: TraceBatch, shape: tuple[int, int, int], value_range: ValueRange, dtype: Any, out: Any
) -> Any:
    """Write the images of a batch of traces; see :func:`img_repr.core.image.render`.

    Parameters
    ----------
    fill
        ``fill(rows, target)`` writes the images of some traces, ``(n, C * H, W)``: an image's planes stand on each
        other.
    batch : TraceBatch
    shape : (int, int, int)
        Planes C, height and width.
    value_range, dtype, out
        As in :func:`img_repr.core.image.render`; the range is finite.

    Returns
    -------
    ndarray or Tensor, shape (C, H, W) of one trace, (N, C, H, W) of several
    """
    planes, height, width = shape
    full, stacked = (*batch.leading, *shape), (len(batch.lengths), planes * height, width)
    buffer = None
    if out is not None:
        buffer = as_buffer(batch.caller, out)
        of_one = (1, *full) if not batch.leading and buffer.ndim == 4 else full
        check_fits(batch.caller, buffer, of_one, batch.device)
        buffer = buffer.view(stacked)
    images = render(
        fill,
        caller=batch.caller,
        shape=stacked,
        value_range=value_range,
        kind=batch.kind,
        default=torch.float32,
        device=batch.device,
        dtype=dtype,
        out=buffer,
    )
    return out if out is not None else images.reshape(full)
