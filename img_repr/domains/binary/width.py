"""Width of a byte image: by the file size as in Nataraj 2011, square, or explicit."""

from bisect import bisect_right
from math import isqrt
from typing import Any, Literal, TypeAlias

from img_repr.core.errors import ParameterError
from img_repr.core.numbers import is_integer

Width: TypeAlias = Literal["nataraj", "square"] | int

NATARAJ_KILOBYTES = (10, 30, 60, 100, 200, 500, 1000)
"""From these file sizes on, in kilobytes, the image has the next of ``NATARAJ_WIDTHS``."""
NATARAJ_WIDTHS = (32, 64, 128, 256, 384, 512, 768, 1024)
_WIDEST = 1 << 20


def image_width(caller: str, length: int, width: Any = "nataraj", kilobyte: int = 1024) -> int:
    """Return the width of the byte image of a binary, in bytes.

    Parameters
    ----------
    caller : str
        Name of the calling function, for messages.
    length : int
        Bytes of the binary, at least 1.
    width : {"nataraj", "square"} or int
        By the table of Nataraj 2011; the smallest square that holds all bytes; or a number of bytes, at most 1,048,576.
    kilobyte : {1024, 1000}
        Bytes in a kilobyte of the table: the paper writes kB, most programs read 1024.

    Raises
    ------
    ParameterError
        If the width or the kilobyte is none of these.

    References
    ----------
    L. Nataraj, S. Karthikeyan, G. Jacob, B. S. Manjunath: Malware Images: Visualization and Automatic Classification,
    VizSec 2011, table 1.

    Examples
    --------
    >>> from img_repr.domains.binary.width import image_width
    >>> image_width("byteplot", 30 * 1024), image_width("byteplot", 30 * 1024, kilobyte=1000)
    (128, 128)
    >>> image_width("byteplot", 30_000), image_width("byteplot", 30_000, kilobyte=1000)
    (64, 128)
    >>> image_width("byteplot", 10, "square")
    4
    """
    if kilobyte not in (1000, 1024) or isinstance(kilobyte, bool):
        raise ParameterError(f"{caller}: expected kilobyte to be 1024 or 1000, got {kilobyte!r}")
    if width == "nataraj":
        return NATARAJ_WIDTHS[bisect_right(NATARAJ_KILOBYTES, length / kilobyte)]
    if width == "square":
        return isqrt(length - 1) + 1
    if not is_integer(width, 1, _WIDEST):
        raise ParameterError(
            f'{caller}: expected width to be "nataraj", "square" or 1 to {_WIDEST} bytes, got {width!r}'
        )
    return width
