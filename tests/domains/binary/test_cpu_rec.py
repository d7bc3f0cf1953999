"""The corpus of cpu_rec."""

import lzma
from pathlib import Path

import numpy as np
import pytest

from img_repr.core.card import find_card
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import load_dataset
from img_repr.core.splits.cuts import published_splits
from img_repr.core.splits.inner import hold_out
from img_repr.domains.binary.cpu_rec import is_cpu_rec, load_cpu_rec


@pytest.fixture
def root(tmp_path: Path, random: np.random.Generator) -> Path:
    folder = tmp_path / "cpu_rec" / "cpu_rec_corpus"
    folder.mkdir(parents=True)
    for name, size in (("ARM64", 10_000), ("Z80", 2_050), ("#6502#cc65", 450), ("_zero", 1_000), ("tiny", 399)):
        content = random.integers(0, 256, size, dtype=np.uint8).tobytes()
        (folder / f"{name}.corpus.xz").write_bytes(lzma.compress(content))
    (folder.parent / "README.md").write_text("# cpu_rec")
    return folder.parent


def offsets_of(data, label: str, part: str) -> list[int]:
    chosen = (data.labels == label) & (data.split == part)
    return [int(name.rpartition(" ")[2], 16) for name in data.names[chosen]]


def test_regions(root: Path):
    for path in (root, root / "cpu_rec_corpus", str(root)):
        data = load_dataset(path, fragment_bytes=100)
        assert (data.name, data.domain.name, data.classes) == ("CpuRec", "binary", ("#6502#cc65", "ARM64", "Z80"))
        assert offsets_of(data, "ARM64", "train") == list(range(0, 7000, 100))
        assert offsets_of(data, "ARM64", "test") == list(range(7100, 10_000, 100))
        assert offsets_of(data, "Z80", "train") == list(range(0, 1400, 100))
        assert offsets_of(data, "Z80", "test") == list(range(1500, 2000, 100))
        assert offsets_of(data, "#6502#cc65", "test") == [300]
        assert "left out 1 corpora that are no machine code; pseudo=True takes them" in data.notes
        assert "left out 1 corpora below 4 fragments of 100 bytes: tiny.corpus.xz" in data.notes


def test_samples_are_the_bytes_at_their_offsets(root: Path):
    data = load_cpu_rec(root, fragment_bytes=100)
    corpus = lzma.decompress((root / "cpu_rec_corpus" / "ARM64.corpus.xz").read_bytes())
    for at in np.flatnonzero(data.labels == "ARM64")[::17]:
        offset = int(data.names[at].rpartition(" ")[2], 16)
        assert data.samples[at].read().tobytes() == corpus[offset : offset + 100]


def test_a_validation_part_keeps_every_class(root: Path):
    data = load_cpu_rec(root, fragment_bytes=100)
    train = data.subset(next(published_splits(data)).train)
    for seed in range(10):
        learn, judge = hold_out(train, np.arange(len(train)), seed=seed)
        assert not set(train.groups[learn]) & set(train.groups[judge])
        assert {"ARM64", "Z80"} <= set(train.labels[learn])
    assert set(data.groups[data.split == "train"]).isdisjoint(data.groups[data.split == "test"])


def test_at_most(root: Path):
    data = load_cpu_rec(root, fragment_bytes=100, at_most=7)
    for label, part in (("ARM64", "train"), ("ARM64", "test"), ("Z80", "train")):
        found = offsets_of(data, label, part)
        assert len(found) == 7
        assert np.ptp(np.diff(found)) <= 100
    assert len(offsets_of(data, "Z80", "test")) == 5


def test_other_packings_and_pseudo(root: Path):
    folder = root / "cpu_rec_corpus"
    (folder / "VAX.corpus").write_bytes(bytes(range(200)) * 4)
    data = load_cpu_rec(root, fragment_bytes=100, pseudo=True)
    assert {"VAX", "_zero"} <= set(data.classes)
    (folder / "Z80.corpus").write_bytes(bytes(800))
    with pytest.raises(DataError, match="expected one corpus of each architecture, got 2 of Z80"):
        load_cpu_rec(root)


def test_damage(root: Path):
    file = root / "cpu_rec_corpus" / "Z80.corpus.xz"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"Z80\.corpus\.xz: expected a whole file, got one that breaks off"):
        load_cpu_rec(root, fragment_bytes=100)
    data = load_cpu_rec(root, fragment_bytes=100, skip_unreadable=True)
    assert "Z80" not in data.classes
    assert any(note.startswith("skipped 1 of 4 corpora that could not be read: ") for note in data.notes)


def test_wrong_folders_and_options(root: Path, tmp_path: Path):
    assert not is_cpu_rec(tmp_path)
    assert not is_cpu_rec(tmp_path / "none")
    with pytest.raises(DataError, match=r"expected files like ARM64\.corpus\.xz, got none"):
        load_cpu_rec(tmp_path)
    with pytest.raises(DataError, match="expected a corpus of at least 4 fragments of 9000 bytes, got 4 shorter ones"):
        load_cpu_rec(root, fragment_bytes=9000)
    for option in ("fragment_bytes", "at_most"):
        with pytest.raises(ParameterError, match=f"cpu_rec: expected {option} to be an integer above 0, got 0"):
            load_cpu_rec(root, **{option: 0})


@pytest.mark.data
def test_the_real_set(data_folder: Path):
    data = load_dataset(data_folder / "cpu_rec", at_most=20)
    assert find_card(data.name).domain == "binary"
    count = len([file for file in (data_folder / "cpu_rec").iterdir() if file.suffix == ".xz" and file.name[0] != "_"])
    assert len(data.classes) == count
    assert {len(one) for one in data.samples} == {4096}
    assert {(data.split[data.labels == label] == "train").sum() for label in data.classes} <= set(range(1, 21))
    assert len(load_dataset(data_folder / "cpu_rec", at_most=20).fingerprint()) == 64
