"""Sums of bytes in rows over the parts of both axes: the hot loop of byte images, in torch's kernels."""

import functools
from math import gcd
from typing import Any

import numpy as np
import torch
from torch.nn.functional import embedding_bag

from img_repr.domains.binary.area import area_fractions, area_weights

# Where torch is built for it, bytes are weighed and added as they are: a third of the time, and of the memory that is
# gone through, of floats made of them. Each row ends with a factor and an addend of its own, two float32.
_sum_of_bytes: Any = getattr(torch.ops.quantized, "embedding_bag_byte_rowwise_offsets", None)
if "fbgemm" not in torch.backends.quantized.supported_engines:
    _sum_of_bytes = None
_ONE = np.array([1.0, 0.0], np.float32).view(np.uint64)
_WIDTHS_OF_BYTES = range(32, 4097, 32)  # it makes and keeps a program for each width

_FEW_PARTS = 32  # up to there a dense product is faster


def rows_of(signal: np.ndarray, lead: int, width: int) -> np.ndarray:
    """Lay signals in rows, zeros before and behind them, side by side as :func:`summed_rows` adds them fastest.

    Parameters
    ----------
    signal : ndarray of uint8, bool, float32 or float64, shape (n, K)
    lead : int
        Zeros before it, fewer than ``width``.
    width : int

    Returns
    -------
    ndarray of float32 or float64, shape (rows, n * width), or of uint8, with 8 more columns for the kernel

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.row_sums import rows_of
    >>> rows_of(np.array([[1, 2, 3], [7, 8, 9]], dtype=np.uint8), 1, 2)
    array([[0., 1., 0., 7.],
           [2., 3., 8., 9.]], dtype=float32)
    """
    n, count = signal.shape
    height, wide = -(-(lead + count) // width), n * width
    if _sum_of_bytes is not None and signal.dtype == np.uint8 and wide in _WIDTHS_OF_BYTES:
        rows = np.empty((height, wide + _ONE.nbytes), np.uint8)
        rows[:, wide:].view(np.uint64)[:] = _ONE
    else:
        rows = np.empty((height, wide), np.float64 if signal.dtype == np.float64 else np.float32)
    by_sample = rows[:, :wide].reshape(height, n, width).swapaxes(0, 1)
    begin, end = -(-lead // width), (lead + count) // width  # full rows
    shift = begin * width - lead
    if begin:
        by_sample[:, 0, :lead] = 0
        by_sample[:, 0, lead : lead + count] = signal[:, :shift]
    if begin < end:
        by_sample[:, begin:end] = signal[:, shift : end * width - lead].reshape(n, -1, width)
    if begin <= end < height:
        rest = count + lead - end * width
        by_sample[:, end, :rest] = signal[:, count - rest :]
    by_sample[:, -1, (lead + count - 1) % width + 1 :] = 0
    return rows


def summed_rows(rows: np.ndarray, first: int, count: int, parts: int) -> tuple[int, np.ndarray]:
    """Sum rows over the parts that they touch: :func:`~img_repr.domains.binary.area.area_weights` times rows.

    Parameters
    ----------
    rows : ndarray, shape (K, W)
        As :func:`rows_of` gives them, or floats; those from number ``first`` on, of ``count`` in all.
    first, count, parts : int

    Returns
    -------
    first_part : int
    sums : ndarray of float32, of float64 where rows are, shape (parts touched, W)

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.row_sums import rows_of, summed_rows
    >>> summed_rows(rows_of(np.array([[1, 2, 4]], dtype=np.uint8), 0, 1), first=0, count=3, parts=2)
    (0, array([[2.],
           [5.]], dtype=float32))
    """
    first_part, numbers, fractions, pointers = area_fractions(first, first + len(rows), count, parts)
    indices, begins, given = torch.from_numpy(numbers), torch.from_numpy(pointers[:-1]), torch.from_numpy(rows)
    weights = torch.from_numpy(fractions.astype(np.float64 if rows.dtype == np.float64 else np.float32))
    if _sum_of_bytes is not None and rows.dtype == np.uint8:
        sums = _sum_of_bytes(given, indices, begins, per_sample_weights=weights)
    else:
        sums = embedding_bag(indices, given, begins, mode="sum", per_sample_weights=weights)
    return first_part, np.asarray(sums.numpy())


def summed_columns(rows: np.ndarray, parts: int) -> np.ndarray:
    """Sum columns over equal parts of each row.

    Parameters
    ----------
    rows : ndarray of float32 or float64, shape (K, W)
    parts : int

    Returns
    -------
    ndarray, shape (K, parts)

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.row_sums import summed_columns
    >>> summed_columns(np.array([[1.0, 2.0, 4.0]]), 2)
    array([[2., 5.]])
    """
    width = rows.shape[1]
    alike = gcd(width, parts)  # stretches of a row whose columns have the same fractions
    if alike == parts == width:
        return rows
    if parts > _FEW_PARTS * alike:
        return summed_rows(np.ascontiguousarray(rows.T), 0, width, parts)[1].T
    weights = _stretch(width // alike, parts // alike, rows.dtype)
    return np.asarray((rows.reshape(-1, len(weights)) @ weights).reshape(-1, parts))


@functools.lru_cache(maxsize=8)
def _stretch(width: int, parts: int, dtype: np.dtype[Any]) -> np.ndarray:
    return np.ascontiguousarray(area_weights(0, width, width, parts)[1].toarray().T, dtype)
