"""Options of loaders: names and types are checked in one place, by the annotations."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

import numpy as np
import pytest

from img_repr.core.errors import ParameterError
from img_repr.core.loader import LOADERS
from img_repr.core.loader_options import check_options, read_options, type_in_words


class Reading(TypedDict, total=False):
    """Options that loaders have in common.

    Parameters
    ----------
    rate : int
        Samples per second.
    """

    rate: int | None


def load(
    path: Path,
    *,
    layout: Literal["wide", "long"] | None = None,
    column: str | int | None = None,
    columns: str | int | Sequence[str | int] = (),
    words: Iterable[str] | None = None,
    skip: bool = False,
    scale: float = 1.0,
    count: int = 1,
    folder: str | Path | None = None,
    anything: Any = None,
    **reading: Unpack[Reading],
) -> None:
    """Load nothing."""


OPTIONS = read_options(load, has_path=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("layout", "wide"), ("layout", None), ("column", "2019"), ("column", 2019), ("column", np.int64(3)),
        ("columns", ["a", 1]), ("columns", ()), ("columns", np.array([1, 2])), ("words", {"yes"}),
        ("words", (word for word in "ab")), ("skip", True), ("skip", np.True_), ("scale", 2), ("scale", np.float32(2)),
        ("count", 7), ("folder", "x"), ("folder", Path("x")), ("anything", object()), ("rate", 16000), ("rate", None),
    ],
)  # fmt: skip
def test_values_of_the_annotated_type_pass(name, value):
    check_options("load", OPTIONS, {name: value})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("layout", "tall", "'wide', 'long' or None"), ("layout", 1, "'wide', 'long' or None"),
        ("column", 0.5, "text, an integer or None"), ("column", True, "text, an integer or None"),
        ("column", 1j, "text, an integer or None"), ("columns", ["a", 0.5], "text, an integer or a list of"),
        ("columns", {"a": 1}, "text, an integer or a list of"), ("words", "yes", "a list of text or None"),
        ("skip", "maybe", "True or False"), ("skip", 1, "True or False"), ("scale", True, "a number"),
        ("scale", "2", "a number"), ("count", None, "an integer"), ("count", 2.0, "an integer"),
        ("folder", 5, "text, a path or None"), ("rate", "fast", "an integer or None"),
    ],
)  # fmt: skip
def test_values_of_another_type_are_refused_in_one_sentence(name, value, expected):
    with pytest.raises(ParameterError, match=f"^load: expected {name} to be {expected}.*, got "):
        check_options("load", OPTIONS, {name: value})


def test_a_misspelled_option_gets_a_near_name():
    with pytest.raises(ParameterError, match=r"^load: no option .* called 'layot'; did you mean 'layout'\?"):
        check_options("load", OPTIONS, {"layot": "wide"})


def test_descriptions_of_shared_options_come_from_their_typed_dict():
    assert OPTIONS["rate"].description == "Samples per second."


@pytest.mark.parametrize("name", list(LOADERS))
def test_every_option_of_a_loader_has_a_type_and_a_description(name):
    for option in LOADERS[name].options.values():
        assert type_in_words(option.type)
        assert option.description, f"{name}: {option.name}"


@pytest.mark.parametrize("name", list(LOADERS))
def test_every_loader_refuses_a_value_of_a_wrong_type_before_it_reads(name, tmp_path):
    for option in LOADERS[name].options.values():
        if option.type is Any:
            continue
        with pytest.raises(ParameterError, match=f"^{name}: expected {option.name} to be "):
            LOADERS[name].load(tmp_path, {option.name: 1j})
