"""The plan of the package, read from its imports.

Floors: core < domains, training, baselines < benchmark, explain < console, the face < commands < __main__,
recipes. A file imports only from lower floors or its own room; a domain of ``domains`` is a room of its own.
"""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = {
    "core": 1,
    "domains": 2,
    "training": 2,
    "baselines": 2,
    "benchmark": 3,
    "explain": 3,
    "console": 4,
    "commands": 5,
    "__main__": 6,
    "recipes": 6,
}
FACE = "img_repr"
LONGEST = 300


def read_house(root: Path) -> dict[str, str]:
    """Source of each module below ``img_repr`` and of each recipe, by dotted name."""
    files = [*sorted((root / FACE).rglob("*.py")), *sorted((root / "recipes").glob("*.py"))]
    house = {}
    for file in files:
        parts = file.relative_to(root).with_suffix("").parts
        house[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file.read_text(encoding="utf-8")
    return house


def imports_of(source: str, *, at_module_level: bool = False) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """Modules that a source imports, the names taken from each (none: the module itself), the relative level."""
    waiting = list(ast.parse(source).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name, (), 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", tuple(alias.name for alias in node.names), node.level
        elif at_module_level and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        elif at_module_level and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting.extend(node.orelse)
        else:
            waiting.extend(ast.iter_child_nodes(node))


def place_of(module: str) -> tuple[int, str]:
    """Floor and room of a module."""
    parts = module.removeprefix(f"{FACE}.").split(".")
    if module == FACE:
        return 4, FACE
    room = ".".join(parts[:2]) if parts[0] == "domains" else parts[0]
    return FLOORS.get(parts[0], 0), room


def broken_rules(house: dict[str, str]) -> list[str]:
    """Each import that breaks the plan, in words."""
    packages = {name.rpartition(".")[0] for name in house} - {""}
    broken = []
    for module, source in house.items():
        floor, room = place_of(module)
        if not floor:
            broken.append(f"{module} lies on no floor")
        for imported, names, level in imports_of(source):
            if level:
                broken.append(f"{module} imports relatively")
            if imported.split(".")[0] not in (FACE, "recipes"):
                continue
            if module != FACE and not module.startswith("recipes.") and imported in packages:
                broken.append(f"{module} imports the package {imported} and not a leaf file")
                continue
            below, other = place_of(imported)
            if below >= floor and other != room:
                broken.append(f"{module} imports {imported}{list(names)}, which lies no lower and in another room")
    return broken


def import_circle(house: dict[str, str]) -> list[str]:
    """Modules of a circle of imports at module level; none: empty."""
    graph = {
        module: {name for name, _, _ in imports_of(source, at_module_level=True)} & set(house)
        for module, source in house.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def too_long(house: dict[str, str]) -> list[str]:
    """Files above the longest length whose first five lines give no reason for it."""
    lines = {module: source.splitlines() for module, source in house.items()}
    return [f"{module}: {len(text)} lines" for module, text in lines.items()
            if len(text) > LONGEST and "reason for its length" not in " ".join(text[:5])]  # fmt: skip


@pytest.fixture(scope="module")
def house() -> dict[str, str]:
    house = read_house(ROOT)
    assert {"img_repr", "img_repr.core.encoder", "img_repr.domains.timeseries.gadf"} <= set(house)
    return house


def test_imports_go_down(house):
    assert broken_rules(house) == []


def test_no_import_circle(house):
    assert import_circle(house) == []


def test_no_file_is_too_long(house):
    assert too_long(house) == []


def test_no_file_has_a_name_that_says_nothing(house):
    empty = {"utils", "util", "common", "misc", "helpers", "base"}
    assert [module for module in house if module.rpartition(".")[2] in empty] == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("img_repr.core.one", "from img_repr.domains.timeseries.gadf import encode_gadf"),
        ("img_repr.core.one", "def f():\n    import img_repr.training.trainer"),
        ("img_repr.domains.audio.one", "from img_repr.domains.timeseries.sample import check_series"),
        ("img_repr.domains.audio.one", "from img_repr.training.trainer import Trainer"),
        ("img_repr.training.one", "from img_repr.baselines.tabular import TabularBaseline"),
        ("img_repr.training.one", "if TYPE_CHECKING:\n    from img_repr.benchmark.contender import Contender"),
        ("img_repr.benchmark.one", "from img_repr.explain.maps import explain"),
        ("img_repr.benchmark.one", "from img_repr import get_encoder"),
        ("img_repr.benchmark.one", "import img_repr"),
        ("img_repr.domains.audio.one", "from img_repr.core import encoder"),
        ("img_repr.domains.audio.one", "from .sample import check"),
        ("img_repr.attic.one", "import math"),
    ],
)
def test_a_broken_rule_is_seen(house, module, line):
    assert len(broken_rules(house | {module: line})) == len(broken_rules(house)) + 1


@pytest.mark.parametrize(
    ("module", "line"),
    [
        (
            "img_repr.domains.audio.one",
            "from img_repr.core.encoder import encoder\nfrom img_repr.domains.audio.sample import Recording",
        ),
        ("img_repr.benchmark.one", "from img_repr.training.trainer import Trainer"),
        ("img_repr.__main__", "from img_repr.explain.maps import explain"),
        ("recipes.one", "from img_repr import get_encoder"),
    ],
)
def test_what_is_allowed_is_not_reported(house, module, line):
    assert len(broken_rules(house | {module: line})) == len(broken_rules(house))


def test_a_circle_is_seen(house):
    two = {"img_repr.core.a": "import img_repr.core.b", "img_repr.core.b": "from img_repr.core.a import x"}
    assert {"img_repr.core.a", "img_repr.core.b"} <= set(import_circle(house | two))
    two["img_repr.core.b"] = "def f():\n    from img_repr.core.a import x"
    assert import_circle(house | two) == []


def test_a_long_file_is_seen(house):
    assert too_long({"img_repr.core.a": "x = 1\n" * 301}) == ["img_repr.core.a: 301 lines"]
    assert too_long({"img_repr.core.a": "# The reason for its length: a table.\n" + "x = 1\n" * 301}) == []
