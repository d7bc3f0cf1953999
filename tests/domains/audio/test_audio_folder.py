"""Folders of recordings, and that no other loader takes them, nor this one what is theirs."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import LOADERS, load_dataset
from img_repr.domains.audio.audio_folder import load_audio_folder


def put(root: Path, *names: str) -> Path:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix.lower() in (".wav", ".flac", ".mp3", ".ogg"):
            soundfile.write(file, np.zeros(800), 8000)
        else:
            file.write_text("words")
    return root


def claims(path: Path) -> list[str]:
    return [name for name in LOADERS if LOADERS[name].recognizes(path)]


def test_a_folder_per_class(tmp_path: Path):
    root = put(tmp_path / "pets", "bark/a.wav", "bark/b.FLAC", "purr/c.mp3", "purr/deep/er/d.ogg", "purr/.hidden.wav")
    put(root, "readme.txt", "loose.wav", "bark/a.json", ".git/x.wav")
    assert claims(root) == ["audio_folder"]
    data = load_dataset(root)
    assert (data.name, data.domain.name) == ("pets", "audio")
    assert data.labels.tolist() == ["bark", "bark", "purr", "purr"]
    assert (data.groups, data.split) == (None, None)
    assert data.names.tolist() == ["bark/a.wav", "bark/b.FLAC", "purr/c.mp3", "purr/deep/er/d.ogg"]
    assert data.notes == (
        "left out 2 files that are no sound files: bark/a.json, readme.txt",
        "left out 1 files outside of the class folders: loose.wav",
        "left out 2 hidden files and folders: .git, purr/.hidden.wav",
    )


def test_all_in_one_folder(tmp_path: Path):
    root = put(tmp_path / "all", "a.wav", "b.wav")
    data = load_dataset(root)
    assert (len(data), data.labels, data.notes) == (2, None, ())


def test_train_and_test(tmp_path: Path):
    root = put(tmp_path / "set", "train/bark/a.wav", "Test/purr/b.wav", "val/purr/c.wav", "train/loose.wav")
    data = load_dataset(root)
    assert data.labels.tolist() == ["purr", "bark", "purr"]
    assert data.split.tolist() == ["test", "train", "train"]
    assert data.notes == (
        "the validation split ('val') joins the training part",
        "left out 1 files outside of the class folders: train/loose.wav",
    )


def test_groups_from_names(tmp_path: Path):
    root = put(tmp_path / "set", "bark/rex/1.wav", "bark/rex/2.wav", "purr/tom/1.wav")
    data = load_audio_folder(root, group=r"^[^/]+/(\w+)/")
    assert data.groups.tolist() == ["rex", "rex", "tom"]
    with pytest.raises(DataError, match=r"1\.wav: expected a path below .* that holds '\(\[0-9\]\{3\}\)', got none"):
        load_audio_folder(root, group="([0-9]{3})")
    with pytest.raises(ParameterError, match="expected group to be a regular expression, got '\\('"):
        load_audio_folder(root, group="(")
    with pytest.raises(ParameterError, match="expected brackets around the group in the expression, got 'rex'"):
        load_audio_folder(root, group="rex")


def test_reports_files_that_need_ffmpeg(tmp_path: Path):
    root = put(tmp_path / "set", "bark/a.wav", "purr/b.wav")
    (root / "purr" / "c.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    with pytest.raises(DataError, match=r"c\.m4a: .* got MPEG-4 sound, .* convert it by: ffmpeg -i"):
        load_audio_folder(root)
    data = load_audio_folder(root, skip_unreadable=True)
    assert len(data) == 2
    assert "skipped 1 of 3 files" in data.notes[0]


def test_folders_without_sound(tmp_path: Path):
    root = put(tmp_path / "set", "a/readme.md")
    assert claims(root) == []
    with pytest.raises(DataError, match="expected a folder of sound files, got 1 other files"):
        load_audio_folder(root)
    with pytest.raises(DataError, match="expected a folder, got nothing there"):
        load_audio_folder(tmp_path / "none")
    with pytest.raises(DataError, match="expected a folder, got a file"):
        load_audio_folder(root / "a" / "readme.md")
    with pytest.raises(DataError, match="expected data of a known format"):
        load_dataset(root)


def test_folders_of_series_stay_with_their_loader(tmp_path: Path):
    for name in ("calm/1.csv", "calm/2.csv", "wild/1.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        np.savetxt(tmp_path / name, np.arange(4.0))
    put(tmp_path, "wild/explained.wav")
    assert claims(tmp_path) == ["folder"]
    assert load_dataset(tmp_path).domain.name == "timeseries"


def test_recognizes_folder_of_sounds_with_their_table(tmp_path: Path):
    root = put(tmp_path / "set", "bark/a.wav", "purr/b.wav")
    (root / "about.csv").write_text("file,seconds,level,class\nbark/a.wav,0.1,0.5,bark\npurr/b.wav,0.1,0.25,purr\n")
    assert claims(root) == ["audio_folder"]
    assert claims(root / "about.csv") == ["audio_csv"]
