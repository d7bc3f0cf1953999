"""Sound files whose headers say nothing or lie, and codecs that can only be read from the start."""

import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from img_repr.core.errors import DataError, ParameterError
from img_repr.domains.audio.assembly import open_recordings
from img_repr.domains.audio.decoding import read_recording, read_recordings, stream_recording
from img_repr.domains.audio.sound_file import find_patch
from img_repr.domains.audio.synthetic import load_synthetic_sounds

WAVE = (0.5 * np.sin(np.arange(8000) / 5)).astype(np.float32)


def write(path: Path, format: str = "WAV", subtype: str = "PCM_16", wave: np.ndarray = WAVE) -> bytearray:
    soundfile.write(path, wave, 8000, format=format, subtype=subtype)
    return bytearray(path.read_bytes())


def without_count(content: bytearray, count: int = 0) -> bytearray:
    """Set the number of samples in a FLAC header, the last 36 bits of 8 bytes."""
    field = int.from_bytes(content[18:26], "big") >> 36 << 36 | count
    content[18:26] = field.to_bytes(8, "big")
    return content


def assert_whole(path: Path, expected: np.ndarray) -> None:
    """All ways of reading give the expected waveform."""
    np.testing.assert_array_equal(read_recording(path).waveform, expected)
    pieces = [one.waveform for one in stream_recording(path, block_s=0.3)]
    np.testing.assert_array_equal(np.concatenate(pieces), expected)
    (lazy,), _, _ = open_recordings([path])
    assert lazy.length == len(expected)
    np.testing.assert_array_equal(lazy.waveform, expected)


@pytest.mark.parametrize(
    ("format", "subtype"),
    [
        *(("WAV", "GSM610"), ("W64", "GSM610"), ("AIFF", "GSM610"), ("AIFF", "DWVW_16"), ("XI", "DPCM_16")),
        *(("AU", "G721_32"), ("AU", "G723_24"), ("AU", "G723_40"), ("WAV", "G721_32"), ("WAV", "NMS_ADPCM_16")),
        *(("WAV", "MS_ADPCM"), ("WAV", "IMA_ADPCM"), ("WAV", "ULAW"), ("AU", "ALAW"), ("CAF", "ALAC_16")),
        *(("VOC", "PCM_U8"), ("RF64", "PCM_16"), ("NIST", "ULAW"), ("SVX", "PCM_16"), ("AVR", "PCM_16")),
    ],
)
def test_codecs_are_read_from_the_start_to_the_end(tmp_path: Path, format: str, subtype: str):
    path = tmp_path / "a.snd"
    write(path, format, subtype)
    with soundfile.SoundFile(path) as file:
        expected = np.zeros(file.frames, np.float32)
        if file.seekable() and subtype != "DWVW_16":
            expected = file.read(dtype="float32")
    found = read_recording(path).waveform
    assert len(found) == len(expected)
    assert np.corrcoef(found[:8000], WAVE)[0, 1] > 0.95
    if expected.any():
        np.testing.assert_array_equal(found, expected)
    assert_whole(path, found)


def test_flac_of_unknown_length_is_read_to_its_end(tmp_path: Path):
    path = tmp_path / "a.flac"
    content = write(path, "FLAC")
    expected = read_recording(path).waveform
    path.write_bytes(without_count(content))
    assert_whole(path, expected)


@pytest.mark.parametrize(
    ("format", "mark", "skip", "size", "values"),
    [
        ("WAV", b"data", 4, "<I", (0, 0xFFFFFFFF, 0x7FFFF000, 0x80000000)),
        ("AU", b".snd", 8, ">I", (0, 0xFFFFFFFF, 0x7FFFFFFF)),
        ("CAF", b"data", 4, ">q", (-1, 0)),
        ("W64", b"data\xf3\xac\xd3\x11", 16, "<Q", (0, (1 << 64) - 1)),
        ("AIFF", b"SSND", 4, ">I", (0, 0xFFFFFFFF)),
    ],
)
def test_reads_files_without_size_to_their_end(
    tmp_path: Path, format: str, mark: bytes, skip: int, size: str, values: tuple[int, ...]
):
    path = tmp_path / "a.snd"
    content = write(path, format)
    expected = read_recording(path).waveform
    for value in values:
        struct.pack_into(size, content, content.find(mark) + skip, value)
        path.write_bytes(content)
        assert_whole(path, expected)


@pytest.mark.parametrize("value", [0, (1 << 64) - 1])
def test_reads_rf64_without_sizes_to_its_end(tmp_path: Path, value: int):
    path = tmp_path / "a.rf64"
    content = write(path, "RF64")
    expected = read_recording(path).waveform
    struct.pack_into("<QQQ", content, content.find(b"ds64") + 8, value, value, value)
    path.write_bytes(content)
    assert_whole(path, expected)


def test_an_empty_sound_before_other_chunks_stays_empty(tmp_path: Path):
    path = tmp_path / "a.wav"
    content = write(path, wave=np.zeros(0, np.float32)) + b"LIST" + struct.pack("<I", 4) + b"INFO"
    path.write_bytes(content)
    assert find_patch(path) is None
    with pytest.raises(DataError, match="expected at least one sample of sound"):
        read_recording(path)


def lying_mp3(path: Path) -> Path:
    content = write(path, "MP3", "MPEG_LAYER_III")
    place = max(content.find(b"Xing"), content.find(b"Info"))
    content[place + 8 : place + 12] = b"\x7f\xff\xff\xff"
    path.write_bytes(content)
    return path


def lying_flac(path: Path) -> Path:
    path.write_bytes(without_count(write(path, "FLAC"), (1 << 36) - 1))
    return path


def with_rate(path: Path, rate: int) -> Path:
    content = write(path)
    struct.pack_into("<I", content, 24, rate)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: lying_mp3(folder / "lie.mp3"),
        lambda folder: lying_flac(folder / "lie.flac"),
        lambda folder: with_rate(folder / "lie.wav", 1),  # 8000 times as long at the rate of the others
        lambda folder: with_rate(folder / "lie.wav", 2**31 - 1),
    ],
)
@pytest.mark.parametrize("read", [read_recordings, open_recordings])
def test_false_headers_are_skipped_without_memory(tmp_path: Path, make, read):
    good = [tmp_path / f"{at}.wav" for at in range(2)]
    for path in good:
        write(path)
    lie = make(tmp_path)
    read(good)  # imports
    tracemalloc.start()
    recordings, kept, notes = read([good[0], lie, good[1]], skip_unreadable=True)
    found = [one.waveform for one in recordings]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert kept.tolist() == [0, 2]
    assert "skipped 1 of 3 files" in notes[-1]
    assert lie.name in notes[-1]
    with pytest.raises(DataError, match=lie.name):
        read([good[0], lie, good[1]])
    assert len(found[0]) == 8000
    assert peak < 64e6


def test_a_sound_larger_than_the_free_memory_is_refused_before_it_is_read(tmp_path: Path, monkeypatch):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(1 << 24, np.int16), 8000, subtype="PCM_U8")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 1 << 20}))
    with pytest.raises(DataError, match=r"a\.wav: expected sound that fits into memory, got 0\.1 GB of samples"):
        read_recording(path)


def test_errors_of_memory_are_skipped_like_others(tmp_path: Path, monkeypatch):
    paths = [tmp_path / f"{at}.wav" for at in range(2)]
    for path in paths:
        write(path)

    def read(self, *_, **__):
        if b"1.wav" in os.fsencode(self.name):
            raise MemoryError("Unable to allocate 4.50 TiB")
        return WAVE[:, None]

    monkeypatch.setattr(soundfile.SoundFile, "read", read)
    _, kept, (note,) = read_recordings(paths, skip_unreadable=True)
    assert kept.tolist() == [0]
    assert "1.wav: expected a sound file" in note
    assert "more sound than fits into memory: Unable to allocate 4.50 TiB" in note


def test_a_pipe_is_refused_and_not_opened(tmp_path: Path):
    os.mkfifo(tmp_path / "a.wav")
    message = r"a\.wav: expected a sound file that can be read, got: a pipe or a device"
    with pytest.raises(DataError, match=message):
        read_recording(tmp_path / "a.wav")
    with pytest.raises(DataError, match=message):
        next(stream_recording(tmp_path / "a.wav", block_s=1.0))
    with pytest.raises(DataError, match=message):
        open_recordings([tmp_path / "a.wav"])


@pytest.mark.parametrize("seed", [-1, 1.5, "x", True])
def test_rejects_invalid_seed(seed):
    with pytest.raises(ParameterError, match="synthetic_sounds: expected seed to be an integer from 0"):
        load_synthetic_sounds(seed=seed)
