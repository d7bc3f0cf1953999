"""Shared by the loaders of series: files of a published split, and series combined into a data set."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.core.csv_values import label_texts
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.file_tree import text_of
from img_repr.domains.timeseries.sample import TIMESERIES

_PART_OF_SET = re.compile(r"(?P<name>.+)_(?P<part>TRAIN|TEST)")


def drop_padding(values: np.ndarray) -> np.ndarray:
    """Remove the missing values at the end of a series ``(T,)``, but not those inside."""
    known = np.flatnonzero(~np.isnan(values))
    return values[: known[-1] + 1 if len(known) else 0]


def unevenly_spaced(times: np.ndarray) -> bool:
    """Whether the time steps of a series differ by more than a thousandth of their mean."""
    steps = np.diff(times)
    return len(steps) > 0 and bool(np.ptp(steps) > 1e-3 * np.abs(steps).mean())


def assemble(name: str, source: Path, series: Sequence[np.ndarray], **known: Any) -> Dataset:
    """Combine series into a data set: one float64 array if they have one length, else a list.

    Parameters
    ----------
    name, source
        Name in tables; path for messages.
    series : sequence of ndarray, shape (T,) or (C, T)
    **known
        ``labels``, ``groups``, ``times``, ``split``, ``notes`` of :class:`Dataset`.

    Raises
    ------
    DataError
        If there is no series, a series is empty or infinite, or numbers of channels differ.
    """
    if not len(series):
        raise DataError(f"{source}: expected at least one series, got none")
    for number, one in enumerate(series):
        if one.shape[:-1] != series[0].shape[:-1]:
            raise DataError(
                f"{source}: expected {_channels(series[0])} channels in every series, "
                f"got {_channels(one)} in series number {number}"
            )
        if not one.shape[-1]:
            raise DataError(f"{source}: expected at least one value in every series, got none in number {number}")
        if np.isinf(one).any():
            raise DataError(f"{source}: expected finite values, got infinity in series number {number}")
    arrays = [np.asarray(one, dtype=np.float64) for one in series]
    samples = np.stack(arrays) if len({one.shape for one in arrays}) == 1 else arrays
    if arrays[0].ndim == 2 and arrays[0].shape[0] > arrays[0].shape[1]:
        channels, length = arrays[0].shape
        note = (
            f"series of {channels} channels and {length} values, (N, C, T); if they came as (N, T, C), transpose them"
        )
        known["notes"] = (*known.get("notes", ()), note)
    return Dataset(text_of(name), TIMESERIES, samples, **known)


def _channels(series: np.ndarray) -> int:
    return series.shape[0] if series.ndim == 2 else 1


def labels_of_files(files: Sequence[Sequence[str]]) -> list[str]:
    """Return the labels of several files of one data set, written the same way in each.

    Examples
    --------
    >>> from img_repr.domains.timeseries.assembly import labels_of_files
    >>> labels_of_files([["1.0000e+00"], ["1"]]), labels_of_files([["1.0"], ["1.5"]]), labels_of_files([["01"], ["1"]])
    (['1', '1'], ['1.0', '1.5'], ['01', '1'])
    """
    apart = [text for labels in files for text in label_texts(labels)]
    if all(re.fullmatch(r"[+-]?\d+", text) for text in apart):  # one file may write integers as floats, another not
        return apart
    return label_texts(label for labels in files for label in labels)


def has_split_files(path: Path, suffixes: Sequence[str]) -> bool:
    """Whether a path is ``{Name}_TRAIN`` or ``_TEST`` with one of the suffixes, or a folder with such a file."""
    try:
        files = path.iterdir() if path.is_dir() else [path]
        return any(
            file.suffix.lower() in suffixes and _PART_OF_SET.fullmatch(file.stem) for file in files if file.is_file()
        )
    except OSError:
        return False


def find_split_files(path: Path, suffixes: Sequence[str]) -> tuple[str, dict[str, Path]]:
    """Return the name of the data set at a path, and its files by split, ``"train"`` first.

    Parameters
    ----------
    path : Path
        Folder of ``{Name}_TRAIN`` and ``{Name}_TEST``, or either file; or a file of another name, which is returned
        alone as the split ``""``.
    suffixes : sequence of str
        Suffixes of the format, the preferred first, in upper or lower case.

    Raises
    ------
    DataError
        If a folder cannot be read, holds no such file, or those of several sets.
    """
    if not path.is_dir():
        match = _PART_OF_SET.fullmatch(path.stem)
        if match is None or not path.is_file():
            return path.stem, {"": path}
        neighbors = _split_files_in(path.parent, path.suffix.lower())
        pair = {part: neighbors.get((match["name"], part.upper())) for part in ("train", "test")}
        return match["name"], {**{part: file for part, file in pair.items() if file}, match["part"].lower(): path}
    for suffix in suffixes:
        found = _split_files_in(path, suffix)
        names = sorted({name for name, _ in found})
        if path.name in names:
            names = [path.name]
        if len(names) > 1:
            raise DataError(
                f"{path}: expected the files of one data set, got those of {', '.join(names)}; name one file"
            )
        if names:
            pair = {part: found.get((names[0], part.upper())) for part in ("train", "test")}
            return names[0], {part: file for part, file in pair.items() if file}
    wanted = " or ".join(f"*_TRAIN{suffix}" for suffix in suffixes)
    raise DataError(f"{path}: expected a folder that holds {wanted}, got none in it")


def _split_files_in(folder: Path, suffix: str) -> dict[tuple[str, str], Path]:
    """Files ``{Name}_TRAIN`` and ``{Name}_TEST`` with a suffix in a folder, by name and part."""
    try:
        files = [file for file in sorted(folder.iterdir()) if file.suffix.lower() == suffix and file.is_file()]
    except OSError as error:
        raise DataError(f"{folder}: expected a folder that can be read, got: {error.strerror}") from None
    matches = {file: match for file in files if (match := _PART_OF_SET.fullmatch(file.stem))}
    return {(match["name"], match["part"]): file for file, match in matches.items()}


def split_column(counts: dict[str, int]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Return the column ``split`` for the samples of each split in turn, and a note if there is only one."""
    if len(counts) == 2:
        return np.repeat(list(counts), list(counts.values())), ()
    (part,) = counts
    return None, (f"only the {part} part is here, so the set has no published split",) if part else ()
