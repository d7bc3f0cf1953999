import numpy as np
import pytest

from img_repr.core.errors import ParameterError
from img_repr.domains.mouse import clock
from img_repr.domains.mouse.clock import check_clock, find_ticks, fitted_clock_ms
from img_repr.domains.mouse.sample import check_traces, make_traces
from img_repr.domains.mouse.trace import Trace


def ticks_of(traces, period_s):
    return find_ticks(check_traces(traces, caller="test"), period_s)


def test_last_event_of_equal_times_is_used():
    time = np.array([3.0, 3.0, 3.0 + 5e-7, 3.1, 3.1])
    ticks = ticks_of(Trace(time, np.arange(5.0), np.zeros(5)), None)
    assert ticks.x_px.tolist() == [2.0, 4.0]
    np.testing.assert_allclose(ticks.t_s, [5e-7, 0.1])


def test_ticks_are_linear_interpolation_in_equal_steps(random):
    time = np.cumsum(random.uniform(0.004, 0.02, 50))
    trace = Trace(time, random.normal(size=50), random.normal(size=50))
    ticks = ticks_of(trace, 0.007)
    count = round(trace.duration_s / 0.007)
    np.testing.assert_allclose(ticks.t_s, np.linspace(0.0, trace.duration_s, count + 1), atol=1e-12)
    for ours, theirs in ((ticks.x_px, trace.x_px), (ticks.y_px, trace.y_px)):
        np.testing.assert_allclose(ours, np.interp(ticks.t_s.numpy() + time[0], time, theirs), atol=1e-9)
    fraction, before, after = ticks.fraction.numpy(), ticks.event.numpy(), ticks.next_event.numpy()
    between = (1 - fraction) * time[before] + fraction * time[after]
    np.testing.assert_allclose(between - time[0], ticks.t_s, atol=1e-12)


@pytest.mark.parametrize("duration_s", [0.001, 0.02, 0.025, 1.0])
def test_a_trace_begins_and_ends_where_it_did(duration_s):
    trace = Trace([5.0, 5.0 + duration_s], [0.0, 10.0], [3.0, 4.0])
    ticks = ticks_of(trace, 0.016)
    assert ticks.x_px[0] == 0.0
    assert ticks.x_px[-1] == 10.0
    assert ticks.t_s[-1] == pytest.approx(duration_s)
    assert len(ticks.t_s) - 1 == min(8, max(1, round(duration_s / 0.016)))


def test_traces_of_a_batch_do_not_touch_each_other():
    traces = [*make_traces(3), Trace([1.0], [7.0], [8.0]), Trace([2.0, 2.0], [1.0, 2.0], [0.0, 0.0])]
    together = ticks_of(traces, 0.016)
    for number, one in enumerate(traces):
        alone, mine = ticks_of(one, 0.016), together.trace == number
        np.testing.assert_array_equal(together.x_px[mine], alone.x_px)
        np.testing.assert_array_equal(together.t_s[mine], alone.t_s)
    assert together.x_px[together.trace == 4].tolist() == [2.0]


def test_a_rest_of_years_is_a_few_ticks():
    ticks = ticks_of(Trace([0.0, 0.1, 1e9], [0.0, 1.0, 2.0], np.zeros(3)), 0.001)
    assert len(ticks.t_s) <= 2 * 8 + 1
    assert (ticks.t_s.diff() > 0).all()


def test_a_trace_of_too_many_ticks_keeps_its_own_times(monkeypatch):
    """Of 100 ticks at most: 8 in each of 39 gaps are too many, 120 of 240 events are not."""
    slow, fast = (Trace(7.0 + np.arange(n) * step, np.arange(n), np.ones(n)) for n, step in ((40, 1.0), (240, 0.008)))
    short = Trace([0.0, 0.05, 0.1], [0.0, 5.0, 10.0], np.zeros(3))
    before = [ticks_of(one, 0.016) for one in (fast, short)]
    assert len(ticks_of(slow, 0.016).t_s) == 8 * 39 + 1
    monkeypatch.setattr(clock, "MOST_TICKS", 100)
    together = ticks_of([fast, slow, short], 0.016)
    mine = together.trace == 1
    assert together.t_s[mine].tolist() == list(range(40))
    assert together.x_px[mine].tolist() == list(range(40))
    assert together.event[mine].tolist() == together.next_event[mine].tolist() == list(range(240, 280))
    for number, alone in zip((0, 2), before, strict=True):
        np.testing.assert_array_equal(together.t_s[together.trace == number], alone.t_s)
        np.testing.assert_array_equal(together.x_px[together.trace == number], alone.x_px)


@pytest.mark.parametrize("wrong", [0, -1.0, "fit", True, float("nan"), float("inf"), [16]])
def test_wrong_clock(wrong):
    with pytest.raises(ParameterError, match=r"^test: expected clock_ms to be a period"):
        check_clock("test", wrong)


def test_fitted_clock_is_that_of_slow_recorders():
    fast, slow = (Trace(np.arange(40) * step, np.zeros(40), np.zeros(40)) for step in (0.008, 0.11))
    assert fitted_clock_ms(check_traces([fast] * 8 + [slow] * 2, caller="test")) == 110.0
    assert fitted_clock_ms(check_traces([fast] * 99 + [slow], caller="test")) == 8.0
    with pytest.raises(ParameterError, match="two times or more"):
        fitted_clock_ms(check_traces([fast[:1]], caller="test"))
