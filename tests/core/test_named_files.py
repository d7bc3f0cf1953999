"""Files of published data sets by the form of their names."""

import os
import re
from pathlib import Path

import pytest

from img_repr.core.errors import DataError
from img_repr.core.file_tree import is_file, is_folder, names_in, size_of
from img_repr.core.named_files import holds_name, read_named_files

CLIP = re.compile(r"(?P<label>[^/]+)/(?P<number>\d+)\.(?i:wav)")


def read(root: Path, **options):
    return read_named_files(root, CLIP, example="cat/1.wav", **options)


def test_paths_that_match_are_read_in_order_and_the_others_are_counted(tmp_path: Path):
    for name in ("dog/2.WAV", "cat/1.wav", "cat/x.wav", "README.md", ".git/1.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "cat" / "3.wav").symlink_to(tmp_path / "annex")
    os.mkfifo(tmp_path / "cat" / "4.wav")
    found = read(tmp_path, is_sample=lambda file: file.suffix == ".wav")
    assert found.names == ["cat/1.wav", "dog/2.WAV"]
    assert [match["number"] for match in found.matches] == ["1", "2"]
    assert found.notes == (
        "left out 1 files not called like cat/1.wav: cat/x.wav",
        "left out 1 links to nothing (were the data fetched?): cat/3.wav",
        "left out 1 pipes, devices or links to listed folders: cat/4.wav",
    )


def test_nothing_that_matches_is_one_sentence(tmp_path: Path):
    with pytest.raises(DataError, match=r"expected files like cat/1\.wav, got none"):
        read(tmp_path)
    with pytest.raises(DataError, match="expected a folder, got nothing there"):
        read(tmp_path / "none")


def test_inspection_never_raises_and_opens_regular_files_only(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    long = tmp_path / ("x" * 300)
    for path in (tmp_path / "pipe", tmp_path / "loop", long, Path("a\0b"), tmp_path / "none"):
        assert (is_file(path), is_folder(path), names_in(path), holds_name(path, CLIP)) == (False, False, [], False)
        with pytest.raises(DataError, match="expected a table that can be read, got: "):
            size_of(path, "a table")
    assert is_folder(tmp_path)
    assert names_in(tmp_path) == ["loop", "pipe"]


def test_messages_can_be_printed_whatever_a_file_is_called():
    error = DataError(f"{os.fsdecode(b'caf' + bytes([0xE9]))}.wav: expected a file")
    assert str(error) == r"caf\xe9.wav: expected a file"
