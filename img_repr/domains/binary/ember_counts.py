"""The counts of EMBER that need more than byte values: local entropy by byte, and printable strings."""

import numpy as np

WINDOW, STEP = 2048, 1024
BINS = 16
_UNKNOWN = 16  # stands next to the sixteen high half-bytes


class ByteEntropy:
    """Counts of high half-bytes by the entropy of their window, over pieces of any length.

    Windows of 2048 bytes start every 1024; bytes after the last whole window are ignored. The entropy of the
    sixteen high half-bytes, twice over, so that it reaches 8, falls into one of 16 bins of half a bit; the counts of
    the window are added to that bin's row.

    A quirk of the published code is kept: fewer than 2048 bytes are one window, and its counts are divided by 2048,
    not by their own number, so that the fractions do not sum to 1 and the entropy is not the bytes' own. Bytes that are
    not known leave gaps in their window, which is divided by 2048 all the same. The arithmetic is single precision,
    in the order in which numpy sums, so that a window on the border of two bins falls where EMBER's falls.

    Attributes
    ----------
    table : ndarray of int64, shape (16, 16)
        Entropy by high half-byte; complete once :meth:`close` was called.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.ember_counts import ByteEntropy
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
        """Count the rest that is too short for a window; nothing can be added afterwards."""
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
    for number in np.unique(
        numbers
    ):  # only nonzero counts are summed: zeros would change the order, and the last digit
        rows = numbers == number
        own = parts[rows][filled[rows]].reshape(np.count_nonzero(rows), number)
        entropy[rows] = np.sum(-own * np.log2(own), axis=1)
    return np.minimum((entropy * 4.0).astype(np.int64), BINS - 1)


LOWEST, HIGHEST = 0x20, 0x7F  # EMBER counts 0x7f, delete, as printable
SHORTEST = 5
_WORDS = {"paths": (b"c:\\",), "urls": (b"http://", b"https://"), "registry_keys": (b"HKEY_",), "mz": (b"MZ",)}
_ANY_CASE = ("paths", "urls")
_OVERLAP = max(len(word) for words in _WORDS.values() for word in words) - 1

NAMES = (
    *("strings", "string_length_mean", "string_characters"),
    *(f"string_character_{code:02x}" for code in range(LOWEST, HIGHEST + 1)),
    *("string_entropy", *_WORDS),
)


class Strings:
    r"""Runs of at least five bytes from 0x20 to 0x7f, and the words ``c:\``, ``http(s)://``, ``HKEY_``, ``MZ``.

    Bytes come in pieces of any length; runs across their borders are counted once. A byte that is not known ends a
    run, and is part of no word.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.ember_counts import NAMES, Strings
    >>> strings = Strings()
    >>> for piece in (b"\x00see HT", b"TP://a.b\x01tiny\x02"):
    ...     strings.add(np.frombuffer(piece, dtype=np.uint8))
    >>> found = dict(zip(NAMES, strings.columns().tolist()))
    >>> found["strings"], found["string_length_mean"], found["urls"]
    (1.0, 14.0, 1.0)
    """

    def __init__(self) -> None:
        self._count = 0
        self._characters = np.zeros(HIGHEST - LOWEST + 1, np.int64)
        self._words = dict.fromkeys(_WORDS, 0)
        self._running = False  # the last byte so far is of a string that is counted already
        self._short = np.empty(0, np.uint8)  # the last bytes so far are of a run that may yet become one
        self._tail = b""

    def add(self, chunk: np.ndarray, known: np.ndarray | None = None) -> None:
        """Count the next bytes, uint8 ``(L,)``."""
        if known is not None:
            chunk = np.where(known, chunk, np.uint8(0))  # of no run and of no word
        self._add_runs(np.concatenate([self._short, chunk]))
        self._add_words(self._tail + chunk.tobytes())

    def columns(self) -> np.ndarray:
        """Return the 104 columns, float32, in the order of ``NAMES``."""
        total = int(self._characters.sum())
        present = self._characters[self._characters > 0].astype(np.float32) / np.float32(max(total, 1))
        return np.hstack(
            [
                *(self._count, total / max(self._count, 1), total),
                self._characters / max(total, 1),
                np.sum(-present * np.log2(present)),
                list(self._words.values()),
            ]
        ).astype(np.float32)

    def _add_runs(self, block: np.ndarray) -> None:
        printable = (block >= LOWEST) & (block <= HIGHEST)
        borders = np.flatnonzero(np.diff(printable, prepend=False, append=False))
        starts, lengths = borders[::2], borders[1::2] - borders[::2]
        long = lengths >= SHORTEST
        if self._running and printable[:1].any():
            long[0] = True  # it goes on, however little of it is in this piece
            self._count -= 1
        self._count += int(long.sum())
        self._characters += np.bincount(
            block[printable][np.repeat(long, lengths)] - LOWEST, minlength=len(self._characters)
        )
        open_run = bool(printable[-1:].any())
        self._running = open_run and bool(long[-1])
        self._short = block[starts[-1] :].copy() if open_run and not self._running else block[:0].copy()

    def _add_words(self, text: bytes) -> None:
        lower, old = text.lower(), len(self._tail)
        for name, words in _WORDS.items():
            searched = lower if name in _ANY_CASE else text
            for word in words:  # that end among the new bytes
                self._words[name] += searched.count(word, max(0, old - len(word) + 1))
        self._tail = text[-_OVERLAP:]
