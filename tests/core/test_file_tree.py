"""Files below a folder, with all that may lie there."""

import os
import signal
import socket
from pathlib import Path

import pytest

from img_repr.core.errors import DataError, ImgReprError
from img_repr.core.file_tree import check_regular, list_files
from img_repr.core.loader import LOADERS, load_dataset

FORMATS = [None, *(name for name in LOADERS if not LOADERS[name].bundled)]


def put(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"content")
    return root


def below(root: Path, files: list[Path]) -> list[str]:
    return [file.relative_to(root).as_posix() for file in files]


def test_order_hidden_and_depth(tmp_path: Path):
    root = put(tmp_path, "b", "a/z", "a/b/c/d", "a-b", ".hidden", ".git/x", "a/.x")
    tree = list_files(root)
    assert below(root, tree.files) == ["a/b/c/d", "a/z", "a-b", "b"]
    assert (tree.irregular, tree.unreadable, tree.dangling) == ([], [], [])
    assert below(root, tree.hidden) == [".git", ".hidden", "a/.x"]
    assert tree.names(tree.files * 2) == "a/b/c/d, a/z, a-b, b, a/b/c/d, ..."


def test_links(tmp_path: Path):
    root = put(tmp_path / "set", "a/x")
    put(tmp_path / "elsewhere", "y")
    (root / "a" / "up").symlink_to(root)
    (root / "a" / "self").symlink_to(root / "a" / "self")
    (root / "b").symlink_to(tmp_path / "elsewhere")
    (root / "c").symlink_to(tmp_path / "elsewhere")
    (root / "d").symlink_to(root / "a" / "x")
    (root / "e").symlink_to(root / "nowhere")
    tree = list_files(root)
    files = below(root, tree.files)
    assert {"a/x", "d"} < set(files)
    assert len({"b/y", "c/y"} & set(files)) == 1
    assert set(below(root, tree.dangling)) == {"a/self", "e"}
    assert len(tree.irregular) == 2
    assert "a/up" in below(root, tree.irregular)


def test_pipes_and_a_short_look(tmp_path: Path):
    root = put(tmp_path, *(f"a/{number}" for number in range(20)))
    os.mkfifo(root / "pipe")
    assert below(root, list_files(root).irregular) == ["pipe"]
    assert len(list_files(root, at_most=3).files) == 3


def test_limited_listing_visits_top_folders_first(tmp_path: Path):
    for first in "abc":
        for second in "abc":
            put(tmp_path, f"{first}/file", f"{first}/{second}/deeper")
    found = below(tmp_path, list_files(tmp_path, at_most=4).files)
    assert found == ["a/file", "b/file", "c/file"]


def test_names_that_are_not_text(tmp_path: Path):
    (tmp_path / os.fsdecode(b"caf\xe9")).write_bytes(b"x")
    tree = list_files(tmp_path)
    assert tree.names(tree.files) == r"caf\xe9"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folders_without_permission(tmp_path: Path):
    root = put(tmp_path, "a/x", "b/y")
    (root / "b").chmod(0)
    try:
        tree = list_files(root)
    finally:
        (root / "b").chmod(0o700)
    assert below(root, tree.files) == ["a/x"]
    assert below(root, tree.unreadable) == ["b"]


def test_no_folder(tmp_path: Path):
    assert list_files(tmp_path / "none").unreadable == [tmp_path / "none"]


@pytest.fixture
def at_most_a_minute():
    signal.alarm(60)
    yield
    signal.alarm(0)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_refuses_a_fifo_without_opening_it(tmp_path, format, at_most_a_minute):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match=r"pipe.csv: expected a regular file or a folder, got a FIFO"):
        load_dataset(tmp_path / "pipe.csv", format=format)


@pytest.mark.parametrize("format", FORMATS)
def test_no_format_opens_the_fifos_of_a_folder(tmp_path, format, at_most_a_minute):
    for name in ("pipe.csv", "pipe.wav", "X_TRAIN.tsv", "X_TRAIN.ts", "pipe.npy", "pipe.bin", "pipe.jsonl"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "user1").mkdir()
    os.mkfifo(tmp_path / "user1" / "session_1")
    with pytest.raises(ImgReprError):
        load_dataset(tmp_path, format=format)


def test_devices_and_sockets_are_refused(tmp_path):
    with pytest.raises(DataError, match="/dev/zero: expected a regular file or a folder, got a device"):
        load_dataset("/dev/zero", format="numpy")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(tmp_path)  # a socket's path is at most 108 bytes long
        try:
            server.bind("s.wav")
        finally:
            os.chdir(here)
        with pytest.raises(DataError, match=r"s.wav: expected a regular file or a folder, got a socket"):
            load_dataset(tmp_path / "s.wav")


def test_a_link_to_a_fifo_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to.wav").symlink_to(tmp_path / "pipe")
    with pytest.raises(DataError, match=r"to.wav: expected a regular file"):
        check_regular(tmp_path / "to.wav")
