"""Numbers are read from whatever holds them, and only from their values."""

import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from img_repr.core.arrays import as_array, as_rows, column_names, in_order
from img_repr.core.errors import SampleError
from img_repr.core.features import get_features

ROWS = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, None, 3], [1.0, np.nan, 3.0]),
        ([Decimal("1.5"), Fraction(1, 2)], [1.5, 0.5]),
        ([10**30, 1], [1e30, 1.0]),
        ([True, 2.0], [1.0, 2.0]),
        (np.ma.masked_array([1, 2, 3], mask=[0, 1, 0]), [1.0, np.nan, 3.0]),
        ([np.ma.masked_array([1.0, 9.0], mask=[0, 1]), [2, 3]], [[1.0, np.nan], [2.0, 3.0]]),
        (np.array([[1, 2], [3, None]], dtype=object), [[1.0, 2.0], [3.0, np.nan]]),
    ],
    ids=["None", "Decimal", "big", "bool", "masked", "masked in a list", "object"],
)
def test_values_are_read_as_numbers(values, expected):
    np.testing.assert_array_equal(as_array(values, caller="it"), expected)


@pytest.mark.parametrize(
    "values",
    [None, "text", ["1", "2"], [1, "2"], {"a": 1}, {1, 2}, object(), [datetime.datetime(2020, 1, 1)], [10**400],
     np.array(["2020"], dtype="M8[Y]"), [[1, 2], [3]], b"abc", np.zeros(2, dtype=[("a", float)])],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_rejects_values_that_are_not_numbers(values):
    with pytest.raises(SampleError, match=r"^it: expected numbers") as error:
        as_array(values, caller="it")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200


def test_an_array_is_not_copied():
    assert as_array(ROWS, caller="it") is ROWS
    assert as_array(ROWS.astype(np.int16), caller="it").dtype == np.int16


def test_rows_of_unequal_lengths_are_a_list():
    ragged = as_rows([[1.0], [2.0, 3.0]], caller="it")
    assert [one.tolist() for one in ragged] == [[1.0], [2.0, 3.0]]


def test_nullable_types_are_those_of_numpy():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(ROWS, columns=list("abc"))
    assert as_array(frame.astype("Int16"), caller="it").dtype == np.int16
    assert as_array(frame.astype("Float32"), caller="it").dtype == np.float32
    holes = frame.astype("Int16")
    holes.iloc[0, 1] = pandas.NA
    np.testing.assert_array_equal(as_array(holes, caller="it"), [[0.0, np.nan, 2.0], [3.0, 4.0, 5.0]])
    np.testing.assert_array_equal(as_array([holes["b"], holes["c"]], caller="it"), [[np.nan, 4.0], [2.0, 5.0]])
    np.testing.assert_array_equal(as_array(pandas.Series([[1, 2], [3, 4]]), caller="it"), [[1, 2], [3, 4]])


def test_columns_are_put_in_order_or_refused_by_name():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(ROWS, columns=list("abc"))
    assert column_names(frame) == ("a", "b", "c")
    np.testing.assert_array_equal(in_order(frame[["c", "a", "b"]], ("a", "b", "c"), caller="it"), ROWS)
    for wrong, word in ((frame[["a", "b"]], "missing: 'c'"), (frame.assign(z=1), "unknown: 'z'")):
        with pytest.raises(SampleError, match=word):
            in_order(wrong, ("a", "b", "c"), caller="it")


@pytest.mark.parametrize(("name", "rows"), [("raw_columns", ROWS), ("raw", ROWS), ("summary", ROWS.repeat(4, axis=1))])
def test_feature_sets_know_the_names_of_their_columns(name, rows):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(rows, columns=[f"c{at}" for at in range(rows.shape[1])])
    fitted = get_features(name).fit(frame.convert_dtypes())
    assert fitted.feature_names_in_.tolist() == list(frame.columns)
    np.testing.assert_array_equal(fitted.transform(frame[frame.columns[::-1]]), fitted.transform(frame))
    with pytest.raises(SampleError, match="missing: 'c1'"):
        fitted.transform(frame.drop(columns="c1"))
