"""Delimiter and header of a table."""

from pathlib import Path

import pytest

from img_repr.core.errors import DataError
from img_repr.domains.timeseries.table import parse_table, read_table

HERE = Path("here.csv")


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("a,b\n1,2", True),
        ("1,2\n3,4", False),
        ("up,1\ndown,2", False),
        ("label,1\nup,2", True),
        ("y,1\nn,2\ny,3", False),
        (",0,1\n0,5,6", True),
        (",0,2\n0,5,6", False),
        (",0.5,1\n0,5,6", False),
        ("a,1\n2,3", True),
        ("a,b", True),
        ("1,2", False),
    ],
)
def test_header(text: str, header: bool):
    table = parse_table(HERE, text)
    assert (table.header is not None) == header
    assert len(table.rows) == text.count("\n") + 1 - header


def test_lines_are_counted_through_blanks_comments_and_quotes():
    table = parse_table(HERE, '# what\na,b\n\n"one\ntwo",1\n3,4\n')
    assert table.rows == [["one\ntwo", "1"], ["3", "4"]]
    assert table.lines == [5, 6]
    assert table.where(1) == "here.csv line 6"
    assert table.title(1) == "column 2 ('b')"


def test_delimiter_can_be_said(tmp_path: Path):
    (tmp_path / "a.csv").write_text("1:2;3\n4:5;6\n")
    assert read_table(tmp_path / "a.csv", delimiter=":").rows == [["1", "2;3"], ["4", "5;6"]]
    (tmp_path / "a.csv").write_text("1;2\n1;2;3\n")
    with pytest.raises(DataError, match=r"a.csv line 2: expected 2 cells as in the first row, got 3"):
        read_table(tmp_path / "a.csv")


def test_a_cell_without_end_is_a_clear_error(tmp_path: Path):
    (tmp_path / "a.csv").write_text('1,2\n1,"2\n')
    with pytest.raises(DataError, match=r"a.csv line 2: expected a table of text, got: unexpected end of data"):
        read_table(tmp_path / "a.csv")
