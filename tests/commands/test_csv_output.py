"""CSV output: whole files or none, UTF-8, and no run that a spreadsheet evaluates."""

import csv
import io
import os
import sys
import threading
from pathlib import Path

import pytest

from img_repr.commands.csv_output import neutralize, write_csv
from img_repr.core.errors import DataError


def test_csv_comes_back_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    heads, rows = ("a,b", 'c"d'), [("1,5", "line\nend"), ("ü", "")]
    write_csv(tmp_path / "new" / "out.csv", heads, rows)
    with (tmp_path / "new" / "out.csv").open(newline="", encoding="utf-8") as file:
        assert [tuple(row) for row in csv.reader(file)] == [heads, *rows]
    write_csv(None, heads, rows)
    assert [tuple(row) for row in csv.reader(capsys.readouterr().out.splitlines(keepends=True))] == [heads, *rows]


def test_a_csv_that_cannot_be_written_leaves_what_stands(tmp_path: Path, monkeypatch):
    path = tmp_path / "out.csv"
    path.write_text("old")

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"out.csv: expected a place for a file, got: No space left on device"):
        write_csv(path, ("a",), [("1",)])
    assert path.read_text() == "old"
    with pytest.raises(DataError, match="below: expected a place for a file, got: "):
        write_csv(path / "below", ("a",), [])
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link_and_a_fifo_a_fifo(tmp_path: Path):
    (tmp_path / "to.csv").symlink_to("real.csv")
    (tmp_path / "real.csv").write_text("old")
    write_csv(tmp_path / "to.csv", ("a",), [("1",)])
    assert (tmp_path / "to.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "a\n1\n"
    os.mkfifo(tmp_path / "fifo")
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append((tmp_path / "fifo").read_text()))
    reader.start()
    write_csv(tmp_path / "fifo", ("a",), [("1",)])
    reader.join(timeout=20)
    assert found == ["a\n1\n"]
    assert (tmp_path / "fifo").is_fifo()


@pytest.mark.parametrize("run", ["=cmd|' /C calc'!A0", "+SUM(1)", "-2+3", "@x", "\tx", "\rx", "＝1+1", "-", "+49 30 1"])
def test_a_formula_becomes_text(run):
    assert neutralize(run) == f"'{run}"


@pytest.mark.parametrize("run", ["", "0", "-0.5", "+3", "-1e-05", "-.5", "-inf", "nan", "a=b", "cat", "日本"])
def test_numbers_and_words_stay_as_they_are(run):
    assert neutralize(run) == run


def test_every_run_of_a_written_csv_is_neutralized(tmp_path):
    write_csv(tmp_path / "out.csv", ("=a", "b"), [("@x", "-1.5")])
    assert (tmp_path / "out.csv").read_text() == "'=a,b\n'@x,-1.5\n"


def test_stdout_gets_utf_8_whatever_its_encoding(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    write_csv(None, ("class",), [("é",), ("file-\udcff",)])
    assert stream.buffer.getvalue().decode("utf-8") == "class\né\nfile-\\udcff\n"


def test_a_stdout_that_takes_nothing_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(DataError, match="stdout: expected an open stream to write to, got a closed one"):
        write_csv(None, ("a",), [])
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(DataError, match="stdout: expected a stream that takes all output, got: No space left"):
            write_csv(None, ("a",), [])
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())  # so that it can be closed
