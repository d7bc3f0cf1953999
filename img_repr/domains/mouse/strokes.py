"""Strokes: anti-aliased with exact distances, computed only for nearby pixels.

The coverage of a pixel by a stroke of width w is ``clamp(w / 2 + 1 / 2 - d, 0, 1)``, d being the distance in pixels
from the pixel's center to the stroke's middle line: a segment, a point, or a ring about a point. In an image,
the coverage of a pixel is the largest of all strokes, so that joints and crossings are not darker. Everything here is
plain torch, on the device of the strokes; :mod:`img_repr.domains.mouse.raster` has compiled code for a CPU.
"""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from img_repr.domains.mouse.clock import true_at

PIXELS_AT_ONCE = {"cpu": 1 << 18}  # per chunk: enough to amortize calls, few enough for a core's cache
PIXELS_ON_A_DEVICE = 1 << 24
_ROWS = 4  # pixels near a stroke per chunk: about as many as for the usual width


@dataclass(frozen=True, eq=False)
class Strokes:
    """Strokes in images of one size.

    Parameters
    ----------
    image : Tensor of int64, shape (M,)
        Number of the image, not decreasing.
    u0, v0, u1, v1 : Tensor of float64, shape (M,)
        Both ends in image pixels: u to the right and v down, integers at the centers of pixels.
    width : Tensor of float64, shape (M,)
        In image pixels, at least 1.
    ring : Tensor of float64, shape (M,), optional
        Radius of the ring around ``(u0, v0)`` whose line has this width; 0 for a stroke. The ends of a ring are equal.
        Default: no rings.
    """

    image: Tensor
    u0: Tensor
    v0: Tensor
    u1: Tensor
    v1: Tensor
    width: Tensor
    ring: Tensor | None = None

    def __getitem__(self, part: slice | Tensor) -> "Strokes":
        ring = None if self.ring is None else self.ring[part]
        u0, v0, u1, v1, width = (one[part] for one in (self.u0, self.v0, self.u1, self.v1, self.width))
        return Strokes(self.image[part], u0, v0, u1, v1, width, ring)

    @property
    def reach(self) -> Tensor:
        """Distance in pixels beyond which nothing is drawn, ``(M,)``."""
        reach = self.width / 2.0 + 0.5
        return reach if self.ring is None else reach + self.ring


@dataclass(frozen=True, eq=False)
class Touches:
    """Pixels near some strokes, Q of them in R runs of one stroke each; a pixel near several strokes is repeated.

    Parameters
    ----------
    owner, count : Tensor of int64, shape (R,)
        Stroke and number of pixels of each run.
    pixel : Tensor of int64, shape (Q,)
        ``(image * height + row) * width + column``; any pixel where the coverage is 0.
    coverage : Tensor of float32, shape (Q,)
        From 0 to 1.
    """

    owner: Tensor
    count: Tensor
    pixel: Tensor
    coverage: Tensor

    @property
    def stroke(self) -> Tensor:
        """Stroke of each pixel, ``(Q,)``."""
        return torch.repeat_interleave(self.owner, self.count, output_size=len(self.pixel))


def clip(strokes: Strokes, height: int, width: int, margin: Tensor | float) -> tuple[Strokes, Tensor, Tensor]:
    """Clip strokes farther than ``margin`` pixels outside the edges of the image.

    Returns
    -------
    inside : Strokes
        The remaining parts.
    which : Tensor of int64
        Their strokes.
    fraction : Tensor of float64
        Remaining fraction of the length of each; 1 for a point.
    """
    sides = ((strokes.u0, strokes.u1, width), (strokes.v0, strokes.v1, height))
    low = torch.zeros_like(strokes.u0)
    high = torch.ones_like(strokes.u0)
    if not len(low) or all(_within(ends, side) for *both, side in sides for ends in both):
        return strokes, torch.arange(len(low), device=low.device), high
    inside = torch.ones_like(strokes.u0, dtype=torch.bool)
    for begin, end, side in sides:
        along = end - begin
        moving = along != 0
        least, most = -0.5 - margin, side - 0.5 + margin
        at = [torch.where(moving, (edge - begin) / along, math.nan) for edge in (least, most)]
        low = torch.fmax(low, torch.minimum(*at))  # fmax and fmin pass over NaN
        high = torch.fmin(high, torch.maximum(*at))
        inside &= moving | ((begin >= least) & (begin <= most))
    which = true_at(inside & (low <= high))
    left, low, high = strokes[which], low.index_select(0, which), high.index_select(0, which)
    u0, v0, u1, v1 = (
        torch.lerp(a, b, fraction) for fraction in (low, high) for a, b in ((left.u0, left.u1), (left.v0, left.v1))
    )
    return Strokes(left.image, u0, v0, u1, v1, left.width, left.ring), which, high - low


def _within(ends: Tensor, side: int) -> bool:
    low, high = torch.aminmax(ends)
    return bool(low >= -0.5) and bool(high <= side - 0.5)


class _Columns(NamedTuple):
    """Columns across strokes, Q of them, relative to the first nearby pixel of each; tensors ``(Q,)``."""

    stroke: Tensor
    pixel: Tensor  # its number
    down: Tensor  # what its number grows by from pixel to pixel of the column
    past: Tensor  # how far it lies from the stroke's middle, along the stroke
    sine: Tensor  # what that grows by
    aside: Tensor  # how far it lies from the stroke's middle line
    cosine: Tensor  # what that grows by
    half: Tensor  # of the stroke's length
    outer: Tensor  # distance from which on the coverage is 0
    ring: Tensor | None = None
    row: Tensor | None = None  # its row or, of a turned stroke, column, from the middle of the image
    rows: Tensor | None = None  # how far that may be off

    def at(self, which: Tensor) -> "_Columns":
        fields = {name: one for name, one in self._asdict().items() if one is not None}
        return self._replace(**{name: one.index_select(0, which) for name, one in fields.items()})


class StrokePixels:
    """Finds the pixels that strokes touch.

    A stroke flatter than the diagonal is followed column by column, and only the few pixels near it in each column are
    computed; a steeper one likewise row by row. Positions are relative to a whole pixel near the middle of the stroke,
    so that single precision is sufficient.

    Parameters
    ----------
    strokes : Strokes
        Clipped strokes: each costs one column per pixel of its longer side.
    height, width : int
        Of the images.
    """

    def __init__(self, strokes: Strokes, height: int, width: int) -> None:
        self.strokes, self.size, self.sides = strokes, height * width, (height, width)

    @functools.cached_property
    def cost(self) -> Tensor:
        """Approximate number of pixels computed for each stroke, int64 ``(M,)``."""
        strokes, across = self.strokes, 2.0 * self.strokes.reach
        longer = (strokes.u1 - strokes.u0).abs().maximum((strokes.v1 - strokes.v0).abs())
        return ((longer + across + 1.0) * (1.5 * across)).long()

    def touched(self, begin: int = 0, end: int | None = None) -> Iterator[Touches]:
        """Yield the pixels of some images' strokes, a bounded number at a time; those of a stroke stay together.

        Parameters
        ----------
        begin, end : int
            First image, from which pixels are counted, and the one after the last. Default: all.
        """
        device = self.cost.device
        low, high = 0, len(self.cost)
        if end is not None:
            low, high = torch.searchsorted(self.strokes.image, torch.tensor([begin, end], device=device)).tolist()
        ends = self.cost[low:high].cumsum(0)
        for first, last in _pieces(ends, PIXELS_AT_ONCE.get(device.type, PIXELS_ON_A_DEVICE)):
            yield self._of_piece(low + first, low + last, begin)

    @torch.inference_mode()
    def _of_piece(self, begin: int, end: int, first_image: int) -> Touches:
        columns, near, count = self._columns(self.strokes[begin:end], first_image)
        most = int(near.max())
        cuts = [*range(0, most, _ROWS), most]
        counts = [torch.where(near > first, count, 0).expand(last - first, -1) for first, last in pairwise(cuts)]
        count = torch.cat(counts).view(-1)  # row by row of pixels, stroke by stroke
        owner = torch.arange(begin, end, device=count.device).expand(most, -1).reshape(-1)
        pixel = count.new_empty(int(count.sum()))
        coverage = columns.past.new_empty(pixel.shape)
        filled = 0
        for first, last in pairwise(cuts):
            if first:
                columns = columns.at(true_at((near > first).index_select(0, columns.stroke)))
            part, filled = filled, filled + (last - first) * len(columns.pixel)
            _cover(columns, first, *(one[part:filled].view(last - first, -1) for one in (pixel, coverage)))
        return Touches(owner, count, pixel, coverage)

    def _columns(self, strokes: Strokes, first_image: int) -> tuple[_Columns, Tensor, Tensor]:
        """Return columns across strokes, the number of nearby pixels in the columns of each stroke, and their total.

        From the second block of code on, p is the axis along the longer side of a stroke and q the other.
        """
        (height, width), device = self.sides, strokes.u0.device
        head, tail = torch.stack((strokes.u0, strokes.v0)), torch.stack((strokes.u1, strokes.v1))
        middle = (head + tail) / 2.0
        whole = middle.floor()
        corner = torch.add(whole[0], whole[1], alpha=width).add_(strokes.image - first_image, alpha=self.size)
        to_last = torch.tensor([[width - 1.0], [height - 1.0]], dtype=whole.dtype, device=device) - whole
        positions = torch.stack((tail - head, middle - whole, whole, to_last)).float()

        turned = positions[0, 1].abs() > positions[0, 0].abs()
        (dp, dq), (p, q), (whole_p, whole_q), (last_p, last_q) = torch.where(turned, positions.flip(1), positions)
        half, slope = dp.abs() / 2.0, (dq / dp).nan_to_num_(0.0)
        stretch = (slope * slope).add_(1.0).sqrt_()
        reach, outer = strokes.reach.float(), (strokes.width / 2.0 + 0.5).float()
        high = reach * stretch  # of what is near, to either side of the middle line in a column
        first = (p - half - reach).ceil_().maximum(-whole_p)
        count = (p + half + reach).floor_().minimum(last_p).sub_(first).add_(1.0).clamp_(min=0.0).long()
        near = (2.0 * high).floor_().add_(1.0)
        table = torch.stack((half, slope, q - high, q, 1.0 / stretch, outer))
        begin = (count.cumsum(0) - count).double().sub_(first)
        along = torch.where(turned, width, 1).double()
        corner.addcmul_(begin, along, value=-1.0)
        begin += p
        spread = (dq.abs() / 2.0).add_(high)
        at_edge = bool(((q - spread < -whole_q) | (q + spread + _ROWS > last_q)).any())

        stroke = torch.repeat_interleave(count)
        number = torch.arange(len(stroke), dtype=torch.float64, device=device)  # integers are exact, and fast
        a = (number - begin.index_select(0, stroke)).float()
        half, slope, low, q, cosine, outer = table.index_select(1, stroke)
        b = torch.addcmul(low, slope, a.clamp(-half, half)).ceil_()
        along = along.index_select(0, stroke)
        down = (width + 1.0) - along
        pixel = corner.index_select(0, stroke).addcmul_(number, along).addcmul_(b.double(), down)
        row, rows = None, None
        if at_edge:
            whole_q, last_q = torch.stack((whole_q, last_q)).index_select(1, stroke)
            row, rows = b + (whole_q - last_q) / 2.0, (whole_q + last_q) / 2.0
        b, sine = b - q, slope * cosine
        past, aside = (a * cosine).addcmul_(b, sine), (b * cosine).addcmul_(a, sine, value=-1.0)
        ring = None if strokes.ring is None else strokes.ring.float().index_select(0, stroke)
        half.div_(cosine)
        columns = _Columns(stroke, pixel.long(), down.long(), past, sine, aside, cosine, half, outer, ring, row, rows)
        return columns, near, count


def _cover(columns: _Columns, first: int, pixel: Tensor, coverage: Tensor) -> None:
    """Write number and coverage of the pixels from ``first`` on of each column, ``(K, Q)``."""
    for number, one in enumerate(pixel, first):
        torch.add(columns.pixel, columns.down, alpha=number, out=one)
    count = torch.arange(first, first + len(pixel), device=pixel.device)[:, None]
    past = torch.addcmul(columns.past, columns.sine, count).abs_().sub_(columns.half).clamp_(min=0.0)
    far = torch.addcmul(columns.aside, columns.cosine, count).square_().addcmul_(past, past).sqrt_()
    if columns.ring is not None:
        far.sub_(columns.ring).abs_()
    torch.sub(columns.outer, far, out=coverage).clamp_(0.0, 1.0)
    if columns.row is not None and columns.rows is not None:
        outside = (columns.row + count).abs_() > columns.rows
        coverage.masked_fill_(outside, 0.0)
        pixel.masked_fill_(outside, 0)


def _pieces(ends: Tensor, at_once: int) -> Iterator[tuple[int, int]]:
    """Divide strokes into runs of about ``at_once`` pixels."""
    if not len(ends):
        return
    marks = torch.tensor(range(at_once, int(ends[-1]), at_once), dtype=torch.int64, device=ends.device)
    cuts = [0, *torch.unique(torch.searchsorted(ends, marks) + 1).tolist(), len(ends)]
    yield from ((begin, end) for begin, end in pairwise(cuts) if begin < end)
