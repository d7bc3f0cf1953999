"""Speed and memory next to pyts, on the same work in the same run, one thread: ``make bench``.

Times are CPU times, so that a busy neighbor does not count; each is the best of several, ours and theirs in turn.
"""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from img_repr import encode_gadf, encode_gasf, encode_mtf, encode_recurrence

pytestmark = pytest.mark.benchmark


@pytest.fixture(scope="module")
def pyts() -> ModuleType:
    import pyts.image

    return pyts.image


@pytest.fixture(scope="module")
def thousand() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(1000, 256)).cumsum(axis=1)


def test_gadf(pyts: ModuleType, thousand: np.ndarray, ratio: Any, say: Any) -> None:
    theirs = pyts.GramianAngularField(method="difference")
    buffer = np.empty((1000, 256, 256), dtype=np.float32)
    fresh = ratio(lambda: theirs.fit_transform(thousand), lambda: encode_gadf(thousand, dtype="float32"))
    again = ratio(lambda: theirs.fit_transform(thousand), lambda: encode_gadf(thousand, out=buffer))
    say("GADF 1000 x 256 to 256, fresh memory", fresh, "x pyts", 2.5)
    say("GADF 1000 x 256 to 256, reused buffer", again, "x pyts", 7.0)
    assert fresh >= 2.5
    assert again >= 7.0


def test_gasf(pyts: ModuleType, thousand: np.ndarray, ratio: Any, say: Any) -> None:
    theirs = pyts.GramianAngularField(method="summation")
    fresh = ratio(lambda: theirs.fit_transform(thousand), lambda: encode_gasf(thousand, dtype="float32"))
    say("GASF 1000 x 256 to 256, fresh memory", fresh, "x pyts", 2.5)
    assert fresh >= 2.5


def test_recurrence(pyts: ModuleType, thousand: np.ndarray, ratio: Any, say: Any) -> None:
    theirs = pyts.RecurrencePlot()
    buffer = np.empty((1000, 256, 256), dtype=np.float32)
    fresh = ratio(lambda: theirs.fit_transform(thousand), lambda: encode_recurrence(thousand, dtype="float32"))
    again = ratio(lambda: theirs.fit_transform(thousand), lambda: encode_recurrence(thousand, out=buffer))
    say("RP 1000 x 256 to 256, fresh memory", fresh, "x pyts", 2.5)
    say("RP 1000 x 256 to 256, reused buffer", again, "x pyts", 7.0)
    assert fresh >= 2.5
    assert again >= 7.0


def test_mtf(pyts: ModuleType, random: np.random.Generator, ratio: Any, say: Any) -> None:
    theirs = pyts.MarkovTransitionField(image_size=256)
    many, long = (
        random.normal(size=(100, 2048)).cumsum(axis=1),
        random.normal(size=(1, 100_000)).cumsum(axis=1),
    )
    first = ratio(lambda: theirs.fit_transform(many), lambda: encode_mtf(many, size=256, dtype="float32"))
    second = ratio(lambda: theirs.fit_transform(long), lambda: encode_mtf(long, size=256, dtype="float32"), rounds=1)
    say("MTF 100 x 2048 to 256", first, "x pyts", 30.0)
    say("MTF 1 x 100,000 to 256", second, "x pyts", 500.0)
    assert first >= 30.0
    assert second >= 500.0


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the high-water mark is read as Linux has it")
def test_memory_of_a_streamed_encode(say: Any) -> None:
    code = """
from pathlib import Path
from img_repr import get_encoder
from img_repr.core.dataset import Dataset
from img_repr.core.shards import stream
from img_repr.domains.timeseries.sample import TIMESERIES, make_series
data = Dataset("many", TIMESERIES, make_series(10_000, length=256))
encoder = get_encoder("gadf", size=256)
encoder(data.take(range(64)), dtype="uint8")
def status(word):
    return int(Path("/proc/self/status").read_text().split(word + ":")[1].split()[0]) / 1024
Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again
before = status("VmRSS")
count = sum(len(images) for images in stream(encoder, data))
assert count == 10_000
print(status("VmHWM") - before)
"""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    grown = float(done.stdout)
    say("streamed encode of 10,000 series to 256: peak over start", grown, "MB    ", 200.0)
    assert 0.0 < grown < 200.0


def test_import(say: Any) -> None:
    def seconds(module: str) -> float:
        code = f"import time; s = time.process_time(); import {module}; print(time.process_time() - s)"
        return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)

    pairs = [(seconds("torch"), seconds("img_repr")) for _ in range(3)]
    share = min(pair[1] for pair in pairs) / min(pair[0] for pair in pairs)
    say("import img_repr as a share of import torch", share, "x     ", 1.1)
    assert share <= 1.1
    torch, first = (min(seconds(code) for _ in range(3)) for code in ("torch", "img_repr; img_repr.encode_gadf"))
    say("... and with the first encoder taken from it", first / torch, "x     ", 1.25)
    assert first / torch <= 1.25
