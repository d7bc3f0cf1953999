"""Features of bytes: counts next to plain loops, files next to memory, gaps, hostile input, and a bar on real code."""

import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from img_repr.core.errors import DataError, NotFittedError, ParameterError, SampleError
from img_repr.core.features import FEATURES, get_features
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.counting import byte_counts, pair_counts
from img_repr.domains.binary.features import ByteBigram, ByteHistogram, Ember, FileSize
from img_repr.domains.binary.sample import make_binaries

NAMES = ("byte_histogram", "byte_bigram", "ember", "file_size")
COUNTS = {"byte_histogram": 256, "byte_bigram": 4096, "ember": 616, "file_size": 1}
every_set = pytest.mark.parametrize("name", NAMES)


def noise(length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, length, dtype=np.uint8)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 1 << 20])
@pytest.mark.parametrize("gaps", [False, True])
def test_counts_are_those_of_a_plain_loop(size: int, gaps: bool) -> None:
    content = noise(1000)
    known = noise(1000, 1) > 60 if gaps else np.ones(1000, dtype=bool)
    binary = Binary(content, known=known if gaps else None)
    singles = Counter(int(value) for value, sure in zip(content, known, strict=True) if sure)
    assert dict(enumerate(byte_counts(binary, size=size).tolist())) == {value: singles[value] for value in range(256)}
    for bits in (1, 6, 8):
        pairs = Counter(
            (int(content[at]) >> (8 - bits), int(content[at + 1]) >> (8 - bits))
            for at in range(999)
            if known[at] and known[at + 1]
        )
        found = pair_counts(binary, bits=bits, size=size)
        assert found.shape == (1 << bits, 1 << bits)
        assert {tuple(map(int, place)): int(found[tuple(place)]) for place in np.argwhere(found)} == dict(pairs)


@every_set
def test_a_set_keeps_the_manners(name: str) -> None:
    binaries = make_binaries(3)
    fitted = get_features(name).fit(binaries)
    table = fitted.transform(binaries)
    names = fitted.get_feature_names_out()
    assert table.shape == (3, COUNTS[name]) == (3, len(set(names)))
    assert table.dtype == np.float32
    assert np.isfinite(table).all()
    np.testing.assert_array_equal(table, np.concatenate([fitted.transform([one]) for one in binaries]))
    assert repr(clone(fitted)) == repr(get_features(name))
    assert len({tuple(row) for row in table.tolist()}) == 3


@every_set
def test_container_of_bytes_does_not_matter(name: str, tmp_path: Path) -> None:
    content = noise(3 << 19)  # more than one piece of a file
    (tmp_path / "one.bin").write_bytes(content.tobytes())
    forms = [
        Binary(content),
        content,
        torch.from_numpy(content.copy()),
        content.tobytes(),
        tmp_path / "one.bin",
        str(tmp_path / "one.bin"),
        Binary(np.pad(content, (5, 9)), start=5, stop=5 + len(content)),
    ]
    table = get_features(name).fit_transform(forms)
    np.testing.assert_array_equal(table, np.repeat(table[:1], len(forms), axis=0))
    fitted = get_features(name).fit(forms)
    np.testing.assert_array_equal(
        fitted.transform(content[: 5 << 12].reshape(5, -1)), fitted.transform(list(content[: 5 << 12].reshape(5, -1)))
    )


@every_set
def test_unknown_bytes_are_ignored(name: str) -> None:
    content, known = noise(5000), noise(5000, 1) > 100
    known[2000:4500] = False
    other = np.where(known, content, noise(5000, 2))
    kept = content.copy()
    table = get_features(name).fit_transform([Binary(content, known=known), Binary(other, known=known)])
    np.testing.assert_array_equal(table[0], table[1])
    np.testing.assert_array_equal(content, kept)
    nothing = get_features(name).fit_transform([Binary(content, known=np.zeros(5000, dtype=bool))])
    if name != "file_size":
        assert not nothing.any()
        assert not np.array_equal(table[0], get_features(name).fit_transform([content])[0])


def test_embers_strings_and_words_end_at_unknown_bytes() -> None:
    content = np.frombuffer(b"long string http://", np.uint8)
    known = np.ones(len(content), dtype=bool)
    ember = Ember().fit([content])
    names = ember.get_feature_names_out().tolist()
    columns = [names.index(word) for word in ("strings", "string_length_mean", "urls")]
    assert ember.transform([content])[0, columns].tolist() == [1, 19, 1]
    known[14] = False  # of http
    assert ember.transform([Binary(content, known=known)])[0, columns].tolist() == [1, 14, 0]


def test_square_roots_have_length_one() -> None:
    binaries = make_binaries(2)
    for plain, rooted in (
        (ByteHistogram(), ByteHistogram(sqrt=True)),
        (ByteBigram(sqrt=False), ByteBigram()),
    ):
        table = plain.fit_transform(binaries)
        np.testing.assert_allclose(table.sum(axis=1), 1.0, rtol=1e-5)
        np.testing.assert_array_equal(rooted.fit_transform(binaries), np.sqrt(table))
        np.testing.assert_allclose((rooted.fit_transform(binaries) ** 2).sum(axis=1), 1.0, rtol=1e-5)


@pytest.mark.parametrize("bits", [1, 5, 8])
def test_names_of_pairs_are_the_lowest_bytes(bits: int) -> None:
    content = bytes([0x00, 0xFF, 0x80, 0x7F])
    bigram = ByteBigram(bits=bits, sqrt=False).fit([content])
    found = set(bigram.get_feature_names_out()[bigram.transform([content])[0] > 0])
    step = 256 >> bits
    assert found == {f"pair_{a - a % step:02x}_{b - b % step:02x}" for a, b in pairwise(content)}


def test_one_byte_has_rows() -> None:
    assert ByteHistogram().fit_transform([b"a"])[0, 97] == 1.0
    assert not ByteBigram().fit_transform([b"a"]).any()
    assert FileSize().fit_transform([b"a"]).tolist() == [[0.0]]
    assert Ember().fit_transform([b"a"])[0, :512].sum() == 2.0


def test_pairs_depend_on_byte_order_and_histogram_does_not() -> None:
    big = (0x12C00000 + np.random.default_rng(0).integers(0, 256, 4096)).astype(">u4")
    samples = [big.tobytes(), big.byteswap().tobytes()]
    first, second = ByteHistogram().fit_transform(samples)
    np.testing.assert_array_equal(first, second)
    first, second = ByteBigram().fit_transform(samples)
    assert np.abs(first - second).max() > 0.4


def test_works_in_sklearn_pipeline() -> None:
    samples = [noise(600, seed) if seed % 2 else noise(600, seed) & 0x7F for seed in range(20)]
    labels = np.arange(20) % 2
    pipeline = make_pipeline(ByteBigram(bits=4), LogisticRegression())
    assert clone(pipeline).fit(samples[:12], labels[:12]).score(samples[12:], labels[12:]) == 1.0


def test_labels_of_the_sets() -> None:
    assert [FEATURES[name].leak_only for name in NAMES] == [False, False, False, True]
    assert all(FEATURES[name].domain.name == "binary" and not FEATURES[name].is_random for name in NAMES)


@pytest.mark.parametrize("bits", [0, 9, 6.0, True, "6"])
def test_wrong_bits_are_refused(bits: object) -> None:
    with pytest.raises(ParameterError, match="ByteBigram: expected bits to be an integer from 1 to 8, got"):
        ByteBigram(bits=bits).fit([b"ab"])  # type: ignore[arg-type]


def test_rejects_invalid_input(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError, match="Ember: expected fit on training binaries first"):
        Ember().transform([b"ab"])
    with pytest.raises(ParameterError, match="ByteHistogram: expected sqrt to be true or false, got 1"):
        ByteHistogram(sqrt=1).fit([b"ab"])  # type: ignore[arg-type]
    with pytest.raises(SampleError, match=r"FileSize: expected a batch of binaries, .* got one"):
        FileSize().fit(b"ab")
    with pytest.raises(SampleError, match="Ember: expected at least one byte, got an empty binary: number 1"):
        Ember().fit([b"ab", b""])
    with pytest.raises(DataError, match="nowhere"):
        Ember().fit([tmp_path / "nowhere"])
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SampleError, match="expected a plain file"):
        Ember().fit([tmp_path / "pipe"])


@pytest.mark.slow
def test_memory_does_not_grow_with_file(tmp_path: Path) -> None:
    """Of 64 MB, EMBER's columns take a few pieces of 1 MB and what is worked out of each."""
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(64 << 20)
    code = f"""
import resource
from img_repr.domains.binary.features import Ember
ember = Ember().fit([b"warm"])
ember.transform([bytes(1 << 20)])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
row = ember.transform([{str(tmp_path / "sparse")!r}])[0]
assert row[0] == 1.0 and row[256] == 1.0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 24 << 10  # in KiB; the file alone would be 64 MiB


@pytest.mark.slow
def test_the_wing_imports_nothing_heavy() -> None:
    code = (
        "import sys, img_repr.domains.binary.features; "
        "print(*(name for name in ('sklearn', 'scipy.stats', 'PIL', 'matplotlib') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
