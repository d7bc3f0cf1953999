"""Sections of ELF files, or where a file has no table of them, the segments that its program is loaded from."""

import struct
from typing import Literal, NamedTuple

import numpy as np

from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.section import (
    MOST_LETTERS,
    MOST_NAMES,
    Kind,
    Section,
    read_name,
    read_part,
    read_table,
)

_NO_BYTES = (0, 8)  # SHT_NULL, SHT_NOBITS
_SYMBOLS = (2, 3, 4, 5, 6, 9, 11, 0x6FFFFFF6, 0x6FFFFFFE, 0x6FFFFFFF)  # tables of names, hashes, relocations, versions
_WRITE, _ALLOC, _EXECUTE = 1, 2, 4
_LOAD = 1  # PT_LOAD


class _ElfHeader(NamedTuple):
    """Where the tables of an ELF file are, as its first 64 bytes say."""

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
    """Give ``e_machine``, the order of bytes (``<`` or ``>``) and ``e_flags`` of an ELF file; None of another."""
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
