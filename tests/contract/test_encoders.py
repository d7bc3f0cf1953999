"""What every encoder of the package promises, measured on each that the registry finds.

The reason for its length: it is the whole list of promises, each a few lines, on one set of helpers.
"""

import inspect
import json
import pickle
import re
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import img_repr
from img_repr import get_encoder, list_encoders
from img_repr.core.dataset import take
from img_repr.core.encoder import Encoder
from img_repr.core.errors import DegenerateSampleWarning, ParameterError, SampleError, UnknownNameError
from img_repr.core.metadata import ENCODERS
from img_repr.core.naming import encoder_from_spec

NAMES = list_encoders()
SERIES = list_encoders("timeseries")
every_encoder = pytest.mark.parametrize("name", NAMES)
every_series_encoder = pytest.mark.parametrize("name", SERIES)

# What may be done to a sample, by domain and by the word on the label. An encoder that declares a new word adds a row.
INVARIANCES: dict[str, dict[str, Any]] = {
    "timeseries": {
        "offset": lambda series: series + 37.5,
        "gain": lambda series: series * 4.2,
        "sign": lambda series: -series,
    },
    "audio": {
        "gain": lambda recordings: [replace(one, waveform=one.waveform * np.float32(4.2)) for one in recordings],
        "sign": lambda recordings: [replace(one, waveform=-one.waveform) for one in recordings],
    },
    "mouse": {
        "translation": lambda traces: [replace(one, x_px=one.x_px + 310.25, y_px=one.y_px - 95.7) for one in traces],
        "time offset": lambda traces: [replace(one, t_s=one.t_s + 86_400.3) for one in traces],
    },
}
DEGENERATE = {
    "constant": np.full(40, 3.7),
    "two levels": np.repeat([0.0, 1.0, 0.0, 1.0], 10),
    "shortest": np.array([1.0, 2.0]),
    "longest": np.sin(np.arange(20_000.0) ** 1.2),
    "huge": np.sin(np.arange(40.0)) * 1e300,
    "tiny": np.sin(np.arange(40.0)) * 1e-300,
}


def samples_of(name: str, count: int = 3, seed: int = 0) -> Any:
    return ENCODERS[name].domain.make_samples(count, seed)


def encoder_of(name: str, size: int = 16, **parameters: Any) -> Encoder:
    return get_encoder(name, size=size, **parameters)


def one_sentence(error: pytest.ExceptionInfo[Exception], name: str) -> None:
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 300
    assert message.startswith(f"{name}:")


def test_the_house_is_not_empty():
    assert {"gadf", "gasf", "mtf", "recurrence", "scalogram", "spectrogram", "line"} <= set(SERIES)
    assert "melspectrogram" in list_encoders("audio")


@pytest.mark.slow
@every_encoder
@pytest.mark.parametrize("size", [1, 16, 90])
def test_images_keep_the_contract(name, size):
    images = encoder_of(name, size)(samples_of(name))
    assert images.dtype == np.float32
    assert images.ndim == 4
    assert len(images) == 3
    assert images.shape[2:] == (size, size)
    assert np.isfinite(images).all()
    assert images.min() >= 0.0
    assert images.max() <= 1.0


@every_encoder
def test_images_tell_samples_apart(name):
    images = encoder_of(name)(samples_of(name))
    assert np.abs(images[0] - images[1]).max() > 0.01


@every_encoder
def test_own_values_lie_in_the_declared_range(name):
    encoder = encoder_of(name)
    values = ENCODERS[name].function(samples_of(name), size=16)
    low, high = encoder.value_range
    assert low < high
    assert np.isfinite(values).all()
    assert values.min() >= low - 1e-9
    assert values.max() <= high + 1e-9


@every_encoder
def test_same_result_twice_and_input_not_changed(name):
    samples = samples_of(name)
    before = pickle.dumps(samples)
    first, second = encoder_of(name)(samples), encoder_of(name)(samples)
    assert pickle.dumps(samples) == before
    np.testing.assert_array_equal(first, second)


@every_encoder
def test_is_a_value(name):
    encoder = encoder_of(name)
    assert pickle.loads(pickle.dumps(encoder)) == encoder
    assert eval(repr(encoder), {"get_encoder": get_encoder}) == encoder
    assert encoder == encoder_of(name)
    assert hash(encoder) == hash(encoder_of(name))
    assert encoder != encoder_of(name, 17)
    assert encoder_from_spec(json.loads(json.dumps(encoder.spec()))) == encoder
    with pytest.raises(AttributeError):
        encoder.key = "other"


@every_encoder
def test_uint8_is_within_one_step(name):
    encoder = encoder_of(name)
    small = encoder(samples_of(name), dtype="uint8")
    assert small.dtype == np.uint8
    assert np.abs(small / 255.0 - encoder(samples_of(name), dtype="float64")).max() <= 1.0 / 255.0


@every_encoder
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_out_is_filled_and_given_back(name, dtype):
    encoder, samples = encoder_of(name), samples_of(name)
    expected = encoder(samples, dtype=dtype)
    buffer = np.full(expected.shape, 77, dtype=dtype)
    assert encoder(samples, out=buffer) is buffer
    np.testing.assert_array_equal(buffer, expected)
    own = ENCODERS[name].function(samples, size=16, dtype=dtype)
    buffer = np.full(own.shape, 77, dtype=dtype)
    assert ENCODERS[name].function(samples, size=16, out=buffer) is buffer
    np.testing.assert_array_equal(buffer, own)


@every_encoder
def test_image_does_not_depend_on_its_batch(name):
    encoder, samples = encoder_of(name), samples_of(name, 5)
    together = encoder(samples)
    for number in (0, 3, 4):
        np.testing.assert_allclose(encoder(take(samples, [number])), together[number : number + 1], atol=2e-6)
    np.testing.assert_allclose(encoder(take(samples, [4, 2, 0])), together[[4, 2, 0]], atol=2e-6)


@every_encoder
def test_declared_invariances_hold(name):
    encoder, samples = encoder_of(name), samples_of(name)
    known = INVARIANCES.get(encoder.domain.name, {})
    for word in encoder.metadata.invariances:
        if encoder.domain.name in INVARIANCES:
            assert word in known, f"{name} declares {word!r}: add how it is measured to INVARIANCES"
            np.testing.assert_allclose(encoder(known[word](samples)), encoder(samples), atol=2e-5, err_msg=word)


@every_encoder
@pytest.mark.parametrize("bad", [object(), [object()], {"a": 1}], ids=["an object", "a list of one", "a mapping"])
def test_what_is_no_sample_is_refused_by_name(name, bad):
    with pytest.raises(SampleError) as error:
        encoder_of(name)(bad)
    assert name in str(error.value)


@every_encoder
@pytest.mark.parametrize("size", [0, -3, "big", True, 1.5])
def test_wrong_size(name, size):
    with pytest.raises(ParameterError) as error:
        ENCODERS[name].function(samples_of(name), size=size)
    one_sentence(error, name)
    assert "size" in str(error.value)


@every_encoder
@pytest.mark.parametrize("dtype", ["int32", "complex64", "nonsense", torch.int64, 3])
def test_wrong_dtype(name, dtype):
    with pytest.raises(ParameterError) as error:
        encoder_of(name)(samples_of(name), dtype=dtype)
    one_sentence(error, name)


@every_encoder
@pytest.mark.parametrize(
    "out",
    [
        np.empty((3, 1, 5, 5), np.float32),
        np.empty((3, 9, 16, 16), np.int32),
        np.empty((16, 16, 9, 3), np.float32).T,
        torch.empty(2),
        [1, 2],
    ],
    ids=["shape", "dtype", "strides", "tensor", "list"],
)
def test_wrong_out(name, out):
    with pytest.raises(ParameterError) as error:
        encoder_of(name)(samples_of(name), out=out)
    one_sentence(error, name)


@every_encoder
def test_unknown_parameter(name):
    with pytest.raises(ParameterError, match="no parameter is called 'color'") as error:
        get_encoder(name, color="red")
    one_sentence(error, name)


def test_unknown_name_shows_near_names():
    with pytest.raises(UnknownNameError, match="did you mean 'gadf'"):
        get_encoder("gadff")


@every_encoder
def test_docstring_is_complete(name):
    function = ENCODERS[name].function
    text = inspect.getdoc(function)
    assert text is not None
    sections = re.findall(r"^(\w+)\n-+$", text, flags=re.MULTILINE)
    for section in ("Parameters", "Returns", "Raises", "References", "Examples"):
        assert section in sections
    parameters = text.split("Parameters\n---")[1].split("Returns\n---")[0]
    for word in inspect.signature(function).parameters:
        assert re.search(rf"^([\w, ]*, )?{word}\b[\w, ]*( :|$)", parameters, flags=re.MULTILINE), (
            f"{word} is not described"
        )
    assert ">>>" in text


@every_encoder
def test_label_and_signature(name):
    facts = ENCODERS[name]
    assert re.search(r"\b(19|20)\d\d\b", facts.reference), "the reference names no year"
    assert facts.function.__name__ == f"encode_{name}"
    assert facts.function.__module__.rpartition(".")[2] == name, "the key is the file's name"
    _, *rest = inspect.signature(facts.function).parameters.values()
    assert all(word.kind == inspect.Parameter.KEYWORD_ONLY for word in rest)
    assert {"size", "dtype", "out"} <= {word.name for word in rest}
    assert getattr(img_repr, f"encode_{name}") is facts.function
    assert f"encode_{name}" in dir(img_repr)


@every_encoder
@pytest.mark.parametrize("size", [1, 7, 90])
def test_back_projection_conserves_the_sum(name, size):
    encoder, sample = encoder_of(name, size), samples_of(name)[0]
    channels = encoder(take(samples_of(name), [0])).shape[1]
    heat = np.random.default_rng(size).random((channels, size, size))
    back = encoder.back_project(heat[0] if channels == 1 else heat, sample)
    assert np.isfinite(back).all()
    assert np.sum(back) == pytest.approx(heat.sum())
    if encoder.domain.name == "timeseries":
        assert back.shape == sample.shape


@every_series_encoder
def test_back_projection_finds_its_place_in_channels(name):
    encoder, sample = encoder_of(name, 10), np.random.default_rng(0).normal(size=(3, 50))
    heat = np.zeros((3, 10, 10))
    heat[1, 9, 9] = 1.0
    back = encoder.back_project(heat, sample)
    assert back.shape == (3, 50)
    assert back[[0, 2]].sum() == 0
    assert back[1, 45:].sum() == pytest.approx(1.0)  # the last tenth of the image is the last tenth of the series


@every_series_encoder
def test_a_change_moves_heat_only_where_it_was(name):
    """What stands at the end of a series shows at the end of its image."""
    calm = np.sin(np.arange(100.0) / 3)
    struck = calm.copy()
    struck[90:] = calm[[97, 90, 93, 99, 91, 95, 92, 98, 94, 96]]  # the same values, so that no scale changes
    change = np.abs(encoder_of(name, 20)(struck) - encoder_of(name, 20)(calm))[0, 0]
    assert change[:, 17:].mean() > 1.5 * change[:, :14].mean()


@every_series_encoder
def test_kinds_of_input_agree(name):
    whole = np.round(samples_of(name) * 8)  # numbers that every type holds exactly
    encoder, expected = encoder_of(name), encoder_of(name)(whole)
    for same in (
        whole.astype(np.float32),
        whole.astype(np.int64),
        whole.astype(np.int8),
        whole.tolist(),
        list(whole),
        np.asfortranarray(whole),
        whole[:, ::-1].copy()[:, ::-1],
        whole.astype(">f8"),
    ):
        images = encoder(same)
        assert isinstance(images, np.ndarray)
        np.testing.assert_allclose(images, expected, atol=2e-6)
    for same in (torch.from_numpy(whole), torch.from_numpy(whole).float(), list(torch.from_numpy(whole))):
        images = encoder(same)
        assert isinstance(images, torch.Tensor)
        np.testing.assert_allclose(images.numpy(), expected, atol=2e-6)


@every_series_encoder
def test_shapes_follow_the_input(name):
    encode = ENCODERS[name].function
    series = np.random.default_rng(1).normal(size=(4, 3, 25))
    assert encode(series, size=9).shape == (4, 3, 9, 9)
    assert encode(series[:, 0], size=9).shape == (4, 9, 9)
    assert encode(series[0, 0], size=9).shape == (9, 9)
    assert encode(series[0, 0]).shape == (25, 25)
    assert encode(series[0, 0], size=0.5).shape == (13, 13)
    np.testing.assert_allclose(encode(series[0, 0], size=9), encode(series, size=9)[0, 0], atol=1e-12)
    contract = encoder_of(name, 9)
    assert contract(series).shape == (4, 3, 9, 9)
    assert contract(series[:, 0]).shape == (4, 1, 9, 9)
    assert contract(series[0, 0]).shape == (1, 1, 9, 9)


@every_series_encoder
def test_default_dtype_follows_the_input(name):
    encode, series = ENCODERS[name].function, samples_of(name)
    assert encode(series, size=5).dtype == np.float64
    assert encode(series.astype(np.float32), size=5).dtype == np.float32
    assert encode(torch.from_numpy(series).bfloat16(), size=5).dtype == torch.float32


@every_series_encoder
def test_torch_buffers_and_bfloat16(name):
    encoder, series = encoder_of(name), torch.from_numpy(samples_of(name))
    for dtype, step in ((torch.float32, 0.0), (torch.bfloat16, 2.0**-8), (torch.float16, 2.0**-11), (torch.uint8, 0.0)):
        expected = encoder(series, dtype=dtype)
        assert expected.dtype == dtype
        buffer = torch.zeros(expected.shape, dtype=dtype)
        assert encoder(series, out=buffer) is buffer
        assert torch.equal(buffer, expected)
        if step:
            torch.testing.assert_close(expected.double(), encoder(series, dtype=torch.float64), atol=4 * step, rtol=0)
    with pytest.raises(ParameterError, match="numpy lacks"):
        encoder(series.numpy(), dtype="bfloat16")


@every_series_encoder
def test_series_of_unequal_lengths(name):
    random = np.random.default_rng(2)
    ragged = [random.normal(size=length) for length in (30, 2, 47, 30, 16)]
    encoder = encoder_of(name)
    expected = np.concatenate([encoder(series) for series in ragged])
    padded = np.full((5, 60), 1e9)
    for row, series in zip(padded, ragged, strict=True):
        row[: len(series)] = series
    lengths = [len(series) for series in ragged]
    np.testing.assert_allclose(encoder(ragged), expected, atol=2e-6)
    np.testing.assert_allclose(encoder(padded, lengths=lengths), expected, atol=2e-6)
    as_tensors = encoder([torch.from_numpy(series) for series in ragged])
    np.testing.assert_allclose(as_tensors.numpy(), expected, atol=2e-6)
    channels = encoder([np.stack([series, -series]) for series in ragged])
    np.testing.assert_allclose(channels[:, :1], expected, atol=2e-6)
    with pytest.raises(ParameterError, match="unequal lengths"):
        ENCODERS[name].function(ragged)


@every_series_encoder
def test_missing_values(name):
    series = samples_of(name)
    holes = series.copy()
    holes[1, 10] = np.nan
    filled = series.copy()
    filled[1, 10] = (series[1, 9] + series[1, 11]) / 2.0
    np.testing.assert_allclose(encoder_of(name, missing="interpolate")(holes), encoder_of(name)(filled), atol=2e-6)


@every_series_encoder
@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (np.array([1.0, np.nan, 2.0]), "NaN"),
        (np.array([1.0, np.inf, 2.0]), "infinity"),
        (np.array([1.0, 2.0j]), "complex"),
        (np.array(["a", "b"]), "numbers"),
        (np.array([1.0]), "at least 2"),
        (np.empty((3, 0)), "at least 2"),
        (np.empty((0, 9)), "at least 2"),
        (np.zeros((1, 2, 3, 4)), "shape"),
        (5.0, "shape"),
        ([[1.0, 2.0], [3.0]], "at least 2"),
        (None, "numbers"),
    ],
    ids=str,
)
def test_bad_series(name, bad, word):
    with pytest.raises(SampleError, match=word) as error:
        encoder_of(name)(bad)
    one_sentence(error, name)


@every_series_encoder
@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_series_have_a_stated_image(name, case):
    encoder = encoder_of(name)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        image = encoder(DEGENERATE[case])
    assert len(caught) <= 1
    assert all(one.category is DegenerateSampleWarning and str(one.message).startswith(f"{name}:") for one in caught)
    assert bool(caught) or case != "constant"
    assert np.isfinite(image).all()
    assert image.min() >= 0.0
    assert image.max() <= 1.0
    if case in ("huge", "tiny") and name != "mtf":  # pyts, and so the field, merges quantiles nearer than 1e-8
        assert np.ptp(image) > 0.1, "the image is blank"


@every_series_encoder
@pytest.mark.parametrize("factor", [1e-300, 1e-7, 1e300])
def test_image_does_not_depend_on_the_unit(name, factor):
    if name == "mtf" and factor < 1e-7:
        pytest.skip("pyts merges quantiles nearer than 1e-8, and the field is to equal pyts'")
    series = samples_of(name)
    np.testing.assert_allclose(encoder_of(name)(series * factor), encoder_of(name)(series), atol=2e-4)
