"""Views: what a picture shows of bytes, gathered piece by piece; several share one pass and one layout."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from img_repr.domains.binary.area import area_weights
from img_repr.domains.binary.layout import Layout
from img_repr.domains.binary.pairs import PairCounts
from img_repr.domains.binary.pieces import Piece
from img_repr.domains.binary.sliding_entropy import SlidingEntropy

Scale: TypeAlias = Literal["log", "sqrt", "markov"]
SCALES: tuple[Scale, ...] = ("log", "sqrt", "markov")
_HALVINGS = (2, 4, 8, 16, 32, 64, 128)  # sizes of pictures that tell the upper bits of a byte apart


class Cover(NamedTuple):
    """What is known under each pixel of a layout.

    Parameters
    ----------
    known : ndarray of float64, shape (n, H, W) or (1, H, W)
        Known bytes, in shares.
    inverse : ndarray of float64, same shape
        One divided by that; 0 where none is known.
    """

    known: np.ndarray
    inverse: np.ndarray

    @classmethod
    def of(cls, known: np.ndarray) -> "Cover":
        """Invert what is known."""
        return cls(known, np.divide(1.0, known, out=np.zeros_like(known), where=known > 0.0))


class View(ABC):
    """One channel of a picture of n binaries of one length."""

    @abstractmethod
    def add(self, piece: Piece) -> None:
        """Take the bytes that follow those taken before."""

    @abstractmethod
    def write(self, images: np.ndarray, cover: Cover) -> None:
        """Write the images into ``(n, H, W)``."""


class TableView(View):
    """Mean of a table's values over the bytes of each pixel, times ``unit``; without a table, of the bytes themselves.

    A pixel without a known byte is 0.

    Parameters
    ----------
    layout : Layout
    n : int
    table : ndarray of uint8, shape (256,), optional
    unit : float
    precise : bool
        Weigh in float64 instead of float32, whose means are right to some 1e-6 of their range.
    """

    def __init__(
        self,
        layout: Layout,
        n: int,
        table: np.ndarray | None = None,
        *,
        unit: float = 1.0,
        precise: bool = False,
    ) -> None:
        self._layout, self._sums = layout, layout.begin(n)
        self._table, self._unit, self._precise = table, unit, precise

    def add(self, piece: Piece) -> None:
        """Add the values of known bytes."""
        signal = _looked_up(self._table, piece.values)
        if piece.known is not None:
            signal = signal * piece.known
        self._layout.add(self._sums, piece.first, signal.astype(np.float64) if self._precise else signal)

    def write(self, images: np.ndarray, cover: Cover) -> None:
        """Write the means."""
        _write_means(images, self._layout.picture(self._sums), cover, self._unit)


class NearestView(View):
    """Value of the one byte under the centre of each pixel; 0 where none is or it is not known."""

    def __init__(self, layout: Layout, n: int, table: np.ndarray | None = None) -> None:
        centres = layout.centres()
        self._table = table
        order = np.argsort(centres, axis=None, kind="stable")
        self._pixels = order[np.count_nonzero(centres < 0) :]
        self._bytes = centres.ravel()[self._pixels]  # rising
        self._found = np.zeros((n, centres.size))

    def add(self, piece: Piece) -> None:
        """Pick those of the bytes that lie under a centre."""
        count = piece.values.shape[1]
        start, stop = np.searchsorted(self._bytes, [piece.first, piece.first + count])
        picked = self._bytes[start:stop] - piece.first
        found = _looked_up(self._table, piece.values[:, picked])
        self._found[:, self._pixels[start:stop]] = found if piece.known is None else found * piece.known[:, picked]

    def write(self, images: np.ndarray, cover: Cover) -> None:
        """Write the values."""
        images[:] = self._found.reshape(images.shape)


class EntropyView(View):
    """Mean entropy around the bytes of each pixel, in bits times ``unit``; 0 without a known byte."""

    def __init__(
        self, layout: Layout, n: int, *, window: int, step: int, unit: float = 1.0, precise: bool = False
    ) -> None:
        self._layout, self._sums = layout, layout.begin(n)
        self._entropy = SlidingEntropy(layout.length, window, step)
        self._unit, self._precise = unit, precise

    def add(self, piece: Piece) -> None:
        """Add what can be said with these bytes."""
        first, bits = self._entropy.add(piece.first, piece.values, piece.known)
        if bits.size:
            self._layout.add(self._sums, first, bits.astype(np.float64) if self._precise else bits)

    def write(self, images: np.ndarray, cover: Cover) -> None:
        """Write the means."""
        _write_means(images, self._layout.picture(self._sums), cover, self._unit)


class MaskView(View):
    """Share of each pixel that known bytes cover."""

    def __init__(self, layout: Layout) -> None:
        self._unit = 1.0 / layout.area

    def add(self, piece: Piece) -> None:
        """Take nothing: what is known is gathered for all views together."""

    def write(self, images: np.ndarray, cover: Cover) -> None:
        """Write the shares."""
        images[:] = cover.known * self._unit


class PairView(View):
    """Counts of pairs of neighbouring bytes, the first of each from top to bottom, the second from left to right.

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
            images[:] = counts * Cover.of(counts.sum(axis=2, keepdims=True)).inverse


def summed_pairs(counts: np.ndarray, size: int) -> np.ndarray:
    """Bring counts of pairs ``(n, B, B)`` to ``(n, size, size)`` by sums over areas."""
    if counts.shape[1] == size:
        return np.asarray(counts, np.float64)
    shares = area_weights(0, counts.shape[1], counts.shape[1], size)[1].toarray()
    return np.asarray(shares @ counts @ shares.T)


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
        Where views ask what is known under their pixels.
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
    covered = np.zeros((1, 1, 1))
    if layout is not None:
        covered = layout.covered()[None] if known is None else layout.picture(known)
    cover, images = Cover.of(covered), np.empty((n, len(views), *sides), np.float64 if precise else np.float32)
    for channel, view in enumerate(views):
        view.write(images[:, channel], cover)
    return images


def _looked_up(table: np.ndarray | None, values: np.ndarray) -> np.ndarray:
    if table is None:
        return values
    return np.frombuffer(values.tobytes().translate(table.tobytes()), np.uint8).reshape(values.shape)


def _write_means(images: np.ndarray, sums: np.ndarray, cover: Cover, unit: float) -> None:
    np.multiply(sums, cover.inverse if unit == 1.0 else cover.inverse * unit, out=images, casting="same_kind")
