"""Places on disk: where a cache lies."""

from pathlib import Path

import pytest

from img_repr.core.errors import DataError
from img_repr.core.places import cache_folder


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
def test_a_cache_lies_where_it_is_named_or_where_the_user_has_his(named, users, wanted, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    for name, value in (("IMG_REPR_CACHE", named), ("XDG_CACHE_HOME", users)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert cache_folder("images") == Path(wanted)


def test_without_a_home_it_says_what_to_name(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("IMG_REPR_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(DataError, match="cache: expected a folder named by IMG_REPR_CACHE or a home folder"):
        cache_folder("images")
