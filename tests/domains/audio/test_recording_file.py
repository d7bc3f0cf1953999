"""Recordings that stay in their files: the same images as those in memory, and no more of them in memory than asked."""

import pickle

import numpy as np
import pytest
import soundfile
import torch

from img_repr.core.errors import DataError
from img_repr.core.loader import load_dataset
from img_repr.core.naming import encoders_for
from img_repr.domains.audio import assembly as module
from img_repr.domains.audio.assembly import RecordingFile, open_recordings
from img_repr.domains.audio.augmentation import augment_recordings
from img_repr.domains.audio.decoding import read_recordings
from img_repr.domains.audio.recording import Recording, make_recordings


@pytest.fixture
def paths(tmp_path):
    """Six files in two folders, one of another rate and stereo."""
    for number, one in enumerate(make_recordings(6)):
        path = tmp_path / "sounds" / "ab"[number % 2] / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        wave = one.waveform if number != 3 else np.stack([one.waveform, one.waveform[::-1]], axis=1)
        soundfile.write(path, wave, 11025 if number == 3 else 8000)
    return sorted((tmp_path / "sounds").rglob("*.wav"))


@pytest.mark.parametrize("rate", [None, 4000])
@pytest.mark.parametrize("skip", [False, True])
def test_lazy_recordings_equal_those_in_memory(paths, rate, skip):
    held, kept, notes = read_recordings(paths, sample_rate_hz=rate, skip_unreadable=skip)
    files, kept_too, notes_too = open_recordings(paths, sample_rate_hz=rate, skip_unreadable=skip)
    assert (notes_too, kept_too.tolist()) == (notes, kept.tolist())
    assert notes
    for one, other in zip(held, files, strict=True):
        assert isinstance(other, RecordingFile)
        assert (other.sample_rate_hz, other.duration_s, other.length) == (
            one.sample_rate_hz,
            one.duration_s,
            len(one.waveform),
        )
        np.testing.assert_array_equal(other.waveform, one.waveform)
        assert type(other.held()) is Recording
        assert torch.is_tensor(other.to(torch.device("cpu")).waveform)


def test_a_pickle_of_one_is_a_name(paths):
    (one,), _, _ = open_recordings(paths[:1])
    content = pickle.dumps(one)
    assert len(content) < 400
    np.testing.assert_array_equal(pickle.loads(content).waveform, one.waveform)


def test_images_are_the_same_and_each_file_is_read_once(paths, monkeypatch):
    folder = paths[0].parents[1]
    held, files = load_dataset(folder), load_dataset(folder, lazy=True)
    assert held.labels.tolist() == files.labels.tolist()
    images, read = [], []
    real = module.read_recording
    monkeypatch.setattr(module, "read_recording", lambda path, **more: read.append(path) or real(path, **more))
    for data in (held, files):
        (encoder,) = encoders_for(data, "melspectrogram", size=16)
        images.append(encoder.fit(data.samples)(data.samples, dtype="uint8"))
    np.testing.assert_array_equal(images[0], images[1])
    assert sorted(read) == paths  # learning the duration looks at headers alone


def test_they_can_be_varied(paths):
    held, files = read_recordings(paths)[0], open_recordings(paths)[0]
    one, two = (augment_recordings(some, torch.Generator().manual_seed(3)) for some in (held, files))
    for left, right in zip(one, two, strict=True):
        assert torch.equal(torch.as_tensor(left.waveform), torch.as_tensor(right.waveform))


def test_a_fingerprint_is_of_the_content(paths, tmp_path):
    folder = paths[0].parents[1]
    first = load_dataset(folder, lazy=True).fingerprint()
    moved = folder.rename(tmp_path / "elsewhere")
    assert load_dataset(moved, lazy=True).fingerprint() == first
    assert load_dataset(moved, lazy=True, sample_rate_hz=4000).fingerprint() != first
    content = bytearray((moved / "a" / "0.wav").read_bytes())
    content[-2] ^= 1
    (moved / "a" / "0.wav").write_bytes(content)
    assert load_dataset(moved, lazy=True).fingerprint() != first


def test_unreadable_files_raise_or_are_skipped(paths, tmp_path):
    text = tmp_path / "text.wav"
    text.write_text("this is text")
    with pytest.raises(DataError, match=r"text.wav: expected a sound file, got a text"):
        open_recordings([*paths, text])
    broken = tmp_path / "nan.wav"
    soundfile.write(broken, np.array([0.0, np.nan] * 400), 8000, subtype="FLOAT")
    (*_, last), _, _ = open_recordings([*paths, broken])  # its header is right
    with pytest.raises(DataError, match=r"nan.wav: expected finite samples, got NaN"):
        last.held()
    files, kept, (_, note) = open_recordings([text, *paths, broken], skip_unreadable=True)
    assert (len(files), kept.tolist()) == (6, [1, 2, 3, 4, 5, 6])
    assert note.startswith("skipped 2 of 8 files that could not be read: ")
    with pytest.raises(DataError, match="at least one sound file that can be read, got 2 others"):
        open_recordings([text, broken], skip_unreadable=True)
    with pytest.raises(DataError, match="at least one sound file, got none"):
        open_recordings([])


def test_cached_recordings_are_memory_mapped(paths, tmp_path):
    data = load_dataset(paths[0].parents[1], lazy=True, cache=tmp_path / "cache")
    assert {type(one) for one in data.samples} == {Recording}


def test_formats_that_know_nothing_of_it_load_as_ever(tmp_path):
    (tmp_path / "waves.csv").write_text("1,2,3,4\n4,3,2,1\n")
    assert load_dataset(tmp_path / "waves.csv", lazy=True).samples.shape == (2, 4)
