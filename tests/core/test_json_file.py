"""JSON files that are read back: what was not written so is not believed."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from img_repr.core.errors import ResultError
from img_repr.core.json_file import find_mismatch, json_bytes, read_json, write_json

CONTENT = {"name": "größe \udcff", "count": 3, "fraction": 0.1, "rows": [1, None, True]}
SHAPE = {"name": str, "count": range(9), "fraction": float, "rows": [object]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_json(tmp_path / "a.json", CONTENT, format=2)
    return tmp_path / "a.json"


def test_round_trip_is_plain_json(file: Path):
    assert read_json(file, SHAPE, format=2) == CONTENT
    assert json.loads(file.read_text()).items() >= CONTENT.items()
    assert [path.name for path in file.parent.iterdir()] == ["a.json"]


@pytest.mark.parametrize("change", [lambda byte: byte ^ 1, lambda byte: byte ^ 128, lambda byte: 0x20])
def test_every_changed_byte_is_noticed(file: Path, change):
    written = file.read_bytes()
    for place, byte in enumerate(written):
        damaged = bytearray(written)
        damaged[place] = change(byte)
        if damaged != written:
            file.write_bytes(damaged)
            with pytest.raises(ResultError, match=r"a.json: expected"):
                read_json(file, SHAPE, format=2)


def test_every_cut_is_noticed_and_an_appended_byte_too(file: Path):
    written = file.read_bytes()
    for content in (*(written[:end] for end in range(len(written))), written + b"\n"):
        file.write_bytes(content)
        with pytest.raises(ResultError, match=r"a.json: expected"):
            read_json(file, SHAPE, format=2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("[1]", "expected a JSON object, got list"),
        ("null", "expected a JSON object, got NoneType"),
        ('{"count": 3}', "expected format 2, got none, as older versions wrote it"),
        ('{"format": 1}', "expected format 2, got 1"),
        ('{"format": 2, "count": NaN}', "NaN"),
        ('{"format": 2, "count": ' + "9" * 5000 + "}", "expected JSON"),
        ('{"format": 2}', "another checksum"),
        ("\x00", "expected JSON"),
        ("", "expected JSON"),
    ],
)
def test_other_content_is_refused_in_one_sentence(file: Path, text: str, said: str):
    file.write_text(text)
    with pytest.raises(ResultError, match=said):
        read_json(file, SHAPE, format=2)


def test_a_file_that_is_not_there_a_folder_and_another_sum_are_refused(file: Path):
    for path in (file.with_name("b.json"), file.parent):
        with pytest.raises(ResultError, match="expected a file that can be read"):
            read_json(path, SHAPE, format=2)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert read_json(file, SHAPE, format=2, sha256=digest) == CONTENT
    with pytest.raises(ResultError, match="another checksum"):
        read_json(file, SHAPE, format=2, sha256="0" * 64)


@pytest.mark.parametrize(
    ("value", "shape", "said"),
    [
        ({"a": 1}, {"a": str}, "a to be str, got 1"),
        ({}, {"a": str}, "to have a"),
        ({"a": True}, {"a": range(5)}, "integer from 0 to 4, got True"),
        ({"a": 5}, {"a": range(5)}, "integer from 0 to 4, got 5"),
        ({"a": True}, {"a": float}, "to be float, got True"),
        ({"a": "x"}, {"a": frozenset(("y", "z"))}, "one of y, z"),
        ({"a": ["x", 1]}, {"a": [str]}, r"a\[1\] to be str"),
        ({"a": None}, {"a": [str]}, "to be a list"),
        ({"a": {"b": {"c": 0}}}, {str: {str: {"c": str}}}, "a.b.c to be str"),
    ],
)
def test_values_of_other_types_are_named(value, shape, said):
    assert find_mismatch(value, shape)
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(find_mismatch(value, shape))


def test_values_of_the_right_types_pass():
    shape = {"a": (float, type(None)), "b?": str, "c": {str: [int]}, "d": object}
    assert find_mismatch({"a": 1, "c": {"x": [1]}, "d": True, "e": 0}, shape) == ""
    assert find_mismatch({"a": None, "c": {}, "d": None}, shape) == ""


def test_numpy_values_become_plain_and_non_finite_null(tmp_path: Path):
    content = {"a": np.float32(0.5), "b": np.arange(3), "c": float("nan"), "d": (1, float("inf")), "e": Path("x")}
    (tmp_path / "a.json").write_bytes(json_bytes(content, format=2, indent=None))
    found = read_json(tmp_path / "a.json", {}, format=2)
    assert found == {"a": 0.5, "b": [0, 1, 2], "c": None, "d": [1, None], "e": "x"}
