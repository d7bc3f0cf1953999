"""Loaders by name and by looking."""

from pathlib import Path

import numpy as np
import pytest

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError, UnknownNameError
from img_repr.core.loader import LOADERS, load_dataset, loader
from img_repr.domains.timeseries.sample import TIMESERIES


@pytest.mark.parametrize("name", ["gunpoint", "GunPoint", "basic_motions", "BasicMotions"])
def test_bundled_by_name(name: str):
    assert load_dataset(name).name.lower() == name.replace("_", "").lower()


def test_format_by_name_takes_options(tmp_path: Path):
    np.save(tmp_path / "a.dat.npy", np.eye(2))
    assert load_dataset(tmp_path / "a.dat.npy", format="numpy", labels=["u", "v"]).labels.tolist() == [
        "u",
        "v",
    ]
    assert len(load_dataset("any", format="coffee")) == 56
    with pytest.raises(UnknownNameError, match="did you mean 'numpy'"):
        load_dataset(tmp_path, format="numpi")


def test_rejects_missing_columns(tmp_path: Path):
    with pytest.raises(DataError, match=r"expected a file, a folder or one of .*gunpoint.*, got 'gun', which does not"):
        load_dataset("gun")
    (tmp_path / "a.unknown").write_text("?")
    with pytest.raises(
        DataError, match=r"a.unknown: expected data of a known format, got none that fits; name the format by --format"
    ):
        load_dataset(tmp_path / "a.unknown")


def test_a_name_has_one_loader():
    def load_ucr(path: Path) -> Dataset:
        raise NotImplementedError

    assert "ucr" in LOADERS
    with pytest.raises(ParameterError, match="'ucr' is claimed twice"):
        loader(TIMESERIES)(load_ucr)


def test_an_option_that_the_format_lacks_is_named(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.eye(2))
    with pytest.raises(ParameterError, match=r"^numpy: no option of this format is called 'skip'; it has labels$"):
        load_dataset(tmp_path / "a.npy", skip=True)
    with pytest.raises(ParameterError, match=r"^gunpoint: no option .* 'seed'; it has none$"):
        load_dataset("gunpoint", seed=1)
    assert load_dataset("synthetic_sounds", seed=1).notes != load_dataset("synthetic_sounds").notes
    with pytest.raises(ParameterError, match=r"it has sample_rate_hz, skip_unreadable, cache, lazy$"):
        load_dataset(tmp_path / "a.wav", format="sound", color="red")


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit, RecursionError])
def test_check_of_a_format_that_raises_is_a_warning(tmp_path, monkeypatch, error):
    def load_aaa(path: Path) -> Dataset:
        return None  # type: ignore[return-value]

    def recognizes(path: Path) -> bool:
        raise error("no")

    monkeypatch.setattr(LOADERS, "_things", dict(LOADERS._things))
    loader(TIMESERIES, recognizes=recognizes)(load_aaa)
    np.save(tmp_path / "a.npy", np.eye(2))
    with pytest.warns(UserWarning, match=f"the format 'aaa' was left out for .*a.npy.*raised {error.__name__}: no"):
        assert len(load_dataset(tmp_path / "a.npy")) == 2
    with pytest.raises(DataError, match="aaa: expected load_aaa to return a Dataset, got NoneType"):
        load_dataset(tmp_path / "a.npy", format="aaa")


def test_a_refused_table_names_the_format_that_reads_it(tmp_path: Path):
    (tmp_path / "a.csv").write_text("name,kind,a,b,c\nu,x,1,2,3\nv,y,2,1,3\n")
    with pytest.raises(DataError, match=r"a.csv: expected data of a known format.*--format \w*csv (reads it|says)"):
        load_dataset(tmp_path / "a.csv", label="kind", group="nowhere")


def test_samples_to_predict_need_no_label_column(tmp_path: Path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3,4\n")
    data = load_dataset(tmp_path / "a.csv", format="tabular_csv", labeled=False)
    assert (data.labels, data.columns) == (None, ("a", "b"))
    assert len(load_dataset("gunpoint", labeled=False)) == 200


@pytest.mark.parametrize("source", [None, 5, b"x", ["a.csv"]])
def test_rejects_sources_that_are_not_paths(source):
    with pytest.raises(ParameterError, match="load_dataset: expected source to be text or PathLike, got"):
        load_dataset(source)
