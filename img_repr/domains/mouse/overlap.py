"""Overlap: what strokes make of the pixels that they share, the largest coverage and sums of what each stroke counts.

One way is for a CPU and what fits its cache, the other for any device and size. Both work in scratch memory of a number
for each pixel, which they find blank and leave blank.
"""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from img_repr.domains.mouse.clock import above_zero_at
from img_repr.domains.mouse.strokes import Touches


def overlap_at_once(scratch: Tensor, touches: Touches, counts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Overlap strokes on a CPU, the sums as the product of a sparse matrix with a dense one.

    Parameters
    ----------
    scratch : Tensor of float32, shape (P,)
        0 everywhere, before and after.
    touches : Touches
    counts : Tensor of float32 or float64, shape (M, V)
        What each stroke counts in each of V sums.

    Returns
    -------
    pixel : Tensor of int64, shape (K,)
        Pixels that are covered, rising.
    coverage : Tensor of float32, shape (K,)
        The largest of each.
    sums : Tensor of the type of ``counts``, shape (V, K)
        Of what the strokes at each count, times their coverage of it.

    Examples
    --------
    >>> runs, pixel = (torch.tensor([0, 1]), torch.tensor([1, 2])), torch.tensor([7, 7, 9])
    >>> touches = Touches(*runs, pixel, torch.tensor([0.5, 1.0, 0.25]))
    >>> overlap_at_once(torch.zeros(12), touches, torch.tensor([[4.0, 6.0], [1.0, 0.0]]))
    (tensor([7, 9]), tensor([1.0000, 0.2500]), tensor([[3.0000, 0.2500],
            [3.0000, 0.0000]]))
    """
    from scipy.sparse import csc_array

    keep_largest(scratch, touches.pixel, touches.coverage)
    pixel = above_zero_at(scratch)
    coverage = scratch.index_select(0, pixel)
    places = scratch.view(torch.int32)  # the same memory now tells where among the K a pixel is
    places.index_copy_(0, pixel, torch.arange(len(pixel), dtype=torch.int32))
    place = places.index_select(0, touches.pixel)
    scratch.index_fill_(0, pixel, 0.0)
    begins = torch.zeros(len(touches.count) + 1, dtype=torch.int32)  # a column for each run of a stroke's pixels
    torch.cumsum(touches.count, 0, dtype=torch.int32, out=begins[1:])
    entries = (touches.coverage.to(counts.dtype).numpy(), place.numpy(), begins.numpy())
    shares = csc_array(entries, shape=(len(pixel), len(touches.count)))
    return pixel, coverage, torch.from_numpy(shares @ counts.index_select(0, touches.owner).numpy()).T


def overlap_in_parts(scratch: Tensor, touched: Iterable[Touches], counts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Overlap strokes that come in parts, on any device, sum by sum; else as :func:`overlap_at_once` does."""
    blank = np.zeros((counts.shape[1], len(scratch)), np.float64 if counts.dtype == torch.float64 else np.float32)
    sums = torch.from_numpy(blank).to(scratch.device)  # costs nothing where it stays blank
    for touches in touched:
        keep_largest(scratch, touches.pixel, touches.coverage)
        stroke = touches.stroke
        for total, one in zip(sums, counts.T, strict=True):
            total.scatter_add_(0, touches.pixel, touches.coverage * one.index_select(0, stroke))
    pixel, coverage = lift(scratch)
    return pixel, coverage, sums.index_select(1, pixel)


def keep_largest(scratch: Tensor, pixel: Tensor, values: Tensor) -> None:
    """Raise pixels to values of 0 or more, where those are larger.

    The bits of such numbers, read as whole numbers, rise as they do, and are compared without a branch: in half the
    time.
    """
    scratch.view(torch.int32).scatter_reduce_(0, pixel, values.view(torch.int32), "amax")


def lift(scratch: Tensor) -> tuple[Tensor, Tensor]:
    """Take what is above 0 out of scratch memory: the pixels, rising, and their values."""
    pixel = above_zero_at(scratch)
    values = scratch.index_select(0, pixel)
    scratch.index_fill_(0, pixel, 0.0)
    return pixel, values
