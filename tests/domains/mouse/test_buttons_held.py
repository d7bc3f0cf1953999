"""Buttons held, against a plain loop and by hand."""

import numpy as np
import pytest

from img_repr.domains.mouse.buttons_held import buttons_held
from img_repr.domains.mouse.rows import DRAG, MOVE, PRESS, RELEASE, WHEEL_UP, Rows
from img_repr.domains.mouse.trace import LEFT, MIDDLE, RIGHT


def rows_of(events: str) -> Rows:
    """``"m P d R"``: a small alphabet, capitals of the left button, ``p r`` of the right one."""
    words = {
        "m": (0, MOVE),
        "d": (0, DRAG),
        "D": (RIGHT, DRAG),
        "P": (LEFT, PRESS),
        "R": (LEFT, RELEASE),
        "p": (RIGHT, PRESS),
        "r": (RIGHT, RELEASE),
        "w": (0, WHEEL_UP),
    }
    button, state = np.array([words[event] for event in events.split()], np.uint8).T
    time = np.arange(len(button), dtype=float)
    return Rows.of(time, time, time, button, state)


@pytest.mark.parametrize(
    ("events", "held", "counts"),
    [
        ("m P R m", [0, 1, 0, 0], {}),
        ("m P d d R m", [0, 1, 1, 1, 0, 0], {}),
        ("P p d R d r m", [1, 3, 3, 2, 2, 0, 0], {}),
        ("P w R", [1, 1, 0], {}),
        ("P m m R", [1, 1, 1, 0], {}),  # a release comes: what lies before it is held, whatever it is called
        ("P m m P R", [1, 0, 0, 1, 0], {"release_missing": 1}),
        ("P P R", [1, 1, 0], {"release_missing": 1}),
        ("m P d m m", [0, 1, 1, 0, 0], {"release_missing": 1}),
        ("m P d", [0, 1, 1], {"release_missing": 1}),
        ("m R m", [0, 0, 0], {"press_missing": 1}),
        ("m d d R m", [0, 1, 1, 0, 0], {"press_missing": 1, "drag_without_press": 1}),
        ("m D m d", [0, 2, 0, 1], {"drag_without_press": 2}),
        ("P R R", [1, 0, 0], {"press_missing": 1}),
    ],
)
def test_by_hand(events: str, held: list[int], counts: dict[str, int]):
    found, lost = buttons_held(rows_of(events))
    assert found.tolist() == held
    assert lost == counts
    assert found.dtype == np.uint8


def plain_loop(rows: Rows) -> list[int]:
    """The same rule, event by event."""
    events = list(zip(rows.button.tolist(), rows.state.tolist(), strict=True))
    held, mask = [], 0
    for at, (button, state) in enumerate(events):
        if state == PRESS:
            mask |= button
        elif state == RELEASE:
            mask &= ~button
        elif state == MOVE:
            for one in (LEFT, RIGHT, MIDDLE):
                coming = next((s for b, s in events[at:] if b == one and s in (PRESS, RELEASE)), None)
                if coming != RELEASE:
                    mask &= ~one
        now = mask
        if state == DRAG and not mask:
            now = button or LEFT
        held.append(now)
    return held


def test_against_a_plain_loop(random: np.random.Generator):
    for count in (1, 2, 5, 60, 300):
        for _ in range(20):
            state = random.choice([MOVE, DRAG, PRESS, RELEASE, WHEEL_UP], size=count, p=[0.4, 0.2, 0.15, 0.15, 0.1])
            button = np.where(np.isin(state, [PRESS, RELEASE]), random.choice([LEFT, RIGHT, MIDDLE], size=count), 0)
            time = np.arange(count, dtype=float)
            rows = Rows.of(time, time, time, button.astype(np.uint8), state.astype(np.uint8))
            assert buttons_held(rows)[0].tolist() == plain_loop(rows)


def test_no_rows():
    none = np.zeros(0)
    held, counts = buttons_held(Rows.of(none, none, none))
    assert (len(held), counts) == (0, {})
