"""Trajectories: each channel on a trace worked by hand, marks, fields, clocks, lengths, and the way back.

The reason for its length: one encoder with many channels and parameters, each of which needs its own hand-worked trace.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from img_repr import encode_trajectory, get_encoder
from img_repr.core.errors import NotFittedError, ParameterError, SampleError
from img_repr.domains.mouse import trajectory
from img_repr.domains.mouse.sample import make_traces
from img_repr.domains.mouse.trace import LEFT, MIDDLE, RIGHT, Trace

FLAT = {"size": (9, 40), "field_px": 9.0, "stroke_px": 1.0, "clock_ms": None, "origin": "screen", "marks": False}


def row(x_px, t_s, channel, **more):
    """Values along a straight trace in the middle row, one screen pixel to an image pixel, at full coverage."""
    x_px = np.asarray(x_px, dtype=float) + 0.5
    trace = Trace(t_s, x_px, np.full(len(x_px), 4.5))
    images = encode_trajectory(trace, channels=channel, **{**FLAT, **more})
    return (images[:, 4] - 0.25) / 0.75


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        ("mono", [1.0, 1.0]),
        ("speed", [100.0 / 5e3, 20.0 / 5e3]),
        ("log_speed", [np.log(10.0) / np.log(1e3), np.log(2.0) / np.log(1e3)]),
        ("acceleration", [(1 - (80 / 0.3) / (80 / 0.3 + 1e4)) / 2] * 2),
        ("time_step", [np.log(100.0) / np.log(1e4), np.log(500.0) / np.log(1e4)]),
        ("elapsed", [0.05 / 0.6, 0.35 / 0.6]),
        ("curvature", [0.5, 0.5]),
    ],
)
def test_channels_of_a_trace_worked_by_hand(channel, expected):
    """Ten pixels to the right in 0.1 s, and ten more in 0.5 s."""
    values = row([5.0, 15.0, 25.0], [0.0, 0.1, 0.6], channel)
    np.testing.assert_allclose(values[0, 6:14], expected[0], atol=1e-5)
    np.testing.assert_allclose(values[0, 17:25], expected[1], atol=1e-5)


def test_direction_is_two_channels():
    across = row([5.0, 25.0], [0.0, 1.0], "direction")
    np.testing.assert_allclose(across[:, 10], [1.0, 0.5], atol=1e-6)
    up = encode_trajectory(Trace([0.0, 1.0], [4.5, 4.5], [8.0, 0.0]), channels="direction", **(FLAT | {"size": 9}))
    np.testing.assert_allclose((up[:, 4, 4] - 0.25) / 0.75, [0.5, 1.0], atol=1e-6)
    resting = row([5.0, 5.0], [0.0, 1.0], "direction")
    np.testing.assert_allclose(resting[:, 5], [0.5, 0.5], atol=1e-6)


def test_curvature_is_above_half_where_a_path_turns_left():
    angle = np.linspace(0.0, np.pi, 60)
    arc = Trace(angle, 100.0 * np.cos(angle), -100.0 * np.sin(angle))
    back = replace(arc, x_px=arc.x_px[::-1].copy(), y_px=arc.y_px[::-1].copy())
    for trace, expected in ((arc, 0.75), (back, 0.25)):  # 1 / 100 px is the scale: halfway
        image = encode_trajectory(trace, channels=("mono", "curvature"), field_px=256, clock_ms=None, marks=False)
        full = image[0] == 1.0
        np.testing.assert_allclose((image[1][full] - 0.25) / 0.75, expected, atol=2e-3)


def test_where_strokes_overlap_the_mean_counts_by_time():
    """There in 0.1 s and back in 0.3 s, on the same pixels."""
    values = row([5.0, 25.0, 5.0], [0.0, 0.1, 0.4], "elapsed")
    np.testing.assert_allclose(values[0, 8:22], (0.1 * 0.05 + 0.3 * 0.25) / 0.4 / 0.4, atol=1e-5)


def test_weight_of_a_step_does_not_depend_on_its_parts():
    whole = row([5.0, 25.0, 5.0], [0.0, 0.1, 0.4], "log_speed")[0, 8:22]
    x = np.concatenate([np.linspace(5.0, 25.0, 161), np.linspace(25.0, 5.0, 5)[1:]])
    t = np.concatenate([np.linspace(0.0, 0.1, 161), np.linspace(0.1, 0.4, 5)[1:]])
    np.testing.assert_allclose(row(x, t, "log_speed")[0, 8:22], whole, atol=0.02)


def test_paper_is_nought_and_ink_is_not():
    still = row([5.0, 6.0], [0.0, 100.0], "log_speed")  # slower than the scale: value 0
    image = 0.25 + 0.75 * still[0]
    assert image[5] == pytest.approx(0.25)
    np.testing.assert_allclose(image[10:], 0.0, atol=1e-7)


def test_one_event_is_a_dot():
    image = encode_trajectory(Trace([3.0], [500.0], [300.0]), size=9, channels="mono", stroke_px=3)
    v, u = np.mgrid[:9, :9] - 4.0
    np.testing.assert_allclose(image[0], np.clip(2.0 - np.hypot(u, v), 0.0, 1.0), atol=1e-6)
    assert not image[1].any()


def test_drags_are_twice_as_wide():
    trace = Trace(np.arange(3.0), [5.5, 18.5, 35.5], np.full(3, 4.5), buttons=[0, LEFT, 0])
    image = encode_trajectory(trace, channels="mono", **(FLAT | {"stroke_px": 2}))[0]
    np.testing.assert_allclose(image[:, 10].sum(), 2.0, atol=1e-5)
    np.testing.assert_allclose(image[:, 28].sum(), 4.0, atol=1e-5)


def marks_of(buttons=None, wheel=None):
    count = len(buttons if buttons is not None else wheel)
    trace = Trace(np.arange(count, dtype=float), np.full(count, 20.5), np.full(count, 20.5), buttons, wheel)
    return encode_trajectory(trace, size=41, field_px=41, origin="screen", stroke_px=2)[-1]


def test_presses_are_discs_and_releases_rings():
    far = np.hypot(*(np.mgrid[:41, :41] - 20.0))
    press, ring = np.clip(3.5 - far, 0.0, 1.0), np.clip(1.5 - np.abs(far - 5.0), 0.0, 1.0)
    assert not marks_of([0, 0]).any()
    np.testing.assert_allclose(marks_of([0, LEFT]), press, atol=1e-5)
    np.testing.assert_allclose(marks_of([LEFT, LEFT]), press, atol=1e-5)  # held from the first event on
    np.testing.assert_allclose(marks_of([0, LEFT, 0]), np.maximum(press, ring), atol=1e-5)
    np.testing.assert_allclose(marks_of([0, RIGHT]), 0.75 * press, atol=1e-5)
    np.testing.assert_allclose(marks_of([0, MIDDLE, 0]), 0.5 * np.maximum(press, ring), atol=1e-5)
    np.testing.assert_allclose(marks_of([LEFT, LEFT | RIGHT]), press, atol=1e-5)


def test_the_wheel_is_a_bar_up_or_down():
    v, u = np.mgrid[:41, :41] - 20.0
    up = 0.75 * np.clip(1.5 - np.hypot(u, v + np.clip(-v, 0.0, 6.0)), 0.0, 1.0)
    np.testing.assert_allclose(marks_of(wheel=[0, 1]), up, atol=1e-5)
    np.testing.assert_allclose(marks_of(wheel=[0, -1]), up[::-1], atol=1e-5)
    assert marks_of(wheel=[0, 3]).sum() > marks_of(wheel=[0, 2]).sum()
    np.testing.assert_array_equal(marks_of(wheel=[0, -128]), marks_of(wheel=[0, -4]))


def test_the_field_has_a_physical_scale():
    trace = Trace([0.0, 1.0], [100.0, 740.0], [300.0, 300.0])  # half of the default field
    image = encode_trajectory(trace, channels="mono", stroke_px=1, marks=False)[0]
    np.testing.assert_allclose(image[:, 16:48].sum(axis=0), 1.0, atol=1e-5)  # 640 of 1280 px are 32 pixels of 64
    assert not image[:, :15].any()
    np.testing.assert_allclose(image, image[:, ::-1], atol=1e-5)
    start = encode_trajectory(trace, channels="mono", origin="start", marks=False)[0]
    assert start[:, 32:].sum() > 20 * start[:, :30].sum()
    wide = encode_trajectory(trace, channels="mono", size=(64, 128), stroke_px=1, marks=False)[0]
    np.testing.assert_allclose(wide[:, 32:96], image, atol=1e-6)


def test_distant_strokes_cost_nothing_and_are_clipped():
    far = Trace([0.0, 1.0, 2.0], [-1e6, 1e6, 1e6], [102.5, 102.5, -1e6])
    image = encode_trajectory(far, channels="mono", size=40, field_px=200, origin="screen", marks=False)[0]
    assert image[20].min() == pytest.approx(1.0)
    assert not image[:15].any()
    assert not encode_trajectory(far, size=40, field_px=200, origin="start")[:-1, :, :15].any()


def test_fit_sets_the_field_and_the_clock():
    traces = make_traces(40)
    encoder = get_encoder("trajectory", field_px="fit", clock_ms="fit")
    with pytest.raises(NotFittedError):
        encoder(traces)
    fitted = encoder.fit(traces).all_parameters
    far = np.concatenate(
        [
            np.maximum(
                np.abs(t.x_px - (t.x_px.min() + t.x_px.max()) / 2), np.abs(t.y_px - np.ptp(t.y_px) / 2 - t.y_px.min())
            )
            for t in traces
        ]
    )
    assert np.mean(far <= fitted["field_px"] / 2) >= 0.95
    assert np.mean(far <= fitted["field_px"] / 2 - 2) < 0.95
    assert fitted["clock_ms"] in (16.0, 17.0)
    assert encoder.fit(traces)(traces).shape == (40, 4, 64, 64)


def smooth(period_s, seed=None):
    """The same second of movement in whole pixels as recorded every so often, evenly or not."""
    time = np.arange(0.0, 1.0 + 1e-9, period_s)
    if seed is not None:
        time = np.sort(np.concatenate([time, np.random.default_rng(seed).uniform(0.0, 1.0, len(time) // 3)]))
    fraction = time**3 * (10.0 - 15.0 * time + 6.0 * time**2)
    return Trace(time, np.rint(800.0 * fraction), np.rint(250.0 * np.sin(np.pi * fraction)))


def test_the_recorders_clock_hardly_shows():
    """At a common clock of 32 ms images of recorders of 4 to 16 ms are within 0.04, at their own within 0.13."""
    of_common, of_own = (encode_trajectory(smooth(0.004), clock_ms=clock) for clock in (32, None))
    for trace in (smooth(0.008), smooth(0.01), smooth(0.016), smooth(0.008, seed=1)):
        off = np.abs(encode_trajectory(trace, clock_ms=32) - of_common)
        assert off.max() < 0.04
        assert off.mean() < 3e-4
        assert off.max() < np.abs(encode_trajectory(trace, clock_ms=None) - of_own).max() / 2


def test_kinds_of_input_agree():
    points = np.stack([np.stack([t.t_s[:40], t.x_px[:40], t.y_px[:40]], axis=1) for t in make_traces(3)])
    expected = encode_trajectory([Trace(*one.T) for one in points])
    np.testing.assert_array_equal(encode_trajectory(points), expected)
    np.testing.assert_array_equal(encode_trajectory(points[0]), expected[0])
    tensors = encode_trajectory(torch.from_numpy(points))
    assert isinstance(tensors, torch.Tensor)
    np.testing.assert_array_equal(tensors.numpy(), expected)
    on_torch = encode_trajectory([one.to(torch.device("cpu")) for one in make_traces(3)])
    np.testing.assert_array_equal(on_torch.numpy(), encode_trajectory(make_traces(3)))
    graded = torch.from_numpy(points).requires_grad_()
    with pytest.raises(ParameterError, match="trajectory: expected samples without a gradient"):
        encode_trajectory(graded)


def test_shapes_and_buffers():
    traces = make_traces(3)
    assert encode_trajectory(traces[0], size=(5, 9)).shape == (4, 5, 9)
    assert encode_trajectory(traces[:1]).shape == (1, 4, 64, 64)
    assert encode_trajectory(traces, channels=("direction", "mono"), marks=False).shape == (3, 3, 64, 64)
    contract = get_encoder("trajectory", size=9)
    assert contract(traces[0]).shape == (1, 4, 9, 9)
    for shape, samples in (((4, 9, 9), traces[0]), ((1, 4, 9, 9), traces[0]), ((3, 4, 9, 9), traces)):
        buffer = np.full(shape, 7.0, np.float32)
        assert contract(samples, out=buffer) is buffer
        np.testing.assert_array_equal(buffer.reshape(-1, 4, 9, 9), contract(samples))
    with pytest.raises(ParameterError, match=r"^trajectory: expected out to be contiguous"):
        contract(traces, out=np.empty((3, 3, 9, 9), np.float32))


def test_a_batch_is_laid_out_some_traces_at_a_time(monkeypatch):
    traces = [*make_traces(12), Trace([1.0], [7.0], [8.0]), *make_traces(3, seed=1)]
    whole, bytes_ = encode_trajectory(traces), encode_trajectory(traces, dtype="uint8")
    laid_out, lay_out = [], trajectory.lay_out

    def noting(batch, *given, **more):
        laid_out.append(batch.lengths.tolist())
        return lay_out(batch, *given, **more)

    monkeypatch.setattr(trajectory, "lay_out", noting)
    monkeypatch.setattr(trajectory, "_EVENTS_AT_ONCE", 150)
    np.testing.assert_allclose(encode_trajectory(traces), whole, atol=1e-6)
    assert [count for lengths in laid_out for count in lengths] == [len(one) for one in traces]
    assert max(sum(lengths) for lengths in laid_out) <= 150 + max(map(len, traces))
    assert len(laid_out) >= 5
    np.testing.assert_allclose(encode_trajectory(traces, dtype="uint8").astype(int), bytes_.astype(int), atol=1)


def memory_mb(word):
    return int(Path("/proc/self/status").read_text().split(word + ":")[1].split()[0]) / 1024


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the high-water mark is read as Linux has it")
@pytest.mark.parametrize("step_s", [0.008, 1.0])
def test_a_million_events_stay_in_bounds(step_s, random):
    count = 1_000_000
    x, y = 500.0 * np.sin(np.linspace(0, 700, count)), np.cumsum(random.normal(size=count))
    trace = Trace(np.arange(count) * step_s, x, np.clip(y, -400, 400), buttons=random.integers(0, 2, count))
    Path("/proc/self/clear_refs").write_text("5")
    before = memory_mb("VmRSS")
    image = encode_trajectory(trace)
    assert memory_mb("VmHWM") - before < 450
    assert np.isfinite(image).all()
    assert 0.9 < image.max() <= 1.0


def test_back_projection_reaches_the_painted_events():
    trace = Trace(np.arange(5.0), [0.0, 100.0, 200.0, 300.0, 400.0], np.zeros(5), buttons=[0, 0, 0, 0, LEFT])
    encoder = get_encoder("trajectory", size=40, field_px=400, stroke_px=1, clock_ms=None)
    heat = np.zeros((4, 40, 40))
    heat[0, 19:21, 12:17] = 1.0  # about 150 px: the second step
    np.testing.assert_allclose(encoder.back_project(heat, trace), [0, 5, 5, 0, 0], atol=1e-6)
    heat[:] = 0.0
    heat[3, 19, 39] = 2.0  # the press
    np.testing.assert_allclose(encoder.back_project(heat, trace), [0, 0, 0, 0, 2], atol=1e-6)
    heat[:] = 0.0
    heat[1, 3, 3] = 5.0  # paper
    np.testing.assert_allclose(encoder.back_project(heat, trace), np.ones(5))
    clocked = get_encoder("trajectory", size=40, field_px=400, stroke_px=1, clock_ms=20)
    heat[:] = 0.0
    heat[2, 19:21, 12:13] = 1.0  # 125 px: a quarter of the way from the second event to the third
    np.testing.assert_allclose(clocked.back_project(heat, trace), [0, 1.5, 0.5, 0, 0], atol=0.5)
    assert clocked.back_project(heat, trace.to(torch.device("cpu"))).sum() == pytest.approx(2.0)
    with pytest.raises(ParameterError, match="expected heat of shape"):
        encoder.back_project(np.zeros((3, 40, 40)), trace)
    with pytest.raises(SampleError, match="expected one trace"):
        encoder.back_project(heat, [trace, trace])


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"channels": ()}, "channels"),
        ({"channels": ("mono", "mono")}, "channels"),
        ({"channels": "color"}, "channels"),
        ({"channels": 3}, "channels"),
        ({"clock_ms": 0}, "clock_ms"),
        ({"field_px": 0.5}, "field_px"),
        ({"field_px": "fit"}, "field_px"),
        ({"field_px": float("nan")}, "field_px"),
        ({"origin": "corner"}, "origin"),
        ({"stroke_px": 0.5}, "stroke_px"),
        ({"stroke_px": 1000}, "stroke_px"),
        ({"stroke_px": True}, "stroke_px"),
        ({"marks": "yes"}, "marks"),
        ({"size": (3, 4, 5)}, "size"),
        ({"size": 0}, "size"),
        ({"size": 10**6}, "size"),
        ({"size": (64, 16385)}, "size"),
    ],
    ids=str,
)
def test_wrong_parameters(wrong, word):
    with pytest.raises(ParameterError, match=f"^trajectory: expected {word} to be ") as error:
        encode_trajectory(make_traces(1), **wrong)
    assert "\n" not in str(error.value)
