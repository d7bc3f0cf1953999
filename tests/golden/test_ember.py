"""EMBER's columns against their definitions, written out slowly: byte by byte, window by window, string by string."""

import re
from pathlib import Path

import numpy as np
import pytest

from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.ember_counts import ByteEntropy, Strings
from img_repr.domains.binary.features import Ember
from img_repr.domains.binary.sample import make_binaries

single = np.float32


def entropy_in_bits(parts: list[np.float32]) -> np.float32:
    array = np.array(parts, dtype=np.float32)
    return np.sum(-array * np.log2(array))


def histogram(content: bytes) -> list[np.float32]:
    return [single(content.count(bytes([value]))) / single(len(content)) for value in range(256)]


def byte_entropy(content: bytes) -> list[np.float32]:
    """One window where there are fewer than 2048 bytes, and then too the divisor is 2048."""
    starts = [0] if len(content) < 2048 else range(0, len(content) - 2047, 1024)
    table = [[0] * 16 for _ in range(16)]
    for start in starts:
        counts = [0] * 16
        for value in content[start : start + 2048]:
            counts[value // 16] += 1
        doubled = 2 * entropy_in_bits([single(count) / single(2048) for count in counts if count])
        place = min(15, int(2 * doubled))
        table[place] = [old + new for old, new in zip(table[place], counts, strict=True)]
    total = sum(map(sum, table))
    return [single(count) / single(total) for row in table for count in row]


def strings(content: bytes) -> list[float]:
    found, run = [], b""
    for value in [*content, 0]:
        if 0x20 <= value < 0x80:
            run += bytes([value])
        else:
            found += [run] if len(run) >= 5 else []
            run = b""
    text = b"".join(found)
    counts = [text.count(bytes([value])) for value in range(0x20, 0x80)]
    return [
        len(found),
        len(text) / len(found) if found else 0,
        len(text),
        *(count / len(text) if text else 0 for count in counts),
        entropy_in_bits([single(count) / single(len(text)) for count in counts if count]),
        *(len(re.findall(word, content)) for word in (rb"(?i)c:\\", rb"(?i)http://|https://", rb"HKEY_", rb"MZ")),
    ]


def definitions(content: bytes) -> np.ndarray:
    return np.array([*histogram(content), *byte_entropy(content), *strings(content)], dtype=np.float32)


def contents() -> dict[str, bytes]:
    random = np.random.default_rng(3)
    noise = random.integers(0, 256, 9000, dtype=np.uint8).tobytes()
    made = {f"made {number}": one.read().tobytes() for number, one in enumerate(make_binaries(4))}
    lengths = {
        f"{length} bytes of noise": noise[:length] for length in (1, 2, 1023, 1024, 2047, 2048, 2049, 3071, 3072)
    }
    words = rb"C:\Windows c:\\\x HTTP://a https://b hTtPs://c http:/ HKEY_LOCAL hkey_ MZMZ mz  MMZ"
    nibbles = random.integers(0, 7, 6000, dtype=np.uint8) * 16
    return {
        **made,
        **lengths,
        "zeros": bytes(5000),
        "one letter": b"a" * 3000,
        "all bytes": bytes(range(256)) * 16,
        "words": words,
        "words and bytes": words + noise[:4000] + words,
        "runs of four and five": b"abcd\x00abcde\x01" * 300,
        "delete is printable": b"\x7f" * 5 + b"\x80" + b"\x1f" * 9,
        "half of the half-bytes": nibbles.tobytes(),
        "text": Path(__file__).read_bytes(),
        "this module's code": entropy_in_bits.__code__.co_code * 20,
    }


@pytest.mark.parametrize("name", list(contents()))
def test_columns_are_those_of_the_definitions_bit_for_bit(name: str) -> None:
    content = contents()[name]
    np.testing.assert_array_equal(Ember().fit_transform([content])[0], definitions(content))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000, 1024, 1025, 2048, 5000])
def test_pieces_of_any_length_equal_the_whole(size: int) -> None:
    content = np.frombuffer(contents()["words and bytes"] + contents()["text"][:3000], np.uint8)
    entropy, found = ByteEntropy(), Strings()
    for _, chunk in Binary(content).chunks(size):
        entropy.add(chunk)
        found.add(chunk)
    expected = definitions(content.tobytes())
    table = entropy.close().table.astype(np.float32)
    np.testing.assert_array_equal(table.ravel() / table.sum(), expected[256:512])
    np.testing.assert_array_equal(found.columns(), expected[512:])


def test_windows_by_hand() -> None:
    """512 bytes of each of four half-bytes have 2 bits, doubled 4, bin 8; alone and short they have less."""
    window = np.repeat(np.array([0, 64, 128, 255], dtype=np.uint8), 512)
    whole, short = ByteEntropy(), ByteEntropy()
    whole.add(window)
    assert np.argwhere(whole.close().table).tolist() == [[8, 0], [8, 4], [8, 8], [8, 15]]
    short.add(window[::2])  # 1024 bytes divided by 2048: four times 1/8 * 3 bits = 1.5, doubled 3, bin 6
    assert np.argwhere(short.close().table).tolist() == [[6, 0], [6, 4], [6, 8], [6, 15]]
    assert short.table.sum() == 1024
