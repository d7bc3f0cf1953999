"""Fragments: pieces of a fixed number of bytes cut from a binary, none of them a copy."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from img_repr.core.errors import DataError, ParameterError
from img_repr.core.numbers import is_integer
from img_repr.domains.binary.binary import Binary

FRAGMENT_BYTES = 4096
"""A page of memory and a block of most file systems: the usual unit of carving and code recognition."""

_LARGEST_COUNT = 1 << 48


def fragment_offsets(
    length: int,
    *,
    fragment_bytes: int = FRAGMENT_BYTES,
    at_most: int | None = None,
    skip_ends: bool = False,
    keep_last: bool = False,
) -> np.ndarray:
    """Return the positions where a binary is cut, rising multiples of ``fragment_bytes``.

    Parameters
    ----------
    length : int
        Bytes of the binary.
    fragment_bytes : int
        Bytes of each fragment.
    at_most : int, optional
        Number of fragments, evenly spaced. Default: all.
    skip_ends : bool
        Leave out the first fragment and the last, complete or not: headers and trailers give the type away.
    keep_last : bool
        Keep a last fragment that is shorter. Default: it is dropped.

    Returns
    -------
    ndarray of int64, shape (K,)
        K may be 0.

    Raises
    ------
    ParameterError
        If a count is no integer above 0.

    Examples
    --------
    >>> from img_repr.domains.binary.fragments import fragment_offsets
    >>> fragment_offsets(25, fragment_bytes=10).tolist()
    [0, 10]
    >>> fragment_offsets(25, fragment_bytes=10, keep_last=True).tolist()
    [0, 10, 20]
    >>> fragment_offsets(25, fragment_bytes=10, skip_ends=True).tolist()
    [10]
    >>> fragment_offsets(90, fragment_bytes=10, at_most=3).tolist()
    [10, 40, 70]
    """
    check_count("fragments", "fragment_bytes", fragment_bytes)
    offsets = np.arange(0, length, fragment_bytes, dtype=np.int64)
    if skip_ends:
        offsets = offsets[1:-1]
    elif not keep_last:
        offsets = offsets[: length // fragment_bytes]
    if at_most is not None:
        check_count("fragments", "at_most", at_most)
        offsets = offsets[evenly_spaced(len(offsets), at_most)]
    return offsets


def evenly_spaced(count: int, at_most: int) -> np.ndarray:
    """Return at most ``at_most`` rising positions in ``range(count)``, each in the middle of its fraction.

    Examples
    --------
    >>> evenly_spaced(9, 3).tolist(), evenly_spaced(2, 5).tolist()
    ([1, 4, 7], [0, 1])
    """
    taken = min(count, at_most)
    return (2 * np.arange(taken, dtype=np.int64) + 1) * count // max(1, 2 * taken)


def cut_fragment(binary: Binary, offset: int, count: int) -> Binary:
    """Cut ``count`` bytes at an offset: a view of memory, or a range of the same file, of which nothing is read.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.fragments import cut_fragment
    >>> cut_fragment(Binary(np.arange(9, dtype=np.uint8)), 4, 3).read().tolist()
    [4, 5, 6]
    """
    begin = binary.start + offset
    end = begin + count if binary.stop is None else min(begin + count, binary.stop)
    known = None if binary.known is None else binary.known[offset : offset + count]
    if known is not None and known.all():
        known = None
    if isinstance(binary.content, np.ndarray):
        return Binary(binary.content[begin:end], known=known)  # to pickle it takes its own bytes along only
    return Binary(binary.content, begin, end, known)


def slide(
    binary: Binary, *, window_bytes: int = FRAGMENT_BYTES, step_bytes: int | None = None, batch: int = 256
) -> Iterator[tuple[np.ndarray, list[Binary]]]:
    """Slide a window over a binary, a batch of positions at a time, in memory that does not grow with its length.

    The windows cover every byte: the last one ends where the binary ends, off the grid of steps if need be. A
    binary shorter than the window is one window.

    Parameters
    ----------
    binary : Binary
        Of one byte at least.
    window_bytes : int
    step_bytes : int, optional
        From window to window, at most ``window_bytes``. Default: ``window_bytes``, so that they touch.
    batch : int
        Windows of each batch but the last.

    Yields
    ------
    offsets : ndarray of int64, shape (B,)
    windows : list of Binary
        Views; of a file, of the bytes of the batch, which are read together.

    Raises
    ------
    DataError
        If a file cannot be read, or shrinks during the reading.
    ParameterError
        If a count is no integer above 0, or steps would pass over bytes.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.fragments import slide
    >>> for offsets, windows in slide(Binary(np.arange(8, dtype=np.uint8)), window_bytes=3):
    ...     offsets.tolist(), windows[-1].read().tolist()
    ([0, 3, 5], [5, 6, 7])
    """
    step = window_bytes if step_bytes is None else step_bytes
    for word, value in (("window_bytes", window_bytes), ("step_bytes", step), ("batch", batch)):
        check_count("slide", word, value)
    if step > window_bytes:
        raise ParameterError(f"slide: expected step_bytes of at most window_bytes, {window_bytes}, got {step}")
    return _slide(binary, len(binary), window_bytes, step, batch)


def _slide(whole: Binary, length: int, window: int, step: int, batch: int) -> Iterator[tuple[np.ndarray, list[Binary]]]:
    last = max(0, length - window)
    count = 1 + -(-last // step) if length else 0
    for first in range(0, count, batch):
        offsets = np.minimum(np.arange(first, min(first + batch, count), dtype=np.int64) * step, last)
        begin, end = int(offsets[0]), min(int(offsets[-1]) + window, length)
        part = cut_fragment(whole, begin, end - begin)
        here = Binary(_load(part, end - begin), known=part.known)
        yield offsets, [cut_fragment(here, int(offset) - begin, window) for offset in offsets]


def _load(part: Binary, count: int) -> np.ndarray:
    """Return the bytes of a part: those of a file are read, because a map of a file that shrinks ends the process."""
    if not isinstance(part.content, Path):
        return part.read()
    content, filled = np.empty(count, np.uint8), 0
    for first, piece in part.chunks():
        filled = first + len(piece)
        content[first:filled] = piece
    if filled < count:
        raise DataError(f"{part.content}: expected {count} bytes from {part.start}, got {filled}; it became shorter")
    return content


def check_count(caller: str, name: str, value: object) -> None:
    """Refuse a value that is no integer above 0 or exceeds any file position."""
    if not is_integer(value, 1):
        raise ParameterError(f"{caller}: expected {name} to be an integer above 0, got {value!r:.40}")
    if value > _LARGEST_COUNT:
        raise ParameterError(f"{caller}: expected {name} to be at most {_LARGEST_COUNT}, got {value:.3g}")
