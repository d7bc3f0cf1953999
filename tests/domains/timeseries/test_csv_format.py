"""Tables of text, wide and long."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError
from img_repr.domains.timeseries.csv_format import load_csv


@pytest.fixture
def load(tmp_path: Path) -> Any:
    def load(text: str, **options: Any) -> Dataset:
        (tmp_path / "toy.csv").write_text(text)
        return load_csv(tmp_path / "toy.csv", **options)

    return load


def show(data: Dataset) -> tuple[list[Any], list[str] | None]:
    return [one.tolist() for one in data.samples], None if data.labels is None else data.labels.tolist()


@pytest.mark.parametrize("mark", [",", ";", "\t", "|", " ", "   "])
def test_delimiters(load: Any, mark: str):
    assert show(load("1,2.5,-3\n4,5,6e1\n".replace(",", mark))) == ([[1, 2.5, -3], [4, 5, 60]], None)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("label,a,b\nup,1,2\ndown,3,4\n", {}),
        ("a,b,Class\n1,2,up\n3,4,down\n", {}),
        ("a,kind,b\n1,up,2\n3,down,4\n", {}),
        ("up,1,2\ndown,3,4\n", {}),
        ("1,2,up\n3,4,down\n", {}),
        ("1,2,up\n3,4,down\n", {"label": -1}),
        ("1,2,up\n3,4,down\n", {"label": "2"}),
        ("0,1,y\n1,2,up\n3,4,down\n", {}),
        (",0,1,2\n0,1,2,up\n1,3,4,down\n", {"label": "2"}),
        ("id,a,b,label\n7,1,2,up\n8,3,4,down\n", {}),
        ("a,b,c,kind\n1,2,9,up\n3,4,9,down\n", {"label": "kind", "layout": "wide", "value": ["a", "b"]}),
        ('# a comment\n"label","a","b"\n"up",1,2\n\n"down",3,4\n', {}),
    ],
)
def test_wide_with_labels(load: Any, text: str, options: dict[str, Any]):
    assert show(load(text, **options)) == ([[1, 2], [3, 4]], ["up", "down"])


def test_columns_left_out_are_named(load: Any):
    assert "ids: id" in load("id,a,b\n7,1,2\n").notes[0]
    assert "left out: column 1" in load(",0,1\n0,1,2\n1,3,4\n").notes[0]


def test_numbers_are_never_guessed_to_be_labels(load: Any):
    text = "1,0.5,0.25\n2,0.5,0.75\n1,0.5,0.5\n2,0.5,0.125\n"
    data = load(text)
    assert data.labels is None
    assert data.samples.shape == (4, 3)
    assert "label=0" in data.notes[0]
    assert load(text, label=0).labels.tolist() == ["1", "2", "1", "2"]
    assert not any("label=0" in note for note in load(text, label=0).notes)


def test_header_option_overrides_the_rules(load: Any):
    assert load("0,1,2\n3,4,5\n").samples.shape == (2, 3)
    assert load("0,1,2\n3,4,5\n", header=True).samples.tolist() == [[3, 4, 5]]


@pytest.mark.parametrize("text", ["1\n2\n\n3\n", "value\n1\n2\n3\n", "1,2,3\n", "temperature\n1\n2\n3\n"])
def test_one_column_or_row_is_one_series(load: Any, text: str):
    assert show(load(text)) == ([[1, 2, 3]], None)


def test_missing_cells(load: Any):
    data = load("a,1,NA,3,\nb,1,2,?,4\n")
    np.testing.assert_array_equal(data.samples[0], [1, np.nan, 3])
    np.testing.assert_array_equal(data.samples[1], [1, 2, np.nan, 4])


def test_wide_groups_and_times(load: Any):
    text = "group,day,a,b,label\nann,2020-01-02,1,2,x\nbob,2020-01-01,3,4,y\n"
    data = load(text, layout="wide", time="day")
    assert data.groups.tolist() == ["ann", "bob"]
    assert np.diff(data.times).tolist() == [-86400]
    assert show(data) == ([[1, 2], [3, 4]], ["x", "y"])


def test_long(load: Any):
    text = "id,time,value,label,group\nb,2,20,up,u\na,1,1,down,v\nb,1,10,up,u\na,2,2,down,v\na,4,3,down,v\n"
    data = load(text)
    assert show(data) == ([[10, 20], [1, 2, 3]], ["up", "down"])
    assert data.groups.tolist() == ["u", "v"]
    assert data.names.tolist() == ["b", "a"]
    assert data.notes == (
        "2 series, one row per time step; label: label; groups: group; times: time; ids: id",
        "the times of 1 of 2 series are uneven; they were read as evenly spaced",
    )


@pytest.mark.parametrize(
    ("text", "options", "samples"),
    [
        ("time,p,q\n1,1,10\n0,2,20\n", {}, [[[2, 1], [20, 10]]]),
        ("t,y\n1,1\n0,2\n", {}, [[2, 1]]),
        ("unit,1\nunit,2\n", {"id": 0}, [[1, 2]]),
        ("who,when,v\na,2021-01-02T00:00:00Z,1\na,2021-01-01,2\n", {"id": "who", "time": "when"}, [[2, 1]]),
        ("who,p,q\na,1,3\nb,2,4\n", {"id": "who", "value": "q"}, [[3], [4]]),
        ("p,q\n1,3\n2,4\n", {"layout": "long"}, [[[1, 2], [3, 4]]]),
    ],
)
def test_long_variants(load: Any, text: str, options: dict[str, Any], samples: list[Any]):
    assert show(load(text, **options)) == (samples, None)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "toy.csv: expected a table of text, got an empty file"),
        ("a,b\n", {}, "expected at least one row of values, got a header only"),
        ("# nothing\n", {}, "expected at least one row of values, got none"),
        ("1,2\n3,x\n5,6\n", {}, "toy.csv line 2 column 2: expected a number, got 'x'"),
        ("label,a\nu,1\nv,1;5\n", {}, r"toy.csv line 3 column 2 \('a'\): expected a number, got '1;5'"),
        ("1,2,3\n\n1,2\n", {}, "toy.csv line 3: expected 3 cells as in the first row, got 2"),
        ("a,b\n1,2\n", {"label": "kind"}, "expected a column 'kind' for label=, got a, b"),
        ("1,2\n", {"label": 5}, "expected a column 5 for label=, got no header and 2 columns"),
        ("label,class,a\nu,v,1\n", {}, "expected one column of label, got label and class"),
        ("label,a\n,1\n", {}, r"line 2 column 1 \('label'\): expected a label, got ''"),
        ("label\nu\n", {}, "expected a column of values, got only columns of other roles"),
        ("label,a,b\nu,,\n", {}, "line 2: expected at least one value, got only missing ones"),
        ("id,time,value\na,1,1\na,1,2\n", {}, "line 3: expected one row per time in series 'a', got two"),
        (
            "id,time,value\na,noon,1\n",
            {},
            r"line 2 column 2 \('time'\): expected a number or an ISO date like 2024-12-31, got 'noon'",
        ),
        (
            "id,value,label\na,1,u\na,2,v\n",
            {},
            "line 3: expected one label per series, got 'u' and 'v' in series 'a'",
        ),
        ("u,v,1\nw,x,2\n", {}, "line 1 column 1: expected a number, got 'u'"),
        ("Once upon a time\nthere was a series.\n", {}, "expected"),
    ],
)
def test_bad_content_is_one_clear_sentence(load: Any, text: str, options: dict[str, Any], message: str):
    with pytest.raises(DataError, match=message):
        load(text, **options)


def test_unknown_layout(load: Any):
    with pytest.raises(ParameterError, match="expected layout to be 'wide' or 'long', got 'tall'"):
        load("1,2\n", layout="tall")
