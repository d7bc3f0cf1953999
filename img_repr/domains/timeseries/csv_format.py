"""Tables of text: one series per row (wide), or one value per row (long)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import loader
from img_repr.domains.timeseries.assembly import assemble, drop_padding, has_parts, unevenly_spaced
from img_repr.domains.timeseries.parsing import is_missing, is_number
from img_repr.domains.timeseries.sample import TIMESERIES
from img_repr.domains.timeseries.table import (
    GROUP,
    ID,
    LABEL,
    TIME,
    VALUE,
    Column,
    Table,
    looks_like_series,
    read_table,
)
from img_repr.domains.timeseries.ucr_format import SUFFIXES as UCR


def _recognises(path: Path) -> bool:
    if path.suffix not in (".csv", ".tsv", ".txt") or not path.is_file() or has_parts(path, UCR):
        return False
    return path.stat().st_size == 0 or looks_like_series(path)


@loader(TIMESERIES, recognises=_recognises)
def load_csv(
    path: str | Path,
    *,
    layout: Literal["wide", "long"] | None = None,
    label: Column | None = None,
    id: Column | None = None,
    time: Column | None = None,
    value: Column | Sequence[Column] | None = None,
    group: Column | None = None,
    header: bool | None = None,
    delimiter: str | None = None,
) -> Dataset:
    r"""Load series from a table of text.

    Columns are given by name or by number from 0 (-1 is the last). What is not given is found by the header,
    in any case of letters: ``label``, ``class``, ``target`` or ``y``; ``id``, ``series_id``, ``series`` or
    ``case_id``; ``time``, ``timestamp``, ``datetime``, ``date`` or ``t``; ``value`` or ``values``; ``group``.
    A cell is missing (NaN) that is empty or says ``?``, ``NA``, ``N/A``, ``NaN``, ``null`` or ``none``.

    *Wide*: one series per row. Without a column for labels, the one column of words is it; with none of
    these, or several, or numbers that are labels, ask for it: no number is guessed to be one. Columns of ids,
    and one without a name in the header, are left out. Missing cells at the end of a row make its series
    shorter; those inside stay. One column of values alone is one series.

    *Long*: one row per series and time. All columns without another role are channels, in their order. Rows
    are sorted by time, or stay as they are without one; without an id all are one series. Series come as they
    first appear.

    Parameters
    ----------
    path : str or Path
        File in UTF-8.
    layout : {"wide", "long"}, optional
        Default: long if ``id``, ``time`` or ``value`` is given, or the header names a time or a value.
    label, id, time, group : str or int, optional
        Columns. In a wide table ``time`` is when the series was taken, ``Dataset.times``.
    value : str, int, or a sequence of these, optional
        Columns of the channels, or of the values.
    header, delimiter : optional
        Whether the first row names the columns, and what separates cells. Default: found, see
        :func:`read_table`.

    Returns
    -------
    Dataset
        ``samples`` float64 ``(N, T)``, of several channels ``(N, C, T)``, or a list where lengths differ.

    Raises
    ------
    DataError
        If the file is empty or no text, a column is missing, a row has another number of cells, or a cell is
        no number; the message names file, line and column.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.domains.timeseries.csv_format import load_csv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "toy.csv")
    ...     _ = file.write_text("id,time,value,label\na,1,0.5,up\na,0,0.1,up\nb,0,3,down\nb,1,2,down\n")
    ...     data = load_csv(file)
    >>> data.samples.tolist(), data.labels.tolist()
    ([[0.1, 0.5], [3.0, 2.0]], ['up', 'down'])
    """
    if layout not in (None, "wide", "long"):
        raise ParameterError(f"csv: expected layout to be 'wide' or 'long', got {layout!r}")
    table = read_table(Path(path), header=header, delimiter=delimiter)
    named = {name.strip().lower() for name in table.header or ()}
    if layout is None:
        asked = any(column is not None for column in (id, time, value))
        layout = "long" if asked or named & {*TIME, *VALUE} else "wide"
    roles = {
        "label": table.find(label, LABEL, "label"),
        "id": table.find(id, ID, "id"),
        "time": table.find(time, TIME, "time"),
        "group": table.find(group, GROUP, "group"),
    }
    if layout == "long" and label is None and len(_taken(roles)) == table.width:
        roles["label"] = None  # "t,y": y is then no class but the value
    given = [value] if isinstance(value, (str, int)) else list(value or ())
    channels = [at for one in given if (at := table.find(one, (), "value")) is not None]
    return (_load_wide if layout == "wide" else _load_long)(table, roles, channels)


def _load_wide(table: Table, roles: dict[str, int | None], columns: list[int]) -> Dataset:
    notes = []
    if roles["label"] is None and not columns:
        roles = roles | {"label": _only_words(table, _taken(roles))}
    if not columns:
        unnamed = [at for at, name in enumerate(table.header or ()) if not name.strip()]
        columns = [at for at in range(table.width) if at not in _taken(roles) and at not in unnamed]
        left_out = sorted({*unnamed, *_taken({"id": roles["id"]})} - _taken(roles | {"id": None}))
        notes = [f"{table.title(at)} of the table was left out, it holds no values" for at in left_out]
    _check_some(table, columns)
    values = table.numbers(columns)
    if roles["label"] is None and _may_be_label(values):
        notes.append("the first column holds few whole numbers and was read as values; as labels: label=0")
    if len(columns) == 1 and roles["label"] is None:
        return assemble(table.path.stem, table.path, [values[:, 0]], notes=tuple(notes))
    series = [drop_padding(row) for row in values]
    for row, one in enumerate(series):
        if not len(one):
            raise DataError(f"{table.where(row)}: expected at least one value, got only missing ones")
    rows = range(len(table.rows))
    return assemble(
        table.path.stem,
        table.path,
        series,
        labels=table.labels(roles["label"], rows),
        groups=table.labels(roles["group"], rows),
        times=table.times(roles["time"], rows),
        notes=tuple(notes),
    )


def _load_long(table: Table, roles: dict[str, int | None], columns: list[int]) -> Dataset:
    columns = columns or [at for at in range(table.width) if at not in _taken(roles)]
    _check_some(table, columns)
    values = table.numbers(columns)
    keys = table.labels(roles["id"], range(len(table.rows)))
    members: dict[str, list[int]] = {}
    for row in range(len(table.rows)):
        members.setdefault("" if keys is None else str(keys[row]), []).append(row)
    series, uneven = [], 0
    for key, rows in members.items():
        for word in ("label", "group"):
            _check_constant(table, roles[word], rows, key, word)
        order = np.array(rows)
        times = table.times(roles["time"], rows)
        if times is not None:
            sorting = np.argsort(times, kind="stable")
            order, times = order[sorting], times[sorting]
            twice = np.flatnonzero(np.diff(times) == 0)
            if len(twice):
                where = table.where(order[twice[0] + 1])
                raise DataError(f"{where}: expected one row per time in series {key!r}, got two")
            uneven += unevenly_spaced(times)
        series.append(values[order, 0] if len(columns) == 1 else values[order].T)
    heads = [rows[0] for rows in members.values()]
    note = f"the times of {uneven} of {len(series)} series are uneven; they were read as evenly spaced"
    return assemble(
        table.path.stem,
        table.path,
        series,
        labels=table.labels(roles["label"], heads),
        groups=table.labels(roles["group"], heads),
        notes=(note,) if uneven else (),
    )


def _taken(roles: dict[str, int | None]) -> set[int]:
    return {at for at in roles.values() if at is not None}


def _check_some(table: Table, columns: list[int]) -> None:
    if not columns:
        raise DataError(f"{table.path}: expected a column of values, got only columns of other roles")


def _check_constant(table: Table, column: int | None, rows: list[int], key: str, word: str) -> None:
    if column is None:
        return
    first = table.rows[rows[0]][column].strip()
    for row in rows:
        cell = table.rows[row][column].strip()
        if cell != first:
            where = table.where(row)
            raise DataError(f"{where}: expected one {word} per series, got {first!r} and {cell!r} in {key!r}")


def _only_words(table: Table, taken: set[int]) -> int | None:
    """Find the one column that holds no number in any row."""
    found = [
        at
        for at in range(table.width)
        if at not in taken and all(not is_number(row[at]) and not is_missing(row[at]) for row in table.rows)
    ]
    return found[0] if len(found) == 1 else None


def _may_be_label(values: np.ndarray) -> bool:
    if values.shape[1] < 3 or len(values) < 4 or np.isnan(values).any():
        return False
    whole = (values == np.round(values)).all(axis=0)
    return bool(whole[0] and not whole[1:].any() and len(np.unique(values[:, 0])) <= len(values) // 2)
