"""The brush: paints drawings, some pictures at a time, in scratch memory that stays small and is used again."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from img_repr.domains.mouse.clock import true_at
from img_repr.domains.mouse.drawing import Drawing

INK = 0.25  # of a stroke whose value is 0; paper is 0
_MANY_STEPS = 1 << 14  # in one picture: their sums want double precision


class _Most(NamedTuple):
    """Pixels of one plane, and steps, that are worked at together."""

    pixels: int
    steps: int


_AT_ONCE = {"cpu": _Most(1 << 20, 1 << 12)}
_ON_A_DEVICE = _Most(1 << 25, 1 << 22)


@dataclass(frozen=True, eq=False)
class _Painted:
    """Pixels of some planes of some pictures, those that are not blank.

    Parameters
    ----------
    first_plane : int
    place : Tensor of int64, shape (D,)
        Rising, counted through pictures of all planes, in plane 0.
    values : Tensor, shape (planes, D)
    """

    first_plane: int
    place: Tensor
    values: Tensor


class Brush:
    """Paints one drawing.

    Parameters
    ----------
    drawing : Drawing
    """

    def __init__(self, drawing: Drawing) -> None:
        self.drawing = drawing
        device = drawing.values.device
        most = _AT_ONCE.get(device.type, _ON_A_DEVICE)
        self.count = len(drawing.field.left_px)
        pictures = min(most.pixels // drawing.pixels, most.steps * self.count // len(drawing.steps.begin))
        self.at_once = min(self.count, max(1, pictures))
        size = self.at_once * drawing.pixels
        longest = int(drawing.steps.trace.bincount().max())
        precision = np.float64 if longest > _MANY_STEPS else np.float32
        self.coverage = torch.from_numpy(np.zeros(size, np.float32)).to(device)  # costs nothing where it stays blank
        self.sums = torch.from_numpy(np.zeros((1 + len(drawing.values), size), precision)).to(device)
        values = drawing.values
        self.values = [values.index_select(1, layer.owner) for layer in drawing.layers]
        self.painted: list[_Painted] = []
        self.first = self.last = 0  # pictures that are painted

    def paint(self, begin: int, end: int, out: Tensor) -> None:
        """Paint some pictures of the batch into ``out``, contiguous, shape (end - begin, C, H * W)."""
        out.zero_()
        while begin < end:
            if not self.first <= begin < self.last:
                self.first, self.last = begin, min(self.count, begin + self.at_once)
                self.painted = [self._paint_steps()]
                if self.drawing.marks is not None:
                    self.painted.append(self._paint_marks())
            until = min(end, self.last)
            for painted in self.painted:
                self._put(painted, begin, until, out[: until - begin])
            begin, out = until, out[until - begin :]

    def _paint_steps(self) -> _Painted:
        total, *sums = self.sums
        for layer, values in zip(self.drawing.layers, self.values, strict=True):
            for touches in layer.pixels.touched(self.first, self.last):
                pixel = touches.pixel.view(-1)
                self.coverage.scatter_reduce_(0, pixel, touches.coverage.view(-1), "amax")
                weight = touches.coverage * layer.weight.index_select(0, touches.stroke)
                total.scatter_add_(0, pixel, weight.view(-1).to(total.dtype))
                for plane, value in zip(sums, values, strict=True):
                    weighed = weight * value.index_select(0, touches.stroke)
                    plane.scatter_add_(0, pixel, weighed.view(-1).to(plane.dtype))
        pixel, place, ink = self._taken()
        per_weight = (1.0 - INK) * ink / total.index_select(0, pixel)
        means = torch.stack([plane.index_select(0, pixel) for plane in sums])
        self.sums[:, : (self.last - self.first) * self.drawing.pixels] = 0.0  # quicker than at the pixels
        return _Painted(0, place, means.mul_(per_weight).add_(ink, alpha=INK))

    def _paint_marks(self) -> _Painted:
        for layer in self.drawing.marks or ():
            for touches in layer.pixels.touched(self.first, self.last):
                bright = touches.coverage * layer.weight.index_select(0, touches.stroke)
                self.coverage.scatter_reduce_(0, touches.pixel.view(-1), bright.view(-1), "amax")
        _, place, bright = self._taken()
        return _Painted(self.drawing.planes - 1, place, bright[None])

    def _taken(self) -> tuple[Tensor, Tensor, Tensor]:
        """Take what is covered out of the scratch memory: the pixels of one plane, their places in all, how much."""
        count, pixels = self.last - self.first, self.drawing.pixels
        coverage = self.coverage[: count * pixels]
        on_cpu = coverage.device.type == "cpu"  # where numpy compares six times as fast
        pixel = torch.from_numpy(np.flatnonzero(coverage.numpy() > 0)) if on_cpu else true_at(coverage > 0)
        covered = coverage.index_select(0, pixel)
        coverage.zero_()
        begins = torch.arange(count + 1, device=pixel.device) * pixels
        counts = torch.searchsorted(pixel, begins).diff()
        further = begins[:-1] * (self.drawing.planes - 1)
        return pixel, pixel + torch.repeat_interleave(further, counts, output_size=len(pixel)), covered

    def _put(self, painted: _Painted, begin: int, end: int, out: Tensor) -> None:
        """Write pictures that are painted into memory that is blank."""
        size = self.drawing.planes * self.drawing.pixels
        start = (begin - self.first) * size
        bounds = torch.tensor([start, start + (end - begin) * size], device=out.device)
        low, high = torch.searchsorted(painted.place, bounds).tolist()
        place = painted.place[low:high]
        for plane, values in enumerate(painted.values[:, low:high], painted.first_plane):
            out.view(-1).index_copy_(0, place + (plane * self.drawing.pixels - start), values.to(out.dtype))
