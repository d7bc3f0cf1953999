"""Waveforms kept on disk: the same as decoded, and never trusted when anything has changed."""

import json
import os
import resource
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import soundfile

from img_repr.core.errors import DataError
from img_repr.domains.audio import decoding
from img_repr.domains.audio.decoding import read_recordings
from img_repr.domains.audio.recording import Recording
from img_repr.domains.audio.waveform_cache import through_cache


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    random = np.random.default_rng(0)
    found = []
    for at in range(5):
        found.append(tmp_path / f"{at}.wav")
        soundfile.write(found[-1], random.uniform(-1, 1, 4000 + at), 8000)
    return found


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files that were really decoded, in the order of the decoding."""
    seen: list[Path] = []
    read = decoding.read_recording

    def record(path, **options):
        seen.append(path)
        return read(path, **options)

    monkeypatch.setattr(decoding, "read_recording", record)
    return seen


def same(first, second) -> None:
    assert [one.sample_rate_hz for one in first[0]] == [one.sample_rate_hz for one in second[0]]
    for one, other in zip(first[0], second[0], strict=True):
        np.testing.assert_array_equal(one.waveform, other.waveform)
    assert first[1].tolist() == second[1].tolist()
    assert first[2] == second[2]


def test_nothing_is_lost_of_16_bits_and_nothing_decoded_twice(paths: list[Path], tmp_path: Path, decoded: list[Path]):
    plain = read_recordings(paths)
    decoded.clear()
    first = read_recordings(paths, cache=tmp_path / "cache")
    assert len(decoded) == 5
    second = read_recordings(paths, cache=tmp_path / "cache")
    assert len(decoded) == 5
    same(first, second)
    for one, other in zip(first[0], plain[0], strict=True):
        assert one.waveform.dtype == np.int16
        np.testing.assert_array_equal(one.waveform * np.float32(2.0**-15), other.waveform)


def test_recordings_are_views_of_one_map(paths: list[Path], tmp_path: Path):
    recordings = read_recordings(paths, cache=tmp_path / "cache")[0]
    bases = set()
    for one in recordings:
        base = one.waveform
        assert not base.flags.owndata
        while isinstance(base.base, np.ndarray):
            base = base.base
        bases.add(id(base.base))
    assert len(bases) == 1


def test_each_set_of_options_has_its_own_entry(paths: list[Path], tmp_path: Path, decoded: list[Path]):
    cache = tmp_path / "cache"
    read_recordings(paths, cache=cache)
    assert read_recordings(paths, cache=cache, sample_rate_hz=4000)[0][0].sample_rate_hz == 4000
    assert len(read_recordings(paths[:3], cache=cache)[0]) == 3
    count = len(decoded)
    assert read_recordings(paths, cache=cache)[0][0].sample_rate_hz == 8000
    assert len(decoded) == count == 13


def test_a_file_that_changed_is_decoded_again(paths: list[Path], tmp_path: Path, decoded: list[Path]):
    cache = tmp_path / "cache"
    read_recordings(paths, cache=cache)
    before = paths[0].stat()
    soundfile.write(paths[0], np.full(4000, 0.5), 8000)
    os.utime(paths[0], ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert paths[0].stat().st_size == before.st_size
    assert set(read_recordings(paths, cache=cache)[0][0].waveform.tolist()) == {16384}
    assert len(decoded) == 10
    assert len(list(cache.iterdir())) == 2  # the old waves are gone


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-100] ^= 1
    file.write_bytes(content)


DAMAGES = {
    "a bit": lambda index, waves: flip(waves),
    "the end": lambda index, waves: waves.write_bytes(waves.read_bytes()[:-10]),
    "the waves": lambda index, waves: waves.unlink(),
    "all of the waves": lambda index, waves: waves.write_bytes(b""),
    "no index": lambda index, waves: index.unlink(),
    "half an index": lambda index, waves: index.write_text(index.read_text()[:50]),
    "another index": lambda index, waves: index.write_text("[1]"),
    "a lie on the lengths": lambda index, waves: index.write_text(
        json.dumps(json.loads(index.read_text()) | {"lengths": [1, 2]})
    ),
    "no checksum": lambda index, waves: index.write_text(json.dumps(json.loads(index.read_text()) | {"crc32": None})),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_and_mended(paths: list[Path], tmp_path: Path, decoded: list[Path], damage: str):
    cache = tmp_path / "cache"
    first = [one.waveform.tolist() for one in read_recordings(paths, cache=cache)[0]]
    (index,), (waves,) = cache.glob("*.json"), cache.glob("*.npy")
    DAMAGES[damage](index, waves)
    said = nullcontext() if damage == "no index" else pytest.warns(UserWarning, match="recordings are decoded again")
    with said:
        assert [one.waveform.tolist() for one in read_recordings(paths, cache=cache)[0]] == first
    assert len(decoded) == 10
    assert [one.waveform.tolist() for one in read_recordings(paths, cache=cache)[0]] == first
    assert len(decoded) == 10  # once


def test_notes_and_positions_are_kept(paths: list[Path], tmp_path: Path, decoded: list[Path]):
    paths[1].write_bytes(b"")
    soundfile.write(paths[2], np.zeros(16000), 16000)
    soundfile.write(paths[3], np.array([0.0, 1.0, 1.5, -1.0, -1.1]), 8000, subtype="FLOAT")
    options = {"cache": tmp_path / "cache", "skip_unreadable": True}
    first, second = read_recordings(paths, **options), read_recordings(paths, **options)
    assert len(decoded) == 5
    same(first, second)
    assert first[1].tolist() == [0, 2, 3, 4]
    assert first[0][2].waveform.tolist() == [0, 32767, 32767, -32768, -32768]
    resampled, skipped, clipped = first[2]
    assert resampled.startswith("1 of 4 recordings were resampled")
    assert skipped.startswith("skipped 1 of 5 files")
    assert clipped == "the cache of 16 bits clipped 2 samples beyond full scale in 1 recording"


def test_error_leaves_no_files(paths: list[Path], tmp_path: Path):
    paths[1].write_bytes(b"")
    with pytest.raises(DataError, match=r"1\.wav: expected a sound file, got an empty one"):
        read_recordings(paths, cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_writers_at_the_same_time(paths: list[Path], tmp_path: Path):
    plain = [one.waveform for one in read_recordings(paths, cache=tmp_path / "other")[0]]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: read_recordings(paths, cache=tmp_path / "cache"), range(24)))
    for recordings, _, _ in found:
        for one, wave in zip(recordings, plain, strict=True):
            np.testing.assert_array_equal(one.waveform, wave)


def test_a_map_stays_good_when_the_cache_is_deleted_or_replaced(paths: list[Path], tmp_path: Path):
    recordings = read_recordings(paths, cache=tmp_path / "cache")[0]
    before = recordings[0].waveform.tolist()
    for file in (tmp_path / "cache").iterdir():
        file.unlink()
    assert recordings[0].waveform.tolist() == before


def test_reports_unwritable_folder(paths: list[Path], tmp_path: Path):
    with pytest.raises(DataError, match=r"0\.wav: expected a folder to keep waveforms in, got: File exists"):
        read_recordings(paths, cache=paths[0])
    with pytest.raises(DataError, match="expected a folder to keep waveforms in, got: Not a directory"):
        read_recordings(paths, cache=paths[0] / "below")


def test_rounding_is_to_the_nearest(tmp_path: Path):
    wave = np.random.default_rng(0).uniform(-1, 0.9999, 1000).astype(np.float32)
    found = through_cache(tmp_path, [__file__], lambda: ([Recording(wave, 8000)], np.array([0]), ()))
    assert np.abs(found[0][0].waveform / 32768.0 - wave).max() <= 0.5 / 32768
    assert found[2] == ()


def test_a_full_disk_is_an_error_that_leaves_nothing(
    paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    cache = tmp_path / "cache"
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, (before := resource.getrlimit(resource.RLIMIT_FSIZE))[1]))
    try:
        with pytest.raises(DataError, match=r"json: expected to keep waveforms there, got: .*leave out cache="):
            read_recordings(paths, cache=cache)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(cache.iterdir()) == []
