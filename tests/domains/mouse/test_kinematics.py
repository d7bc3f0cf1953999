from operator import attrgetter

import numpy as np
import pytest

from img_repr.domains.mouse.clock import find_ticks
from img_repr.domains.mouse.kinematics import acceleration, curvature, direction, find_steps
from img_repr.domains.mouse.sample import check_traces, make_traces
from img_repr.domains.mouse.trace import Trace

QUANTITIES = (attrgetter("speed"), acceleration, curvature)


def steps_of(traces):
    return find_steps(find_ticks(check_traces(traces, caller="test"), None))


def test_a_trace_worked_by_hand():
    """Steps of 5, 0 and 10 px in 0.1, 0.2 and 0.1 s."""
    steps = steps_of(Trace([0.0, 0.1, 0.3, 0.4], [0.0, 3.0, 3.0, 3.0], [0.0, -4.0, -4.0, 6.0]))
    np.testing.assert_allclose(steps.speed, [50.0, 0.0, 100.0])
    joints = np.array([-50.0 / 0.15, 100.0 / 0.15])
    np.testing.assert_allclose(acceleration(steps), [joints[0], joints.mean(), joints[1]])
    cosine, sine = direction(steps)
    np.testing.assert_allclose(cosine, [0.6, 0.0, 0.0])
    np.testing.assert_allclose(sine, [0.8, 0.0, -1.0])  # up is positive, screens count down
    np.testing.assert_allclose(curvature(steps), 0.0)  # no joint has two moving sides


def test_a_circle_turns_by_one_over_its_radius():
    angle = np.linspace(0.0, 2.0 * np.pi, 200)
    steps = steps_of(Trace(angle, 50.0 * np.cos(angle), -50.0 * np.sin(angle)))  # anticlockwise to the eye
    np.testing.assert_allclose(curvature(steps), 1.0 / 50.0, rtol=1e-3)
    np.testing.assert_allclose(steps.speed, 50.0, rtol=1e-3)


def test_steady_acceleration_is_found():
    time = np.linspace(0.0, 2.0, 21)
    steps = steps_of(Trace(time, 300.0 * time**2, np.zeros(21)))
    np.testing.assert_allclose(acceleration(steps), 600.0, rtol=1e-9)


def test_traces_do_not_touch_each_other_and_one_event_is_one_step():
    traces = [*make_traces(3), Trace([1.0], [7.0], [8.0])]
    together = steps_of(traces)
    for number, one in enumerate(traces):
        alone, mine = steps_of(one), together.trace == number
        for quantity in QUANTITIES:
            np.testing.assert_array_equal(quantity(together)[mine], quantity(alone))
    assert steps_of(traces[3]).dt_s.tolist() == [0.0]
    assert [float(of(steps_of(traces[3]))) for of in QUANTITIES] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("far", [1e-6, 1e6])
def test_extreme_steps_stay_finite(far):
    steps = steps_of(Trace([0.0, 2e-6, 4e-6, 1e9], [0.0, far, -far, far], np.zeros(4)))
    for quantity in QUANTITIES:
        assert quantity(steps).isfinite().all()
