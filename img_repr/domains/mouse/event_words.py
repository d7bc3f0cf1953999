"""Codes of the words for buttons and events in files."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from img_repr.core.errors import DataError, ParameterError
from img_repr.core.file_tree import name_some
from img_repr.domains.mouse.rows import (
    CLICK,
    DRAG,
    MOVE,
    NO_EVENT,
    OTHER,
    PRESS,
    RELEASE,
    WHEEL_DOWN,
    WHEEL_UP,
    Words,
)
from img_repr.domains.mouse.trace import LEFT, MIDDLE, RIGHT

_BUTTONS = {
    0: ("", "nobutton", "none", "no", "null", "nan", "-1", "unknown"),
    LEFT: ("left", "l", "lmb", "primary", "0"),
    MIDDLE: ("middle", "m", "mid", "mmb", "1"),
    RIGHT: ("right", "r", "rmb", "secondary", "2"),
}
_WHEEL = ("scroll", "scrolled", "scrolling", "wheel", "scrollwheel", "mousewheel")
_STATES = {
    # a turn of the wheel without direction is a row like a move
    MOVE: ("move", "moved", "moving", "movement", "m", "over", "enter", "leave", "out", "hover", "rawupdate", "motion",
           "motionnotify", *_WHEEL),
    DRAG: ("drag", "dragged", "dragging", "dragstart", "dragend"),
    PRESS: ("press", "pressed", "down", "start", "clickdown"),
    RELEASE: ("release", "released", "up", "end", "clickup"),
    WHEEL_UP: ("scrollup", "wheelup"),
    WHEEL_DOWN: ("scrolldown", "wheeldown"),
    CLICK: ("click", "clicked", "tap", "button", "dbl", "dblclick", "doubleclick", "dblclk", "contextmenu"),
}  # fmt: skip
_OTHER_EVENT = re.compile(
    r"key\w*|focus\w*|blur|load\w*|unload|beforeunload|pageshow|pagehide|resize\w*|input|beforeinput|change|select\w*|"
    r"copy|cut|paste|submit|reset|visibilitychange|orientationchange|error|abort|cancel|drop|gotcapture|lostcapture|"
    r"popstate|hashchange|fullscreenchange|wake|idle|lock|unlock"
)
_LEVELS = {"true": 1, "1": 1, "1.0": 1, "false": 0, "0": 0, "0.0": 0, "": 0}
_BUTTON_OF = {word: code for code, words in _BUTTONS.items() for word in words}
_STATE_OF = {word: code for code, words in _STATES.items() for word in words}
_PREFIX = re.compile(r"(?:wm|on|mouse|pointer|touch|cursor|event)")
_BUTTON_IN_STATE = re.compile(r"(left|right|middle|mid|[lrm](?=button))(?:mouse)?(?:button)?")
_MOST_WORDS = 64
_KNOWN = "move, drag, press, release, click, scroll"

EventOption = str | Mapping[str, str]


def parse_event_option(events: EventOption | None, caller: str) -> Mapping[str, str] | None:
    """Parse the option ``events``: words of a file with their meanings; None to ignore events.

    Examples
    --------
    >>> from img_repr.domains.mouse.event_words import parse_event_option
    >>> parse_event_option("512=move, 513=press", "trace_csv"), parse_event_option("ignore", "trace_csv")
    ({'512': 'move', '513': 'press'}, None)
    """
    if isinstance(events, str) and events.strip() == "ignore":
        return None
    wanted = f"{caller}: expected events to be 'ignore' or words with their meaning like '512=move,513=press'"
    if isinstance(events, str):
        pairs = [tuple(pair.split("=")) for pair in events.split(",")]
        if any(len(pair) != 2 for pair in pairs):
            raise ParameterError(f"{wanted}, got {events!r:.60}")
        events = {word.strip(): meaning.strip() for word, meaning in pairs}
    if not isinstance(events or {}, Mapping):
        raise ParameterError(f"{wanted}, got {events!r:.60}")
    for meaning in (events or {}).values():
        if not isinstance(meaning, str) or _state(meaning, {})[1] is None:
            raise ParameterError(f"{wanted} (known: {_KNOWN}), got {meaning!r:.40}")
    return {str(word).strip().lower(): meaning for word, meaning in (events or {}).items()}


def button_and_state(button: str, state: str, meanings: Mapping[str, str] | None = None) -> tuple[int, int]:
    """Return the codes of one row's words, in any case of letters.

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
    named, code = _state(state, meanings or {})
    if pressed in _WHEEL and state.strip().lower() in ("up", "down"):
        return 0, WHEEL_UP if code == RELEASE else WHEEL_DOWN
    which = MIDDLE if pressed in _WHEEL else _BUTTON_OF.get(pressed, OTHER)
    if which == 0 and code in (PRESS, RELEASE, CLICK, DRAG):
        which = named or (0 if code == DRAG else LEFT)
    return which, NO_EVENT if code is None else code


def _state(word: str, meanings: Mapping[str, str]) -> tuple[int, int | None]:
    """Button that the word of an event names, and its code; None if it is not known."""
    word = meanings.get(word.strip().lower(), word)
    plain = re.sub(r"[^\w-]|_|-", "", word.strip().lower())
    if plain in ("", "nan", "none", "null", "na"):
        return 0, MOVE
    while plain not in _STATE_OF and (prefix := _PREFIX.match(plain)):
        plain = plain[prefix.end() :]
    if plain not in _STATE_OF and (button := _BUTTON_IN_STATE.match(plain)):
        rest = re.sub(r"^(?:mouse|button)", "", plain[button.end() :]) or "click"
        if rest in _STATE_OF:
            first = button[1][0]
            return {"l": LEFT, "r": RIGHT, "m": MIDDLE}[first], _STATE_OF[rest]
    plain = re.sub(r"^button(?=.)|(?<=.)(?:event|button)$", "", plain) if plain not in _STATE_OF else plain
    if plain in _STATE_OF:
        return 0, _STATE_OF[plain]
    return 0, NO_EVENT if _OTHER_EVENT.fullmatch(plain) else None


def codes_of(
    states: Mapping[str, Words],
    buttons: Words | None,
    path: Path,
    *,
    pressed: Words | None = None,
    meanings: Mapping[str, str] | None = None,
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]] | None:
    """Return the codes of columns of words.

    The first column with a known word decides. If it says ``click`` or has no known word, the other columns and
    ``pressed`` decide, so that a row for the press and a row for the release are one click.

    Parameters
    ----------
    states : mapping of str to Words
        Columns that may name events, by their titles for messages.
    buttons : Words or None
    path : Path
        For messages.
    pressed : Words, optional
        Column of true and false, or of words like ``down`` and ``up``.
    meanings : mapping of str to str, optional
        Meanings of unknown words, by the words in lower case.

    Returns
    -------
    button, state : ndarray of uint8, shape (T,)
        Columns of :class:`Rows`.
    notes : tuple of str
        Unknown words and the number of their rows.
    None, if no column names events.

    Raises
    ------
    DataError
        If a column of events holds no known word, or there are too many different ones.
    """
    meanings = meanings or {}
    usable, unknown = {}, {}
    for title, words in states.items():
        said = [word for word in words.distinct if word.strip()]
        strange = [word for word in said if _state(word, meanings)[1] is None]
        if len(words.distinct) <= _MOST_WORDS and (len(strange) < len(said) or not said):
            usable[title] = words
            unknown[title] = strange
        elif title == next(iter(states)):
            unknown[title] = strange
    if not usable:
        if unknown and pressed is None:
            title, strange = next(iter(unknown.items()))
            raise DataError(
                f"{path} {title}: expected words of events ({_KNOWN}), got {_quoted(strange)}; "
                f"events='{strange[0].strip():.20}=move' gives their meaning, events='ignore' ignores them"
            )
        return None
    title = next(iter(usable))
    button, state = _codes(buttons, usable[title], meanings)
    for other in list(usable.values())[1:]:
        second = _codes(buttons, other, meanings)
        decides = ((state == CLICK) & ((second[1] == PRESS) | (second[1] == RELEASE))) | (
            (state == NO_EVENT) & (second[1] != NO_EVENT) & _says_something(other)
        )
        button, state = np.where(decides, second[0], button), np.where(decides, second[1], state)
    if pressed is not None:
        levels = {word: _LEVELS.get(word.strip().lower()) for word in pressed.distinct}
        codes = [
            _state(word, meanings)[1] if level is None else PRESS if level else RELEASE
            for word, level in levels.items()
        ]
        known = np.array([code if code in (PRESS, RELEASE) else CLICK for code in codes], np.uint8)
        state = np.where((state == CLICK) & _says_something(pressed), known[pressed.at], state)
    return button.astype(np.uint8), state.astype(np.uint8), _notes(path, title, usable[title], unknown[title], state)


def held_changes(levels: Mapping[int, Words], count: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return presses and releases from columns that say whether a button is held.

    Parameters
    ----------
    levels : mapping of int to Words
        Columns of true and false, by the code of the button.
    count : int
        Number of rows.

    Returns
    -------
    button, state : ndarray of uint8, shape (T,)
        None if a column holds other words.
    """
    button, state = np.zeros(count, np.uint8), np.zeros(count, np.uint8)
    for code, words in levels.items():
        level = [_LEVELS.get(word.strip().lower()) for word in words.distinct]
        if None in level:
            return None
        held = np.array(level, np.int8)[words.at]
        change = np.diff(held, prepend=held[:1] * 0)
        here = (change != 0) & (state == MOVE)
        state = np.where(here, np.where(change > 0, PRESS, RELEASE), state)
        button = np.where(here, code, button)
    return button.astype(np.uint8), state.astype(np.uint8)


def _codes(buttons: Words | None, states: Words, meanings: Mapping[str, str]) -> tuple[np.ndarray, np.ndarray]:
    buttons = buttons or Words(np.zeros(len(states.at), np.intp), [""])
    table = np.array(
        [[button_and_state(button, state, meanings) for state in states.distinct] for button in buttons.distinct]
    )
    if not len(states.at):
        return np.zeros(0, np.uint8), np.zeros(0, np.uint8)
    found = table.astype(np.uint8)[buttons.at, states.at]
    return found[:, 0], found[:, 1]


def _says_something(words: Words) -> np.ndarray:
    said: np.ndarray = np.array([bool(word.strip()) for word in words.distinct], bool)[words.at]
    return said


def _notes(path: Path, title: str, words: Words, unknown: Sequence[str], state: np.ndarray) -> tuple[str, ...]:
    strange = np.isin(words.at, [words.distinct.index(word) for word in unknown]) & (state == NO_EVENT)
    if not strange.any():
        return ()
    return (
        f"{path.name} {title}: left out {int(strange.sum())} rows of events that are not known: {_quoted(unknown)}; "
        f"events='{unknown[0].strip():.20}=move' gives their meaning",
    )


def _quoted(words: Sequence[str]) -> str:
    return name_some([f"{word.strip()!r:.40}" for word in words])
