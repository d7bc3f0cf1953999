"""Words of buttons and events."""

from pathlib import Path

import numpy as np
import pytest

from img_repr.core.errors import DataError
from img_repr.domains.mouse.event_words import button_and_state, codes_of
from img_repr.domains.mouse.rows import CLICK, DRAG, MOVE, NO_EVENT, OTHER, PRESS, RELEASE, WHEEL_DOWN, WHEEL_UP
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
    ],
)
def test_words(button: str, state: str, expected: tuple[int, int]):
    assert button_and_state(button, state) == expected


def test_columns_agree_with_single_words(random: np.random.Generator):
    buttons = np.array([b"NoButton", b"Left", b"Right", b"Scroll"])[random.integers(0, 4, 500)]
    states = np.array([b"Move", b"Drag", b"Pressed", b"Released", b"Up", b"Down"])[random.integers(0, 6, 500)]
    button, state = codes_of(buttons, states, Path("file"))
    expected = [button_and_state(b.decode(), s.decode()) for b, s in zip(buttons, states, strict=True)]
    assert list(zip(button.tolist(), state.tolist(), strict=True)) == expected
    assert (button.dtype, state.dtype) == (np.uint8, np.uint8)
    assert codes_of(None, np.array([b"Pressed"]), Path("file"))[0].tolist() == [LEFT]


def test_a_column_of_other_things_is_refused():
    numbers = np.array([str(number).encode() for number in range(100)])
    with pytest.raises(DataError, match=r"^file: expected a column of states, got more than 64 different words"):
        codes_of(None, numbers, Path("file"))
