"""Folders of any files."""

import os
from pathlib import Path

import pytest

from img_repr.core.errors import DataError, ParameterError, SampleError, SplitError
from img_repr.core.loader import LOADERS, load_dataset
from img_repr.core.splits.cuts import group_splits, resampled_splits
from img_repr.domains.binary.binary_folder import load_binary_folder


def put(root: Path, *names: str, count: int = 100) -> Path:
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(bytes([0, number]) * (count // 2))
    return root


def claims(path: Path) -> list[str]:
    return [name for name in LOADERS if LOADERS[name].recognizes(path)]


def test_a_folder_per_class(tmp_path: Path):
    root = put(tmp_path / "firm", "arm/a.bin", "arm/deep/er/b", "mips/c.bin", "loose.bin", "mips/.hidden")
    assert claims(root) == ["binary_folder"]
    data = load_dataset(root)
    assert (data.name, data.domain.name) == ("firm", "binary")
    assert data.labels.tolist() == ["arm", "arm", "mips"]
    assert data.names.tolist() == ["arm/a.bin", "arm/deep/er/b", "mips/c.bin"]
    assert (data.groups, data.split) == (None, None)
    assert data.notes == (
        "left out 1 files outside of the class folders: loose.bin",
        "left out 1 hidden files and folders: mips/.hidden",
    )
    assert data.samples[0].content == root / "arm" / "a.bin"
    assert data.samples[2].read().tolist() == [0, 2] * 50
    assert len(list(resampled_splits(load_binary_folder(root), 1))) == 1


def test_files_are_found_from_elsewhere(tmp_path: Path, monkeypatch):
    put(tmp_path / "firm", "arm/a.bin")
    monkeypatch.chdir(tmp_path)
    data = load_binary_folder("firm")
    monkeypatch.chdir("/")
    assert len(data.samples[0].read()) == 100
    assert data.name == "firm"


def test_fragments(tmp_path: Path):
    root = put(tmp_path, "arm/a.bin", "arm/b.bin", "mips/c.bin", count=1000)
    put(tmp_path, "mips/short.bin", count=90)
    data = load_binary_folder(root, fragment_bytes=200, at_most=2)
    assert data.names.tolist()[:3] == ["arm/a.bin at 0xc8", "arm/a.bin at 0x258", "arm/b.bin at 0xc8"]
    assert data.groups.tolist() == ["arm/a.bin"] * 2 + ["arm/b.bin"] * 2 + ["mips/c.bin"] * 2
    assert data.notes == ("left out 1 of 4 files that hold no fragment of 200 bytes: mips/short.bin",)
    assert {len(one) for one in data.samples} == {200}
    with pytest.raises(SplitError, match="groups are known"):
        list(resampled_splits(data, 1))
    assert [split.name for split in group_splits(data)] == ["arm/a.bin", "arm/b.bin"]  # mips has one file only
    kept = load_binary_folder(root, fragment_bytes=200, keep_last=True)
    assert "mips/short.bin at 0x0" in kept.names
    assert len(load_binary_folder(root, fragment_bytes=200, skip_ends=True)) == 9
    with pytest.raises(DataError, match="at least a file with a fragment of 2000 bytes, got 4 files without"):
        load_binary_folder(root, fragment_bytes=2000)
    with pytest.raises(ParameterError, match="fragments: expected at_most to be an integer above 0, got 0"):
        load_binary_folder(root, fragment_bytes=200, at_most=0)


def test_train_and_test(tmp_path: Path):
    root = put(tmp_path, "train/arm/a", "Test/mips/b", "val/mips/c", "train/loose")
    data = load_binary_folder(root)
    assert data.labels.tolist() == ["mips", "arm", "mips"]
    assert data.split.tolist() == ["test", "train", "train"]
    assert data.notes == (
        "the validation split ('val') joins the training part",
        "left out 1 files outside of the class folders: train/loose",
    )


def test_groups_from_subfolders(tmp_path: Path):
    root = put(tmp_path, "so/numpy/a", "so/numpy/b", "so/torch/c", "py/torch/d")
    data = load_binary_folder(root, group=r"^[^/]+/([^/]+)/", fragment_bytes=50)
    assert data.groups.tolist() == ["torch"] * 2 + ["numpy"] * 4 + ["torch"] * 2
    with pytest.raises(DataError, match=r"d: expected a path below .* that holds '\(\[0-9\]\)', got none"):
        load_binary_folder(root, group="([0-9])")
    with pytest.raises(ParameterError, match="expected group to be a regular expression, got '\\('"):
        load_binary_folder(root, group="(")
    with pytest.raises(ParameterError, match="expected brackets around the group in the expression, got 'so'"):
        load_binary_folder(root, group="so")


def test_all_in_one_folder(tmp_path: Path):
    data = load_binary_folder(put(tmp_path / "all", "a", "b"))
    assert (len(data), data.labels, data.notes) == (2, None, ())


def test_rejects_folders_without_data(tmp_path: Path):
    root = put(tmp_path, "arm/a", "mips/b")
    (root / "arm" / "empty").touch()
    (root / "arm" / "loop").symlink_to(root)
    (root / "arm" / "gone").symlink_to(root / "nowhere")
    os.mkfifo(root / "mips" / "pipe")
    data = load_binary_folder(root)
    assert data.names.tolist() == ["arm/a", "mips/b"]
    assert data.notes == (
        "left out 1 links to nothing (were the data fetched?): arm/gone",
        "left out 2 pipes, devices or links to listed folders: arm/loop, mips/pipe",
        "left out 1 of 3 files that are empty: arm/empty",
    )


def test_nothing_but_links_to_nothing(tmp_path: Path):
    (tmp_path / "arm").mkdir()
    (tmp_path / "arm" / "gone").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"expected a folder of files, got no file; .* links to nothing .*: arm/gone$"):
        load_binary_folder(tmp_path)


def test_unreadable_files_raise_unless_skipped(tmp_path: Path):
    root = put(tmp_path, "arm/a", "mips/b")
    (root / "arm" / "odd").symlink_to("x" * 300)  # longer than a name may be
    with pytest.raises(DataError, match="arm/odd: expected a file that can be read, got: File name too long"):
        load_binary_folder(root)
    data = load_binary_folder(root, skip_unreadable=True)
    assert data.labels.tolist() == ["arm", "mips"]
    assert data.notes[0].startswith("skipped 1 of 3 files that could not be read: ")
    (root / "arm" / "a").unlink()
    (root / "mips" / "b").unlink()
    with pytest.raises(DataError, match="expected at least a file of one byte, got 1 files without, the first of them"):
        load_binary_folder(root, skip_unreadable=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_permissions(tmp_path: Path):
    root = put(tmp_path, "arm/a", "mips/b", "sparc/c")
    (root / "arm" / "a").chmod(0)
    (root / "sparc").chmod(0)
    try:
        with pytest.raises(DataError, match="sparc: expected a folder that can be read"):
            load_binary_folder(root)
        assert load_binary_folder(root, skip_unreadable=True).names.tolist() == ["mips/b"]
    finally:
        (root / "sparc").chmod(0o700)


def test_rejects_missing_folder(tmp_path: Path):
    with pytest.raises(DataError, match="expected a folder, got nothing there"):
        load_binary_folder(tmp_path / "none")
    with pytest.raises(DataError, match="expected a folder of files, got no file"):
        load_binary_folder(tmp_path)
    (tmp_path / "a").write_bytes(b"a")
    with pytest.raises(DataError, match="expected a folder, got a file"):
        load_binary_folder(tmp_path / "a")
    assert not LOADERS["binary_folder"].recognizes(tmp_path / "a")
    assert not LOADERS["binary_folder"].recognizes(tmp_path / "none")


def test_reports_file_deleted_before_reading(tmp_path: Path):
    root = put(tmp_path, "arm/a")
    (sample,) = load_binary_folder(root).samples
    (root / "arm" / "a").unlink()
    (root / "arm" / "a").mkdir()
    with pytest.raises(SampleError, match="expected a plain file"):
        sample.read()


@pytest.mark.parametrize("suffix", [".png", ".csv", ".wav", ".npy", ".json", ".txt", ".md", ""])
def test_leaves_other_kinds_to_their_loaders(tmp_path: Path, suffix: str):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"1{suffix}").write_bytes(b"plain words" if suffix in (".md", "") else bytes(50))
    assert not LOADERS["binary_folder"].recognizes(tmp_path)
    assert len(load_dataset(tmp_path, format="binary_folder")) == 2  # by its name it loads


def test_recognizes_folder_with_few_texts_and_images(tmp_path: Path):
    root = put(tmp_path, "a/1.bin", "a/2.bin", "b/3.so", "b/4.png")
    (root / "b" / "readme.md").write_text("words")
    assert claims(root) == ["binary_folder"]
    assert claims(put(tmp_path / "one", "a/1.bin")) == []


def test_reads_names_that_are_not_unicode(tmp_path: Path):
    root = put(tmp_path, os.fsdecode(b"caf\xe9/a"), "tea/b")
    data = load_binary_folder(root)
    assert data.labels.tolist() == [r"caf\xe9", "tea"]
    assert len(data.fingerprint()) == 64


def test_content_of_a_file_decides_the_fingerprint(tmp_path: Path):
    one, two = put(tmp_path / "one", "a/x", "b/y"), put(tmp_path / "two", "a/x", "b/y")
    assert load_binary_folder(one).fingerprint() == load_binary_folder(two).fingerprint()
    (two / "b" / "y").write_bytes(b"else")
    assert load_binary_folder(one).fingerprint() != load_binary_folder(two).fingerprint()
