"""The script for binaries: from two made corpora to a page, and to the vote of files from elsewhere."""

import json
import lzma
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "recipes" / "binary.py"
WORDS = ("--contender", "table:byte_bigram:logistic_unscaled", "--contender", "table:byte_histogram:1nn")


def code(step: int, length: int, seed: int) -> bytes:
    """Synthetic code: words of four bytes whose second is the first plus ``step``."""
    words = np.random.default_rng(seed).integers(0, 256, (length // 4, 4), dtype=np.uint8)
    words[:, 1] = words[:, 0] + np.uint8(step)
    return words.tobytes()


def elf(machine: int, content: bytes) -> bytes:
    """A little-endian 64-bit ELF file with one executable section."""
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0, 0, 64 + len(content), 0, 64, 0, 0, 64, 1, 0)
    return header + content + struct.pack("<IIQQQQIIQQ", 0, 1, 4, 0, 64, len(content), 0, 0, 0, 0)


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    (tmp_path / "corpora").mkdir()
    for name, step in (("ARM64", 0), ("X86-64", 128), ("Z80", 64)):
        (tmp_path / "corpora" / f"{name}.corpus.xz").write_bytes(lzma.compress(code(step, 40 * 4096, step)))
    return tmp_path / "corpora"


def run_script(*words: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, words)], cwd=folder, capture_output=True, text=True, timeout=280
    )


@pytest.mark.slow
def test_what_a_corpus_teaches_is_judged_by_files_from_elsewhere(corpora: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.mkdir()
    (new / "one").write_bytes(elf(62, code(128, 9000, 1)))
    (new / "two").write_bytes(elf(183, code(0, 9000, 2)))
    (new / "liar").write_bytes(elf(183, code(128, 9000, 3)))
    (new / "other").write_bytes(elf(243, code(7, 9000, 4)))
    done = run_script(corpora, "--elsewhere", new, "--out", tmp_path / "runs", *WORDS, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    said = "logistic_unscaled on byte_bigram, seed 0: 2 of 3 files named rightly: liar is ARM64, not X86-64"
    assert said in done.stdout
    assert len({line for line in done.stdout.splitlines() if "seed 0" in line and "files named rightly" in line}) == 2
    text = (tmp_path / "runs" / "report.html").read_text()
    for word in ("CpuRec to new", "left out of the test: RISC-V", "logistic_unscaled on byte_bigram"):
        assert word in text
    results = [json.loads(path.read_text()) for path in (tmp_path / "runs").glob("*/result.json")]
    assert {result["status"] for result in results} == {"ok"}
    known = {result["contender"]: result["accuracy"] for result in results if result["dataset"] == "CpuRec"}
    assert known["logistic_unscaled on byte_bigram"] == 1.0
    assert {(result["n_train"], result["n_test"]) for result in results if "to" in result["dataset"]} == {(117, 6)}


@pytest.mark.slow
def test_files_of_unknown_processors_only_are_an_error(corpora: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "other").write_bytes(elf(243, code(7, 9000, 4)))
    done = run_script(corpora, "--elsewhere", tmp_path / "new", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "error: new: expected a class that CpuRec has, got only RISC-V\n"
