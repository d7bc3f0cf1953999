"""The brush: paints drawings, some pictures at a time, in scratch memory that stays small and is used again."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from img_repr.domains.mouse.drawing import Drawing
from img_repr.domains.mouse.overlap import keep_largest, lift, overlap_at_once, overlap_in_parts
from img_repr.domains.mouse.strokes import PIXELS_AT_ONCE, PIXELS_ON_A_DEVICE

INK = 0.25  # of a stroke whose value is 0; paper is 0
_SCRATCH = {"cpu": 1 << 20}  # pixels
_SCRATCH_ON_A_DEVICE = 1 << 25
_WRITTEN = {"cpu": 1 << 18}  # pixels of all planes: they are blanked, and drawn on while a core's cache has them
_MANY_STEPS = 1 << 14  # in one picture: their sums want double precision


class _Drawn(NamedTuple):
    """What is drawn in some planes of the pictures at hand."""

    pixel: Tensor  # (K,), rising, counted through the pictures
    planes: list[Tensor]  # (K,) each
    cuts: list[int]  # where each picture begins among the K, and the end


class Brush:
    """Paints one drawing; its scratch memory is blank but while pictures are worked at.

    Parameters
    ----------
    drawing : Drawing
    """

    def __init__(self, drawing: Drawing) -> None:
        self.drawing, self.count = drawing, len(drawing.field.left_px)
        strokes, device = drawing.strokes, drawing.values.device
        self.at_once = max(1, min(self.count, _SCRATCH.get(device.type, _SCRATCH_ON_A_DEVICE) // drawing.pixels))
        scratch = np.zeros(self.at_once * drawing.pixels, np.float32)  # costs nothing where it stays blank
        self.scratch = torch.from_numpy(scratch).to(device)
        ends = torch.searchsorted(strokes.pixels.strokes.picture, torch.arange(self.count + 1, device=device))
        cost = torch.cat((ends[:1], strokes.pixels.cost.cumsum(0)))
        self.cost = cost.index_select(0, ends).cpu().numpy()  # of the pictures before each
        inks = drawing.values.index_select(1, strokes.owner).mul_(1.0 - INK).add_(INK)
        counts = torch.cat((torch.ones_like(inks[:1]), inks)).mul_(strokes.weight).T.contiguous()
        self.counts = counts.double() if int(ends.diff().max()) > _MANY_STEPS else counts
        self.first = self.last = 0  # pictures at hand
        self.drawn: list[_Drawn] = []

    @torch.inference_mode()
    def paint(self, begin: int, end: int, out: Tensor) -> None:
        """Paint some pictures of the batch into ``out``, contiguous, shape (end - begin, C, H * W)."""
        at_once = max(1, _WRITTEN.get(out.device.type, out.numel()) // out[0].numel())
        while begin < end:
            if not self.first <= begin < self.last:
                self._collect(begin)
            until = min(end, self.last, begin + at_once)
            self._write(out[: until - begin], begin - self.first)
            begin, out = until, out[until - begin :]

    def _collect(self, first: int) -> None:
        """Collect what is drawn in pictures from ``first`` on: in one at least, and in no more than fit."""
        device = self.scratch.device
        most = PIXELS_AT_ONCE.get(device.type, PIXELS_ON_A_DEVICE)
        fit = int(np.searchsorted(self.cost, self.cost[first] + most, side="right")) - 1
        self.first, self.last = first, min(self.count, first + self.at_once, max(first + 1, fit))
        scratch = self.scratch[: (self.last - first) * self.drawing.pixels]
        strokes, marks = self.drawing.strokes, self.drawing.marks
        touched = strokes.pixels.touched(first, self.last)
        only = next(touched, None) if device.type == "cpu" and fit > first else None
        if only is not None:
            pixel, coverage, sums = overlap_at_once(scratch, only, self.counts)
        else:
            pixel, coverage, sums = overlap_in_parts(scratch, touched, self.counts)
        total, *inks = sums
        share = coverage.div_(total.clamp(min=torch.finfo(total.dtype).tiny))
        self.drawn = [self._drawn(pixel, [share * one for one in inks])]
        if marks is not None:
            for touches in marks.pixels.touched(first, self.last):
                keep_largest(scratch, touches.pixel, touches.coverage * marks.weight.index_select(0, touches.stroke))
            pixel, brightness = lift(scratch)
            self.drawn.append(self._drawn(pixel, [brightness]))

    def _drawn(self, pixel: Tensor, planes: list[Tensor]) -> _Drawn:
        begins = torch.arange(self.last - self.first + 1, device=pixel.device) * self.drawing.pixels
        return _Drawn(pixel, planes, torch.searchsorted(pixel, begins).tolist())

    def _write(self, out: Tensor, first: int) -> None:
        """Write the pictures from ``first`` on, of those at hand."""
        out.zero_()
        flat, (count, planes, pixels), plane = out.view(-1), out.shape, 0
        for drawn in self.drawn:
            cuts = drawn.cuts[first : first + count + 1]
            place = drawn.pixel[cuts[0] : cuts[-1]] + (plane - first) * pixels
            if count > 1:
                further = torch.arange(count, device=place.device) * ((planes - 1) * pixels)
                place += torch.repeat_interleave(further, torch.tensor(cuts, device=place.device).diff())
            for values in drawn.planes:
                flat.index_copy_(0, place, values[cuts[0] : cuts[-1]].to(out.dtype))
                place += pixels
            plane += len(drawn.planes)
