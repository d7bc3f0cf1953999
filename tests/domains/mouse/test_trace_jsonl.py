"""Lines of JSON."""

import json
from pathlib import Path

import pytest

from img_repr.core.errors import DataError
from img_repr.core.loader import LOADERS, load_dataset
from img_repr.domains.mouse.trace_jsonl import is_trace_jsonl, load_trace_jsonl


def write(folder: Path, *lines: object, end: str = "\n") -> Path:
    file = folder / "toy.jsonl"
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    file.write_text(text + end, encoding="utf-8")
    return file


def test_one_event_per_line(tmp_path: Path):
    events = [
        {"type": kind, "x": at, "y": 5, "timestamp": 1_700_000_000_000 + 8 * at, "user": user, "button": 0}
        for user in ("ada", "bob")
        for at, kind in enumerate(("mousemove", "mousedown", "mousemove", "mouseup", "mousemove"))
    ]
    file = write(tmp_path, *events, {"type": "keydown", "timestamp": 1_700_000_000_100, "user": "bob"})
    data = load_dataset(file, segments=None)
    assert (data.name, data.labels.tolist()) == ("toy", ["ada", "bob"])
    assert data.samples[0].buttons.tolist() == [0, 1, 1, 0, 0]
    assert data.samples[1].t_s.tolist() == pytest.approx([0, 0.008, 0.016, 0.024, 0.032])
    assert [name for name in LOADERS if LOADERS[name].recognizes(file)] == ["trace_jsonl"]


def test_one_trace_per_line(tmp_path: Path):
    lines = [
        {"label": "human", "t": [0, 16, 40], "x": [1, 2, 3], "y": [0, 0, 1]},
        {"label": "bot", "t": [5, 21], "x": [1, None], "y": [0, 0]},
    ]
    data = load_trace_jsonl(write(tmp_path, *lines), shortest=1)
    assert data.labels.tolist() == ["human", "bot"]
    assert [trace.x_px.tolist() for trace in data.samples] == [[1, 2, 3], [1]]
    assert data.groups is None
    assert data.names.tolist() == ["toy/human/1 @ 0.0-0.0 s", "toy/bot/2 @ 0.0-0.0 s"]


def test_a_list_of_events_per_line(tmp_path: Path):
    events = [{"time_s": at / 10, "clientX": at, "clientY": 1, "event": "mousemove"} for at in range(4)]
    events[1] |= {"event": "mousedown"}
    file = write(tmp_path, {"participant": "p1", "session": "a", "events": events}, {"session": "a", "events": events})
    data = load_trace_jsonl(file, segments=None, user="session")
    assert data.labels.tolist() == ["a", "a"]  # one session of two lines, which are its pieces
    assert data.groups.tolist() == ["toy/a", "toy/a"]
    assert data.samples[0].buttons.tolist() == [0, 1, 0, 0]
    assert data.samples[0].duration_s == pytest.approx(0.3)


def test_dates_and_a_broken_last_line(tmp_path: Path):
    lines = [{"datetime": f"2024-01-01T00:00:0{at}.500", "x": at, "y": at} for at in range(4)]
    data = load_trace_jsonl(write(tmp_path, *lines, '{"datetime": "2024', end=""), segments=None)
    assert data.samples[0].t_s.tolist() == [0, 1, 2, 3]
    assert "truncated last rows, dropped: 1 in 1 of 1 sessions" in data.notes


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (['{"t": 1, "x": 2, "y": 3}', "{"], r"line 2: expected an object of JSON, got: Expecting property name"),
        (["[1, 2]"], r"object 1: expected an object of JSON, got 1"),
        (['{"t": 1, "x": 2, "y": 3}', "7"], r"line 2: expected an object of JSON, got '7'"),
        (['{"t": 1, "x": 2, "x": 4, "y": 3}'], r"line 1: expected an object of JSON, got: the key 'x' twice"),
        (["[" * 100_000], r"line 1: expected an object of JSON, got: objects nested too deeply"),
        (['{"t": 1, "x": ' + "9" * 5000 + ', "y": 3}'], r"line 1: expected an object of JSON, got: Exceeds the limit"),
        (['{"t": 1, "x": ' + "9" * 400 + ', "y": 3}'], r"line 1 'x': expected a number, got 999"),
        (['{"t": 1, "x": {"a": 1}, "y": 3}'], r"expected a column of x"),
        (['{"points": [[1, 2, 3], [4, 5]]}'], r"line 1 'points': expected points of 3 numbers, got 2"),
        (['{"t": 1, "x": 2, "y": 3, "user": "a"}', '{"t": 2, "x": 2, "y": 3}'], r"line 2 'user': expected a user"),
        (['{"t": 1, "x": 2}'], r"expected a column of x .*\(x= gives another\), got 't', 'x'"),
        (['{"t": 1, "x": "a", "y": 3}'], r"line 1 'x': expected a number, got 'a'"),
        (['{"t": true, "x": 2, "y": 3}'], r"line 1 't': expected a number or an ISO date, got True"),
        (['{"t": "soon", "x": 2, "y": 3}'], r"line 1 't': expected a number or an ISO date, got 'soon'"),
        (['{"t": [1, 2], "x": [2], "y": [3, 4]}'], r"line 1 'x': expected 2 values, as many as there are times, got 1"),
        (['{"t": [1], "x": [2], "y": [3], "type": ["a", "b"]}'], r"line 1 'type': expected 1 values, .* got 2"),
        (["", ""], r"got an empty file"),
    ],
)
def test_rejects_invalid_files(tmp_path: Path, lines: list[str], message: str):
    with pytest.raises(DataError, match=message) as caught:
        load_trace_jsonl(write(tmp_path, *lines))
    assert "\n" not in str(caught.value)


def test_recognizing(tmp_path: Path):
    assert not is_trace_jsonl(write(tmp_path, {"text": "hello"}))
    assert not is_trace_jsonl(write(tmp_path, [1]))
    assert not is_trace_jsonl(write(tmp_path, "{"))
    assert not is_trace_jsonl(tmp_path)
    assert is_trace_jsonl(write(tmp_path, {"t": 1, "x": 1, "y": 1}))


EVENTS = [{"type": "mousemove", "t": 16 * at, "x": at, "y": 2 * at} for at in range(8)]
RRWEB = [{"type": 4, "data": {"href": "a"}, "timestamp": 1_700_000_000_000}] + [
    {
        "type": 3,
        "data": {"source": 1, "positions": [{"x": at, "y": 2 * at, "id": 5, "timeOffset": 16 * at - 112}]},
        "timestamp": 1_700_000_000_112,
    }
    for at in range(8)
]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(EVENTS),
        json.dumps({"events": EVENTS}),
        json.dumps([{"rt": 5, "time_elapsed": 9}, {"time_elapsed": 99, "mouse_tracking_data": EVENTS}]),  # jsPsych
        "\n".join(map(json.dumps, [{"type": "keydown", "t": 0, "key": "a"}, *EVENTS])),
        "\n".join(json.dumps({"timestamp": one["t"], "data": {"x": one["x"], "y": one["y"]}}) for one in EVENTS),
        json.dumps({"points": [[one["t"], one["x"], one["y"]] for one in EVENTS]}),
        json.dumps({"trace": {"t": [one["t"] for one in EVENTS], "x": list(range(8)), "y": list(range(0, 16, 2))}}),
        "\n".join(map(json.dumps, RRWEB)),
        json.dumps({"events": RRWEB}),
    ],
    ids=["array", "events", "jspsych", "key first", "nested", "points", "lists", "rrweb", "rrweb in one"],
)
@pytest.mark.parametrize("suffix", [".jsonl", ".JSON"])
def test_shapes_of_the_same_trace(tmp_path: Path, content: str, suffix: str):
    if suffix == ".JSON" and content.count("\n"):
        content = "[" + content.replace("\n", ",") + "]"
    file = tmp_path / f"toy{suffix}"
    file.write_text(content + "\n")
    assert [name for name in LOADERS if LOADERS[name].recognizes(file)] == ["trace_jsonl"]
    (trace,) = load_dataset(file, segments=None).samples
    assert trace.x_px.tolist() == list(range(8))
    assert trace.y_px.tolist() == list(range(0, 16, 2))
    assert trace.t_s.round(6).tolist() == [round(0.016 * at, 6) for at in range(8)]


def test_the_order_of_points(tmp_path: Path):
    points = [[9, 2, 10], [5, 3, 20], [7, 4, 35], [8, 4, 50]]
    data = load_trace_jsonl(write(tmp_path, {"points": points}))
    assert data.samples[0].t_s.tolist() == [0.0, 0.01, 0.025, 0.04]
    assert any("points were read as x, y, t" in note for note in data.notes)
    assert load_trace_jsonl(write(tmp_path, {"points": points}), order="txy", segments=None, shortest=1)


def test_a_long_array_is_recognized(tmp_path: Path):
    file = tmp_path / "long.json"
    file.write_text(json.dumps([{"t": at, "x": 1, "y": 2, "text": "a" * 1000} for at in range(1500)]))
    assert is_trace_jsonl(file)
