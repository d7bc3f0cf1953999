"""JSON: one event per line, or one trace per line, or an array of either."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Unpack

from img_repr.core.csv_reader import read_text
from img_repr.core.csv_table import Column
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import loader
from img_repr.domains.mouse.assembly import Cutting, assemble
from img_repr.domains.mouse.column_roles import Columns
from img_repr.domains.mouse.event_file import check_file
from img_repr.domains.mouse.event_records import is_record_of_pointer, read_records
from img_repr.domains.mouse.event_words import EventOption, parse_event_option
from img_repr.domains.mouse.reading import reading_notes
from img_repr.domains.mouse.sample import MOUSE
from img_repr.domains.mouse.session import Session, sessions_of

_SUFFIXES = (".jsonl", ".ndjson", ".json")
_FIRST_BYTES = 1 << 20
_FIRST_RECORDS = 200


def is_trace_jsonl(path: Path) -> bool:
    """Whether one of the first objects of a file of JSON names a time, x and y; never raises."""
    try:
        if path.suffix.lower() not in _SUFFIXES or not path.is_file():
            return False
        with path.open("rb") as file:
            start = file.read(_FIRST_BYTES)
        whole = len(start) < _FIRST_BYTES
        text = start.decode("utf-8-sig", errors="replace")
        if not whole and text.lstrip()[:1] == "[":  # the first objects of a long array
            text = json.dumps(json.JSONDecoder().raw_decode(text.lstrip()[1:].lstrip())[0])
        elif not whole and path.suffix.lower() == ".json":
            text = read_text(path)
        elif not whole:
            text = text[: text.rfind("\n") + 1]
        records, _ = _parse(path, text)
        return any(is_record_of_pointer(record) for _, record in records[:_FIRST_RECORDS])
    except (OSError, DataError, ValueError, RecursionError):
        return False


@loader(MOUSE, recognizes=is_trace_jsonl)
def load_trace_jsonl(
    path: str | Path,
    *,
    time: Column | None = None,
    x: Column | None = None,
    y: Column | None = None,
    button: Column | None = None,
    state: Column | None = None,
    user: Column | None = None,
    session: Column | None = None,
    label: Column | None = None,
    group: Column | None = None,
    id: Column | None = None,
    split: Column | None = None,
    drop: Column | Sequence[Column] | None = None,
    events: EventOption | None = None,
    order: Literal["txy", "xyt"] | None = None,
    time_unit: Literal["s", "ms", "us", "ns"] | None = None,
    **cutting: Unpack[Cutting],
) -> Dataset:
    r"""Load pointer events from JSON.

    A line is an event, ``{"t": 16, "x": 5, "y": 7, "type": "mousemove", "user": "ada"}``, or a trace, either as lists
    of one length, ``{"t": [0, 16], "x": [5, 6], "y": [7, 7], "user": "ada"}``, or as a list of events, or of points
    like ``[16, 5, 7]``, under ``events``, ``trace``, ``points``, ``path``, ``trajectory`` or ``data``. Arrays of
    such objects, recordings of rrweb and exports of jsPsych are read too. Keys are found like the columns of
    :func:`load_trace_csv`; keys of nested objects have a dot, ``data.x``.

    Parameters
    ----------
    path : str or Path
        File in UTF-8, ``.jsonl``, ``.ndjson`` or ``.json``.
    time, x, y, button, state, user, session, label, group, id, split, drop, events
        Keys with other than their usual names, as in :func:`load_trace_csv`.
    order : {"txy", "xyt"}, optional
        Order of the three numbers of a point. Default: time is first if the first number never decreases.
    time_unit : {"s", "ms", "us", "ns"}, optional
        Default: from the key (``t_ms``), else guessed, with a note.
    **cutting
        ``segments``, ``at_most``, ``shortest``, ``test_scale``, ``defects`` of :func:`assemble`; for traces per line
        ``segments`` defaults to None, so that a line is a sample.

    Returns
    -------
    Dataset
        ``labels`` users if keys name them; ``groups`` sessions.

    Raises
    ------
    DataError
        If the file cannot be read, a line is not JSON, or lacks a key or a number; the message names the line.
    ParameterError
        If an option has an invalid value.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.domains.mouse.trace_jsonl import load_trace_jsonl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "toy.jsonl")
    ...     _ = file.write_text('{"t": [0, 16, 31, 48], "x": [1, 2, 4, 8], "y": [0, 0, 0, 1], "label": "bot"}\n')
    ...     data = load_trace_jsonl(file)
    >>> data.labels.tolist(), data.samples[0].t_s.tolist()
    (['bot'], [0.0, 0.016, 0.031, 0.048])
    """
    columns = Columns(time=time, x=x, y=y, button=button, state=state, user=user, session=session, label=label,
                      group=group, id=id, split=split, drop=drop)  # fmt: skip
    sessions, notes, per_line = read_trace_jsonl(Path(path), columns, events=events, order=order, time_unit=time_unit)
    options = Cutting(segments=None) if per_line else Cutting()
    options.update(cutting)
    return assemble(Path(path).stem, sessions, notes=notes, **options)


def read_trace_jsonl(
    path: Path,
    columns: Columns | None = None,
    *,
    events: EventOption | None = None,
    order: str | None = None,
    time_unit: str | None = None,
) -> tuple[list[Session], tuple[str, ...], bool]:
    """Return the sessions, notes, and whether each line is a trace; parameters as in :func:`load_trace_jsonl`."""
    if order not in (None, "txy", "xyt"):
        raise ParameterError(f"trace_jsonl: expected order to be 'txy', 'xyt' or None, got {order!r}")
    meanings = parse_event_option(events, "trace_jsonl")
    check_file(path)
    records, broken = _parse(path, read_text(path))
    read = read_records(path, records, columns or {}, meanings=meanings, order=order, broken=broken)
    found, notes = sessions_of(
        [read.file], names=[path.stem], users=[None], splits=[None], unit=time_unit, caller="trace_jsonl"
    )
    return found, (*reading_notes([], 1, int(not read.file.knows_buttons)), *notes), read.per_record


def _parse(path: Path, text: str) -> tuple[list[tuple[int, dict[str, Any]]], int]:
    """Return the objects with the numbers of their lines, and the number of truncated ones at the end."""
    raw = text.split("\n")
    first = next((line for line in raw if line.strip()), "")
    whole = first.lstrip()[:1] == "[" or path.suffix.lower() == ".json"
    if whole:
        value = _array(path, text)
        if value is not None:
            return value, 0
    found: list[tuple[int, dict[str, Any]]] = []
    for number, line in enumerate(raw, start=1):
        if not line.strip():
            continue
        try:
            value = _object(line)
        except (ValueError, RecursionError) as error:
            if number == len(raw) and found:  # no end of line follows
                return found, 1
            raise DataError(f"{path} line {number}: expected an object of JSON, got: {_said(error)}") from None
        if not isinstance(value, dict):
            raise DataError(f"{path} line {number}: expected an object of JSON, got {line!r:.40}")
        found.append((number, value))
    return found, 0


def _array(path: Path, text: str) -> list[tuple[int, dict[str, Any]]] | None:
    """Return the objects if the whole text is an array or an object; None if it is lines."""
    try:
        value = _object(text)
    except (ValueError, RecursionError) as error:
        if path.suffix.lower() != ".json" or "Extra data" in str(error):
            return None
        raise DataError(f"{path}: expected JSON, got: {_said(error)}") from None
    if isinstance(value, dict):
        return [(1, value)]
    if not isinstance(value, list):
        raise DataError(f"{path}: expected objects of JSON, got {text.strip()!r:.40}")
    for number, one in enumerate(value, start=1):
        if not isinstance(one, dict):
            raise DataError(f"{path} object {number}: expected an object of JSON, got {one!r:.40}")
    return [(number, one) for number, one in enumerate(value, start=1)]


def _object(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_without_repeats)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r:.40} twice in one object")
        found[key] = value
    return found


def _said(error: Exception) -> str:
    return "objects nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
