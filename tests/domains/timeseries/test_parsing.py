"""Words of data files."""

import math
from pathlib import Path

import pytest

from img_repr.core.errors import DataError
from img_repr.domains.timeseries.parsing import (
    is_number,
    numbered_lines,
    parse_label,
    parse_number,
    parse_numbers,
    parse_time,
    read_text,
)


@pytest.mark.parametrize(
    ("cell", "label"),
    [
        ("1.0", "1"),
        (" 2.0000000e+00 ", "2"),
        ("-1", "-1"),
        ("0.5", "0.5"),
        ("1_0", "1_0"),
        ("none", "none"),
        ("1e300", "1e300"),
    ],
)
def test_labels(cell: str, label: str):
    assert parse_label(cell, "here") == label


@pytest.mark.parametrize("cell", ["", " ", "?", "NaN"])
def test_missing_labels(cell: str):
    with pytest.raises(DataError, match="here: expected a label"):
        parse_label(cell, "here")


@pytest.mark.parametrize("cell", ["", "?", "NA", "n/a", "NaN", " null ", "None"])
def test_missing_values(cell: str):
    assert math.isnan(parse_number(cell))
    assert not is_number(cell)


@pytest.mark.parametrize("cell", ["1_0", "1,5", "0x1F", "--", "one"])
def test_no_numbers(cell: str):
    assert not is_number(cell)
    with pytest.raises(DataError, match="here column 2: expected a number, got"):
        parse_numbers(["1", cell], "here", ["column 1", "column 2"])


@pytest.mark.parametrize("cell", ["nan", "inf", "noon", ""])
def test_no_times(cell: str):
    with pytest.raises(ValueError, match=r"."):
        parse_time(cell or "?")


def test_times():
    assert parse_time("1970-01-01 01:00") == parse_time("1970-01-01T02:00+01:00") == parse_time("3600") == 3600


def test_line_ends_and_marks(tmp_path: Path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfa\r\n\rb\n  \nc")
    assert list(numbered_lines(read_text(tmp_path / "a.txt"))) == [(1, "a"), (3, "b"), (5, "c")]
