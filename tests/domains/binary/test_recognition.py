"""Which loader takes which folder: every one of the public data sets goes to its own, none to ours by mistake."""

from pathlib import Path

import numpy as np
import pytest

from img_repr.core.loader import LOADERS

OURS = ("big2015", "binary_csv", "binary_file", "binary_folder", "cpu_rec", "malimg")


def claims(path: Path) -> list[str]:
    return [name for name in OURS if LOADERS[name].recognizes(path)]


@pytest.mark.data
def test_public_data_stay_with_their_loaders(data_folder: Path):
    folders = [data_folder, *(folder for folder in data_folder.iterdir() if folder.is_dir())]
    folders += [inner for folder in folders[1:] for inner in folder.iterdir() if inner.is_dir()]
    for folder in folders:
        assert claims(folder) == (["cpu_rec"] if folder.name == "cpu_rec" else []), folder


@pytest.mark.data
@pytest.mark.parametrize(("folder", "loader"), [("fsdd", "fsdd"), ("esc10", "esc10"), ("cpu_rec", "cpu_rec")])
def test_the_first_that_recognizes(data_folder: Path, folder: str, loader: str):
    assert next(name for name in LOADERS if LOADERS[name].recognizes(data_folder / folder)) == loader


def test_folders_of_other_kinds(tmp_path: Path):
    traces = tmp_path / "traces"
    for user in ("user1", "user2"):
        (traces / user).mkdir(parents=True)
        (traces / user / "session_3min.csv").write_text("client timestamp,button,state,x,y\n0,NoButton,Move,1,2\n")
        (traces / user / "session_0041905381").write_text("record timestamp,client timestamp,button,state,x,y\n")
    series = tmp_path / "series"
    for part in ("TRAIN", "TEST"):
        (series / "Toy").mkdir(parents=True, exist_ok=True)
        (series / "Toy" / f"Toy_{part}.tsv").write_text("1\t0.5\t0.25\n")
    arrays = tmp_path / "arrays"
    for label in ("calm", "wild"):
        (arrays / label).mkdir(parents=True)
        np.save(arrays / label / "1.npy", np.arange(4.0))
    for folder in (traces, series, arrays, tmp_path):
        assert claims(folder) == []


def test_nothing_is_ever_an_error(tmp_path: Path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").write_bytes(bytes(10))
    (tmp_path / "table.csv").write_bytes(b"file,\xff\n\x00,,,\n")
    for path in (tmp_path, tmp_path / "loop", tmp_path / "file", tmp_path / "none", tmp_path / "table.csv"):
        assert claims(path) == []
    claims(Path("/"))  # with devices and processes in it; what a machine holds besides is its own affair
