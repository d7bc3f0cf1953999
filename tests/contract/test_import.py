"""What an import costs: measured in processes of their own."""

import subprocess
import sys

import pytest

HEAVY = [
    "torchvision",
    "pyts",
    "numba",
    "librosa",
    "scipy.signal",
    "scipy.stats",
    "matplotlib",
    "sklearn",
    "PIL.Image",
    "rich",
    "typer",
    "jinja2",
]
RUNS = 2


def in_a_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def loaded_after(code: str) -> set[str]:
    return set(in_a_process(f"import sys\n{code}\nprint(*(name for name in {HEAVY!r} if name in sys.modules))").split())


def seconds(statement: str) -> float:
    code = f"import time; start = time.process_time(); {statement}; print(time.process_time() - start)"
    return min(float(in_a_process(code)) for _ in range(RUNS))


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "import img_repr",
        "import img_repr; img_repr.encode_gadf([1.0, 2.0, 4.0])",
        "import img_repr; img_repr.list_encoders()",
        "from img_repr import get_encoder as g, list_encoders as l; [g(n)([[1.0, 5.0, 2.0]]) for n in l('timeseries')]",
    ],
    ids=["import", "encode", "list", "encode with each"],
)
def test_nothing_heavy_is_imported(code):
    assert loaded_after(code) == set()


@pytest.mark.slow
def test_the_check_sees_what_is_imported():
    assert "sklearn" in loaded_after("import sklearn")


@pytest.mark.slow
def test_import_is_no_dearer_than_torch():
    assert seconds("import img_repr") <= 1.1 * seconds("import torch")


@pytest.mark.slow
def test_first_encoding_is_not_much_dearer_than_torch():
    """The walk over all domains imports each of their files; they are to stay light."""
    assert seconds("import img_repr; img_repr.list_encoders()") <= (1.35 * seconds("import torch"))
