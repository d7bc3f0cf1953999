"""Folders as people lay them out: splits, classes, links, and what is left out."""

import os
import unicodedata
from pathlib import Path

import pytest

from img_repr.core.class_folders import ClassFolders, read_class_folders
from img_repr.core.errors import DataError, ParameterError


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"content")


def read(root: Path, **options) -> ClassFolders:
    return read_class_folders(root, lambda file: file.suffix.lower() == ".wav", caller="test", kind="sounds", **options)


LAYOUTS = [
    (("train", "val"), {"train": "train", "val": "test"}),
    (("Train", "VALID"), {"Train": "train", "VALID": "test"}),
    (("training", "testing"), {"training": "train", "testing": "test"}),
    (("training", "test"), {"training": "train", "test": "test"}),
    (("train", "eval"), {"train": "train", "eval": "test"}),
    (("train", "dev", "test"), {"train": "train", "dev": "train", "test": "test"}),
    (("train_set", "test-data"), {"train_set": "train", "test-data": "test"}),
]


@pytest.mark.parametrize(("folders", "splits"), LAYOUTS)
def test_split_folders_above_class_folders_are_splits(tmp_path: Path, folders, splits):
    put(tmp_path, *(f"{split}/{kind}/1.wav" for split in folders for kind in ("cat", "dog")))
    found = read(tmp_path)
    assert found.labels == ["cat", "dog"] * len(folders)
    assert found.splits == [splits[name.split("/")[0]] for name in found.names]


@pytest.mark.parametrize(("folders", "splits"), LAYOUTS)
def test_split_folders_without_class_folders_are_not_classes(tmp_path: Path, folders, splits):
    put(tmp_path, *(f"{split}/{number}.wav" for split in folders for number in range(2)))
    found = read(tmp_path)
    assert found.labels is None
    assert found.splits == [splits[name.split("/")[0]] for name in found.names]


@pytest.mark.parametrize(("folders", "splits"), LAYOUTS)
def test_split_folders_below_class_folders_are_splits(tmp_path: Path, folders, splits):
    put(tmp_path, *(f"{kind}/{split}/1.wav" for split in folders for kind in ("cat", "dog")))
    found = read(tmp_path)
    assert found.labels == ["cat"] * len(folders) + ["dog"] * len(folders)
    assert found.splits == [splits[name.split("/")[1]] for name in found.names]


def test_single_split_folder_is_ignored(tmp_path: Path):
    put(tmp_path, "train/cat/1.wav", "train/dog/1.wav")
    found = read(tmp_path)
    assert (found.labels, found.splits) == (["cat", "dog"], None)
    assert found.notes == ("only the split 'train' is here, so the set has no published split",)


def test_class_called_train_is_a_class_with_a_note(tmp_path: Path):
    put(tmp_path, "train/1.wav", "bus/1.wav", "car/1.wav")
    found = read(tmp_path)
    assert (found.labels, found.splits) == (["bus", "car", "train"], None)
    assert found.notes == ("read train as a class like the other folders, although it is the name of a split",)


def test_files_outside_of_splits_are_skipped_with_a_note(tmp_path: Path):
    put(tmp_path, "train/cat/1.wav", "test/cat/1.wav", "unlabeled/cat/1.wav", "extra/cat/2.wav", "3.wav", "test/4.wav")
    found = read(tmp_path)
    assert found.names == ["test/cat/1.wav", "train/cat/1.wav"]
    assert found.notes == (
        "left out 1 files outside of the class folders: test/4.wav",
        "left out 2 sounds outside of the split folders test, train, unlabeled: 3.wav, extra/cat/2.wav",
        "left out 1 sounds in a folder of unlabeled ones: unlabeled/cat/1.wav",
    )


def test_linked_class_folders_are_entered_and_dangling_links_are_counted(tmp_path: Path):
    put(tmp_path / "store", "1.wav", "2.wav")
    put(tmp_path / "set", "cat/1.wav")
    (tmp_path / "set" / "dog").symlink_to(tmp_path / "store")
    (tmp_path / "set" / "cat" / "2.wav").symlink_to(tmp_path / "annex" / "object")
    found = read(tmp_path / "set")
    assert found.labels == ["cat", "dog", "dog"]
    assert found.notes == ("left out 1 links to nothing (were the data fetched?): cat/2.wav",)


def test_other_and_hidden_files_are_counted(tmp_path: Path):
    put(tmp_path, "cat/1.wav", "cat/1.txt", "cat/.2.wav", "notes.md")
    os.mkfifo(tmp_path / "cat" / "3.wav")
    assert read(tmp_path).notes == (
        "left out 2 files that are no sounds: cat/1.txt, notes.md",
        "left out 1 pipes, devices or links to listed folders: cat/3.wav",
        "left out 1 hidden files and folders: cat/.2.wav",
    )


def test_names_of_classes_are_text_in_composed_form(tmp_path: Path):
    composed = unicodedata.normalize("NFC", "cafe\u0301")
    put(tmp_path, f"{unicodedata.normalize('NFD', composed)}/1.wav", "007/1.wav", "7/1.wav")
    assert read(tmp_path).labels == ["007", "7", composed]


def test_names_that_are_not_utf8_are_escaped(tmp_path: Path):
    put(tmp_path, os.fsdecode(b"caf\xe9/1.wav"), "b/1.wav")
    assert read(tmp_path).labels == ["b", r"caf\xe9"]


def test_groups_are_found_in_paths(tmp_path: Path):
    put(tmp_path, "cat/tom_1.wav", "dog/rex_1.wav")
    assert read(tmp_path, group=r"/(\w+)_").groups == ["tom", "rex"]
    with pytest.raises(DataError, match="that holds"):
        read(tmp_path, group=r"/(tom)_")
    for wrong in ("(", "tom", 3):
        with pytest.raises(ParameterError, match="test: expected"):
            read(tmp_path, group=wrong)


def test_a_thousand_nested_folders_are_read(tmp_path: Path):
    put(tmp_path, "cat/1.wav")
    made = tmp_path / "cat"
    for _ in range(1200):
        made = made / "d"
        made.mkdir()
    (made / "2.wav").touch()
    found = read(tmp_path)
    (made / "2.wav").unlink()
    while made != tmp_path / "cat":  # deeper than a recursive removal goes
        made.rmdir()
        made = made.parent
    assert len(found.names) == 2


def test_nothing_to_read_is_one_sentence(tmp_path: Path):
    with pytest.raises(DataError, match="expected a folder, got nothing there"):
        read(tmp_path / "gone")
    with pytest.raises(DataError, match="expected a folder of sounds, got no file"):
        read(tmp_path)
    put(tmp_path, "a.txt")
    with pytest.raises(DataError, match="expected a folder of sounds, got 1 other files"):
        read(tmp_path)


def test_folder_around_splits_is_not_a_class(tmp_path: Path):
    put(tmp_path, "set/train/cat/1.wav", "set/test/dog/2.wav", "set/extra/3.wav")
    found = read(tmp_path)
    assert (found.labels, found.splits) == (["dog", "cat"], ["test", "train"])
    assert found.notes == ("left out 1 sounds outside of the split folders test, train: set/extra/3.wav",)


def test_single_class_with_subfolders_has_a_note(tmp_path: Path):
    put(tmp_path, "set/cat/1.wav", "set/dog/2.wav")
    assert read(tmp_path).notes == (
        "all sounds lie in one class, 'set'; for the folders in it as classes, load that folder",
    )


def test_folders_without_samples_are_noted(tmp_path: Path):
    put(tmp_path, "train/cat/1.wav", "test/cat/2.wav", "test/dog/3.txt")
    (tmp_path / "val").mkdir()
    (tmp_path / "train" / "owl").mkdir()
    assert "3 folders hold no sounds: test/dog, train/owl, val" in read(tmp_path).notes


def test_single_folder_around_splits_is_not_a_class(tmp_path: Path):
    put(tmp_path, "archive/train/cat/1.wav", "archive/test/cat/2.wav", "archive/test/dog/3.wav")
    found = read(tmp_path)
    assert (found.labels, found.splits) == (["cat", "dog", "cat"], ["test", "test", "train"])
