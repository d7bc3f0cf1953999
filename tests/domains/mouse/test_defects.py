"""Rules for defects: each by hand, and what holds of all whatever the file."""

import numpy as np
import pytest

from img_repr.domains.mouse.defects import RULES, buttons_held, clean
from img_repr.domains.mouse.rows import CLICK, DRAG, MOVE, NO_EVENT, OTHER, PRESS, RELEASE, WHEEL_DOWN, WHEEL_UP, Rows
from img_repr.domains.mouse.sample import check_traces
from img_repr.domains.mouse.trace import LEFT, MIDDLE, RIGHT, Trace

NAN, INF = float("nan"), float("inf")


def rows_of(*events: tuple) -> Rows:
    """Rows of ``(t, x, y)``, ``(t, x, y, state)`` or ``(t, x, y, state, button)``."""
    filled = [event + (MOVE, 0)[len(event) - 3 :] if len(event) < 5 else event for event in events]
    t, x, y, state, button = (np.array(column) for column in zip(*filled, strict=True))
    return Rows.of(*(one.astype(float) for one in (t, x, y)), button.astype(np.uint8), state.astype(np.uint8))


def points(piece: Trace) -> list[tuple[float, float, float]]:
    return list(zip(piece.t_s.tolist(), piece.x_px.tolist(), piece.y_px.tolist(), strict=True))


def test_clean_rows_stay_as_they_are():
    (piece,), counts = clean(rows_of((5, 1, 2), (6, 3, 4), (8, 5, 6)))
    assert points(piece) == [(0, 1, 2), (1, 3, 4), (3, 5, 6)]
    assert counts == {}
    assert piece.buttons.tolist() == piece.wheel.tolist() == [0, 0, 0]


def test_sentinel_is_dropped_and_cuts():
    pieces, counts = clean(rows_of((0, 1, 1), (1, 65535, 65535), (2, 65535, 65535), (3, 9, 9), (4, 8, 65535)))
    assert [points(piece) for piece in pieces] == [[(0, 1, 1)], [(3, 9, 9)]]
    assert counts == {"sentinel": 3}


def test_a_press_at_the_sentinel_is_kept_before_the_cut():
    rows = rows_of((0, 1, 2), (1, 65535, 65535, PRESS, LEFT), (2, 65535, 65535, RELEASE, LEFT), (3, 9, 9))
    pieces, counts = clean(rows)
    assert [points(piece) for piece in pieces] == [[(0, 1, 2), (1, 1, 2), (2, 1, 2)], [(3, 9, 9)]]
    assert pieces[0].buttons.tolist() == [0, 1, 0]
    assert counts == {"sentinel": 2}


def test_scroll_rows_take_the_place_before():
    rows = rows_of((0, 5, 6), (1, 0, 0, WHEEL_DOWN), (1, 0, 0, WHEEL_DOWN), (2, 0, 0, WHEEL_UP), (3, 0, 0), (4, 7, 7))
    (piece,), counts = clean(rows)
    assert points(piece) == [(0, 5, 6), (1, 5, 6), (1, 5, 6), (2, 5, 6), (3, 0, 0), (4, 7, 7)]
    assert piece.wheel.tolist() == [0, -1, -1, 1, 0, 0]
    assert counts == {"scroll_at_origin": 3, "equal_time": 1}


def test_scroll_rows_take_no_place_from_beyond_a_cut():
    rows = rows_of((0, 5, 6), (1, 65535, 65535), (2, 0, 0, WHEEL_UP), (3, 70, 80))
    pieces, _ = clean(rows)
    assert [points(piece) for piece in pieces] == [[(0, 5, 6)], [(2, 70, 80), (3, 70, 80)]]
    (first,), _ = clean(rows_of((0, 0, 0, WHEEL_UP), (1, 70, 80)))
    assert points(first) == [(0, 70, 80), (1, 70, 80)]
    alone, _ = clean(rows_of((0, 5, 6), (1, 65535, 65535), (2, 0, 0, WHEEL_UP)))
    assert [points(piece) for piece in alone] == [[(0, 5, 6)], [(2, 5, 6)]]


def test_missing_numbers():
    rows = rows_of((0, 1, 1), (NAN, 2, 2), (2, NAN, 3), (3, 4, INF, PRESS, LEFT), (NAN, 5, 5, RELEASE, LEFT), (6, 7, 8))
    (piece,), counts = clean(rows)
    assert points(piece) == [(0, 1, 1), (3, 2, 2), (3, 5, 5), (6, 7, 8)]
    assert piece.buttons.tolist() == [0, 1, 0, 0]
    assert counts == {"missing_number": 4, "equal_time": 1}


def test_far_places_and_times():
    rows = rows_of((0, 1, 1), (1, 1e9, 5), (2, -40000, 5, PRESS, RIGHT), (3, -5, 7, RELEASE, RIGHT), (1e18, 4, 4))
    (piece,), counts = clean(rows)
    assert points(piece) == [(0, 1, 1), (2, 1, 1), (3, -5, 7)]
    assert counts == {"missing_number": 1, "off_screen": 2, "negative": 1}


def test_duplicates():
    rows = rows_of((0, 1, 1), (0, 1, 1), (0, 1, 1), (0, 2, 1), (1, 2, 1, DRAG), (1, 2, 1, DRAG), (2, 2, 1))
    (piece,), counts = clean(rows)
    assert points(piece) == [(0, 1, 1), (0, 2, 1), (1, 2, 1), (2, 2, 1)]
    assert counts == {"duplicate": 3, "equal_time": 1, "drag_without_press": 1}


def test_press_and_release_at_one_time_and_position_are_not_duplicates():
    (piece,), counts = clean(
        rows_of((0, 1, 1, PRESS, LEFT), (0, 1, 1, RELEASE, LEFT), (0, 1, 1, PRESS, LEFT), (1, 1, 1))
    )
    assert piece.buttons.tolist() == [1, 0, 1, 0]
    assert counts == {"equal_time": 2, "release_missing": 1}


def test_steps_back_cut():
    pieces, counts = clean(rows_of((10, 1, 1), (11, 2, 2), (10.5, 3, 3), (12, 4, 4)))
    assert [points(piece) for piece in pieces] == [[(0, 1, 1), (1, 2, 2)], [(0.5, 3, 3), (2, 4, 4)]]
    assert counts == {"clock_back": 1}
    assert min(piece.t_s.min() for piece in clean(rows_of((5, 1, 1), (0, 2, 2)))[0]) == 0


def test_other_events_and_buttons():
    rows = rows_of((0, 1, 1), (1, NAN, NAN, NO_EVENT), (2, 2, 2, PRESS, OTHER), (3, 2, 2, RELEASE, OTHER))
    (piece,), counts = clean(rows)
    assert piece.buttons.tolist() == [0, MIDDLE, 0]
    assert counts["other_event"] == 1
    assert counts["other_button"] == 2


def test_clicks():
    (piece,), counts = clean(rows_of((0, 1, 1), (1, 2, 2, CLICK, RIGHT), (2, 3, 3), (3, 3, 3, CLICK, LEFT)))
    assert piece.buttons.tolist() == [0, RIGHT, 0, 0, LEFT, 0]
    assert piece.t_s.tolist() == [0, 1, 1, 2, 3, 3]
    assert counts == {"click": 2, "equal_time": 2}
    rows = rows_of((0, 1, 1, PRESS, LEFT), (1, 1, 1, RELEASE, LEFT), (1, 1, 1, CLICK, LEFT), (2, 5, 5))
    (piece,), counts = clean(rows)
    assert piece.buttons.tolist() == [1, 0, 0, 0]
    assert counts == {"equal_time": 1}


def test_nothing_left():
    assert clean(rows_of((0, 65535, 65535), (1, 65535, 65535))) == ((), {"sentinel": 2})
    assert clean(rows_of((NAN, 1, 1)))[0] == ()
    none = np.zeros(0)
    assert clean(Rows.of(none, none, none)) == ((), {})


def test_whatever_the_file_pieces_are_good_traces_and_no_act_is_lost(random: np.random.Generator):
    for _ in range(150):
        count = int(random.integers(2, 60))
        t = np.round(np.cumsum(random.choice([0.0, 0.1, -0.05, 5.0], size=count, p=[0.3, 0.5, 0.1, 0.1])), 3)
        x, y = random.integers(-3, 4, size=(2, count)).astype(float)
        for column in (t, x, y):
            bad = random.uniform(size=count) < 0.1
            column[bad] = random.choice([NAN, INF, 65535.0, 1e9, -1e300], size=bad.sum())
        t[0], x[0], y[0] = 1.0, 1.0, 1.0
        state = random.choice([MOVE, DRAG, PRESS, RELEASE, WHEEL_UP, WHEEL_DOWN, NO_EVENT], size=count)
        state[0] = MOVE
        pressing = np.isin(state, [PRESS, RELEASE])
        button = np.where(pressing, random.choice([LEFT, RIGHT, OTHER], size=count), 0).astype(np.uint8)
        pieces, counts = clean(Rows.of(t, x, y, button, state.astype(np.uint8)))
        check_traces(list(pieces), caller="test")
        assert set(counts) <= set(RULES)
        assert all(number > 0 for number in counts.values())
        wheel = np.concatenate([piece.wheel for piece in pieces])
        assert (wheel == 1).sum() == (state == WHEEL_UP).sum()
        assert (wheel == -1).sum() == (state == WHEEL_DOWN).sum()
        held = np.concatenate([piece.buttons for piece in pieces])
        # a press that is followed by a release of its button ends in a bit that vanishes
        for one in (LEFT, RIGHT, OTHER):
            events = state[(button == one) & pressing]
            closed = int(((events[:-1] == PRESS) & (events[1:] == RELEASE)).sum())
            bit = (held & (MIDDLE if one == OTHER else one)) > 0
            falls = int((bit[:-1] & ~bit[1:]).sum()) + int(bit[-1])
            assert falls >= closed - counts.get("duplicate", 0)


@pytest.mark.parametrize("name", RULES)
def test_rules_speak(name: str):
    assert RULES[name].says or name == "carry_over"


def rows_from(events: str) -> Rows:
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
    found, lost = buttons_held(rows_from(events))
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
