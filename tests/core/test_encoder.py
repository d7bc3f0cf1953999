"""Encoders as values: binding, fitting, stacking, specs; what each encoder gives is the contract tests' matter."""

import json
import pickle

import numpy as np
import pytest
import torch

from img_repr import get_encoder, list_encoders, stack_encoders
from img_repr.core.encoder import Encoder
from img_repr.core.errors import NotFittedError, ParameterError, UnknownNameError
from img_repr.core.naming import encoder_from_spec
from img_repr.core.stack import EncoderStack


@pytest.fixture
def series(random: np.random.Generator) -> np.ndarray:
    return random.normal(size=(4, 30)).cumsum(axis=1)


def test_defaults_that_are_spelled_out_make_no_difference():
    assert get_encoder("gadf", size=8, overlapping=False, sample_range=[-1.0, 1.0]) == get_encoder("gadf", size=8)
    assert get_encoder("gadf", size=np.int64(8)) == get_encoder("gadf", size=8)
    assert type(dict(get_encoder("gadf", size=np.int64(8)).parameters)["size"]) is int


def test_order_of_parameters_makes_no_difference():
    one, other = get_encoder("gadf", size=8, overlapping=True), get_encoder("gadf", overlapping=True, size=8)
    assert one == other
    assert hash(one) == hash(other)
    assert len({one, other, get_encoder("gadf")}) == 2


def test_arrays_as_parameters_become_values():
    encoder = get_encoder("mtf", edges=np.array([0.0, 1.0]))
    assert dict(encoder.parameters)["edges"] == (0.0, 1.0)
    assert hash(encoder) == hash(get_encoder("mtf", edges=[0.0, 1.0]))


def test_contract_maps_the_declared_range_to_the_unit(series):
    own = get_encoder("gadf").metadata.function(series)
    np.testing.assert_allclose(get_encoder("gadf")(series)[:, 0], (own + 1.0) / 2.0, atol=1e-7)


def test_range_may_depend_on_parameters():
    assert get_encoder("scalogram").value_range == (0.0, 1.0)
    assert get_encoder("scalogram", scale="log", top_db=30).value_range == (-30.0, 0.0)


def test_fit_returns_a_new_encoder_fitted_to_its_samples(series):
    encoder = get_encoder("gadf", size=8, limits="fit")
    fitted = encoder.fit(series[:2])
    assert encoder.needs_fit
    assert not fitted.needs_fit
    assert fitted != encoder
    assert fitted == get_encoder("gadf", size=8, limits=(series[:2].min(), series[:2].max()))
    assert fitted.fit(series) is fitted
    assert get_encoder("gadf").fit(series) == get_encoder("gadf")
    with pytest.raises(NotFittedError, match="gadf: expected a call of fit"):
        encoder(series)
    assert encoder_from_spec(json.loads(json.dumps(fitted.spec()))) == fitted
    assert pickle.loads(pickle.dumps(fitted)) == fitted


def test_spec_names_the_version():
    assert get_encoder("gadf", size=8).spec() == {"name": "gadf", "version": 1, "parameters": {"size": 8}}


def test_stack_has_the_channels_of_its_parts(series):
    stack = get_encoder("gadf+recurrence(signed=True)+line", size=8)
    assert isinstance(stack, EncoderStack)
    assert stack.name == "gadf+recurrence+line"
    images = stack(series)
    assert images.shape == (4, 3, 8, 8)
    assert images.dtype == np.float32
    parts = (get_encoder("gadf", size=8), get_encoder("recurrence", size=8, signed=True), get_encoder("line", size=8))
    for channel, part in enumerate(parts):
        np.testing.assert_array_equal(images[:, channel : channel + 1], part(series))
    assert stack == stack_encoders(*parts)
    tensors = stack(torch.from_numpy(series), dtype="uint8")
    assert isinstance(tensors, torch.Tensor)
    assert tensors.dtype == torch.uint8


def test_stack_is_a_value():
    stack = get_encoder("gadf+line(width=2.0)", size=8)
    scope = {"get_encoder": get_encoder, "stack_encoders": stack_encoders}
    assert eval(repr(stack), scope) == stack
    assert pickle.loads(pickle.dumps(stack)) == stack
    assert encoder_from_spec(json.loads(json.dumps(stack.spec()))) == stack
    assert hash(stack) == hash(get_encoder("gadf+line(width=2.0)", size=8))
    assert stack != get_encoder("line(width=2.0)+gadf", size=8)


def test_stack_writes_into_a_buffer(series):
    stack = get_encoder("gadf+line", size=8)
    for buffer, samples in (
        (np.empty((4, 2, 8, 8), np.float32), series),
        (torch.empty(4, 2, 8, 8), torch.from_numpy(series)),
    ):
        assert stack(samples, out=buffer) is buffer
        np.testing.assert_array_equal(np.asarray(buffer), stack(series))


def test_stack_fits_every_part(series):
    stack = get_encoder("gadf+line", size=8, limits="fit")
    assert stack.needs_fit
    fitted = stack.fit(series)
    assert not fitted.needs_fit
    assert {dict(part.parameters)["limits"] for part in fitted.parts} == {(series.min(), series.max())}


def test_stack_of_several_channels_and_back(series, random):
    stack = get_encoder("gadf+line", size=8)
    channels = np.stack([series, -series], axis=1)
    assert stack(channels).shape == (4, 4, 8, 8)
    heat = random.random((2, 8, 8))
    expected = get_encoder("gadf", size=8).back_project(heat[0], series[0]) + get_encoder("line", size=8).back_project(
        heat[1], series[0]
    )
    np.testing.assert_allclose(stack.back_project(heat, series[0]), expected)
    assert stack.back_project(heat[0], series[0]).sum() == pytest.approx(heat[0].sum())


def test_stack_refuses_heat_that_is_not_its_own(series):
    stack = get_encoder("gadf+line", size=8)
    for shape in ((), (8,), (3, 8, 8), (1, 2, 8, 8)):
        with pytest.raises(ParameterError, match=r"^gadf\+line: expected heat \(H, W\), or .* got shape \("):
            stack.back_project(np.ones(shape), series[0])


def test_stack_refuses_to_add_heat_on_unequal_matrices():
    wave = np.sin(np.arange(4000.0))
    stack = get_encoder("melspectrogram+stft", size=8, sample_rate_hz=8000)
    expected = r"^melspectrogram\+stft: expected parts whose heat comes back in one shape, got \(8, 8\), \(1025, 8\);"
    with pytest.raises(ParameterError, match=expected):
        stack.back_project(np.ones((2, 8, 8)), wave)
    assert [part.back_project(np.ones((8, 8)), wave).shape for part in stack.parts] == [(8, 8), (1025, 8)]


def test_parts_must_agree_on_their_size(series):
    with pytest.raises(ParameterError, match=r"gadf\+line: expected parts of one image size"):
        get_encoder("gadf(size=8)+line(size=9)")(series)


def test_parameters_of_nobody_are_refused():
    with pytest.raises(ParameterError, match="no parameter is called 'color'"):
        get_encoder("gadf+line", color=3)
    with pytest.raises(ParameterError, match="no parameter is called 'width'"):
        get_encoder("gadf(width=3)+line")
    with pytest.raises(UnknownNameError, match="did you mean 'line'"):
        get_encoder("gadf+lines")


@pytest.mark.parametrize("text", ["gadf+", "gadf(3)", "gadf(size=open)", "gadf-line", "", "gadf size"])
def test_rejects_invalid_names(text):
    with pytest.raises(ParameterError, match="encoder: expected"):
        get_encoder(text)


def test_list_is_sorted_and_by_domain():
    assert list_encoders() == sorted(list_encoders())
    assert set(list_encoders("timeseries")) <= set(list_encoders())
    assert list_encoders("no such domain") == []


def test_rejects_back_projection_of_encoders_without_one(series):
    import dataclasses

    facts = dataclasses.replace(get_encoder("gadf").metadata, back_project=None)
    with pytest.raises(ParameterError, match="gadf: it has no map"):
        Encoder.of(facts, {}).back_project(np.ones((8, 8)), series[0])


def test_values_too_large_or_too_small_for_the_dtype_of_images(series):
    encoder = get_encoder("recurrence", size=8)
    for factor in (1e300, 1e-300, 1e50, 1e-44):
        np.testing.assert_allclose(encoder(series * factor), encoder(series), atol=1e-6)
        assert np.abs(encoder(series * factor, dtype="uint8").astype(int) - encoder(series, dtype="uint8")).max() <= 1
    np.testing.assert_allclose(encoder(series * 1e6, dtype="float16"), encoder(series), atol=2e-3)


@pytest.mark.parametrize(
    ("made", "word"),
    [
        (lambda n, out: np.full((n, 8, 8), 0.5, np.float32), "uint8 as asked"),
        (lambda n, out: np.full((n, 8, 8), 7, np.int64), "got int64"),
        (lambda n, out: np.full(8, 7, np.uint8), "got shape"),
        (lambda n, out: None, "an array or a tensor"),
        (lambda n, out: np.full((n, 8, 8), 7, np.uint8), None),
    ],
    ids=["dtype ignored", "no image dtype", "shape", "nothing", "right"],
)
def test_an_own_encoder_keeps_the_contract_or_is_refused(series, made, word):
    import dataclasses

    def function(samples, *, size=None, dtype=None, out=None):
        return made(len(samples), out)

    own = Encoder.of(dataclasses.replace(get_encoder("gadf").metadata, function=function, name="mine"), {})
    if word is None:
        assert own(series, dtype="uint8").shape == (4, 1, 8, 8)
        with pytest.raises(ParameterError, match="writes into out"):
            own(series, out=np.empty((4, 1, 8, 8), np.uint8))
        return
    with pytest.raises(ParameterError, match=f"^mine: expected .*{word}"):
        own(series, dtype="uint8")
