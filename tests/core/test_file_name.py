"""Names that files and readers can bear."""

import pytest

from img_repr.core.file_name import file_name, printable

HARD = ["", ".", "..", "/", "a/b", "a\\b", "\0", "\n", "$x$", "cl\udcff", "\u202eevil", "😀" * 90, "é" * 90, "n" * 300]


@pytest.mark.parametrize("text", HARD)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_every_text_is_a_file_name(tmp_path, text, ascii_only):
    name = file_name(text, ascii_only=ascii_only)
    assert len(name.encode()) <= 80
    (tmp_path / name).write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert name.isascii() or not ascii_only


def test_long_names_that_differ_at_their_ends_stay_apart():
    assert file_name("n" * 300 + "a") != file_name("n" * 300 + "b")


@pytest.mark.parametrize("text", HARD)
def test_every_text_can_be_printed_on_one_line(text):
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    assert shown.encode().decode() == shown
    assert not set(shown) & set("\u202e\0\x1b\n")


@pytest.mark.parametrize("text", ["größe 1", "_up", "$5 or $6", "<script>", "שלום", "👩\u200d🔬"])
def test_printable_text_is_unchanged(text):
    assert printable(text) == text


def test_long_text_loses_its_middle():
    assert printable("a" * 50 + "b" * 50, 11) == "aaaaa…bbbbb"
