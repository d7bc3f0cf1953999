"""Strokes: the one kernel that draws, exact in distance, anti-aliased, touching only the pixels that it draws.

The coverage of a pixel by a stroke of width w is ``clamp(w / 2 + 1 / 2 - d, 0, 1)``, d being the distance in pixels
from the pixel's centre to the stroke's middle line: a segment, a point, or a ring about a point. That of a picture is
the largest of its strokes', so that joints and crossings are no darker than the rest. Everything is plain torch, on the
device where the strokes lie.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from img_repr.domains.mouse.clock import true_at

_COLUMNS_AT_ONCE = {"cpu": 1 << 15}  # of four to five pixels: the arrays of a pass stay in a core's cache
_COLUMNS_ON_A_DEVICE = 1 << 22


@dataclass(frozen=True, eq=False)
class Strokes:
    """Strokes of one width in pictures of one size.

    Parameters
    ----------
    picture : Tensor of int64, shape (M,)
        Number of the picture, not falling.
    u0, v0, u1, v1 : Tensor of float64, shape (M,)
        Both ends in picture pixels: u to the right and v down, whole numbers being centres of pixels.
    width : float
        In picture pixels.
    ring : float
        Radius of the rings about ``(u0, v0)`` whose line has that width; 0 for strokes. A ring has equal ends.
    """

    picture: Tensor
    u0: Tensor
    v0: Tensor
    u1: Tensor
    v1: Tensor
    width: float
    ring: float = 0.0

    @property
    def reach(self) -> float:
        """Distance in pixels beyond which nothing is drawn."""
        return self.ring + self.width / 2.0 + 0.5


@dataclass(frozen=True, eq=False)
class Touches:
    """Pixels about some strokes: in each of Q columns across them, K pixels one beside the other.

    Parameters
    ----------
    stroke : Tensor of int64, shape (Q,)
        Which stroke of all.
    pixel : Tensor of int64, shape (K, Q)
        ``(picture * height + row) * width + column``; any pixel where the coverage is 0.
    coverage : Tensor of float32, shape (K, Q)
        From 0 to 1.
    """

    stroke: Tensor
    pixel: Tensor
    coverage: Tensor


def clip(strokes: Strokes, height: int, width: int, margin: float) -> tuple[Strokes, Tensor, Tensor]:
    """Cut off what lies farther than ``margin`` pixels outside the edges of the picture.

    Returns
    -------
    inside : Strokes
        What is left.
    which : Tensor of int64
        Of which strokes.
    share : Tensor of float64
        Which share of the length of each is left; 1 of a point.
    """
    sides = ((strokes.u0, strokes.u1, width), (strokes.v0, strokes.v1, height))
    low = torch.zeros_like(strokes.u0)
    high = torch.ones_like(strokes.u0)
    inside = torch.ones(low.shape, dtype=torch.bool, device=low.device)
    if not len(low) or all(_between(ends, margin, side) for *both, side in sides for ends in both):
        return strokes, torch.arange(len(low), device=low.device), high
    for begin, end, side in sides:
        along = end - begin
        moving = along != 0
        least, most = -0.5 - margin, side - 0.5 + margin
        at = [torch.where(moving, (edge - begin) / along, math.nan) for edge in (least, most)]
        low = torch.fmax(low, torch.minimum(*at))  # fmax and fmin pass over NaN
        high = torch.fmin(high, torch.maximum(*at))
        inside &= moving | ((begin >= least) & (begin <= most))
    which = true_at(inside & (low <= high))
    low, high, u0, v0, u1, v1 = (
        one.index_select(0, which) for one in (low, high, strokes.u0, strokes.v0, strokes.u1, strokes.v1)
    )
    picture = strokes.picture.index_select(0, which)
    u0, v0, u1, v1 = (torch.lerp(a, b, share) for share in (low, high) for a, b in ((u0, u1), (v0, v1)))
    return Strokes(picture, u0, v0, u1, v1, strokes.width, strokes.ring), which, high - low


def _between(ends: Tensor, margin: float, side: int) -> bool:
    low, high = torch.aminmax(ends)
    return bool(low >= -0.5 - margin) and bool(high <= side - 0.5 + margin)


class StrokePixels:
    """Finds the pixels that strokes touch.

    A stroke flatter than the diagonal is followed column by column, and in a column only the few pixels about it are
    looked at; a steeper one likewise row by row, as if rows were columns. What tells where a stroke is, is counted from
    a whole column and row near its beginning, so that its pixels may be found in single precision.

    Parameters
    ----------
    strokes : Strokes
        Clipped: a stroke costs a column for each pixel of its longer side.
    height, width : int
        Of the pictures.
    """

    def __init__(self, strokes: Strokes, height: int, width: int) -> None:
        self.strokes, self.size, self.sides = strokes, height * width, (height, width)
        reach = strokes.reach
        turned = (strokes.v1 - strokes.v0).abs() > (strokes.u1 - strokes.u0).abs()
        p0, p1 = torch.where(turned, strokes.v0, strokes.u0), torch.where(turned, strokes.v1, strokes.u1)
        q0, q1 = torch.where(turned, strokes.u0, strokes.v0), torch.where(turned, strokes.u1, strokes.v1)
        back = p0 > p1
        p0, p1 = torch.minimum(p0, p1), torch.maximum(p0, p1)
        q0, q1 = torch.where(back, q1, q0), torch.where(back, q0, q1)
        span, rise, base = p1 - p0, q1 - q0, q0.floor()
        slope = rise / span.clamp(min=torch.finfo(span.dtype).tiny)
        stretch = (slope * slope + 1.0).sqrt_()
        first = (p0 - reach).ceil_().clamp_(min=0.0)
        last = (p1 + reach).floor_().minimum(torch.where(turned, height - 1.0, width - 1.0))
        self.columns = (last - first).add_(1.0).clamp_(min=0.0).long()
        column, row = torch.where(turned, width, 1), torch.where(turned, 1, width)
        self.origin = first.long() * column + base.long() * row
        self.floats = torch.stack((first - p0, span, slope, q0 - base, 1.0 / stretch, base)).float()
        self.most = math.floor(2.0 * reach * math.sqrt(2.0)) + 1  # pixels that may be near, in a column
        room = torch.where(turned, width - 1.0, height - 1.0)
        self.at_edge = (torch.minimum(q0, q1) <= self.most) | (torch.maximum(q0, q1) >= room - self.most)
        self.kind = turned.byte() + 2 * (
            2.0 * reach * stretch < self.most - 1.0
        )  # turned or not, one pixel fewer or not

    def touched(self, begin: int = 0, end: int | None = None) -> Iterator[Touches]:
        """Find the pixels of some pictures' strokes, a bounded number at a time; a stroke's own all come together.

        Parameters
        ----------
        begin, end : int
            First picture, from which pixels are counted, and the one after the last. Default: all.
        """
        device = self.columns.device
        part = slice(None)
        if end is not None:
            part = slice(*torch.searchsorted(self.strokes.picture, torch.tensor([begin, end], device=device)).tolist())
        kinds = self.kind[part]
        if not len(kinds):
            return
        at_once = _COLUMNS_AT_ONCE.get(device.type, _COLUMNS_ON_A_DEVICE)
        for kind in range(4):
            which = true_at(kinds == kind) + (part.start or 0)
            ends = self.columns.index_select(0, which).cumsum(0)
            for first, last in _pieces(ends, at_once):
                yield from self._of_piece(which[first:last], kind, begin)

    def _of_piece(self, which: Tensor, kind: int, first_picture: int) -> Iterator[Touches]:
        turned, tall = kind % 2 == 1, self.most - kind // 2
        height, width = self.sides
        step, down = (width, 1) if turned else (1, width)
        device, reach = which.device, self.strokes.reach
        columns = self.columns.index_select(0, which)
        starts = columns.cumsum(0)
        total = int(starts[-1])
        if not total:
            return
        starts = starts - columns
        pictures = (self.strokes.picture.index_select(0, which) - first_picture) * self.size
        origins = (self.origin.index_select(0, which) + pictures).sub_(starts, alpha=step)
        floats = self.floats.index_select(1, which)
        within = torch.repeat_interleave(columns, output_size=total)
        ahead = torch.arange(total, dtype=torch.float32, device=device) - starts.float().index_select(0, within)
        offset, span, slope, at, cosine = (one.index_select(0, within) for one in floats[:5])
        ahead += offset
        top = (
            (at - reach / cosine).addcmul_(slope, ahead.clamp(min=0.0).minimum(span)).ceil_()
        )  # first row that is near
        beside, sine = top - at, slope * cosine
        to_line, from_begin = beside * cosine - ahead * sine, ahead * cosine + beside * sine
        origin = torch.arange(0, total * step, step, device=device).add_(origins.index_select(0, within))
        origin.add_(top.long(), alpha=down)
        distance, past = torch.empty((2, tall, total), device=device)
        pixel = torch.empty((tall, total), dtype=torch.int64, device=device)
        for row in range(tall):
            torch.add(to_line, cosine, alpha=row, out=distance[row])
            torch.add(from_begin, sine, alpha=row, out=past[row])
            torch.add(origin, row * down, out=pixel[row])
        past -= past.clamp(min=0.0).minimum(span.div_(cosine))  # what lies beyond an end
        distance.square_().addcmul_(past, past).sqrt_()
        if self.strokes.ring:
            distance.sub_(self.strokes.ring).abs_()
        coverage = distance.neg_().add_(self.strokes.width / 2.0 + 0.5).clamp_(0.0, 1.0)
        if bool(self.at_edge.index_select(0, which).any()):
            rows = top + floats[5].index_select(0, within) + torch.arange(tall, device=device)[:, None]
            inside = (rows >= 0) & (rows < (width if turned else height))
            coverage *= inside
            pixel *= inside
        yield Touches(which.index_select(0, within), pixel, coverage)


def _pieces(ends: Tensor, at_once: int) -> Iterator[tuple[int, int]]:
    """Cut strokes into runs of about ``at_once`` columns, by their running total."""
    if not len(ends):
        return
    marks = torch.tensor(range(at_once, int(ends[-1]), at_once), dtype=torch.int64, device=ends.device)
    cuts = [0, *torch.unique(torch.searchsorted(ends, marks) + 1).tolist(), len(ends)]
    yield from ((begin, end) for begin, end in itertools.pairwise(cuts) if begin < end)
