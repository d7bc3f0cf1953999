"""Tables of text: rows, header, columns, and what is never lost without a note."""

import os
from pathlib import Path

import numpy as np
import pytest

from img_repr.core.csv_reader import parse_csv_table, read_csv_table
from img_repr.core.csv_table import LABEL
from img_repr.core.errors import DataError


@pytest.fixture
def table(tmp_path: Path):
    def read(text: str | bytes, **options):
        file = tmp_path / "toy.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_csv_table(file, **options)

    return read


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_delimiters_are_found(table, mark):
    found = table(f"a{mark}b\n1{mark}2\n")
    assert (found.header, found.rows, found.delimiter) == (("a", "b"), [["1", "2"]], mark)


def test_a_delimiter_in_quotes_is_none(table):
    assert table('"a;b",c\n"x",2\n').header == ("a;b", "c")


def test_blanks_separate_where_nothing_else_does(table):
    assert table("  1  2 3\n 4 5  6 \n").rows == [["1", "2", "3"], ["4", "5", "6"]]


def test_rows_that_begin_with_a_hash_are_data(table):
    found = table("color,size\n#ff0000,1\nred,2\n#00ff00,3\n")
    assert [row[0] for row in found.rows] == ["#ff0000", "red", "#00ff00"]
    assert found.notes == ()


def test_a_hash_inside_of_a_quoted_cell_over_two_lines_is_data(table):
    assert table('text,size\n"a\n#b",1\nc,2\n').rows == [["a\n#b", "1"], ["c", "2"]]


def test_comments_above_are_skipped_and_comments_below_are_counted(table):
    found = table("# made by hand\na,b\n1,2\n# half time\n3,4\n")
    assert found.rows == [["1", "2"], ["3", "4"]]
    assert found.notes == ("left out 1 lines of comments, the first in line 4",)
    assert found.lines == [3, 5]


def test_a_header_in_a_comment_as_numpy_writes_it(table):
    found = table("# a,b,c\n1,2,3\n4,5,6\n")
    assert (found.header, len(found.rows)) == (("a", "b", "c"), 2)
    assert table("# a comment, no header\n1,2,3\n4,5,7\n").header is None


def test_counting_or_evenly_spaced_first_row_is_a_header_with_a_note(table):
    for first in ("0,1,2,3,4", "1,2,3,4,5", "0.0,0.5,1.0,1.5,2.0", "400,402,404,406,408"):
        found = table(first + "\n0.3,0.1,0.9,0.2,5\n0.1,0.2,0.9,0.5,5\n")
        assert (found.header, len(found.rows), len(found.notes)) == (tuple(first.split(",")), 2, 1)
    assert table("0,1,2\n0.3,0.1,0.9\n", header=False).header is None
    assert table("0,1,2\n1,2,3\n").header is None
    assert table("1,5,2\n0.3,0.1,0.9\n").header is None


def test_columns_are_found_by_name_before_position(table):
    found = table("2019,a,1,Label\n5,6,7,x\n8,9,1,y\n")
    assert [found.find(asked, (), "value") for asked in ("2019", 2019, "1", 1, -1, "-1", "a")] == [0, 0, 2, 1, 3, 3, 1]
    assert found.find(None, LABEL, "label") == 3
    assert found.find("label", (), "label") == 3
    for wrong in ("b", 4, 0.5, True):
        with pytest.raises(DataError, match="expected a column"):
            found.find(wrong, (), "value")


def test_two_usual_names_are_a_question(table):
    with pytest.raises(DataError, match="expected one column of label, got label and class; choose one by label="):
        table("label,class,a\nx,y,1\n").find(None, LABEL, "label")


def test_numbers_follow_the_style_of_the_table(table):
    found = table("a;b\n1,5;1.234\n2,25;NA\n")
    np.testing.assert_array_equal(found.numbers([0, 1]), [[1.5, 1234.0], [2.25, np.nan]])
    assert table('a,b\n"1,234",5%\n').numbers([0, 1]).tolist() == [[1234.0, 0.05]]


def test_a_word_among_numbers_is_named_with_the_way_out(table):
    with pytest.raises(DataError, match=r"toy.csv line 3 column 2 \('b'\): expected a number, got 'x'; drop='b'"):
        table("a,b\n1,2\n3,x\n").numbers([0, 1])


def test_labels_are_text_and_never_missing(table):
    found = table("a,label\n1,01\n2,1\n")
    assert found.texts(1, "label").tolist() == ["01", "1"]
    with pytest.raises(DataError, match="expected a label, got ''"):
        table("a,label\n1,x\n2,\n").texts(1, "label")


def test_sep_line_byte_order_marks_and_line_ends(table):
    assert table("sep=;\na;b\n1;2\n").header == ("a", "b")
    assert table("\ufeffa,b\r\n1,2\r\n").header == ("a", "b")
    assert table("a,b\n1,2\n".encode("utf-16")).header == ("a", "b")


def test_a_delimiter_at_each_line_end_makes_no_column(table):
    found = table("a,b,\n1,2,\n3,4,\n")
    assert (found.header, found.rows) == (("a", "b"), [["1", "2"], ["3", "4"]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "expected a table of text, got an empty file"),
        (b"a,b\n1,\xff\n", "line 2: expected text in UTF-8, got byte 0xff; save the file as UTF-8"),
        (b"a\0b", "expected text, got binary content"),
        (b"a,b\n", "expected at least one row of values, got a header only"),
        (b"a,b\n1,2\n3\n", "line 3: expected 2 cells as in the first row, got 1"),
        (b'a,b\n"1,2\n', "line 2: expected a table of text"),
    ],
)
def test_damage_is_one_sentence(table, text, message):
    with pytest.raises(DataError, match=message):
        table(text)


def test_a_wrong_delimiter_is_refused(table):
    for wrong in (1, "", ",,", "\n"):
        with pytest.raises(DataError, match="expected delimiter to be one character"):
            table("a,b\n1,2\n", delimiter=wrong)


def test_first_rows_that_begin_with_a_hash_are_data(table):
    for text in ("#a,1,2\n#b,3,4\nc,5,6\n", "#a,1,2\n#b,3,4\n#c,5,6\n", "#a,1,2\n"):
        assert len(table(text).rows) == text.count("\n")
    assert table("# by hand, 2024\n# x,y,z\n1,2,4\n2,3,7\n").header == ("x", "y", "z")


def test_options_of_wrong_types_are_refused(table):
    with pytest.raises(DataError, match="expected header to be True, False or None, got 'yes'"):
        table("a,b\n1,2\n", header="yes")
    with pytest.raises(DataError, match="expected names or numbers of columns for drop="):
        table("a,b\n1,2\n").find_all(0.5, "drop")


def test_a_pipe_or_folder_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    for file, got in ((tmp_path / "pipe.csv", "a pipe or a device"), (tmp_path, "Is a directory")):
        with pytest.raises(DataError, match=f"expected a file that can be read, got: {got}"):
            read_csv_table(file)


def test_rejects_only_blank_lines(tmp_path):
    assert parse_csv_table(tmp_path / "toy.csv", "\n \n").rows == []
