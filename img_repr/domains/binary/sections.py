"""Sections of ELF and PE files: which bytes are code, data, constants, by what the headers say.

The tables are read here, in time and memory bounded by their size in the file; the parsers that others use
(pyelftools, pefile) follow what a header claims, and are the test's oracles.
"""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from img_repr.core.errors import ParameterError
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.sample import check_binaries

Kind = Literal["header", "code", "data", "constants", "symbols", "resources", "debug", "other", "overlay"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_MOST_SECTIONS = 1 << 16
_MOST_LETTERS = 64  # of a name; a table without zeros would make each as long as the file
_MOST_NAMES = 1 << 24  # bytes of the table of names that are read
_TABLE_AT_ONCE = 1 << 20  # bytes
_NO_BYTES = (0, 8)  # SHT_NULL, SHT_NOBITS
_SYMBOLS = (2, 3, 4, 5, 6, 9, 11, 0x6FFFFFF6, 0x6FFFFFFE, 0x6FFFFFFF)  # tables of names, hashes, relocations, versions
_WRITE, _ALLOC, _EXECUTE = 1, 2, 4


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


def sections_of(binary: Any) -> list[Section]:
    """Give the sections of an ELF or PE file by their offsets; nothing is executed or loaded.

    A table that breaks off, sections that reach beyond the file, and those that lie outside are clipped or left out;
    sections may overlap where the headers say so.

    Parameters
    ----------
    binary : bytes, uint8 array, path or Binary
        One binary.

    Returns
    -------
    list of Section
        At most 65,536; empty where the binary is neither ELF nor PE, or has no table of sections.

    Raises
    ------
    SampleError
        If it is no binary, or empty.

    References
    ----------
    Tool Interface Standards 1995, Executable and Linking Format; Microsoft 2024, PE Format.

    Examples
    --------
    >>> import sys
    >>> from pathlib import Path
    >>> from img_repr.domains.binary.sections import sections_of
    >>> {"header", "code"} <= {section.kind for section in sections_of(Path(sys.executable))}
    True
    >>> sections_of(b"text")
    []
    """
    checked = check_binaries(binary, who="sections_of").binaries
    if len(checked) != 1:
        raise ParameterError(f"sections_of: expected one binary, got {len(checked)}")
    content = checked[0]
    start, length = _part(content, 0, 64).tobytes(), len(content)
    found = _read_elf(content, start) if start[:4] == b"\x7fELF" else _read_pe(content, start)
    if not found:
        return []
    inside = [
        one._replace(length=min(one.length, length - one.offset))
        for one in found
        if one.offset < length and one.length > 0
    ]
    end = max((one.offset + one.length for one in inside), default=0)
    if end < length:
        inside.append(Section("", "overlay", end, length - end))
    first = min((one.offset for one in inside if one.kind != "header"), default=length)
    if first:
        inside.append(Section("", "header", 0, first))
    return sorted(inside, key=lambda one: (one.offset, one.length))


def ranges_of(sections: Iterable[Section], kind: Kind) -> np.ndarray:
    """Give the bytes that lie in sections of a kind as rising ranges that do not touch.

    Returns
    -------
    ndarray of int64, shape (k, 2)
        First byte and stop of each.

    Examples
    --------
    >>> from img_repr.domains.binary.sections import Section, ranges_of
    >>> places = [("data", 5, 9), ("code", 0, 10), ("code", 4, 2), ("code", 10, 5), ("code", 20, 1)]
    >>> ranges_of([Section("", *place) for place in places], "code").tolist()
    [[0, 15], [20, 21]]
    """
    places = sorted((one.offset, one.offset + one.length) for one in sections if one.kind == kind)
    if not places:
        return np.empty((0, 2), np.int64)
    starts, stops = np.array(places, np.int64).T
    reached = np.maximum.accumulate(stops)
    apart = np.flatnonzero(starts[1:] > reached[:-1])
    return np.stack([starts[np.append(0, apart + 1)], reached[np.append(apart, len(stops) - 1)]], axis=1)


def _part(whole: Binary, first: int, count: int) -> np.ndarray:
    """Read as many of so many bytes as there are; from a file, without a map of it, which may become shorter."""
    first = min(first, len(whole))
    begin, stop = whole.start + first, whole.start + min(first + count, len(whole))
    pieces = [piece.copy() for _, piece in Binary(whole.content, begin, stop).chunks()]
    return np.concatenate([np.empty(0, np.uint8), *pieces])


def _table(content: Binary, offset: int, count: int, kind: np.dtype[Any]) -> list[tuple[Any, ...]]:
    """Read as many entries of a table as there are in the file."""
    whole = min(count, _MOST_SECTIONS, max(0, len(content) - offset) // kind.itemsize)
    at_once = max(1, _TABLE_AT_ONCE // kind.itemsize)
    found: list[tuple[Any, ...]] = []
    for first in range(0, whole, at_once):
        entries = min(at_once, whole - first)
        found += _part(content, offset + first * kind.itemsize, entries * kind.itemsize).view(kind).tolist()
    return found


def _read_elf(content: Binary, start: bytes) -> list[Section]:
    wide = start[4:5] == b"\2"
    order: Literal["little", "big"] = "big" if start[5:6] == b"\2" else "little"

    def number(at: int, size: int) -> int:
        return int.from_bytes(start[at : at + size], order)

    place = number(40, 8) if wide else number(32, 4)
    width, count, names = (number(at, 2) for at in ((58, 60, 62) if wide else (46, 48, 50)))
    mark = ">" if order == "big" else "<"
    long, offsets, least = ("u8", (0, 4, 8, 24, 32, 40), 64) if wide else ("u4", (0, 4, 8, 16, 20, 24), 40)
    if not place or width < least:
        return []
    fields = ("name", "type", "flags", "offset", "size", "link")
    formats = [mark + form for form in ("u4", "u4", long, long, long, "u4")]
    kind = np.dtype({"names": fields, "formats": formats, "offsets": offsets, "itemsize": width})
    first = _table(content, place, 1, kind)
    if first and count == 0:  # more than 65,279: the first entry says how many
        count = first[0][fields.index("size")]
    if first and names == 0xFFFF:
        names = first[0][fields.index("link")]
    table = _table(content, place, count, kind)
    letters = b""
    if names < len(table):
        begin, size = (table[names][fields.index(word)] for word in ("offset", "size"))
        letters = _part(content, begin, min(size, _MOST_NAMES)).tobytes()
    found = [Section("", "header", place, len(table) * width)] if table else []
    for name, form, flags, offset, size, _ in table:
        if form not in _NO_BYTES:
            title = _title(letters[name : name + _MOST_LETTERS])
            found.append(Section(title, _kind_of_elf(title, form, flags), offset, size))
    return found


def _title(letters: bytes) -> str:
    return letters.partition(b"\0")[0].decode("ascii", errors="backslashreplace")[:_MOST_LETTERS]


def _kind_of_elf(name: str, form: int, flags: int) -> Kind:
    if flags & _EXECUTE:
        return "code"
    if form in _SYMBOLS:
        return "symbols"
    if not flags & _ALLOC:
        return "debug" if name.startswith((".debug", ".zdebug")) else "other"
    return "data" if flags & _WRITE else "constants"


def _read_pe(content: Binary, start: bytes) -> list[Section]:
    if start[:2] != b"MZ" or len(start) < 64:
        return []
    head = int.from_bytes(start[60:64], "little")
    coff = _part(content, head, 24).tobytes()
    if coff[:4] != b"PE\0\0" or len(coff) < 24:
        return []
    count, optional = int.from_bytes(coff[6:8], "little"), int.from_bytes(coff[20:22], "little")
    fields, offsets = ("name", "size", "offset", "flags"), (0, 16, 20, 36)
    kind = np.dtype(
        {"names": fields, "formats": ("V8", "<u4", "<u4", "<u4"), "offsets": offsets, "itemsize": 40},
    )
    found = []
    for name, size, offset, flags in _table(content, head + 24 + optional, count, kind):
        if offset:  # 0: it takes no bytes of the file, whatever its size
            title = _title(name)
            found.append(Section(title, _kind_of_pe(title, flags), offset, size))
    return found


def _kind_of_pe(name: str, flags: int) -> Kind:
    if flags & 0x20000020:  # contains code, may be executed
        return "code"
    named: dict[str, Kind] = {".rsrc": "resources", ".reloc": "symbols", ".edata": "symbols", ".idata": "symbols"}
    if name in named:
        return named[name]
    if name.startswith((".debug", "/")):
        return "debug"
    return "data" if flags & 0x80000000 else "constants"
