"""Machine code of ELF files from anywhere, labeled with the processor that their header names: a test of new code."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ImgReprError
from img_repr.core.file_tree import is_folder, list_files, name_some, text_of
from img_repr.core.loader import loader
from img_repr.domains.binary.assembly import open_binary
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.fragments import FRAGMENT_BYTES, check_count, cut_fragment, evenly_spaced, fragment_offsets
from img_repr.domains.binary.sample import BINARY
from img_repr.domains.binary.section_tables import machine_and_flags
from img_repr.domains.binary.sections import sections_of

MACHINES = {
    **{2: "SPARC", 18: "SPARC", 43: "SPARC", 3: "X86", 62: "X86-64", 4: "M68k", 5: "M88k", 15: "HP-PA"},
    **{22: "S-390", 23: "Cell-SPU", 42: "SuperH", 46: "H8-300", 50: "IA-64", 75: "VAX", 76: "AxisCris", 80: "MMIX"},
    **{83: "AVR", 87: "V850", 88: "M32R", 89: "MN10300", 93: "ARcompact", 105: "MSP430", 106: "Blackfin"},
    **{113: "NIOS-II", 138: "Mico32", 140: "TMS320C6x", 167: "NDS32", 173: "RX", 183: "ARM64", 186: "STM8"},
    **{188: "TILEPro", 189: "MicroBlaze", 197: "RL78", 243: "RISC-V", 0x9026: "Alpha", 0x9080: "V850"},
}
"""Names of cpu_rec by ``e_machine``; those that hang on the order of bytes are in ``machine_of``."""
_BY_ORDER = {8: ("MIPSel", "MIPSeb"), 20: ("PPCel", "PPCeb"), 21: ("PPCel", "PPCeb"), 94: ("Xtensa", "XtensaEB")}
_ARM, _HARD_FLOAT = 40, 0x400
_SMALLEST = 64  # bytes of code without which a file says nothing


@dataclass(frozen=True)
class ElfCode:
    """Processor and code sections of an ELF file.

    Parameters
    ----------
    machine : str
        Processor by the names of cpu_rec; ``"machine 247"`` of one that has none there.
    sections : tuple of (int, int)
        Offset and bytes of each executable section, as far as it lies in the file, by offset; none overlaps the one
        before. Without a table of sections, those of the executable segments.
    """

    machine: str
    sections: tuple[tuple[int, int], ...]


def read_elf_code(binary: Binary) -> ElfCode | None:
    """Read the headers of an ELF file by :func:`~img_repr.domains.binary.sections.sections_of`; None where it is none.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.binary import Binary
    >>> from img_repr.domains.binary.elf_code import read_elf_code
    >>> read_elf_code(Binary(np.frombuffer(b"MZ no ELF", np.uint8))) is None
    True
    """
    found = machine_and_flags(binary)
    if found is None:
        return None
    sections: list[tuple[int, int]] = []
    for one in sections_of(binary):
        if one.kind == "code" and (not sections or one.offset >= sum(sections[-1])):
            sections.append((one.offset, one.length))
    return ElfCode(machine_of(*found), tuple(sections))


def machine_of(machine: int, order: str, flags: int = 0) -> str:
    """Name a processor as cpu_rec does.

    Parameters
    ----------
    machine, flags : int
        ``e_machine`` and ``e_flags`` of the header.
    order : {"<", ">"}
        Order of bytes, little or big.

    Examples
    --------
    >>> machine_of(62, "<"), machine_of(8, ">"), machine_of(40, "<", 0x5000400), machine_of(247, "<")
    ('X86-64', 'MIPSeb', 'ARMhf', 'machine 247')
    """
    if machine in _BY_ORDER:
        return _BY_ORDER[machine][order == ">"]
    if machine == _ARM:
        return "ARMeb" if order == ">" else "ARMhf" if flags & _HARD_FLOAT else "ARMel"
    return MACHINES.get(machine, f"machine {machine}")


@loader(BINARY)
def load_elf_code(
    path: str | Path,
    *,
    fragment_bytes: int = FRAGMENT_BYTES,
    at_most: int = 32,
) -> Dataset:
    """Load the code of all ELF files below a folder, or of one file, in fragments.

    Files of other kinds are passed over. Fragments of one file say the same, and may vote: ``groups`` are files.

    Parameters
    ----------
    path : str or Path
    fragment_bytes : int
        Executable sections are cut at multiples of it from their start; where a file has no complete one, its longest
        section is the sample, if it has 64 bytes.
    at_most : int
        Fragments of each file, evenly spaced among all of its sections.

    Returns
    -------
    Dataset
        ``labels`` processors by the names of cpu_rec; ``groups`` files; ``names`` files with offsets; no split.

    Raises
    ------
    DataError
        If there is no ELF file with code.

    References
    ----------
    Tool Interface Standard (TIS) 1995, Executable and Linking Format (ELF) Specification, version 1.2.

    Examples
    --------
    >>> import tempfile
    >>> from img_repr.domains.binary.elf_code import load_elf_code
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load_elf_code(folder)
    Traceback (most recent call last):
    ...
    img_repr.core.errors.DataError: ...: expected an ELF file with code, got none among 0 files
    """
    check_count("elf_code", "fragment_bytes", fragment_bytes)
    check_count("elf_code", "at_most", at_most)
    path = Path(path)
    tree = list_files(path) if is_folder(path) else None
    files = [path] if tree is None else tree.files
    samples: list[Binary] = []
    rows, without, unreadable = [], [], []
    for file in files:
        name = text_of(file.name) if tree is None else "/".join(tree.below(file))
        try:
            binary = open_binary(file)
            code = read_elf_code(binary) if len(binary) else None
        except ImgReprError as error:
            unreadable.append(str(error))
            continue
        if code is None:
            continue
        cuts = _cuts(code, fragment_bytes, at_most)
        if not cuts:
            without.append(name)
        for offset, length in cuts:
            samples.append(cut_fragment(binary, offset, length))
            rows.append((code.machine, name, f"{name} at {offset:#x}"))
    if not samples:
        raise DataError(f"{path}: expected an ELF file with code, got none among {len(files)} files")
    notes = [f"ELF files without code: {len(without)}: {name_some(without)}"] if without else []
    if unreadable:
        notes.append(f"skipped {len(unreadable)} files that could not be read: {'; '.join(unreadable[:3])}")
    notes += tree.notes() if tree else ()
    labels, groups, names = (np.array(column) for column in zip(*rows, strict=True))
    return Dataset(text_of(path.name) or "elf", BINARY, samples, labels, groups=groups, names=names, notes=tuple(notes))


def _cuts(code: ElfCode, fragment_bytes: int, at_most: int) -> list[tuple[int, int]]:
    """Offset and bytes of each fragment of a file."""
    whole = [
        (start + int(offset), fragment_bytes)
        for start, length in code.sections
        for offset in fragment_offsets(length, fragment_bytes=fragment_bytes)
    ]
    if not whole and code.sections:
        longest = max(code.sections, key=lambda section: section[1])
        return [longest] if longest[1] >= _SMALLEST else []
    return [whole[at] for at in evenly_spaced(len(whole), at_most)]
