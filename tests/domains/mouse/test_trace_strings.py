"""Traces as strings of points."""

from pathlib import Path

import pytest

from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import LOADERS, load_dataset
from img_repr.domains.mouse.trace_strings import is_trace_strings, load_trace_strings

CAPTCHA = (
    "1 353,2607,349;367,2607,376;388,2620,401;416,2620,426; 1119.0,2607.0 1\n"
    "2 7,8,100;9,8,126; 90.5,8 0\n"
    "3 7,8,100; 90.5,8 0\n"
)


def write(folder: Path, text: str, name: str = "train.txt") -> Path:
    (folder / name).write_text(text, newline="")
    return folder / name


@pytest.mark.parametrize("text", [CAPTCHA, CAPTCHA.replace("\n", "\r\n"), "\ufeff" + CAPTCHA, CAPTCHA.rstrip()])
def test_the_slider_captcha_set(tmp_path: Path, text: str):
    data = load_dataset(write(tmp_path, text))
    assert (data.name, data.domain.name, data.labels.tolist()) == ("train", "mouse", ["1", "0", "0"])
    assert data.samples[0].x_px.tolist() == [353, 367, 388, 416]
    assert data.samples[0].y_px.tolist() == [2607, 2607, 2620, 2620]
    assert data.samples[0].t_s.tolist() == pytest.approx([0, 0.027, 0.052, 0.077])
    assert [len(trace) for trace in data.samples] == [4, 2, 1]
    assert data.names.tolist()[1] == "train/0/2 @ 0.0-0.0 s"
    assert data.groups is None
    assert data.notes[0].startswith("times were read as ms")


def test_other_lines(tmp_path: Path):
    data = load_trace_strings(write(tmp_path, "0.5,1,2;0.6,3,4\n0,5,6;0.1,7,8;\n"), order="txy")
    assert data.labels is None
    assert data.samples[1].x_px.tolist() == [5, 7]
    assert data.samples[0].t_s.tolist() == pytest.approx([0, 0.1])
    data = load_trace_strings(write(tmp_path, "a 1,1,0;2,1,9; 5,5\nb 1,1,0;2,1,9; 5,5\n"))  # the test part of the set
    assert data.labels is None
    data = load_trace_strings(write(tmp_path, CAPTCHA + "4 5,5,7;7,x"))
    assert len(data) == 3
    assert "truncated last rows, dropped: 1 in 1 of 3 sessions" in data.notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 1,2,3;1,2 5,5 1\n", r"train.txt line 1: expected points like 5,7,16;6,7,33; got '1 1,2,3;1,2 5,5 1'"),
        (CAPTCHA + "4 5,5,7;7,x; 1\n", r"line 4: expected points like"),
        (CAPTCHA + "4 5,5,7; 7,7\n", r"line 4: expected a label in every line or in none, got none"),
        ("", r"expected events of a pointer, got an empty file"),
        ("t,x,y\n1,2,3\n", r"line 1: expected points like"),
    ],
)
def test_rejects_invalid_files(tmp_path: Path, text: str, message: str):
    with pytest.raises(DataError, match=message):
        load_trace_strings(write(tmp_path, text))
    with pytest.raises(ParameterError, match="trace_strings: expected order to be 'xyt' or 'txy', got 'yxt'"):
        load_trace_strings(write(tmp_path, CAPTCHA), order="yxt")


def test_recognizing(tmp_path: Path):
    assert [name for name in LOADERS if LOADERS[name].recognizes(write(tmp_path, CAPTCHA))] == ["trace_strings"]
    for text in ("1,2,3\n4,5,6\n", "1;2;3\n", "a;b\n1;2\n", "", "1,2;3,4\n", "1,2,3;\n", "\0"):
        assert not is_trace_strings(write(tmp_path, text)), text
    assert not is_trace_strings(tmp_path)


def test_a_line_that_would_make_a_careless_expression_run_for_ever(tmp_path: Path):
    text = "1 " + "1,2,3;" * 20000 + "x\n"
    with pytest.raises(DataError, match="line 1: expected points like"):
        load_trace_strings(write(tmp_path, text))
