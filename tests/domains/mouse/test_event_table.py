"""Tables of events: every way in which a file of the kind may look, and what is said of those that are none."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from img_repr.core.errors import DataError
from img_repr.domains.mouse.column_roles import Columns, find_columns
from img_repr.domains.mouse.event_file import EventFile, divide
from img_repr.domains.mouse.event_table import TableOptions, is_event_table, read_event_table
from img_repr.domains.mouse.rows import MOVE, PRESS, RELEASE, Rows
from img_repr.domains.mouse.time_unit import guess_unit
from img_repr.domains.mouse.trace import LEFT

HEAD = "record timestamp,client timestamp,button,state,x,y"
ROWS = ["0.0,0.0,NoButton,Move,1043,410", "0.25,0.125,Left,Pressed,1024,409", "0.5,0.25,Left,Released,1024,409"]


def read(folder: Path, content: str | bytes, **asked: str | int) -> EventFile:
    file = folder / "session"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_event_table(file, TableOptions(Columns(**asked)))


def check_rows(file: EventFile) -> None:
    (recording,) = file.recordings
    rows = recording.rows
    assert rows.t.tolist() == [0.0, 0.125, 0.25]  # the client's clock
    assert rows.x_px.tolist() == [1043, 1024, 1024]
    assert rows.y_px.tolist() == [410, 409, 409]
    assert rows.button.tolist() == [0, LEFT, LEFT]
    assert rows.state.tolist() == [MOVE, PRESS, RELEASE]
    assert (recording.user, recording.session, file.unit) == (None, None, None)


@pytest.mark.parametrize(
    "content",
    [
        "\n".join([HEAD, *ROWS, ""]),
        "\n".join([HEAD, *ROWS]),  # no end of line at the end
        "\r\n".join([HEAD, *ROWS, ""]),
        "\r".join([HEAD, *ROWS]),
        "\ufeff" + "\n".join([HEAD, *ROWS, ""]),
        "\n".join([HEAD.upper(), *ROWS]),
        "\n\n" + "\n\n".join([HEAD, *ROWS, "", ""]),  # blank lines
        "\n".join([HEAD + ",more", *(f"{row},7" for row in ROWS)]),
        "\n".join([HEAD, *(f"{row},7,8" for row in ROWS)]),  # cells beyond the header
        "\n".join([HEAD, ROWS[0] + ",7", *ROWS[1:]]),
        "\n".join([HEAD, *ROWS]).replace(",", "\t"),
        "\n".join([HEAD, *ROWS]).replace(",", ";"),
        "\n".join(f'"{row}"'.replace(",", '","') for row in [HEAD, *ROWS]),
        "\n".join([HEAD, *ROWS]).replace(",", ", "),
        "\n".join([HEAD.replace(" ", "_"), *ROWS]),
        "# recorded today\n" + "\n".join([HEAD, *ROWS]),
        "\n".join([HEAD, *ROWS]).replace(",", "|"),
        "\n".join([HEAD, *ROWS]).encode("utf-16"),
        "\n".join([HEAD.replace(" ", "_"), *ROWS]).replace(",", " "),
    ],
    ids=range(19),
)
def test_ways_to_write_the_same(tmp_path: Path, content: str | bytes):
    file = read(tmp_path, content)
    check_rows(file)
    assert file.broken == 0


@pytest.mark.parametrize("end", ["0.75,0.37", "0.75,0.375,NoB", "0.75,0.375,NoButton,Move,10", "0.75,0.375,No,M,5,-"])
def test_a_broken_last_line_is_dropped_and_counted(tmp_path: Path, end: str):
    file = read(tmp_path, "\n".join([HEAD, *ROWS, end]))
    check_rows(file)
    assert file.broken == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"session: expected events of a pointer, got an empty file"),
        (b"\n \n", r"got an empty file"),
        (b"t,x,y\n0,1,\xff\n", r"session line 2: expected text in UTF-8, got byte 0xff; save the file as UTF-8"),
        (HEAD, r"session: expected at least one row below the header, got none"),
        (HEAD + "\n", r"expected at least one row below the header, got none"),
        (HEAD + "\n1,2", r"expected at least one row below the header, got a broken one"),
        ("\n".join([HEAD, *ROWS, "1,2,3", ROWS[0]]), r"session line 5: expected at least 6 cells, got 3"),
        ("\n".join([HEAD, *ROWS, "1,2,3", ""]), r"session line 5: expected at least 6 cells, got 3"),
        (
            "\n\n" + "\n".join([HEAD, "0,0,No,Move,a,1", ""]),
            r"session line 4 column 5 \('x'\): expected a number, got 'a'",
        ),
        (
            "\n".join([HEAD, "0,soon,No,Move,1,1", ""]),
            r"line 2 column 2 \('client timestamp'\): .* or an ISO date, got 'soon'",
        ),
        ("\n".join([HEAD, "0,1_0,No,Move,1,1", ""]), r"expected a number or an ISO date, got '1_0'"),
        (
            "\n".join(["a,b,c", "1,2,3"]),
            r"expected a column of time with a name like .* \(time= gives another\), got 'a', 'b', 'c'",
        ),
        ("\n".join(["t,x,c", "1,2,3"]), r"expected a column of x"),
        ("1,2,3\n4,5,6\n", r"expected a column of time .* got 3 columns without a header"),
        (b"\x7fELF\x02\x01\x01\0\0\0", r"session line 1: expected text, got binary content"),
        (("\n".join([HEAD, *ROWS]) + "\n\0").encode(), r"session line 5: expected text, got binary content"),
    ],
)
def test_rejects_invalid_input_in_one_sentence(tmp_path: Path, content: str | bytes, message: str):
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path):
    with pytest.raises(DataError, match="none: expected a file that can be read, got: No such file"):
        read_event_table(tmp_path / "none")
    with pytest.raises(DataError, match="expected a file that can be read, got a folder"):
        read_event_table(tmp_path)


def test_missing_and_odd_numbers(tmp_path: Path):
    rows = read(tmp_path, "t,x,y\n0,1,2\n1,,2\n2,NaN,2\n3,inf,1e9\n4,null,NA\n").recordings[0].rows
    np.testing.assert_array_equal(rows.x_px, [1, np.nan, np.nan, np.inf, np.nan])
    np.testing.assert_array_equal(rows.y_px, [2, 2, 2, 1e9, np.nan])


@pytest.mark.parametrize("mark", [";", "\t"])
def test_decimal_commas(tmp_path: Path, mark: str):
    rows = read(tmp_path, "t;x;y\n0,5;1;2,25\n1.000,5;3;\n".replace(";", mark)).recordings[0].rows
    assert rows.t.tolist() == [0.5, 1000.5]
    np.testing.assert_array_equal(rows.y_px, [2.25, np.nan])


def test_dates(tmp_path: Path):
    file = read(tmp_path, "datetime,x,y\n2024-01-01T00:00:00.250,1,2\n2024-01-01 00:00:01+00:00,1,2\n")
    assert np.diff(file.recordings[0].rows.t).tolist() == [0.75]
    assert file.unit == "s"
    file = read(
        tmp_path, "time,x,y\n2024-01-01 02:00:00,5+01:00,1,2\n".replace(",5", ".5") + "2024/01/01 01:00:01,1,2\n"
    )
    assert np.diff(file.recordings[0].rows.t).tolist() == [0.5]
    file = read(tmp_path, "time;x;y\n9:59:59,5;1;2\n10:00:01,25;1;2\n")
    assert np.diff(file.recordings[0].rows.t).tolist() == [1.75]


def test_slow_reader_equals_fast_reader(tmp_path: Path, random: np.random.Generator):
    cells = [
        f"{t!r},{x},{y}"
        for t, x, y in zip(random.normal(size=50).tolist(), *random.integers(0, 99, (2, 50)), strict=True)
    ]
    quick = read(tmp_path, "\n".join(["t,x,y", *cells, ""])).recordings[0].rows
    careful = read(tmp_path, "\n".join(["t,x,y", *cells, "1"])).recordings[0].rows
    for column in ("t", "x_px", "y_px"):
        np.testing.assert_array_equal(getattr(quick, column), getattr(careful, column))


def test_users_and_sessions(tmp_path: Path):
    content = "t_ms,x,y,user,session\n0,1,1,bob,2\n1,2,2,ada,1\n2,3,3,bob,1\n3,4,4,bob,2\n"
    file = read(tmp_path, content)
    found = [(one.user, one.session, one.rows.t.tolist()) for one in file.recordings]
    assert found == [("bob", "2", [0, 3]), ("ada", "1", [1]), ("bob", "1", [2])]
    assert (file.unit, file.knows_buttons) == ("ms", False)
    assert len(read_event_table(tmp_path / "session", divided=False).recordings) == 1


@pytest.mark.parametrize("name", ["Zoë", "Łukasz", "a" * 23, "a" * 24, "a" * 25, "b" * 10_000, "c" * 192])
def test_names_of_any_letters_and_length(tmp_path: Path, name: str):
    first, second = read(tmp_path, f"t,x,y,user\n0,1,1,{name}\n1,1,1,{name}2\n").recordings
    assert (first.user, second.user) == (name, name + "2")


def test_users_and_sessions_are_text_as_written(tmp_path: Path):
    file = read(tmp_path, "t,x,y,user,session\n0,1,1,01,1e2\n1,1,1,1,100\n2,1,1,01,1e2\n")
    assert [(one.user, one.session) for one in file.recordings] == [("01", "1e2"), ("1", "100")]
    file = read(tmp_path, "t,x,y,user\n0,1,1,1.0\n1,1,1,2.0\n")
    assert [one.user for one in file.recordings] == ["1", "2"]
    file = read(tmp_path, "t,x,y,user\n0,1,1,cafe\u0301\n1,1,1,caf\u00e9\n")
    assert [one.user for one in file.recordings] == ["caf\u00e9"]


def test_a_row_without_a_user_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"line 3 column 4 \('user'\): expected a user, got ''; drop='user' leaves"):
        read(tmp_path, "t,x,y,user\n0,1,1,ada\n1,1,1,\n")
    assert read(tmp_path, "t,x,y,user\n0,1,1,ada\n1,1,1,\n", drop="user").recordings[0].user is None


def test_rows_of_lists_are_recordings(tmp_path: Path):
    content = "mouse.x,mouse.y,mouse.time,mouse.leftButton,participant\n"
    content += '"[1, 2.5, 3]","[4, 5, 6]","[0.1, 0.2, 0.3]","[0, 1, 0]",p1\n'
    content += ',,,,p1\n"[7, 8]","[9, 9]","[0.5, 0.75]","[0, 0]",p1\n'
    file = read(tmp_path, content)
    assert [one.rows.t.tolist() for one in file.recordings] == [[0.1, 0.2, 0.3], [0.5, 0.75]]
    assert file.recordings[0].rows.state.tolist() == [MOVE, PRESS, RELEASE]
    assert {one.user for one in file.recordings} == {"p1"}
    assert file.notes == ("left out 1 rows without a list of 'mouse.x'",)


def test_a_cell_with_a_whole_recording(tmp_path: Path):
    events = [{"x": 1, "y": 2, "t": 10, "event": "mousedown"}, {"x": 3, "y": 2, "t": 26, "event": "mouseup"}]
    cell = '"' + json.dumps(events).replace('"', '""') + '"'
    file = read(tmp_path, f"rt,time_elapsed,mouse_tracking_data\n500,900,{cell}\n")
    assert file.recordings[0].rows.t.tolist() == [10, 26]
    assert file.recordings[0].rows.state.tolist() == [PRESS, RELEASE]


def test_no_header_and_columns_by_number(tmp_path: Path):
    file = read(tmp_path, "0,5,7\n16,6,8\n", time=0, x=1, y=2)
    assert (file.recordings[0].rows.t.tolist(), file.recordings[0].rows.y_px.tolist()) == ([0, 16], [7, 8])


def test_columns_by_name_and_number(tmp_path: Path):
    content = "a,b,c,y,x\n1,2,3,4,5\n"
    rows = read(tmp_path, content, time="b", x=0, y=-3).recordings[0].rows
    assert (rows.t.tolist(), rows.x_px.tolist(), rows.y_px.tolist()) == ([2], [1], [3])
    with pytest.raises(DataError, match=r"expected a column 'when' for time=, got a, b, c, y, x"):
        read(tmp_path, content, time="when")
    with pytest.raises(DataError, match=r"expected a column 7 for user="):
        read(tmp_path, content, time="b", user=7)


def test_pairs_of_places_are_not_mixed():
    names = ["time", "pageX", "clientX", "clientY"]
    assert find_columns(names, {}, Path("file")) == {"time": [0], "x": [2], "y": [3]}
    assert find_columns(["t", "x"], {}, Path("file")) == {"time": [0]}


def test_recognizing(tmp_path: Path):
    cases = {
        HEAD + "\n1,2": True,
        "\ufeffTime;X;Y\r\n": True,
        "t,x,y,z\n": False,  # acceleration
        "time,value\n": False,
        "x,y\n": False,
        "": False,
        '"': False,
        "\0\0\0": False,
    }
    for content, expected in cases.items():
        (tmp_path / "a.csv").write_text(content, newline="")
        assert is_event_table(tmp_path / "a.csv") is expected, content
    assert not is_event_table(tmp_path)
    assert not is_event_table(tmp_path / "none")


def test_no_columns_of_users_is_one_recording():
    time = np.arange(3.0)
    assert len(divide(Rows.of(time, time, time), {})) == 1
    assert divide(Rows.of(time[:0], time[:0], time[:0]), {}) == ()


@pytest.mark.parametrize(
    ("times", "unit"),
    [
        ([[0.0, 0.016, 0.033, 7.0]], "s"),
        ([[0.0, 0.11, 0.11, 0.22, 60.0]], "s"),
        ([[0, 17, 34, 9000]], "ms"),
        ([[1.7e12, 1.7e12 + 8, 1.7e12 + 16]], "ms"),
        ([[0, 16667, 33333]], "us"),
        ([[0, 16_000_000, 33_000_000]], "ns"),
        ([[1.7e18, 1.7e18 + 8e6, 1.7e18 + 16e6]], "ns"),
        ([[1.7e15, 1.7e15 + 8e3, 1.7e15 + 16e3]], "us"),
        ([[1.7e12, 1.7e12 + 9000, 1.7e12 + 20_000]], "ms"),  # clicks, seconds apart
        ([[1.7e9, 1.7e9 + 1, 1.7e9 + 1, 1.7e9 + 2]], "s"),  # whole seconds
        ([[1.7e9, 1.7e9 + 8, 1.7e9 + 16]], "ms"),  # since the machine was started
        ([[5]], "ms"),
        ([[5.5]], "s"),
        ([[0, 16], [0, 17, 30], [0.5, 0.6]], "ms"),
    ],
)
def test_unit_of_time(times: list[list[float]], unit: str):
    guess, note = guess_unit([np.array(one, float) for one in times])
    assert guess == unit
    assert f"read as {unit}, because" in note


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.csv")
    assert not is_event_table(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match=r"pipe.csv: expected a file that can be read, got a pipe or a device"):
        read_event_table(tmp_path / "pipe.csv")
