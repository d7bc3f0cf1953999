"""Positions and steps: hand-worked, and never a step that takes no time."""

import numpy as np
import pytest

from img_repr.domains.mouse.events import events_of
from img_repr.domains.mouse.motion import find_positions, measure_motion
from img_repr.domains.mouse.sample import check_traces, make_traces
from img_repr.domains.mouse.trace import Trace


def events(*traces):
    return events_of(check_traces(list(traces), caller="test"))


def test_a_hand_worked_motion():
    """30 px right in 0.1 s, 40 px down in 0.2 s, rest for 0.1 s, 10 px left in 0.1 s."""
    time, x, y = [5.0, 5.1, 5.3, 5.4, 5.5], [0, 30, 30, 30, 20], [7, 7, 47, 47, 47]
    motion = measure_motion(find_positions(events(Trace(time, x, y))))
    np.testing.assert_allclose(motion.speed, [300, 200, 0, 100])
    np.testing.assert_allclose(motion.speed_x, [300, 0, 0, -100])
    np.testing.assert_allclose(motion.speed_y, [0, 200, 0, 0])
    np.testing.assert_allclose(motion.acceleration, [-500, -2000, 1000])
    np.testing.assert_allclose(motion.jerk, [-15000, 30000])
    np.testing.assert_allclose(motion.direction, [0, np.pi / 2, np.pi])
    np.testing.assert_allclose(motion.turn, [np.pi / 2, np.pi / 2])
    np.testing.assert_allclose(motion.turn_length_px, [40, 10])
    np.testing.assert_allclose(motion.turn_duration_s, [0.2, 0.2])


def test_turns_take_the_short_way():
    angles = np.deg2rad([170, -170, 100, -80])  # a turn of 20, of -90, and of half a turn
    path = np.cumsum(np.stack([np.cos(angles), np.sin(angles)]), axis=1)
    motion = measure_motion(find_positions(events(Trace(np.arange(5), *np.pad(path, ((0, 0), (1, 0)))))))
    np.testing.assert_allclose(np.rad2deg(motion.turn) % 360, [20, 270, 180], atol=1e-9)
    assert (np.abs(motion.turn) <= np.pi + 1e-12).all()


def test_traces_do_not_touch():
    both = measure_motion(find_positions(events(*make_traces(2))))
    first, second = (measure_motion(find_positions(events(one))) for one in make_traces(2))
    for name in ("speed", "acceleration", "jerk", "turn", "turn_duration_s"):
        parts = np.concatenate([getattr(first, name), getattr(second, name)])
        np.testing.assert_array_equal(getattr(both, name), parts)
    assert both.turns.counts.tolist() == [len(first.turn), len(second.turn)]


@pytest.mark.parametrize("gap_s", [0.0, 1e-12, 1e-5, 4e-4])
def test_events_of_one_millisecond_are_one_position(gap_s):
    time = np.array([0.0, 0.1, 0.1 + gap_s, 0.2])
    found = find_positions(events(Trace(time, [0, 1, 2, 3], [0, 0, 0, 0])))
    assert found.x_px.tolist() == [0, 2, 3]
    assert np.diff(found.time_s).min() >= 0.001


def test_a_clock_takes_the_recorder_out():
    """One smooth movement, recorded every 8 ms and every 20 ms: the same positions at 40 ms, to half a pixel."""
    found = []
    for tick in (0.008, 0.020):
        time = np.arange(0, 1.2 + 1e-9, tick)
        found.append(find_positions(events(Trace(time, 300 * np.sin(2 * time), 200 * np.cos(3 * time))), 40.0))
    np.testing.assert_allclose(found[0].time_s, found[1].time_s, atol=1e-9)
    np.testing.assert_allclose(found[0].x_px, found[1].x_px, atol=0.5)
    np.testing.assert_allclose(found[0].y_px, found[1].y_px, atol=0.5)


def test_a_trace_of_years_has_few_positions():
    found = find_positions(events(Trace([0.0, 1.0, 1e9], [0, 5, 9], [0, 0, 0])), 16.0)
    assert len(found.time_s) < 100
    assert found.x_px[-1] == pytest.approx(9)
