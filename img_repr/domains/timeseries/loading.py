"""Series from NumPy files, and from folders of one file each."""

from pathlib import Path
from typing import Any

import numpy as np

from img_repr.core.array_file import is_npz, read_array, read_npz
from img_repr.core.class_folders import read_class_folders
from img_repr.core.csv_reader import read_csv_table
from img_repr.core.csv_table import is_table_name, plain_name
from img_repr.core.csv_values import is_nameless, label_texts
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.file_tree import list_files, name_some
from img_repr.core.loader import loader
from img_repr.core.machine import check_memory
from img_repr.domains.timeseries.assembly import assemble, has_split_files
from img_repr.domains.timeseries.csv_format import load_csv
from img_repr.domains.timeseries.sample import TIMESERIES
from img_repr.domains.timeseries.series_table import ROLES, looks_like_series
from img_repr.domains.timeseries.ucr_format import SUFFIXES as UCR

_LOOKED_AT = 8


def _is_numpy(path: Path) -> bool:
    return path.suffix.lower() in (".npy", ".npz") and path.is_file()


@loader(TIMESERIES, recognizes=_is_numpy)
def load_numpy(path: str | Path, *, labels: Any = None) -> Dataset:
    """Load series from a ``.npy`` or ``.npz`` file; nothing in it is ever unpickled.

    Parameters
    ----------
    path : str or Path
        ``.npy``: series ``(N, T)`` or ``(N, C, T)``, or one series ``(T,)``. ``.npz``: such an array called ``X``, and
        optionally ``y`` (labels), ``groups`` and ``times``, each ``(N,)``.
    labels : array_like, shape (N,), or str or Path, optional
        Labels, or the ``.npy`` file that holds them.

    Returns
    -------
    Dataset
        ``samples`` float64; missing values are NaN, at the ends too.

    Raises
    ------
    DataError
        If the file does not hold such arrays.

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
        arrays["y"] = _read_arrays(Path(labels))["X"] if isinstance(labels, (str, Path)) else np.asanyarray(labels)
    series = _check_numbers(arrays["X"], path, (1, 2, 3))
    series = series[None] if series.ndim == 1 else series
    known: dict[str, Any] = {}
    for name, word in (("y", "labels"), ("groups", "groups"), ("times", "times")):
        if name in arrays:
            column = arrays[name]
            if column.ndim != 1 or len(column) != len(series):
                raise DataError(f"{path}: expected {len(series)} {word}, one per series, got shape {column.shape}")
            known[word] = _check_times(column, path) if word == "times" else _as_words(column, path, word)
    others = [name for name in arrays if name not in ("X", "y", "groups", "times")]
    notes = (
        (f"left out {len(others)} arrays that are not X, y, groups or times: {name_some(others)}",) if others else ()
    )
    return assemble(path.stem, path, list(series), notes=notes, **known)


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
    if np.ma.is_masked(column):
        raise DataError(
            f"{path}: expected {word} that are all known, got {int(np.ma.getmaskarray(column).sum())} masked ones"
        )
    texts = label_texts(column.tolist())
    for at, text in enumerate(texts):
        if is_nameless(text):
            raise DataError(f"{path} {word} number {at}: expected a label, got {text!r}")
    return np.array(texts)


def _may_be_series(path: Path) -> bool:
    return path.suffix.lower() == ".npy" or is_table_name(path)


def _is_series_file(path: Path) -> bool:
    return path.suffix.lower() == ".npy" or (is_table_name(path) and looks_like_series(path))


def _is_folder(path: Path) -> bool:
    try:
        if not path.is_dir() or has_split_files(path, (".ts", ".arff", *UCR)):
            return False
        files = [file for file in list_files(path, at_most=4 * _LOOKED_AT).files if _may_be_series(file)]
        return any(map(_is_series_file, files[:_LOOKED_AT]))
    except OSError:
        return False


@loader(TIMESERIES, recognizes=_is_folder)
def load_folder(path: str | Path, *, group: str | None = None, skip_unreadable: bool = False) -> Dataset:
    r"""Load a folder of files that hold one series each; a subfolder is a class.

    Series are ``.npy``, ``(T,)`` or ``(C, T)``, and ``.csv``, ``.tsv`` or ``.txt``: one column or one row of
    values, or rows of time steps with one column per channel, sorted by time if the header names a column of times.
    Other files, hidden files, and texts whose first rows are not numbers are skipped; ``notes`` count and name them.

    Parameters
    ----------
    path : str or Path
        Folder of such files (no labels), or of one folder per class, optionally below folders of splits (``train``,
        ``val``, ``testing``): see :func:`img_repr.core.class_folders.read_class_folders`.
    group : str, optional
        Regular expression with one group in brackets, searched in the path below the folder: the person or device
        that a series comes from.
    skip_unreadable : bool
        Skip files and folders that cannot be read, with a note, instead of raising an error.

    Returns
    -------
    Dataset
        In the order of the sorted paths, which are the ``names``; ``samples`` is a list if lengths differ.

    Raises
    ------
    DataError
        If there is no series, a file cannot be read, or numbers or names of channels differ.

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
    found = read_class_folders(
        path, _is_sample, caller="folder", kind="series", group=group, skip_unreadable=skip_unreadable
    )
    kept, series, unreadable, columns = [], [], [], None
    for number, file in enumerate(found.files):
        try:
            one = _read_one(file)
        except DataError:
            if not skip_unreadable:
                raise
            unreadable.append(found.names[number])
            continue
        if one.columns is not None:
            columns = columns or one.columns
            one = one.with_columns(columns)
        kept.append(number)
        series.append(np.asarray(one.samples[0]))
    notes = found.notes
    if unreadable:
        notes = (*notes, f"left out {len(unreadable)} files that cannot be read: {name_some(unreadable)}")
    known = {"labels": found.labels, "groups": found.groups, "split": found.splits, "names": found.names}
    return assemble(
        path.resolve().name,
        path,
        series,
        notes=notes,
        columns=columns,
        **{word: None if column is None else np.array(column)[kept] for word, column in known.items()},
    )


def _is_sample(file: Path) -> bool:
    if not _may_be_series(file):
        return False
    try:
        with file.open("rb"):
            return _is_series_file(file)
    except OSError:
        return True  # the error on reading names it


def _read_one(file: Path) -> Dataset:
    if file.suffix.lower() == ".npy":
        array = _check_numbers(_read_arrays(file)["X"], file, (1, 2))
        return Dataset(file.stem, TIMESERIES, array[None])
    table = read_csv_table(file, roles=ROLES)
    has_role = any(plain_name(name) in ROLES for name in table.header or ())
    return load_csv(file, layout="wide" if len(table.rows) == 1 and not has_role else "long")
