"""Tables of series as people have them: roles, values, and whether a row is a series or a time step."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from img_repr import load_dataset
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError

STEPS = 6
ROWS = 8


@pytest.fixture
def load(tmp_path: Path) -> Any:
    def load(text: str, **options: Any) -> Dataset:
        (tmp_path / "toy.csv").write_text(text)
        return load_dataset(tmp_path / "toy.csv", **options)

    return load


def value(row: int, step: int) -> float:
    return row + step**2 / 10


def wide(heads: str, cells: Callable[[int], str], steps: Sequence[str] = ("t0", "t1", "t2", "t3", "t4", "t5")) -> str:
    """A table with some columns before one series per row."""
    lines = [",".join([heads, *steps])]
    lines += [",".join([cells(row), *(f"{value(row, step):.2f}" for step in range(STEPS))]) for row in range(ROWS)]
    return "\n".join(lines) + "\n"


def kind(row: int) -> str:
    return ("ill", "well")[row % 2]


EXPECTED = np.array([[value(row, step) for step in range(STEPS)] for row in range(ROWS)])


@pytest.mark.parametrize(
    ("heads", "cells", "options"),
    [
        ("id,patient,date,diagnosis", lambda row: f"E{row},P{row // 4},2021-01-{row + 1:02d},{kind(row)}", {}),
        ("patient,date,diagnosis", lambda row: f"P{row // 4},2021-01-{row + 1:02d},{kind(row)}", {}),
        ("patient_id,time,class", lambda row: f"P{row // 4},{row},{kind(row)}", {}),
        ("id,date,diagnosis", lambda row: f"P{row // 4},2021-01-{row + 1:02d},{kind(row)}", {}),
        (
            "nr,who,day,sex,result",
            lambda row: f"E{row},P{row // 4},2021-01-{row + 1:02d},{'mf'[row % 2]},{kind(row)}",
            {"label": "result", "group": "who", "time": "day", "id": "nr", "drop": "sex", "format": "csv"},
        ),
    ],
)
def test_a_date_next_to_values_does_not_make_them_channels(load: Any, heads: str, cells: Any, options: dict[str, Any]):
    data = load(wide(heads, cells), **options)
    np.testing.assert_allclose(data.samples, EXPECTED)
    assert data.labels.tolist() == [kind(row) for row in range(ROWS)]
    assert data.groups.tolist() == [f"P{row // 4}" for row in range(ROWS)]
    assert len(data.times) == ROWS
    assert "6 value columns t0 ... t5; label: " in data.notes[0]


STEP_NAMES = {
    "unit": [f"t{step} (mV)" for step in range(STEPS)],
    "numbers": [str(step) for step in range(STEPS)],
    "months": ["2019-11", "2019-12", "2020-01", "2020-02", "2020-03", "2020-04"],
    "days": [f"2020-01-{day:02d}" for day in range(1, 7)],
    "clock": ["22:00", "22:15", "22:30", "22:45", "23:00", "23:15"],
    "wavelengths": [f"{400 + 2 * step} nm" for step in range(STEPS)],
    "v1": [f"v{step + 1}" for step in range(STEPS)],
}


@pytest.mark.parametrize("steps", STEP_NAMES.values(), ids=STEP_NAMES)
def test_number_that_is_not_a_time_step_is_dropped_with_a_note(load: Any, steps: list[str]):
    data = load(wide("age,label", lambda row: f"{30 + row},{kind(row)}", steps))
    np.testing.assert_allclose(data.samples, EXPECTED)
    assert any("left out 1 columns of numbers that are not named like the values" in note for note in data.notes)
    assert "left out: age" in data.notes[0]
    taken = load(wide("age,label", lambda row: f"{30 + row},{kind(row)}", steps), value=["age", *steps])
    assert taken.samples.shape == (ROWS, STEPS + 1)


def test_time_steps_sorted_as_text_are_put_in_order(load: Any):
    steps = ["t1", "t10", "t11", "t2", "t3", "t4"]
    data = load(wide("label", kind, steps))
    np.testing.assert_allclose(data.samples, EXPECTED[:, [0, 3, 4, 5, 1, 2]])
    assert "put in the order of their numbers, t1 ... t11" in data.notes[1]


def test_columns_of_text_without_a_role_are_an_error_with_the_way_out(load: Any):
    text = wide("sex,label", lambda row: f"{'mf'[row % 2]},{kind(row)}")
    with pytest.raises(DataError, match=r"columns of text are sex: .*drop='sex' \(--load drop=sex\) leaves it out"):
        load(text)
    assert load(text, drop="sex").samples.shape == (ROWS, STEPS)
    two = wide("sex,result", lambda row: f"{'mf'[row % 2]},{kind(row)}")
    with pytest.raises(
        DataError, match=r"label='sex' \(--load label=sex\) takes one as the label, .*drop=\['sex', 'res"
    ):
        load(two)


def test_dates_without_a_role_are_left_out_with_a_note(load: Any):
    data = load(wide("recorded,label", lambda row: f"2021-01-{row + 1:02d},{kind(row)}"))
    assert data.times is None
    assert "left out 1 columns of dates; time=NAME takes one as the times: recorded" in data.notes
    assert len(load(wide("recorded,label", lambda row: f"2021-01-{row + 1:02d},{kind(row)}"), time=0).times) == ROWS


def test_a_split_column_is_the_published_split(load: Any):
    data = load(wide("split,label", lambda row: f"{('train', 'val', 'test')[row % 3]},{kind(row)}"))
    assert data.split.tolist() == ["train", "train", "test"] * 2 + ["train", "train"]


def long(heads: str, cells: Callable[[int, int], str], rows: int = 2) -> str:
    return heads + "\n" + "".join(cells(row, step) + "\n" for row in range(rows) for step in range(STEPS))


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        (long("id,time,ax,ay,label", lambda row, step: f"s{row},{step},{row},{step},{kind(row)}"), (2, 2, STEPS)),
        (long("id,time,ch1,ch2,ch3", lambda row, step: f"s{row},{step},{row},{step},1"), (2, 3, STEPS)),
        (long(",id,date,v", lambda row, step: f"{step},s{row},2021-01-{step + 1:02d},{step}"), (2, STEPS)),
        (long("time,ch1,ch2,ch3", lambda row, step: f"{step},{row},{step},1", rows=1), (1, 3, STEPS)),
        (long("id,v", lambda row, step: f"s{row},{step}"), (2, STEPS)),
    ],
    ids=["channels", "numbered channels", "index and dates", "one recording", "no time"],
)
def test_rows_of_time_steps_are_recognized(load: Any, text: str, shape: tuple[int, ...]):
    data = load(text)
    assert np.shape(data.samples) == shape
    assert "one row per time step" in data.notes[0]


def test_rejects_long_table_without_ids(load: Any):
    text = long("subject,time,ax,ay,label", lambda row, step: f"s{row},{step},{row},{step},{kind(row)}")
    with pytest.raises(DataError, match=r"layout='wide' .* id='subject' \(--load id=subject\) one series per id"):
        load(text)
    assert load(text, id="subject").samples.shape == (2, 2, STEPS)


def test_channels_follow_their_names(load: Any):
    text = long("id,time,ay,note,ax", lambda row, step: f"s{row},{step},{step},hm,{row}")
    data = load(text, columns=("ax", "ay"))
    assert data.columns == ("ax", "ay")
    np.testing.assert_array_equal(data.samples[1], [[1.0] * STEPS, range(STEPS)])
    assert "note" in data.notes[0]
    with pytest.raises(DataError, match="expected the columns of the model, got none called az; the data have ay, ax"):
        load(text, drop="note", columns=("ax", "az"))


def test_labels_ids_and_groups_stay_as_written(load: Any):
    data = load("id,group,label,t0,t1,t2\n007,1,01,1,2,3\n7,01,1,2,3,4\n")
    assert data.labels.tolist() == ["01", "1"]
    assert data.groups.tolist() == ["1", "01"]
    assert data.names.tolist() == ["007", "7"]
    assert len(load("id,time,value\n01,0,1\n01,1,2\n1,0,3\n1,1,4\n")) == 2


def test_rows_that_begin_with_a_hash_are_series(load: Any):
    assert load("label,t0,t1,t2\n#a,1,2,3\nb,2,3,4\n#a,3,4,5\n").labels.tolist() == ["#a", "b", "#a"]


def test_decimal_commas_are_numbers(load: Any):
    data = load("label;t0;t1;t2\na;1,5;2,25;3\nb;2,5;1.000,5;4\n")
    assert data.samples.tolist() == [[1.5, 2.25, 3], [2.5, 1000.5, 4]]


def test_header_of_numbers_is_not_a_series(load: Any):
    data = load("0,1,2,3\n0.5,0.1,0.9,0.3\n0.1,0.1,0.8,0.3\n")
    assert data.samples.shape == (2, 4)
    assert any("header=False" in note for note in data.notes)


def test_a_refused_table_names_the_formats_that_read_it(load: Any):
    with pytest.raises(
        DataError, match=r"name the format by --format NAME.*--format tabular_csv reads it as tabular, 2 samples"
    ):
        load("age,name,city,smoker\n3,x,a,yes\n4,y,b,no\n")


@pytest.mark.parametrize(
    "option",
    [{"label": 1j}, {"label": 0.5}, {"value": 0.5}, {"drop": 0.5}, {"delimiter": "ab"}, {"header": "x"}, {"layout": 3}],
    ids=str,
)
def test_options_of_wrong_types_are_refused(load: Any, option: dict[str, Any]):
    with pytest.raises((DataError, ParameterError), match="expected"):
        load("label,a,b,c\nx,1,2,4\ny,3,1,2\n", **option)


def test_ids_that_repeat_in_a_wide_table_are_groups(load: Any):
    data = load(wide("id,date,label", lambda row: f"P{row // 4},2021-01-{row + 1:02d},{kind(row)}"))
    assert data.groups.tolist() == [f"P{row // 4}" for row in range(ROWS)]
    assert data.names is None
