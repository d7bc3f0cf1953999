"""UrbanSound8K."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from img_repr.core.errors import DataError
from img_repr.core.loader import LOADERS, load_dataset
from img_repr.domains.audio.urbansound8k import load_urbansound8k

HEAD = "slice_file_name,fsID,start,end,salience,fold,classID,class"


def rows() -> list[tuple[str, int, str]]:
    return [
        (f"10{fold:02d}-{number}-0-{take}.wav", fold, label)
        for fold in range(1, 11)
        for number, label in ((3, "dog_bark"), (8, "siren"))
        for take in (0, 1)
    ]


def write(root: Path, table: Path, folds: Path) -> Path:
    table.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{name},{name[:4]},0.5,1.25,1,{fold},{name[5]},{label}" for name, fold, label in rows()]
    table.write_text("\n".join([HEAD, *lines]))
    for name, fold, _ in rows():
        (folds / f"fold{fold}").mkdir(parents=True, exist_ok=True)
        rate = 48000 if name.endswith("-1.wav") else 44100
        soundfile.write(folds / f"fold{fold}" / name, np.zeros((rate // 10, 2)), rate)
    (folds / "fold1" / ".DS_Store").touch()
    (root / "FREESOUNDCREDITS.txt").write_text("1001 by someone\n1002 by another one\n")
    return root


@pytest.fixture
def published(tmp_path: Path) -> Path:
    root = tmp_path / "UrbanSound8K"
    return write(root, root / "metadata" / "UrbanSound8K.csv", root / "audio")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    root = tmp_path / "archive"
    return write(root, root / "UrbanSound8K.csv", root)


def test_as_published_and_as_copied(published: Path, copied: Path):
    for path in (published, published / "audio", copied):
        data = load_dataset(path)
        assert (data.name, len(data), data.classes) == ("UrbanSound8K", 40, ("dog_bark", "siren"))
        assert np.unique(data.split).tolist() == [f"fold {fold:02d}" for fold in range(1, 11)]
        assert data.groups[0] == "1001"
        assert {(one.sample_rate_hz, len(one.waveform)) for one in data.samples} == {(44100, 4410)}
        assert data.notes == ("20 of 40 recordings were resampled to 44100 Hz (from 48000)",)
    assert load_urbansound8k(published, sample_rate_hz=8000).samples[0].sample_rate_hz == 8000
    assert (
        load_urbansound8k(published, sample_rate_hz=None).samples[0].sample_rate_hz == 48000
    )  # of equally many the higher


def test_only_its_loader_recognizes_it(published: Path, copied: Path):
    for path in (published, published / "audio", copied):
        assert [name for name in LOADERS if LOADERS[name].recognizes(path)] == ["urbansound8k"]


def test_a_missing_slice_and_a_missing_table(published: Path, tmp_path: Path):
    (published / "audio" / "fold7" / "1007-3-0-0.wav").unlink()
    with pytest.raises(DataError, match=r"fold7/1007-3-0-0\.wav: expected a sound file that can be read"):
        load_urbansound8k(published)
    assert len(load_urbansound8k(published, skip_unreadable=True)) == 39
    with pytest.raises(DataError, match=r"UrbanSound8K\.csv: expected a file that can be read, got: No such file"):
        load_urbansound8k(tmp_path / "none")
