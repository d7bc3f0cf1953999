"""Counts of bytes and of pairs of neighbors, piece by piece, so that a file of any length needs no more memory."""

from collections.abc import Iterator

import numpy as np

from img_repr.domains.binary.binary import CHUNK, Binary
from img_repr.domains.binary.pairs import PairCounts


def known_chunks(binary: Binary, size: int = CHUNK) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Give the bytes piece by piece, each with which of them are known; None where all are.

    As with :meth:`Binary.chunks`, a piece is good until the next is asked for.
    """
    for first, chunk in binary.chunks(size):
        known = None if binary.known is None else np.asarray(binary.known[first : first + len(chunk)], dtype=bool)
        yield chunk, known


def byte_counts(binary: Binary, *, size: int = CHUNK) -> np.ndarray:
    """Count each byte value, int64 ``(256,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.binary import Binary
    >>> from img_repr.domains.binary.counting import byte_counts
    >>> byte_counts(Binary(np.array([3, 0, 3], dtype=np.uint8)))[:4].tolist()
    [1, 0, 0, 2]
    """
    counts = np.zeros(256, np.int64)
    for chunk, known in known_chunks(binary, size):
        counts += np.bincount(chunk if known is None else chunk[known], minlength=256)
    return counts


def pair_counts(binary: Binary, *, bits: int = 8, size: int = CHUNK) -> np.ndarray:
    """Count each pair of neighbors, each byte by its ``bits`` highest: int64 ``(2**bits, 2**bits)``, first byte first.

    Pairs overlap: L bytes have L - 1. A pair counts where both of its bytes are known.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.binary import Binary
    >>> from img_repr.domains.binary.counting import pair_counts
    >>> pair_counts(Binary(np.array([0, 255, 0, 200], dtype=np.uint8)), bits=1).tolist()
    [[0, 2], [1, 0]]
    """
    pairs = PairCounts(1, bits)
    for chunk, known in known_chunks(binary, size):
        pairs.add(chunk[None], None if known is None else known[None], follows=True)
    return np.asarray(pairs.counts[0])


def shares(counts: np.ndarray) -> np.ndarray:
    """Divide counts by their sum, in float32; zeros where nothing was counted."""
    single = counts.astype(np.float32)
    total = single.sum()
    return np.asarray(single / total) if total else single
