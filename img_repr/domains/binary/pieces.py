"""Read a binary in pieces: all of it, or evenly spaced blocks of a huge one."""

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from img_repr.core.errors import DataError, ParameterError
from img_repr.core.numbers import is_integer
from img_repr.domains.binary.binary import Binary

Runs: TypeAlias = tuple[tuple[int, int], ...]

PIECE = 1 << 19  # bytes: with their results they fit into the cache
_BLOCK = 1 << 16
_FEWEST = 64  # blocks
LEAST_BYTES = 4096


class Piece(NamedTuple):
    """Bytes that follow each other.

    Parameters
    ----------
    first : int
        Position of the first among all selected bytes.
    values : ndarray of uint8, shape (n, K)
        Of n binaries side by side. Valid until the next piece is requested.
    known : ndarray of bool, shape (n, K), or None
        False where nothing is known of a byte; None: all are known.
    follows : bool
        Whether it follows the piece before without a gap.
    """

    first: int
    values: np.ndarray
    known: np.ndarray | None
    follows: bool


def runs_of(caller: str, length: int, max_bytes: Any = None, align: int = 1) -> Runs:
    """Choose the bytes to read of a binary: ranges of first and stop, rising.

    All of it, or, where it is longer than ``max_bytes``, blocks at even distances, the first at its start and the
    last at its end. They are of 64 KiB, or of a 64th of ``max_bytes`` where that is less, rounded down to a multiple of
    ``align``, and start at such, so that rows of that width keep their columns.

    Parameters
    ----------
    caller : str
        Name of the calling function, for messages.
    length : int
        Bytes of the binary.
    max_bytes : int, optional
        Most bytes to read, at least 4096.
    align : int
        Width of a row.

    Raises
    ------
    ParameterError
        If ``max_bytes`` is something else.

    Examples
    --------
    >>> from img_repr.domains.binary.pieces import runs_of
    >>> runs = runs_of("byteplot", 10**9, 4096)
    >>> len(runs), runs[:2], runs[-1]
    (64, ((0, 64), (15873014, 15873078)), (999999936, 1000000000))
    """
    if max_bytes is None:
        return ((0, length),)
    if not is_integer(max_bytes, LEAST_BYTES):
        raise ParameterError(f"{caller}: expected max_bytes to be {LEAST_BYTES} or more, got {max_bytes!r}")
    if length <= max_bytes:
        return ((0, length),)
    block = min(_BLOCK, max_bytes // _FEWEST)
    align = align if align <= block else 1
    block -= block % align
    count = max_bytes // block
    starts = np.arange(count - 1) * (length - block) // (count - 1)
    starts -= starts % align
    last = -(-(length - block) // align) * align
    return (*((start, start + block) for start in starts.tolist()), (last, length))


def count_of(runs: Runs) -> int:
    """Count the bytes that are read."""
    return sum(stop - start for start, stop in runs)


def pieces_of(binary: Binary, runs: Runs) -> Iterator[Piece]:
    """Yield the selected bytes piece by piece, in constant memory.

    Raises
    ------
    DataError
        If a file cannot be read, or became shorter.
    """
    at = 0
    for start, stop in runs:
        part, got = Binary(binary.content, binary.start + start, binary.start + stop), 0
        for first, values in part.chunks(PIECE):
            known = None if binary.known is None else np.asarray(binary.known[start + first :][: len(values)], bool)
            yield Piece(at + first, values[None], None if known is None else known[None], first > 0)
            got = first + len(values)
        if got < stop - start:
            raise DataError(
                f"{binary.content}: expected {stop - start} bytes from {binary.start + start} on, got {got}; "
                "the file became shorter"
            )
        at += stop - start


def in_file(ranges: np.ndarray, runs: Runs) -> np.ndarray:
    """Convert ranges of the selected bytes, ``(k, 2)``, to ranges of the whole binary, cut where a block ends.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.pieces import in_file
    >>> in_file(np.array([[2, 6], [7, 8]]), ((0, 4), (100, 104))).tolist()
    [[2, 4], [100, 102], [103, 104]]
    """
    lengths = np.array([stop - start for start, stop in runs])
    begins = np.cumsum(lengths) - lengths
    found = []
    for first, stop in ranges.tolist():
        for run in range(int(np.searchsorted(begins, first, "right")) - 1, int(np.searchsorted(begins, stop))):
            shift = runs[run][0] - int(begins[run])
            inside = max(first, int(begins[run])), min(stop, int(begins[run] + lengths[run]))
            found.append([inside[0] + shift, inside[1] + shift])
    return np.array(found, np.int64).reshape(-1, 2)


def in_runs(ranges: np.ndarray, runs: Runs) -> np.ndarray:
    """Convert ranges of the whole binary, ``(k, 2)``, to ranges of the selected bytes; between blocks they are empty.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.pieces import in_runs
    >>> in_runs(np.array([[2, 4], [6, 9], [3, 102], [103, 200]]), ((0, 4), (100, 104))).tolist()
    [[2, 4], [4, 4], [3, 6], [7, 8]]
    """
    starts, stops = np.array(runs).T
    before = np.cumsum(stops - starts) - (stops - starts)
    run = np.searchsorted(starts, ranges, "right") - 1
    return np.asarray(before[run] + np.minimum(ranges, stops[run]) - starts[run])
