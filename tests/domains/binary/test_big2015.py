"""Microsoft's malware challenge."""

import os
from pathlib import Path

import pytest

from img_repr.core.card import find_card
from img_repr.core.errors import DataError
from img_repr.core.loader import LOADERS, load_dataset
from img_repr.domains.binary.big2015 import load_big2015


def dump(*, first: int = 0x401000, lines: int = 40, unknown: bool = False) -> str:
    rows = [
        f"{first + 16 * at:08X} " + " ".join([f"{at:02X}"] * 15 + ["??" if unknown else "FF"]) for at in range(lines)
    ]
    return "\r\n".join(rows) + "\r\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "train").mkdir()
    rows = ['"Id","Class"']
    for number in range(1, 10):
        name = f"{number}A32eTdBKayjCWhZqDOQ"
        rows.append(f'"{name}",{number}')
        (tmp_path / "train" / f"{name}.bytes").write_text(dump(unknown=number == 2))
        (tmp_path / "train" / f"{name}.asm").write_text(".text:00401000 56 push esi")
    (tmp_path / "trainLabels.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_as_published(root: Path):
    for path in (root, root / "train"):
        assert next(name for name in LOADERS if LOADERS[name].recognizes(path)) == "big2015"
        data = load_dataset(path)
        assert (data.name, data.domain.name, len(data)) == ("BIG2015", "binary", 9)
        assert data.labels[[0, 7, 8]].tolist() == ["Ramnit", "Obfuscator.ACY", "Gatak"]
        assert len(data.classes) == find_card(data.name).classes
        assert (data.groups, data.split, data.notes) == (None, None, ())
        assert data.names[0] == "1A32eTdBKayjCWhZqDOQ"
    assert data.samples[0].read().tolist() == [value for at in range(40) for value in [at] * 15 + [255]]
    assert data.samples[0].known is None
    assert (~data.samples[1].known).sum() == 40


def test_all_in_one_folder_and_fragments(root: Path):
    for file in (root / "train").iterdir():
        file.rename(root / file.name)
    (root / "train").rmdir()
    data = load_dataset(root, fragment_bytes=256, at_most=1)
    assert len(data) == 9
    assert data.names[0] == "1A32eTdBKayjCWhZqDOQ at 0x100"
    assert len(set(data.groups)) == 9
    assert data.samples[0].content.base is None  # not the whole dump behind a view of it


def test_reports_missing_dumps(root: Path):
    files = sorted((root / "train").glob("*.bytes"))
    files[0].unlink()
    files[1].rename(root / "train" / "other.bytes")
    with pytest.raises(DataError, match=r"the dumps of all 9 rows of trainLabels.csv, got none of 2 of them .*1A32e"):
        load_big2015(root)
    data = load_big2015(root, skip_unreadable=True)
    assert len(data) == 7
    assert data.notes == (
        "2 of 9 labeled dumps are not here: 1A32eTdBKayjCWhZqDOQ, 2A32eTdBKayjCWhZqDOQ",
        "left out 1 dumps without a label: other",
    )


def test_gaps_are_notes(root: Path):
    files = sorted((root / "train").glob("*.bytes"))
    files[0].write_text(dump(lines=2) + dump(first=0x401030, lines=1) + dump(first=0x901000, lines=1))
    files[1].write_text(dump() + dump(first=0x400000, lines=1))
    data = load_big2015(root)
    assert data.notes == (
        "1 dumps have 1 gaps of at most 65536 bytes between addresses, filled with bytes that are not known",
        "1 dumps have 1 wider gaps between addresses, closed: the bytes on both sides are adjacent",
        "1 dumps have 1 addresses that go back; the bytes stay in the order of the lines",
    )
    assert len(data.samples[0]) == 16 * 5


def test_garbage(root: Path):
    file = sorted((root / "train").glob("*.bytes"))[4]
    file.write_text(dump() + "the end\n")
    with pytest.raises(DataError, match=rf"{file.stem}\.bytes line 41: expected an address .* got 'the end'"):
        load_big2015(root)
    data = load_big2015(root, skip_unreadable=True)
    assert len(data) == 8
    assert "skipped 1 of 9 files that could not be read: " in data.notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Id,Class\na,10\n", "line 2: expected a Class from 1 to 9, got '10'"),
        ("Id\na\n", "expected a column 'Class'"),
        ("Id,Class\na,1\na,2\n", "line 3: expected each Id once, got a twice"),
        ("Id,Class\n", "expected at least one row of values, got a header only"),
        ("Id,Class\nz,1\n", "got none of 1 of them"),
    ],
)
def test_bad_tables(root: Path, text: str, message: str):
    (root / "trainLabels.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        load_big2015(root)


def test_other_folders(tmp_path: Path):
    assert not LOADERS["big2015"].recognizes(tmp_path)
    (tmp_path / "trainLabels.csv").write_text("Id,Class\n")
    assert not LOADERS["big2015"].recognizes(tmp_path)
    assert not LOADERS["big2015"].recognizes(tmp_path / "trainLabels.csv")
    with pytest.raises(DataError, match=r"expected trainLabels\.csv and files like"):
        load_big2015(tmp_path)
    os.mkfifo(tmp_path / "a.bytes")
    (tmp_path / "trainLabels.csv").write_text("Id,Class\na,1\n")
    with pytest.raises(DataError, match=r"got none; left out 1 pipes, devices or links to listed folders: a\.bytes"):
        load_big2015(tmp_path)
