"""Views: channels of an image of bytes, gathered piece by piece; several use one pass and one layout."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from img_repr.domains.binary.area import area_weights
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.counting import PairCounts
from img_repr.domains.binary.layout import Layout
from img_repr.domains.binary.pieces import Piece, Runs
from img_repr.domains.binary.sliding_entropy import SlidingEntropy

Scale: TypeAlias = Literal["log", "sqrt", "markov"]
SCALES: tuple[Scale, ...] = ("log", "sqrt", "markov")
_HALVINGS = (2, 4, 8, 16, 32, 64, 128)  # sizes of images that distinguish upper bits of a byte


class Cover(NamedTuple):
    """Number of known bytes under each pixel of a layout.

    Parameters
    ----------
    known : ndarray of float32 or float64, shape (n, H, W) or (1, H, W)
        Known bytes, in fractions.
    divisor : ndarray, same shape
        The same; infinite where none is known, so that the mean is 0 there.
    """

    known: np.ndarray
    divisor: np.ndarray

    @classmethod
    def of(cls, known: np.ndarray) -> "Cover":
        """Return the cover for a number of known bytes per pixel."""
        some = known > 0.0
        return cls(known, known if some.all() else np.where(some, known, np.inf))


class View(ABC):
    """One channel of an image of n binaries of one length."""

    def begin(self, binaries: Sequence[Binary], runs: Runs) -> None:
        """Prepare for a batch: called once, before the first piece, with the binaries and the ranges that are read."""
        return None

    @abstractmethod
    def add(self, piece: Piece) -> None:
        """Take the bytes that follow those taken before."""

    @abstractmethod
    def write(self, images: np.ndarray, cover: Cover) -> None:
        """Write the images into ``(n, H, W)``."""


class MeanView(View):
    """Mean of a signal over the known bytes of each pixel, times ``unit``; 0 without a known byte.

    Parameters
    ----------
    layout : Layout
    n : int
    unit : float
    precise : bool
        Weigh in float64 instead of float32, whose means are right to some 1e-6 of their range.
    """

    def __init__(self, layout: Layout, n: int, *, unit: float = 1.0, precise: bool = False) -> None:
        self._layout, self._sums = layout, layout.begin(n)
        self._unit, self._precise = unit, precise

    def gather(self, first: int, signal: np.ndarray, known: np.ndarray | None = None) -> None:
        """Add a signal ``(n, K)`` of the bytes from number ``first`` on, of those that are known."""
        if known is not None:
            signal = signal * known
        self._layout.add(self._sums, first, signal.astype(np.float64) if self._precise else signal)

    def write(self, images: np.ndarray, cover: Cover) -> None:
        """Write the means."""
        images[:] = self._layout.image(self._sums)
        images /= cover.divisor
        if self._unit != 1.0:
            images *= self._unit


class TableView(MeanView):
    """Mean of a table's values, uint8 ``(256,)``; without a table, of the bytes themselves."""

    def __init__(self, layout: Layout, n: int, table: np.ndarray | None = None, **options: Any) -> None:
        super().__init__(layout, n, **options)
        self._table = table

    def add(self, piece: Piece) -> None:
        """Add the values of known bytes."""
        self.gather(piece.first, _looked_up(self._table, piece.values), piece.known)


class NearestView(View):
    """Value of the one byte under the center of each pixel; 0 where none is or it is not known."""

    def __init__(self, layout: Layout, n: int, table: np.ndarray | None = None) -> None:
        centers = layout.centers()
        self._table = table
        order = np.argsort(centers, axis=None, kind="stable")
        self._pixels = order[np.count_nonzero(centers < 0) :]
        self._bytes = centers.ravel()[self._pixels]  # rising
        self._found = np.zeros((n, centers.size))

    def add(self, piece: Piece) -> None:
        """Pick those of the bytes that lie under a center."""
        count = piece.values.shape[1]
        start, stop = np.searchsorted(self._bytes, [piece.first, piece.first + count])
        picked = self._bytes[start:stop] - piece.first
        found = _looked_up(self._table, piece.values[:, picked])
        self._found[:, self._pixels[start:stop]] = found if piece.known is None else found * piece.known[:, picked]

    def write(self, images: np.ndarray, cover: Cover) -> None:
        """Write the values."""
        images[:] = self._found.reshape(images.shape)


class EntropyView(MeanView):
    """Mean entropy around the bytes of each pixel, in bits."""

    def __init__(self, layout: Layout, n: int, *, window: int, step: int, **options: Any) -> None:
        super().__init__(layout, n, **options)
        self._entropy = SlidingEntropy(layout.length, window, step)

    def add(self, piece: Piece) -> None:
        """Add the entropies that these bytes complete."""
        first, bits = self._entropy.add(piece.first, piece.values, piece.known)
        if bits.size:
            self.gather(first, bits)


class MaskView(View):
    """Fraction of each pixel that known bytes cover."""

    def __init__(self, layout: Layout) -> None:
        self._unit = 1.0 / layout.area

    def add(self, piece: Piece) -> None:
        """Add nothing: known bytes are counted once for all views."""

    def write(self, images: np.ndarray, cover: Cover) -> None:
        """Write the fractions."""
        images[:] = cover.known * self._unit


class PairView(View):
    """Counts of pairs of neighboring bytes, the first of each from top to bottom, the second from left to right.

    Parameters
    ----------
    n, size : int
    scale : {"log", "sqrt", "markov"}
    """

    def __init__(self, n: int, size: int, scale: Scale) -> None:
        self._size, self._scale = size, scale
        self._pairs = PairCounts(n, size.bit_length() - 1 if size in _HALVINGS else 8)

    def add(self, piece: Piece) -> None:
        """Count the pairs."""
        self._pairs.add(piece.values, piece.known, piece.follows)

    def write(self, images: np.ndarray, cover: Cover) -> None:
        """Write the scaled counts; 0 where there is no pair."""
        counts = summed_pairs(self._pairs.counts, self._size)
        total = np.maximum(self._pairs.counts.sum(axis=(1, 2))[:, None, None], 1)
        if self._scale == "log":
            images[:] = np.log1p(counts) / np.log1p(total)
        elif self._scale == "sqrt":
            images[:] = np.sqrt(counts / total)
        else:
            images[:] = counts / Cover.of(counts.sum(axis=2, keepdims=True)).divisor


def summed_pairs(counts: np.ndarray, size: int) -> np.ndarray:
    """Bring counts of pairs ``(n, B, B)`` to ``(n, size, size)`` by sums over areas."""
    if counts.shape[1] == size:
        return np.asarray(counts, np.float64)
    fractions = area_weights(0, counts.shape[1], counts.shape[1], size)[1].toarray()
    return np.asarray(fractions @ counts @ fractions.T)


def draw(
    views: Sequence[View],
    pieces: Iterable[Piece],
    layout: Layout | None,
    *,
    n: int,
    sides: tuple[int, int],
    precise: bool = False,
) -> np.ndarray:
    """Show every piece to every view, once, and give the images, ``(n, C, H, W)``; C views.

    Parameters
    ----------
    views : sequence of View
    pieces : iterable of Piece
        Of n binaries of one length side by side.
    layout : Layout or None
        Layout that counts the known bytes of each pixel.
    n : int
    sides : (int, int)
        Height and width of the images.
    precise : bool
        Give float64 instead of float32.
    """
    known = None
    for piece in pieces:
        if piece.known is not None and layout is not None:
            known = layout.begin(n) if known is None else known
            layout.add(known, piece.first, piece.known.astype(np.float64))
        for view in views:
            view.add(piece)
    images = np.empty((n, len(views), *sides), np.float64 if precise else np.float32)
    covered = np.zeros((1, 1, 1))
    if layout is not None:
        covered = layout.covered()[None] if known is None else layout.image(known)
    cover = Cover.of(covered.astype(images.dtype))
    for channel, view in enumerate(views):
        view.write(images[:, channel], cover)
    return images


def _looked_up(table: np.ndarray | None, values: np.ndarray) -> np.ndarray:
    if table is None:
        return values
    return np.frombuffer(values.tobytes().translate(table.tobytes()), np.uint8).reshape(values.shape)
