"""The script for a machine with a card runs from end to end on this one, in tiny sizes and with little installed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.benchmark

SCRIPT = Path(__file__).with_name("gpu_trainer.py")
WITHOUT = ("librosa", "pyts", "soundfile", "soxr", "numba", "sklearn", "matplotlib")


def run(words: list[str]) -> dict[str, Any]:
    """Run the script where some packages cannot be imported; gives what it wrote."""
    code = f"import runpy, sys; sys.modules |= dict.fromkeys({WITHOUT}); sys.argv[0] = {str(SCRIPT)!r}; "
    code += "runpy.run_path(sys.argv[0], run_name='__main__')"
    subprocess.run(
        [sys.executable, "-c", code, *words], check=True, stdout=sys.stderr, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    out = Path(words[words.index("--out") + 1])
    report: dict[str, Any] = json.loads(out.read_text())
    return report


def test_it_measures_every_source(tmp_path: Path) -> None:
    report = run(["--quick", "--device", "cpu", "--out", str(tmp_path / "here" / "tiny.json")])
    assert report["command"].endswith("gpu_trainer.py --quick --device cpu --out tiny.json")
    assert report["machine"]["versions"]["torch"]
    assert report["settings"]["size"] == 32
    rows = {row["source"]: row for row in report["rows"]}
    assert set(rows) == {"ready", "series", "series drawn", "sounds", "sounds drawn", "files"}
    assert {name for name in rows if "bar" in rows[name]} == {"series", "sounds"}
    for row in rows.values():
        assert row["images_per_s"] > 0.0
        assert row["share_of_ready"] == pytest.approx(row["images_per_s"] / rows["ready"]["images_per_s"], abs=0.02)
