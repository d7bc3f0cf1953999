"""What a binary says in plain letters: its printable strings and a few words, as EMBER counts them."""

import numpy as np

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

    Bytes come in pieces of any length; what runs over their borders is counted once. A byte that is not known ends a
    run, and is part of no word.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.strings import NAMES, Strings
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
        """Give the 104 columns, float32, in the order of ``NAMES``."""
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
