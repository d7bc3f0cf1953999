"""Encoders by name."""

import numpy as np
import pytest

from img_repr.core.dataset import Dataset
from img_repr.core.encoder import Encoder
from img_repr.core.errors import ImgReprError, ParameterError, UnknownNameError
from img_repr.core.metadata import ENCODERS
from img_repr.core.naming import (
    encoder_from_spec,
    encoders_for,
    get_encoder,
    get_encoders,
    list_encoders,
    parse_names,
    stack_encoders,
)
from img_repr.core.stack import EncoderStack
from img_repr.domains.timeseries.sample import TIMESERIES


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("gadf", [("gadf", {})]),
        ("gadf()", [("gadf", {})]),
        ("gadf(size=8)", [("gadf", {"size": 8})]),
        ("gadf + mtf+line", [("gadf", {}), ("mtf", {}), ("line", {})]),
        ("gadf+gadf", [("gadf", {}), ("gadf", {})]),
        ("(gadf+mtf)+line", [("gadf", {}), ("mtf", {}), ("line", {})]),
        ("a(x=-1.5, y='fit', z=(1, 2), w=None)", [("a", {"x": -1.5, "y": "fit", "z": (1, 2), "w": None})]),
        ("a(x='b+c|d')+b", [("a", {"x": "b+c|d"}), ("b", {})]),
    ],
)
def test_names_are_read_with_their_own_parameters(text, wanted):
    assert parse_names(text) == wanted


WRONG = [
    "", " ", "gadf(", "gadf)", "gadf+", "+gadf", "gadf++mtf", "gadf mtf", "gadf,mtf", "gadf-mtf", "gadf*2", "3",
    "'gadf'", "gadf(3)", "gadf.mtf", "gadf[0]", "gadf()()", "gadf|mtf", "gadf+(mtf|line)", "lambda: 0",
    "gadf\nmtf", "x=gadf",
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_rejects_wrong_syntax_with_an_example(text):
    with pytest.raises(ParameterError) as refused:
        get_encoder(text)
    assert str(refused.value) == f"encoder: expected names like 'gadf+recurrence(signed=True)', got {text!r}"


@pytest.mark.parametrize("value", ["x", "size", "open('f')", "1+1", "__import__('os')", "[i for i in (1,)]"])
def test_values_in_brackets_are_plain_and_nothing_is_run(value):
    text = f"gadf(size={value})"
    with pytest.raises(ParameterError) as refused:
        get_encoder(text)
    assert str(refused.value) == f"encoder: expected plain values in brackets, got {text!r}"


@pytest.mark.parametrize("text", ["gadf|", "|gadf", "gadf||mtf", "gadf|3", "gadf|mtf(", "gadf|mtf(3)", ""])
def test_wrong_syntax_among_several(text):
    with pytest.raises(ParameterError, match="expected names like"):
        get_encoders(text)


def test_one_name_is_one_encoder():
    encoder = get_encoder("gadf", size=16)
    assert isinstance(encoder, Encoder)
    assert encoder == get_encoder("gadf(size=16)")
    assert hash(encoder) == hash(get_encoder("gadf(size=16)"))
    assert encoder != get_encoder("gadf(size=17)")
    assert encoder.all_parameters["size"] == 16


def test_several_names_are_one_stack():
    stack = get_encoder("gadf+recurrence(signed=True)+mtf(size=4)", size=16)
    assert isinstance(stack, EncoderStack)
    assert stack == stack_encoders(
        get_encoder("gadf", size=16), get_encoder("recurrence", signed=True, size=16), get_encoder("mtf", size=4)
    )


def test_shared_parameter_is_passed_to_parts_that_have_it():
    stack = get_encoder("gadf+recurrence", signed=True, size=8)
    assert [dict(part.parameters) for part in stack.parts] == [{"size": 8}, {"signed": True, "size": 8}]


def test_several_encoders_for_a_network_each():
    encoders = get_encoders("scalogram|gadf+mtf|recurrence(signed=True)", size=64)
    assert [encoder.name for encoder in encoders] == ["scalogram", "gadf+mtf", "recurrence"]
    assert encoders[0] == get_encoder("scalogram", size=64)
    assert encoders[1] == get_encoder("gadf+mtf", size=64)
    assert encoders[2] == get_encoder("recurrence", signed=True, size=64)
    assert get_encoders("gadf", size=64) == (get_encoder("gadf", size=64),)
    assert get_encoders("gadf|recurrence", signed=True)[0] == get_encoder("gadf")


@pytest.mark.parametrize("get", [get_encoder, get_encoders])
def test_a_parameter_that_nobody_knows_is_refused(get):
    with pytest.raises(ParameterError, match=r"gadf\+mtf: no parameter is called 'sise'; did you mean 'size'.*n_bins"):
        get("gadf+mtf", sise=8)
    with pytest.raises(ParameterError, match="gadf: no parameter is called 'n_bins'; known: "):
        get("gadf(n_bins=3)")
    with pytest.raises(ParameterError, match="no parameter is called 'out'"):
        get("gadf", out=None)


def test_unknown_name_suggests_similar_ones():
    with pytest.raises(UnknownNameError, match=r"no encoder is called 'gdaf'; did you mean 'ga.f'"):
        get_encoder("gadf+gdaf")
    with pytest.raises(UnknownNameError, match=r"no encoder is called 'qqqqqq'; known: .*gadf"):
        get_encoders("gadf|qqqqqq")


@pytest.mark.parametrize("text", ["gadf(size={[]: 1})", "gadf(size=1, size=2)"])
def test_odd_values_are_refused_too(text):
    with pytest.raises(ImgReprError):
        get_encoder(text)


def test_every_encoder_is_listed_under_its_domain():
    assert list_encoders() == sorted(ENCODERS)
    assert {"gadf", "mtf", "recurrence"} <= set(list_encoders("timeseries"))
    assert list_encoders("nowhere") == []


@pytest.mark.parametrize("name", [*list_encoders(), "gadf+recurrence(signed=True)", "gadf(limits=(-1.0, 2.5), size=8)"])
def test_a_spec_is_read_as_it_was_written(name):
    import json

    encoder = get_encoder(name)
    assert encoder_from_spec(encoder.spec()) == encoder
    assert encoder_from_spec(json.loads(json.dumps(encoder.spec()))) == encoder


def test_an_encoder_of_another_domain_is_refused():
    data = Dataset("walks", TIMESERIES, np.zeros((3, 9)))
    for name in ("trajectory", "gadf|trajectory", "byteplot"):
        with pytest.raises(
            ParameterError, match=r"expected samples of the domain (mouse|binary), got timeseries: walks"
        ):
            encoders_for(data, name)
