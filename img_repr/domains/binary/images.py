"""Render binaries to images: the layout of the bytes of each, and one pass over them."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import DataError, DegenerateSampleWarning, ParameterError
from img_repr.core.image import ValueRange, check_sides, render, resolve_dtype
from img_repr.core.numbers import is_integer
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.layout import Curve, Layout, Rows
from img_repr.domains.binary.pieces import Piece, Runs, count_of, pieces_of, runs_of
from img_repr.domains.binary.sample import BinaryBatch
from img_repr.domains.binary.views import View, draw
from img_repr.domains.binary.width import Width, image_width

Size: TypeAlias = int | tuple[int, int] | None
LayoutName: TypeAlias = Literal["rows", "hilbert"]

_MOST_MATRIX = 1 << 26  # bytes of the largest binary rendered byte by byte
_LARGEST_SQUARE = 4096
_TOGETHER = 1 << 18  # bytes of small binaries rendered side by side
_PIXELS_AT_ONCE = 1 << 19


@dataclass(frozen=True)
class Place:
    """Layout of the bytes of one binary in its image.

    Parameters
    ----------
    runs : tuple of (int, int)
        Ranges of bytes that are read.
    layout : Layout
        Layout of those bytes.
    """

    runs: Runs
    layout: Layout

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of the image in pixels."""
        return self.layout.sides


@dataclass(frozen=True)
class Unplaced:
    """A square image in which bytes have no place of their own.

    Parameters
    ----------
    runs : tuple of (int, int)
        Ranges of bytes that are read.
    size : int
    """

    runs: Runs
    size: int
    layout: None = None

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of the image in pixels."""
        return self.size, self.size


def check_square(caller: str, size: Any) -> int:
    """Side of a square image in pixels, at most 4096."""
    if not is_integer(size, 1, _LARGEST_SQUARE):
        raise ParameterError(f"{caller}: expected size to be 1 to {_LARGEST_SQUARE} pixels, got {size!r}")
    return int(size)


def check_size(caller: str, size: Any) -> tuple[int, int] | None:
    """Height and width in pixels; None where the matrix itself is wanted."""
    return None if size is None else check_sides(caller, size)


def place_bytes(
    caller: str, length: int, layout: str, size: Size, width: Width, kilobyte: int, max_bytes: int | None
) -> Place:
    """Choose the bytes to read of a binary of that length, and their layout.

    Parameters are those of the encoders. Without ``size`` rows are a matrix of the bytes, the curve 256 pixels wide.

    Raises
    ------
    ParameterError
        If a parameter is out of range, or a matrix would be larger than 64 MiB.
    """
    if layout == "hilbert":
        runs = runs_of(caller, length, max_bytes)
        return Place(runs, Curve(count_of(runs), check_square(caller, 256 if size is None else size)))
    if layout != "rows":
        raise ParameterError(f'{caller}: expected layout to be "rows" or "hilbert", got {layout!r}')
    wide = image_width(caller, length, width, kilobyte)
    runs = runs_of(caller, length, max_bytes, wide)
    count, sides = count_of(runs), check_size(caller, size)
    if sides is None:
        sides = -(-count // wide), wide
        if sides[0] * sides[1] > _MOST_MATRIX:
            raise ParameterError(
                f"{caller}: expected a size for a binary of {count} bytes, got none; its matrix is larger than "
                f"{_MOST_MATRIX} pixels"
            )
    return Place(runs, Rows(count, wide, *sides))


def render_images(
    batch: BinaryBatch,
    place: Callable[[int], Place | Unplaced],
    views: Callable[[Any, int, bool], Sequence[View]],
    *,
    value_range: ValueRange,
    dtype: Any,
    out: Any,
    channels: int | None = None,
) -> Any:
    """Render binaries, each in one pass, small ones of one length side by side, into ``out`` or a new array.

    Parameters
    ----------
    batch : BinaryBatch
    place
        ``place(length)`` returns the layout of a binary of that length. Smaller images are at the top left, padded
        with zeros.
    views
        ``views(layout, n, precise)`` returns fresh views of n binaries, in float64 where ``precise``.
    value_range, dtype, out
        As :func:`img_repr.core.image.render` takes them.
    channels : int, optional
        C, where the encoder has channels.
    """
    lengths = [len(one) for one in batch.binaries]
    if 0 in lengths:
        raise DataError(
            f"{batch.binaries[lengths.index(0)].content}: expected bytes, got none; the file became shorter"
        )
    placed = lru_cache(maxsize=64)(place)
    heights, widths = zip(*(placed(length).sides for length in {*lengths}), strict=True)
    sides = max(heights), max(widths)
    _warn_of_unknown(batch)
    precise, planes, latest = _is_double(batch.caller, dtype, out), channels or 1, dict[int, np.ndarray]()

    def rendered(numbers: range) -> Iterator[tuple[int, np.ndarray]]:
        """Yield images of several binaries at once, ``(n, C, h, w)``, with the number of the first."""
        number = numbers.start
        while number < numbers.stop:
            images = latest.get(number)
            if images is None:
                at_most = max(1, _PIXELS_AT_ONCE // (planes * sides[0] * sides[1]))
                here = placed(lengths[number])
                at_most = 1 if len(here.runs) > 1 else min(at_most, numbers.stop - number)
                group = _alike(batch.binaries, lengths, number, at_most)
                n, pieces = len(group), pieces_of(group[0], here.runs) if len(group) == 1 else [_side_by_side(group)]
                made = views(here.layout, n, precise)
                for view in made:
                    view.begin(group, here.runs)
                images = draw(made, pieces, here.layout, n=n, sides=here.sides, precise=precise)
                np.clip(images, *value_range, out=images)
                latest.clear()
                latest[number + n - 1] = images[-1:]  # the slice after this may want its other channels
            yield number, images
            number += len(images)

    def fill(rows: slice, target: Tensor | None) -> Tensor:
        wanted = range(*rows.indices(len(lengths) * planes))
        target = torch.empty((len(wanted), *sides)) if target is None else target
        for number, images in rendered(range(wanted.start // planes, -(-wanted.stop // planes))):
            flat = torch.from_numpy(images.reshape(-1, *images.shape[-2:]))
            begin, first, stop = number * planes, max(wanted.start, number * planes), number * planes + len(flat)
            part = flat[first - begin : min(wanted.stop, stop) - begin]
            images_here = target[first - wanted.start :][: len(part)]
            if part.shape[1:] != images_here.shape[1:]:
                images_here.zero_()
            images_here[:, : part.shape[1], : part.shape[2]] = part
        return target

    return render(
        fill,
        caller=batch.caller,
        shape=(*batch.leading, *(() if channels is None else (channels,)), *sides),
        value_range=value_range,
        kind=batch.kind,
        default=torch.float32,
        device=batch.device,
        dtype=dtype,
        out=out,
    )


def _is_double(caller: str, dtype: Any, out: Any) -> bool:
    wanted = dtype if out is None else getattr(out, "dtype", dtype)
    return wanted is not None and resolve_dtype(caller, wanted) == torch.float64


def _alike(binaries: Sequence[Binary], lengths: Sequence[int], first: int, at_most: int) -> Sequence[Binary]:
    """Binaries from one on that can be rendered side by side: small, in memory, of one length, all bytes known."""
    length = lengths[first]
    at_most = min(at_most, _TOGETHER // length)
    stop = first
    while stop < first + at_most and lengths[stop] == length and _is_plain(binaries[stop]):
        stop += 1
    return binaries[first : max(stop, first + 1)]


def _is_plain(binary: Binary) -> bool:
    return binary.known is None and isinstance(binary.content, np.ndarray)


def _side_by_side(binaries: Sequence[Binary]) -> Piece:
    return Piece(0, np.stack([one.read() for one in binaries]), None, False)


def _warn_of_unknown(batch: BinaryBatch) -> None:
    unknown = [number for number, one in enumerate(batch.binaries) if one.known is not None and not np.any(one.known)]
    if unknown:
        warnings.warn(
            f"{batch.caller}: of {len(unknown)} of {len(batch.binaries)} binaries (first: number {unknown[0]}) "
            "no byte is "
            "known: their image is blank",
            DegenerateSampleWarning,
            stacklevel=3,
        )
