"""The Free Spoken Digit Dataset."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from img_repr.core.errors import DataError, ParameterError, SplitError
from img_repr.core.loader import load_dataset
from img_repr.core.splits.cuts import group_splits, resampled_splits
from img_repr.domains.audio.fsdd import is_fsdd, load_fsdd


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "free-spoken-digit-dataset"
    (folder / "recordings").mkdir(parents=True)
    (folder / "README.md").write_text("# FSDD")
    (folder / "metadata.py").write_text("metadata = {}")
    for digit in (0, 7):
        for speaker in ("jackson", "theo"):
            for index in (0, 4, 5, 49):
                wave = np.full(800 + index, (digit + 1) / 10)
                soundfile.write(folder / "recordings" / f"{digit}_{speaker}_{index}.wav", wave, 8000)
    return folder


def test_speakers_are_groups_without_split(root: Path):
    for path in (root, root / "recordings", str(root)):
        data = load_dataset(path)
        assert (data.name, data.domain.name, len(data), data.classes) == ("FSDD", "audio", 16, ("0", "7"))
        assert np.unique(data.groups).tolist() == ["jackson", "theo"]
        assert data.split is None
        assert data.notes == ()
    for one, label in zip(data.samples, data.labels, strict=True):
        assert one.sample_rate_hz == 8000
        assert abs(one.waveform - (int(label) + 1) / 10).max() < 1e-4


def test_the_official_split_is_there_on_demand(root: Path):
    data = load_fsdd(root, split="official")
    lengths = np.array([len(one.waveform) for one in data.samples])
    assert ((data.split == "test") == (lengths < 805)).all()
    assert (data.split == "test").sum() == 8
    assert data.groups is not None
    assert "every speaker in both parts" in data.notes[0]
    with pytest.raises(ParameterError, match="expected split to be 'official' or None, got 'random'"):
        load_fsdd(root, split="random")


def test_a_random_split_is_refused(root: Path):
    data = load_dataset(root)
    with pytest.raises(SplitError, match="groups are known"):
        list(resampled_splits(data, 1))
    assert [split.name for split in group_splits(data)] == ["jackson", "theo"]


def test_reading_options_reach_the_files(root: Path, tmp_path: Path):
    (root / "recordings" / "0_theo_5.wav").write_bytes(b"")
    with pytest.raises(DataError, match=r"0_theo_5\.wav: expected a sound file, got an empty one"):
        load_fsdd(root)
    data = load_fsdd(root, skip_unreadable=True, sample_rate_hz=4000, cache=tmp_path / "cache")
    assert len(data) == len(data.labels) == len(data.groups) == 15
    assert data.samples[0].sample_rate_hz == 4000
    assert data.samples[0].waveform.dtype == np.int16
    assert [note.split(" of ")[0] for note in data.notes] == ["15", "skipped 1"]


def test_other_folders(tmp_path: Path):
    assert not is_fsdd(tmp_path)
    assert not is_fsdd(tmp_path / "none")
    with pytest.raises(DataError, match=r"expected files like 7_jackson_32\.wav, got none"):
        load_fsdd(tmp_path)


@pytest.mark.slow
@pytest.mark.data
def test_the_real_set(data_folder: Path):
    data = load_dataset(data_folder / "fsdd")
    assert data.name == "FSDD"
    assert len(data) % 500 == 0
    assert data.classes == tuple("0123456789")
    assert {one.sample_rate_hz for one in data.samples} == {8000}
    assert np.unique(data.groups, return_counts=True)[1].tolist() == [500] * (len(data) // 500)
    official = load_fsdd(data_folder / "fsdd", split="official")
    assert (official.split == "test").mean() == 0.1
