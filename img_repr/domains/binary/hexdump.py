"""Hex dumps: text lines of an address and bytes in hexadecimal, ``??`` where a byte is not known."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from img_repr.core.errors import DataError, ParameterError
from img_repr.core.numbers import is_integer
from img_repr.domains.binary.binary import Binary

FILL_BYTES = 1 << 16
"""Longest gap between addresses that is filled: sections of a program are aligned to no more."""

_BLOCK = 1 << 21  # characters read at a time
_UNKNOWN, _BLANK, _END, _OTHER = 16, 32, 33, 64
_FREE_FILL = 1 << 20

_Lines = tuple[np.ndarray, np.ndarray, np.ndarray]  # address of each, number of its bytes, all their values


def _codes() -> np.ndarray:
    codes = np.full(256, _OTHER, np.uint8)
    for value, digits in enumerate(zip(b"0123456789abcdef", b"0123456789ABCDEF", strict=True)):
        codes[list(digits)] = value
    codes[ord("?")] = _UNKNOWN
    codes[list(b" \t\r")] = _BLANK
    codes[ord("\n")] = _END
    return codes


_CODES = _codes()


class Gaps(NamedTuple):
    """Numbers of gaps between addresses ``filled`` or, too wide, ``closed``, and of addresses that go ``back``."""

    filled: int
    closed: int
    back: int


@dataclass(frozen=True, eq=False)
class HexDump:
    """Content of a hex dump.

    Parameters
    ----------
    binary : Binary
        Its bytes in the order of its lines; filled gaps and ``??`` are not ``known``.
    address : int
        Of the first byte.
    gaps : Gaps
        Where the addresses did not follow each other.
    """

    binary: Binary
    address: int
    gaps: Gaps


def read_hexdump(path: str | Path, *, fill_bytes: int = FILL_BYTES) -> HexDump:
    r"""Read a hex dump as Microsoft's malware challenge has it: ``00401000 56 8D 44 24 ?? ...``.

    Parameters
    ----------
    path : str or Path
        Lines of an address, 8 or 16 hexadecimal digits, and any number of bytes, two digits or ``??`` each, with
        blanks between them; lines may end in CR LF; empty ones are passed over.
    fill_bytes : int
        Gaps of up to this many bytes are filled, in sum no more than the dump lists (or 1 MiB); wider ones are closed.

    Raises
    ------
    DataError
        If the file cannot be read or holds no byte; naming the line, if one is something else.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.domains.binary.hexdump import read_hexdump
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.bytes").write_text("00401000 56 8D ?? 44\n00401006 C3\n")
    ...     dump = read_hexdump(Path(folder, "a.bytes"))
    >>> dump.binary.read().tolist(), dump.binary.known.astype(int).tolist()
    ([86, 141, 0, 68, 0, 0, 195], [1, 1, 0, 1, 0, 0, 1])
    """
    if not is_integer(fill_bytes, 0):
        raise ParameterError(f"hexdump: expected fill_bytes to be an integer from 0, got {fill_bytes!r:.40}")
    path = Path(path)
    addresses, counts, values = [], [], []
    digits = 0
    for block, line in _blocks(path):
        if not digits and (words := block.tobytes().split(maxsplit=1)):
            digits = 16 if len(words[0]) == 16 else 8  # those of the first line are those of all
        for found in _parse(block, digits or 8, path, line):
            addresses.append(found[0])
            counts.append(found[1])
            values.append(found[2])
    if not sum(map(len, values)):
        raise DataError(f"{path}: expected lines like '00401000 56 8D 44 24', got none")
    return _placed(np.concatenate(addresses), np.concatenate(counts), np.concatenate(values), fill_bytes)


def _blocks(path: Path) -> Iterator[tuple[np.ndarray, int]]:
    """Return whole lines, about two megabytes together, each time with the number of the first."""
    len(Binary(path))  # refuses pipes and devices
    line, rest = 1, b""
    try:
        with path.open("rb") as file:
            while piece := file.read(_BLOCK):
                if line == 1 and not rest:
                    piece = piece.removeprefix(b"\xef\xbb\xbf")
                end = piece.rfind(b"\n") + 1
                if not end and len(rest) + len(piece) > _BLOCK:
                    raise DataError(f"{path} line {line}: expected lines of text, got one without end")
                if end:
                    block = np.frombuffer(rest + piece[:end], np.uint8)
                    yield block, line
                    line += int(np.count_nonzero(block == ord("\n")))
                    rest = b""
                rest += piece[end:]
    except OSError as error:
        raise DataError(f"{path}: expected a file that can be read, got: {error.strerror}") from None
    if rest:
        yield np.frombuffer(rest + b"\n", np.uint8), line


def _parse(block: np.ndarray, digits: int, path: Path, line: int) -> Iterator[_Lines]:
    """Parse lines of one width at once, as far as they are, and the rest token by token."""
    code = _CODES[block]
    ends = np.flatnonzero(code == _END)
    width = int(ends[0]) + 1
    even = ends[: len(block) // width] == np.arange(1, min(len(ends), len(block) // width) + 1) * width - 1
    rows = len(even) if even.all() else int(even.argmin())
    found = _parse_even(code[: rows * width].reshape(rows, width), digits)
    if found is None:
        rows = 0
    else:
        yield found
    if rows * width < len(block):
        begin = rows * width
        yield _parse_any(block[begin:], code[begin:], ends[rows:] - begin, digits, path, line + rows)


def _parse_even(code: np.ndarray, digits: int) -> _Lines | None:
    """Parse lines of an address and bytes with one blank before each; None if one is otherwise."""
    count = (code.shape[1] - 1 - digits) // 3
    if count < 1:
        return None
    last = digits + 3 * count
    address, rest = code[:, :digits], code[:, last:-1]
    blanks, high, low = (code[:, digits + at : last : 3] for at in range(3))
    unknown = high == _UNKNOWN
    if (
        address.max() >= _UNKNOWN
        or max(high.max(), low.max()) > _UNKNOWN
        or not (blanks == _BLANK).all()
        or not (rest == _BLANK).all()
        or not np.array_equal(unknown, low == _UNKNOWN)
    ):
        return None
    return _number(address), np.full(len(code), count), _join(high, low, unknown).ravel()


def _parse_any(block: np.ndarray, code: np.ndarray, ends: np.ndarray, digits: int, path: Path, line: int) -> _Lines:
    """Parse lines of any number of bytes with any blanks between them."""
    edges = np.flatnonzero(np.diff(code >= _BLANK, prepend=True))
    starts, stops = edges[::2], edges[1::2]
    first = np.diff(np.searchsorted(ends, starts), prepend=-1) > 0
    widths = stops - starts
    last = len(code) - 1
    high, low = code[starts], code[np.minimum(starts + 1, last)]
    unknown = high == _UNKNOWN
    address = code[np.minimum(starts[first][:, None] + np.arange(digits), last)]
    wrong = np.where(first, widths != digits, (widths != 2) | (unknown != (low == _UNKNOWN)))
    places = [
        *np.flatnonzero(code == _OTHER)[:1].tolist(),
        *starts[wrong][:1].tolist(),
        *starts[first][(address == _UNKNOWN).any(axis=1)][:1].tolist(),
    ]
    if places:
        number = int(np.searchsorted(ends, min(places)))
        begin = int(ends[number - 1]) + 1 if number else 0
        text = block[begin : int(ends[number])].tobytes().decode("ascii", errors="replace").strip()
        raise DataError(
            f"{path} line {line + number}: expected an address of {digits} hexadecimal digits and bytes of two digits "
            f"or ??, got {text!r:.60}"
        )
    bytes_of_lines = np.diff(np.append(np.flatnonzero(first), len(first))) - 1
    return _number(address), bytes_of_lines, _join(high[~first], low[~first], unknown[~first])


def _number(digits: np.ndarray) -> np.ndarray:
    number = np.zeros(len(digits), np.uint64)
    for column in digits.T:
        number = (number << np.uint64(4)) | column
    return number


def _join(high: np.ndarray, low: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    """Join two digits to a value, uint16; 256 where it is not known."""
    return np.where(unknown, np.uint16(256), (high << 4) | low)


def _placed(addresses: np.ndarray, counts: np.ndarray, values: np.ndarray, fill_bytes: int) -> HexDump:
    """Put the bytes of the lines where their addresses say, as far as gaps are narrow."""
    expected = addresses[:-1] + counts[:-1].astype(np.uint64)
    forward = addresses[1:] > expected
    gaps = np.where(forward, addresses[1:] - expected, 0)
    narrow = forward & (gaps <= fill_bytes)
    narrow &= np.cumsum(np.where(narrow, gaps, 0)) <= max(len(values), _FREE_FILL)
    known = values < 256
    content = np.where(known, values, 0).astype(np.uint8)
    if narrow.any():
        shifts = np.cumsum(np.append(0, np.where(narrow, gaps, 0)).astype(np.int64))
        places = np.arange(len(values)) + np.repeat(shifts, counts)
        sparse, marked = (
            np.zeros(len(values) + int(shifts[-1]), np.uint8),
            np.zeros(len(values) + int(shifts[-1]), bool),
        )
        sparse[places], marked[places] = content, known
        content, known = sparse, marked
    gaps_found = Gaps(
        filled=int(narrow.sum()), closed=int((forward & ~narrow).sum()), back=int((addresses[1:] < expected).sum())
    )
    return HexDump(Binary(content, known=None if known.all() else known), int(addresses[0]), gaps_found)
