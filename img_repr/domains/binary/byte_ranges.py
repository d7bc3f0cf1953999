"""Find the ranges of bytes that one pixel of an image covers."""

import numpy as np

from img_repr.core.encoder import Encoder
from img_repr.core.errors import ParameterError
from img_repr.domains.binary.back_projection import BackProjection
from img_repr.domains.binary.pieces import in_file


def byte_ranges(encoder: Encoder, binary: object, row: int, column: int) -> np.ndarray:
    """Find the bytes that a pixel covers, in whole or in part.

    Parameters
    ----------
    encoder : Encoder
        Of an image in which bytes have a place: byteplot, hilbert, entropy, byteviews.
    binary : bytes, uint8 array (L,), path or Binary
        The sample that the image is made of.
    row, column : int
        The pixel, from the top left.

    Returns
    -------
    ndarray of int64, shape (k, 2)
        Start and stop (exclusive) of each range in ascending order, as offsets into the sample; k is 0 where the pixel
        lies behind the last byte.

    Raises
    ------
    SampleError
        If it is no binary.
    ParameterError
        If bytes have no position in the encoder's image, or the pixel is outside of it.

    Examples
    --------
    >>> from img_repr import get_encoder
    >>> from img_repr.domains.binary.byte_ranges import byte_ranges
    >>> byte_ranges(get_encoder("byteplot", size=2, width=4), bytes(16), row=1, column=0).tolist()
    [[8, 10], [12, 14]]
    >>> byte_ranges(get_encoder("hilbert", size=2), bytes(16), row=1, column=0).tolist()
    [[4, 8]]
    """
    back = encoder.metadata.back_project
    if not isinstance(back, BackProjection):
        raise ParameterError(f"{encoder.name}: expected an encoder in whose image bytes have a place")
    _, place = back.place(binary, dict(encoder.parameters))
    height, width = place.sides
    if not (0 <= row < height and 0 <= column < width):
        raise ParameterError(
            f"{encoder.name}: expected a pixel of {height} rows and {width} columns, got {row, column}"
        )
    return in_file(place.layout.ranges(row, column), place.runs)
