"""Segmenters: hand-worked cuts, and what holds of all of them."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from img_repr.core.errors import ParameterError, UnknownNameError
from img_repr.domains.mouse.actions import kind_of
from img_repr.domains.mouse.sample import make_traces
from img_repr.domains.mouse.segments import (
    SEGMENTERS,
    Actions,
    Blocks,
    Clicks,
    Pauses,
    PausesAndClicks,
    Seconds,
    get_segmenter,
)
from img_repr.domains.mouse.trace import LEFT, RIGHT, Trace

ALL = ("pause", "pause(longest_s=0)", "click", "pause_click", "events(n=3)", "seconds(s=0.7)", "actions(pause_s=0.5)")


def trace(time, buttons=None, x=None):
    time = np.asarray(time, float)
    return Trace(time, np.zeros(len(time)) if x is None else x, np.zeros(len(time)), buttons)


def bounds(parts):
    return [(part.start, part.stop) for part in parts]


def test_pauses():
    assert bounds(Pauses(1.0)(trace([0, 0.5, 1.5, 2.6, 2.6, 4]))) == [(0, 3), (3, 5), (5, 6)]  # 1.0 s is no pause


def test_clicks_end_segments():
    buttons = [0, LEFT, 0, 0, LEFT, LEFT | RIGHT, RIGHT, 0, 0]
    assert bounds(Clicks()(trace(np.arange(9), buttons))) == [(0, 3), (3, 8), (8, 9)]
    assert bounds(Clicks()(trace(np.arange(8), buttons[:8]))) == [(0, 3), (3, 8)]
    assert bounds(Clicks()(trace(np.arange(5), buttons[:5]))) == [(0, 3), (3, 5)]


def test_pauses_and_clicks():
    found = PausesAndClicks(longest_s=2.0)(trace([0, 1, 2, 3, 9, 10], [0, LEFT, 0, 0, 0, 0]))
    assert bounds(found) == [(0, 3), (3, 4), (4, 6)]


def test_events():
    assert bounds(Blocks(2)(trace(range(5)))) == [(0, 2), (2, 4), (4, 5)]
    assert bounds(Blocks(5)(trace(range(5)))) == [(0, 5)]
    assert bounds(Blocks(9)(trace(range(5)))) == [(0, 5)]


def test_blocks_overlap_and_the_last_reaches_the_end():
    assert bounds(Blocks(4, step=2)(trace(range(8)))) == [(0, 4), (2, 6), (4, 8)]
    assert bounds(Blocks(4, step=2)(trace(range(9)))) == [(0, 4), (2, 6), (4, 8), (6, 9)]
    assert bounds(Blocks(4, step=1)(trace(range(3)))) == [(0, 3)]
    assert Blocks(4, step=3)(trace([])) == []


@given(length=st.integers(0, 60), n=st.integers(1, 20), step=st.integers(1, 20))
def test_overlapping_blocks_hold_every_event(length, n, step):
    parts = Blocks(n, step=min(step, n))(trace(range(length)))
    assert {position for part in parts for position in range(part.start, part.stop)} == set(range(length))
    assert all(later.start - part.start == min(step, n) for part, later in itertools.pairwise(parts))
    assert all(part.stop - part.start == n for part in parts[:-1])


def test_seconds_count_from_the_first_event():
    assert bounds(Seconds(2.0)(trace([10.5, 12.4, 12.5, 13, 21]))) == [(0, 2), (2, 4), (4, 5)]


def test_actions():
    """A movement, 11 s of rest, a movement with a click, a movement to a drag with a rest in it, and what follows."""
    time = [0, 1, 12, 13, 14, 15, 16, 17, 30, 31, 32]
    x = [0, 1, 2, 3, 3, 3, 5, 5, 8, 8, 9]
    buttons = [0, 0, 0, 0, LEFT, 0, 0, LEFT, LEFT, 0, 0]
    whole = trace(time, buttons, x)
    parts = Actions()(whole)
    assert bounds(parts) == [(0, 2), (2, 6), (6, 7), (7, 10), (10, 11)]
    assert [kind_of(whole[part]) for part in parts] == ["MM", "PC", "MM", "DD", "MM"]


@pytest.mark.parametrize("text", ALL)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_segments_are_the_whole_trace_in_order(text, data):
    steps = data.draw(st.lists(st.sampled_from([0.0, 0.016, 0.5, 1.0, 3.0]), max_size=40))
    count = len(steps)
    buttons = data.draw(st.lists(st.sampled_from([0, 0, 1, 3]), min_size=count, max_size=count))
    x = data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    parts = get_segmenter(text)(trace(np.cumsum(steps), buttons, np.array(x, float)))
    assert all(part.start < part.stop for part in parts)
    assert [position for part in parts for position in range(part.start, part.stop)] == list(range(count))


@pytest.mark.parametrize("text", ALL)
def test_tensors_are_cut_as_arrays(text):
    whole = make_traces(1)[0]
    assert get_segmenter(text)(whole) == get_segmenter(text)(whole.to(torch.device("cpu")))


@pytest.mark.parametrize("text", ALL)
def test_one_event_is_one_segment(text):
    assert bounds(get_segmenter(text)(trace([5.0], [LEFT]))) == [(0, 1)]
    assert get_segmenter(text)(trace([])) == []


def test_names_give_values():
    assert get_segmenter("pause") == Pauses(1.0)
    assert get_segmenter("events(n=64)") == Blocks(64)
    assert set(SEGMENTERS) == {"pause", "click", "pause_click", "events", "seconds", "actions"}
    assert len({get_segmenter(text) for text in (*ALL, *ALL)}) == len(ALL)


def test_rejects_invalid_input():
    with pytest.raises(UnknownNameError, match="no segmenter is called 'pauses'; did you mean 'pause'"):
        get_segmenter("pauses")
    with pytest.raises(ParameterError, match="segments: no parameter of pause is called 's'; known: longest_s"):
        get_segmenter("pause(s=2)")
    with pytest.raises(ParameterError, match="no parameter of click is called 's'; known: none"):
        get_segmenter("click(s=2)")
    with pytest.raises(ParameterError, match="segments: expected one segmenter, got 'pause\\+click'"):
        get_segmenter("pause+click")
    with pytest.raises(ParameterError, match="segments: expected names like"):
        get_segmenter("pause(")
    with pytest.raises(ParameterError, match="expected n to be an integer of events above 0, got 0"):
        get_segmenter("events(n=0)")
    for step in (0, 129, 1.5, True):
        with pytest.raises(ParameterError, match=f"expected step to be from 1 to n = 128 events, got {step}"):
            Blocks(128, step=step)
    with pytest.raises(ParameterError, match="expected s to be seconds above 0, got 0"):
        get_segmenter("seconds(s=0)")
    with pytest.raises(ParameterError, match=r"expected longest_s to be seconds from 0 on, got -1"):
        get_segmenter("pause(longest_s=-1)")
    with pytest.raises(ParameterError, match="got 'long'"):
        get_segmenter("actions(pause_s='long')")
