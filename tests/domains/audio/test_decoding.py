"""Sound files to recordings, next to librosa; and what is said of files that are none.

The reason for its length: every sound format, and every way in which a file of it can be broken.
"""

import shutil
import struct
import tracemalloc
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile

from img_repr.core.errors import DataError, ParameterError
from img_repr.domains.audio.decoding import read_recording, read_recordings, stream_recording

# librosa's fallback reader still imports what Python 3.13 has no more
pytestmark = pytest.mark.filterwarnings("ignore:'(aifc|audioop|sunau)' is deprecated:DeprecationWarning")

FORMATS = [
    ("wav", "PCM_U8"),
    ("wav", "PCM_16"),
    ("wav", "PCM_24"),
    ("wav", "PCM_32"),
    ("wav", "FLOAT"),
    ("wav", "DOUBLE"),
    ("wav", "IMA_ADPCM"),
    ("flac", "PCM_16"),
    ("flac", "PCM_24"),
    ("ogg", "VORBIS"),
    ("mp3", "MPEG_LAYER_III"),
    ("aiff", "PCM_16"),
    ("caf", "PCM_16"),
    ("w64", "PCM_16"),
    ("au", "PCM_16"),
]


def sound(rate: int, duration_s: float = 0.5, channels: int = 1) -> np.ndarray:
    time = np.arange(round(rate * duration_s)) / rate
    tones = [0.3 * np.sin(2 * np.pi * 220 * (k + 1) * time * (1 + time)) for k in range(channels)]
    noise = np.random.default_rng(0).normal(scale=0.05, size=(len(time), channels))
    return np.stack(tones, axis=1) + noise


def write(path: Path, rate: int = 8000, duration_s: float = 0.5, channels: int = 1, **options) -> Path:
    soundfile.write(path, sound(rate, duration_s, channels), rate, **options)
    return path


def cut(path: Path, share: float = 0.5) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def as_librosa(path: Path, rate: int | None = None) -> None:
    ours = read_recording(path, sample_rate_hz=rate)
    wave, its_rate = librosa.load(path, sr=rate)
    assert ours.sample_rate_hz == its_rate
    assert ours.waveform.dtype == np.float32
    np.testing.assert_array_equal(ours.waveform, wave)


@pytest.mark.parametrize(("suffix", "subtype"), FORMATS)
def test_formats_are_read_as_librosa_reads_them(tmp_path: Path, suffix: str, subtype: str):
    path = write(tmp_path / f"a.{suffix}", 44100, channels=2, subtype=subtype)
    as_librosa(path)
    as_librosa(path, 16000)


@pytest.mark.parametrize("bits", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
def test_the_wave_is_the_one_that_was_written(tmp_path: Path, bits: str):
    path = write(tmp_path / "a.wav", subtype=bits)
    step = {"PCM_U8": 2.0**-7, "PCM_16": 2.0**-15, "PCM_24": 2.0**-23, "FLOAT": 2.0**-24}[bits]
    assert np.abs(read_recording(path).waveform - sound(8000)[:, 0]).max() <= step


@pytest.mark.parametrize("rate", [4000, 11025, 192000])
@pytest.mark.parametrize("channels", [1, 6])
def test_rates_and_channels(tmp_path: Path, rate: int, channels: int):
    path = write(tmp_path / "a.wav", rate, 0.3, channels)
    as_librosa(path)
    for wanted in (8000, 22050, 44100):
        as_librosa(path, wanted)


def test_channels_are_averaged(tmp_path: Path):
    soundfile.write(tmp_path / "a.wav", np.full((10, 1), 1.0) * [0.0, 0.25, 0.5, 0.75, 0.0, 0.0], 8000)
    np.testing.assert_array_equal(read_recording(tmp_path / "a.wav").waveform, np.full(10, 0.25, np.float32))


def test_one_sample(tmp_path: Path):
    soundfile.write(tmp_path / "a.wav", np.array([0.5]), 8000)
    assert read_recording(tmp_path / "a.wav").waveform.tolist() == [0.5]
    assert read_recording(tmp_path / "a.wav", sample_rate_hz=16000).waveform.shape == (2,)


def test_capital_letters_and_odd_names(tmp_path: Path):
    write(tmp_path / "a.wav").rename(tmp_path / "Ä ;b.WAV")
    as_librosa(tmp_path / "Ä ;b.WAV")


def bad_files(folder: Path) -> dict[str, Path]:
    """One file per defect, by what is said of it."""
    empty, text, pointer, junk = (folder / f"{name}.wav" for name in ("empty", "text", "pointer", "junk"))
    empty.touch()
    text.write_text("<html>Not found</html>\n" * 40)
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    junk.write_bytes(bytes(range(128, 256)) * 9)
    header = folder / "header.wav"
    soundfile.write(header, np.zeros(0), 8000)
    holes, endless = folder / "holes.wav", folder / "endless.wav"
    wave = np.zeros((4000, 2))
    wave[1000, 1] = np.nan
    soundfile.write(holes, wave, 8000, subtype="FLOAT")
    wave[1000] = np.inf, -np.inf
    soundfile.write(endless, wave, 8000, subtype="FLOAT")
    (folder / "folder.wav").mkdir()
    (folder / "bare.raw").write_bytes(bytes(100))
    return {
        r"expected a sound file, got an empty one \(0 bytes\)": empty,
        "expected a sound file, got a text that begins '<html>Not found": text,
        "got the pointer that Git LFS leaves in its place; run: git lfs pull": pointer,
        r"expected a sound file \(WAV, .*\), got: Format not recognised$": junk,
        "expected at least one sample of sound, got a header without any": header,
        "expected finite samples, got NaN at 0.125 s": holes,
        "expected finite samples, got infinity at 0.125 s": endless,
        "expected a sound file, got a folder": folder / "folder.wav",
        "expected a sound file that can be read, got: No such file or directory": folder / "none.wav",
        "got: a format without a header": folder / "bare.raw",
    }


def test_bad_files(tmp_path: Path):
    for message, path in bad_files(tmp_path).items():
        with pytest.raises(DataError, match=f"^{path}: .*{message}") as caught:
            read_recording(path)
        assert "\n" not in str(caught.value)
        with pytest.raises(DataError, match=message):
            list(stream_recording(path, block_s=0.1))


def test_reports_missing_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write(tmp_path / "a.wav")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"a.wav: expected a sound file that can be read, got: Permission denied$"):
        read_recording(path)


@pytest.mark.parametrize(
    ("name", "start", "what"),
    [
        ("a.m4a", b"\0\0\0\x20ftypM4A ", "MPEG-4 sound"),
        ("a b.wav", b"\0\0\0\x20ftypisom", "MPEG-4 sound"),
        ("a.aac", b"\xff\xf1\x50\x80", "ADTS AAC sound"),
        ("a.wma", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media sound"),
        ("a.webm", b"\x1a\x45\xdf\xa3", "Matroska or WebM sound"),
        ("a.amr", b"#!AMR\n", "AMR sound"),
        ("a.ac3", b"\x0b\x77", "AC-3 sound"),
        ("a.wma", b"\x80\x81\x82", "a file ending in .wma"),
    ],
)
def test_message_shows_ffmpeg_command(tmp_path: Path, name: str, start: bytes, what: str):
    path = tmp_path / name
    path.write_bytes(start + bytes(range(256)) * 4)
    with pytest.raises(
        DataError, match=f"got {what}, which soundfile does not read; convert it by: ffmpeg -i "
    ) as caught:
        read_recording(path)
    if " " in name:
        assert f"ffmpeg -i '{path}' 'a b.wav'" in str(caught.value)


@pytest.mark.parametrize(("suffix", "subtype"), FORMATS)
def test_files_that_break_off_are_refused(tmp_path: Path, suffix: str, subtype: str):
    path = cut(write(tmp_path / f"a.{suffix}", 44100, 2.0, subtype=subtype))
    with pytest.raises(DataError, match=r"a\.\w+: expected a (whole )?sound file"):
        read_recording(path)
    with pytest.raises(DataError, match=r"a\.\w+: expected a (whole )?sound file"):
        list(stream_recording(path, block_s=0.1))


def test_truncated_wave_reports_readable_length(tmp_path: Path):
    path = cut(write(tmp_path / "a.wav"))
    with pytest.raises(DataError, match=r"breaks off: 3978 of the 8000 bytes that its header promises; .* ffmpeg -i"):
        read_recording(path)


@pytest.mark.parametrize("promise", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 8044])
def test_headers_that_promise_nothing(tmp_path: Path, promise: int):
    path = write(tmp_path / "a.wav")
    whole = read_recording(path).waveform
    content = bytearray(path.read_bytes())
    place = content.find(b"data") + 4
    content[place : place + 4] = struct.pack("<I", promise)  # of a pipe; or of a writer that counts its header in
    path.write_bytes(content)
    np.testing.assert_array_equal(read_recording(path).waveform, whole)


def test_ogg_requires_last_page(tmp_path: Path):
    path = write(tmp_path / "a.ogg", 44100, 10.0)
    content = path.read_bytes()
    path.write_bytes(content[: content.rfind(b"OggS")])  # whole pages, but the last
    with pytest.raises(DataError, match="a last page of OGG that is incomplete or not marked as the last"):
        read_recording(path)
    path.write_bytes(content + b"ID3 tags or other words after the end")
    assert len(read_recording(path).waveform) == 441000


def test_an_mp3_without_xing_header_is_whole(tmp_path: Path):
    path = write(tmp_path / "a.mp3", 44100, 10.0, bitrate_mode="CONSTANT", compression_level=0.5)
    content = path.read_bytes()
    path.write_bytes(content[content.find(b"\xff\xfb", 100) :])  # without the first frame, the header's place
    assert b"Info" in content
    assert b"Info" not in path.read_bytes()
    assert abs(len(read_recording(path).waveform) - 441000) < 5 * 1152


@pytest.mark.parametrize(
    ("rate", "wanted"), [(8000, None), (8000, 8000), (44100, 16000), (16000, 44100), (192000, 4000)]
)
@pytest.mark.parametrize("block_s", [0.0101, 1.0, 60.0])
def test_stream_equals_whole_file(tmp_path: Path, rate: int, wanted: int | None, block_s: float):
    path = write(tmp_path / "a.flac", rate, 1.234, 2)
    whole = read_recording(path, sample_rate_hz=wanted)
    pieces = list(stream_recording(path, block_s=block_s, sample_rate_hz=wanted))
    np.testing.assert_array_equal(np.concatenate([one.waveform for one in pieces]), whole.waveform)
    assert {one.sample_rate_hz for one in pieces} == {whole.sample_rate_hz}
    assert {len(one.waveform) for one in pieces[:-1]} <= {round(block_s * whole.sample_rate_hz)}
    assert len(pieces[-1].waveform) <= round(block_s * whole.sample_rate_hz)


def test_a_stream_ends_well_where_the_file_ends_with_a_read(tmp_path: Path):
    soundfile.write(tmp_path / "a.wav", np.zeros(1 << 17), 16000)
    pieces = stream_recording(tmp_path / "a.wav", block_s=1.0, sample_rate_hz=8000)
    assert sum(len(one.waveform) for one in pieces) == 1 << 16


def test_stream_memory_is_constant(tmp_path: Path):
    path = tmp_path / "a.wav"
    with soundfile.SoundFile(path, "w", 44100, 1) as file:
        for _ in range(60):
            file.write(np.zeros(44100))
    list(stream_recording(path, block_s=1.0, sample_rate_hz=16000))  # imports
    tracemalloc.start()
    total = sum(one.duration_s for one in stream_recording(path, block_s=1.0, sample_rate_hz=16000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 60.0
    assert peak < 2e6  # the whole is 10 MB


@pytest.mark.parametrize("rate", [0, -1, 1.5, True, "8000", 10**9])
def test_rejects_invalid_sample_rate(tmp_path: Path, rate):
    path = write(tmp_path / "a.wav")
    for read in (read_recording, lambda one, **options: read_recordings([one], **options)):
        with pytest.raises(ParameterError, match="expected sample_rate_hz to be an integer from 1 to 1000000"):
            read(path, sample_rate_hz=rate)
    with pytest.raises(ParameterError, match="sample_rate_hz"):
        stream_recording(path, block_s=1.0, sample_rate_hz=rate)


def test_a_rate_of_numpy_is_one_with_and_without_a_cache(tmp_path: Path):
    path = write(tmp_path / "a.wav", 8000)
    for cache in (None, tmp_path / "cache"):
        (recording,), _, _ = read_recordings([path], sample_rate_hz=np.int64(4000), cache=cache)
        assert type(recording.sample_rate_hz) is int
        assert (recording.sample_rate_hz, len(recording.waveform)) == (4000, 2000)


@pytest.mark.parametrize("block_s", [0, -1.0, float("nan"), "1", True])
def test_rejects_invalid_block(tmp_path: Path, block_s):
    with pytest.raises(ParameterError, match="expected block_s to be seconds above 0"):
        stream_recording(write(tmp_path / "a.wav"), block_s=block_s)


def test_order_and_one_rate_for_all(tmp_path: Path):
    rates = [8000, 16000, 16000, 44100] * 8
    paths = [write(tmp_path / f"{at}.wav", rate, 0.1 + 0.01 * at) for at, rate in enumerate(rates)]
    recordings, kept, notes = read_recordings(paths)
    assert kept.tolist() == list(range(32))
    assert notes == ("16 of 32 recordings were resampled to 16000 Hz (from 8000, 44100)",)
    for path, one in zip(paths, recordings, strict=True):
        np.testing.assert_array_equal(one.waveform, read_recording(path, sample_rate_hz=16000).waveform)
    recordings, _, notes = read_recordings(paths[:2])
    assert {one.sample_rate_hz for one in recordings} == {16000}  # of equally many the higher
    recordings, _, notes = read_recordings(paths[1:3], sample_rate_hz=8000)
    assert notes == ("2 of 2 recordings were resampled to 8000 Hz (from 16000)",)
    assert read_recordings(paths[1:3])[2] == ()


def test_one_bad_file_is_an_error_that_names_it(tmp_path: Path):
    paths = [write(tmp_path / f"{at}.wav") for at in range(6)]
    cut(paths[4])
    paths[2].write_bytes(b"")
    with pytest.raises(DataError, match=r"2\.wav: expected a sound file, got an empty one"):
        read_recordings(paths)


def test_skip_unreadable_counts_and_names_bad_files(tmp_path: Path):
    good = [write(tmp_path / f"{at}.wav") for at in range(3)]
    bad = list(bad_files(tmp_path).values())
    recordings, kept, (note,) = read_recordings([good[0], *bad, *good[1:]], skip_unreadable=True)
    assert kept.tolist() == [0, 11, 12]
    assert len(recordings) == 3
    assert note.startswith("skipped 10 of 13 files that could not be read: ")
    assert [path.name in note for path in bad] == [True] * 5 + [False] * 5
    assert note.endswith("; ...")
    with pytest.raises(DataError, match=r"at least one sound file that can be read, got 10 others: .*empty\.wav"):
        read_recordings(bad, skip_unreadable=True)
    with pytest.raises(DataError, match="expected at least one sound file, got none"):
        read_recordings([])


@pytest.mark.data
def test_real_clips_are_read_as_librosa_reads_them(data_folder: Path, tmp_path: Path):
    clips = [
        *sorted((data_folder / "esc10").rglob("*.ogg"))[::57],
        *sorted((data_folder / "fsdd").rglob("*.wav"))[::419],
    ]
    assert len(clips) > 8
    for clip in clips:
        as_librosa(clip)
        as_librosa(clip, 22050)
    clip = Path(shutil.copy(clips[0], tmp_path))
    clip.chmod(0o600)
    cut(clip, 0.9)
    with pytest.raises(DataError, match="expected a whole sound file"):
        read_recording(clip)
