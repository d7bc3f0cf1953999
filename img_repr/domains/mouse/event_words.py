"""What files call buttons and events, as codes."""

import re
from pathlib import Path

import numpy as np

from img_repr.core.errors import DataError
from img_repr.domains.mouse.rows import CLICK, DRAG, MOVE, NO_EVENT, OTHER, PRESS, RELEASE, WHEEL_DOWN, WHEEL_UP
from img_repr.domains.mouse.trace import LEFT, MIDDLE, RIGHT

_BUTTONS = {
    0: ("", "nobutton", "none", "no", "null", "nan", "-1"),
    LEFT: ("left", "l", "lmb", "primary", "0"),
    MIDDLE: ("middle", "m", "mmb", "1"),
    RIGHT: ("right", "r", "rmb", "secondary", "2"),
}
_WHEEL = ("scroll", "wheel", "scrollwheel")
_STATES = {
    # a wheel that turns without saying where is a row like a move
    MOVE: ("", "move", "moved", "moving", "movement", "m", "over", "enter", "leave", "out", "hover", *_WHEEL),
    DRAG: ("drag", "dragged", "dragging"),
    PRESS: ("press", "pressed", "down", "buttondown", "start"),
    RELEASE: ("release", "released", "up", "buttonup", "end"),
    WHEEL_UP: ("scrollup", "wheelup"),
    WHEEL_DOWN: ("scrolldown", "wheeldown"),
    CLICK: ("click", "clicked", "dblclick", "doubleclick", "contextmenu"),
}
_BUTTON_OF = {word: code for code, words in _BUTTONS.items() for word in words}
_STATE_OF = {word: code for code, words in _STATES.items() for word in words}
_MOST_WORDS = 64


def button_and_state(button: str, state: str) -> tuple[int, int]:
    """Give the codes of one row's words, in any case of letters.

    Buttons are named, or numbered as ``MouseEvent.button`` of browsers is: 0 left, 1 middle, 2 right. A press or
    release that names no button is the left one's.

    Examples
    --------
    >>> from img_repr.domains.mouse.event_words import button_and_state
    >>> from img_repr.domains.mouse.rows import DRAG, PRESS, WHEEL_DOWN
    >>> button_and_state("Left", "Pressed") == (1, PRESS), button_and_state("NoButton", "Drag") == (0, DRAG)
    (True, True)
    >>> button_and_state("Scroll", "Down") == (0, WHEEL_DOWN), button_and_state("", "mousedown") == (1, PRESS)
    (True, True)
    """
    pressed = re.sub(r"[\s_.-]|button\.", "", button.strip().lower()) if button.strip() != "-1" else "-1"
    pressed = pressed.removeprefix("button") or pressed
    done = re.sub(r"^(on)?(mouse|pointer|touch)", "", re.sub(r"[\s_-]", "", state.strip().lower()))
    if pressed in _WHEEL and done in ("up", "down"):
        return 0, WHEEL_UP if done == "up" else WHEEL_DOWN
    code = _STATE_OF.get(done, NO_EVENT)
    which = MIDDLE if pressed in _WHEEL else _BUTTON_OF.get(pressed, OTHER)
    if which == 0 and code in (PRESS, RELEASE, CLICK):
        which = LEFT
    return which, code


def codes_of(buttons: np.ndarray | None, states: np.ndarray, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Give the codes of columns of words.

    Parameters
    ----------
    buttons, states : ndarray of bytes, shape (T,)
        Words in UTF-8; None where the file has no column of buttons.
    path : Path
        Where they came from, for messages.

    Returns
    -------
    button, state : ndarray of uint8, shape (T,)
        Columns of :class:`Rows`.

    Raises
    ------
    DataError
        If a column holds so many different words that it is none of buttons or of events.
    """
    state_at, state_words = _distinct(states, path, "states")
    if buttons is None:
        button_at, button_words = np.zeros(len(states), np.intp), [""]
    else:
        button_at, button_words = _distinct(buttons, path, "buttons")
    codes = np.array([[button_and_state(button, state) for state in state_words] for button in button_words], np.uint8)
    if not len(states):
        return np.zeros(0, np.uint8), np.zeros(0, np.uint8)
    found = codes[button_at, state_at]
    return found[:, 0].copy(), found[:, 1].copy()


def _distinct(column: np.ndarray, path: Path, what: str) -> tuple[np.ndarray, list[str]]:
    """Position of each word in the list of words: linear, where ``np.unique`` sorts."""
    at = np.full(len(column), -1)
    words: list[str] = []
    first = 0
    while len(unknown := np.flatnonzero(at[first:] < 0)):
        first += int(unknown[0])
        if len(words) == _MOST_WORDS:
            raise DataError(f"{path}: expected a column of {what}, got more than {_MOST_WORDS} different words in it")
        at[column == column[first]] = len(words)
        words.append(bytes(column[first]).decode("utf-8", errors="replace"))
    return at, words
