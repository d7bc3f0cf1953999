"""Damage as disks, transfers, spreadsheets and attackers do it, drawn from a seed."""

import re
import struct

import numpy as np

_HUGE = (0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0, 1, 0xFFFF)
_CELLS = (
    *(
        b"",
        b"NA",
        b"nan",
        b"inf",
        b"-1e400",
        b"1e308",
        b"red",
        b"#N/A",
        b"1,5",
        b"1.234,5",
        b"12%",
        b"=1+1",
        b'"',
        b"'",
    ),
    *(
        b"\xff\xfe",
        b"\0",
        b"-",
        b"2024-01-01",
        b"9" * 400,
        "\u2212".encode(),
        b"0x10",
        b"1_0",
        b"true",
        b"\n",
        b"x" * 5000,
    ),
)


def mutate(content: bytes, random: np.random.Generator) -> bytes:
    """Damage a file once or a few times."""
    for _ in range(int(random.integers(1, 4))):
        content = _MUTATIONS[int(random.integers(len(_MUTATIONS)))](content, random)
    return content


def mutate_cells(content: bytes, random: np.random.Generator) -> bytes:
    """Replace one cell of a table below its header; the number of rows stays."""
    lines = content.split(b"\n")
    at = int(random.integers(1, max(2, len(lines) - 1)))
    mark = next((mark for mark in (b"\t", b";", b",") if mark in lines[0]), b",")
    cells = lines[at].split(mark)
    word = _CELLS[int(random.integers(len(_CELLS)))]
    if b"\n" in word or b'"' in word or mark in word:
        return content
    cells[int(random.integers(len(cells)))] = word
    return b"\n".join([*lines[:at], mark.join(cells), *lines[at + 1 :]])


def _place(content: bytes, random: np.random.Generator) -> int:
    """Draw a place, half of the time within the first bytes, where headers are."""
    end = max(1, len(content))
    return int(random.integers(min(end, 96) if random.random() < 0.5 else end))


def _truncate(content: bytes, random: np.random.Generator) -> bytes:
    return content[: _place(content, random)]


def _flip(content: bytes, random: np.random.Generator) -> bytes:
    out = bytearray(content)
    for _ in range(int(random.integers(1, 9))):
        if out:
            out[_place(content, random)] ^= 1 << int(random.integers(8))
    return bytes(out)


def _overwrite(content: bytes, random: np.random.Generator) -> bytes:
    at, value = _place(content, random), _HUGE[int(random.integers(len(_HUGE)))]
    packed = struct.pack(("<I", ">I")[int(random.integers(2))], value)
    return content[:at] + packed + content[at + 4 :]


def _cut_out(content: bytes, random: np.random.Generator) -> bytes:
    at = _place(content, random)
    return content[:at] + content[at + int(random.integers(1, 200)) :]


def _repeat(content: bytes, random: np.random.Generator) -> bytes:
    at = _place(content, random)
    return content[:at] + content[at : at + int(random.integers(1, 400))] * int(random.integers(2, 5)) + content[at:]


def _insert(content: bytes, random: np.random.Generator) -> bytes:
    at = _place(content, random)
    return content[:at] + random.bytes(int(random.integers(1, 60))) + content[at:]


def _zeros(content: bytes, random: np.random.Generator) -> bytes:
    at, count = _place(content, random), int(random.integers(1, 500))
    return content[:at] + bytes(count) + content[at + count :]


def _word(content: bytes, random: np.random.Generator) -> bytes:
    cells = list(re.finditer(rb"[^,;\t\n:]+", content[:20_000]))
    if not cells:
        return content
    cell = cells[int(random.integers(len(cells)))]
    return content[: cell.start()] + _CELLS[int(random.integers(len(_CELLS)))] + content[cell.end() :]


def _line_ends(content: bytes, random: np.random.Generator) -> bytes:
    return content.replace(b"\n", (b"\r\n", b"\r", b"\n\n", b" \n", b",\n")[int(random.integers(5))])


def _lines(content: bytes, random: np.random.Generator) -> bytes:
    lines = content.split(b"\n")
    at, other = (int(random.integers(len(lines))) for _ in range(2))
    lines[at], lines[other] = lines[other], lines[at]
    if random.random() < 0.5:
        del lines[int(random.integers(len(lines)))]
    return b"\n".join(lines)


def _encoding(content: bytes, random: np.random.Generator) -> bytes:
    text = content.decode("latin1")
    return (b"\xef\xbb\xbf" + content, text.encode("utf-16"), text.encode("utf-16-le"))[int(random.integers(3))]


def _marks(content: bytes, random: np.random.Generator) -> bytes:
    marks = (b",", b";", b"\t", b"|", b" ", b":")
    first, second = (marks[int(random.integers(len(marks)))] for _ in range(2))
    return content.replace(first, second)


_MUTATIONS = (
    *(_truncate, _flip, _flip, _overwrite, _overwrite, _cut_out, _repeat, _insert, _zeros, _word, _word),
    *(_line_ends, _lines, _encoding, _marks),
)
