"""The layers of the package, read from its imports.

Layers: core < domains, training, baselines < benchmark, explain < console, the public API < commands < __main__,
recipes. A file imports only from lower layers or from its own package; each domain in ``domains`` is a package of its
own. Imports form no ring, also not through ``TYPE_CHECKING`` or imports inside functions.
"""

import ast
import functools
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = {
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
PUBLIC = "img_repr"
LONGEST = 350


def read_modules(root: Path) -> dict[str, str]:
    """Source of each module below ``img_repr`` and of each recipe, by dotted name."""
    files = [*sorted((root / PUBLIC).rglob("*.py")), *sorted((root / "recipes").glob("*.py"))]
    modules = {}
    for file in files:
        parts = file.relative_to(root).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file.read_text(encoding="utf-8")
    return modules


@functools.cache
def imports_of(source: str) -> tuple[tuple[str, tuple[str, ...], int], ...]:
    """Modules that a source imports, the names taken from each (none: the module itself), the relative level."""
    return tuple(_imports(source))


def _imports(source: str) -> Iterator[tuple[str, tuple[str, ...], int]]:
    waiting = list(ast.parse(source).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name, (), 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", tuple(alias.name for alias in node.names), node.level
        else:
            waiting.extend(ast.iter_child_nodes(node))


def layer_of(module: str) -> tuple[int, str]:
    """Layer and package of a module."""
    parts = module.removeprefix(f"{PUBLIC}.").split(".")
    if module == PUBLIC:
        return 4, PUBLIC
    owner = ".".join(parts[:2]) if parts[0] == "domains" else parts[0]
    return LAYERS.get(parts[0], 0), owner


def broken_rules(modules: dict[str, str]) -> list[str]:
    """Each import that breaks a rule, in words."""
    packages = {name.rpartition(".")[0] for name in modules} - {""}
    broken = []
    for module, source in modules.items():
        layer, owner = layer_of(module)
        if not layer:
            broken.append(f"{module} lies in no layer")
        for imported, names, level in imports_of(source):
            if level:
                broken.append(f"{module} imports relatively")
            if imported.split(".")[0] not in (PUBLIC, "recipes"):
                continue
            if module != PUBLIC and not module.startswith("recipes.") and imported in packages:
                broken.append(f"{module} imports the package {imported} and not a leaf file")
                continue
            below, other = layer_of(imported)
            if below >= layer and other != owner:
                broken.append(f"{module} imports {imported}{list(names)}, which is not in a lower layer")
    return broken


def import_graph(modules: dict[str, str]) -> dict[str, set[str]]:
    """Imports among the modules, late and type-only ones included."""
    return {
        module: {name for name, _, _ in imports_of(source)} & set(modules) - {module}
        for module, source in modules.items()
    }


def find_rings(modules: dict[str, str]) -> list[frozenset[str]]:
    """Sets of modules that import each other in a ring (strongly connected components of the import graph)."""
    graph, rings = import_graph(modules), []
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            start = error.args[1][0]
        else:
            return rings
        ring = frozenset(reachable(graph, start) & {one for one in graph if start in reachable(graph, one)})
        rings.append(ring)
        graph = {module: imported - ring for module, imported in graph.items() if module not in ring}


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    """Modules that ``start`` imports, directly or through others."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for module in graph[waiting.pop()] - found:
            found.add(module)
            waiting.append(module)
    return found


def too_long(modules: dict[str, str]) -> list[str]:
    """Files above the longest length whose first five lines give no reason for it."""
    lines = {module: source.splitlines() for module, source in modules.items()}
    return [f"{module}: {len(text)} lines" for module, text in lines.items()
            if len(text) > LONGEST and "reason for its length" not in " ".join(text[:5])]  # fmt: skip


@pytest.fixture(scope="module")
def modules() -> dict[str, str]:
    modules = read_modules(ROOT)
    assert {"img_repr", "img_repr.core.encoder", "img_repr.domains.timeseries.gadf"} <= set(modules)
    return modules


def test_imports_go_down(modules):
    assert broken_rules(modules) == []


def test_imports_form_no_ring(modules):
    assert [sorted(ring) for ring in find_rings(modules)] == []


def test_no_file_is_too_long(modules):
    assert too_long(modules) == []


def test_no_file_has_a_meaningless_name(modules):
    empty = {"utils", "util", "common", "misc", "helpers", "base"}
    assert [module for module in modules if module.rpartition(".")[2] in empty] == []


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
def test_reports_broken_rule(modules, module, line):
    assert len(broken_rules(modules | {module: line})) == len(broken_rules(modules)) + 1


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
def test_accepts_allowed_import(modules, module, line):
    assert len(broken_rules(modules | {module: line})) == len(broken_rules(modules))


@pytest.mark.parametrize(
    "line",
    [
        "from img_repr.core.a import x",
        "def f():\n    from img_repr.core.a import x",
        "if TYPE_CHECKING:\n    import img_repr.core.a",
    ],
)
def test_reports_ring(line):
    modules = {"img_repr.core.a": "import img_repr.core.b", "img_repr.core.b": line, "img_repr.core.c": ""}
    assert find_rings(modules) == [frozenset(("img_repr.core.a", "img_repr.core.b"))]


def test_reports_long_file(modules):
    assert too_long({"img_repr.core.a": "x = 1\n" * 351}) == ["img_repr.core.a: 351 lines"]
    assert too_long({"img_repr.core.a": "# The reason for its length: a table.\n" + "x = 1\n" * 351}) == []
