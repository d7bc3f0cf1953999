"""The ``.ts`` format of aeon, sktime and timeseriesclassification.com."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from img_repr.core.csv_reader import read_text
from img_repr.core.csv_values import as_text, is_nameless, label_texts, parse_number, parse_time
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.loader import loader
from img_repr.domains.timeseries.assembly import (
    assemble,
    find_split_files,
    has_split_files,
    labels_of_files,
    split_column,
    unevenly_spaced,
)
from img_repr.domains.timeseries.sample import TIMESERIES

_FLAGS = ("timestamps", "missing", "univariate", "equallength", "classlabel", "targetlabel")
_COUNTS = ("dimensions", "serieslength")
_ALIASES = {"dimension": "dimensions", "numdimensions": "dimensions", "numberofdimensions": "dimensions"}
_OTHER = (".arff",)
_COLON = re.compile(r":(?![^(]*\))")  # between dimensions, not inside the (time, value) of a date
_PAIR = re.compile(r"\(([^()]*),([^(),]*)\)")


def _recognizes(path: Path) -> bool:
    if path.is_dir():  # a folder of ARFF files alone is taken for a sentence that names .ts
        return has_split_files(path, (".ts",)) or (
            has_split_files(path, _OTHER) and not has_split_files(path, (".tsv", ".txt", ".csv", ""))
        )
    return path.suffix.lower() in (".ts", *_OTHER) and path.is_file()


@loader(TIMESERIES, recognizes=_recognizes)
def load_ts(path: str | Path) -> Dataset:
    r"""Load a data set from ``.ts`` files: one series or several dimensions, equal lengths or not.

    The header (``@univariate``, ``@classLabel``, ... up to ``@data``) is read without regard to case.
    Dimensions are separated by colons, values by commas, ``?`` is a missing value (NaN). With ``@timeStamps
    true`` values are written as ``(time,value)``: they are read in their order as evenly spaced, and a note says if
    they are not. With ``@targetLabel true`` the labels are the numbers to regress, as text.

    Parameters
    ----------
    path : str or Path
        Folder of ``{Name}_TRAIN.ts`` and ``{Name}_TEST.ts``, either of these, or one file of any name. A single
        file has no published split (``split`` is None, and a note says so).

    Returns
    -------
    Dataset
        ``samples`` float64 ``(N, T)`` of one dimension, else ``(N, C, T)``; a list if lengths differ.
        Labels are text, ``None`` with ``@classLabel false``.

    Raises
    ------
    DataError
        If the header or a line is invalid, or contradicts the header's counts; the message names file and line.

    References
    ----------
    The file format specification of aeon.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.domains.timeseries.ts_format import load_ts
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "toy.ts")
    ...     _ = file.write_text("@classLabel true a b\n@data\n1,2,?:4,5,6:a\n7,8,9:1,2,3:b\n")
    ...     data = load_ts(file)
    >>> data.samples.shape, data.labels.tolist()
    ((2, 2, 3), ['a', 'b'])
    """
    path = Path(path)
    if path.suffix.lower() in _OTHER or (
        path.is_dir() and has_split_files(path, _OTHER) and not has_split_files(path, (".ts",))
    ):
        raise DataError(f"{path}: expected .ts files, got ARFF; the archive offers the same data sets as .ts files")
    name, files = find_split_files(path, (".ts",))
    series: list[np.ndarray] = []
    labels: list[list[str] | None] = []
    counts: dict[str, int] = {}
    notes: list[str] = []
    for part, file in files.items():
        rows, classes, said = _read(file)
        series += rows
        labels.append(classes)
        notes += [one for one in said if one not in notes]
        counts[part] = len(rows)
    labeled = [classes for classes in labels if classes is not None]
    if 0 < len(labeled) < len(labels):
        raise DataError(f"{path}: expected labels in both parts or in none, got them in one")
    parts, alone = split_column(counts)
    known = np.array(labels_of_files(labeled)) if labeled else None
    return assemble(name, path, series, labels=known, split=parts, notes=(*notes, *alone))


def _numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that are neither blank nor comments, with their numbers from 1."""
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.strip()
        if line and not line.startswith(("#", "%")):
            yield number, line


def _read(file: Path) -> tuple[list[np.ndarray], list[str] | None, list[str]]:
    lines = _numbered_lines(read_text(file))
    header = _read_header(file, lines)
    regression = header["targetlabel"][0] == "true"
    labeled, stamped = regression or header["classlabel"][0] == "true", header.get("timestamps", ["false"])[0] == "true"
    length = int(header["serieslength"][0]) if "serieslength" in header else None
    equal = header.get("equallength", ["false"])[0] == "true"
    channels = int(header["dimensions"][0]) if "dimensions" in header else None
    if header.get("univariate", ["false"])[0] == "true":
        channels = 1
    series: list[np.ndarray] = []
    labels: list[str] = []
    declared = header["classlabel"][1:]
    uneven = 0
    for number, line in lines:
        where = f"{file} line {number}"
        fields = _COLON.split(line) if stamped else line.split(":")
        if labeled:
            label = _read_label(fields.pop(), where, number=regression)
            short = label_texts([label])[0]  # 1.0 where the header declares 1
            labels.append(short if label not in declared and short in declared else label)
        channels = channels or len(fields)
        if len(fields) != channels:
            raise DataError(f"{where}: expected {channels} dimensions{' and a label' * labeled}, got {len(fields)}")
        rows = []
        for field in fields:
            if stamped:
                field, odd = _drop_times(field, where)
                uneven += odd
            rows.append(_read_values(field, where))
        if len({len(row) for row in rows}) != 1:
            raise DataError(f"{where}: expected dimensions of one length, got {sorted({len(row) for row in rows})}")
        if equal:
            length = length or len(rows[0])
            if len(rows[0]) != length:
                raise DataError(f"{where}: expected {length} values under @equalLength true, got {len(rows[0])}")
        series.append(np.array(rows[0] if channels == 1 else rows))
    if not series:
        raise DataError(f"{file}: expected series after @data, got none")
    notes = []
    if uneven:
        notes.append(f"{file.name}: the times of {uneven} rows are uneven; they were read as evenly spaced")
    if regression:
        notes.append(
            "@targetLabel true: the labels are numbers to regress, as text; train them with "
            "Trainer(task=Regression(1)) on labels.astype(float); a classifier treats each number as a class"
        )
    return series, labels if labeled else None, notes


def _read_header(file: Path, lines: Iterator[tuple[int, str]]) -> dict[str, list[str]]:
    """Words after each tag, by the tag in lower case; advances ``lines`` past ``@data``."""
    header: dict[str, list[str]] = {}
    for number, line in lines:
        where = f"{file} line {number}"
        if not line.startswith("@"):
            raise DataError(f"{where}: expected a tag such as @univariate before @data, got {line!r:.40}")
        tag, *words = line[1:].split() or [""]
        tag = _ALIASES.get(tag.lower().rstrip(":"), tag.lower().rstrip(":"))
        if tag == "data":
            break
        if tag in _FLAGS and (not words or words[0].lower() not in ("true", "false")):
            raise DataError(f"{where}: expected @{tag} true or false, got {' '.join(words)!r:.40}")
        if tag in _COUNTS and (not words or not words[0].isdecimal() or int(words[0]) < 1):
            raise DataError(f"{where}: expected @{tag} and an integer above 0, got {' '.join(words)!r:.40}")
        header[tag] = [words[0].lower(), *words[1:]] if tag in _FLAGS else words
    else:
        raise DataError(f"{file}: expected a line @data, got none")
    if not {"classlabel", "targetlabel"} & {*header}:
        raise DataError(f"{file}: expected @classLabel or @targetLabel, true or false, in the header, got neither")
    return {"classlabel": ["false"], "targetlabel": ["false"]} | header


def _read_values(field: str, where: str) -> list[float]:
    values = []
    for number, cell in enumerate(field.split(","), start=1):
        try:
            values.append(parse_number(cell))
        except ValueError:
            raise DataError(f"{where} value {number}: expected a number, got {cell.strip()!r:.40}") from None
    return values


def _read_label(field: str, where: str, *, number: bool) -> str:
    if "," in field or "(" in field:
        raise DataError(f"{where}: expected a label after the last colon, got values: {field!r:.40}")
    label = as_text(field)
    if is_nameless(label):
        raise DataError(f"{where}: expected a label, got {label!r}")
    try:
        if number and not np.isfinite(parse_number(label)):
            raise ValueError(label)
    except ValueError:
        raise DataError(f"{where}: expected a finite number under @targetLabel true, got {label!r:.40}") from None
    return label


def _drop_times(field: str, where: str) -> tuple[str, bool]:
    """Values of ``(time,value),(time,value)`` separated by commas, and whether the times are uneven."""
    pairs = _PAIR.findall(field)
    if not pairs or _PAIR.sub("", field).strip(", "):
        raise DataError(f"{where}: expected (time,value) pairs under @timeStamps true, got {field!r:.40}")
    try:
        odd = unevenly_spaced(np.array([parse_time(time) for time, _ in pairs]))
    except ValueError:  # a date in another format: the order of the file is kept
        odd = False
    return ",".join(value for _, value in pairs), odd
