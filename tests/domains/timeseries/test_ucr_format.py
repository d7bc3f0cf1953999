"""Text files of the UCR archive."""

from pathlib import Path

import numpy as np
import pytest

from img_repr.core.errors import DataError
from img_repr.domains.timeseries.ucr_format import load_ucr


def write(folder: Path, part: str, text: str, suffix: str = ".tsv") -> Path:
    file = folder / f"Toy_{part}{suffix}"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("suffix", "train"),
    [
        (".tsv", "1\t0.5\t2\t3\n-1\t4\t5\t6e0\n"),
        ("", "1,0.5,2,3\r\n-1,4,5,6\r\n"),
        (".txt", "   1.0000000e+00  5.0e-01   2.0  3.0\n  -1.0000000e+00   4.0   5.0   6.0  \n\n"),
        (".csv", "\ufeff1.0,0.5,2,3\n-1.0,4,5,6"),
    ],
)
def test_reads_every_form_of_the_archive(tmp_path: Path, suffix: str, train: str):
    file = write(tmp_path, "TRAIN", train, suffix)
    other = write(tmp_path, "TEST", train.replace("0.5", "9").replace("5.0e-01", "9"), suffix)
    for path in (tmp_path, file, other):
        data = load_ucr(path)
        assert data.name == "Toy"
        assert data.samples.dtype == np.float64
        np.testing.assert_array_equal(data.samples, [[0.5, 2, 3], [4, 5, 6], [9, 2, 3], [4, 5, 6]])
        assert data.labels.tolist() == ["1", "-1", "1", "-1"]
        assert data.split.tolist() == ["train", "train", "test", "test"]


def test_padding_is_removed_and_missing_values_kept(tmp_path: Path):
    write(tmp_path, "TRAIN", "1\t1\tNaN\t3\tNaN\n2\t1\t2\t3\t4\n")
    write(tmp_path, "TEST", "2\t1\t2\tNaN\tNaN\n")
    samples = load_ucr(tmp_path).samples
    assert [one.tolist() for one in samples[1:]] == [[1, 2, 3, 4], [1, 2]]
    np.testing.assert_array_equal(samples[0], [1, np.nan, 3])


def test_equal_lengths_under_padding_are_one_array(tmp_path: Path):
    write(tmp_path, "TRAIN", "1\t1\t2\tNaN\n2\t3\t4\tNaN\n")
    assert load_ucr(tmp_path).samples.tolist() == [[1, 2], [3, 4]]


def test_one_part_alone_has_no_published_split(tmp_path: Path):
    data = load_ucr(write(tmp_path, "TEST", "a\t1\t2\n"))
    assert data.split is None
    assert data.labels.tolist() == ["a"]
    assert "only the test part" in data.notes[0]


def test_parts_may_differ_in_labels(tmp_path: Path):
    write(tmp_path, "TRAIN", "1\t1\t2\n")
    write(tmp_path, "TEST", "2\t1\t2\n")
    assert load_ucr(tmp_path).classes == ("1", "2")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"Toy_TRAIN.tsv: expected a table of text, got an empty file"),
        (b"\n \n", r"empty file"),
        (b"1\t2\t3\n1\t2\tx\n", r"Toy_TRAIN.tsv line 2 column 3: expected a number, got 'x'"),
        (b"1\t2\t1_0\n", r"line 1 column 3: expected a number, got '1_0'"),
        (b"1\t2\t3\n\n1\t2\n", r"line 3: expected 3 cells as in the first row, got 2"),
        (b"1\t2\t3\nnan\t2\t3\n", r"line 2 column 1: expected a label, got 'nan'"),
        (b"1\tNaN\tNaN\n", r"line 1: expected at least one value after the label"),
        (b"1\n2\n", r"line 1: expected a label and at least one value per line"),
        (b"1\t2\n\x00\x01\xff", r"line 2: expected text in UTF-8, got byte 0xff"),
        (b"1\t2\n\x00\x01", r"line 2: expected text, got binary content"),
        (b"This is a story of series.\n", r"line 1 column 2: expected a number, got 'is'"),
    ],
)
def test_bad_content_is_one_clear_sentence(tmp_path: Path, content: bytes, message: str):
    (tmp_path / "Toy_TRAIN.tsv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_ucr(tmp_path)


def test_several_sets_in_one_folder_are_named(tmp_path: Path):
    write(tmp_path, "TRAIN", "1\t1\t2\n")
    (tmp_path / "Other_TEST.tsv").write_text("1\t1\t2\n")
    with pytest.raises(DataError, match="expected the files of one data set, got those of Other, Toy"):
        load_ucr(tmp_path)
    assert load_ucr(tmp_path / "Other_TEST.tsv").name == "Other"
    home = tmp_path.rename(tmp_path.with_name("Toy"))
    assert load_ucr(home).name == "Toy"


def test_no_such_file(tmp_path: Path):
    with pytest.raises(DataError, match="expected a folder that holds"):
        load_ucr(tmp_path)
    with pytest.raises(DataError, match="expected a file that can be read"):
        load_ucr(tmp_path / "none.tsv")


@pytest.mark.slow
@pytest.mark.data
def test_agrees_with_numpy_on_the_archive(data_folder: Path):
    for folder in sorted((data_folder / "ucr").iterdir()):
        data = load_ucr(folder)
        files = [np.loadtxt(folder / f"{folder.name}_{part}.tsv") for part in ("TRAIN", "TEST")]
        expected = np.concatenate(files)
        for series, row in zip(data.samples, expected[:, 1:], strict=True):  # NaN at the end is padding
            np.testing.assert_array_equal(series, row[: len(series)])
            assert np.isnan(row[len(series) :]).all()
        np.testing.assert_array_equal(data.labels.astype(float), expected[:, 0])
        assert (data.split == "train").sum() == len(files[0])
        assert not any("." in label for label in data.classes)


@pytest.mark.parametrize(
    ("train", "test", "labels"),
    [
        ("1.0000000e+00\t1\t2\n", "1\t1\t2\n", ["1", "1"]),
        ("1.0\t1\t2\n", "1.5\t1\t2\n", ["1.0", "1.5"]),
        ("01\t1\t2\n", "1\t1\t2\n", ["01", "1"]),
        ("#a\t1\t2\n", "b\t1\t2\n", ["#a", "b"]),
    ],
)
def test_labels_are_the_same_text_in_both_parts(tmp_path: Path, train: str, test: str, labels: list[str]):
    write(tmp_path, "TRAIN", train)
    write(tmp_path, "TEST", test, ".TSV")
    assert load_ucr(tmp_path).labels.tolist() == labels


def test_decimal_commas_are_numbers(tmp_path: Path):
    write(tmp_path, "TRAIN", "1\t1,5\t2\n2\t2\t3,25\n")
    assert load_ucr(tmp_path).samples.tolist() == [[1.5, 2], [2, 3.25]]


def test_a_table_with_a_header_is_refused_with_the_way_out(tmp_path: Path):
    write(tmp_path, "TRAIN", "label\tt0\tt1\n1\t2\t3\n")
    with pytest.raises(DataError, match=r"column 2: expected a number, got 't0'; format='csv' \(--format csv\) reads"):
        load_ucr(tmp_path)
