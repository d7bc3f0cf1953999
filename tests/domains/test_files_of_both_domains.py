"""Folders and tables of files, read alike for sounds and for binaries."""

import json
import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.loader import LOADERS
from img_repr.domains.audio.audio_csv import load_audio_csv
from img_repr.domains.audio.audio_folder import load_audio_folder
from img_repr.domains.binary.binary_csv import load_binary_csv
from img_repr.domains.binary.binary_folder import load_binary_folder


def write_sound(file: Path) -> None:
    with file.open("wb") as opened:
        soundfile.write(opened, np.sin(np.arange(400) / 5), 8000, format="WAV")


@dataclass(frozen=True)
class Kind:
    """How samples of a domain are written and read."""

    suffix: str
    write: Callable[[Path], object]
    load_folder: Callable[..., Dataset]
    load_table: Callable[..., Dataset]

    def put(self, root: Path, *names: str) -> Path:
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            self.write(root / name)
        return root


KINDS = {
    "audio": Kind(".wav", write_sound, load_audio_folder, load_audio_csv),
    "binary": Kind(".bin", lambda file: file.write_bytes(bytes(range(200))), load_binary_folder, load_binary_csv),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def table(kind: Kind, tmp_path: Path) -> Callable[..., Path]:
    """Write four files and a table of them, ``{0}`` to ``{3}`` in its text."""
    names = [f"f/{at}{kind.suffix}" for at in range(4)]
    kind.put(tmp_path, *names)

    def write(text: str) -> Path:
        (tmp_path / "all.csv").write_text(text.format(*names), encoding="utf-8")
        return tmp_path / "all.csv"

    return write


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        (("train", "val"), ["train", "test"]),
        (("Training", "TESTING"), ["test", "train"]),
        (("train", "valid", "test"), ["test", "train", "train"]),
    ],
)
def test_split_folders_are_splits_and_not_classes(kind: Kind, tmp_path: Path, folders, splits):
    kind.put(tmp_path, *(f"{split}/{label}/1{kind.suffix}" for split in folders for label in ("cat", "dog")))
    data = kind.load_folder(tmp_path)
    assert data.labels.tolist() == ["cat", "dog"] * len(folders)
    by_folder = dict(zip(sorted(folders), splits, strict=True))
    assert data.split.tolist() == [by_folder[name.split("/")[0]] for name in data.names]


def test_a_folder_around_the_splits_is_no_class(kind: Kind, tmp_path: Path):
    kind.put(tmp_path, *(f"set/{split}/{label}/1{kind.suffix}" for split in ("train", "test") for label in "ab"))
    data = kind.load_folder(tmp_path)
    assert (data.labels.tolist(), data.split.tolist()) == (["a", "b"] * 2, ["test"] * 2 + ["train"] * 2)


def test_linked_class_folders_are_entered_and_dangling_links_are_counted(kind: Kind, tmp_path: Path):
    kind.put(tmp_path, f"store/1{kind.suffix}", f"set/cat/1{kind.suffix}")
    (tmp_path / "set" / "dog").symlink_to(tmp_path / "store")
    (tmp_path / "set" / "cat" / f"2{kind.suffix}").symlink_to(tmp_path / "annex")
    data = kind.load_folder(tmp_path / "set")
    assert data.labels.tolist() == ["cat", "dog"]
    assert data.notes == (f"left out 1 links to nothing (were the data fetched?): cat/2{kind.suffix}",)


def test_names_that_are_no_utf8_are_read_and_escaped(kind: Kind, tmp_path: Path):
    kind.put(tmp_path, os.fsdecode(b"set\xff/caf\xe9/a\xff") + kind.suffix, os.fsdecode(b"set\xff/tea/b") + kind.suffix)
    data = kind.load_folder(tmp_path / os.fsdecode(b"set\xff"))
    assert data.name == "set\\xff"
    assert data.labels.tolist() == ["caf\\xe9", "tea"]
    assert data.names[0] == f"caf\\xe9/a\\xff{kind.suffix}"
    assert len(data.fingerprint()) == 64


def test_a_file_without_utf8_that_cannot_be_read_is_counted(kind: Kind, tmp_path: Path):
    kind.put(tmp_path, f"cat/1{kind.suffix}", f"dog/1{kind.suffix}")
    (tmp_path / "cat" / (os.fsdecode(b"\xff") + kind.suffix)).symlink_to("x" * 300)  # longer than a name may be
    with pytest.raises(DataError) as caught:
        kind.load_folder(tmp_path)
    assert "cat/\\xff" in str(caught.value)
    data = kind.load_folder(tmp_path, skip_unreadable=True)
    assert json.dumps(data.notes, ensure_ascii=False).encode()
    assert data.notes[0].startswith("skipped 1 of 3 files that could not be read: ")
    assert data.names.tolist() == [f"cat/1{kind.suffix}", f"dog/1{kind.suffix}"]


def test_pipes_are_counted_and_never_opened(kind: Kind, tmp_path: Path):
    kind.put(tmp_path, f"cat/1{kind.suffix}", f"dog/1{kind.suffix}")
    os.mkfifo(tmp_path / "dog" / f"2{kind.suffix}")
    os.mkfifo(tmp_path / "all.csv")
    notes = kind.load_folder(tmp_path).notes
    assert f"pipes, devices or links to listed folders: all.csv, dog/2{kind.suffix}" in notes[0]
    with pytest.raises(DataError, match="a pipe or a device"):
        kind.load_table(tmp_path / "all.csv")
    for path in (tmp_path / "all.csv", tmp_path / "dog" / f"2{kind.suffix}"):
        assert not any(LOADERS[name].recognizes(path) for name in LOADERS if LOADERS[name].domain.name in KINDS)


def test_empty_folders_and_files_of_operating_systems_are_noted(kind: Kind, tmp_path: Path):
    kind.put(tmp_path, f"cat/1{kind.suffix}", f"dog/1{kind.suffix}", "cat/Thumbs.db", f"dog/._1{kind.suffix}")
    (tmp_path / "owl").mkdir()
    data = kind.load_folder(tmp_path)
    assert data.classes == ("cat", "dog")
    assert any(note.endswith(": owl") and note.startswith("1 folders hold no ") for note in data.notes)
    assert f"left out 2 hidden files and folders: cat/Thumbs.db, dog/._1{kind.suffix}" in data.notes


def test_a_table_next_to_class_folders_is_left_out_and_named(kind: Kind, tmp_path: Path):
    kind.put(tmp_path, f"cat/1{kind.suffix}", f"dog/1{kind.suffix}")
    (tmp_path / "metadata.csv").write_text(f"file,label\ncat/1{kind.suffix},cat\n")
    data = kind.load_folder(tmp_path)
    assert len(data) == 2
    assert [note for note in data.notes if "metadata.csv" in note]
    assert kind.load_table(tmp_path / "metadata.csv").names.tolist() == [f"cat/1{kind.suffix}"]


def test_suffixes_in_capitals_are_read(kind: Kind, tmp_path: Path):
    kind.put(tmp_path, f"cat/1{kind.suffix.upper()}", f"dog/1{kind.suffix}")
    (tmp_path / "ALL.CSV").write_text(f"file,label\ncat/1{kind.suffix.upper()},a\n")
    assert len(kind.load_folder(tmp_path)) == 2
    assert len(kind.load_table(tmp_path / "ALL.CSV")) == 1


def test_labels_groups_and_ids_are_text_as_written(table, kind: Kind):
    composed = unicodedata.normalize("NFC", "cafe\u0301")
    decomposed = unicodedata.normalize("NFD", composed)
    path = table(f"file;class;patient;id\n{{0}};007;01;1e2\n{{1}};7;1;100\n{{2}};{decomposed};+1;{composed}\n")
    data = kind.load_table(path, id="id")
    assert data.labels.tolist() == ["007", "7", composed]
    assert data.groups.tolist() == ["01", "1", "+1"]
    assert data.names.tolist() == ["1e2", "100", composed]


def test_files_are_names_where_no_ids_are_asked_for(table, kind: Kind):
    data = kind.load_table(table("file,class\n{1},a\n{0},b\n"))
    assert data.names.tolist() == [f"f/1{kind.suffix}", f"f/0{kind.suffix}"]


def test_columns_of_times_and_splits_and_columns_that_are_dropped(table, kind: Kind):
    path = table(
        "file,class,category,date,split\n{0},a,x,2024-01-02,train\n{1},b,y,2024-01-03,Val\n{2},a,z,2024-01-01,TEST\n"
    )
    with pytest.raises(DataError, match="expected one column of label, got class and category; choose one by label="):
        kind.load_table(path)
    data = kind.load_table(path, drop="category")
    assert data.labels.tolist() == ["a", "b", "a"]
    assert np.diff(data.times).tolist() == [86400.0, -172800.0]
    assert data.split.tolist() == ["train", "train", "test"]
    data = kind.load_table(path, drop=["category", "date", "split"])
    assert (data.times, data.split) == (None, None)


def test_rows_of_an_unlabeled_split_are_left_out_and_counted(table, kind: Kind):
    data = kind.load_table(table("file,split\n{0},train\n{1},unlabeled\n{2},test\n"))
    assert data.split.tolist() == ["train", "test"]
    assert data.notes == ("left out 1 rows of an unlabeled split, lines 3",)


def test_a_missing_time_or_group_says_how_to_leave_its_column_out(table, kind: Kind):
    path = table("file,class,date\n{0},a,\n{1},b,2024-01-03\n")
    with pytest.raises(DataError, match=r"all\.csv line 2 column 3 \('date'\): .*drop='date' leaves the column out"):
        kind.load_table(path)
    assert kind.load_table(path, drop="date").times is None


def test_delimiter_and_header_can_be_said(table, kind: Kind):
    data = kind.load_table(table("file:class\n{0}:a\n"), delimiter=":")
    assert data.labels.tolist() == ["a"]
    data = kind.load_table(table("{0} a\n{1} b\n"))
    assert data.labels.tolist() == ["a", "b"]
    data = kind.load_table(table("{0},a\n{1},b\n"), header=False)
    assert data.labels.tolist() == ["a", "b"]
    with pytest.raises(DataError, match="expected delimiter to be one character"):
        kind.load_table(table("{0},a\n"), delimiter="ab")


def test_files_written_by_windows_and_in_the_other_unicode_form_are_found(table, kind: Kind, tmp_path: Path):
    composed = unicodedata.normalize("NFC", "cafe\u0301")
    kind.put(tmp_path, unicodedata.normalize("NFD", composed) + kind.suffix)
    data = kind.load_table(table(f"file,class\nf\\0{kind.suffix},a\n{composed}{kind.suffix},b\n"))
    assert len(data) == 2
    assert data.names.tolist() == [f"f\\0{kind.suffix}", f"{composed}{kind.suffix}"]


def test_a_blank_in_a_name_does_not_part_a_list_of_files(kind: Kind, tmp_path: Path):
    kind.put(tmp_path, f"my 1{kind.suffix}", f"my 2{kind.suffix}")
    (tmp_path / "all.txt").write_text(f"my 1{kind.suffix}\nmy 2{kind.suffix}\n")
    data = kind.load_table(tmp_path / "all.txt", header=False)
    assert (data.names.tolist(), data.labels) == ([f"my 1{kind.suffix}", f"my 2{kind.suffix}"], None)


def test_files_that_are_missing_are_left_out_of_every_column_where_asked(table, kind: Kind):
    path = table(f"file,class\n{{0}},a\ngone{kind.suffix},b\n{{2}},c\n")
    with pytest.raises(DataError, match=r"gone.*No such file"):
        kind.load_table(path)
    data = kind.load_table(path, skip_unreadable=True)
    assert (data.labels.tolist(), data.names.tolist()) == (["a", "c"], [f"f/0{kind.suffix}", f"f/2{kind.suffix}"])
    assert data.notes[0].startswith("skipped 1 of 3 files")
