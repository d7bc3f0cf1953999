"""Tables of text: one series per row (wide), or one row per time step (long)."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from img_repr.core.csv_reader import read_csv_table
from img_repr.core.csv_table import Column, CsvTable, is_table_name, plain_name
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import loader
from img_repr.core.table_roles import TableRoles, drop_unlabeled, find_roles, spoken
from img_repr.domains.timeseries.assembly import assemble, drop_padding, has_split_files, unevenly_spaced
from img_repr.domains.timeseries.sample import TIMESERIES
from img_repr.domains.timeseries.series_table import (
    ROLES,
    USUAL,
    Layout,
    choose_layout,
    free_columns,
    looks_like_series,
    only_steps,
)
from img_repr.domains.timeseries.step_names import step_order
from img_repr.domains.timeseries.ucr_format import SUFFIXES as UCR


def _recognizes(path: Path) -> bool:
    if not is_table_name(path) or not path.is_file() or has_split_files(path, UCR):
        return False
    return path.stat().st_size == 0 or looks_like_series(path)


@loader(TIMESERIES, recognizes=_recognizes)
def load_csv(
    path: str | Path,
    *,
    layout: Layout | None = None,
    label: Column | None = None,
    group: Column | None = None,
    time: Column | None = None,
    id: Column | None = None,
    split: Column | None = None,
    value: Column | Sequence[Column] | None = None,
    drop: Column | Sequence[Column] = (),
    header: bool | None = None,
    delimiter: str | None = None,
    columns: Sequence[str] | None = None,
) -> Dataset:
    r"""Load series from a table of text.

    Columns are set by name or by number from 0 (-1 is the last), or found by their usual names:
    ``label``, ``class``, ``target``, ``y``; ``group``, ``patient``, ``subject``, ``speaker``; ``time``, ``timestamp``,
    ``date``, ``t``; ``id``, ``series``; ``split``, ``fold``. ``notes`` list the roles of the columns. A cell is
    missing (NaN) if it is empty or holds one of the words of ``img_repr.core.csv_values.MISSING``.

    *Wide*: one series per row. If the header counts time steps (``t0 ... t427``, ``0 ... 99``, dates), other columns of
    numbers are dropped. Without a column of labels, a single column of text is the label; columns of numbers are never
    assumed to be labels. Missing cells at the end of a row shorten its series; those inside are NaN. A single column of
    values is one series.

    *Long*: one row per series and time step. All columns without a role are channels. Rows are sorted by time if there
    is one; without an id all rows are one series. Series are in the order of their first rows.

    Parameters
    ----------
    path : str or Path
        File in UTF-8.
    layout : {"wide", "long"}, optional
        Default: by the shape of the table. Long if ids repeat, or if there is a time, no id, and no more than one
        label; or if the header names a ``value``.
    label, group, time, id, split : str or int, optional
        Columns. In a wide table ``time`` is when the series was taken, ``Dataset.times``.
    value : str, int, or a sequence of these, optional
        Columns of the channels, or of the values.
    drop : str, int, or a sequence of these
        Columns to leave out. Those without a name are left out as well.
    header : bool, optional
        Whether the first row names the columns. Default: found, see :func:`img_repr.core.csv_table.read_csv_table`.
    delimiter : str, optional
        Default: found.
    columns : sequence of str, optional
        ``Dataset.columns`` of the training data: channels of a long table, in this order.

    Returns
    -------
    Dataset
        ``samples`` float64 ``(N, T)``, of several channels ``(N, C, T)``, or a list where lengths differ; ``columns``
        are the names of several channels.

    Raises
    ------
    DataError
        If the file is empty or not text, a column is missing, rows differ in their number of cells, or a cell is
        not a number; the message names file, line and column.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.domains.timeseries.csv_format import load_csv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "toy.csv")
    ...     _ = file.write_text("id,time,value,label\na,1,0.5,up\na,0,0.1,up\nb,0,3,down\nb,1,2,down\n")
    ...     data = load_csv(file)
    >>> data.samples.tolist(), data.labels.tolist(), data.notes
    ([[0.1, 0.5], [3.0, 2.0]], ['up', 'down'], ('2 series, one row per time step; label: label; times: time; ids: id',))
    """
    if layout not in (None, "wide", "long"):
        raise ParameterError(f"csv: expected layout to be 'wide' or 'long', got {layout!r:.40}")
    table = read_csv_table(Path(path), header=header, delimiter=delimiter, roles=ROLES)
    requested = {"label": label, "group": group, "time": time, "id": id, "split": split}
    roles = find_roles(table, requested, drop=drop, usual=USUAL)
    if label is None and len(roles.taken) == table.width and _is_called_y(table, roles.label):
        roles = replace(roles, label=None)  # "t,y": y is the value, not the class
    table = drop_unlabeled(table, roles)
    found = _chosen(table, value, columns, layout)
    notes: list[str] = []
    if found:
        both = next((at for at in found if at in roles.taken), None)
        if both is not None:
            raise DataError(f"{path}: expected values in other columns than roles, got {spoken(table, both)} for both")
        roles = roles.leave_out({*range(table.width)} - roles.taken - {*found})
        layout = layout or choose_layout(table, roles, found)
    else:
        found, roles, notes = free_columns(table, roles)
        layout = layout or choose_layout(table, roles, found)
        if layout == "wide":
            found, roles, said = only_steps(table, roles, found)
            notes += said
    load = _load_wide if layout == "wide" else _load_long
    return load(table, roles, found, [*table.notes, *notes]).with_columns(columns)


def _is_called_y(table: CsvTable, at: int | None) -> bool:
    return at is not None and table.header is not None and plain_name(table.header[at]) == "y"


def _chosen(
    table: CsvTable, value: Column | Sequence[Column] | None, columns: Sequence[str] | None, layout: Layout | None
) -> list[int]:
    """Return the columns of ``value``, or those of a model; none if some of the model's are missing."""
    if value is not None:
        found = table.find_all(value, "value")
        if not found or len({*found}) < len(found):
            raise DataError(f"{table.path}: expected columns for value=, each once, got {value!r:.80}")
        return found
    if columns is not None and layout != "wide" and {*columns} <= {*(table.header or ())}:
        return [at for at, name in enumerate(table.header or ()) if name in columns]
    return []


def _load_wide(table: CsvTable, roles: TableRoles, columns: list[int], notes: list[str]) -> Dataset:
    if table.header:
        order = step_order([table.header[at] for at in columns])
        if order != sorted(order):
            columns = [columns[at] for at in order]
            notes.append(f"the columns of values were put in the order of their numbers, {_span(table, columns)}")
    if roles.id is not None and roles.group is None and len({*table.cells(roles.id)}) < len(table.rows):
        roles = replace(roles, group=roles.id, id=None)  # rows of one id are not independent
    values = table.numbers(columns)
    if roles.label is None and _may_be_label(values):
        notes.append("the first column holds few integers and was read as values; as labels: label=0")
    one = len(columns) == 1 and not roles.named
    if table.header or roles.taken:
        what = f"one series of column {_span(table, columns)}" if one else f"one series per row, {len(columns)} value"
        notes.insert(0, f"{what}{'' if one else f' columns {_span(table, columns)}'}{roles.describe(table)}")
    if one:
        return assemble(table.path.stem, table.path, [values[:, 0]], notes=tuple(notes))
    series = [drop_padding(row) for row in values]
    for row, values_of_row in enumerate(series):
        if not len(values_of_row):
            raise DataError(f"{table.where(row)}: expected at least one value, got only missing ones")
    known, said = roles.known(table)
    return assemble(table.path.stem, table.path, series, notes=(*notes, *said), **known)


def _load_long(table: CsvTable, roles: TableRoles, columns: list[int], notes: list[str]) -> Dataset:
    values = table.numbers(columns)
    keys = table.texts(roles.id, "id")
    members: dict[str, list[int]] = {}
    for row in range(len(table.rows)):
        members.setdefault("" if keys is None else str(keys[row]), []).append(row)
    series, uneven = [], 0
    all_times = table.times(roles.time)
    for key, rows in members.items():
        for word in ("label", "group", "split"):
            _check_constant(table, getattr(roles, word), rows, key, word)
        order = np.array(rows)
        if all_times is not None:
            order = order[np.argsort(all_times[order], kind="stable")]
            times = all_times[order]
            twice = np.flatnonzero(np.diff(times) == 0)
            if len(twice):
                where = table.where(int(order[twice[0] + 1]))
                raise DataError(
                    f"{where}: expected one row per time in series {key!r}, got two; pass id=COLUMN to tell the "
                    "series apart, or layout='wide' (--load layout=wide) if each row is a series"
                )
            uneven += unevenly_spaced(times)
        series.append(values[order, 0] if len(columns) == 1 else values[order].T)
    heads = [rows[0] for rows in members.values()]
    names = tuple(table.name(at) for at in columns)
    channels = f" of {len(columns)} channels {_span(table, columns)}" if len(columns) > 1 else ""
    if table.header or roles.taken:
        notes.insert(0, f"{len(series)} series{channels}, one row per time step{roles.describe(table)}")
    if uneven:
        notes.append(f"the times of {uneven} of {len(series)} series are uneven; they were read as evenly spaced")
    known, said = replace(roles, time=None).known(table, heads)
    known["columns"] = names if table.header and 1 < len(names) == len({*names}) else None
    return assemble(table.path.stem, table.path, series, notes=(*notes, *said), **known)


def _span(table: CsvTable, columns: Sequence[int]) -> str:
    """Names of columns; of many, the first and the last."""
    names = [spoken(table, at) for at in columns]
    return ", ".join(names) if len(names) <= 4 else f"{names[0]} ... {names[-1]}"


def _check_constant(table: CsvTable, column: int | None, rows: list[int], key: str, word: str) -> None:
    if column is None:
        return
    first = table.rows[rows[0]][column].strip()
    for row in rows:
        cell = table.rows[row][column].strip()
        if cell != first:
            of = f"series {key!r}" if key else "the one series; id=NAME names the series"
            raise DataError(f"{table.where(row)}: expected one {word} per series, got {first!r} and {cell!r} in {of}")


def _may_be_label(values: np.ndarray) -> bool:
    if values.shape[1] < 3 or len(values) < 4 or np.isnan(values).any():
        return False
    whole = (values == np.round(values)).all(axis=0)
    return bool(whole[0] and not whole[1:].any() and len(np.unique(values[:, 0])) <= len(values) // 2)
