"""Tables of recordings."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from img_repr.core.errors import DataError
from img_repr.core.loader import LOADERS, load_dataset
from img_repr.domains.audio.audio_csv import load_audio_csv


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for at in range(4):
        file = tmp_path / "clips" / f"{at}.wav"
        file.parent.mkdir(exist_ok=True)
        soundfile.write(file, np.full(800, at / 10), 8000)
    return tmp_path


def table(root: Path, text: str, name: str = "all.csv") -> Path:
    (root / name).write_text(text)
    return root / name


ROWS = "clips/2.wav,bark,rex,1\nclips/0.wav,purr,tom,2\nclips/3.wav,bark,rex,1\n"


def test_columns_by_their_usual_names(root: Path):
    path = table(root, "path,Label,speaker,fold\n" + ROWS)
    assert [name for name in LOADERS if LOADERS[name].recognizes(path)] == ["audio_csv"]
    data = load_dataset(path)
    assert (data.name, data.domain.name) == ("all", "audio")
    assert data.labels.tolist() == ["bark", "purr", "bark"]
    assert data.groups.tolist() == ["rex", "tom", "rex"]
    assert data.split.tolist() == ["1", "2", "1"]
    levels = [float(one.waveform[0]) for one in data.samples]
    np.testing.assert_allclose(levels, [0.2, 0.0, 0.3], atol=1e-4)


def test_columns_by_name_and_number(root: Path):
    path = table(root, "what,a,b,c\n" + ROWS)
    data = load_audio_csv(path)
    assert (data.labels, data.groups, data.split) == (None, None, None)
    data = load_audio_csv(path, label="a", group=2, split=-1)
    assert data.labels.tolist() == ["bark", "purr", "bark"]
    assert data.groups.tolist() == ["rex", "tom", "rex"]
    assert data.split.tolist() == ["1", "2", "1"]
    for wrong in ("d", 4, -5):
        with pytest.raises(DataError, match=f"expected a column {wrong!r} for label=, got what, a, b, c"):
            load_audio_csv(path, label=wrong)


@pytest.mark.parametrize("mark", ["\t", ";", "|", ","])
def test_separators_and_a_table_without_header(root: Path, mark: str):
    path = table(root, f'clips/1.wav{mark}"a b"\n\nclips/0.wav{mark}purr\n', "all.txt")
    data = load_dataset(path)
    assert data.labels.tolist() == ["a b", "purr"]
    with pytest.raises(DataError, match="got no header and 2 columns"):
        load_audio_csv(path, group="speaker")


def test_windows_wrote_it(root: Path):
    path = root / "all.csv"
    path.write_bytes("\ufefffile,label\r\nclips/1.wav,bark\r\n".encode())
    assert load_dataset(path).labels.tolist() == ["bark"]


def test_train_test_and_validation(root: Path):
    path = table(root, "file,split\nclips/0.wav,Train\nclips/1.wav,valid\nclips/2.wav,test\n")
    data = load_audio_csv(path)
    assert data.split.tolist() == ["train", "train", "test"]
    assert data.notes == ("the validation split ('valid') joins the training part",)
    data = load_audio_csv(table(root, "file,split\nclips/0.wav,train\nclips/1.wav,train\n"))
    assert data.split is None
    assert data.notes == ("only the split 'train' is here, so the set has no published split",)


def test_times(root: Path):
    path = table(root, "file,date\nclips/0.wav,2024-05-01\nclips/1.wav,2024-05-01T00:01:00+00:00\nclips/2.wav,7.5\n")
    times = load_audio_csv(path).times
    assert times[1] - times[0] == 60.0
    assert times[2] == 7.5
    with pytest.raises(DataError, match=r"line 2 column 2 .*: expected a number or an ISO date .*, got 'May'"):
        load_audio_csv(table(root, "file,date\nclips/0.wav,May\n"))


def test_files_elsewhere(root: Path):
    (root / "tables").mkdir()
    path = table(root / "tables", f"file,label\n0.wav,a\n{root / 'clips' / '1.wav'},b\n")
    assert not LOADERS["audio_csv"].recognizes(path)
    with pytest.raises(DataError, match=r"tables/0\.wav: expected a sound file that can be read, got: No such file"):
        load_audio_csv(path)
    data = load_audio_csv(path, folder=root / "clips")
    assert data.labels.tolist() == ["a", "b"]
    data = load_audio_csv(path, skip_unreadable=True, sample_rate_hz=4000)
    assert data.labels.tolist() == ["b"]
    assert len(data.notes) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a table of text, got an empty file"),
        ("file,label\n", "expected at least one row of values, got a header only"),
        ("file,label\nclips/0.wav,a\nclips/1.wav,\n", "line 3 column 2 .*: expected a label, got ''"),
        ("file,label\nclips/0.wav,a\nclips/1.wav\n", "line 3: expected 2 cells as in the first row, got 1"),
        ("clips/0.wav,a\n,b\n", "line 2 column 1: expected the name of a file, got an empty cell"),
        ("file,label\nclips/0.wav,a\nclips/0.wav,b\n", r"expected each file once, got 'clips/0\.wav' in 2 rows"),
        ("a,b,label\nclips/0.wav,clips/1.wav,a\n", "expected one column of sound files, got 2 in its first row"),
        ("file,label\nclips/0,a\n", "expected one column of sound files, got 0 in its first row; name it by file="),
        (
            "file,label,class\nclips/0.wav,a,b\n",
            "expected one column of label, got label and class; choose one by label=",
        ),
    ],
)
def test_bad_tables(root: Path, text: str, message: str):
    with pytest.raises(DataError, match=rf"all\.csv.*{message}"):
        load_audio_csv(table(root, text))


def test_tables_that_cannot_be_read(root: Path):
    with pytest.raises(DataError, match="expected a file that can be read, got: No such file"):
        load_audio_csv(root / "none.csv")
    (root / "all.csv").write_bytes(b"file,label\n\xff.wav,a\n")
    with pytest.raises(DataError, match="line 2: expected text in UTF-8, got byte 0xff"):
        load_audio_csv(root / "all.csv")


def test_tables_of_series_stay_with_their_loader(root: Path):
    for text in ("label,0,1,2\na,0.1,0.2,0.3\nb,0.2,0.3,0.1\n", "time,value\n0,1.5\n1,2.5\n"):
        path = table(root, text)
        assert [name for name in LOADERS if LOADERS[name].recognizes(path)] == ["csv"]


def test_recognizes_table_of_recordings_with_many_numbers(root: Path):
    path = table(root, "file,start,end,salience,class\nclips/0.wav,0.5,1.5,1,bark\nclips/1.wav,0.0,4.0,2,purr\n")
    assert [name for name in LOADERS if LOADERS[name].recognizes(path)] == ["audio_csv"]
