"""The .ts format."""

from pathlib import Path

import numpy as np
import pytest

from img_repr import load_dataset
from img_repr.core.errors import DataError
from img_repr.domains.timeseries.ts_format import load_ts

HEADER = "# A set of our own\n@problemName Toy\n@timeStamps false\n@missing true\n"


def write(folder: Path, text: str, name: str = "Toy_TRAIN.ts") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_univariate_with_missing(tmp_path: Path):
    write(
        tmp_path,
        HEADER + "@univariate true\n@equalLength true\n@classLabel true a b\n@data\n1,?,3:a\n4,5,?:b\n",
    )
    write(tmp_path, HEADER + "@univariate true\n@classLabel true a b\n@data\n7,8,9:b\n", "Toy_TEST.ts")
    data = load_ts(tmp_path)
    np.testing.assert_array_equal(data.samples, [[1, np.nan, 3], [4, 5, np.nan], [7, 8, 9]])
    assert data.labels.tolist() == ["a", "b", "b"]
    assert data.split.tolist() == ["train", "train", "test"]
    assert data.name == "Toy"


def test_multivariate_of_unequal_lengths(tmp_path: Path):
    file = write(
        tmp_path,
        HEADER + "@dimensions 2\n@equalLength false\n@classLabel true 0 1\n@data\n1,2:3,4:1.0\n5:6:0\n",
    )
    data = load_ts(file)
    assert [one.tolist() for one in data.samples] == [[[1, 2], [3, 4]], [[5], [6]]]
    assert data.labels.tolist() == ["1", "0"]


def test_agrees_with_pyts(tmp_path: Path, random: np.random.Generator):
    from pyts.datasets._ts_format import parse_ts_file

    rows = random.normal(size=(5, 3, 8))
    lines = [":".join(",".join(f"{v:.17g}" for v in one) for one in row) + f":c{k % 2}" for k, row in enumerate(rows)]
    file = write(tmp_path, HEADER + "@univariate false\n@classLabel true c0 c1\n@data\n" + "\n".join(lines))
    data = load_ts(file)
    samples, labels, _ = parse_ts_file(str(file))
    np.testing.assert_array_equal(data.samples, samples)
    np.testing.assert_array_equal(data.samples, rows)
    np.testing.assert_array_equal(data.labels, labels)


@pytest.mark.parametrize(
    ("times", "uneven"),
    [
        (("0", "1", "2"), False),
        (("0", "1", "5"), True),
        (("2007-01-01 00:00:00", "2007-01-01 01:00:00", "2007-01-01 02:00:00"), False),
        (("2007-01-01 00:00:00", "2007-01-01 01:00:00", "2007-01-03 02:00:00"), True),
        (("Monday", "Tuesday", "Friday"), False),
    ],
)
def test_timestamps(tmp_path: Path, times: tuple[str, ...], uneven: bool):
    pairs = ",".join(f"({time},{value})" for time, value in zip(times, ("1.5", "?", "3"), strict=True))
    file = write(tmp_path, f"@timestamps true\n@classlabel true a\n@data\n{pairs}:{pairs}:a\n")
    data = load_ts(file)
    np.testing.assert_array_equal(data.samples, [[[1.5, np.nan, 3]] * 2])
    assert any("uneven" in note for note in data.notes) == uneven


def test_without_labels(tmp_path: Path):
    assert load_ts(write(tmp_path, "@univariate true\n@classLabel false\n@data\n1,2\n3,4\n")).labels is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty file"),
        ("@classLabel true a\n", "expected a line @data, got none"),
        ("@classLabel true a\n@data\n", "expected series after @data, got none"),
        (
            "@targetLabel true\n@data\n1,2:high\n",
            "line 3: expected a finite number under @targetLabel true, got 'high'",
        ),
        ("@univariate true\n@data\n1,2:a\n", "expected @classLabel or @targetLabel, true or false, in the header"),
        ("hello\n", "line 1: expected a tag such as @univariate before @data, got 'hello'"),
        ("@univariate yes\n", "line 1: expected @univariate true or false, got 'yes'"),
        ("@dimensions many\n", "line 1: expected @dimensions and an integer above 0, got 'many'"),
        ("@classLabel true a\n@data\n1,x:a\n", "line 3 value 2: expected a number, got 'x'"),
        ("@classLabel true a\n@data\n1,2:3,4:a\n1,2:a\n", "line 4: expected 2 dimensions and a label, got 1"),
        (
            "@univariate true\n@classLabel true a\n@data\n1,2:3,4:a\n",
            "line 4: expected 1 dimensions and a label, got 2",
        ),
        ("@classLabel true a\n@data\n1,2:3,4\n", "line 3: expected a label after the last colon, got values"),
        ("@classLabel true a\n@data\n1,2:3:a\n", "line 3: expected dimensions of one length"),
        (
            "@equalLength true\n@classLabel true a\n@data\n1,2:a\n1:a\n",
            "line 5: expected 2 values under @equalLength",
        ),
        ("@timestamps true\n@classLabel true a\n@data\n1,2:a\n", r"line 4: expected \(time,value\) pairs"),
    ],
)
def test_bad_content_is_one_clear_sentence(tmp_path: Path, text: str, message: str):
    file = write(tmp_path, text)
    with pytest.raises(DataError, match=message):
        load_ts(file)


def test_regression_targets_are_labels_with_a_note(tmp_path: Path):
    data = load_ts(write(tmp_path, "@univariate true\n@targetLabel true\n@data\n1,2,3:0.50\n4,5,6:-1e-3\n"))
    assert data.labels.tolist() == ["0.50", "-1e-3"]
    assert any("Regression(1)" in note for note in data.notes)


def test_tags_of_all_writers_are_read(tmp_path: Path):
    head = "%c\n  # c\n@ProblemName T\n @TIMESTAMPS FALSE\n@Dimension 2\n@equalLength TRUE\n@seriesLength 3\n"
    data = load_ts(write(tmp_path, head + "@CLASSLABEL TRUE 1 2\n\n@DATA\n1, 2 ,?:4,5,NaN: 1 \n# c\n1,2,3:4,5,6:2.0\n"))
    np.testing.assert_array_equal(data.samples[0], [[1, 2, np.nan], [4, 5, np.nan]])
    assert data.labels.tolist() == ["1", "2"]


def test_labels_are_the_same_text_in_both_parts(tmp_path: Path):
    for part, labels in (("TRAIN", ("1.0", "2.0")), ("TEST", ("1", "2"))):
        write(tmp_path, f"@classLabel true\n@data\n1,2:{labels[0]}\n2,3:{labels[1]}\n", f"Toy_{part}.TS")
    assert load_ts(tmp_path).labels.tolist() == ["1", "2", "1", "2"]
    file = write(tmp_path, "@classLabel true 01 1\n@data\n1,2:01\n2,3:1\n", "other.ts")
    assert load_ts(file).classes == ("01", "1")


def test_arff_files_are_refused_with_the_way_out(tmp_path: Path):
    file = write(tmp_path, "@relation toy\n", "Toy_TRAIN.arff")
    for path in (tmp_path, file):
        with pytest.raises(
            DataError, match=r"expected .ts files, got ARFF; the archive offers the same data sets as .ts"
        ):
            load_dataset(path)
