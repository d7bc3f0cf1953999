"""The Balabit Mouse Dynamics Challenge."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import LOADERS, load_dataset
from img_repr.core.splits.cuts import published_splits
from img_repr.core.splits.inner import hold_out
from img_repr.domains.mouse.balabit import is_balabit, load_balabit, read_balabit

HEAD = "record timestamp,client timestamp,button,state,x,y\n"


def write_session(file: Path, x: int = 500, count: int = 12) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"{at / 9},{at / 10},NoButton,Move,{x + at},400\n" for at in range(count))
    file.write_text(HEAD + rows + f"9,{count / 10},Scroll,Down,0,0\n")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "Mouse-Dynamics-Challenge"
    for user in (7, 12):
        for number in range(6):
            write_session(folder / "training_files" / f"user{user}" / f"session_00{user}{number}", x=user * 10)
    for number in range(4):
        write_session(folder / "test_files" / "user7" / f"session_99{number}")
    (folder / "public_labels.csv").write_text("filename,is_illegal\nsession_990,0\nsession_992,1\nsession_500,1\n")
    (folder / "README.md").write_text("# Balabit")
    return folder


def test_the_challenge(root: Path):
    data = load_dataset(root)
    assert (data.name, data.domain.name, data.classes) == ("Balabit", "mouse", ("user12", "user7"))
    assert Counter(data.split.tolist()) == {"train": 12, "test": 2}
    test = data.subset(np.flatnonzero(data.split == "test"))
    assert test.labels.tolist() == ["user7", "user7"]
    assert test.genuine.tolist() == [True, False]
    assert test.names.tolist() == ["user7/session_990 @ 0.0-1.2 s", "user7/session_992 @ 0.0-1.2 s"]
    assert data.genuine[data.split == "train"].all()
    assert data.samples[0].y_px.tolist() == [400.0] * 13  # the wheel turned where the pointer was
    assert data.notes[0] == "left out 2 test sessions without a label in public_labels.csv"
    (split,) = published_splits(data)
    assert (len(split.train), len(split.test)) == (12, 2)


def test_sessions_are_folds(root: Path):
    data = load_balabit(root, protocol="sessions", segments="events(n=5)", shortest=1)
    sessions = dict(zip(data.groups.tolist(), data.split.tolist(), strict=True))
    assert sessions == {
        f"user{user}/session_00{user}{number}": f"fold {number % 5 + 1}" for user in (7, 12) for number in range(6)
    }
    assert data.genuine is None
    assert len(list(published_splits(data))) == 5
    fitting, valid = hold_out(data, np.arange(len(data)))
    assert not {*data.groups[fitting]} & {*data.groups[valid]}
    assert data.notes[0].startswith("left out 4 test sessions")


@pytest.mark.parametrize("users", ["12", 12, "user12", (12,), ["12"], ("user12",)])
def test_users(root: Path, users):
    assert load_balabit(root, users=users).classes == ("user12",)


def test_users_as_on_the_command_line(root: Path):
    assert load_balabit(root, users="7, 12").classes == load_balabit(root, users=(7, 12)).classes
    with pytest.raises(ParameterError, match="balabit: expected users to be among user12, user7, got '8'"):
        load_balabit(root, users="7,8")
    with pytest.raises(ParameterError, match="expected users to name at least one, got none"):
        load_balabit(root, users=())


def test_parts_of_the_set(root: Path):
    train = load_dataset(root / "training_files")
    assert (len(train), train.split, train.genuine) == (12, None, None)
    assert "only the part train is here, so the set has no published split" in train.notes
    test = load_dataset(root / "test_files")
    assert (len(test), test.split, test.genuine.tolist()) == (2, None, [True, False])
    assert load_dataset(root / "training_files" / "user12").classes == ("user12",)
    assert len(load_dataset(root / "test_files" / "user7")) == 2
    for path in (root, root / "training_files", root / "test_files" / "user7"):
        assert [name for name in LOADERS if LOADERS[name].recognizes(path)] == ["balabit"]


def test_no_labels(root: Path):
    (root / "public_labels.csv").unlink()
    data = load_dataset(root)
    assert (len(data), data.split) == (12, None)
    assert data.notes[:2] == (
        "left out 4 test sessions because there is no public_labels.csv",
        "only the part train is here, so the set has no published split",
    )
    with pytest.raises(
        DataError, match=r"test_files: expected sessions for protocol='challenge', got none: left out 4"
    ):
        load_dataset(root / "test_files")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,illegal\na,1\n", r"labels.csv: expected columns filename and is_illegal, got name, illegal"),
        ("filename\na\n", r"labels.csv: expected columns filename and is_illegal, got filename"),
        ("filename,is_illegal\nsession_990,yes\n", r"labels.csv line 2: expected a filename and is_illegal of 0 or 1"),
    ],
)
def test_bad_labels(root: Path, text: str, message: str):
    (root / "public_labels.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        load_balabit(root)


def test_damaged_files(root: Path):
    (root / "training_files" / "user7" / "session_0071").write_text(HEAD)
    with pytest.raises(DataError, match=r"session_0071: expected at least one row below the header, got none"):
        load_balabit(root)
    data = load_balabit(root, skip_unreadable=True)
    assert len(data) == 13
    assert any(note.startswith("skipped 1 of 14 files; the first: ") for note in data.notes)


def test_links_and_other_files_are_read_or_named(root: Path, tmp_path: Path):
    write_session(tmp_path / "far" / "user9" / "session_01")
    (root / "training_files" / "user9").symlink_to(tmp_path / "far" / "user9")
    (root / "training_files" / "user7" / "session_77").symlink_to(tmp_path / "nowhere")
    os.mkfifo(root / "training_files" / "user7" / "session_78")
    data = load_balabit(root)
    assert data.classes == ("user12", "user7", "user9")
    assert "left out 1 links to nothing (were the data fetched?): training_files/user7/session_77" in data.notes
    assert any(note.startswith("left out 1 pipes, devices") and "session_78" in note for note in data.notes)
    assert "left out 1 files that are no sessions: README.md" in data.notes


def test_does_not_recognize_other_files(tmp_path: Path, root: Path):
    assert not is_balabit(tmp_path)
    assert not is_balabit(tmp_path / "none")
    assert not is_balabit(root / "README.md")
    (tmp_path / "test_files" / "user").mkdir(parents=True)
    assert not is_balabit(tmp_path)
    with pytest.raises(DataError, match="expected files like training_files/user7/session_0041905381, got none"):
        load_balabit(tmp_path)
    with pytest.raises(ParameterError, match="expected protocol to be 'challenge' or 'sessions', got 'all'"):
        load_balabit(root, protocol="all")


@pytest.mark.slow
@pytest.mark.data
def test_the_real_set(data_folder: Path):
    sessions, _ = read_balabit(data_folder / "balabit")
    parts = Counter(session.part for session in sessions)
    users = {session.user for session in sessions}
    assert min(parts["train"], parts["test"]) > 0
    assert all(session.defects["equal_time"] for session in sessions)
    total = Counter()
    for session in sessions:
        total.update(session.defects)
    if users == {"user9", "user12", "user15", "user16", "user20"}:
        assert parts == {"train": 33, "test": 442}
        assert total["sentinel"] == 77
        assert total["scroll_at_origin"] == 96489
        assert total["release_missing"] == 4
        train = [piece for session in sessions if session.part == "train" for piece in session.pieces]
        assert sum(map(len, train)) == 1346656 - 29 - 20
        assert Counter(session.genuine for session in sessions) == {None: 33, True: 222, False: 220}
    same = load_balabit(data_folder / "balabit", users="12,15,16", at_most=10)
    assert same.classes == ("user12", "user15", "user16")
    assert max(Counter(same.groups.tolist()).values()) == 10
