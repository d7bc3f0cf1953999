"""Tables of text as they are found in the wild, and what is said of those that are none."""

import numpy as np
import pytest

from img_repr import load_dataset
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import LOADERS
from img_repr.domains.tabular.tabular_csv import load_tabular_csv


@pytest.fixture
def load(tmp_path):
    """Write text as it stands and read it again."""

    def load(text, **options):
        file = tmp_path / "toy.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_tabular_csv(file, **options)

    return load


PLAIN = "height,weight,class\n1.5,60,a\n1.8,?,b\n1.6,55,a\n"


def test_a_plain_table(load):
    data = load(PLAIN)
    assert (data.name, data.domain.name) == ("toy", "tabular")
    assert data.columns == ("height", "weight")
    np.testing.assert_array_equal(data.samples, [[1.5, 60.0], [1.8, np.nan], [1.6, 55.0]])
    assert data.labels.tolist() == ["a", "b", "a"]
    assert data.notes == ("2 columns: height, weight; label: class", "values missing: 1, in rows: 1, in columns: 1")
    assert data.subset([2]).columns == data.columns


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        b"\xef\xbb\xbf" + PLAIN.encode(),
        PLAIN.rstrip(),
        "# made by hand\n\n" + PLAIN,
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", " | ").replace("?", ""),
        PLAIN.replace("?", "NA"),
        PLAIN.replace("height", '"height"').replace("1.5", '"1.5"'),
        PLAIN.replace(",", ", "),
        PLAIN.replace("\n", ",\n"),
    ],
    ids=["crlf", "cr", "bom", "no end", "comment", "semicolon", "tab", "bar", "na", "quotes", "blanks", "last mark"],
)
def test_the_same_table_however_it_is_written(load, text):
    data, plain = load(text), load(PLAIN)
    assert data.fingerprint() == plain.fingerprint()
    assert data.columns == plain.columns


def test_words_get_a_column_each(load):
    data = load("a,color,y,target\n1,red,2,0\n2,blue,3,1\n3,?,4,0\n4,red,5,1\n")
    assert data.columns == ("a", "color=blue", "color=red", "y")
    assert data.samples[:, 1:3].tolist() == [[0.0, 1.0], [1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]
    assert data.labels.tolist() == ["0", "1", "0", "1"]


def test_numbers_that_are_names(load):
    data = load("zip,b,label\n1000,1,x\n9000,2,y\n1000,3,x\n", words="zip")
    assert data.columns == ("zip=1000", "zip=9000", "b")
    assert data.samples.tolist() == [[1.0, 0.0, 1.0], [0.0, 1.0, 2.0], [1.0, 0.0, 3.0]]


def test_too_many_words_and_words_among_numbers_are_named(load):
    words = "\n".join(f"w{row},{row},{row % 2}" for row in range(30))
    with pytest.raises(
        DataError, match=r"at most 20 different words in column 1 \('name'\), got 30, 'w0' for one; drop"
    ):
        load(f"name,b,label\n{words}\n")
    assert load(f"name,b,label\n{words}\n", drop="name").columns == ("b",)
    assert len(load(f"name,b,label\n{words}\n", most_words=30).columns) == 31
    with pytest.raises(
        DataError, match=r"toy.csv line 3 column 1 \('a'\): expected a finite number as in others, got '<2'"
    ):
        load("a,b,label\n1,2,x\n<2,3,y\n")
    with pytest.raises(DataError, match=r"line 3 column 2 \('b'\): expected a finite number as in others, got 'inf'"):
        load("a,b,label\n1,2,x\n2,inf,y\n")


def test_which_column_is_the_label(load):
    text = "a,Class,b\n1,x,5\n2,y,6\n3,x,7\n"
    assert load(text).columns == ("a", "b")
    last = load("a,b,kind\n1,5,x\n2,6,y\n")
    assert last.labels.tolist() == ["x", "y"]
    assert last.notes[1] == "labels are the last column, 'kind'; label= names another"
    assert load("kind,b\nx,5\ny,6\n", label=0).labels.tolist() == ["x", "y"]
    assert load("kind,b\nx,5\ny,6\n", label="kind").columns == ("b",)
    assert load("a,b,kind\n1,5,1.0\n2,6,2.0\n3,7,1.0\n", label=-1).labels.tolist() == ["1", "2", "1"]
    with pytest.raises(DataError, match="expected one column of label, got class and target; choose one by label="):
        load("a,class,target\n1,2,3\n")
    with pytest.raises(DataError, match="expected a column 'kin' for label=, got a, b, kind"):
        load("a,b,kind\n1,5,x\n2,6,y\n", label="kin")
    with pytest.raises(DataError, match=r"line 3 column 2 \('label'\): expected a label, got ''"):
        load("a,label\n1,x\n2,\n")


def test_rejects_continuous_labels(load):
    prices = "\n".join(f"{row},{row * 1.7:.2f}" for row in range(20))
    with pytest.raises(
        DataError, match=r"expected classes in column 2 \('price'\), got 20 different numbers in 20 rows"
    ):
        load(f"rooms,price\n{prices}\n")


def test_rows_without_labels(load):
    data = load("a,b\n1,2\n3,4\n", labeled=False)
    assert data.labels is None
    assert data.columns == ("a", "b")
    known = load("a,class,b\n1,x,2\n3,y,4\n", labeled=False)
    assert known.columns == ("a", "b")
    assert known.notes == ("2 columns: a, b; left out: class",)


def test_groups_times_and_numbers_of_rows(load):
    text = "id,site,when,a,label\n7,s1,2020-01-02,1,x\n8,s2,2020-01-01,2,y\n9,s1,2020-01-03,3,x\n"
    data = load(text, group="site", time="when")
    assert data.columns == ("a",)
    assert data.groups.tolist() == ["s1", "s2", "s1"]
    assert np.argsort(data.times).tolist() == [1, 0, 2]
    assert data.names.tolist() == ["7", "8", "9"]
    assert data.notes == ("1 columns: a; label: label; groups: site; times: when; ids: id",)
    assert load(",a,label\n0,5,x\n1,6,y\n").columns == ("a",)  # as data frames are written
    assert load("id,a,label\n1,5,x\n1,6,y\n").columns == ("id", "a")  # numbers nothing
    with pytest.raises(DataError, match="expected a number or an ISO date like 2024-12-31, got 'soon'"):
        load("when,a,label\nsoon,1,x\n2,2,y\n", time="when")


def test_a_column_without_any_value_stays(load):
    data = load("a,b,label\n1,,x\n2,,y\n")
    assert data.columns == ("a", "b")
    assert np.isnan(data.samples[:, 1]).all()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "an empty file"),
        ("  \n\n", "an empty file"),
        ("a,b\n", "expected at least one row of values, got a header only"),
        ("a,b\n1,2\n3\n", "line 3: expected 2 cells as in the first row, got 1"),
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n", "expected a first line that names the columns, got the number 5.1 in it"),
        ("a,a,label\n1,2,x\n", "expected each column's name once, got 'a' twice"),
        (b"a,label\n\xff\xfe,x\n", "line 2: expected text in UTF-8, got byte 0xff"),
        (b"a,label\n1\0,x\n", "line 2: expected text, got binary content"),
        ('a,label\n"1,x\n', "expected a table"),
        ("label\nx\ny\n", "expected a column of values, got only columns of other roles"),
    ],
)
def test_rejects_invalid_tables(load, text, said):
    with pytest.raises(DataError, match=said) as error:
        load(text)
    assert "toy.csv" in str(error.value)
    assert "\n" not in str(error.value)


def test_headers_that_count_are_names(load):
    data = load("0,1,2,label\n5,6,7,x\n8,9,1,y\n")
    assert data.columns == ("0", "1", "2")


def test_rejects_missing_file_and_invalid_options(tmp_path):
    with pytest.raises(DataError, match=r"none.csv: expected a file that can be read, got: No such file"):
        load_tabular_csv(tmp_path / "none.csv")
    with pytest.raises(ParameterError, match="expected most_words to be an integer above 0, got 0"):
        load_tabular_csv(tmp_path / "none.csv", most_words=0)


def test_a_table_is_read_by_name_and_taken_from_no_other_format(tmp_path):
    series = tmp_path / "series.csv"
    series.write_text("label,t0,t1,t2\n" + "".join(f"{row % 2},{row},{row + 1},{row + 2}\n" for row in range(6)))
    assert load_dataset(series).domain.name == "timeseries"
    assert load_dataset(series, format="tabular_csv").domain.name == "tabular"
    assert not LOADERS["tabular_csv"].recognizes(series)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a;b;class\n1,5;2,25;x\n2,5;3,5;y\n", [[1.5, 2.25], [2.5, 3.5]]),
        ("a;b;class\n1.234,5;12%;x\n2,5;5 %;y\n", [[1234.5, 0.12], [2.5, 0.05]]),
        ('a,b,class\n"1,234",2,x\n"2,345",3,y\n', [[1234, 2], [2345, 3]]),
        ("a\tb\tclass\n1 234\t\u22122\tx\n2\t#N/A\ty\n", [[1234, -2], [2, np.nan]]),
    ],
    ids=["decimal comma", "percent", "thousands", "blanks"],
)
def test_numbers_as_spreadsheets_write_them_are_numbers(load, text, values):
    data = load(text)
    assert data.columns == ("a", "b")
    np.testing.assert_allclose(data.samples, values)


def test_labels_groups_and_words_stay_as_written(load):
    data = load("zip,who,b,class\n01234,1,2,007\n1234,01,3,7\n01234,1,4,007\n", words="zip", group="who")
    assert data.columns == ("zip=01234", "zip=1234", "b")
    assert data.labels.tolist() == ["007", "7", "007"]
    assert data.groups.tolist() == ["1", "01", "1"]


def test_rows_that_begin_with_a_hash_are_kept(load):
    data = load("color,size,class\n#ff0000,1,a\nred,2,b\n#00ff00,3,a\n")
    assert data.columns == ("color=#00ff00", "color=#ff0000", "color=red", "size")
    assert len(data) == 3


def test_a_split_column_is_the_published_split(load):
    data = load("Split,a,label\ntrain,1,x\nval,2,y\nTest,3,x\nunlabeled,4,\n")
    assert data.split.tolist() == ["train", "train", "test"]
    assert "the validation split ('val') joins the training part" in data.notes
    assert "left out 1 rows of unlabeled samples: lines 5" in data.notes


def test_a_number_called_time_or_part_is_a_feature_and_a_date_is_a_time(load):
    data = load("time,part,a,label\n4,11,1,x\n7,12,2,y\n9,13,3,x\n")
    assert data.columns == ("time", "part", "a")
    assert data.times is None
    dated = load("date,a,label\n2020-01-02,1,x\n2020-01-01,2,y\n")
    assert dated.columns == ("a",)
    assert np.argsort(dated.times).tolist() == [1, 0]


def test_a_table_without_a_header_can_be_read(load):
    data = load("5.1,3.5,setosa\n4.9,3.0,virginica\n", header=False)
    assert (data.columns, data.labels.tolist()) == (("0", "1"), ["setosa", "virginica"])


COLUMNS = ("size", "color=blue", "color=red")


def test_columns_of_a_model_are_put_in_its_order(load):
    data = load("color,note,size,class\nred,hm,1,x\nblue,hm,2,y\n", columns=COLUMNS)
    assert data.columns == COLUMNS
    assert data.samples.tolist() == [[1, 0, 1], [2, 1, 0]]
    assert "left out: note, class" in data.notes[0]


def test_absent_words_are_accepted_and_unknown_ones_counted(load):
    assert load("size,color\n1,red\n", columns=COLUMNS).samples.tolist() == [[1, 0, 1]]
    data = load("size,color\n1,green\n2,\n3,blue\n", columns=COLUMNS)
    assert data.samples.tolist() == [[1, 0, 0], [2, 0, 0], [3, 1, 0]]
    assert any("words of 'color' that the model does not know: 'green' (1 rows)" in note for note in data.notes)
    assert any("1 of 3 rows lack a word in 'color'" in note for note in data.notes)


def test_a_table_without_labels_keeps_its_last_feature(load):
    assert load("color,size\nred,1\n", columns=COLUMNS).samples.tolist() == [[1, 0, 1]]
    assert load("a,class\n1,2\n", columns=("a", "class")).samples.tolist() == [[1, 2]]


def test_a_missing_column_of_the_model_is_named(tmp_path):
    (tmp_path / "toy.csv").write_text("color\nred\n")
    with pytest.raises(
        DataError, match=r"expected the columns of the model, got none called size; the data have color"
    ):
        load_dataset(tmp_path / "toy.csv", format="tabular_csv", columns=COLUMNS)


def test_words_written_as_numbers_by_another_program_are_the_same_words(load):
    trained = load("code,b,label\n1,1,x\n2,2,y\n", words="code").columns
    data = load("code,b\n1.0,1\n2.5,1\n2.0,1\n", columns=trained)
    assert data.samples[:, :2].tolist() == [[1, 0], [0, 0], [0, 1]]


@pytest.mark.parametrize("option", [{"label": 0.5}, {"group": [1]}, {"drop": 0.5}, {"delimiter": ",,"}, {"header": 3}])
def test_options_of_wrong_types_are_refused(load, option):
    with pytest.raises((DataError, ParameterError), match="expected"):
        load(PLAIN, **option)
