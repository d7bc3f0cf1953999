"""Several views of the same bytes as channels of one image, gathered in one pass over the file."""

import functools
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from img_repr.core.errors import ParameterError
from img_repr.core.metadata import ENCODERS, encoder
from img_repr.domains.binary.back_projection import BackProjection, check_heat, heat_on_bytes
from img_repr.domains.binary.bigram import heat_on_pairs, warn_of_no_pair
from img_repr.domains.binary.byte_class import BYTE_CLASSES, class_table
from img_repr.domains.binary.images import (
    LayoutName,
    Place,
    Size,
    place_bytes,
    render_images,
)
from img_repr.domains.binary.layout import Layout
from img_repr.domains.binary.sample import BINARY, check_binaries
from img_repr.domains.binary.section_tables import KINDS, Kind
from img_repr.domains.binary.section_view import SectionView
from img_repr.domains.binary.sections import sections_of
from img_repr.domains.binary.sliding_entropy import check_window
from img_repr.domains.binary.views import EntropyView, MaskView, PairView, TableView, View
from img_repr.domains.binary.width import Width

_NAME = "byteviews"

SECTION_VIEWS: Mapping[str, Kind] = MappingProxyType({f"section_{kind}": kind for kind in KINDS})
VIEWS = ("byte", "entropy", "mask", "bigram", *BYTE_CLASSES, *SECTION_VIEWS)


def _place(length: int, size: Size, layout: str, width: Width, kilobyte: int, max_bytes: int | None) -> Place:
    return place_bytes(_NAME, length, layout, size, width, kilobyte, max_bytes)


class _BackProjection(BackProjection):
    def __call__(self, heat: np.ndarray, sample: Any, **given: Any) -> np.ndarray:
        """Carry ``(C, H, W)`` weights to the bytes: those of bigrams to their pairs, all others by place."""
        binary, place = self.place(sample, given)
        names = _check_views((ENCODERS[_NAME].defaults() | given)["views"])
        heat = check_heat(_NAME, heat, (len(names), *place.sides), len(binary))
        by_pair = np.array(names) == "bigram"
        back = heat_on_bytes(binary, place, heat[~by_pair].sum(axis=0))
        return back + heat_on_pairs(binary, place.runs, heat[by_pair].sum(axis=0)) if by_pair.any() else back


@encoder(
    BINARY,
    differentiable=False,
    untraceable="numpy indexing over the layout of a file's bytes, which depends on its length and sections",
    value_range=(0.0, 1.0),
    reference="Conti, Dean, Sinda & Sangster 2008, Visual Reverse Engineering of Binary and Data Files",
    back_project=_BackProjection(_place),
    channeled=True,
)
def encode_byteviews(
    binaries: Any,
    *,
    size: Size = None,
    views: Sequence[str] = ("byte", "entropy", "text"),
    layout: LayoutName = "rows",
    width: Width = "nataraj",
    kilobyte: int = 1024,
    window: int = 256,
    step: int | None = None,
    max_bytes: int | None = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode binaries as several views of their bytes, a channel each, in one pass over each file.

    All channels but ``"bigram"`` show one place of the file at one place of the image.

    Parameters
    ----------
    binaries : bytes, uint8 array (L,) or (N, L), path, Binary, or a list of those
        numpy or torch. Files are read in constant memory.
    size : int or (int, int), optional
        Side of the image in pixels, along the curve at most 4096, or, in rows, height and width, each at most
        16384. Default: in rows a pixel per byte, of at most 64 MiB; along the curve 256.
    views : sequence of str
        ``"byte"``: the bytes themselves, 1 for 0xFF; ``"entropy"`` around them, 1 for 8 bits; ``"mask"``: the fraction
        of the pixel that known bytes cover, which separates padding from zeros; the fraction of one class of bytes:
        ``"zero"`` (0x00), ``"control"``, ``"text"``, ``"high"`` (0x80 to 0xFE), ``"ff"`` (0xFF); the fraction of bytes
        in sections of one kind as declared by the headers of an ELF or PE file: ``"section_code"``,
        ``"section_data"`` (written when it runs), ``"section_constants"`` (only read), ``"section_symbols"``,
        ``"section_resources"``, ``"section_debug"``, ``"section_other"`` (not loaded), ``"section_header"`` and
        ``"section_overlay"`` (behind the last section), 0 in all other files; ``"bigram"``: counts of pairs as of
        :func:`encode_bigram`, which needs a square image.
    layout : {"rows", "hilbert"}
        As :func:`encode_byteplot` or as :func:`encode_hilbert` lays bytes out.
    width : {"nataraj", "square"} or int
        Bytes in a row, as of :func:`encode_byteplot`.
    kilobyte : {1024, 1000}
        Bytes in a kilobyte of Nataraj's table.
    window, step : int, optional
        Of the entropy, as of :func:`encode_entropy`.
    max_bytes : int, optional
        Most bytes to read of a file, as in :func:`encode_byteplot`. Default: all.
    dtype, out : optional
        As in :func:`encode_byteplot`.

    Returns
    -------
    ndarray or Tensor, shape (C, H, W) or (N, C, H, W)
        From 0 to 1, the channels in the order of ``views``.

    Raises
    ------
    SampleError
        If the input is no binary, empty, or no plain file.
    DataError
        If a file cannot be read, or shrinks during the reading.
    ParameterError
        If a parameter is out of range.

    References
    ----------
    G. Conti, E. Dean, M. Sinda, B. Sangster: Visual Reverse Engineering of Binary and Data Files, VizSec 2008.

    Examples
    --------
    >>> from img_repr import encode_byteviews
    >>> encode_byteviews(b"text" + bytes(3), width=4, views=("text", "zero", "mask"))
    array([[[1., 1., 1., 1.],
            [0., 0., 0., 0.]],
    <BLANKLINE>
           [[0., 0., 0., 0.],
            [1., 1., 1., 0.]],
    <BLANKLINE>
           [[1., 1., 1., 1.],
            [1., 1., 1., 0.]]], dtype=float32)
    """
    batch, names = check_binaries(binaries, caller=_NAME), _check_views(views)
    check_window(_NAME, window, step, 1.0)
    if "bigram" in names:
        warn_of_no_pair(batch)

    def place(length: int) -> Place:
        found = _place(length, size, layout, width, kilobyte, max_bytes)
        if "bigram" in names and (size is None or found.sides[0] != found.sides[1]):
            raise ParameterError(f"{_NAME}: expected one side in pixels as size for bigrams, got {size!r}")
        return found

    def views_of(layout: Layout, n: int, precise: bool) -> list[View]:
        wide, apart = check_window(_NAME, window, step, layout.area)
        tables = functools.cache(sections_of)  # read once for all views
        made: dict[str, View] = {}
        for name in names:
            if name == "byte":
                made[name] = TableView(layout, n, unit=1.0 / 255.0, precise=precise)
            elif name == "entropy":
                made[name] = EntropyView(layout, n, window=wide, step=apart, unit=1.0 / 8.0, precise=precise)
            elif name == "mask":
                made[name] = MaskView(layout)
            elif name == "bigram":
                made[name] = PairView(n, layout.sides[0], "log")
            elif name in SECTION_VIEWS:
                made[name] = SectionView(layout, n, SECTION_VIEWS[name], tables, precise=precise)
            else:
                made[name] = TableView(layout, n, class_table(name), precise=precise)
        return list(made.values())

    return render_images(batch, place, views_of, value_range=(0.0, 1.0), dtype=dtype, out=out, channels=len(names))


def _check_views(views: Any) -> tuple[str, ...]:
    names = tuple(views) if isinstance(views, (tuple, list)) else (views,)
    if not names or any(name not in VIEWS for name in names) or len({*names}) < len(names):
        raise ParameterError(f"{_NAME}: expected views to be some of {', '.join(VIEWS)}, each once, got {views!r}")
    return names
