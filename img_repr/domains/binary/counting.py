"""Counts of bytes and of pairs of neighboring bytes, in memory that does not grow with the file."""

from collections.abc import Iterator

import numpy as np

from img_repr.domains.binary.binary import CHUNK, Binary


class PairCounts:
    """Counts of pairs of bytes that follow each other, of n binaries of one length side by side.

    A pair that a gap parts, or of which a byte is not known, is not counted.

    Parameters
    ----------
    n : int
    bits : int
        Upper bits of each byte that are distinguished, 1 to 8.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.counting import PairCounts
    >>> pairs = PairCounts(1, bits=1)
    >>> pairs.add(np.array([[0, 200, 255]], dtype=np.uint8), None, follows=False)
    >>> pairs.add(np.array([[9]], dtype=np.uint8), None, follows=True)
    >>> pairs.counts.tolist()
    [[[0, 1], [1, 1]]]
    """

    def __init__(self, n: int, bits: int = 8) -> None:
        self.counts = np.zeros((n, 1 << bits, 1 << bits), np.int64)
        self._bits = bits
        self._last: tuple[np.ndarray, np.ndarray | None] | None = None

    def add(self, values: np.ndarray, known: np.ndarray | None, follows: bool) -> None:
        """Count the pairs of ``(n, K)`` bytes, and the pair with the byte before where they follow it."""
        pairs, chosen = self.pairs_of(values, known, follows)
        keys = pairs + np.arange(0, self.counts.size, self.counts[0].size)[:, None] if len(values) > 1 else pairs
        found = np.bincount(keys.ravel() if chosen is None else keys[chosen], minlength=self.counts.size)
        self.counts += found.reshape(self.counts.shape)

    def pairs_of(
        self, values: np.ndarray, known: np.ndarray | None, follows: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return each pair as a number ``(n, pairs)`` and a mask of the known pairs, as counted by :meth:`add`."""
        if follows and self._last is not None:
            values = np.concatenate([self._last[0], values], axis=1)
            known = None if known is None else np.concatenate([self._last[1], known], axis=1)
        self._last = values[:, -1:].copy(), None if known is None else known[:, -1:].copy()
        upper = values >> np.uint8(8 - self._bits)
        pairs = (upper[:, :-1].astype(np.uint16) << np.uint16(self._bits)) | upper[:, 1:]
        return pairs, None if known is None else known[:, :-1] & known[:, 1:]


def known_chunks(binary: Binary, size: int = CHUNK) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Yield the bytes piece by piece, each with which of them are known; None where all are.

    As with :meth:`Binary.chunks`, a piece is good until the next is requested.
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


def fractions(counts: np.ndarray) -> np.ndarray:
    """Divide counts by their sum, in float32; zeros where nothing was counted."""
    single = counts.astype(np.float32)
    total = single.sum()
    return np.asarray(single / total) if total else single
