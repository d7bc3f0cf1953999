"""Tables of files."""

from pathlib import Path

import pytest

from img_repr.core.errors import DataError
from img_repr.core.loader import LOADERS, load_dataset
from img_repr.domains.binary.binary_csv import load_binary_csv


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    for at in range(4):
        (tmp_path / "files" / f"{at}.bin").write_bytes(bytes([at]) * 100)
    return tmp_path


def table(root: Path, text: str, name: str = "all.csv") -> Path:
    (root / name).write_text(text)
    return root / name


ROWS = "files/2.bin,arm,dlink,1\nfiles/0.bin,mips,asus,2\nfiles/3.bin,arm,dlink,1\n"


def test_columns_by_their_usual_names(root: Path):
    path = table(root, "Path,Family,source,fold\n" + ROWS)
    assert [name for name in LOADERS if LOADERS[name].recognizes(path)] == ["binary_csv"]
    data = load_dataset(path)
    assert (data.name, data.domain.name) == ("all", "binary")
    assert data.labels.tolist() == ["arm", "mips", "arm"]
    assert data.groups.tolist() == ["dlink", "asus", "dlink"]
    assert data.split.tolist() == ["1", "2", "1"]
    assert data.names.tolist() == ["files/2.bin", "files/0.bin", "files/3.bin"]
    assert [int(one.read()[0]) for one in data.samples] == [2, 0, 3]
    cut = load_binary_csv(path, fragment_bytes=40)
    assert cut.groups.tolist() == ["dlink"] * 2 + ["asus"] * 2 + ["dlink"] * 2


def test_columns_by_name_and_number(root: Path):
    path = table(root, "what,a,b,c\n" + ROWS)
    data = load_binary_csv(path, header=True, file="what")
    assert (data.labels, data.groups, data.split) == (None, None, None)
    data = load_binary_csv(path, header=True, file=0, label="a", group=2, split=-1)
    assert data.labels.tolist() == ["arm", "mips", "arm"]
    assert data.groups.tolist() == ["dlink", "asus", "dlink"]
    assert data.split.tolist() == ["1", "2", "1"]
    with pytest.raises(DataError, match="expected a column of files, got what, a, b, c; name it by file="):
        load_binary_csv(path, header=True)
    for wrong in ("d", 4, -5):
        with pytest.raises(DataError, match=f"expected a column {wrong!r} for label=, got what, a, b, c"):
            load_binary_csv(path, header=True, file=0, label=wrong)


@pytest.mark.parametrize("mark", ["\t", ";", "|", ","])
def test_separators_and_a_table_without_header(root: Path, mark: str):
    path = table(root, f'files/1.bin{mark}"a b"\n\nfiles/0.bin{mark}mips\n', "all.txt")
    assert load_binary_csv(path).labels.tolist() == ["a b", "mips"]
    with pytest.raises(DataError, match="got no header and 2 columns"):
        load_binary_csv(path, group="device")
    one_column = table(root, "files/1.bin\nfiles/2.bin\n")
    assert (len(load_binary_csv(one_column)), load_binary_csv(one_column).labels) == (2, None)


def test_windows_wrote_it(root: Path):
    path = root / "all.csv"
    path.write_bytes("\ufefffile,label\r\nfiles/1.bin,arm\r\n".encode())
    assert load_dataset(path).labels.tolist() == ["arm"]


def test_train_test_and_validation(root: Path):
    path = table(root, "file,split\nfiles/0.bin,Train\nfiles/1.bin,valid\nfiles/2.bin,test\n")
    data = load_binary_csv(path)
    assert data.split.tolist() == ["train", "train", "test"]
    assert data.notes == ("the validation split ('valid') joins the training part",)


def test_files_elsewhere(root: Path):
    (root / "tables").mkdir()
    path = table(root / "tables", f"file,label\n0.bin,a\n{root / 'files' / '1.bin'},b\n")
    assert not LOADERS["binary_csv"].recognizes(path)
    with pytest.raises(DataError, match=r"tables/0\.bin: expected a file that can be read, got: No such file"):
        load_binary_csv(path)
    assert load_binary_csv(path, folder=root / "files").labels.tolist() == ["a", "b"]
    data = load_binary_csv(path, skip_unreadable=True)
    assert data.labels.tolist() == ["b"]
    assert "skipped 1 of 2 files" in data.notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a table of text, got an empty file"),
        ("file,label\n", "expected at least one row of values, got a header only"),
        (
            "file,label\nfiles/0.bin,a\nfiles/1.bin,\n",
            "line 3 column 2 .*: expected a label, got ''; drop='label'",
        ),
        ("file,label\n,b\n", "line 2 column 1 .*: expected the name of a file, got an empty cell"),
        ("file,label\nfiles/0.bin,a\nfiles/0.bin,b\n", r"expected each file once, got 'files/0\.bin' in 2 rows"),
        (
            "file,label,class\nfiles/0.bin,a,b\n",
            "expected one column of label, got label and class; choose one by label=",
        ),
    ],
)
def test_bad_tables(root: Path, text: str, message: str):
    with pytest.raises(DataError, match=rf"all\.csv.*{message}"):
        load_binary_csv(table(root, text))


def test_tables_that_cannot_be_read(root: Path):
    with pytest.raises(DataError, match="expected a file that can be read, got: No such file"):
        load_binary_csv(root / "none.csv")
    (root / "all.csv").write_bytes(b"file,label\n\xff.bin,a\n")
    with pytest.raises(DataError, match="line 2: expected text in UTF-8, got byte 0xff"):
        load_binary_csv(root / "all.csv")


def test_other_tables_stay_with_their_loaders(root: Path):
    for text in ("label,0,1,2\na,0.1,0.2,0.3\nb,0.2,0.3,0.1\n", "file,label\nfiles/9.wav,a\n", "", "file,label\n"):
        assert not LOADERS["binary_csv"].recognizes(table(root, text))
    (root / "files" / "9.wav").write_bytes(b"RIFF")
    assert not LOADERS["binary_csv"].recognizes(table(root, "file,label\nfiles/9.wav,a\n"))
