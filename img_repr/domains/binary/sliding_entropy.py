"""Entropy of the bytes around each byte, in a window that slides over them piece by piece."""

import functools
from typing import Any

import numpy as np

from img_repr.core.errors import ParameterError
from img_repr.core.numbers import is_integer

SHORTEST_WINDOW, LONGEST_WINDOW, MOST_STEPS = 16, 1 << 16, 16
_BLOCKS_AT_ONCE = 1 << 9  # their counts of 256 byte values, int64, are 1 MiB


def check_window(caller: str, window: Any, step: Any, bytes_per_pixel: float) -> tuple[int, int]:
    """Return window and step; the default step is half the window, or all of it if a pixel holds as many bytes.

    Raises
    ------
    ParameterError
        If they are out of range, or the step does not divide the window.
    """
    if not is_integer(window, SHORTEST_WINDOW, LONGEST_WINDOW):
        raise ParameterError(
            f"{caller}: expected window to be {SHORTEST_WINDOW} to {LONGEST_WINDOW} bytes, got {window!r}"
        )
    if step is None:
        return window, window if bytes_per_pixel >= window or window % 2 else window // 2
    if not is_integer(step, 1) or window % step or window // step > MOST_STEPS:
        raise ParameterError(
            f"{caller}: expected step to be a whole part of window {window}, a {MOST_STEPS}th at least, got {step!r}"
        )
    return window, step


class SlidingEntropy:
    """Entropy in bits of the window whose center is nearest to each byte, of n binaries of one length side by side.

    Windows start every ``step`` bytes, and one ends with the last byte; a shorter binary is one window. Bytes of
    which nothing is known are not counted; a window that knows none has entropy 0.

    Parameters
    ----------
    length : int
        Bytes of each binary.
    window, step : int
        In bytes; a step divides the window.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.sliding_entropy import SlidingEntropy
    >>> entropy = SlidingEntropy(length=48, window=16, step=16)
    >>> binary = np.concatenate([np.zeros(16), np.arange(16), np.tile([1, 2], 8)]).astype(np.uint8)
    >>> first, bits = entropy.add(0, binary[None], None)
    >>> first, bits[0, ::16].tolist()
    (0, [0.0, 4.0, 1.0])
    """

    def __init__(self, length: int, window: int, step: int) -> None:
        self.length = length
        self.window = min(window, length)
        self.step = step if window <= length else self.window
        self.count = 1 + -(-(length - self.window) // self.step)
        self._done = 0  # windows
        self._kept: tuple[np.ndarray, np.ndarray | None] | None = None  # bytes from the start of the next window on

    def add(self, first: int, values: np.ndarray, known: np.ndarray | None) -> tuple[int, np.ndarray]:
        """Take the bytes ``(n, K)`` from number ``first`` on, and return the entropies that they complete.

        Returns
        -------
        first : int
            Number of the first byte that is answered.
        bits : ndarray of float32, shape (n, number of bytes answered)
            As many as are certain, with the last byte all; 0 for bytes that are not known.
        """
        if self._kept is not None:
            values = np.concatenate([self._kept[0], values], axis=1)
            known = None if known is None else np.concatenate([self._kept[1], known], axis=1)
            first -= self._kept[0].shape[1]
        stop, done = first + values.shape[1], self._done
        ready = self.count if stop == self.length else max(done, (stop - self.window) // self.step + 1)
        starts = np.minimum(np.arange(done, ready) * self.step, self.length - self.window) - first
        regular = len(starts) - (len(starts) > 0 and bool((starts[-1] + first) % self.step))
        found = [self._regular(values, known, starts[:regular]), *self._at(values, known, starts[regular:])]
        self._done = ready
        edge = min(ready * self.step, self.length - self.window) - first
        self._kept = values[:, edge:].copy(), None if known is None else known[:, edge:].copy()
        owned = self._borders(done, ready)
        bits = np.repeat(np.concatenate(found, axis=1), np.diff(owned), axis=1)
        if known is not None:
            bits = bits * known[:, owned[0] - first : owned[-1] - first]
        return int(owned[0]), bits

    def _borders(self, begin: int, end: int) -> np.ndarray:
        """Return the first byte that each window is nearest to, and where the last window's end."""
        borders = np.arange(begin, end + 1) * self.step + (self.window - self.step) // 2
        if begin == 0:
            borders[0] = 0
        if end == self.count:
            borders[-1] = self.length
        return borders

    def _regular(self, values: np.ndarray, known: np.ndarray | None, starts: np.ndarray) -> np.ndarray:
        """Entropies of windows that start every ``step`` bytes: counts of blocks of that length, added up."""
        overlap = self.window // self.step
        at_once = max(1, _BLOCKS_AT_ONCE // len(values))
        found = [np.empty((len(values), 0), np.float32)]
        for number in range(0, len(starts), at_once):
            windows = len(starts[number : number + at_once])
            begin = int(starts[number])
            part = slice(begin, begin + (windows + overlap - 1) * self.step)
            blocks = _counts(values[:, part], None if known is None else known[:, part], self.step)
            whole = blocks[:, :windows]
            for shift in range(1, overlap):
                whole = whole + blocks[:, shift : shift + windows]
            found.append(_entropies(whole, self.window, complete=known is None))
        return np.concatenate(found, axis=1)

    def _at(self, values: np.ndarray, known: np.ndarray | None, starts: np.ndarray) -> list[np.ndarray]:
        parts = [slice(start, start + self.window) for start in starts.tolist()]
        counts = [_counts(values[:, part], None if known is None else known[:, part], self.window) for part in parts]
        return [_entropies(one, self.window, complete=known is None) for one in counts]


def _counts(values: np.ndarray, known: np.ndarray | None, block: int) -> np.ndarray:
    """Count the byte values of each block, int ``(n, K / block, 256)``."""
    blocks = values.reshape(-1, block)
    keys = blocks + np.arange(0, 256 * len(blocks), 256)[:, None]
    chosen = keys.ravel() if known is None else keys[known.reshape(-1, block)]
    return np.bincount(chosen, minlength=256 * len(blocks)).reshape(len(values), -1, 256)


def _entropies(counts: np.ndarray, window: int, *, complete: bool) -> np.ndarray:
    """Entropies in bits of counts ``(..., 256)``, float32: log2 n - sum(c log2 c) / n; n the window if ``complete``."""
    n = window if complete else np.maximum(counts.sum(axis=-1), 1)
    bits = np.log2(n) - _products(window).take(counts).sum(axis=-1) / n
    return np.asarray(np.maximum(bits, 0.0), np.float32)


@functools.lru_cache(maxsize=4)
def _products(window: int) -> np.ndarray:
    """Count times its logarithm, for every count up to the window."""
    counts = np.arange(window + 1)
    return np.asarray(counts * np.log2(np.maximum(counts, 1)), np.float32)
