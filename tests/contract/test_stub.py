"""The stub of the public API has every name: ``python tests/contract/test_stub.py`` writes it."""

import sys
from pathlib import Path

import img_repr
from img_repr.core.metadata import ENCODERS

STUB = Path(img_repr.__file__).with_name("__init__.pyi")


def stub() -> str:
    """Imports by which type checkers and editors see the signatures behind the lazy names."""
    leaves = {name: img_repr._LEAVES[name] for name in img_repr.__all__}
    for name in ENCODERS:
        module = ENCODERS[name].function.__module__
        leaves[f"encode_{name}"] = module
        if hasattr(sys.modules[module], f"decode_{name}"):
            leaves[f"decode_{name}"] = module
    lines = sorted(f"from {module} import {name} as {name}" for name, module in leaves.items())
    return "\n".join([*lines, "", "__version__: str", "__all__: list[str]", ""])


def test_the_stub_has_every_public_name():
    assert STUB.read_text("utf-8") == stub(), "run: python tests/contract/test_stub.py"


if __name__ == "__main__":
    STUB.write_text(stub(), "utf-8")
