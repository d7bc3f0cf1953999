"""Motion histograms: each channel on a trace worked by hand, and what does not matter."""

import numpy as np
import pytest
import torch

from img_repr import encode_motion_histogram, get_encoder
from img_repr.core.errors import DegenerateSampleWarning, NotFittedError, ParameterError
from img_repr.domains.mouse.joints import JOINTS
from img_repr.domains.mouse.sample import make_traces
from img_repr.domains.mouse.trace import Trace


def lit(x_px, y_px, channel, *, t_s=None, size=(7, 7)):
    """Rows from the bottom and columns of the pixels that are not blank, on the recorder's own clock."""
    t_s = np.arange(len(x_px)) / 100.0 if t_s is None else t_s
    image = encode_motion_histogram(Trace(t_s, x_px, y_px), size=size, channels=channel, clock_ms=None)[0]
    return [(size[0] - 1 - int(row), int(column)) for row, column in zip(*np.nonzero(image > 1e-3), strict=True)]


def test_speeds_of_two_steps():
    """100 px/s, then 1,000, then 10,000: a third, two thirds and all of the axis."""
    assert lit(np.array([0.0, 1.0, 11.0, 111.0]), np.zeros(4), "speed", size=(4, 4)) == [(3, 2), (2, 1)]


def test_a_later_speed_is_four_steps_on():
    x_px = np.cumsum([0.0, 1.0, 10.0, 10.0, 10.0, 100.0])
    assert lit(x_px, np.zeros(6), "later", size=(4, 4)) == [(3, 1)]


def test_acceleration_is_up_and_slowing_is_down():
    faster, steady = np.array([0.0, 1.0, 11.0]), np.array([0.0, 10.0, 20.0])
    (up, column), *_ = lit(faster, np.zeros(3), "acceleration", size=(101, 4))
    assert (up > 75, column) == (True, 2)
    assert lit(steady, np.zeros(3), "acceleration", size=(101, 4)) == [(50, 2)]
    (down, _), *_ = lit(faster[::-1].copy(), np.zeros(3), "acceleration", size=(101, 4))
    assert down < 25


@pytest.mark.parametrize(
    ("x", "y", "row"),
    [(1, 0, 3), (0, -1, 5), (0, 1, 1)],  # eight rows hold an angle of 45 degrees each
    ids=["straight", "left", "right"],
)
def test_turns_are_as_the_user_sees_them(x, y, row):
    """Screens count y downwards: from moving right to moving up the screen is a turn to the left."""
    rows = {
        r for r, _ in lit(np.array([0.0, 10.0, 10.0 + 10 * x]), np.array([0.0, 0.0, 10.0 * y]), "turn", size=(8, 4))
    }
    assert rows == {row, row + 1}  # the middle of the angle is the border of two rows


def test_leftward_moves_are_at_both_ends_of_the_axis():
    for y in (0.0, -0.0):
        rows = {row for row, _ in lit(np.array([10.0, 0.0]), np.array([0.0, y]), "direction", size=(8, 4))}
        assert rows == {0, 7}


def test_velocity_is_a_map_with_rest_in_the_middle():
    (row, column), *_ = lit(np.array([0.0, 0.0]), np.array([0.0, -100.0]), "velocity")  # up by 10,000 px/s
    assert (row, column) == (6, 3)
    (row, column), *_ = lit(np.array([0.0, 100.0]), np.array([0.0, 0.0]), "velocity")
    assert (row, column) == (3, 6)


def test_a_pixel_is_the_root_of_its_fraction_of_all():
    x_px = np.cumsum([0.0, 10.0, 10.0, 10.0, 10.0, 100.0])
    image = encode_motion_histogram(
        Trace(np.arange(6) / 100.0, x_px, np.zeros(6)), size=4, channels="speed", clock_ms=None, dtype="float64"
    )[0]
    assert image[1, 2] == pytest.approx(np.sqrt(3 / 4))  # twice 1,000 px/s is three pairs
    assert image[0, 2] == pytest.approx(np.sqrt(1 / 4))


@pytest.mark.parametrize("size", [1, 2, 31, (3, 40)])
def test_the_squares_of_a_channel_add_up_to_one(size):
    images = encode_motion_histogram(make_traces(4), size=size, channels=tuple(JOINTS), dtype="float64")
    np.testing.assert_allclose((images**2).sum(axis=(2, 3)), 1.0)


def test_the_order_of_steps_does_not_matter(random):
    steps = random.normal(size=(40, 2)) * 20.0

    def of(steps):
        places = np.concatenate([np.zeros((1, 2)), steps.cumsum(axis=0)])
        trace = Trace(np.arange(41) * 0.016, places[:, 0], places[:, 1])
        return encode_motion_histogram(trace, size=16, channels=("direction", "velocity"))

    np.testing.assert_allclose(of(steps[::-1]), of(steps), atol=1e-4)


def test_channels_and_tensors():
    traces = make_traces(3)
    images = encode_motion_histogram(traces, size=9)
    assert images.shape == (3, 6, 9, 9)
    given = encode_motion_histogram([one.to(torch.device("cpu")) for one in traces], size=9)
    assert isinstance(given, torch.Tensor)
    np.testing.assert_array_equal(given.numpy(), images)
    turn = encode_motion_histogram(traces, size=9, channels="turn")
    np.testing.assert_array_equal(turn[:, 0], images[:, 3])


def test_the_clock_is_fitted_to_training_traces():
    encoder = get_encoder("motion_histogram", size=8, clock_ms="fit")
    traces = [Trace(np.arange(9) * 0.05, np.arange(9.0) ** 2, np.zeros(9))]
    with pytest.raises(NotFittedError, match="motion_histogram"):
        encoder(traces)
    assert dict(encoder.fit(traces).parameters)["clock_ms"] == 50.0


def test_a_trace_that_rests_is_blank_with_a_warning():
    rest = Trace([0.0, 1.0], [5.0, 5.0], [5.0, 5.0])
    with pytest.warns(
        DegenerateSampleWarning, match=r"^motion_histogram: 1 of 2 traces \(first: number 1\) do not move"
    ):
        images = encode_motion_histogram([make_traces(1)[0], rest], size=6)
    assert images[0].max() > 0.0
    assert images[1].max() == 0.0


@pytest.mark.parametrize("wrong", ["speeds", (), ("turn", "turn"), 3])
def test_wrong_channels(wrong):
    with pytest.raises(ParameterError, match="motion_histogram: expected channels to be some of speed, later"):
        encode_motion_histogram(make_traces(1), channels=wrong)
