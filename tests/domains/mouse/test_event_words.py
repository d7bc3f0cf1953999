"""Words of buttons and events."""

from pathlib import Path

import numpy as np
import pytest

from img_repr.core.errors import DataError, ParameterError
from img_repr.domains.mouse.event_words import button_and_state, codes_of, held_changes, parse_event_option
from img_repr.domains.mouse.rows import CLICK, DRAG, MOVE, NO_EVENT, OTHER, PRESS, RELEASE, WHEEL_DOWN, WHEEL_UP, Words
from img_repr.domains.mouse.trace import LEFT, MIDDLE, RIGHT


@pytest.mark.parametrize(
    ("button", "state", "expected"),
    [
        ("NoButton", "Move", (0, MOVE)),  # Balabit
        ("NoButton", "Drag", (0, DRAG)),
        ("Left", "Pressed", (LEFT, PRESS)),
        ("Right", "Released", (RIGHT, RELEASE)),
        ("XButton", "Pressed", (OTHER, PRESS)),
        ("Scroll", "Up", (0, WHEEL_UP)),
        ("Scroll", "Down", (0, WHEEL_DOWN)),
        ("Left", "Drag", (LEFT, DRAG)),  # SapiMouse
        ("Other", "Drag", (OTHER, DRAG)),
        ("", "mousemove", (0, MOVE)),  # browsers
        ("0", "mousedown", (LEFT, PRESS)),
        ("1", "pointerup", (MIDDLE, RELEASE)),
        ("2", "onmousedown", (RIGHT, PRESS)),
        ("-1", "pointer_move", (0, MOVE)),
        ("", "click", (LEFT, CLICK)),
        ("", "scroll", (0, MOVE)),
        ("", "wheel-up", (0, WHEEL_UP)),
        ("", "keydown", (0, NO_EVENT)),
        ("Button.left", "pressed", (LEFT, PRESS)),  # pynput
        ("Button.middle", "released", (MIDDLE, RELEASE)),
        ("Scroll", "Pressed", (MIDDLE, PRESS)),
        ("", "", (0, MOVE)),
        (" left ", " MOUSE DOWN ", (LEFT, PRESS)),
        ("", "touchstart", (LEFT, PRESS)),
        ("Left", "Up", (LEFT, RELEASE)),
        ("", "on_move", (0, MOVE)),  # pynput
        ("Button.right", "on_click", (RIGHT, CLICK)),
        ("", "pointerrawupdate", (0, MOVE)),
        ("", "WM_RBUTTONDOWN", (RIGHT, PRESS)),  # Windows
        ("", "left click", (LEFT, CLICK)),
        ("", "MiddleUp", (MIDDLE, RELEASE)),
        ("", "Left", (LEFT, CLICK)),  # Tobii
        ("", "MotionNotify", (0, MOVE)),  # X11
        ("", "BUTTON_PRESSED", (LEFT, PRESS)),
        ("", "visibilitychange", (0, NO_EVENT)),
    ],
)
def test_words(button: str, state: str, expected: tuple[int, int]):
    assert button_and_state(button, state) == expected


def test_columns_agree_with_single_words(random: np.random.Generator):
    buttons = np.array([b"NoButton", b"Left", b"Right", b"Scroll"])[random.integers(0, 4, 500)]
    states = np.array([b"Move", b"Drag", b"Pressed", b"Released", b"Up", b"Down"])[random.integers(0, 6, 500)]
    button, state, notes = codes_of({"state": Words.of(states)}, Words.of(buttons), Path("file"))
    expected = [button_and_state(b.decode(), s.decode()) for b, s in zip(buttons, states, strict=True)]
    assert list(zip(button.tolist(), state.tolist(), strict=True)) == expected
    assert (button.dtype, state.dtype) == (np.uint8, np.uint8)
    assert notes == ()
    assert codes_of({"state": Words.of(["Pressed"])}, None, Path("file"))[0].tolist() == [LEFT]


def test_a_column_of_other_things_is_refused_by_its_name():
    numbers = Words.of([str(number) for number in range(100)])
    message = (
        r"^file column 4 \('event'\): expected words of events \(move, drag, press, .*\), got '0', '1', .*; "
        r"events='0=move' gives their meaning, events='ignore' ignores them$"
    )
    with pytest.raises(DataError, match=message):
        codes_of({"column 4 ('event')": numbers}, None, Path("file"))


@pytest.mark.parametrize(
    "second", [["", "press", "", "released"], ["", "True", "", "False"], ["", "down", "", "up"], ["", "1", "", "0"]]
)
@pytest.mark.parametrize("column", ["state", "pressed"])
def test_click_with_a_second_column_is_a_press_or_release(second: list[str], column: str):
    states = {"event": Words.of(["move", "click", "move", "click"])}
    if column == "state":
        if second[1] in ("True", "1"):
            return  # no words of events
        found = codes_of(states | {"action": Words.of(second)}, None, Path("file"))
    else:
        found = codes_of(states, None, Path("file"), pressed=Words.of(second))
    assert found[1].tolist() == [MOVE, PRESS, MOVE, RELEASE]
    assert found[0].tolist() == [0, LEFT, 0, LEFT]


def test_unknown_words_among_known_ones_are_counted_and_named():
    words = Words.of(["move", "teleport", "teleport", "keydown", "press"])
    _, state, notes = codes_of({"column 4 ('event')": words}, None, Path("file"))
    assert state.tolist() == [MOVE, NO_EVENT, NO_EVENT, NO_EVENT, PRESS]
    assert notes == (
        "file column 4 ('event'): left out 2 rows of events that are not known: 'teleport'; "
        "events='teleport=move' gives their meaning",
    )
    meanings = parse_event_option("teleport=move", "trace_csv")
    found = codes_of({"event": words}, None, Path("file"), meanings=meanings)
    assert (found[1].tolist(), found[2]) == ([MOVE, MOVE, MOVE, NO_EVENT, PRESS], ())


@pytest.mark.parametrize("events", ["512", "512=fly", {"512": 3}, 7, "a=b=c", ""])
def test_wrong_meanings_of_words_are_refused(events: object):
    with pytest.raises(ParameterError, match="trace_csv: expected events to be 'ignore' or words with their meaning"):
        parse_event_option(events, "trace_csv")


def test_a_column_that_says_whether_a_button_is_held():
    button, state = held_changes({LEFT: Words.of(["0", "1", "1", "0"]), RIGHT: Words.of(["0", "0", "1", "1"])}, 4)
    assert state.tolist() == [MOVE, PRESS, PRESS, RELEASE]
    assert button.tolist() == [0, LEFT, RIGHT, LEFT]
    assert held_changes({LEFT: Words.of(["yes"])}, 1) is None
