"""NumPy files and folders; and which loader recognizes what."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from img_repr.core.errors import DataError
from img_repr.core.loader import LOADERS, load_dataset
from img_repr.domains.timeseries.loading import load_folder, load_numpy
from img_repr.domains.timeseries.sample import TIMESERIES


@pytest.mark.parametrize(("shape", "expected"), [((4, 5), (4, 5)), ((2, 3, 5), (2, 3, 5)), ((6,), (1, 6))])
def test_npy(tmp_path: Path, shape: tuple[int, ...], expected: tuple[int, ...], random: np.random.Generator):
    values = random.normal(size=shape).astype(np.float32)
    np.save(tmp_path / "a.npy", values)
    data = load_numpy(tmp_path / "a.npy")
    assert data.samples.dtype == np.float64
    np.testing.assert_array_equal(data.samples, values.reshape(expected))
    assert data.labels is None


def test_npz_with_all_that_is_known(tmp_path: Path):
    known = {"y": np.array([1.0, 2.0]), "groups": np.array(["ann", "bob"]), "times": np.array([5, 3])}
    np.savez(tmp_path / "a.npz", X=np.eye(2), **known)
    data = load_numpy(tmp_path / "a.npz")
    assert data.labels.tolist() == ["1", "2"]
    assert data.groups.tolist() == ["ann", "bob"]
    assert data.times.tolist() == [5, 3]


def test_labels_beside_the_file(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.eye(3))
    np.save(tmp_path / "y.npy", np.array(["u", "v", "u"]))
    for labels in (tmp_path / "y.npy", str(tmp_path / "y.npy"), ["u", "v", "u"]):
        assert load_numpy(tmp_path / "a.npy", labels=labels).labels.tolist() == ["u", "v", "u"]
    with pytest.raises(DataError, match="expected 3 labels, one per series, got shape"):
        load_numpy(tmp_path / "a.npy", labels=["u"])


class Planted:
    """What a hostile file would run."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("planted"),)


def test_nothing_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", np.array([Planted()], dtype=object), allow_pickle=True)
    Path("b.npy").write_bytes(pickle.dumps(Planted()))
    np.savez("c.npz", X=np.array([Planted()], dtype=object))
    for name in ("a.npy", "b.npy", "c.npz"):
        with pytest.raises(DataError, match=f"{name}: expected arrays of numbers as NumPy writes them"):
            load_numpy(name)
    assert not Path("planted").exists()


@pytest.mark.parametrize(
    ("array", "got"),
    [
        (np.zeros((2, 2, 2, 2)), r"shape \(2, 2, 2, 2\)"),
        (np.zeros((0, 5)), r"shape \(0, 5\)"),
        (np.array(["a", "b"]), "<U1"),
        (np.zeros((2, 3), dtype=complex), "complex128"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, array: np.ndarray, got: str):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match=rf"expected real numbers of shape .*{got}"):
        load_numpy(tmp_path / "a.npy")


def test_other_files_are_refused(tmp_path: Path):
    (tmp_path / "empty.npy").touch()
    (tmp_path / "prose.npz").write_text("prose")
    np.savez(tmp_path / "other.npz", Z=np.eye(2))
    for name, message in (
        ("empty.npy", "as NumPy"),
        ("prose.npz", "as NumPy"),
        ("other.npz", "'X' of series, got Z"),
    ):
        with pytest.raises(DataError, match=message):
            load_numpy(tmp_path / name)
    with pytest.raises(DataError, match="expected a file that can be read"):
        load_numpy(tmp_path / "none.npy")


def fill(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "1.csv").write_text("value\n1\n2\n3\n")
    (folder / "2.txt").write_text("4 5 6\n")
    np.save(folder / "3.npy", np.array([7, 8, 9]))
    (folder / "4.csv").write_text("time,v\n3,12\n1,10\n2,11\n")


SERIES = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]]


def test_flat_folder(tmp_path: Path):
    fill(tmp_path)
    (tmp_path / "README.txt").write_text("What these files are.\nAnd more of it.\n")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    (tmp_path / ".hidden.csv").write_text("1\n")
    data = load_folder(tmp_path)
    assert data.samples.tolist() == SERIES
    assert data.labels is None
    assert data.names.tolist() == ["1.csv", "2.txt", "3.npy", "4.csv"]
    assert data.notes == (
        "left out 2 files that are no series: README.txt, photo.png",
        "left out 1 hidden files and folders: .hidden.csv",
    )


def test_folder_of_classes(tmp_path: Path):
    fill(tmp_path / "up")
    fill(tmp_path / "down")
    (tmp_path / "up" / "5.csv").write_text("1\n2\n")
    (tmp_path / "notes.md").write_text("prose")
    data = load_folder(tmp_path)
    assert [one.tolist() for one in data.samples] == [*SERIES, *SERIES, [1, 2]]
    assert data.labels.tolist() == ["down"] * 4 + ["up"] * 5
    assert data.split is None
    assert "notes.md" in data.notes[0]


def test_folder_with_a_published_split(tmp_path: Path):
    for part in ("train", "test"):
        fill(tmp_path / part / "up")
    data = load_folder(tmp_path)
    assert data.labels.tolist() == ["up"] * 8
    assert data.split.tolist() == ["test"] * 4 + ["train"] * 4


def test_channels(tmp_path: Path):
    (tmp_path / "a.csv").write_text("p,q\n1,10\n2,20\n3,30\n")
    np.save(tmp_path / "b.npy", np.ones((2, 3)))
    assert load_folder(tmp_path).samples.tolist() == [[[1, 2, 3], [10, 20, 30]], [[1, 1, 1], [1, 1, 1]]]
    np.save(tmp_path / "c.npy", np.ones(3))
    with pytest.raises(DataError, match="expected 2 channels in every series, got 1 in series number 2"):
        load_folder(tmp_path)


def test_a_broken_series_is_an_error_and_not_skipped(tmp_path: Path):
    fill(tmp_path)
    (tmp_path / "9.csv").write_text("\n".join(map(str, range(60))) + "\nbroken\n")
    with pytest.raises(DataError, match=r"9.csv line 61 column 1: expected a number, got 'broken'"):
        load_folder(tmp_path)


def test_folders_without_series(tmp_path: Path):
    with pytest.raises(DataError, match="expected a folder of series, got no file"):
        load_folder(tmp_path)
    with pytest.raises(DataError, match="expected a folder, got nothing there"):
        load_folder(tmp_path / "none")


TEXTS = {
    "Toy_TRAIN.tsv": ("1\t2\t3\n", "ucr"),
    "Toy_TEST.txt": ("1 2 3\n", "ucr"),
    "Toy_TRAIN": ("1,2,3\n", "ucr"),
    "Toy_TRAIN.csv": ("1,2,3\n", "ucr"),
    "Toy_TRAIN.ts": ("@data\n", "ts"),
    "any.ts": ("@data\n", "ts"),
    "wide.csv": ("label,a,b\nu,1,2\n", "csv"),
    "long.csv": ("id,time,value\na,0,1\n", "csv"),
    "words.csv": ("up,1,2\ndown,3,4\n", "csv"),
    "numbers.tsv": ("1\t2\t3\n2\t3\t4\n", "csv"),
    "column.txt": ("1\n2\n", "csv"),
    "one_long_line.csv": (",".join(["0.123456"] * 20000), "csv"),
    "empty.csv": ("", "csv"),
    "series.npy": ("", "numpy"),
    "series.npz": ("", "numpy"),
    "ucr/Toy_TRAIN.tsv": ("1\t2\n", None),
    "site/Toy_TRAIN.ts": ("@data\n", None),
    "site/Toy_TRAIN.txt": ("1 2\n", None),
    "flat/1.csv": ("1\n2\n", "csv"),
    "classes/up/1.csv": ("1\n2\n", "csv"),
}
FOLDERS = {"ucr": "ucr", "site": "ts", "flat": "folder", "classes": "folder"}
OTHERS = {
    "prose.txt": "A story.\nOf several words.\n",
    "scores.csv": "file,score\na.wav,1\nb.wav,0\n",
    "word.txt": "hello\n",
    "mouse.csv": "client timestamp,button,state,x,y\n0,NoButton,Move,3,4\n1,NoButton,Move,3,5\n",
    "trace.csv": "t,x,y\n0,1,2\n1,1,3\n",
    "sound.wav": "RIFF",
    "sessions/one.csv": "client timestamp,button,state,x,y\n0,NoButton,Move,3,4\n1,NoButton,Move,3,5\n",
    "sounds/1/a.wav": "RIFF",
}


def test_each_path_is_recognized_by_exactly_one_loader(tmp_path: Path):
    for name, text in {**{name: text for name, (text, _) in TEXTS.items()}, **OTHERS}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)) * 10)
    (tmp_path / "nothing").mkdir()
    ours = {name: LOADERS[name] for name in LOADERS if LOADERS[name].domain is TIMESERIES}

    def recognized(name: str) -> list[str]:
        return [key for key, loader in ours.items() if loader.recognizes(tmp_path / name)]

    for name, (_, expected) in TEXTS.items():
        if expected:
            assert recognized(name) == [expected], name
    for name, expected in FOLDERS.items():
        assert recognized(name) == [expected], name
    for name in (*OTHERS, "sessions", "sounds", "sounds/1", "binary.csv", "nothing", "not there"):
        assert recognized(name) == [], name


def test_load_dataset_finds_the_loader(tmp_path: Path):
    (tmp_path / "Toy_TRAIN.tsv").write_text("1\t2\t3\n")
    assert load_dataset(tmp_path).name == "Toy"
    (tmp_path / "empty.csv").touch()
    with pytest.raises(DataError, match="empty file"):
        load_dataset(tmp_path / "empty.csv")
    assert load_dataset(tmp_path / "Toy_TRAIN.tsv", format="csv").samples.tolist() == [[1, 2, 3]]


@pytest.mark.data
def test_foreign_data_are_not_claimed(data_folder: Path):
    ours = [LOADERS[name] for name in LOADERS if LOADERS[name].domain is TIMESERIES]
    for name in ("fsdd/recordings", "esc10", "balabit", "balabit/training_files", "sapimouse", "cpu_rec"):
        assert not [loader.name for loader in ours if loader.recognizes(data_folder / name)], name
    session = next((data_folder / "sapimouse").glob("*/*.csv"))
    assert not [loader.name for loader in ours if loader.recognizes(session) or loader.recognizes(session.parent)]


def put(root: Path, *names: str) -> None:
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        np.savetxt(root / name, np.arange(5.0) + number)


@pytest.mark.parametrize(
    ("names", "labels", "split"),
    [
        (("train/1.csv", "val/1.csv"), None, ["train", "test"]),
        (("Training/1.csv", "testing/1.csv"), None, ["train", "test"]),
        (("test/1.csv", "train/1.csv", "val/1.csv"), None, ["test", "train", "train"]),
        (
            ("test/calm/1.csv", "train/calm/1.csv", "train/wild/1.csv"),
            ["calm", "calm", "wild"],
            ["test", "train", "train"],
        ),
        (("all/test/calm/1.csv", "all/train/wild/1.CSV"), ["calm", "wild"], ["test", "train"]),
        (("calm/test/1.csv", "calm/train/1.csv"), None, ["test", "train"]),
        (("train/calm/1.csv", "train/wild/1.csv"), ["calm", "wild"], None),
        (("01/1.csv", "1/1.csv"), ["01", "1"], None),
    ],
)
def test_folders_of_splits_are_not_classes(tmp_path: Path, names: tuple[str, ...], labels: Any, split: Any):
    put(tmp_path, *names)
    data = load_dataset(tmp_path)
    assert data.domain is TIMESERIES
    assert (None if data.labels is None else data.labels.tolist()) == labels
    assert (None if data.split is None else data.split.tolist()) == split
    assert data.names.tolist() == list(names)


def test_links_are_followed_and_skipped_files_counted(tmp_path: Path):
    put(tmp_path, "set/a/1.csv", "elsewhere/2.csv")
    (tmp_path / "set" / "b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set" / "a" / "annex.csv").symlink_to("/nowhere/at/all.csv")
    os.mkfifo(tmp_path / "set" / "a" / "pipe.csv")
    data = load_dataset(tmp_path / "set")
    assert data.labels.tolist() == ["a", "b"]
    assert any("left out 1 links to nothing" in note for note in data.notes)
    assert any("left out 1 pipes" in note for note in data.notes)


def test_groups_are_found_in_paths(tmp_path: Path):
    put(tmp_path, "calm/ann_1.csv", "wild/bob_1.csv")
    assert load_folder(tmp_path, group=r"/(\w+)_").groups.tolist() == ["ann", "bob"]


def test_a_broken_file_can_be_left_out_with_a_note(tmp_path: Path):
    put(tmp_path, "1.csv")
    (tmp_path / "2.csv").write_text("1\n2\n3\n4\nx\n")
    with pytest.raises(DataError, match=r"2.csv line 5"):
        load_folder(tmp_path)
    assert load_folder(tmp_path, skip_unreadable=True).notes == ("left out 1 files that cannot be read: 2.csv",)


def test_channels_of_files_follow_their_names(tmp_path: Path):
    (tmp_path / "1.csv").write_text("time,ax,ay\n0,1,2\n1,2,3\n")
    (tmp_path / "2.csv").write_text("time,ay,ax\n0,2,1\n1,3,2\n")
    data = load_folder(tmp_path)
    assert data.columns == ("ax", "ay")
    assert data.samples.tolist() == [[[1, 2], [2, 3]]] * 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.CSV", "label,v1,v2\na,1,2\nb,2,1\n"),
        ("b.TS", "@classLabel true a b\n@data\n1,2,3:a\n3,2,1:b\n"),
        ("c_TRAIN.TSV", "1\t2\t3\n2\t3\t4\n"),
        ("D.TXT", "1 2 3\n2 3 4\n"),
    ],
)
def test_suffixes_in_capitals_are_read(tmp_path: Path, name: str, text: str):
    (tmp_path / name).write_text(text)
    assert len(load_dataset(tmp_path / name)) == 2


def test_arrays_with_suffixes_in_capitals_are_read(tmp_path: Path):
    with (tmp_path / "a.NPY").open("wb") as one, (tmp_path / "b.NPZ").open("wb") as other:
        np.save(one, np.eye(4))
        np.savez(other, X=np.eye(4), mask=np.eye(4))
    assert len(load_dataset(tmp_path / "a.NPY")) == 4
    assert load_dataset(tmp_path / "b.NPZ").notes == ("left out 1 arrays that are not X, y, groups or times: mask",)


def test_labels_of_arrays_stay_as_written_and_are_never_masked(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.eye(2))
    assert load_numpy(tmp_path / "a.npy", labels=["01", "1"]).labels.tolist() == ["01", "1"]
    with pytest.raises(DataError, match="expected labels that are all known, got 1 masked"):
        load_numpy(tmp_path / "a.npy", labels=np.ma.array([1, 2], mask=[True, False]))


@pytest.mark.parametrize(
    ("name", "format"), [("a.csv", "csv"), ("a.ts", "ts"), ("a.npy", "numpy"), ("a_TRAIN.tsv", "ucr")]
)
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, name: str, format: str):
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="got a FIFO"):
        load_dataset(tmp_path / name, format=format)
