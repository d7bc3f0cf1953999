"""Read the section tables of ELF and PE files, bounded by what is in the file."""

import struct
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
        As the file has it, at most 64 characters; empty for headers and the overlay.
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
    """Read up to ``count`` bytes; a file is read, not mapped, because it may shrink."""
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
    """Return the letters up to the first zero as text."""
    return letters.partition(b"\0")[0].decode("ascii", errors="backslashreplace")[:MOST_LETTERS]


_SECTOR, _PAGE = 512, 4096  # bytes
_SYMBOL_BYTES = 18  # of one in COFF
_DISCARDED = 0x02000000


def read_pe(content: Binary, start: bytes) -> list[Section]:
    """Read the table of sections; ``start`` is the first 64 bytes."""
    if start[:2] != b"MZ" or len(start) < 64:
        return []
    head = int.from_bytes(start[60:64], "little")
    coff = read_part(content, head, 24 + 40).tobytes()
    if coff[:4] != b"PE\0\0" or len(coff) < 24:
        return []
    count, symbols, symbol_count, optional = struct.unpack_from("<HxxxxIIH", coff, 6)
    alignment = int.from_bytes(coff[24 + 32 : 24 + 36], "little") if optional >= 36 else 0
    fields, offsets = ("name", "size", "offset", "flags"), (0, 16, 20, 36)
    kind = np.dtype(
        {"names": fields, "formats": ("V8", "<u4", "<u4", "<u4"), "offsets": offsets, "itemsize": 40},
    )
    letters = _strings_of_coff(content, symbols, symbol_count)
    found = []
    for name, size, offset, flags in read_table(content, head + 24 + optional, count, kind):
        if offset:  # 0: it takes no bytes of the file, whatever its size
            if alignment >= _PAGE:  # below it, Windows loads the file as it is; else it rounds to sectors
                offset -= offset % _SECTOR
            title = _long_name(read_name(name), letters)
            found.append(Section(title, _kind_of_pe(title, flags), offset, size))
    return found


def _strings_of_coff(content: Binary, symbols: int, count: int) -> bytes:
    """Read the table of long names behind the symbols; it begins with its size."""
    if not symbols:
        return b""
    place = symbols + _SYMBOL_BYTES * count
    size = int.from_bytes(read_part(content, place, 4).tobytes(), "little")
    return read_part(content, place, min(size, MOST_NAMES)).tobytes() if size > 4 else b""


def _long_name(name: str, letters: bytes) -> str:
    """Look up a name like ``/4``, an offset into the table of long names; the name itself where that leads nowhere."""
    if name[:1] != "/" or not name[1:].isascii() or not name[1:].isdigit():
        return name
    begin = int(name[1:])
    return read_name(letters[begin : begin + MOST_LETTERS]) or name


def _kind_of_pe(name: str, flags: int) -> Kind:
    if flags & 0x20000020:  # contains code, may be executed
        return "code"
    named: dict[str, Kind] = {".rsrc": "resources", ".reloc": "symbols", ".edata": "symbols", ".idata": "symbols"}
    if name in named:
        return named[name]
    if name.startswith((".debug", ".zdebug", ".stab")) or (name[:1] == "/" and flags & _DISCARDED):
        return "debug"
    return "data" if flags & 0x80000000 else "constants"


_NO_BYTES = (0, 8)  # SHT_NULL, SHT_NOBITS
_SYMBOLS = (2, 3, 4, 5, 6, 9, 11, 0x6FFFFFF6, 0x6FFFFFFE, 0x6FFFFFFF)  # tables of names, hashes, relocations, versions
_WRITE, _ALLOC, _EXECUTE = 1, 2, 4
_LOAD = 1  # PT_LOAD


class _ElfHeader(NamedTuple):
    """Positions of the tables of an ELF file, from its first 64 bytes."""

    mark: Literal["<", ">"]
    wide: bool
    machine: int
    flags: int
    segments: tuple[int, int, int]  # offset of the table, bytes of an entry, entries
    sections: tuple[int, int, int]
    names: int  # the section that holds the names

    @classmethod
    def parse(cls, start: bytes) -> "_ElfHeader | None":
        """Read it; None where it is none or breaks off."""
        if start[:4] != b"\x7fELF":
            return None
        mark: Literal["<", ">"] = ">" if start[5:6] == b"\2" else "<"
        wide = start[4:5] == b"\2"
        form = struct.Struct(mark + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"))
        if len(start) < 16 + form.size:
            return None
        _, machine, _, _, loads, table, flags, _, load_width, load_count, width, count, names = form.unpack_from(
            start, 16
        )
        return cls(mark, wide, machine, flags, (loads, load_width, load_count), (table, width, count), names)


def machine_and_flags(binary: Binary) -> tuple[int, str, int] | None:
    """Return ``e_machine``, the order of bytes (``<`` or ``>``) and ``e_flags`` of an ELF file; None of another."""
    header = _ElfHeader.parse(read_part(binary, 0, 64).tobytes())
    return None if header is None else (header.machine, header.mark, header.flags)


def read_elf(content: Binary, start: bytes) -> list[Section]:
    """Read the table of sections, or where it is not in the file, the segments that a program is loaded from.

    ``start`` is the first 64 bytes.
    """
    header = _ElfHeader.parse(start)
    if header is None:
        return []
    found = _sections_of_elf(content, header)
    if any(one.kind != "header" and one.offset < len(content) for one in found):
        return found
    return _segments_of_elf(content, header)


def _sections_of_elf(content: Binary, header: _ElfHeader) -> list[Section]:
    (place, width, count), names = header.sections, header.names
    long, offsets, least = ("u8", (0, 4, 8, 24, 32, 40), 64) if header.wide else ("u4", (0, 4, 8, 16, 20, 24), 40)
    if not place or width < least:
        return []
    fields = ("name", "type", "flags", "offset", "size", "link")
    formats = [header.mark + form for form in ("u4", "u4", long, long, long, "u4")]
    kind = np.dtype({"names": fields, "formats": formats, "offsets": offsets, "itemsize": width})
    first = read_table(content, place, 1, kind)
    if first and count == 0:  # more than 65,279: the first entry says how many
        count = first[0][fields.index("size")]
    if first and names == 0xFFFF:
        names = first[0][fields.index("link")]
    table = read_table(content, place, count, kind)
    letters = b""
    if names < len(table):
        begin, size = (table[names][fields.index(word)] for word in ("offset", "size"))
        letters = read_part(content, begin, min(size, MOST_NAMES)).tobytes()
    found = [Section("", "header", place, len(table) * width)] if table else []
    for name, form, flags, offset, size, _ in table:
        if form not in _NO_BYTES:
            title = read_name(letters[name : name + MOST_LETTERS])
            found.append(Section(title, _kind_of_elf(title, form, flags), offset, size))
    return found


def _segments_of_elf(content: Binary, header: _ElfHeader) -> list[Section]:
    """Read the segments that are loaded, without the headers that the first may begin with."""
    place, width, count = header.segments
    long, offsets, least = ("u8", (0, 4, 8, 32), 56) if header.wide else ("u4", (0, 24, 4, 16), 32)
    if not place or width < least:
        return []
    kind = np.dtype(
        {
            "names": ("type", "flags", "offset", "size"),
            "formats": [header.mark + form for form in ("u4", "u4", long, long)],
            "offsets": offsets,
            "itemsize": width,
        }
    )
    table = read_table(content, place, count, kind)
    headers = place + len(table) * width
    found = []
    for form, flags, offset, size in table:
        if form == _LOAD:
            begin = max(offset, headers) if offset < place else offset
            found.append(Section("", _kind_of_segment(flags), begin, max(0, offset + size - begin)))
    return found


def _kind_of_segment(flags: int) -> Kind:
    executed, written = 1, 2
    return "code" if flags & executed else "data" if flags & written else "constants"


def _kind_of_elf(name: str, form: int, flags: int) -> Kind:
    if flags & _EXECUTE:
        return "code"
    if form in _SYMBOLS:
        return "symbols"
    if not flags & _ALLOC:
        return "debug" if name.startswith((".debug", ".zdebug")) else "other"
    return "data" if flags & _WRITE else "constants"
