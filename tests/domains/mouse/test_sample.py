"""Traces, and what is refused as one."""

import numpy as np
import pytest
import torch

from img_repr.core.errors import SampleError
from img_repr.domains.mouse.sample import check_traces, make_traces
from img_repr.domains.mouse.trace import LEFT, Trace


def walk(count: int = 4, **columns) -> Trace:
    known = {"t_s": np.arange(count) / 10, "x_px": np.arange(count), "y_px": np.zeros(count)}
    return Trace(**(known | columns))


def test_batches_put_events_one_after_the_other():
    traces = make_traces(3)
    batch = check_traces(traces, caller="doc")
    assert batch.lengths.tolist() == [len(one) for one in traces]
    assert batch.leading == (3,)
    start = int(batch.starts[1])
    np.testing.assert_array_equal(batch.x_px[start : start + len(traces[1])].numpy(), traces[1].x_px)
    assert check_traces(traces[0], caller="doc").leading == ()


def test_points_are_traces():
    points = np.stack([np.arange(5) / 10, np.arange(5), np.zeros(5)], axis=1)
    for given, leading, kind in (
        (points, (), "numpy"),
        (np.stack([points, points]), (2,), "numpy"),
        (torch.from_numpy(points), (), "torch"),
        (points.astype(np.float32), (), "numpy"),
    ):
        batch = check_traces(given, caller="doc")
        assert batch.leading == leading
        assert batch.kind == kind
        assert batch.x_px.dtype == torch.float64
        assert int(batch.buttons.sum()) == 0


def test_parts_are_views_and_devices_keep_all():
    trace = walk(buttons=[0, LEFT, LEFT, 0], wheel=[0, 0, -1, 0])
    part = trace[1:3]
    assert part.buttons.tolist() == [1, 1]
    assert np.shares_memory(part.x_px, trace.x_px)
    moved = trace.to(torch.device("cpu"))
    assert moved.wheel.dtype == torch.int8
    assert check_traces([moved], caller="doc").kind == "torch"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "doc: expected at least one trace, got none"),
        ([walk(0)], "doc: expected at least one event, got none in trace number 0"),
        ([walk(), 3], "doc: expected traces, or points"),
        (np.zeros((4, 2)), r"doc: expected points \(T, 3\) or \(N, T, 3\) of seconds, x and y, got float64 of shape"),
        (
            [walk(), walk(x_px=np.array([0.0, np.nan, 2.0, 3.0]))],
            "doc: expected finite x_px, got NaN or infinity in tra",
        ),
        ([walk(x_px=np.array([0, 1e9, 2, 3]))], r"doc: expected x_px within 1e\+06, got 1e\+09 in trace number 0"),
        (
            [walk(), walk(t_s=[0.0, 0.3, 0.2, 0.4])],
            "doc: expected time that does not run backwards, got a step back in tra",
        ),
        ([walk(y_px=np.zeros(3))], "doc: expected columns of one length"),
    ],
    ids=["none", "no event", "number", "pairs", "nan", "far", "backwards", "unequal"],
)
def test_rejects_invalid_files(given, said):
    with pytest.raises(SampleError, match=said):
        check_traces(given, caller="doc")


@pytest.mark.parametrize(
    ("column", "given", "said"),
    [
        ("wheel", np.array([0, 240]), "wheel of integers from -128 to 127, got 240"),
        ("wheel", np.array([-129, 0]), "wheel of integers from -128 to 127, got -129"),
        ("buttons", np.array([256, 0]), "buttons of integers from 0 to 255, got 256"),
        ("buttons", [0, -1], "buttons of integers from 0 to 255, got -1"),
        ("buttons", [0, 10**30], "buttons of integers from 0 to 255, got 1e+30"),
        ("buttons", [0.0, 0.5], "buttons of integers from 0 to 255, got 0.5"),
        ("wheel", [0.0, np.nan], "wheel of integers from -128 to 127, got nan"),
        ("wheel", [0.0, np.inf], "wheel of integers from -128 to 127, got inf"),
        ("wheel", ["up", "up"], "wheel of integers, got values of type text"),
    ],
    ids=str,
)
def test_buttons_and_wheel_never_wrap(column, given, said):
    with pytest.raises(SampleError) as error:
        walk(2, **{column: given})
    assert str(error.value).startswith(f"trace: expected {said}")
    with pytest.raises(SampleError, match=r"^trace: expected"):
        walk(2, t_s=torch.arange(2.0), **{column: given})


def test_buttons_and_wheel_of_other_types():
    trace = walk(2, buttons=np.array([True, False]), wheel=[-128.0, 127.0])
    assert (trace.buttons.tolist(), trace.wheel.tolist()) == ([1, 0], [-128, 127])
    assert (trace.buttons.dtype, trace.wheel.dtype) == (np.uint8, np.int8)
    moved = Trace(*(torch.arange(2.0) for _ in range(3)), buttons=torch.tensor([255, 0]), wheel=[-1, 1])
    assert (moved.buttons.tolist(), moved.wheel.tolist()) == ([255, 0], [-1, 1])
    assert (moved.buttons.dtype, moved.wheel.dtype) == (torch.uint8, torch.int8)
    with pytest.raises(SampleError, match="buttons of integers from 0 to 255, got 256"):
        walk(2, t_s=torch.arange(2.0), buttons=torch.tensor([0, 256]))


def test_the_next_trace_may_begin_earlier():
    batch = check_traces([walk(t_s=[9.0, 9.1, 9.2, 9.3]), walk()], caller="doc")
    assert batch.t_s[4] == 0.0
