"""Names and what they stand for."""

import importlib.metadata
import subprocess
import sys
import textwrap

import pytest

from img_repr.core import registry
from img_repr.core.domain import DOMAINS
from img_repr.core.errors import ParameterError, UnknownNameError


def first() -> None: ...


def second() -> None: ...


@pytest.fixture
def things() -> registry.Registry:
    things = registry.Registry("thing")
    things.add("gadget", first)
    things.add("anvil", second)
    return things


def test_things_come_back_sorted(things):
    assert list(things) == ["anvil", "gadget"]
    assert things["gadget"] is first
    assert "gadget" in things
    assert "widget" not in things


def test_a_name_is_claimed_once(things):
    things.add("gadget", first)  # the same thing again: a module that was loaded again
    with pytest.raises(ParameterError, match=r"thing 'gadget' is claimed twice: by .*first and by .*second"):
        things.add("gadget", second)
    assert things["gadget"] is first


def test_unknown_name_shows_near_names_or_all(things):
    with pytest.raises(UnknownNameError, match="no thing is called 'gadgett'; did you mean 'gadget'"):
        things["gadgett"]
    with pytest.raises(UnknownNameError, match="known: anvil, gadget"):
        things["zzz"]
    with pytest.raises(LookupError):
        things["zzz"]


def test_the_walk_finds_the_wings():
    assert "timeseries" in DOMAINS
    samples = DOMAINS["timeseries"].make_samples(3, 1)
    assert len(samples) == 3


@pytest.fixture
def announced(monkeypatch):
    """A package outside the package that announces itself; the walk runs again."""

    def announce(value: str) -> None:
        entry = importlib.metadata.EntryPoint("packets", value, registry.ENTRY_POINT_GROUP)
        monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
        registry.discover.cache_clear()

    yield announce
    monkeypatch.undo()
    registry.discover.cache_clear()


def test_a_package_that_does_not_import_is_left_out_with_a_warning(announced):
    announced("no_such_package.packets")
    with pytest.warns(UserWarning, match="the domain 'packets' announced by 'no_such_package.packets' was left out"):
        registry.discover()
    assert "timeseries" in DOMAINS


@pytest.mark.slow
def test_a_domain_outside_the_house_is_one_file(tmp_path):
    (tmp_path / "packets.py").write_text(
        textwrap.dedent('''
            import numpy as np
            from img_repr.core.domain import Domain, register_domain
            from img_repr.core.metadata import encoder

            PACKETS = register_domain(Domain("packets", "bytes on a wire", lambda n, seed: [b"abcd"] * n))

            @encoder(PACKETS, value_range=(0.0, 255.0), reference="Shapira & Shavitt 2019, FlowPic")
            def encode_flowpic(packets, *, size=None, dtype=None, out=None):
                """Show the first bytes."""
                return np.array([[[float(p[0])] * 2] * 2 for p in packets])
        ''')
    )
    (tmp_path / "packets-1.dist-info").mkdir()
    (tmp_path / "packets-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: packets\nVersion: 1\n")
    (tmp_path / "packets-1.dist-info" / "entry_points.txt").write_text("[img_repr.domains]\npackets = packets\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import img_repr\n"
        "print(img_repr.list_encoders('packets'), img_repr.get_encoder('flowpic')([b'abc']).shape)\n"
        "print(img_repr.encode_flowpic.__module__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "['flowpic'] (1, 1, 2, 2)\npackets", done.stderr


@pytest.mark.parametrize("body", ["import sys; sys.exit(3)", "raise SystemExit", "1 / 0", "import no_such", "x ="])
def test_whatever_a_package_raises_at_its_import_it_is_left_out_with_a_warning(announced, tmp_path, monkeypatch, body):
    (tmp_path / "rude_packets.py").write_text(body)
    monkeypatch.syspath_prepend(str(tmp_path))
    announced("rude_packets")
    with pytest.warns(UserWarning, match="the domain 'packets' announced by 'rude_packets' was left out"):
        registry.discover()
    assert "timeseries" in DOMAINS


@pytest.mark.parametrize("name", [["gadget"], 5, None, {}])
def test_rejects_names_that_are_not_text(things, name):
    assert name not in things
    with pytest.raises(UnknownNameError, match="no thing is called"):
        things[name]
