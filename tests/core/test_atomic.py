"""Atomic writes, work folders and the cache folder."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from img_repr.core.atomic import work_folder
from img_repr.core.errors import DataError
from img_repr.core.machine import cache_folder


@pytest.mark.parametrize(
    ("named", "users", "wanted"),
    [
        ("/a", "/b", "/a/images"),
        (None, "/b", "/b/img_repr/images"),
        ("", "/b", "/b/img_repr/images"),
        (None, "", "/home/me/.cache/img_repr/images"),
        (None, None, "/home/me/.cache/img_repr/images"),
    ],
)
def test_cache_folder_follows_the_environment(named, users, wanted, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    for name, value in (("IMG_REPR_CACHE", named), ("XDG_CACHE_HOME", users)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert cache_folder("images") == Path(wanted)


def test_cache_folder_without_a_home_names_the_variable(monkeypatch):
    def homeless(path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("IMG_REPR_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "expanduser", homeless)
    with pytest.raises(DataError, match="cache: expected a folder named by IMG_REPR_CACHE or a home folder"):
        cache_folder("images")


@pytest.mark.skipif(os.name != "posix", reason="processes cannot be checked elsewhere")
def test_work_folder_removes_leftovers_of_crashed_processes_only(tmp_path):
    code = "import os, sys; from pathlib import Path; from img_repr.core.atomic import work_folder\n"
    code += "with work_folder(Path(sys.argv[1])) as work: (work / 'half').write_text('half'); os._exit(1)"
    subprocess.run([sys.executable, "-c", code, tmp_path], check=False)
    (left,) = tmp_path.iterdir()
    for name in (f".work-elsewhere-{2**22}-x", f"{left.name.rpartition('-')[0]}-no-number", "mine"):
        (tmp_path / name).mkdir()
    for days in (6, 8):  # of another machine, whose processes cannot be checked
        (far := tmp_path / f".work-00000000-1-{days:08d}").mkdir()
        os.utime(far, (time.time() - days * 86400.0,) * 2)
    with work_folder(tmp_path) as one, work_folder(tmp_path) as two:
        assert one != two
        assert one.exists()
        assert not left.exists()
    assert not far.exists()
    assert len(list(tmp_path.iterdir())) == 4
