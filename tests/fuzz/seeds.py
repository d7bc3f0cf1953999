"""Whole files of every format that is read, small and made by code: what the fuzz damages."""

import gzip
import io
import json
import lzma
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from img_repr.domains.mouse.sample import make_traces


def _random() -> np.random.Generator:
    return np.random.default_rng(7)


def _saved(save: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    save(file)
    return file.getvalue()


def _sound(kind: str, subtype: str) -> bytes:
    wave = 0.3 * np.sin(np.arange(3000) / 5.0) + 0.01 * _random().normal(size=3000)
    return _saved(lambda file: soundfile.write(file, wave, 8000, format=kind, subtype=subtype))


def _rows(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def _wide(mark: str = ",", decimal: str = ".") -> bytes:
    values = _random().normal(size=(12, 10)).round(3)
    lines = [mark.join(["id", "label", *(f"t{at}" for at in range(10))])]
    for at, row in enumerate(values):
        lines.append(mark.join([f"s{at}", "ab"[at % 2], *(str(value).replace(".", decimal) for value in row)]))
    return _rows(lines)


def _long() -> bytes:
    values = _random().normal(size=(6, 8, 2)).round(3)
    lines = ["id,time,x_acc,y_acc,label"]
    for at, series in enumerate(values):
        lines += [f"s{at},{step},{a},{b},{'ab'[at % 2]}" for step, (a, b) in enumerate(series)]
    return _rows(lines)


def _tabular() -> bytes:
    values = _random().normal(size=(14, 3)).round(3)
    lines = ["height,width,color,depth,class"]
    lines += [f"{a},{b},{('red', 'blue')[at % 2]},{c},{'xy'[at % 2]}" for at, (a, b, c) in enumerate(values)]
    return _rows(lines)


def _ts() -> bytes:
    values = _random().normal(size=(8, 2, 9)).round(3)
    lines = [
        "@problemName toy",
        "@univariate false",
        "@dimensions 2",
        "@equalLength true",
        "@classLabel true a b",
        "@data",
    ]
    lines += [
        ":".join([*(",".join(map(str, one)) for one in series), "ab"[at % 2]]) for at, series in enumerate(values)
    ]
    return _rows(lines)


def _ucr() -> bytes:
    values = _random().normal(size=(10, 12))
    return _rows(["\t".join([f"{at % 2 + 1}", *(f"{value:.6e}" for value in row)]) for at, row in enumerate(values)])


def _trace(mark: str = ",") -> bytes:
    trace = make_traces(1, 3)[0]
    lines = [mark.join(["client timestamp", "button", "state", "x", "y"])]
    for t, x, y in zip(trace.t_s, trace.x_px, trace.y_px, strict=True):
        lines.append(mark.join([f"{t:.3f}", "NoButton", "Move", f"{x:.0f}", f"{y:.0f}"]))
    return _rows(lines)


def _trace_jsonl() -> bytes:
    trace = make_traces(1, 3)[0]
    events = zip(trace.t_s, trace.x_px, trace.y_px, strict=True)
    return _rows(
        [json.dumps({"t": round(t * 1000), "x": round(x), "y": round(y), "type": "mousemove"}) for t, x, y in events]
    )


def _trace_strings() -> bytes:
    lines = []
    for trace in make_traces(4, 3):
        events = zip(trace.x_px, trace.y_px, trace.t_s, strict=True)
        lines.append(";".join(f"{x:.0f},{y:.0f},{t * 1000:.0f}" for x, y, t in events) + ";")
    return _rows(lines)


def _elf() -> bytes:
    text = bytes(_random().integers(0, 256, 600, dtype=np.uint8))
    names = b"\0.text\0.shstrtab\0"
    identity = b"\x7fELF\x02\x01\x01" + bytes(9)
    at_names = 120 + 600 + len(names)
    head = struct.pack("<16sHHIQQQI", identity, 2, 62, 1, 0x400000, 64, at_names, 0)
    head += struct.pack("<HHHHHH", 64, 56, 1, 64, 3, 2)
    program = struct.pack("<IIQQQQQQ", 1, 5, 120, 0x400000, 0x400000, 600, 600, 4096)
    sections = bytes(64)
    sections += struct.pack("<IIQQQQIIQQ", 1, 1, 6, 0x400000, 120, 600, 0, 0, 16, 0)
    sections += struct.pack("<IIQQQQIIQQ", 7, 3, 0, 0, 720, len(names), 0, 0, 1, 0)
    return head + program + text + names + sections


def _pe() -> bytes:
    text = bytes(_random().integers(0, 256, 512, dtype=np.uint8))
    dos = b"MZ" + bytes(58) + struct.pack("<I", 64)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x14C, 1, 0, 0, 0, 224, 0x102)
    optional = struct.pack("<HBB", 0x10B, 14, 0) + bytes(220)
    section = b".text\0\0\0" + struct.pack("<IIIIIIHHI", 512, 4096, 512, 512, 0, 0, 0, 0, 0x60000020)
    return (dos + coff + optional + section).ljust(512, b"\0") + text


def _png() -> bytes:
    pixels = _random().integers(0, 256, (32, 24), dtype=np.uint8)
    return _saved(lambda file: Image.fromarray(pixels).save(file, "png"))


def _hexdump() -> bytes:
    values = _random().integers(0, 256, (20, 16))
    return _rows(
        [f"{0x401000 + 16 * at:08X} " + " ".join(f"{value:02X}" for value in row) for at, row in enumerate(values)]
    )


def _npy() -> bytes:
    return _saved(lambda file: np.save(file, _random().normal(size=(6, 15))))


def _npz() -> bytes:
    arrays = {"X": _random().normal(size=(6, 15)), "y": np.array(list("ababab"))}
    return _saved(lambda file: np.savez_compressed(file, **arrays))


FILES: dict[str, tuple[str, Callable[[], bytes], str | None]] = {
    "wav": ("a.wav", lambda: _sound("WAV", "PCM_16"), None),
    "wav_float": ("a.wav", lambda: _sound("WAV", "FLOAT"), None),
    "wav_adpcm": ("a.wav", lambda: _sound("WAV", "IMA_ADPCM"), None),
    "flac": ("a.flac", lambda: _sound("FLAC", "PCM_16"), None),
    "ogg": ("a.ogg", lambda: _sound("OGG", "VORBIS"), None),
    "mp3": ("a.mp3", lambda: _sound("MP3", "MPEG_LAYER_III"), None),
    "aiff": ("a.aiff", lambda: _sound("AIFF", "PCM_24"), None),
    "au": ("a.au", lambda: _sound("AU", "ULAW"), None),
    "caf": ("a.caf", lambda: _sound("CAF", "PCM_16"), None),
    "csv_wide": ("a.csv", _wide, "csv"),
    "csv_semicolons": ("a.csv", lambda: _wide(";", ","), "csv"),
    "csv_long": ("a.csv", _long, "csv"),
    "tabular_csv": ("a.csv", _tabular, "tabular_csv"),
    "ts": ("a.ts", _ts, "ts"),
    "ucr": ("Toy_TRAIN.tsv", _ucr, "ucr"),
    "npy": ("a.npy", _npy, "numpy"),
    "npz": ("a.npz", _npz, "numpy"),
    "trace_csv": ("a.csv", _trace, "trace_csv"),
    "trace_tabs": ("a.tsv", lambda: _trace("\t"), "trace_csv"),
    "trace_jsonl": ("a.jsonl", _trace_jsonl, "trace_jsonl"),
    "trace_strings": ("a.txt", _trace_strings, "trace_strings"),
    "elf": ("a.elf", _elf, "binary_file"),
    "pe": ("a.exe", _pe, "binary_file"),
    "elf_code": ("a.elf", _elf, "elf_code"),
}
"""Name of each seed: file name, content, and the format to name as well as to find."""


def _malimg(root: Path, content: bytes) -> None:
    for family in ("Adialer.C", "Agent.FYI"):
        (root / family).mkdir(parents=True)
        (root / family / "0.png").write_bytes(_png())
    (root / "Agent.FYI" / "1.png").write_bytes(content)


def _big2015(root: Path, content: bytes) -> None:
    (root / "train").mkdir(parents=True)
    (root / "trainLabels.csv").write_text('"Id","Class"\n"aaa",1\n"bbb",2\n"ccc",2\n')
    for name in ("aaa", "bbb"):
        (root / "train" / f"{name}.bytes").write_bytes(_hexdump())
    (root / "train" / "ccc.bytes").write_bytes(content)


def _cpu_rec(root: Path, content: bytes) -> None:
    root.mkdir(parents=True)
    whole = bytes(_random().integers(0, 256, 60_000, dtype=np.uint8))
    (root / "X86.corpus.xz").write_bytes(lzma.compress(whole))
    (root / "AVR.corpus.gz").write_bytes(gzip.compress(whole))
    (root / "VAX.corpus.xz").write_bytes(content)


def _folder(suffix: str, whole: Callable[[], bytes]) -> Callable[[Path, bytes], None]:
    def lay_out(root: Path, content: bytes) -> None:
        for kind in ("one", "two"):
            (root / kind).mkdir(parents=True)
            (root / kind / f"0{suffix}").write_bytes(whole())
        (root / "two" / f"1{suffix}").write_bytes(content)

    return lay_out


FOLDERS: dict[str, tuple[Callable[[Path, bytes], None], Callable[[], bytes], str]] = {
    "audio_folder": (_folder(".wav", lambda: _sound("WAV", "PCM_16")), lambda: _sound("WAV", "PCM_16"), "audio_folder"),
    "flac_folder": (
        _folder(".flac", lambda: _sound("FLAC", "PCM_16")),
        lambda: _sound("FLAC", "PCM_16"),
        "audio_folder",
    ),
    "binary_folder": (_folder(".exe", _pe), _pe, "binary_folder"),
    "trace_folder": (_folder(".csv", _trace), _trace, "trace_csv"),
    "malimg": (_malimg, _png, "malimg"),
    "big2015": (_big2015, _hexdump, "big2015"),
    "cpu_rec": (_cpu_rec, lambda: lzma.compress(bytes(range(256)) * 240), "cpu_rec"),
}
"""Name of each seed: how a folder of three files is laid out around the damaged one, its content, and the format."""
