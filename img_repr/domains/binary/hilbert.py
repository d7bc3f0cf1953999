"""Hilbert image: the bytes of a file along a curve on which neighbors in the file stay neighbors in the image."""

from collections.abc import Sequence
from typing import Any, Literal

from img_repr.core.metadata import encoder
from img_repr.domains.binary.back_projection import BackProjection
from img_repr.domains.binary.byte_class import level_table
from img_repr.domains.binary.images import Place, check_square, place_bytes, render_images
from img_repr.domains.binary.layout import Layout
from img_repr.domains.binary.sample import BINARY, check_binaries
from img_repr.domains.binary.views import TableView, View

_NAME = "hilbert"


def _place(length: int, size: int, max_bytes: int | None) -> Place:
    return place_bytes(_NAME, length, "hilbert", check_square(_NAME, size), "nataraj", 1024, max_bytes)


@encoder(
    BINARY,
    differentiable=False,
    untraceable="numpy indexing over the layout of a file's bytes, which depends on its length",
    value_range=(0.0, 255.0),
    reference="Cortesi 2011, Visualizing binaries with space-filling curves; Hilbert 1891",
    back_project=BackProjection(_place),
)
def encode_hilbert(
    binaries: Any,
    *,
    size: int = 256,
    levels: Literal["byte", "class"] = "byte",
    max_bytes: int | None = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode binaries along the Hilbert curve: the start at the top left, the end at the top right.

    A binary is cut into as many equal parts as the square has cells; a cell is the mean of its part, to which every
    byte counts by its fraction in it, or, where cells outnumber bytes, the byte that it lies in. Every binary fills the
    image, whatever its length. Unknown bytes do not count; a pixel without any is 0.

    Parameters
    ----------
    binaries : bytes, uint8 array (L,) or (N, L), path, Binary, or a list of those
        numpy or torch. Files are read in constant memory.
    size : int
        Side of the image in pixels, 1 to 4096. The curve needs a power of two: any other size is the area mean of
        the next larger one.
    levels : {"byte", "class"}
        Meaning of a gray level: the byte itself, or its class: 0 for 0x00, 64 for control characters, 128 for
        text, 191 for 0x80 to 0xFE, 255 for 0xFF.
    max_bytes : int, optional
        Most bytes to read of a file, as in :func:`encode_byteplot`. Default: all.
    dtype, out : optional
        As in :func:`encode_byteplot`.

    Returns
    -------
    ndarray or Tensor, shape (size, size) or (N, size, size)
        From 0 to 255.

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
    A. Cortesi: Visualizing binaries with space-filling curves, 2011; D. Hilbert: Ueber die stetige Abbildung einer
    Linie auf ein Flaechenstueck, Mathematische Annalen 38, 1891.

    Examples
    --------
    >>> from img_repr import encode_hilbert
    >>> encode_hilbert(bytes(range(16)), size=4, dtype="uint8")
    array([[ 0,  1, 14, 15],
           [ 3,  2, 13, 12],
           [ 4,  7,  8, 11],
           [ 5,  6,  9, 10]], dtype=uint8)
    """
    batch = check_binaries(binaries, caller=_NAME)
    table = level_table(_NAME, levels)

    def views(layout: Layout, n: int, precise: bool) -> Sequence[View]:
        return [TableView(layout, n, table, precise=precise)]

    return render_images(
        batch,
        lambda length: _place(length, size, max_bytes),
        views,
        value_range=(0.0, 255.0),
        dtype=dtype,
        out=out,
    )
