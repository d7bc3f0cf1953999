"""Speed and memory of images of bytes: next to reading the same file, and next to the usual script; ``make bench``.

Next to the usual script the bar is a hundred times at every size. The bytes are those of torch's largest shared
library,
which lie in the page cache after the first round.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from img_repr import encode_bigram, encode_byteplot, encode_byteviews, encode_entropy, encode_hilbert
from img_repr.domains.binary.binary import Binary

pytestmark = pytest.mark.benchmark


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def file_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    libraries = Path(torch.__file__).parent.joinpath("lib").glob("*.so*")
    with max(libraries, key=lambda path: path.stat().st_size).open("rb") as file:
        content = np.frombuffer(file.read(100_000_000), np.uint8)

    def write(length: int) -> Path:
        path = tmp_path_factory.mktemp("bytes") / str(length)
        path.write_bytes(np.resize(content, length))
        return path

    return write


def read(path: Path) -> None:
    for _ in Binary(path).chunks():
        pass


def usual_script(path: Path) -> np.ndarray:
    """Convert as the much-copied scripts do, byte by byte."""
    found = []
    with path.open("rb") as file:
        byte = file.read(1)
        while byte:
            found.append(ord(byte))
            byte = file.read(1)
    width = 1024
    image = Image.new("L", (width, len(found) // width + 1))
    image.putdata(found)
    return np.asarray(image.resize((224, 224)))


@pytest.mark.parametrize("length", [1_000_000, 10_000_000, 100_000_000])
def test_byte_image_beside_reading(length: int, file_of: Any, ratio: Any, say: Any) -> None:
    """The bar is 0.35 GB/s where reading from the page cache into one buffer runs at 10: a 29th of it."""
    path = file_of(length)
    share = ratio(lambda: read(path), lambda: encode_byteplot(path, size=224), rounds=9 if length < 10**8 else 4)
    say(f"byte image of {length / 1e6:g} MB, speed of reading it", 100 * share, "%     ", 3.5)
    assert share >= 0.035


@pytest.mark.parametrize(
    ("encode", "bar"), [(encode_hilbert, 1.0), (encode_bigram, 1.0), (encode_entropy, 0.4)], ids=lambda one: str(one)
)
def test_other_images_beside_reading(encode: Any, bar: float, file_of: Any, ratio: Any, say: Any) -> None:
    path = file_of(10_000_000)
    share = ratio(lambda: read(path), lambda: encode(path, size=224))
    say(f"{encode.__name__} of 10 MB, speed of reading it", 100 * share, "%     ", bar)
    assert 100 * share >= bar


@pytest.mark.parametrize(("length", "in_a_row"), [(1_000_000, 30), (10_000_000, 3)])
def test_byte_image_beside_the_usual_script(length: int, in_a_row: int, file_of: Any, ratio: Any, say: Any) -> None:
    """Several files in a row, as they come from a folder: a tenth of a second of ``read(1)`` warms its own caches."""
    path = file_of(length)
    ours = lambda: [encode_byteplot(path, size=224) for _ in range(in_a_row)]  # noqa: E731
    faster = in_a_row * ratio(lambda: usual_script(path), ours, rounds=6)
    say(f"byte image of {length / 1e6:g} MB", faster, "x the usual script", 100.0)
    assert faster >= 100.0


@pytest.mark.parametrize(("encode", "options"), [(encode_byteplot, {"width": 64}), (encode_bigram, {})])
def test_fragments(encode: Any, options: Any, ratio: Any, say: Any) -> None:
    """A thousand fragments of 4 KB at once next to one after the other."""
    fragments = np.random.default_rng(0).integers(0, 256, (1000, 4096), dtype=np.uint8)
    faster = ratio(
        lambda: [encode(one, size=64, **options) for one in fragments],
        lambda: encode(fragments, size=64, **options),
        rounds=3,
    )
    say(f"1000 fragments of 4 KB at once, {encode.__name__}", faster, "x one by one", 2.5)
    assert faster >= 2.5


def test_views_in_one_pass(file_of: Any, ratio: Any, say: Any) -> None:
    path, views = file_of(10_000_000), ("byte", "text", "zero", "high", "mask")
    one_by_one = lambda: [encode_byteviews(path, size=224, views=(view,)) for view in views]  # noqa: E731
    faster = ratio(one_by_one, lambda: encode_byteviews(path, size=224, views=views), rounds=7)
    say("five views of 10 MB in one pass", faster, "x one by one", 1.0)
    assert faster > 1.0


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the high-water mark is read as Linux has it")
def test_memory_of_a_gigabyte(tmp_path: Path, say: Any) -> None:
    """Peak over what the process holds before, all views of a sparse file of 1 GB with a tail of noise."""
    with (tmp_path / "file").open("wb") as file:
        file.truncate(10**9 - 10**7)
        file.seek(0, os.SEEK_END)
        file.write(np.random.default_rng(0).bytes(10**7))
    code = """
import sys
from pathlib import Path
from img_repr import encode_byteplot, encode_byteviews
options = {"size": 224, "views": ("byte", "entropy", "mask", "text", "bigram")}
encode_byteviews(bytes(1000), **options)
encode_byteplot(bytes(1000), size=224)
def status(word):
    return int(Path("/proc/self/status").read_text().split(word + ":")[1].split()[0]) / 1024
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
if sys.argv[2] == "byteplot":
    encode_byteplot(sys.argv[1], size=224, width="square")
else:
    encode_byteviews(sys.argv[1], **options)
print(status("VmHWM") - before)
"""
    for work in ("byteplot", "views"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "file"), work],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        peak = float(done.stdout)
        say(f"1 GB, {work}: peak over the start", peak, "MB    ", 100.0)
        assert peak < 100.0
