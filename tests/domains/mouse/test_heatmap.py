import numpy as np
import pytest
import torch

from img_repr import encode_heatmap, get_encoder
from img_repr.core.errors import DegenerateSampleWarning, ParameterError, SampleError
from img_repr.domains.mouse.sample import make_traces
from img_repr.domains.mouse.trace import Trace


def test_all_seconds_are_kept():
    traces = make_traces(5)
    seconds = encode_heatmap(traces, scale="linear", field_px=4000, dtype="float64")
    np.testing.assert_allclose(seconds.sum(axis=(1, 2)), [one.duration_s for one in traces], rtol=1e-6)


def test_seconds_outside_the_field_are_not():
    trace = Trace([0.0, 10.0, 12.0], [0.0, 1000.0, 1000.0], np.zeros(3))  # 300 of 1000 px inside, and no rest
    seconds = encode_heatmap(trace, scale="linear", field_px=600, origin="start", dtype="float64")
    assert seconds.sum() == pytest.approx(3.0, rel=1e-6)


def test_a_rest_lies_where_it_was():
    trace = Trace([0.0, 1.0, 5.0, 6.0], [0.0, 40.0, 40.0, 80.0], np.zeros(4))
    seconds = encode_heatmap(trace, size=(1, 81), scale="linear", field_px=1, stroke_px=1, dtype="float64")[0]
    assert seconds[40] == pytest.approx(4.0 + 2.0 / 41.0, rel=1e-6)
    np.testing.assert_allclose(seconds[1:39], 1.0 / 41.0, rtol=1e-4)


def test_the_logarithm_has_fixed_ends():
    trace = Trace([0.0, 9.0], [0.0, 0.0], [0.0, 0.0])
    image = encode_heatmap(trace, size=1, dtype="float64")
    assert image[0, 0] == pytest.approx(np.log1p(9e4) / np.log1p(1e5))
    assert encode_heatmap(Trace([0.0, 900.0], [0.0, 0.0], [0.0, 0.0]), size=1)[0, 0] == 1.0


def test_the_recorders_clock_hardly_shows():
    """A step's seconds lie evenly on its round ends too: half a pixel's worth at either."""
    time = np.linspace(0.0, 1.0, 11)
    fine = np.linspace(0.0, 1.0, 201)
    trace, finer = Trace(time, 500.0 * time, 90.0 * time), Trace(fine, 500.0 * fine, 90.0 * fine)
    off = np.abs(encode_heatmap(trace) - encode_heatmap(finer))
    assert off.max() < 0.15
    assert off.mean() < 1e-3


def test_tensors_and_fit():
    traces = make_traces(4)
    expected = encode_heatmap(traces)
    given = encode_heatmap([one.to(torch.device("cpu")) for one in traces])
    assert isinstance(given, torch.Tensor)
    np.testing.assert_array_equal(given.numpy(), expected)
    fitted = get_encoder("heatmap", field_px="fit").fit(traces)
    assert 100.0 < fitted.all_parameters["field_px"] < 3000.0
    assert fitted(traces).shape == (4, 1, 64, 64)


def test_trace_without_duration_is_blank_with_a_warning():
    with pytest.warns(DegenerateSampleWarning, match=r"^heatmap: 1 of 2 traces \(first: number 1\)"):
        images = encode_heatmap([make_traces(1)[0], Trace([1.0], [2.0], [3.0])])
    assert images[0].any()
    assert not images[1].any()


def test_back_projection_reaches_the_right_events():
    trace = Trace([0.0, 1.0, 5.0, 6.0], [0.0, 40.0, 40.0, 80.0], np.zeros(4))
    encoder = get_encoder("heatmap", size=(1, 81), field_px=1, stroke_px=1)
    heat = np.zeros((1, 81))
    heat[0, 40] = 1.0
    back = encoder.back_project(heat, trace)
    assert back[1] + back[2] == pytest.approx(1.0, abs=0.02)
    assert back.sum() == pytest.approx(1.0)
    with pytest.raises(ParameterError, match="expected heat of shape"):
        encoder.back_project(np.zeros((2, 2)), trace)
    with pytest.raises(SampleError, match="expected one trace"):
        encoder.back_project(heat, [trace, trace])


@pytest.mark.parametrize(
    "wrong", [{"scale": "root"}, {"origin": "end"}, {"field_px": "fit"}, {"stroke_px": 0}], ids=str
)
def test_wrong_parameters(wrong):
    with pytest.raises(ParameterError, match=f"^heatmap: expected {next(iter(wrong))} to be "):
        encode_heatmap(make_traces(1), **wrong)
