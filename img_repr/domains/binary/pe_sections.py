"""Sections of PE files, under the names and at the places that Windows gives them."""

import struct

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
