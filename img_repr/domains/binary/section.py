"""A part of a file of machine code, and how tables in headers are read: bounded by what is in the file."""

from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from img_repr.domains.binary.binary import Binary

Kind = Literal["header", "code", "data", "constants", "symbols", "resources", "debug", "other", "overlay"]
KINDS: tuple[Kind, ...] = get_args(Kind)

MOST_NAMES = 1 << 24
"""Bytes of a table of names that are read."""

MOST_LETTERS = 64
"""Letters of a name; a table without zeros would make each as long as the file."""

_MOST_ENTRIES = 1 << 16
_TABLE_AT_ONCE = 1 << 20  # bytes


class Section(NamedTuple):
    """A part of a file.

    Parameters
    ----------
    name : str
        As the file has it, at most 64 characters; empty for headers and what follows the last section.
    kind : str
        ``header``, ``code``, ``data`` (written when it runs), ``constants`` (only read), ``symbols``, ``resources``,
        ``debug``, ``other`` (not loaded), ``overlay`` (behind the last section).
    offset, length : int
        Bytes from the file's start, and how many of them are there.
    """

    name: str
    kind: Kind
    offset: int
    length: int


def read_part(whole: Binary, first: int, count: int) -> np.ndarray:
    """Read as many of so many bytes as there are; from a file, without a map of it, which may become shorter."""
    first = min(first, len(whole))
    begin, stop = whole.start + first, whole.start + min(first + count, len(whole))
    pieces = [piece.copy() for _, piece in Binary(whole.content, begin, stop).chunks()]
    return np.concatenate([np.empty(0, np.uint8), *pieces])


def read_table(content: Binary, offset: int, count: int, kind: np.dtype[Any]) -> list[tuple[Any, ...]]:
    """Read as many entries of a table as there are in the file."""
    whole = min(count, _MOST_ENTRIES, max(0, len(content) - offset) // kind.itemsize)
    at_once = max(1, _TABLE_AT_ONCE // kind.itemsize)
    found: list[tuple[Any, ...]] = []
    for first in range(0, whole, at_once):
        entries = min(at_once, whole - first)
        found += read_part(content, offset + first * kind.itemsize, entries * kind.itemsize).view(kind).tolist()
    return found


def read_name(letters: bytes) -> str:
    """Give the letters up to the first zero as text."""
    return letters.partition(b"\0")[0].decode("ascii", errors="backslashreplace")[:MOST_LETTERS]
