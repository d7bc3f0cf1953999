"""Files of a Python installation: a handmade one, and the one that runs."""

from pathlib import Path

import numpy as np
import pytest

from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import load_dataset
from img_repr.core.splits.cuts import published_splits
from img_repr.core.splits.inner import hold_out
from img_repr.domains.binary.python_files import load_python_files

PACKAGES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")


@pytest.fixture
def root(tmp_path: Path, random: np.random.Generator) -> Path:
    def put(name: str, size: int = 1000) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(random.integers(0, 256, size, dtype=np.uint8).tobytes())

    for package in PACKAGES:
        for number in range(6):
            put(f"{package}/{number}.py")
            put(f"{package}/inner/__pycache__/{number}.cpython-311.pyc")
            put(f"{package}/lib{number}.so.{number}")
    for name in ("alpha/_vendor/zeta/0.py", "alpha-1.0.dist-info/a.py", ".hidden/a.py", "site-packages/b/a.py"):
        put(name)
    for package in PACKAGES[:3]:
        put(f"{package}/a.json")
    put("alpha/small.py", size=200)
    put("__pycache__/beta.cpython-311.pyc")
    put("_beta.cpython-311-x86_64-linux-gnu.so")
    return tmp_path


def test_handmade(root: Path):
    data = load_python_files(folders=[root], fragment_bytes=100)
    assert (data.name, data.classes) == ("PythonFiles", ("native code", "py", "pyc"))
    assert data.notes[1] == "left out 1 types with too few fragments or packages in a part: json"
    by_package = {package: set(data.split[data.groups == package]) for package in PACKAGES}
    assert sorted(map(len, by_package.values())) == [1] * 6
    assert sum(parts == {"test"} for parts in by_package.values()) == 2
    names = [str(name).rpartition(" at ") for name in data.names]
    assert not any(word in name for name, _, _ in names for word in ("_vendor", "info", "hidden", "site-", "small"))
    for (name, _, offset), sample in zip(names, data.samples, strict=True):
        at = int(offset, 16)
        assert 100 <= at <= 800  # neither the first nor the last
        assert sample.read().tobytes() == (root / name).read_bytes()[at : at + 100]
    files = [name for name, _, _ in names]
    assert max(files.count(name) for name in set(files)) == 4
    assert "beta" in data.groups[[name.startswith(("_beta", "__pycache__")) for name, _, _ in names]]


def test_packages_take_turns(root: Path):
    data = load_python_files(folders=[root], fragment_bytes=100, at_most=20)
    for label in data.classes:
        for part, packages in (("train", 4), ("test", 2)):
            counts = np.unique(data.groups[(data.labels == label) & (data.split == part)], return_counts=True)[1]
            assert counts.tolist() == [20 // packages] * packages


def test_the_same_bytes_are_taken_once(root: Path):
    for package in PACKAGES:
        (root / package / "0.py").write_bytes(bytes(10_000))
    data = load_python_files(folders=[root], fragment_bytes=100)
    contents = [one.read().tobytes() for one in data.samples]
    assert len(set(contents)) == len(contents)
    assert contents.count(bytes(100)) == 1


def test_order_and_seed(root: Path):
    data = load_python_files(folders=[root], fragment_bytes=100)
    again = load_python_files(folders=[str(root)], fragment_bytes=100)
    assert again.names.tolist() == data.names.tolist()
    assert again.fingerprint() == data.fingerprint()
    tests = {
        frozenset(found.groups[found.split == "test"])
        for found in (load_python_files(folders=[root], fragment_bytes=100, seed=seed) for seed in range(12))
    }
    assert len(tests) > 1


def test_rejects_fewer_than_two_types(tmp_path: Path):
    with pytest.raises(DataError, match=r"expected at least two types of files with 16 fragments .* got 0 of 0 types"):
        load_python_files(folders=[tmp_path])
    for option in ("at_most", "fragment_bytes"):
        with pytest.raises(ParameterError, match=f"python_files: expected {option} to be an integer above 0"):
            load_python_files(**{option: 0})


@pytest.mark.slow
def test_this_installation():
    data = load_dataset("PythonFiles", at_most=40)
    assert data.domain.name == "binary"
    assert len(data.classes) >= 5
    assert set(data.groups[data.split == "train"]).isdisjoint(data.groups[data.split == "test"])
    for label in data.classes:
        for part in ("train", "test"):
            chosen = (data.labels == label) & (data.split == part)
            assert 16 <= chosen.sum() <= 40
            assert len(set(data.groups[chosen])) >= 2
    assert {(one.read().dtype, len(one)) for one in data.samples} == {(np.dtype(np.uint8), 4096)}
    train = data.subset(next(published_splits(data)).train)
    learn, _ = hold_out(train, np.arange(len(train)))
    assert set(train.labels[learn]) == set(data.classes)
