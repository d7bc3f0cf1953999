"""Cells of tables: numbers as the world writes them, labels as they are written."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from img_repr.core.csv_values import COMMA, POINT, is_missing, label_texts, number_style, parse_number, parse_time


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1.5", 1.5),
        (" -2 ", -2.0),
        ("1,234.5", 1234.5),
        ("1,234,567", 1234567.0),
        ("1 234", 1234.0),
        ("1'234.5", 1234.5),
        *[("12%", 0.12), ("12.5 %", 0.125), ("\u22123.5", -3.5), ("1e3", 1000.0), ("1\u202f234", 1234.0), (".5", 0.5)],
    ],
)
def test_numbers_with_a_decimal_point(cell, value):
    assert parse_number(cell) == pytest.approx(value)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1,5", 1.5),
        ("1.234,5", 1234.5),
        ("1.234.567", 1234567.0),
        ("1 234,5", 1234.5),
        ("-0,25", -0.25),
        ("12,5%", 0.125),
        *[("1,5e3", 1500.0), ("7", 7.0), (",5", 0.5)],
    ],
)
def test_numbers_with_a_decimal_comma(cell, value):
    assert parse_number(cell, COMMA) == pytest.approx(value)


@pytest.mark.parametrize("style", [POINT, COMMA])
@pytest.mark.parametrize(
    "cell", ["red", "1_000", "1.2.3", "1,2,3", "12:30", "2024-01-01", "#ff0000", "0x10", "1-2", "%"]
)
def test_words_are_not_numbers(cell, style):
    with pytest.raises(ValueError, match=r"|$^"):
        parse_number(cell, style)


@pytest.mark.parametrize("cell", ["", " ", "NA", "N/A", "NaN", "<NA>", "NULL", "None", "?", "#N/A", "NaT", "-nan"])
def test_missing_values_of_pandas_r_and_spreadsheets(cell):
    assert is_missing(cell)
    assert math.isnan(parse_number(cell))


@pytest.mark.parametrize(
    ("columns", "delimiter", "decimal"),
    [
        ([["1,5", "2,5"]], ";", ","),
        ([["1,234", "2,345"]], ",", "."),
        ([["1,234", "2,345"]], ";", ","),
        ([["1,234", "2.5"]], ";", "."),
        ([["1,234", "5,5"]], ",", ","),
        ([["1.234,5"], ["x,y"]], "\t", ","),
        ([["1,234.5"], ["a"]], ";", "."),
        ([["a, b"], ["1.5"]], ",", "."),
    ],
)
def test_the_decimal_mark_is_the_one_that_fits_more_columns(columns, delimiter, decimal):
    assert number_style(columns, delimiter=delimiter).decimal == decimal


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_reads_numbers_of_python_exactly(value):
    assert parse_number(repr(value)) == value


def test_labels_stay_as_they_are_written():
    assert label_texts(["007", "7", "1e2", "100", " a "]) == ["007", "7", "1e2", "100", "a"]
    assert label_texts(["cafe\u0301"]) == ["caf\u00e9"]
    long = "x" * 300
    assert label_texts([long]) == [long]


def test_integers_that_an_exporter_wrote_as_floats_lose_their_decimals():
    assert label_texts(["1.0", "2.0"]) == ["1", "2"]
    assert label_texts(["1.0000000e+00", "-1.0000000e+00"]) == ["1", "-1"]
    assert label_texts(["1.0", "1"]) == ["1.0", "1"]
    assert label_texts(["1.0", "1.00"]) == ["1.0", "1.00"]
    assert label_texts(["1.0", "a"]) == ["1.0", "a"]


def test_times_are_numbers_or_iso_dates():
    assert parse_time("1970-01-01T00:01:00+00:00") == 60.0
    for wrong in ("soon", "nan", "inf", "31.12.2024", ""):
        with pytest.raises(ValueError, match=r"|$^"):
            parse_time(wrong)
