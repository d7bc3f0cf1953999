"""Byte plot: the bytes of a file as gray levels, row by row."""

from collections.abc import Sequence
from typing import Any, Literal

from img_repr.core.errors import ParameterError
from img_repr.core.metadata import encoder
from img_repr.domains.binary.back_projection import BackProjection
from img_repr.domains.binary.byte_class import level_table
from img_repr.domains.binary.images import Place, Size, place_bytes, render_images
from img_repr.domains.binary.layout import Layout
from img_repr.domains.binary.sample import BINARY, check_binaries
from img_repr.domains.binary.views import NearestView, TableView, View
from img_repr.domains.binary.width import Width

_NAME = "byteplot"


def _place(length: int, size: Size, width: Width, kilobyte: int, max_bytes: int | None) -> Place:
    return place_bytes(_NAME, length, "rows", size, width, kilobyte, max_bytes)


@encoder(
    BINARY,
    differentiable=False,
    untraceable="numpy indexing over the layout of a file's bytes, which depends on its length",
    value_range=(0.0, 255.0),
    reference="Nataraj, Karthikeyan, Jacob & Manjunath 2011, Malware Images: Visualization and Classification",
    back_project=BackProjection(_place),
)
def encode_byteplot(
    binaries: Any,
    *,
    size: Size = None,
    width: Width = "nataraj",
    kilobyte: int = 1024,
    levels: Literal["byte", "class"] = "byte",
    sampling: Literal["mean", "nearest"] = "mean",
    max_bytes: int | None = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode binaries as byte images: the first byte at the top left, row by row.

    With ``size`` a pixel is the mean of the bytes in its area, each weighted by its fraction of the area, so that every
    byte of a file weighs the same whatever its length. Padding after the last byte and unknown bytes do not
    count; a pixel without any byte is 0. The mask of ``encode_byteviews`` separates it from zeros.

    Parameters
    ----------
    binaries : bytes, uint8 array (L,) or (N, L), path, Binary, or a list of those
        numpy or torch. Files are read in constant memory.
    size : int or (int, int), optional
        Side of the image in pixels, or (height, width), each at most 16384. Default: the matrix itself, a pixel
        per byte, of at most 64 MiB; the rest of its last row is 0, and in a batch smaller matrices stand at the top
        left of zeros.
    width : {"nataraj", "square"} or int
        Bytes in a row: by the size of the file as in Nataraj's table 1, 32 below 10 kB to 1024 from 1000 kB on; of
        the smallest square that holds them; or this number.
    kilobyte : {1024, 1000}
        Bytes in a kilobyte of that table.
    levels : {"byte", "class"}
        Meaning of a gray level: the byte itself, or its class: 0 for 0x00, 64 for control characters, 128 for
        text, 191 for 0x80 to 0xFE, 255 for 0xFF.
    sampling : {"mean", "nearest"}
        ``"nearest"`` takes the one byte under the center of each pixel, as most programs do: at 224 pixels it sees
        5 % of a file of 1 MB, and 0.05 % of one of 100 MB.
    max_bytes : int, optional
        Most bytes to read of a file. Of a longer one, evenly spaced blocks of 64 KiB (a 64th of ``max_bytes`` if that
        is less) are read, from start to end, and shown as if they were adjacent. Default: all.
    dtype : optional
        float32 (default), float64, float16, bfloat16 or uint8, which holds matrices exactly.
    out : optional
        A contiguous buffer to write into.

    Returns
    -------
    ndarray or Tensor, shape (H, W) or (N, H, W)
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
    L. Nataraj, S. Karthikeyan, G. Jacob, B. S. Manjunath: Malware Images: Visualization and Automatic Classification,
    VizSec 2011.

    Examples
    --------
    >>> from img_repr import encode_byteplot
    >>> encode_byteplot(b"abcdefg", width=4, dtype="uint8")
    array([[ 97,  98,  99, 100],
           [101, 102, 103,   0]], dtype=uint8)
    >>> encode_byteplot(b"abcdefg", width=4, size=2)
    array([[ 97.5,  99.5],
           [101.5, 103. ]], dtype=float32)
    """
    batch = check_binaries(binaries, caller=_NAME)
    if sampling not in ("mean", "nearest"):
        raise ParameterError(f'{_NAME}: expected sampling to be "mean" or "nearest", got {sampling!r}')
    table = level_table(_NAME, levels)

    def views(layout: Layout, n: int, precise: bool) -> Sequence[View]:
        if sampling == "nearest":
            return [NearestView(layout, n, table)]
        return [TableView(layout, n, table, precise=precise)]

    return render_images(
        batch,
        lambda length: _place(length, size, width, kilobyte, max_bytes),
        views,
        value_range=(0.0, 255.0),
        dtype=dtype,
        out=out,
    )
