"""One file of any kind."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from img_repr.core.errors import DataError, SampleError
from img_repr.core.loader import LOADERS, load_dataset
from img_repr.domains.binary.binary_file import load_binary_file


def claims(path: Path) -> list[str]:
    return [name for name in LOADERS if LOADERS[name].recognizes(path)]


def test_a_program_is_one_binary_without_a_label(tmp_path: Path):
    path = tmp_path / "ls"
    path.write_bytes(b"\x7fELF" + bytes(range(100)))
    data = load_dataset(path)
    assert (data.name, data.domain.name, data.names.tolist()) == ("ls", "binary", ["ls"])
    assert (data.labels, data.groups, data.split, data.notes) == (None, None, None, ())
    (sample,) = data.samples
    assert sample.content == path  # nothing is read
    assert sample.read().tobytes() == path.read_bytes()
    assert load_binary_file(path, fragment_bytes=40).names.tolist() == ["ls at 0x0", "ls at 0x28"]


@pytest.mark.skipif(sys.platform != "linux", reason="no ELF here")
def test_a_real_program():
    path = Path(sys.executable)
    assert claims(path) == ["binary_file"]
    assert len(load_dataset(path).samples[0]) == path.stat().st_size


@pytest.mark.parametrize(
    "head", [b"\x7fELF", b"MZ", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe"]
)
def test_programs_by_their_first_bytes(tmp_path: Path, head: bytes):
    (tmp_path / "a").write_bytes(head + bytes(60))
    assert claims(tmp_path / "a") == ["binary_file"]


@pytest.mark.parametrize("suffix", [".bin", ".EXE", ".dll", ".so", ".o", ".elf", ".dat", ".img", ".fw"])
def test_binaries_by_their_names(tmp_path: Path, suffix: str):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(bytes(range(256)))
    assert claims(path) == ["binary_file"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("words", b"plain words"),
        ("MZ.md", b"MZ is the mark of Mark Zbikowski"),
        ("noise", bytes(range(256))),
        ("a.dat", b"1.0 2.0\n3.0 4.0\n"),
        ("a.tsv", b"1\t0.5\t0.25\n"),
        ("a.csv", b"1,2\n3,4\n"),
        ("empty", b""),
    ],
)
def test_other_files_only_by_the_name_of_the_format(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    assert "binary_file" not in claims(tmp_path / name)
    if content:
        assert load_dataset(tmp_path / name, format="binary_file").samples[0].read().tobytes() == content


def test_files_of_other_wings_stay_theirs(tmp_path: Path):
    soundfile.write(tmp_path / "a.wav", np.zeros(100), 8000)
    np.save(tmp_path / "a.npy", np.zeros((3, 20)))
    (tmp_path / "MZ.wav").write_bytes(b"MZ" + bytes(100))
    assert claims(tmp_path / "a.wav") == claims(tmp_path / "MZ.wav") == ["sound"]
    assert "binary_file" not in claims(tmp_path / "a.npy")


def test_rejects_folders_and_pipes(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.bin")
    (tmp_path / "folder.bin").mkdir()
    (tmp_path / "gone.bin").symlink_to(tmp_path / "nowhere")
    (tmp_path / "empty.bin").touch()
    for name in ("pipe.bin", "folder.bin", "gone.bin"):
        assert claims(tmp_path / name) == []
    for name in ("pipe.bin", "folder.bin"):
        with pytest.raises(SampleError, match=f"{name}: expected a plain file"):
            load_binary_file(tmp_path / name)
    with pytest.raises(DataError, match=r"gone\.bin: expected a file that can be read, got: No such file"):
        load_binary_file(tmp_path / "gone.bin")
    with pytest.raises(DataError, match=r"empty\.bin: expected at least a file of one byte"):
        load_binary_file(tmp_path / "empty.bin")
