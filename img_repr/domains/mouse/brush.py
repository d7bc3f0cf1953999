"""The brush: paints drawings on any device in plain torch, as many images at a time as scratch memory holds.

On a CPU :class:`img_repr.domains.mouse.raster.Raster` paints the same, several times as fast.
"""

import torch
from torch import Tensor

from img_repr.domains.mouse.drawing import Drawing

_PIXELS_AT_ONCE = 1 << 24
_MANY_STEPS = 1 << 14  # in one image: their sums want double precision


class Brush:
    """Paints one drawing.

    Parameters
    ----------
    drawing : Drawing
    """

    def __init__(self, drawing: Drawing) -> None:
        self.drawing = drawing
        strokes = drawing.strokes
        inks = drawing.inks.index_select(1, strokes.owner)
        counts = torch.cat((torch.ones_like(inks[:1]), inks)).mul_(strokes.weight)
        steps = torch.bincount(strokes.pixels.strokes.image, minlength=1)
        self.counts = counts.double() if int(steps.max()) > _MANY_STEPS else counts

    @torch.inference_mode()
    def paint(self, begin: int, end: int, out: Tensor) -> None:
        """Paint some images of the batch into ``out``, contiguous, shape (end - begin, C, H * W)."""
        at_once = max(1, _PIXELS_AT_ONCE // self.drawing.pixels)
        for first in range(begin, end, at_once):
            last = min(first + at_once, end)
            self._paint_at_once(first, last, out[first - begin : last - begin])

    def _paint_at_once(self, first: int, last: int, out: Tensor) -> None:
        strokes, marks = self.drawing.strokes, self.drawing.marks
        largest = torch.zeros((last - first) * self.drawing.pixels, device=out.device)
        sums = self.counts.new_zeros((len(self.counts), len(largest)))
        for touches in strokes.pixels.touched(first, last):
            _keep_largest(largest, touches.pixel, touches.coverage)
            stroke = touches.stroke
            for total, one in zip(sums, self.counts, strict=True):
                total.scatter_add_(0, touches.pixel, touches.coverage * one.index_select(0, stroke))
        share = largest / sums[0].clamp(min=torch.finfo(sums.dtype).tiny)
        for plane, one in enumerate(sums[1:]):
            out[:, plane] = (share * one).view(last - first, -1)
        if marks is not None:
            largest.zero_()
            for touches in marks.pixels.touched(first, last):
                _keep_largest(largest, touches.pixel, touches.coverage * marks.weight.index_select(0, touches.stroke))
            out[:, -1] = largest.view(last - first, -1)


def _keep_largest(largest: Tensor, pixel: Tensor, values: Tensor) -> None:
    """Raise pixels to values of 0 or more, where those are larger.

    The bits of such numbers, read as whole numbers, rise as they do, and are compared without a branch: in half the
    time.
    """
    largest.view(torch.int32).scatter_reduce_(0, pixel, values.view(torch.int32), "amax")
