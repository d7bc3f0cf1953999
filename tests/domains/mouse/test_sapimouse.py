"""SapiMouse."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import LOADERS, load_dataset
from img_repr.domains.mouse.sapimouse import is_sapimouse, load_sapimouse, read_sapimouse
from img_repr.domains.mouse.trace import LEFT

HEAD = "client timestamp,button,state,x,y\n"
EVENTS = ("NoButton,Move", "Left,Pressed", "Left,Drag", "Left,Drag", "Left,Released", "NoButton,Move")


def write_session(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"{29256 + 17 * at},{event},{at},{693 - at}\r\n" for at, event in enumerate(EVENTS))
    file.write_text(HEAD + rows, newline="")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "sapimouse"
    for user in ("user1", "user10", "user62.1", "user62.2"):
        for name in ("session_3min.csv", "session_1min.csv"):
            write_session(folder / user / name)
    (folder / "rename.sh").write_text("for i in *; do true; done")
    return folder


def test_parts_users_and_drags(root: Path):
    data = load_dataset(root, segments=None)
    assert (data.name, data.domain.name) == ("SapiMouse", "mouse")
    assert data.classes == ("user1", "user10", "user62.1", "user62.2")
    assert data.names[:2].tolist() == ["user1/session_1min @ 0.0-0.1 s", "user1/session_3min @ 0.0-0.1 s"]
    assert data.split.tolist() == ["test", "train"] * 4
    np.testing.assert_allclose(data.samples[0].t_s, np.arange(6) * 0.017, atol=1e-12)
    assert data.samples[0].buttons.tolist() == [0, LEFT, LEFT, LEFT, 0, 0]
    assert data.notes[0] == "user62.1 and user62.2 are labels of their own, but may be one person by their number"
    assert [name for name in LOADERS if LOADERS[name].recognizes(root)] == ["sapimouse"]


def test_one_user_and_some_users(root: Path):
    assert load_dataset(root / "user62.1", segments=None).classes == ("user62.1",)
    assert load_sapimouse(root, users=(1, 62.1), segments=None).classes == ("user1", "user62.1")
    with pytest.raises(ParameterError, match=r"sapimouse: expected users to be among user1, user10, .*, got '2'"):
        load_sapimouse(root, users=2)


def test_names_with_dates_and_one_length_only(tmp_path: Path):
    write_session(tmp_path / "user1" / "session_2020_05_14_3min.csv")
    data = load_sapimouse(tmp_path, segments=None)
    assert data.split is None
    assert "only sessions of 3min are here, so the set has no published split" in data.notes


def test_links_pipes_and_capital_endings_are_read_or_named(tmp_path: Path):
    for name in ("set/user1/session_3min.csv", "set/User2/session_3min.CSV", "far/user3/session_3min.csv"):
        write_session(tmp_path / name)
    root = tmp_path / "set"
    (root / "user3").symlink_to(tmp_path / "far" / "user3")
    (root / "user1" / "session_1min.csv").symlink_to(tmp_path / "nowhere")
    os.mkfifo(root / "user1" / "session_a_3min.csv")
    (root / "user1" / "session_2min.csv").write_text(HEAD)
    data = load_dataset(root, segments=None)
    assert data.labels.tolist() == ["User2", "user1", "user3"]
    assert "left out 1 links to nothing (were the data fetched?): user1/session_1min.csv" in data.notes
    assert "left out 1 pipes, devices or links to listed folders: user1/session_a_3min.csv" in data.notes
    assert "left out 1 files that are no sessions: user1/session_2min.csv" in data.notes


def test_does_not_recognize_other_files(tmp_path: Path):
    assert not is_sapimouse(tmp_path)
    assert not is_sapimouse(tmp_path / "none")
    (tmp_path / "user1").mkdir()
    (tmp_path / "user1" / "session_1.csv").write_text(HEAD)
    assert not is_sapimouse(tmp_path)
    with pytest.raises(DataError, match=r"expected files like user7/session_3min.csv, got none"):
        load_sapimouse(tmp_path)


@pytest.mark.slow
@pytest.mark.data
def test_the_real_set(data_folder: Path):
    sessions, notes = read_sapimouse(data_folder / "sapimouse")
    users = {session.user for session in sessions}
    assert len(sessions) == 2 * len(users)
    assert Counter(session.part for session in sessions) == {"train": len(users), "test": len(users)}
    assert any("user62.1 and user62.2" in note for note in notes)
    total = Counter()
    for session in sessions:
        total.update(session.defects)
    assert total["clock_back"] == 4
    assert "sentinel" not in total
    if len(users) == 81:
        assert sum(len(piece) for session in sessions for piece in session.pieces) == 732674
        assert (total["equal_time"], total["release_missing"], total["press_missing"]) == (1746, 64, 17)
