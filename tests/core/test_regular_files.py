"""Only regular files and folders are opened, whatever the format."""

import os
import socket
from pathlib import Path

import pytest

from img_repr.core.errors import DataError
from img_repr.core.loader import LOADERS, load_dataset
from img_repr.core.regular_files import check_regular


@pytest.mark.parametrize("format", [None, *(name for name in LOADERS if not LOADERS[name].bundled)])
def test_every_format_refuses_a_fifo_without_opening_it(tmp_path, format):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match=r"pipe.csv: expected a regular file or a folder, got a FIFO"):
        load_dataset(tmp_path / "pipe.csv", format=format)
    with pytest.raises(DataError, match=r"pipe.csv: expected regular files and folders in .*, got a FIFO"):
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


def test_a_link_to_a_fifo_is_refused_and_loops_and_dangling_links_are_not(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "gone.wav").symlink_to("nowhere")
    (tmp_path / "a" / "x.wav").write_bytes(b"")
    check_regular(tmp_path)
    os.mkfifo(tmp_path / ".hidden")
    check_regular(tmp_path / "a")
    (tmp_path / "a" / "to.wav").symlink_to(tmp_path / ".hidden")
    with pytest.raises(DataError, match=r"to.wav: expected regular files"):
        check_regular(tmp_path / "a")
