"""Only regular files and folders are opened, whatever the format."""

import os
import signal
import socket
from pathlib import Path

import pytest

from img_repr.core.errors import DataError, ImgReprError
from img_repr.core.loader import LOADERS, load_dataset
from img_repr.core.regular_files import check_regular

FORMATS = [None, *(name for name in LOADERS if not LOADERS[name].bundled)]


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
