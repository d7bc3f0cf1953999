"""The ``.ts`` format of aeon, sktime and timeseriesclassification.com."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.loader import loader
from img_repr.domains.timeseries.assembly import assemble, find_parts, has_parts, part_column, unevenly_spaced
from img_repr.domains.timeseries.parsing import (
    numbered_lines,
    parse_label,
    parse_numbers,
    parse_time,
    read_text,
)
from img_repr.domains.timeseries.sample import TIMESERIES

_FLAGS = ("timestamps", "missing", "univariate", "equallength", "classlabel", "targetlabel")
_COUNTS = ("dimensions", "serieslength")
_COLON = re.compile(r":(?![^(]*\))")  # between dimensions, not inside the (time, value) of a date
_PAIR = re.compile(r"\(([^()]*),([^(),]*)\)")


def _recognises(path: Path) -> bool:
    return (path.suffix == ".ts" and path.is_file()) or (path.is_dir() and has_parts(path, (".ts",)))


@loader(TIMESERIES, recognises=_recognises)
def load_ts(path: str | Path) -> Dataset:
    r"""Load a data set from ``.ts`` files: one series or several dimensions, equal lengths or not.

    The header (``@univariate``, ``@classLabel``, ... up to ``@data``) is read without regard to case.
    Dimensions are separated by colons, values by commas, ``?`` is a missing value (NaN). With ``@timeStamps
    true`` values stand as ``(time,value)``: they are taken in their order as evenly spaced, and a note says
    where they are not.

    Parameters
    ----------
    path : str or Path
        Folder of ``{Name}_TRAIN.ts`` and ``{Name}_TEST.ts``, either of these, or one file of any name. A part
        alone has no published split (``parts`` is None, and a note says so).

    Returns
    -------
    Dataset
        ``samples`` float64 ``(N, T)`` of one dimension, else ``(N, C, T)``; a list where lengths differ.
        Labels are text, ``None`` under ``@classLabel false``.

    Raises
    ------
    DataError
        If the header or a line is not as above, the header's counts do not hold, or the targets are numbers
        to regress (``@targetLabel true``); the message names file and line.

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
    name, files = find_parts(Path(path), (".ts",))
    series: list[np.ndarray] = []
    labels: list[str | None] = []
    counts, found = {}, []
    for part, file in files.items():
        rows, classes, notes = _read(file)
        series += rows
        labels += classes
        found += notes
        counts[part] = len(rows)
    if any(label is None for label in labels) and any(label is not None for label in labels):
        raise DataError(f"{path}: expected labels in both parts or in none, got them in one")
    parts, alone = part_column(counts)
    known = None if labels[0] is None else np.array(labels)
    return assemble(name, Path(path), series, labels=known, parts=parts, notes=(*found, *alone))


def _read(file: Path) -> tuple[list[np.ndarray], list[str | None], list[str]]:
    lines = numbered_lines(read_text(file))
    header = _read_header(file, lines)
    labelled, stamped = header["classlabel"][0] == "true", header.get("timestamps", ["false"])[0] == "true"
    length = int(header["serieslength"][0]) if "serieslength" in header else None
    equal = header.get("equallength", ["false"])[0] == "true"
    channels = int(header["dimensions"][0]) if "dimensions" in header else None
    if header.get("univariate", ["false"])[0] == "true":
        channels = 1
    series: list[np.ndarray] = []
    labels: list[str | None] = []
    uneven = 0
    for number, line in lines:
        if line.lstrip().startswith("#"):
            continue
        where = f"{file} line {number}"
        fields = _COLON.split(line.strip()) if stamped else line.strip().split(":")
        labels.append(_read_label(fields.pop(), where) if labelled else None)
        channels = channels or len(fields)
        if len(fields) != channels:
            raise DataError(f"{where}: expected {channels} dimensions{' and a label' * labelled}, got {len(fields)}")
        rows = []
        for field in fields:
            if stamped:
                field, odd = _drop_times(field, where)
                uneven += odd
            cells = field.split(",")
            rows.append(parse_numbers(cells, where, [f"value {k}" for k in range(1, len(cells) + 1)]))
        if len({len(row) for row in rows}) != 1:
            raise DataError(f"{where}: expected dimensions of one length, got {sorted({len(row) for row in rows})}")
        if equal:
            length = length or len(rows[0])
            if len(rows[0]) != length:
                raise DataError(f"{where}: expected {length} values under @equalLength true, got {len(rows[0])}")
        series.append(np.array(rows[0] if channels == 1 else rows))
    if not series:
        raise DataError(f"{file}: expected series after @data, got none")
    note = f"{file.name}: the times of {uneven} rows are uneven; they were read as evenly spaced"
    return series, labels, [note] if stamped and uneven else []


def _read_header(file: Path, lines: Iterator[tuple[int, str]]) -> dict[str, list[str]]:
    """Words after each tag, by the tag in small letters; leaves ``lines`` behind ``@data``."""
    header: dict[str, list[str]] = {}
    for number, line in lines:
        where = f"{file} line {number}"
        if line.lstrip().startswith(("#", "%")):
            continue
        if not line.startswith("@"):
            raise DataError(f"{where}: expected a tag such as @univariate before @data, got {line!r:.40}")
        tag, *words = line[1:].split()
        tag = tag.lower()
        if tag == "data":
            break
        if tag in _FLAGS and (not words or words[0].lower() not in ("true", "false")):
            raise DataError(f"{where}: expected @{tag} true or false, got {' '.join(words)!r:.40}")
        if tag in _COUNTS and (not words or not words[0].isdecimal() or int(words[0]) < 1):
            raise DataError(f"{where}: expected @{tag} and a whole number above 0, got {' '.join(words)!r:.40}")
        header[tag] = [words[0].lower(), *words[1:]] if tag in _FLAGS else words
    else:
        raise DataError(f"{file}: expected a line @data, got none")
    if header.get("targetlabel", ["false"])[0] == "true":
        raise DataError(f"{file}: expected classes (@classLabel), got numbers to regress (@targetLabel true)")
    header.setdefault("classlabel", ["false"] if "targetlabel" in header else [])
    if not header["classlabel"]:
        raise DataError(f"{file}: expected @classLabel true or false in the header, got none")
    return header


def _read_label(field: str, where: str) -> str:
    if "," in field or "(" in field:
        raise DataError(f"{where}: expected a label after the last colon, got values: {field!r:.40}")
    return parse_label(field, where)


def _drop_times(field: str, where: str) -> tuple[str, bool]:
    """Values of ``(time,value),(time,value)`` separated by commas, and whether the times are uneven."""
    pairs = _PAIR.findall(field)
    if not pairs or _PAIR.sub("", field).strip(", "):
        raise DataError(f"{where}: expected (time,value) pairs under @timeStamps true, got {field!r:.40}")
    try:
        odd = unevenly_spaced(np.array([parse_time(time) for time, _ in pairs]))
    except ValueError:  # a date of another form: its order is the file's
        odd = False
    return ",".join(value for _, value in pairs), odd
