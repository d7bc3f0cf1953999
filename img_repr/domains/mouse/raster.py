"""Painting of drawings: ``Raster`` on a CPU with numba, ``Brush`` on any device in torch; both give the same images.

``Raster`` works image by image in a small scratch buffer, in double precision. Rows of an image are divided into blocks
of eight pixels, and all eight pixels of a block near a stroke are computed, so that a CPU can use vector instructions.
Compiling takes two seconds once, loading half a second per process.
"""

import functools
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from img_repr.domains.mouse.drawing import Drawing, Layer

_LANES = 8  # pixels of a block
_EIGHT = np.uint64(_LANES)  # unsigned: an index that may be negative prevents vectorization of a loop
_SUMS = 4  # of a group, stored after the largest coverage
_GROUP = (1 + _SUMS) * _LANES
_BLOCKS = 1 << 16  # in scratch: larger images are painted in bands of rows
_LAY = "void(float64[:,::1], float64[:,::1], int64, int64, int64, int64, int64, float64[::1], boolean[:,::1])"
_LIFT = "void(float64[::1], boolean[:,::1], int64, int64, int64, int64, {}[:,::1])"


def lay_strokes(
    strokes: np.ndarray,
    counts: np.ndarray,
    begin: int,
    end: int,
    top: int,
    bottom: int,
    width: int,
    scratch: np.ndarray,
    touched: np.ndarray,
) -> None:
    """Paint strokes into a band of an image.

    Parameters
    ----------
    strokes : ndarray of float64, shape (7, M)
        u0, v0, u1, v1, width, ring, and factor of the coverage in the maximum, of each.
    counts : ndarray of float64, shape (M, 4 G)
        Weight of each in 4 G sums.
    begin, end : int
        The strokes of the image.
    top, bottom, width : int
        The first row of the band, the one after the last, and the pixels of a row.
    scratch : ndarray of float64, shape (R * B * G * 40,)
        For each of B blocks in R rows and each of G groups, eight by eight: the largest coverage so far and four sums.
    touched : ndarray of bool, shape (R, B)
        Set for blocks near strokes.
    """
    blocks, groups = touched.shape[1], counts.shape[1] // _SUMS
    for m in range(begin, end):
        du, dv = strokes[2, m] - strokes[0, m], strokes[3, m] - strokes[1, m]
        u, v = (strokes[0, m] + strokes[2, m]) / 2.0, (strokes[1, m] + strokes[3, m]) / 2.0
        outer, ring, level = strokes[4, m] / 2.0 + 0.5, strokes[5, m], strokes[6, m]
        reach = outer + ring
        high, wide = abs(dv) / 2.0 + reach, abs(du) / 2.0 + reach
        first, last = max(top, math.ceil(v - high)), min(bottom - 1, math.floor(v + high))
        if first > last:
            continue
        left, right = max(0.0, u - wide), min(width - 1.0, u + wide)
        half = math.sqrt(du * du + dv * dv) / 2.0
        cosine, sine = (du / half / 2.0, dv / half / 2.0) if half > 0.0 else (1.0, 0.0)
        slope, half_width = (cosine / sine, reach / abs(sine)) if sine != 0.0 else (0.0, math.inf)
        for row in range(first, last + 1):
            b = row - v
            low, high = max(left, u + b * slope - half_width), min(right, u + b * slope + half_width)
            if low > high:
                continue
            for block in range(int(low) // _LANES, int(high) // _LANES + 1):
                touched[row - top, block] = True
                a = block * _LANES - u  # with b the way from the stroke's middle to the block's first pixel
                along, aside = a * cosine + b * sine, b * cosine - a * sine
                for group in range(groups):
                    nth = group * _SUMS
                    one, two, three, four = counts[m, nth], counts[m, nth + 1], counts[m, nth + 2], counts[m, nth + 3]
                    start = np.uint64((((row - top) * blocks + block) * groups + group) * _GROUP)
                    for lane in range(_EIGHT):
                        past = abs(along + np.int32(lane) * cosine) - half
                        past = past if past > 0.0 else 0.0  # max() would branch
                        off = aside - np.int32(lane) * sine
                        cover = outer - abs(math.sqrt(past * past + off * off) - ring)
                        cover = cover if cover > 0.0 else 0.0
                        cover = cover if cover < 1.0 else 1.0
                        at = start + lane
                        scratch[at] = cover * level if cover * level > scratch[at] else scratch[at]
                        scratch[at + _EIGHT] += cover * one
                        scratch[at + _EIGHT * np.uint64(2)] += cover * two
                        scratch[at + _EIGHT * np.uint64(3)] += cover * three
                        scratch[at + _EIGHT * np.uint64(4)] += cover * four


def lift_planes(
    scratch: np.ndarray, touched: np.ndarray, groups: int, top: int, bottom: int, width: int, planes: np.ndarray
) -> None:
    """Write a band into blank planes, ``(P, H * W)``, and clear scratch.

    A plane is the largest coverage times a sum, from the second on, over the first.
    """
    blocks = touched.shape[1]
    for row in range(bottom - top):
        for block in range(blocks):
            if not touched[row, block]:
                continue
            touched[row, block] = False
            start = np.uint64((row * blocks + block) * groups * _GROUP)
            for lane in range(_EIGHT):
                total = scratch[start + _EIGHT + lane]
                scratch[start + lane] = scratch[start + lane] / (total if total > 0.0 else 1.0)
            pixel = np.uint64((top + row) * width + block * _LANES)
            shown = np.uint64(min(_LANES, width - block * _LANES))
            for nth in range(1, len(planes) + 1):
                begin = start + np.uint64(nth // _SUMS * _GROUP + (1 + nth % _SUMS) * _LANES)
                for lane in range(shown):
                    planes[nth - 1, pixel + lane] = scratch[start + lane] * scratch[begin + lane]
            for lane in range(np.uint64(groups * _GROUP)):
                scratch[start + lane] = 0.0


@functools.cache
def compiled(function: Callable[..., None], signature: str) -> Callable[..., None]:
    """Compile a function, once for all processes if numba can cache it."""
    import numba

    make = functools.partial(numba.njit, signature, nogil=True, error_model="numpy")
    try:
        return make(cache=True)(function)
    except Exception:  # no cache folder, or a full or broken one; errors in the function itself are raised below
        return make()(function)


class _Plates:
    """Arguments of the compiled functions for a layer: strokes, and their weights in each sum.

    Parameters
    ----------
    layer : Layer
    images : int
    level : ndarray, shape (M,)
        Factor of the coverage of each stroke in the maximum.
    inks : ndarray, shape (P, M)
        Brightness of each stroke in each plane.
    """

    def __init__(self, layer: Layer, images: int, level: np.ndarray, inks: np.ndarray) -> None:
        strokes = layer.pixels.strokes
        ring = torch.zeros_like(strokes.width) if strokes.ring is None else strokes.ring
        columns = (strokes.u0, strokes.v0, strokes.u1, strokes.v1, strokes.width, ring)
        self.strokes = np.stack([*(one.numpy() for one in columns), level], dtype=np.float64)
        self.ends = np.searchsorted(strokes.image.numpy(), np.arange(images + 1)).tolist()
        self.planes, self.groups = len(inks), 1 + len(inks) // _SUMS
        self.counts = np.zeros((len(level), self.groups * _SUMS))
        self.counts[:, 0] = layer.weight.numpy()
        np.multiply(inks.T, self.counts[:, :1], out=self.counts[:, 1 : 1 + self.planes])


class Raster:
    """Paints one drawing, on a CPU.

    Parameters
    ----------
    drawing : Drawing
    """

    def __init__(self, drawing: Drawing) -> None:
        self.drawing = drawing
        field, strokes, marks = drawing.field, drawing.strokes, drawing.marks
        images, steps = len(field.left_px), len(strokes.owner)
        self.layers = [_Plates(strokes, images, np.ones(steps), drawing.inks.index_select(1, strokes.owner).numpy())]
        if marks is not None:
            self.layers.append(_Plates(marks, images, marks.weight.numpy(), np.ones((1, len(marks.owner)))))
        blocks = -(-field.width // _LANES)
        self.touched = np.zeros((min(field.height, max(1, _BLOCKS // blocks)), blocks), bool)
        self.scratch = np.zeros(self.touched.size * max(one.groups for one in self.layers) * _GROUP)

    def paint(self, begin: int, end: int, out: Tensor) -> None:
        """Paint some images of the batch into ``out``, contiguous, shape (end - begin, C, H * W)."""
        lay = compiled(lay_strokes, _LAY)
        lift = compiled(lift_planes, _LIFT.format(str(out.dtype).removeprefix("torch.")))
        height, width, rows = self.drawing.field.height, self.drawing.field.width, len(self.touched)
        for number, image in enumerate(out.detach().numpy(), begin):
            image.fill(0.0)
            for top in range(0, height, rows):
                band, plane = (top, min(top + rows, height), width), 0
                for one in self.layers:
                    lay(one.strokes, one.counts, *one.ends[number : number + 2], *band, self.scratch, self.touched)
                    lift(self.scratch, self.touched, one.groups, *band, image[plane : plane + one.planes])
                    plane += one.planes


_PIXELS_AT_ONCE = 1 << 24
_MANY_STEPS = 1 << 14  # in one image: their sums need double precision


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
        fraction = largest / sums[0].clamp(min=torch.finfo(sums.dtype).tiny)
        for plane, one in enumerate(sums[1:]):
            out[:, plane] = (fraction * one).view(last - first, -1)
        if marks is not None:
            largest.zero_()
            for touches in marks.pixels.touched(first, last):
                _keep_largest(largest, touches.pixel, touches.coverage * marks.weight.index_select(0, touches.stroke))
            out[:, -1] = largest.view(last - first, -1)


def _keep_largest(largest: Tensor, pixel: Tensor, values: Tensor) -> None:
    """Set pixels to the maximum of themselves and values of 0 or more.

    The bits of such floats are ordered like integers, whose comparison without a branch takes half the time.
    """
    largest.view(torch.int32).scatter_reduce_(0, pixel, values.view(torch.int32), "amax")
