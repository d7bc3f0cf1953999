"""The five numbers of the recorder."""

import numpy as np

from img_repr.core.features import FEATURES
from img_repr.domains.mouse.clock_and_screen import ClockAndScreen
from img_repr.domains.mouse.sample import make_traces
from img_repr.domains.mouse.trace import Trace


def test_hand_worked():
    time = np.array([2.0, 2.1, 2.3, 2.6, 3.0])  # intervals of 0.1, 0.2, 0.3 and 0.4 s
    whole = Trace(time, [5, 80, 6, 7, 8], [9, 1, 2, 30, 4])
    table = ClockAndScreen().fit_transform([whole, Trace([1.0], [3], [4])])
    np.testing.assert_allclose(table, [[0.175, 0.25, 0.325, 80, 30], [0, 0, 0, 3, 4]])


def test_its_label_says_that_it_only_leaks():
    assert FEATURES["clock_and_screen"].leak_only
    assert not FEATURES["kinematic"].leak_only


def test_movement_does_not_matter():
    """The way back, mirrored inside its own extent, and at the same times, has the same row."""
    traces = make_traces(5)
    other = [Trace(one.t_s, one.x_px[::-1], one.y_px[::-1]) for one in traces]
    clock = ClockAndScreen().fit(traces)
    np.testing.assert_array_equal(clock.transform(traces), clock.transform(other))
