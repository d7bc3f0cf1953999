"""Headers of ELF files: made by hand for either width and order of bytes, real ones, and ones that lie."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy._core import _multiarray_umath

from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import load_dataset
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.elf_code import ElfCode, load_elf_code, machine_of, read_elf_code

CODE = bytes(range(256)) * 40


def elf(
    machine: int, *, wide: bool = True, order: str = "<", flags: int = 0, sections=((1, 4, CODE),), table: int = 0
) -> bytes:
    """An ELF file of sections ``(type, flags, content)`` behind its header, and their table behind them."""
    start = offset = 64 if wide else 52
    headers, body = b"", b""
    for kind, rights, content in sections:
        values = (0, kind, rights, 0, offset, len(content))
        headers += struct.pack(order + ("IIQQQQIIQQ" if wide else "IIIIIIIIII"), *values, 0, 0, 0, 0)
        body += content
        offset += len(content)
    identity = b"\x7fELF" + bytes([1 + wide, 1 if order == "<" else 2, 1]) + bytes(9)
    sizes = (start, 0, 0, 64 if wide else 40, len(sections), 0)
    word = "Q" if wide else "I"
    header = struct.pack(order + "HHI" + 3 * word + "IHHHHHH", 2, machine, 1, 0, 0, table or offset, flags, *sizes)
    return identity + header + body + headers


def read(content: bytes) -> ElfCode | None:
    return read_elf_code(Binary(np.frombuffer(content, np.uint8)))


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_executable_sections_of_made_files(wide: bool, order: str) -> None:
    sections = ((0, 0, b""), (1, 6, CODE), (1, 2, b"data"), (8, 4, b"no content of its own"), (1, 4, CODE[:100]))
    found = read(elf(8, wide=wide, order=order, sections=sections))
    start = 64 if wide else 52
    assert found == ElfCode(
        "MIPSeb" if order == ">" else "MIPSel", ((start, len(CODE)), (start + len(CODE) + 4 + 21, 100))
    )


@pytest.mark.parametrize(
    ("machine", "order", "flags", "name"),
    [
        (3, "<", 0, "X86"),
        (62, "<", 0, "X86-64"),
        (183, "<", 0, "ARM64"),
        (40, "<", 0x5000200, "ARMel"),
        (40, "<", 0x5000400, "ARMhf"),
        (40, ">", 0x5000400, "ARMeb"),
        (20, ">", 0, "PPCeb"),
        (21, "<", 0, "PPCel"),
        (94, "<", 0, "Xtensa"),
        (0x9026, "<", 0, "Alpha"),
        (243, "<", 0, "RISC-V"),
        (9999, "<", 0, "machine 9999"),
    ],
)
def test_machines_have_the_names_of_cpu_rec(machine: int, order: str, flags: int, name: str) -> None:
    assert machine_of(machine, order, flags) == name
    found = read(elf(machine, order=order, flags=flags))
    assert found is not None
    assert found.machine == name


def test_native_library_has_the_machine_of_the_platform() -> None:
    library = Path(_multiarray_umath.__file__)
    found = read(library.read_bytes())
    if found is None:
        pytest.skip("not an ELF platform")
    names = {"x86_64": "X86-64", "aarch64": "ARM64"}
    assert found.machine == names.get(os.uname().machine, found.machine)
    data = load_elf_code(library, at_most=7)
    assert data.classes == (found.machine,)
    assert [len(one) for one in data.samples] == [4096] * 7
    assert all(
        any(start <= one.start <= start + length - 4096 for start, length in found.sections) for one in data.samples
    )


def test_false_headers_yield_no_code() -> None:
    whole = elf(62)
    assert read(whole) is not None
    for length in range(len(whole)):  # the table stands last, so that each cut takes part of it
        assert read(whole[:length]) == (ElfCode("X86-64", ()) if length >= 64 else None)
    assert read(elf(62, table=(1 << 64) - 8)) == ElfCode("X86-64", ())
    for at in range(64):
        for value in (0, 1, 127, 255):
            read(whole[:at] + bytes([value]) + whole[at + 1 :])  # no error, whatever it says
    crowd = read(elf(62, sections=[(1, 4, b"")] * 9000 + [(1, 4, CODE)]))
    assert crowd is not None
    assert len(crowd.sections) == 1


def test_sections_over_each_other_are_left_out_and_one_that_leads_out_of_the_file_is_clipped() -> None:
    content = bytearray(elf(62, sections=((1, 4, CODE), (1, 4, CODE), (1, 4, CODE))))
    table = 64 + 3 * len(CODE)
    content[table + 64 + 24 : table + 64 + 32] = struct.pack("<Q", 100)  # the second begins inside the first
    content[table + 128 + 32 : table + 128 + 40] = struct.pack("<Q", 1 << 40)
    last = 64 + 2 * len(CODE)
    assert read(bytes(content)) == ElfCode("X86-64", ((64, len(CODE)), (last, len(content) - last)))
    content[table + 128 + 24 : table + 128 + 32] = struct.pack("<Q", 1 << 40)
    assert read(bytes(content)) == ElfCode("X86-64", ((64, len(CODE)),))


def test_a_folder_of_files(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a.so").write_bytes(elf(62, sections=((1, 4, CODE), (1, 4, CODE))))
    (tmp_path / "b").write_bytes(elf(8, wide=False, order=">", sections=((1, 4, CODE[:1000]), (1, 4, CODE[:70]))))
    (tmp_path / "tiny").write_bytes(elf(3, wide=False, sections=((1, 4, CODE[:63]),)))
    (tmp_path / "text").write_text("no ELF file")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    (tmp_path / "odd").symlink_to("x" * 300)  # longer than a name may be
    os.mkfifo(tmp_path / "pipe")
    data = load_dataset(tmp_path, format="elf_code")
    assert data.labels.tolist() == ["MIPSeb"] + ["X86-64"] * 4
    assert data.groups.tolist() == ["b"] + ["lib/a.so"] * 4
    assert [len(one) for one in data.samples] == [1000] + [4096] * 4
    assert data.samples[0].read().tobytes() == CODE[:1000]
    assert data.samples[1].read().tobytes() == CODE[:4096]
    assert data.names[:2].tolist() == ["b at 0x34", "lib/a.so at 0x40"]
    assert data.notes[0] == "ELF files without code: 1: tiny"
    assert data.notes[1].startswith("skipped 1 files that could not be read: ")
    assert data.notes[2:] == (
        "left out 1 links to nothing (were the data fetched?): lost",
        "left out 1 pipes, devices or links to listed folders: pipe",
    )
    assert load_elf_code(tmp_path, at_most=2).groups.tolist() == ["b", "lib/a.so", "lib/a.so"]
    with pytest.raises(DataError, match="expected an ELF file with code, got none among 1 files"):
        load_elf_code(tmp_path / "text")
    with pytest.raises(ParameterError, match="at_most"):
        load_elf_code(tmp_path, at_most=0)
