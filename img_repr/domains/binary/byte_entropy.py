"""The joint histogram of local entropy and byte value (Saxe & Berlin 2015), as EMBER counts it."""

import numpy as np

WINDOW, STEP = 2048, 1024
BINS = 16
_UNKNOWN = 16  # stands next to the sixteen high half-bytes


class ByteEntropy:
    """Counts of high half-bytes by the entropy of the window that they stand in, over pieces of any length.

    Windows of 2048 bytes start every 1024; bytes after the last whole window are not looked at. The entropy of the
    sixteen high half-bytes, twice over, so that it reaches 8, falls into one of 16 bins of half a bit; the counts of
    the window are added to that bin's row.

    A quirk of the published code is kept: fewer than 2048 bytes are one window, and its counts are divided by 2048,
    not by their own number, so that the shares do not sum to 1 and the entropy is not the bytes' own. Bytes that are
    not known leave gaps in their window, which is divided by 2048 all the same. The arithmetic is single precision,
    in the order in which numpy sums, so that a window on the border of two bins falls where EMBER's falls.

    Attributes
    ----------
    table : ndarray of int64, shape (16, 16)
        Entropy by high half-byte; complete once :meth:`close` was called.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.byte_entropy import ByteEntropy
    >>> entropy = ByteEntropy()
    >>> entropy.add(np.tile(np.array([0, 255], dtype=np.uint8), 1024))
    >>> entropy.close().table[4, [0, 15]].tolist()
    [1024, 1024]
    """

    def __init__(self) -> None:
        self.table = np.zeros((BINS, BINS), np.int64)
        self._steps = np.empty((0, BINS), np.int64)  # counts of the last whole step, which the next window shares
        self._rest: np.ndarray = np.empty(0, np.uint8)
        self._windows = 0

    def add(self, chunk: np.ndarray, known: np.ndarray | None = None) -> None:
        """Count the next bytes, uint8 ``(L,)``."""
        high = chunk >> 4
        if known is not None:
            high[~known] = _UNKNOWN
        high = np.concatenate([self._rest, high])
        whole = len(high) // STEP
        steps = np.concatenate([self._steps, _step_counts(high[: whole * STEP].reshape(whole, STEP))])
        self._add_windows(steps[:-1] + steps[1:])
        self._steps, self._rest = steps[-1:], high[whole * STEP :]

    def close(self) -> "ByteEntropy":
        """Count what is too short for a window; nothing can be added afterwards."""
        if not self._windows:
            self._add_windows(self._steps.sum(axis=0) + _step_counts(self._rest[None]))
        return self

    def _add_windows(self, counts: np.ndarray) -> None:
        self._windows += len(counts)
        np.add.at(self.table, _entropy_bins(counts), counts)


def _step_counts(high: np.ndarray) -> np.ndarray:
    """Count the half-bytes of each row, int64 ``(rows, 16)``."""
    codes = high + np.arange(0, len(high) * (BINS + 1), BINS + 1)[:, None]
    counts = np.bincount(codes.ravel(), minlength=len(high) * (BINS + 1))
    return counts.reshape(len(high), BINS + 1)[:, :BINS]


def _entropy_bins(counts: np.ndarray) -> np.ndarray:
    """Bin of each window, int64 ``(windows,)``, by its counts ``(windows, 16)``."""
    parts = counts.astype(np.float32) / np.float32(WINDOW)
    filled = counts > 0
    numbers = filled.sum(axis=1)
    entropy = np.zeros(len(counts), np.float32)
    for number in np.unique(numbers):  # only what is there is summed: zeros would change the order, and the last digit
        rows = numbers == number
        own = parts[rows][filled[rows]].reshape(np.count_nonzero(rows), number)
        entropy[rows] = np.sum(-own * np.log2(own), axis=1)
    return np.minimum((entropy * 4.0).astype(np.int64), BINS - 1)
