"""Entropy image: Shannon entropy of the bytes around each position of a file."""

from collections.abc import Sequence
from typing import Any

from img_repr.core.metadata import encoder
from img_repr.domains.binary.back_projection import BackProjection
from img_repr.domains.binary.images import LayoutName, Place, Size, place_bytes, render_images
from img_repr.domains.binary.layout import Layout
from img_repr.domains.binary.sample import BINARY, check_binaries
from img_repr.domains.binary.sliding_entropy import check_window
from img_repr.domains.binary.views import EntropyView, View
from img_repr.domains.binary.width import Width

_NAME = "entropy"


def _place(length: int, size: Size, layout: str, width: Width, kilobyte: int, max_bytes: int | None) -> Place:
    return place_bytes(_NAME, length, layout, size, width, kilobyte, max_bytes)


@encoder(
    BINARY,
    differentiable=False,
    untraceable="numpy.bincount over windows of the bytes of a file",
    value_range=(0.0, 8.0),
    reference="Lyda & Hamrock 2007, Using Entropy Analysis to Find Encrypted and Packed Malware; Shannon 1948",
    back_project=BackProjection(_place),
)
def encode_entropy(
    binaries: Any,
    *,
    size: Size = None,
    window: int = 256,
    step: int | None = None,
    layout: LayoutName = "rows",
    width: Width = "nataraj",
    kilobyte: int = 1024,
    max_bytes: int | None = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode binaries as the entropy of the bytes in a sliding window, laid out as a byte image or a Hilbert image.

    Each byte has the entropy of the window whose center is nearest; a pixel is the mean over the bytes in its area, 0
    where it has none. Windows start every ``step`` bytes and one ends with the last byte; a shorter binary is one.

    Parameters
    ----------
    binaries : bytes, uint8 array (L,) or (N, L), path, Binary, or a list of those
        numpy or torch. Files are read in constant memory.
    size : int or (int, int), optional
        Side of the image in pixels, along the curve at most 4096, or, in rows, height and width, each at most
        16384. Default: in rows a pixel per byte, of at most 64 MiB; along the curve 256.
    window : int
        Bytes, 16 to 65536. The entropy of one is log2 of it at most, and 8.
    step : int, optional
        Bytes from one window to the next: a whole part of it, a 16th at least. Default: half of an even window, or all
        of it where a pixel holds as much.
    layout : {"rows", "hilbert"}
        As :func:`encode_byteplot` or as :func:`encode_hilbert` lays bytes out.
    width : {"nataraj", "square"} or int
        Bytes in a row, as of :func:`encode_byteplot`.
    kilobyte : {1024, 1000}
        Bytes in a kilobyte of Nataraj's table.
    max_bytes : int, optional
        Most bytes to read of a file, as in :func:`encode_byteplot`. Default: all.
    dtype, out : optional
        As in :func:`encode_byteplot`.

    Returns
    -------
    ndarray or Tensor, shape (H, W) or (N, H, W)
        Bits per byte, from 0 to 8.

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
    R. Lyda, J. Hamrock: Using Entropy Analysis to Find Encrypted and Packed Malware, IEEE Security & Privacy 5(2),
    2007; C. E. Shannon: A Mathematical Theory of Communication, Bell System Technical Journal 27, 1948.

    Examples
    --------
    >>> from img_repr import encode_entropy
    >>> encode_entropy(bytes(512) + bytes(range(256)) * 2, size=(4, 1), step=256).ravel()
    array([0., 0., 8., 8.], dtype=float32)
    """
    batch = check_binaries(binaries, caller=_NAME)
    check_window(_NAME, window, step, 1.0)

    def views(layout: Layout, n: int, precise: bool) -> Sequence[View]:
        wide, apart = check_window(_NAME, window, step, layout.area)
        return [EntropyView(layout, n, window=wide, step=apart, precise=precise)]

    return render_images(
        batch,
        lambda length: _place(length, size, layout, width, kilobyte, max_bytes),
        views,
        value_range=(0.0, 8.0),
        dtype=dtype,
        out=out,
    )
