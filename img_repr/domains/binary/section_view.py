"""View of the bytes of each pixel in sections of one kind, as declared by ELF and PE headers."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.layout import Layout
from img_repr.domains.binary.pieces import Piece, Runs, in_runs
from img_repr.domains.binary.section_tables import Kind, Section
from img_repr.domains.binary.sections import ranges_of
from img_repr.domains.binary.views import MeanView


class SectionView(MeanView):
    """Fraction of each pixel's known bytes that lie in sections of a kind; 0 where a file has no table of sections.

    Parameters
    ----------
    layout : Layout
    n : int
    kind : str
        As of :class:`~img_repr.domains.binary.sections.Section`.
    sections_of
        ``sections_of(binary)`` returns the sections; several views may share its result.
    options
        As of :class:`~img_repr.domains.binary.views.MeanView`.
    """

    def __init__(
        self, layout: Layout, n: int, kind: Kind, sections_of: Callable[[Binary], list[Section]], **options: Any
    ) -> None:
        super().__init__(layout, n, **options)
        self._kind, self._sections_of = kind, sections_of
        self._ranges: list[np.ndarray] = []

    def begin(self, binaries: Sequence[Binary], runs: Runs) -> None:
        """Read the tables of sections."""
        self._ranges = [in_runs(ranges_of(self._sections_of(one), self._kind), runs) for one in binaries]

    def add(self, piece: Piece) -> None:
        """Add the bytes that lie in such sections."""
        inside = np.zeros(piece.values.shape, np.uint8)
        for row, ranges in zip(inside, self._ranges, strict=True):
            begin = np.searchsorted(ranges[:, 1], piece.first, "right")
            end = np.searchsorted(ranges[:, 0], piece.first + len(row))
            for first, stop in (ranges[begin:end] - piece.first).clip(min=0).tolist():
                row[first:stop] = 1
        if inside.any():
            self.gather(piece.first, inside, piece.known)
