"""ESC-10 and ESC-50."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from img_repr.core.card import find_card
from img_repr.core.errors import DataError
from img_repr.core.loader import LOADERS, load_dataset
from img_repr.core.splits.cuts import published_splits
from img_repr.domains.audio.esc import load_esc10, load_esc50

NAMES = ("001 - Dog bark", "002 - Rain")
HEAD = "filename,fold,target,category,esc10,src_file,take\n"


@pytest.fixture
def esc10(tmp_path: Path) -> Path:
    root = tmp_path / "ESC-10"
    for name in NAMES:
        (root / name).mkdir(parents=True)
        for fold in range(1, 6):
            soundfile.write(root / name / f"{fold}-{fold}00{name[2]}-A.ogg", np.zeros(4410), 44100)
    (root / "LICENSE").write_text("CC BY")
    return root


@pytest.fixture
def esc50(tmp_path: Path) -> Path:
    root = tmp_path / "ESC-50-master"
    (root / "audio").mkdir(parents=True)
    (root / "meta").mkdir()
    rows = []
    for target, category in ((0, "dog"), (14, "chirping_birds")):
        for fold in range(1, 6):
            name = f"{fold}-10003{fold}-A-{target}.wav"
            soundfile.write(root / "audio" / name, np.zeros(4410), 44100)
            rows.append(f"{name},{fold},{target},{category},{category == 'dog'},10003{fold},A")
    (root / "meta" / "esc50.csv").write_text(HEAD + "\n".join(rows))
    (root / "requirements.txt").write_text("librosa==0.8\npandas\n")
    return root


def test_esc10(esc10: Path):
    data = load_dataset(esc10)
    assert (data.name, len(data), data.classes) == ("ESC10", 10, ("Dog bark", "Rain"))
    assert data.split.tolist() == [f"fold {fold}" for fold in range(1, 6)] * 2
    assert data.groups.tolist()[:2] == ["1001", "2001"]
    assert [split.name for split in published_splits(data)] == [f"fold {fold}" for fold in range(1, 6)]


def test_esc50(esc50: Path):
    for path in (esc50, esc50 / "audio"):
        data = load_dataset(path)
        assert (data.name, len(data), data.classes) == ("ESC50", 10, ("chirping_birds", "dog"))
        assert data.split.tolist() == [f"fold {fold}" for fold in range(1, 6)] * 2
        assert data.groups.tolist()[0] == "100031"
    small = load_esc50(esc50, esc10=True)
    assert (small.name, len(small), small.classes) == ("ESC10", 5, ("dog",))


def test_each_is_recognized_by_its_own_loader_alone(esc10: Path, esc50: Path):
    for path, owner in ((esc10, "esc10"), (esc50, "esc50"), (esc50 / "audio", "esc50")):
        assert [name for name in LOADERS if LOADERS[name].recognizes(path)] == [owner]


def test_a_file_of_the_table_that_is_not_there(esc50: Path):
    (esc50 / "audio" / "3-100033-A-0.wav").unlink()
    with pytest.raises(
        DataError, match=r"3-100033-A-0\.wav: expected a sound file that can be read, got: No such file"
    ):
        load_esc50(esc50)
    data = load_esc50(esc50, skip_unreadable=True)
    assert (len(data), (data.split == "fold 3").sum()) == (9, 1)
    assert data.notes[0].startswith("skipped 1 of 10 files")


def test_bad_tables(esc50: Path, tmp_path: Path):
    table = esc50 / "meta" / "esc50.csv"
    for content, message in (
        ("", "expected a table of text, got an empty file"),
        ("filename,fold\na,1\n", "expected a column 'category' for category=, got filename, fold"),
        (HEAD + "a.wav,1,0,,True,1,A\n", "line 2 column 4 .*: expected a category, got ''"),
        (HEAD + "a.wav,1\n", "line 2: expected 7 cells as in the first row, got 2"),
    ):
        table.write_text(content)
        with pytest.raises(DataError, match=message):
            load_esc50(esc50)
    table.write_bytes(HEAD.encode() + b"\xff\xfe,1,0,x,True,1,A\n")
    with pytest.raises(DataError, match="line 2: expected text in UTF-8, got byte 0xff"):
        load_esc50(esc50)
    table.write_text(HEAD + "a.wav,1,0,dog,False,1,A\n")
    with pytest.raises(DataError, match="expected clips that the table marks as esc10, got none"):
        load_esc50(esc50, esc10=True)
    for load in (load_esc10, load_esc50):
        with pytest.raises(DataError, match="expected"):
            load(tmp_path / "none")


@pytest.mark.slow
@pytest.mark.data
def test_the_real_set(data_folder: Path):
    data = load_dataset(data_folder / "esc10")
    assert (data.name, len(data), len(data.classes)) == ("ESC10", 400, 10)
    assert np.unique(data.labels, return_counts=True)[1].tolist() == [40] * 10
    assert np.unique(data.split, return_counts=True)[1].tolist() == [80] * 5
    for source in np.unique(data.groups):
        assert len(np.unique(data.split[data.groups == source])) == 1
    assert {one.sample_rate_hz for one in data.samples} == {44100}


def test_their_cards_are_found_by_the_names_of_the_sets(esc10: Path, esc50: Path):
    for path in (esc10, esc50):
        card = find_card(load_dataset(path).name)
        assert card.domain == "audio"
        assert card.published
