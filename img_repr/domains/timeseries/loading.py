"""Series from NumPy files, and from folders of one file each."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.core.array_file import is_npz, read_array, read_npz
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.loader import loader
from img_repr.core.memory import check_memory
from img_repr.domains.timeseries.assembly import assemble, has_parts
from img_repr.domains.timeseries.csv_format import load_csv
from img_repr.domains.timeseries.parsing import parse_label
from img_repr.domains.timeseries.sample import TIMESERIES
from img_repr.domains.timeseries.table import ROLES, looks_like_series, read_table
from img_repr.domains.timeseries.ucr_format import SUFFIXES as UCR

_TEXTS = (".csv", ".tsv", ".txt")


def _is_numpy(path: Path) -> bool:
    return path.suffix in (".npy", ".npz") and path.is_file()


@loader(TIMESERIES, recognises=_is_numpy)
def load_numpy(path: str | Path, *, labels: Any = None) -> Dataset:
    """Load series from a ``.npy`` or ``.npz`` file; nothing in it is ever unpickled.

    Parameters
    ----------
    path : str or Path
        ``.npy``: series ``(N, T)`` or ``(N, C, T)``, or one series ``(T,)``. ``.npz``: such an array called
        ``X``, and if there is any of them, ``y`` (labels), ``groups`` and ``times``, each ``(N,)``.
    labels : array_like, shape (N,), or str or Path, optional
        Labels, or the ``.npy`` file that holds them.

    Returns
    -------
    Dataset
        ``samples`` float64; missing values stay NaN, at the ends too.

    Raises
    ------
    DataError
        If the file holds no such arrays.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from img_repr.domains.timeseries.loading import load_numpy
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(Path(folder, "toy.npz"), X=np.zeros((2, 5)), y=[0, 1])
    ...     data = load_numpy(Path(folder, "toy.npz"))
    >>> data.samples.shape, data.labels.tolist()
    ((2, 5), ['0', '1'])
    """
    path = Path(path)
    arrays = _read_arrays(path)
    if "X" not in arrays:
        raise DataError(f"{path}: expected an array 'X' of series, got {', '.join(arrays) or 'no array'}")
    if labels is not None:
        arrays["y"] = _read_arrays(Path(labels))["X"] if isinstance(labels, (str, Path)) else np.asarray(labels)
    series = _check_numbers(arrays["X"], path, (1, 2, 3))
    series = series[None] if series.ndim == 1 else series
    known = {}
    for name, word in (("y", "labels"), ("groups", "groups"), ("times", "times")):
        if name in arrays:
            column = arrays[name]
            if column.ndim != 1 or len(column) != len(series):
                raise DataError(f"{path}: expected {len(series)} {word}, one per series, got shape {column.shape}")
            known[word] = _check_times(column, path) if word == "times" else _as_words(column, path, word)
    return assemble(path.stem, path, list(series), **known)


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    return read_npz(path) if is_npz(path) else {"X": read_array(path)}


def _check_numbers(array: np.ndarray, path: Path, axes: tuple[int, ...]) -> np.ndarray:
    if array.ndim not in axes or array.dtype.kind not in "fiub" or 0 in array.shape:
        shapes = " or ".join({1: "(T,)", 2: "(N, T)", 3: "(N, C, T)"}[count] for count in axes)
        raise DataError(f"{path}: expected real numbers of shape {shapes}, got {array.dtype} of shape {array.shape}")
    check_memory(str(path), 8 * array.size, "its numbers", error=DataError)
    return array.astype(np.float64)


def _check_times(column: np.ndarray, path: Path) -> np.ndarray:
    if column.dtype.kind == "M":
        column = np.where(np.isnat(column), np.nan, column.astype("datetime64[us]").astype(np.float64) / 1e6)
    if column.dtype.kind not in "fiu" or not np.isfinite(column).all():
        raise DataError(f"{path}: expected times to be finite numbers or dates, got others of type {column.dtype}")
    return column


def _as_words(column: np.ndarray, path: Path, word: str) -> np.ndarray:
    return np.array([parse_label(str(cell), f"{path} {word} number {at}") for at, cell in enumerate(column.tolist())])


def _is_series_file(path: Path) -> bool:
    return path.is_file() and (path.suffix == ".npy" or (path.suffix in _TEXTS and looks_like_series(path)))


def _is_folder(path: Path) -> bool:
    try:
        if not path.is_dir() or has_parts(path, (".ts", *UCR)):
            return False
        inside = sorted(path.iterdir())
        one_below = (file for folder in inside if folder.is_dir() for file in sorted(folder.iterdir()))
        files = (file for file in (*inside, *one_below) if file.suffix in (".npy", *_TEXTS) and file.is_file())
        return any(_is_series_file(file) for file, _ in zip(files, range(8), strict=False))
    except OSError:
        return False


@loader(TIMESERIES, recognises=_is_folder)
def load_folder(path: str | Path) -> Dataset:
    """Load a folder of files that hold one series each; a subfolder is a class.

    Series are ``.npy``, ``(T,)`` or ``(C, T)``, and ``.csv``, ``.tsv`` or ``.txt``: one column or one row of
    values, or rows of time steps with one column per channel, sorted by the column of times if the header
    names one. Other files, hidden ones, and texts whose first rows are no numbers are skipped; ``notes``
    names them.

    Parameters
    ----------
    path : str or Path
        Folder of such files (no labels), or of one folder per class. Two folders called ``train`` and
        ``test`` are the published split, and each is such a folder.

    Returns
    -------
    Dataset
        In the order of the sorted names; ``samples`` is a list where lengths differ.

    Raises
    ------
    DataError
        If there is no series, a file cannot be read, or numbers of channels differ.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from img_repr.domains.timeseries.loading import load_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("calm", "wild"):
    ...         Path(folder, name).mkdir()
    ...         np.savetxt(Path(folder, name, "1.csv"), np.arange(4.0))
    ...     data = load_folder(folder)
    >>> data.samples.shape, data.labels.tolist()
    ((2, 4), ['calm', 'wild'])
    """
    path = Path(path)
    if not path.is_dir():
        raise DataError(f"{path}: expected a folder, got {'a file' if path.exists() else 'nothing there'}")
    folders = {folder.name: folder for folder in _visible(path) if folder.is_dir()}
    split = {name.lower(): folder for name, folder in folders.items()}
    roots = [(part, split[part]) for part in ("train", "test")] if set(split) == {"train", "test"} else [("", path)]
    found, skipped = [], []
    for part, root in roots:
        classes = [folder for folder in _visible(root) if folder.is_dir()]
        for folder in classes or [root]:
            for file in _visible(folder):
                if _is_series_file(file) or (file.suffix in _TEXTS and not os.access(file, os.R_OK)):  # an error below
                    found.append((file, folder.name if classes else None, part))
                else:
                    skipped.append(file)
        skipped += [file for file in _visible(root) if classes and file.is_file()]
    labels = [label for _, label, _ in found]
    if None in labels and any(label is not None for label in labels):
        raise DataError(f"{path}: expected a folder per class in both train and test, or in neither, got one")
    names = ", ".join(str(file.relative_to(path)) for file in skipped[:5]) + ", ..." * (len(skipped) > 5)
    return assemble(
        path.resolve().name,
        path,
        [_read_one(file) for file, _, _ in found],
        labels=np.array(labels) if found and None not in labels else None,
        parts=np.array([part for _, _, part in found]) if roots[0][0] else None,
        notes=(f"skipped {len(skipped)} files that hold no series: {names}",) if skipped else (),
    )


def _visible(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if not file.name.startswith("."))


def _read_one(file: Path) -> np.ndarray:
    if file.suffix == ".npy":
        return _check_numbers(_read_arrays(file)["X"], file, (1, 2))
    table = read_table(file)
    if len(table.rows) == 1 and not {name.strip().lower() for name in table.header or ()} & ROLES:
        return np.asarray(load_csv(file, layout="wide").samples[0])
    return np.asarray(load_csv(file, layout="long").samples[0])
