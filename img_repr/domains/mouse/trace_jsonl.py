"""Lines of JSON: one event per line, or one trace per line."""

import json
from pathlib import Path
from typing import Any, Literal, Unpack

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.loader import loader
from img_repr.domains.mouse.assembly import Cutting, assemble
from img_repr.domains.mouse.column_roles import NEEDED, Column, Columns, expect_columns, find_columns, unit_in
from img_repr.domains.mouse.event_file import EventFile, by_session, read_content
from img_repr.domains.mouse.event_table import seconds_of
from img_repr.domains.mouse.event_words import codes_of
from img_repr.domains.mouse.reading import reading_notes
from img_repr.domains.mouse.rows import Rows
from img_repr.domains.mouse.sample import MOUSE
from img_repr.domains.mouse.session import Session
from img_repr.domains.mouse.sessions_of_files import sessions_of_files

_FIRST_BYTES = 1 << 20
_EVENTS = ("events", "trace", "points", "path", "trajectory", "data")


def is_trace_jsonl(path: Path) -> bool:
    """Whether the first line of a file is an object of JSON that names a time, x and y; never an error."""
    try:
        if path.suffix.lower() not in (".jsonl", ".ndjson") or not path.is_file():
            return False
        with path.open("rb") as file:
            line = file.read(_FIRST_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")[0]
        first = json.loads(line)
        return isinstance(first, dict) and set(NEEDED) <= find_columns(list(_columns(first)), {}).keys()
    except (OSError, ValueError, RecursionError):
        return False


@loader(MOUSE, recognises=is_trace_jsonl)
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
    time_unit: Literal["s", "ms", "us"] | None = None,
    **cutting: Unpack[Cutting],
) -> Dataset:
    r"""Load events of pointers from lines of JSON.

    A line is an event, ``{"t": 16, "x": 5, "y": 7, "type": "mousemove", "user": "ada"}``, or a trace, either as lists
    of one length, ``{"t": [0, 16], "x": [5, 6], "y": [7, 7], "user": "ada"}``, or as a list of events under
    ``events``, ``trace``, ``points``, ``path``, ``trajectory`` or ``data``. The first line decides which. Keys are
    found as the columns of :func:`load_trace_csv` are.

    Parameters
    ----------
    path : str or Path
        File in UTF-8.
    time, x, y, button, state, user, session : str, optional
        Keys that have other than their usual names.
    time_unit : {"s", "ms", "us"}, optional
        Default: as the key says (``t_ms``), else guessed from the steps between events, as a note says.
    **cutting
        ``segments``, ``at_most``, ``shortest``, ``test_scale``, ``defects`` of :func:`assemble`; of traces per line
        ``segments`` is None unless given, so that a line is a sample.

    Returns
    -------
    Dataset
        ``labels`` users where keys name them; ``groups`` sessions.

    Raises
    ------
    DataError
        If the file cannot be read, a line is no JSON, or lacks a key or a number; the message names the line.

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
    columns = Columns(time=time, x=x, y=y, button=button, state=state, user=user, session=session)
    sessions, notes, per_line = read_trace_jsonl(Path(path), columns, time_unit=time_unit)
    options = Cutting(segments=None) if per_line else Cutting()
    options.update(cutting)
    return assemble(Path(path).stem, sessions, notes=notes, **options)


def read_trace_jsonl(
    path: Path, columns: Columns | None = None, *, time_unit: str | None = None
) -> tuple[list[Session], tuple[str, ...], bool]:
    """Read the sessions, what is to be said of them, and whether each line is a trace; as :func:`load_trace_jsonl`."""
    lines, broken = _read_lines(path)
    head = _columns(lines[0][1])
    names = list(head)
    keys = {role: names[at] for role, at in expect_columns(names, columns or {}, path).items()}
    per_line = isinstance(head[keys["x"]], list)
    numbers: dict[str, list[float]] = {role: [] for role in NEEDED}
    words: dict[str, list[str]] = {role: [] for role in keys if role not in NEEDED}
    piece: list[int] = []
    for number, line in lines:
        count = _add_numbers(numbers, line, keys, f"{path} line {number}")
        for role, column in words.items():
            column += _words(line.get(keys[role]), count, f"{path} line {number} {keys[role]!r}")
        piece += [number if per_line else 0] * count
    if per_line:  # a line without the name of a session is one of its own
        sessions = words.get("session", [""] * len(piece))
        words["session"] = [word or str(at) for word, at in zip(sessions, piece, strict=True)]
    arrays = {role: np.array([word.encode() for word in column]) for role, column in words.items()}
    button = state = None
    if "state" in arrays:
        button, state = codes_of(arrays.get("button"), arrays["state"], path)
    t, x, y = (np.array(numbers[role], np.float64) for role in NEEDED)
    rows = Rows.of(t, x, y, button, state)
    recordings = by_session(rows.but(piece=np.array(piece, np.int64)), arrays.get("user"), arrays.get("session"))
    first = head[keys["time"]]
    dated = isinstance(first[0] if isinstance(first, list) and first else first, str)
    file = EventFile(path, recordings, "s" if dated else unit_in(keys["time"]), broken, "state" in words)
    found, notes = sessions_of_files(
        [file], names=[path.stem], users=[None], parts=[None], unit=time_unit, who="trace_jsonl"
    )
    return found, (*reading_notes([], 1, "state" not in words), *notes), per_line


def _read_lines(path: Path) -> tuple[list[tuple[int, dict[str, Any]]], int]:
    """Give the objects with the numbers of their lines, and how many broke off at the end."""
    content = read_content(path)
    raw = content.split(b"\n")
    found: list[tuple[int, dict[str, Any]]] = []
    for number, line in enumerate(raw, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            if number == len(raw) and found:  # no end of line follows
                return found, 1
            raise DataError(f"{path} line {number}: expected an object of JSON, got: {error}"[:300]) from None
        if not isinstance(value, dict):
            raise DataError(
                f"{path} line {number}: expected an object of JSON, got {line.decode(errors='replace')!r:.40}"
            )
        found.append((number, _columns(value)))
    return found, 0


def _columns(line: dict[str, Any]) -> dict[str, Any]:
    """Give the keys of a line; a list of events becomes one list per key of the events."""
    for key in _EVENTS:
        events = line.get(key)
        if isinstance(events, list) and events and all(isinstance(event, dict) for event in events):
            keys = dict.fromkeys(key for event in events for key in event)
            return line | {key: [event.get(key) for event in events] for key in keys}
    return line


def _add_numbers(numbers: dict[str, list[float]], line: dict[str, Any], keys: dict[str, str], where: str) -> int:
    """Add the times and places of a line, and give how many."""
    values = {role: line.get(keys[role]) for role in NEEDED}
    lists = {role: value if isinstance(value, list) else [value] for role, value in values.items()}
    count = len(lists["time"])
    for role, column in lists.items():
        if len(column) != count:
            raise DataError(
                f"{where} {keys[role]!r}: expected {count} values, as many as there are times, got {len(column)}"
            )
        numbers[role] += [_number(value, role, f"{where} {keys[role]!r}") for value in column]
    return count


def _number(value: Any, role: str, where: str) -> float:
    """Give a number; NaN where it is missing."""
    if value is None:
        return float("nan")
    try:
        if isinstance(value, str) and role == "time" and not value.replace(".", "", 1).isdigit():
            return seconds_of(value)
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            return float(value)
    except (ValueError, OverflowError):
        pass
    raise DataError(f"{where}: expected a number{' or an ISO date' * (role == 'time')}, got {value!r:.40}")


def _words(value: Any, count: int, where: str) -> list[str]:
    """Give a word for each of so many events."""
    if not isinstance(value, list):
        return [_word(value)] * count
    if len(value) != count:
        raise DataError(f"{where}: expected {count} values, as many as there are times, got {len(value)}")
    return [_word(one) for one in value]


def _word(value: Any) -> str:
    return "" if value is None else str(value)
