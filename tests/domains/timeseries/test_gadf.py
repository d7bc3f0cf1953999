"""The Gramian angular difference field by hand, by its properties, and back again."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from img_repr import decode_gadf, encode_gadf, get_encoder
from img_repr.core.errors import DegenerateSampleWarning, NotFittedError, ParameterError, SampleError

# Integers, so that a * x + b is exact and the properties are the field's, not the rounding's.
whole_series = st.lists(st.integers(-1000, 1000), min_size=2, max_size=30).map(
    lambda values: np.array(values, dtype=float)
)
any_property = settings(max_examples=60, deadline=None, derandomize=True)
degenerate_too = pytest.mark.filterwarnings("ignore::img_repr.core.errors.DegenerateSampleWarning")


def field_by_definition(series: np.ndarray) -> np.ndarray:
    """sin(phi_i - phi_j) with phi = arccos of the series scaled to [-1, 1], in extended precision."""
    series = series.astype(np.longdouble)
    angle = np.arccos(2 * (series - series.min()) / (series.max() - series.min()) - 1)
    return np.sin(angle[:, None] - angle[None, :]).astype(np.float64)


@pytest.mark.parametrize(
    ("series", "field"),
    [
        ([-1, 0, 1], [[0, 1, 0], [-1, 0, 1], [0, -1, 0]]),
        ([10, 30, 20], [[0, 0, 1], [0, 0, -1], [-1, 1, 0]]),  # angles pi, 0, pi / 2
        (
            [0, 3, 4],
            [[0, np.sqrt(3) / 2, 0], [-np.sqrt(3) / 2, 0, np.sqrt(3) / 2], [0, -np.sqrt(3) / 2, 0]],
        ),  # pi, pi / 3, 0
        (
            [0, 1, 4],
            [[0, np.sqrt(3) / 2, 0], [-np.sqrt(3) / 2, 0, np.sqrt(3) / 2], [0, -np.sqrt(3) / 2, 0]],
        ),  # pi, 2 pi / 3, 0
    ],
)
def test_by_hand(series, field):
    np.testing.assert_allclose(encode_gadf(series), field, atol=1e-15)


def test_by_hand_on_another_range():
    angles = np.arccos([0.0, 0.5, 1.0])
    expected = np.sin(angles[:, None] - angles)
    np.testing.assert_allclose(encode_gadf([2, 3, 4], sample_range=(0, 1)), expected, atol=1e-15)
    np.testing.assert_allclose(encode_gadf([0.0, 0.5, 1.0], sample_range=None), expected, atol=1e-15)


def test_equals_the_definition(walks):
    for series, field in zip(walks, encode_gadf(walks), strict=True):
        np.testing.assert_allclose(field, field_by_definition(series), atol=1e-14)


@degenerate_too
@given(whole_series)
@any_property
def test_antisymmetric_with_zero_diagonal(series):
    field = encode_gadf(series)
    np.testing.assert_allclose(field, -field.T, atol=1e-15)  # a fused multiply-add rounds one of two products only
    np.testing.assert_array_equal(field.diagonal(), 0.0)
    assert np.abs(field).max() <= 1.0


@degenerate_too
@given(whole_series)
@any_property
def test_negating_the_series_negates_the_field(series):
    np.testing.assert_allclose(encode_gadf(-series), -encode_gadf(series), atol=1e-14)


@degenerate_too
@given(whole_series, st.integers(1, 1000), st.integers(-1000, 1000))
@any_property
def test_unchanged_by_gain_and_offset(series, gain, offset):
    np.testing.assert_allclose(encode_gadf(gain * series + offset), encode_gadf(series), atol=1e-14)


@degenerate_too
@given(whole_series)
@any_property
def test_reversing_time_turns_the_field_by_180_degrees(series):
    np.testing.assert_allclose(encode_gadf(series[::-1]), encode_gadf(series)[::-1, ::-1], atol=1e-14)


@degenerate_too
@given(whole_series, st.integers(1, 40), st.sampled_from(["series", "scaled", "image"]), st.booleans())
@any_property
def test_properties_hold_at_every_size(series, size, resample, overlapping):
    field = encode_gadf(series, size=size, resample=resample, overlapping=overlapping)
    assert field.shape == (size, size)
    assert np.abs(field).max() <= 1.0 + 1e-12
    np.testing.assert_allclose(field, -field.T, atol=1e-14)
    turned = encode_gadf(-series, size=size, resample=resample, overlapping=overlapping)
    np.testing.assert_allclose(turned, -field, atol=1e-6)  # windows' means of u and of 1 - u differ in the last bit


@pytest.mark.parametrize(
    ("offset", "amplitude"), [(1e6, 1e-7), (-1e6, 1.0), (0.0, 1e-7), (0.0, 1e-300), (1e300, 1e299), (0.0, 1e308)]
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_digits_survive_offset_and_amplitude(random, offset, amplitude, dtype):
    series = offset + amplitude * random.uniform(-1.0, 1.0, 50)  # as stored: its rounding is the sample's, not ours
    low, high = np.longdouble(series.min()), np.longdouble(series.max())
    expected = field_by_definition(np.asarray((series - low) / (high - low)))
    atol = 1e-12 if dtype == "float64" else 3e-7
    np.testing.assert_allclose(encode_gadf(series, dtype=dtype), expected, atol=atol)


def test_values_spread_over_the_largest_range_there_is():
    largest = np.finfo(np.float64).max
    np.testing.assert_allclose(encode_gadf([-largest, 0.0, largest]), [[0, 1, 0], [-1, 0, 1], [0, -1, 0]], atol=1e-15)


def test_series_mode_is_window_means_then_scaling(walks):
    means = walks[:, :96].reshape(40, 12, 8).mean(axis=2)
    np.testing.assert_allclose(encode_gadf(walks[:, :96], size=12), encode_gadf(means), atol=1e-7)


def test_scaled_mode_is_scaling_then_window_means(walks):
    walks = walks[:, :96]
    low, high = walks.min(axis=1, keepdims=True), walks.max(axis=1, keepdims=True)
    scaled = np.clip(2 * (walks - low) / (high - low) - 1, -1, 1).reshape(40, 12, 8).mean(axis=2)
    expected = encode_gadf(scaled, sample_range=None)
    np.testing.assert_allclose(encode_gadf(walks, size=12, resample="scaled"), expected, atol=1e-7)
    assert np.abs(expected - encode_gadf(walks, size=12)).max() > 0.01  # the two orders are two images


@pytest.mark.parametrize(("length", "size"), [(96, 12), (96, 48), (60, 1), (64, 64)])
def test_image_mode_down_is_the_area_mean_of_the_whole_field(walks, length, size):
    whole = torch.from_numpy(encode_gadf(walks[:, :length]))[:, None]
    expected = torch.nn.functional.adaptive_avg_pool2d(whole, size)[:, 0]
    np.testing.assert_allclose(encode_gadf(walks[:, :length], size=size, resample="image"), expected, atol=1e-13)


@pytest.mark.parametrize(("length", "size"), [(20, 64), (97, 224), (2, 7), (3, 4)])
def test_image_mode_up_is_bilinear(random, length, size):
    series = random.normal(size=(5, length))
    with np.errstate(all="ignore"):
        whole = np.stack([field_by_definition(one) for one in series])
    expected = torch.nn.functional.interpolate(torch.from_numpy(whole)[:, None], size=(size, size), mode="bilinear")[
        :, 0
    ]
    if length == 2:
        with pytest.warns(DegenerateSampleWarning, match="two distinct values"):
            field = encode_gadf(series, size=size, resample="image")
    else:
        field = encode_gadf(series, size=size, resample="image")
    np.testing.assert_allclose(field, expected, atol=1e-13)


def test_larger_than_the_series_lies_between_its_values():
    up = encode_gadf([0.0, 1.0, 0.0], size=6)
    np.testing.assert_allclose(up, encode_gadf([0.0, 0.25, 0.75, 0.75, 0.25, 0.0]), atol=1e-14)


@pytest.mark.parametrize("series", [[5.0] * 9, [0.1] * 9])
def test_constant_series(series):
    with pytest.warns(
        DegenerateSampleWarning, match="gadf: 1 of 1 series .first: number 0. are constant: their field is zero"
    ) as caught:
        assert (encode_gadf(series) == 0).all()
    assert len(caught) == 1
    assert caught[0].filename == __file__ or "gadf" in caught[0].filename


def test_two_level_series():
    levels = np.array([0.0, 0.0, 7.0, 0.0, 7.0, 7.0])
    with pytest.warns(
        DegenerateSampleWarning, match=r"two distinct values: .* sample_range=\(0, 1\) separates the two"
    ):
        assert (encode_gadf(levels) == 0).all()
    assert np.abs(encode_gadf(levels, sample_range=(0, 1))).max() == pytest.approx(1.0)
    assert np.abs(encode_gadf(levels, size=4)).max() > 0.5  # a window holds both: the field is not blank, no warning


def test_limits_keep_amplitude_and_offset(walks):
    small, large = np.array([0.0, 1.0, 0.5]), np.array([0.0, 4.0, 2.0])
    assert np.abs(encode_gadf(small, limits=(0, 4)) - encode_gadf(large, limits=(0, 4))).max() > 0.1
    np.testing.assert_allclose(encode_gadf(large, limits=(0, 4)), encode_gadf(large), atol=1e-15)
    clipped = encode_gadf([-9.0, 2.0, 9.0], limits=(0, 4))
    np.testing.assert_allclose(clipped, encode_gadf([0.0, 2.0, 4.0]), atol=1e-15)


def test_limits_are_fitted_to_training_series(walks):
    encoder = get_encoder("gadf", limits="fit", size=20)
    assert encoder.needs_fit
    with pytest.raises(NotFittedError, match="gadf"):
        encoder(walks)
    with pytest.raises(NotFittedError, match="gadf"):
        encode_gadf(walks, limits="fit")
    fitted = encoder.fit(walks[:10])
    limits = (walks[:10].min(), walks[:10].max())
    assert not fitted.needs_fit
    assert dict(fitted.parameters)["limits"] == limits
    expected = (encode_gadf(walks, size=20, limits=limits) + 1) / 2
    np.testing.assert_allclose(fitted(walks, dtype="float64")[:, 0], expected, atol=1e-12)
    with pytest.raises(SampleError, match="more than one value"):
        encoder.fit(np.ones((3, 9)))


@pytest.mark.parametrize("sample_range", [(-1, 1), (0, 1), (-0.5, 0.75)])
def test_decode_is_the_inverse(walks, sample_range):
    decoded = decode_gadf(encode_gadf(walks, sample_range=sample_range), sample_range=sample_range)
    low, high = walks.min(axis=1, keepdims=True), walks.max(axis=1, keepdims=True)
    expected = sample_range[0] + (walks - low) / (high - low) * (sample_range[1] - sample_range[0])
    np.testing.assert_allclose(decoded, expected, atol=1e-10)


def test_decode_restores_values_of_every_shape(random):
    series = random.normal(size=(2, 3, 40))
    fields = encode_gadf(series)
    back = decode_gadf(fields[1, 2], value_range=(series[1, 2].min(), series[1, 2].max()))
    np.testing.assert_allclose(back, series[1, 2], atol=1e-10)
    assert decode_gadf(fields).shape == (2, 3, 40)
    as_tensor = decode_gadf(torch.from_numpy(fields))
    assert isinstance(as_tensor, torch.Tensor)
    np.testing.assert_array_equal(as_tensor.numpy(), decode_gadf(fields))


def test_decode_reads_a_png(walks, tmp_path):
    for number, series in enumerate(walks):
        file = tmp_path / f"{number}.png"
        Image.fromarray(encode_gadf(series, dtype="uint8")).save(file)
        decoded = decode_gadf(np.array(Image.open(file)), value_range=(series.min(), series.max()))
        assert np.abs(decoded - series).max() <= 5e-3 * np.ptp(series)


@degenerate_too
@pytest.mark.parametrize(
    ("image", "word"),
    [
        (np.zeros((5, 5)), "at least four distinct values"),
        (np.ones((5, 5)), "antisymmetric"),
        (np.full((5, 5), np.nan), "antisymmetric"),
        (np.zeros((5, 4)), "square"),
        (np.zeros((2, 2)), "at least 3 x 3"),
        (np.zeros(9), "square"),
        (
            np.triu(np.linspace(0.1, 0.9, 25).reshape(5, 5), 1) - np.triu(np.linspace(0.1, 0.9, 25).reshape(5, 5), 1).T,
            "gadf",
        ),
    ],
)
def test_decode_rejects_invalid_fields(image, word):
    with pytest.raises(SampleError, match=word):
        decode_gadf(image)


def test_decode_refuses_another_range(walks):
    with pytest.raises(SampleError, match="an arc of"):
        decode_gadf(encode_gadf(walks[0], sample_range=(0, 1)))
    with pytest.raises(ParameterError, match="sample_range"):
        decode_gadf(encode_gadf(walks[0]), sample_range=(1, 0))


def test_gradient_is_that_of_differences(random):
    series = torch.from_numpy(random.normal(size=(2, 9))).requires_grad_()
    for resample in ("series", "image"):
        images = lambda x, mode=resample: encode_gadf(x, size=4, resample=mode, limits=(-5.0, 5.0))  # noqa: E731
        assert torch.autograd.gradcheck(images, (series,))


@pytest.mark.parametrize(
    "wrong",
    [
        {"sample_range": (1, -1)},
        {"sample_range": (-2, 1)},
        {"sample_range": 3},
        {"limits": (2, 2)},
        {"limits": (0, np.inf)},
        {"limits": "all"},
        {"resample": "nearest"},
        {"missing": "drop"},
    ],
)
def test_wrong_parameters(wrong):
    with pytest.raises(ParameterError, match=f"gadf: expected {next(iter(wrong))}"):
        encode_gadf(np.arange(9.0), **wrong)


def test_values_outside_the_range_are_refused():
    with pytest.raises(SampleError, match="from -1 to 1 where sample_range is None, got 0 to 3"):
        encode_gadf([0.0, 3.0, 1.0], sample_range=None)
