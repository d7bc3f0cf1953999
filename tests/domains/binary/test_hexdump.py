"""Hex dumps, next to a reader of one line after the other."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from img_repr.core.errors import DataError, ParameterError, SampleError
from img_repr.domains.binary import hexdump
from img_repr.domains.binary.hexdump import read_hexdump


def put(folder: Path, text: str) -> Path:
    (folder / "a.bytes").write_bytes(text.encode())
    return folder / "a.bytes"


def read_slowly(text: str, fill: int) -> list[int | None]:
    """Bytes with None where nothing is known, by the words of the format."""
    found: list[int | None] = []
    end = None
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        address = int(words[0], 16)
        if end is not None and 0 < address - end <= fill:
            found += [None] * (address - end)
        found += [None if word == "??" else int(word, 16) for word in words[1:]]
        end = address + len(words) - 1
    return found


def content_of(path: Path, **options: int) -> list[int | None]:
    binary = read_hexdump(path, **options).binary
    known = np.ones(len(binary), bool) if binary.known is None else binary.known
    return [value if there else None for value, there in zip(binary.read().tolist(), known.tolist(), strict=True)]


@pytest.mark.parametrize("end", ["\n", "\r\n", " \n", " \r\n"])
@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_lines_as_published(tmp_path: Path, random: np.random.Generator, end: str, case):
    values = random.integers(0, 256, 1003)
    lines = [
        f"{0x401000 + at:08X} " + " ".join("??" if value == 7 else f"{value:02X}" for value in values[at : at + 16])
        for at in range(0, len(values), 16)
    ]
    dump = read_hexdump(put(tmp_path, case(end.join(lines) + end)))
    assert dump.address == 0x401000
    assert dump.gaps == (0, 0, 0)
    np.testing.assert_array_equal(dump.binary.known, values != 7)
    np.testing.assert_array_equal(dump.binary.read()[values != 7], values[values != 7])
    assert not dump.binary.read()[values == 7].any()


@pytest.mark.parametrize("block", [64, 100, 1 << 21])
def test_blocks_meet_without_a_seam(tmp_path: Path, random: np.random.Generator, monkeypatch, block: int):
    monkeypatch.setattr(hexdump, "_BLOCK", block)
    lines = [f"{16 * at:08X} " + random.bytes(1 + at % 16).hex(" ") for at in range(100)]
    text = "\r\n".join(lines)
    assert content_of(put(tmp_path, text)) == read_slowly(text, 1 << 16)


@settings(max_examples=80, deadline=None)
@given(
    lines=st.lists(
        st.tuples(
            st.integers(0, 200),
            st.lists(st.one_of(st.just("??"), st.integers(0, 255).map("{:02x}".format)), max_size=20),
            st.sampled_from(["\n", "\r\n", "\n\n", " \t\n"]),
        ),
        min_size=1,
        max_size=30,
    ),
    width=st.sampled_from([8, 16]),
)
def test_any_lines(tmp_path_factory, lines, width: int):
    text = "".join(f"{address:0{width}X} " + "  ".join(words) + end for address, words, end in lines)
    path = put(tmp_path_factory.mktemp("dump"), text)
    expected = read_slowly(text, 30)
    if any(words for _, words, _ in lines):
        assert content_of(path, fill_bytes=30) == expected
    else:
        with pytest.raises(DataError, match="expected lines like"):
            read_hexdump(path)


def test_gaps(tmp_path: Path):
    text = "00000010 01 02\n00000014 03\n00001000 04\n00000900 05 06\n00000902 07\n"
    dump = read_hexdump(put(tmp_path, text), fill_bytes=2)
    assert dump.gaps == (1, 1, 1)
    assert content_of(tmp_path / "a.bytes", fill_bytes=2) == [1, 2, None, None, 3, 4, 5, 6, 7]
    assert content_of(tmp_path / "a.bytes", fill_bytes=0) == [1, 2, 3, 4, 5, 6, 7]


def test_gaps_cannot_fill_the_memory(tmp_path: Path):
    lines = [f"{at * 60000:08X} 00" for at in range(1000)]
    dump = read_hexdump(put(tmp_path, "\n".join(lines)))
    assert dump.gaps.filled == (1 << 20) // 59999
    assert dump.gaps.filled + dump.gaps.closed == 999
    assert len(dump.binary) < (1 << 20) + 1000


def test_the_highest_addresses(tmp_path: Path):
    text = "FFFFFFFFFFFFFFF0 01 02\nFFFFFFFFFFFFFFF3 03\n0000000000000000 04\n"
    assert content_of(put(tmp_path, text)) == [1, 2, None, 3, 4]
    assert read_hexdump(tmp_path / "a.bytes").address == 0xFFFFFFFFFFFFFFF0


def test_a_mark_of_byte_order(tmp_path: Path):
    assert content_of(put(tmp_path, "\ufeff00000000 01\n")) == [1]


GOOD = "00401000 56 8D\n" * 3


@pytest.mark.parametrize(
    "bad",
    [
        "00401000 5G 8D",
        "00401000 56 8D5",
        "00401000 56 8",
        "00401000 ?5 8D",
        "0040100 56 8D",
        "0040100? 56 8D",
        "00401000: 56 8D",
        "0000000000401000 56 8D",
        "56 8D",
        "00401000568D",
        "<html>",
    ],
)
@pytest.mark.parametrize("after", ["", GOOD])
def test_garbage_is_named_by_its_line(tmp_path: Path, bad: str, after: str):
    with pytest.raises(DataError, match=r"a\.bytes line 5: expected an address of 8 .* got '") as caught:
        read_hexdump(put(tmp_path, GOOD + "\n" + bad + "\n" + after))
    assert repr(bad) in str(caught.value)


def test_addresses_have_the_width_of_the_first(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(hexdump, "_BLOCK", 64)
    wide = "".join(f"{16 * at:016X} " + bytes(16).hex(" ") + "\n" for at in range(9))
    assert content_of(put(tmp_path, wide)) == [0] * 144
    with pytest.raises(DataError, match=r"line 10: expected an address of 16 .* got '00000090 01'"):
        read_hexdump(put(tmp_path, wide + "00000090 01\n"))


def test_garbage_in_a_later_block(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(hexdump, "_BLOCK", 64)
    with pytest.raises(DataError, match=r"line 31: .* got 'zz'"):
        read_hexdump(put(tmp_path, GOOD * 10 + "zz\n" + GOOD))


def test_rejects_invalid_dumps(tmp_path: Path):
    for text in ("", "\n\n", "00401000\n"):
        with pytest.raises(DataError, match="expected lines like '00401000 56 8D 44 24', got none"):
            read_hexdump(put(tmp_path, text))
    (tmp_path / "a.bytes").write_bytes(bytes(5_000_000))
    with pytest.raises(DataError, match="line 1: expected lines of text, got one without end"):
        read_hexdump(tmp_path / "a.bytes")
    with pytest.raises(DataError, match="No such file"):
        read_hexdump(tmp_path / "none.bytes")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SampleError, match="expected a plain file"):
        read_hexdump(tmp_path / "pipe")
    with pytest.raises(ParameterError, match="expected fill_bytes to be an integer from 0, got -1"):
        read_hexdump(put(tmp_path, GOOD), fill_bytes=-1)
