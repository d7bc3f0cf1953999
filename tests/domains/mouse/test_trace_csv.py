"""Tables of events with named columns."""

import os
from pathlib import Path

import numpy as np
import pytest

from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import LOADERS, load_dataset
from img_repr.domains.mouse.trace import RIGHT
from img_repr.domains.mouse.trace_csv import is_trace_csv, load_trace_csv

HEAD = "client timestamp,button,state,x,y\n"


def rows(count: int = 8, step: float = 16) -> str:
    return "".join(f"{at * step},NoButton,Move,{at},5\n" for at in range(count))


@pytest.fixture
def users(tmp_path: Path) -> Path:
    folder = tmp_path / "DFL"
    for name in ("User1/a.csv", "User1/deep/b.CSV", "User2/a.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(HEAD + rows())
    (folder / "User2" / "notes.txt").write_text("nothing of the kind\n")
    (folder / "loose.csv").write_text(HEAD + rows())
    (folder / ".hidden.csv").write_text("t,x\n")
    return folder


def test_a_folder_of_users(users: Path):
    data = load_dataset(users, segments="events(n=4)")
    assert (data.name, data.domain.name, data.classes) == ("DFL", "mouse", ("User1", "User2"))
    assert data.groups.tolist() == ["User1/a"] * 2 + ["User1/deep/b"] * 2 + ["User2/a"] * 2
    assert data.notes[:4] == (
        "left out 1 files that are no tables of a pointer's events: User2/notes.txt",
        "left out 1 files outside of the class folders: loose.csv",
        "left out 1 hidden files and folders: .hidden.csv",
        "times were read as ms, because the usual step between events is 16 of them; time_unit= says otherwise",
    )
    assert [name for name in LOADERS if LOADERS[name].recognizes(users)] == ["trace_csv"]


def test_train_and_test_folders(tmp_path: Path):
    for name in ("train/ada/1.csv", "train/bob/1.csv", "test/ada/1.csv", "test/bob/2.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(HEAD + rows())
    data = load_trace_csv(tmp_path)
    assert sorted(zip(data.split.tolist(), data.labels.tolist(), strict=True)) == [
        ("test", "ada"),
        ("test", "bob"),
        ("train", "ada"),
        ("train", "bob"),
    ]


def test_one_file_with_users_and_sessions(tmp_path: Path):
    file = tmp_path / "all.csv"
    file.write_text(
        "user_id,session_id,event,button,pageX,pageY,timestamp\n"
        + "".join(
            f"{user},{session},{event},0,{at},7,{1700000000000 + 9 * at}\n"
            for user in ("ada", "bob")
            for session in (1, 2)
            for at, event in enumerate(("mousemove", "mousedown", "mousemove", "mouseup", "keydown", "mousemove"))
        )
    )
    data = load_dataset(file, segments=None)
    assert data.labels.tolist() == ["ada", "ada", "bob", "bob"]
    assert data.names.tolist()[0] == "all/ada/1 @ 0.0-0.0 s"
    assert data.samples[0].buttons.tolist() == [0, 1, 1, 0, 0]
    assert data.samples[0].t_s[:2].tolist() == [0.0, 0.009]
    assert "rows that are no event of a pointer, dropped: 4 in 4 of 4 sessions" in data.notes
    by_session = load_trace_csv(file, user="session_id", segments=None)
    assert by_session.labels.tolist() == ["1", "1", "2", "2"]  # of two people each, where time runs back
    assert "steps of time backwards, the session cut there: 2 in 2 of 2 sessions" in by_session.notes
    assert load_trace_csv(file, time_unit="us").samples[0].t_s[1] == pytest.approx(9e-6, rel=1e-3)


def test_without_users_there_are_no_labels(tmp_path: Path):
    (tmp_path / "one.csv").write_text("t_s,x,y\n" + "".join(f"{at},{at},0\n" for at in range(5)))
    data = load_dataset(tmp_path / "one.csv")
    assert (data.labels, data.groups, data.name, len(data)) == (None, None, "one", 1)
    assert data.samples[0].t_s.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert data.notes[0] == "1 of 1 files have no column of states: no press, drag or wheel is known of them"


def test_a_session_of_a_published_set_alone(tmp_path: Path):
    text = "record timestamp,client timestamp,button,state,x,y\n"
    text += "".join(f"{at / 9},{at / 10},NoButton,Move,{at},5\n" for at in range(8))
    (tmp_path / "session_0041905381").write_text(text)
    data = load_dataset(tmp_path / "session_0041905381")
    assert data.domain.name == "mouse"
    np.testing.assert_allclose(data.samples[0].t_s, np.arange(8) / 10, atol=1e-12)


def test_numbers_that_no_screen_and_no_clock_has(tmp_path: Path):
    odd = "-1.7e308,No,Move,1,1\n1.7e308,No,Move,1,1\n0,No,Move,1e308,-1e308\n0,No,Move,-inf,inf\nnan,No,Move,1,1\n"
    (tmp_path / "one.csv").write_text(HEAD + rows() + odd + rows())
    data = load_trace_csv(tmp_path / "one.csv", segments=None)
    assert [len(trace) for trace in data.samples] == [8, 8]
    assert [trace.t_s[-1] for trace in data.samples] == [0.112, 0.112]
    (tmp_path / "one.csv").write_text(HEAD + odd.splitlines(keepends=True)[0] + rows())
    assert [len(trace) for trace in load_trace_csv(tmp_path / "one.csv", segments=None).samples] == [8]
    (tmp_path / "one.csv").write_text(HEAD + "\n".join(odd.split("\n")[2:]))
    with pytest.raises(DataError, match=r"one.csv: expected events with a time and a position, got none in 3 rows"):
        load_trace_csv(tmp_path / "one.csv")


def test_damaged_files(users: Path):
    (users / "User1" / "a.csv").write_text(HEAD + "1,NoButton,Move,here,5\n" + rows())
    with pytest.raises(DataError, match=r"a.csv line 2 column 4 \('x'\): expected a number, got 'here'"):
        load_trace_csv(users)
    data = load_trace_csv(users, skip_unreadable=True)
    assert any(note.startswith("skipped 1 of 3 files; the first: ") for note in data.notes)
    with pytest.raises(
        ParameterError, match="trace_csv: expected time_unit to be one of s, ms, us, ns or None, got 'min'"
    ):
        load_trace_csv(users / "User2", time_unit="min")


def test_other_domains_keep_their_files(tmp_path: Path):
    (tmp_path / "motion.csv").write_text("time,x,y,z\n" + "".join(f"{at},1,2,3\n" for at in range(9)))
    (tmp_path / "series.csv").write_text("time,value\n" + "".join(f"{at},1\n" for at in range(9)))
    (tmp_path / "clips.csv").write_text("file,label\na.wav,bark\n")
    (tmp_path / "program").write_bytes(b"\x7fELF\x02\x01\x01\0t,x,y\n")
    for file in tmp_path.iterdir():
        assert not is_trace_csv(file)
    assert not is_trace_csv(tmp_path)
    assert not is_trace_csv(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert not is_trace_csv(tmp_path / "empty")
    with pytest.raises(
        DataError, match=r"expected a folder of tables of a pointer's events, got 4 other files: clips.csv"
    ):
        load_trace_csv(tmp_path)


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        (("train", "val"), {"train", "test"}),
        (("Training", "TESTING"), {"train", "test"}),
        (("train", "valid", "test"), {"train", "test"}),
        (("train", "eval"), {"train", "test"}),
        (("train",), None),
        (("train", "test", "unlabeled"), {"train", "test"}),
    ],
    ids=lambda value: "-".join(sorted(value or ["none"])),
)
def test_folders_of_splits_are_not_users(tmp_path: Path, folders: tuple[str, ...], splits: set[str] | None):
    for name in folders:
        for user in ("ada", "bob"):
            (tmp_path / name / user).mkdir(parents=True)
            (tmp_path / name / user / "1.csv").write_text(HEAD + rows())
    data = load_trace_csv(tmp_path)
    assert data.classes == ("ada", "bob")
    assert (None if data.split is None else {*data.split.tolist()}) == splits


def test_whatever_lies_in_a_folder_is_read_or_named(tmp_path: Path):
    root = tmp_path / "set"
    for name in ("ada/1.csv", "ada/2.CSV", "bob/1.TSV", "01/1.csv", "1/1.csv"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text((HEAD + rows()).replace(",", "\t" if name.endswith("TSV") else ","))
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "1.csv").write_text(HEAD + rows())
    (root / "cy").symlink_to(tmp_path / "store")
    (root / "ada" / "gone.csv").symlink_to(tmp_path / "nowhere")
    (root / "ada" / "loop").symlink_to(root)
    os.mkfifo(root / "ada" / "pipe.csv")
    strange = Path(os.fsdecode(os.fsencode(root) + b"/z\xff"))
    strange.mkdir()
    (strange / "1.csv").write_text(HEAD + rows())
    assert is_trace_csv(root)
    data = load_trace_csv(root)
    assert data.labels.tolist() == ["01", "1", "ada", "ada", "bob", "cy", "z\\xff"]
    assert "left out 1 links to nothing (were the data fetched?): ada/gone.csv" in data.notes
    assert "left out 2 pipes, devices or links to listed folders: ada/loop, ada/pipe.csv" in data.notes


def test_two_files_that_differ_in_their_endings_are_two_sessions(tmp_path: Path):
    for name in ("ada/1.csv", "ada/1.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(HEAD + rows())
    assert load_trace_csv(tmp_path, segments=None).names.tolist()[1] == "ada/1.txt @ 0.0-0.1 s"


def test_columns_of_label_group_id_and_split(tmp_path: Path):
    file = tmp_path / "all.csv"
    file.write_text(
        "t_ms;x;y;kind;batch;id;split\n"
        + "".join(
            f"{16 * at},5;{at};2;{'01' if at < 8 else '1'};b{at // 8};{at // 4};{'Train' if at < 8 else 'val'}\n"
            for at in range(16)
        )
    )
    data = load_trace_csv(file, label="kind", group="batch", segments=None)
    assert data.labels.tolist() == ["01", "01", "1", "1"]  # each id is a piece of its session
    assert data.groups.tolist() == ["all/01/b0", "all/01/b0", "all/1/b1", "all/1/b1"]
    assert data.split.tolist() == ["train", "train", "test", "test"]
    assert "no test split: the validation split ('val') is the test part" in data.notes
    assert load_trace_csv(file, drop=["split", "id"], segments=None).split is None


@pytest.mark.parametrize("pressed", [("True", "False"), ("1", "0"), ("down", "up")])
def test_rows_of_pynput_are_one_click(tmp_path: Path, pressed: tuple[str, str]):
    acts = {3: ("on_click", "Button.right", pressed[0]), 6: ("on_click", "Button.right", pressed[1])}
    lines = [
        ",".join((f"2024-05-01T10:00:00.{at:02d}+02:00", *acts.get(at, ("on_move", "", "")), str(at), "7"))
        for at in range(9)
    ]
    (tmp_path / "log.csv").write_text("time,event,button,pressed,x,y\n" + "\n".join(lines))
    (trace,) = load_dataset(tmp_path / "log.csv", segments=None).samples
    assert trace.buttons.tolist() == [0, 0, 0, RIGHT, RIGHT, RIGHT, 0, 0, 0]
    np.testing.assert_allclose(trace.t_s, np.arange(9) / 100, atol=1e-6)


def test_event_words_that_are_not_known(tmp_path: Path):
    (tmp_path / "log.csv").write_text("t,x,y,event\n" + "".join(f"{16 * at},{at},5,512\n" for at in range(6)))
    with pytest.raises(
        DataError, match=r"log.csv column 4 \('event'\): expected words of events .*, got '512'; events="
    ):
        load_trace_csv(tmp_path / "log.csv")
    for events in ("512=move", "ignore", {"512": "mousemove"}):
        assert len(load_trace_csv(tmp_path / "log.csv", events=events)) == 1


def test_first_row_of_numbers_is_not_a_header(tmp_path: Path):
    (tmp_path / "log.csv").write_text("0,1,2\n16,3,4\n32,4,4\n48,4,4\n")
    assert len(load_trace_csv(tmp_path / "log.csv", time=0, x=1, y=2, segments=None).samples[0]) == 4


@pytest.mark.parametrize(
    "options",
    [
        *({"label": 1.5}, {"x": True}, {"group": [1]}, {"delimiter": 1}, {"delimiter": "ab"}, {"events": 4}),
        *({"time_unit": [1]}, {"segments": 40}, {"shortest": None}, {"at_most": "all"}, {"test_scale": "2"}),
    ],
    ids=str,
)
def test_options_of_wrong_types_are_refused(tmp_path: Path, options: dict[str, object]):
    (tmp_path / "log.csv").write_text(HEAD + rows())
    with pytest.raises((DataError, ParameterError), match="expected"):
        load_trace_csv(tmp_path / "log.csv", **options)


@pytest.mark.data
def test_the_public_sets_are_read_by_the_loaders_of_their_own(data_folder: Path):
    own = {"balabit": "balabit", "sapimouse": "sapimouse", "fsdd": "fsdd", "esc10": "esc10", "cpu_rec": "cpu_rec"}
    own |= {f"ucr/{folder.name}": "ucr" for folder in (data_folder / "ucr").iterdir()}
    domain = [name for name in LOADERS if LOADERS[name].domain.name == "mouse"]
    for folder, name in own.items():
        found = [one for one in domain if LOADERS[one].recognizes(data_folder / folder)]
        assert found == ([name] if name in domain else []), folder
