"""Sections of ELF and PE files: which bytes are code, data, constants, as declared by the headers.

The tables are read here, in time and memory bounded by their size in the file; the parsers that others use
(pyelftools, pefile) follow what a header claims, and are the test's oracles.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from img_repr.core.errors import ParameterError
from img_repr.domains.binary.sample import check_binaries
from img_repr.domains.binary.section_tables import Kind, Section, read_elf, read_part, read_pe


def sections_of(binary: Any) -> list[Section]:
    """Return the sections of an ELF or PE file by their offsets; nothing is executed or loaded.

    A table that breaks off, sections that reach beyond the file, and those that lie outside are clipped or left out;
    sections may overlap where the headers say so. Without a table of sections (packed, stripped or cut), the segments
    that an ELF program is loaded from are its sections, without names. In PE, long names are looked up (``/4``), and
    offsets are rounded as Windows does.

    Parameters
    ----------
    binary : bytes, uint8 array, path or Binary
        One binary.

    Returns
    -------
    list of Section
        At most 65,536; empty where the binary is neither ELF nor PE, or has neither sections nor segments.

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
    checked = check_binaries(binary, caller="sections_of").binaries
    if len(checked) != 1:
        raise ParameterError(f"sections_of: expected one binary, got {len(checked)}")
    content = checked[0]
    start, length = read_part(content, 0, 64).tobytes(), len(content)
    found = read_elf(content, start) if start[:4] == b"\x7fELF" else read_pe(content, start)
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
    """Return the bytes that lie in sections of a kind as rising ranges that do not touch.

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
