"""JSON objects to columns of events: one event or one trace per object; recordings of rrweb too."""

import reprlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from img_repr.core.csv_values import is_missing, parse_number
from img_repr.core.errors import DataError
from img_repr.core.numbers import is_number
from img_repr.core.pointer_columns import is_pointer_header, time_unit_in
from img_repr.domains.mouse.column_roles import NAMING, NEEDED, Columns, expect_needed, find_columns
from img_repr.domains.mouse.event_file import EventColumns, EventFile, file_of
from img_repr.domains.mouse.rows import Rows, Words
from img_repr.domains.mouse.time_unit import moment_of

_LISTS = ("events", "trace", "points", "path", "trajectory", "positions", "mouse_tracking_data", "data")


class Records(NamedTuple):
    """Objects as a file of events, and whether each of them is a whole trace."""

    file: EventFile
    per_record: bool


def read_records(
    path: Path,
    records: Sequence[tuple[int, Mapping[str, Any]]],
    requested: Columns,
    *,
    meanings: Mapping[str, str] | None,
    order: str | None = None,
    broken: int = 0,
    notes: tuple[str, ...] = (),
) -> Records:
    """Read objects: an event each, or a trace each, as lists of values or as a list of events.

    Parameters
    ----------
    path : Path
        For messages.
    records : sequence of (int, mapping)
        Objects with the numbers of their lines.
    requested : Columns
        Keys with other than their usual names; keys of nested objects have a dot, ``data.x``.
    meanings : mapping of str to str or None
        As in :func:`file_of`.
    order : {"txy", "xyt"}, optional
        Order of the three numbers of a point. Default: time is the one that never decreases.
    broken, notes
        As in :class:`EventColumns`.

    Raises
    ------
    DataError
        If keys or numbers are missing; the message names the line.
    """
    flat = [(line, _with_lists(record)) for line, record in without_rrweb(records)]
    order, said = _find_order(flat, order)
    flat = [(line, _with_points(record, order, f"{path} line {line}")) for line, record in flat]
    head = next((record for _, record in flat if is_pointer_header(record)), flat[0][1] if flat else {})
    names = list(dict.fromkeys((*sorted(head, key=lambda key: not isinstance(head[key], list)), *_keys(flat))))
    roles = find_columns(names, requested, path)
    expect_needed(roles, names, path)
    keys = {role: names[positions[0]] for role, positions in roles.items()}
    states = [names[at] for at in roles.get("state", ())]
    per_record = any(isinstance(record.get(keys["x"]), list) for _, record in flat)
    numbers: dict[str, list[float]] = {role: [] for role in NEEDED}
    columns: dict[tuple[str, str], list[str]] = {
        (role, name): []
        for role, positions in roles.items()
        if role not in NEEDED
        for name in (states if role == "state" else [names[positions[0]]])
    }
    piece: list[int] = []
    dated, empty = False, 0
    for line, record in flat:
        where = f"{path} line {line}"
        if per_record and not isinstance(record.get(keys["x"]), list):
            empty += 1
            continue
        count, is_date = _add_numbers(numbers, record, keys, where)
        dated |= is_date
        for (role, name), column in columns.items():
            column += _words(record.get(name), count, f"{where} {name!r}")
            if role in NAMING and not per_record and count and not column[-1].strip():
                raise DataError(f"{where} {name!r}: expected a {role}, got none; drop={name!r} leaves the key out")
        piece += [line if per_record else 0] * count
    if per_record:  # a trace without a session is a session by itself
        at = next((key for key in columns if key[0] == "session"), ("session", "session"))
        named = columns.pop(at, [""] * len(piece))
        columns[at] = [word or str(number) for word, number in zip(named, piece, strict=True)]
    said = (*notes, *said, *([f"left out {empty} rows without a list of {keys['x']!r}"] if empty else []))
    words: dict[str, dict[str, Words]] = {}
    for (role, name), column in columns.items():
        words.setdefault(role, {})[repr(name)] = Words.of(column)
    t, x, y = (np.array(numbers[role], np.float64) for role in NEEDED)
    rows = Rows.of(t, x, y).but(piece=np.array(piece, np.int64))
    found = EventColumns(rows, words, dated, broken, said)
    return Records(file_of(path, found, unit=time_unit_in(keys["time"]), meanings=meanings), per_record)


def _keys(records: Sequence[tuple[int, Mapping[str, Any]]]) -> list[str]:
    return list(dict.fromkeys(key for _, record in records for key in record))


def is_record_of_pointer(record: Mapping[str, Any]) -> bool:
    """Whether an object is an event of a pointer, or a trace; never raises."""
    try:
        events = [_with_points(_with_lists(one), "txy", "") for _, one in without_rrweb([(1, record)])]
    except DataError:
        return False
    return any(map(is_pointer_header, events))


def _flatten(record: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten nested objects to dotted keys, one level deep."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, Mapping):
            prefix = "" if key in _LISTS else f"{key}."
            flat |= {f"{prefix}{inner}": one for inner, one in value.items() if not isinstance(one, Mapping)}
        else:
            flat[key] = value
    return flat


def _with_lists(record: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten a record; a list of events becomes one list per key of the events."""
    flat = _flatten(record)
    for key in _LISTS:
        events = record.get(key)
        if isinstance(events, list) and events and all(isinstance(event, dict) for event in events):
            events = [_flatten(event) for event in events]
            known = dict.fromkeys(key for event in events for key in event)
            return {key: [event.get(key) for event in events] for key in known} | {
                name: value for name, value in flat.items() if name != key and name not in known
            }
    return flat


def _points_of(record: Mapping[str, Any]) -> tuple[str, list[Any]] | None:
    """Key and points of a record whose points are lists of numbers."""
    for key in _LISTS:
        points = record.get(key)
        if isinstance(points, list) and points and all(isinstance(point, list) for point in points):
            return key, points
    return None


def _find_order(records: Sequence[tuple[int, Mapping[str, Any]]], order: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the order of the numbers of points: time first, or else last."""
    if order is not None:
        return order, ()
    falls, seen = False, False
    for _, record in records:
        found = _points_of(record)
        if found is not None:
            seen = True
            first = [point[0] for point in found[1] if point and isinstance(point[0], (int, float))]
            falls |= any(after < before for before, after in pairwise(first))
    order = "xyt" if falls else "txy"
    note = f"points were read as {', '.join(order)}, because their first numbers {'' if falls else 'never '}fall"
    return order, (f"{note}; order= gives another",) if seen else ()


def _with_points(record: dict[str, Any], order: str, where: str) -> dict[str, Any]:
    """Replace a list of points by lists with the keys of time, x and y."""
    found = _points_of(record)
    if found is None:
        return record
    key, points = found
    for point in points:
        if len(point) != len(order):
            raise DataError(f"{where} {key!r}: expected points of {len(order)} numbers, got {len(point)}")
    lists = {role: [point[at] for point in points] for at, role in enumerate(order)}
    return {name: value for name, value in record.items() if name != key} | lists


def _add_numbers(
    numbers: dict[str, list[float]], record: Mapping[str, Any], keys: Mapping[str, str], where: str
) -> tuple[int, bool]:
    """Append the times and positions of a record; return their number, and whether times are dates."""
    values = {role: record.get(keys[role]) for role in NEEDED}
    lists = {role: value if isinstance(value, list) else [value] for role, value in values.items()}
    count, dated = len(lists["time"]), False
    for role, column in lists.items():
        if len(column) != count:
            raise DataError(
                f"{where} {keys[role]!r}: expected {count} values, as many as there are times, got {len(column)}"
            )
        for value in column:
            number, is_date = _number(value, role, f"{where} {keys[role]!r}")
            numbers[role].append(number)
            dated |= is_date
    return count, dated


def _number(value: Any, role: str, where: str) -> tuple[float, bool]:
    """Return a number, NaN if it is missing, and whether it was a date."""
    if value is None or (isinstance(value, str) and is_missing(value)):
        return float("nan"), False
    try:
        if is_number(value):
            return float(value), False
        if isinstance(value, str):
            try:
                return parse_number(value), False
            except ValueError:
                if role == "time":
                    return moment_of(value), True
    except (ValueError, OverflowError):
        pass
    raise DataError(f"{where}: expected a number{' or an ISO date' * (role == 'time')}, got {reprlib.repr(value):.40}")


def _words(value: Any, count: int, where: str) -> list[str]:
    """Return one word per event."""
    if not isinstance(value, list):
        return [_word(value, where)] * count
    if len(value) != count:
        raise DataError(f"{where}: expected {count} values, as many as there are times, got {len(value)}")
    return [_word(one, where) for one in value]


def _word(value: Any, where: str) -> str:
    if isinstance(value, (list, dict)):
        raise DataError(f"{where}: expected a word or a number, got {reprlib.repr(value):.40}")
    return "" if value is None else str(value)


_SOURCES = {1: "move", 6: "touchmove", 12: "drag"}
_INTERACTIONS = ("mouseup", "mousedown", "click", "contextmenu", "dblclick", "focus", "blur", "touchstart",
                       "", "touchend", "touchcancel")  # fmt: skip


def without_rrweb(records: Sequence[tuple[int, Mapping[str, Any]]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Write rrweb's incremental snapshots as events; everything else stays as it is."""
    for line, record in records:
        inner = record.get("events")
        if isinstance(inner, list) and any(map(_is_rrweb, inner)):
            rest = {key: value for key, value in record.items() if key != "events"}
            yield from ((line, rest | event) for one in inner if _is_rrweb(one) for event in _rrweb_events(one))
        elif _is_rrweb(record):
            yield from ((line, event) for event in _rrweb_events(record))
        else:
            yield line, record


def _is_rrweb(record: Any) -> bool:
    return (
        isinstance(record, Mapping)
        and type(record.get("type")) is int
        and isinstance(record.get("timestamp"), (int, float))
        and isinstance(record.get("data"), Mapping)
    )


def _rrweb_events(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the events of a pointer in one snapshot; times are milliseconds."""
    data, source = record["data"], record["data"].get("source")
    if record["type"] != 3 or type(source) is not int:
        return
    if source in _SOURCES and isinstance(data.get("positions"), list):
        for point in data["positions"]:
            if isinstance(point, Mapping):
                offset = point.get("timeOffset")
                time = _sum(record["timestamp"], offset if isinstance(offset, (int, float)) else 0)
                yield {"time_ms": time, "x": point.get("x"), "y": point.get("y"), "event": _SOURCES[source]}
    elif source == 2 and type(data.get("type")) is int and data["type"] in range(len(_INTERACTIONS)):
        event = _INTERACTIONS[data["type"]]
        yield {"time_ms": record["timestamp"], "x": data.get("x"), "y": data.get("y"), "event": event}


def _sum(time: float, offset: float) -> float | None:
    try:
        return time + offset
    except OverflowError:
        return None
