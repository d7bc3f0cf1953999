"""Sections of ELF and PE files, next to other people's parsers, and with lies in their headers."""

import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from img_repr.core.errors import ParameterError, SampleError
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.section_tables import Section
from img_repr.domains.binary.sections import sections_of

NATIVE = [Path(sys.executable).resolve(), *sorted((Path(np.__file__).parent / "_core").glob("*.so"))]


def make_elf(*, wide: bool = True, mark: str = "<", count: int | None = None, place: int | None = None) -> bytes:
    """Lay out header, .text of 64 bytes, .data of 32, .bss, the names, and the table."""
    names = b"\0.text\0.data\0.bss\0.shstrtab\0.debug_info\0"
    head = 64 if wide else 52
    rows = [
        (0, 0, 0, 0, 0),
        (1, 1, 6, head, 64),
        (7, 1, 3, head + 64, 32),
        (13, 8, 3, head + 96, 1 << 30),  # takes no bytes
        (18, 3, 0, head + 96, len(names)),
        (28, 1, 0, head + 96 + len(names), 10),
    ]
    table = head + 96 + len(names) + 10
    width = 64 if wide else 40
    ident = b"\x7fELF" + bytes([1 + wide, 1 if mark == "<" else 2, 1]) + bytes(9)
    form = "HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"
    shown = table if place is None else place
    header = ident + struct.pack(
        mark + form, 3, 62, 1, 0, 0, shown, 0, head, 0, 0, width, len(rows) if count is None else count, 4
    )
    entry = mark + ("IIQQQQIIQQ" if wide else "IIIIIIIIII")
    packed = [struct.pack(entry, name, form, flags, 0, at, size, 0, 0, 1, 0) for name, form, flags, at, size in rows]
    return header + b"\x90" * 64 + b"\x01" * 32 + names + b"\x02" * 10 + b"".join(packed)


def make_pe(rows: list[tuple[bytes, int, int, int]], *, count: int | None = None, optional: int = 0) -> bytes:
    """Lay out a header at 64 and 1024 bytes in all, then 100 behind them."""
    dos = b"MZ" + bytes(58) + struct.pack("<I", 64)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, len(rows) if count is None else count, 0, 0, 0, optional, 0x2022)
    table = b"".join(
        struct.pack("<8sIIIIIIHHI", name, size, 0, size, at, 0, 0, 0, 0, flags) for name, at, size, flags in rows
    )
    return (dos + coff + bytes(optional) + table).ljust(1024, b"\0") + b"behind" * 20


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("mark", ["<", ">"])
def test_an_elf_by_hand(wide: bool, mark: str):
    head = 64 if wide else 52
    assert sections_of(make_elf(wide=wide, mark=mark)) == [
        ("", "header", 0, head),
        (".text", "code", head, 64),
        (".data", "data", head + 64, 32),
        (".shstrtab", "symbols", head + 96, 40),
        (".debug_info", "debug", head + 136, 10),
        ("", "header", head + 146, 6 * (64 if wide else 40)),
    ]


def test_a_pe_by_hand():
    rows = [
        (b".text", 512, 200, 0x60000020),
        (b".rdata", 712, 100, 0x40000040),
        (b".data", 812, 80, 0xC0000040),
        (b".rsrc\0\0\0", 892, 132, 0x40000040),
        (b"eightlet", 892, 0, 0x40000040),
    ]
    assert sections_of(make_pe(rows, optional=16)) == [
        ("", "header", 0, 512),
        (".text", "code", 512, 200),
        (".rdata", "constants", 712, 100),
        (".data", "data", 812, 80),
        (".rsrc", "resources", 892, 132),
        ("", "overlay", 1024, 120),
    ]


def test_a_pe_section_without_bytes_in_the_file():
    rows = [(b".text", 512, 512, 0x60000020), (b".bss", 0, 400, 0xC0000080)]
    assert sections_of(make_pe(rows)) == [
        ("", "header", 0, 512),
        (".text", "code", 512, 512),
        ("", "overlay", 1024, 120),
    ]
    assert [one.kind for one in sections_of(make_pe(rows[:1]))] == ["header", "code", "overlay"]


def test_paths_parts_and_others(tmp_path: Path):
    content = make_elf()
    (tmp_path / "a").write_bytes(b"before" + content)
    expected = sections_of(content)
    assert sections_of(Binary(tmp_path / "a", 6)) == expected
    assert sections_of(np.frombuffer(content, np.uint8)) == expected
    for other in (b"text", b"M", b"MZ" * 40, b"\x7fELF", b"\x7fELF" + bytes(60), bytes(5000)):
        assert sections_of(other) == []
    with pytest.raises(SampleError, match="sections_of: expected at least one byte"):
        sections_of(b"")
    with pytest.raises(ParameterError, match="expected one binary, got 2"):
        sections_of([content, content])


@pytest.mark.parametrize("file", NATIVE, ids=lambda file: file.name)
def test_sections_of_real_files_cover_them(file: Path):
    found = sections_of(file)
    if sys.platform != "linux":
        pytest.skip("no ELF here")
    size = file.stat().st_size
    assert {"code", "data", "constants", "symbols", "header"} <= {one.kind for one in found}
    assert all(0 <= one.offset < one.offset + one.length <= size for one in found)
    assert found == sorted(found, key=lambda one: one.offset)
    rest = np.fromfile(file, np.uint8)
    for one in found:
        rest[one.offset : one.offset + one.length] = 0
    assert np.count_nonzero(rest) < 0.05 * size  # padding, and what tools that edit libraries left behind


@pytest.mark.parametrize("file", NATIVE, ids=lambda file: file.name)
def test_against_pyelftools(file: Path):
    elffile = pytest.importorskip("elftools.elf.elffile")
    with file.open("rb") as opened:
        theirs = [
            (one.name, one["sh_offset"], one["sh_size"])
            for one in elffile.ELFFile(opened).iter_sections()
            if one["sh_type"] not in ("SHT_NULL", "SHT_NOBITS") and one["sh_size"]
        ]
    ours = [(one.name, one.offset, one.length) for one in sections_of(file) if one.name]
    assert sorted(ours) == sorted(theirs)


def test_against_pefile():
    pefile = pytest.importorskip("pefile")
    optional = struct.pack("<HBB", 0x20B, 1, 0) + bytes(108) + bytes(128)
    rows = [(b".text", 512, 200, 0x60000020), (b".data", 712, 100, 0xC0000040)]
    content = make_pe(rows, optional=len(optional))
    content = content[:88] + optional + content[88 + len(optional) :]
    theirs = [
        (one.Name.rstrip(b"\0").decode(), one.PointerToRawData, one.SizeOfRawData)
        for one in pefile.PE(data=content, fast_load=True).sections
    ]
    assert [(one.name, one.offset, one.length) for one in sections_of(content) if one.name] == theirs
    assert len(theirs) == 2


def test_lies():
    whole = make_elf()
    assert sections_of(make_elf(place=1 << 63)) == []
    assert sections_of(make_elf(place=len(whole) - 10)) == []
    assert sections_of(make_elf(count=65_000)) == sections_of(whole)  # as many as are there
    cut = sections_of(whole[:150])
    assert cut == []
    beyond = make_pe([(b".text", 1000, 1 << 31, 0x20), (b".far", 1 << 31, 100, 0x20), (b".over", 900, 124, 0x20)])
    assert sections_of(beyond) == [("", "header", 0, 900), (".over", "code", 900, 124), (".text", "code", 1000, 144)]


def test_65535_sections_with_names_as_long_as_the_file():
    kind = np.dtype("<u4,<u4,<u8,<u8,<u8,<u8,<u4,<u4,<u8,<u8")
    count = 65_535
    table = np.zeros(count, kind)
    table["f0"], table["f1"], table["f2"], table["f4"], table["f5"] = 1, 1, 6, 64, 1 << 40
    table["f4"][7] = 64 + count * 64
    header = struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 0, 64, 0, 64, 0, 0, 64, count, 7)
    content = b"\x7fELF\2\1\1" + bytes(9) + header + table.tobytes() + b"A" * 100_000
    found = sections_of(content)
    assert len(found) == count + 2
    assert max(len(one.name) for one in found) == 64


def test_more_sections_than_the_header_can_count():
    content = bytearray(make_elf(count=0))
    table = len(content) - 6 * 64
    content[table + 32 : table + 40] = struct.pack("<Q", 6)  # the size of the first section says how many
    content[62:64] = b"\xff\xff"
    content[table + 40 : table + 44] = struct.pack("<I", 4)  # and its link where the names are
    assert sections_of(bytes(content)) == sections_of(make_elf())


@settings(max_examples=300, deadline=None)
@given(
    base=st.sampled_from([make_elf(), make_elf(wide=False, mark=">"), make_pe([(b".text", 512, 100, 32)] * 3)]),
    changes=st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=12),
    end=st.integers(1, 1200),
)
def test_false_headers_are_bounded(base: bytes, changes: list[tuple[int, int]], end: int):
    content = bytearray(base)
    for at, value in changes:
        content[at % len(content)] = value
    content = content[:end]
    for one in sections_of(bytes(content)):
        assert isinstance(one, Section)
        assert 0 <= one.offset < one.offset + one.length <= len(content)
        assert len(one.name) <= 64


def elf_of_segments(
    *,
    wide: bool = True,
    mark: str = "<",
    table: int | None = None,
    count: int = 3,
    headers: tuple[int, int, int] = (0, 0, 0),
) -> bytes:
    """A program without a table of sections: code that begins with the headers, data, constants."""
    head, width = (64, 56) if wide else (52, 32)
    word = "Q" if wide else "I"
    rows = [(5, 0, 0x300), (6, 0x300, 0x80), (4, 0x380, 1 << 20)]  # the last leads out of the file
    segments = b"".join(
        struct.pack(f"{mark}IIQQQQQQ", 1, flags, offset, 0, 0, size, size, 0x1000)
        if wide
        else struct.pack(f"{mark}IIIIIIII", 1, offset, 0, 0, size, size, flags, 0x1000)
        for flags, offset, size in rows
    )
    fields = (2, 62, 1, 0x1000, head if table is None else table, headers[0], 0, head, width, count, *headers[1:], 0)
    header = struct.pack(f"{mark}HHI{3 * word}IHHHHHH", *fields)
    content = b"\x7fELF" + bytes([1 + wide, 1 if mark == "<" else 2, 1]) + bytes(9) + header + segments
    return content.ljust(0x400, b"\x90")


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("mark", ["<", ">"])
@pytest.mark.parametrize("headers", [(0, 0, 0), (1 << 20, 64, 9)])  # none, and a table that was cut off
def test_without_a_table_of_sections_the_segments_are_sections(wide: bool, mark: str, headers: tuple[int, int, int]):
    content = elf_of_segments(wide=wide, mark=mark, headers=headers)
    begin = 64 + 3 * 56 if wide else 52 + 3 * 32
    assert sections_of(content) == [
        ("", "header", 0, begin),
        ("", "code", begin, 0x300 - begin),
        ("", "data", 0x300, 0x80),
        ("", "constants", 0x380, 0x80),
    ]


@pytest.mark.parametrize("options", [{"table": 1 << 31}, {"count": 0}, {"count": 0xFFFF}, {"table": 0x3F0}])
def test_tables_of_segments_that_lie_are_bounded(options: dict[str, int]):
    content = elf_of_segments(**options)
    assert all(0 <= one.offset < one.offset + one.length <= len(content) for one in sections_of(content))


@pytest.mark.parametrize("file", NATIVE, ids=lambda file: file.name)
def test_segments_of_real_files_are_those_of_pyelftools(file: Path):
    elffile = pytest.importorskip("elftools.elf.elffile")
    content = bytearray(file.read_bytes())
    if content[:4] != b"\x7fELF" or content[4] != 2:
        pytest.skip("no 64-bit ELF here")
    with file.open("rb") as opened:
        theirs = {
            (one["p_offset"], one["p_filesz"])
            for one in elffile.ELFFile(opened).iter_segments()
            if one["p_type"] == "PT_LOAD" and one["p_flags"] & 1 and one["p_offset"]
        }
    content[40:48], content[58:64] = bytes(8), bytes(6)  # no table of sections
    ours = {(one.offset, one.length) for one in sections_of(bytes(content)) if one.kind == "code"}
    assert theirs
    assert theirs <= ours


def test_resolves_long_names_of_pe():
    rows = [
        (b".text", 512, 100, 0x60000020),
        (b"/4", 612, 100, 0x40000040),
        (b"/14", 712, 100, 0x42000040),
        (b"/99", 812, 100, 0x42000040),
        (b"/x", 912, 60, 0x40000040),
    ]
    content = bytearray(make_pe(rows, optional=16))
    letters = b".eh_frame\0.debug_info\0"
    struct.pack_into("<II", content, 64 + 12, len(content), 0)
    content += struct.pack("<I", 4 + len(letters)) + letters
    assert [(one.name, one.kind) for one in sections_of(bytes(content))] == [
        ("", "header"),
        (".text", "code"),
        (".eh_frame", "constants"),
        (".debug_info", "debug"),
        ("/99", "debug"),
        ("/x", "constants"),
        ("", "overlay"),
    ]
    struct.pack_into("<II", content, 64 + 12, 0xFFFFFFF0, 0xFFFFFFFF)  # a table that leads out of the file
    assert [one.name for one in sections_of(bytes(content))] == ["", ".text", "/4", "/14", "/99", "/x", ""]


@pytest.mark.parametrize(("alignment", "place"), [(4096, 512), (8192, 512), (16, 700)])
def test_unaligned_offsets_of_pe_are_rounded_as_pefile_rounds_them(alignment: int, place: int):
    pefile = pytest.importorskip("pefile")
    optional = bytearray(struct.pack("<HBB", 0x20B, 1, 0) + bytes(108) + bytes(128))
    struct.pack_into("<II", optional, 32, alignment, 16)
    content = make_pe([(b".text", 700, 200, 0x60000020)], optional=len(optional))
    content = content[:88] + bytes(optional) + content[88 + len(optional) :]
    (code,) = [one for one in sections_of(content) if one.kind == "code"]
    assert (code.offset, code.length) == (place, 200)
    if alignment >= 4096:  # pefile does not know of files that are loaded as they are
        theirs = pefile.PE(data=content, fast_load=True)
        assert theirs.adjust_PointerToRawData(theirs.sections[0].PointerToRawData) == place
