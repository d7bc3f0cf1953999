"""The face: every public name of the package, found without a list to keep."""

import importlib
import typing

import pytest

import img_repr
from img_repr.core.encoder import ENCODERS


@pytest.mark.parametrize("name", img_repr.__all__)
def test_every_announced_name_is_there(name):
    assert getattr(img_repr, name) is not None
    assert name in dir(img_repr)


@pytest.mark.parametrize("name", list(ENCODERS))
def test_every_encoder_is_reachable(name):
    assert getattr(img_repr, f"encode_{name}") is ENCODERS[name].function
    assert f"encode_{name}" in dir(img_repr)


def test_every_inverse_is_reachable():
    for name in ENCODERS:
        leaf = importlib.import_module(ENCODERS[name].function.__module__)
        if hasattr(leaf, f"decode_{name}"):
            assert getattr(img_repr, f"decode_{name}") is getattr(leaf, f"decode_{name}")
    assert callable(img_repr.decode_gadf)


def test_star_import_gives_the_announced_names():
    scope: dict[str, object] = {}
    exec("from img_repr import *", scope)
    assert set(img_repr.__all__) <= set(scope)


@pytest.mark.parametrize("name", ["encode_nothing", "decode_mtf", "encode_", "trainer", "_private", "encode"])
def test_an_unknown_name_is_an_attribute_error(name):
    with pytest.raises(AttributeError, match=name):
        getattr(img_repr, name)
    assert not hasattr(img_repr, name)


@pytest.mark.parametrize("name", list(ENCODERS))
def test_type_hints_can_be_read(name):
    assert "return" in typing.get_type_hints(ENCODERS[name].function)
