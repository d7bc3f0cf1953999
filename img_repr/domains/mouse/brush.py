"""The brush: paints drawings, some pictures at a time, in scratch memory that stays small and is used again."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from img_repr.domains.mouse.clock import above_zero_at
from img_repr.domains.mouse.drawing import Drawing

INK = 0.25  # of a stroke whose value is 0; paper is 0
_FEW = 8  # pixels of which one is drawn: fewer are sooner found than all are worked at
_MANY_STEPS = 1 << 14  # in one picture: their sums want double precision


class _Most(NamedTuple):
    """Pixels of one plane, and steps, that are worked at together."""

    pixels: int
    steps: int


_AT_ONCE = {"cpu": _Most(1 << 20, 1 << 13)}
_ON_A_DEVICE = _Most(1 << 25, 1 << 22)


class Brush:
    """Paints one drawing; its scratch memory is blank but while pictures are worked at.

    Parameters
    ----------
    drawing : Drawing
    """

    def __init__(self, drawing: Drawing) -> None:
        self.drawing = drawing
        device, planes = drawing.values.device, len(drawing.values)
        most = _AT_ONCE.get(device.type, _ON_A_DEVICE)
        self.count = len(drawing.field.left_px)
        pictures = min(most.pixels // drawing.pixels, most.steps * self.count // len(drawing.steps.begin))
        self.at_once = min(self.count, max(1, pictures))
        shape = (self.at_once, drawing.pixels)
        precision = np.float64 if int(drawing.steps.trace.bincount().max()) > _MANY_STEPS else np.float32
        self.coverage = torch.from_numpy(np.zeros(shape, np.float32)).to(device)  # costs nothing where it stays blank
        self.marks = torch.from_numpy(np.zeros(shape if drawing.marks else (), np.float32)).to(device)
        self.sums = torch.from_numpy(np.zeros((1 + planes, *shape), precision)).to(device)
        self.values = [drawing.values.index_select(1, layer.owner) for layer in drawing.layers]
        self.first = self.last = 0  # pictures that are in the scratch memory

    def paint(self, begin: int, end: int, out: Tensor) -> None:
        """Paint some pictures of the batch into ``out``, contiguous, shape (end - begin, C, H * W)."""
        while begin < end:
            if not self.first <= begin < self.last:
                self.first, self.last = begin, min(self.count, begin + self.at_once)
                self._collect()
            until = min(end, self.last)
            self._put(slice(begin - self.first, until - self.first), out[: until - begin])
            begin, out = until, out[until - begin :]

    def _collect(self) -> None:
        """Collect coverage, weighted sums of values and marks of the pictures at hand in memory that is blank."""
        coverage, (total, *sums) = self.coverage.view(-1), self.sums.flatten(1)
        for layer, values in zip(self.drawing.layers, self.values, strict=True):
            for touches in layer.pixels.touched(self.first, self.last):
                pixel = touches.pixel.view(-1)
                coverage.scatter_reduce_(0, pixel, touches.coverage.view(-1), "amax")
                weight = touches.coverage * layer.weight.index_select(0, touches.stroke)
                total.scatter_add_(0, pixel, weight.view(-1).to(total.dtype))
                for plane, value in zip(sums, values, strict=True):
                    weighed = weight * value.index_select(0, touches.stroke)
                    plane.scatter_add_(0, pixel, weighed.view(-1).to(plane.dtype))
        for layer in self.drawing.marks or ():
            for touches in layer.pixels.touched(self.first, self.last):
                bright = touches.coverage * layer.weight.index_select(0, touches.stroke)
                self.marks.view(-1).scatter_reduce_(0, touches.pixel.view(-1), bright.view(-1), "amax")

    def _put(self, pictures: slice, out: Tensor) -> None:
        """Write pictures, and blank their scratch memory; where little is drawn, only that is looked at."""
        coverage, sums = self.coverage[pictures].view(-1), self.sums[:, pictures].flatten(1)
        drawn = above_zero_at(coverage)
        few = _FEW * len(drawn) < len(coverage)
        if few:
            ink, (total, *means) = coverage.index_select(0, drawn), (one.index_select(0, drawn) for one in sums)
        else:
            ink, (total, *means) = coverage, sums
        share = torch.mul(ink, 1.0 - INK).div_(total.clamp_(min=torch.finfo(total.dtype).tiny))
        ink = ink * INK
        if few:
            out.zero_()
            _write(out, 0, drawn, [torch.addcmul(ink, mean, share) for mean in means])
            for scratch in (coverage, *sums):
                scratch.index_fill_(0, drawn, 0.0)
        else:
            ink, share = ink.view(-1, out.shape[-1]), share.view(-1, out.shape[-1])
            for plane, mean in enumerate(means):
                torch.addcmul(ink, mean.view(ink.shape), share, out=out[:, plane])
            out[:, len(means) :] = 0.0
            coverage.zero_()
            sums.zero_()
        if self.drawing.marks:
            marks = self.marks[pictures].view(-1)
            marked = above_zero_at(marks)
            _write(out, len(means), marked, [marks.index_select(0, marked)])
            marks.index_fill_(0, marked, 0.0)


def _write(out: Tensor, plane: int, pixel: Tensor, values: list[Tensor]) -> None:
    """Write values of planes from ``plane`` on at pixels, rising and counted through pictures of one plane."""
    count, planes, pixels = out.shape
    begins = torch.arange(count + 1, device=out.device) * pixels
    counts = torch.searchsorted(pixel, begins).diff()
    further = begins[:-1] * (planes - 1) + plane * pixels
    place = pixel + torch.repeat_interleave(further, counts, output_size=len(pixel))
    for one in values:
        out.view(-1).index_copy_(0, place, one.to(out.dtype))
        place += pixels
