"""Recordings: how long, on which device, made from which numbers."""

import pickle

import numpy as np
import pytest
import torch

from img_repr.domains.audio.recording import PCM, Recording, as_floats, as_tensor, make_recordings

WAVE = np.arange(-4, 4, dtype=np.int16) * 1000


def read_only(array):
    array = array.copy()
    array.setflags(write=False)
    return array


@pytest.mark.parametrize(
    "waveform",
    [WAVE, WAVE.tolist(), read_only(WAVE), WAVE.astype(">i2"), WAVE[::-1].copy()[::-1], torch.from_numpy(WAVE.copy())],
    ids=["numpy", "list", "read-only", "big-endian", "backwards", "torch"],
)
def test_any_waveform_goes_to_a_device_as_it_is(waveform):
    placed = Recording(waveform, 8000).to(torch.device("cpu"))
    assert isinstance(placed.waveform, torch.Tensor)
    assert placed.waveform.tolist() == WAVE.tolist()
    assert placed.sample_rate_hz == 8000
    assert placed.duration_s == 0.001
    if not isinstance(waveform, list):
        assert placed.waveform.dtype == torch.int16


def test_as_tensor_copies_only_if_needed():
    wave = WAVE.copy()
    as_tensor(wave)[0] = 7
    assert wave[0] == 7
    kept = read_only(WAVE)
    as_tensor(kept)[0] = 7
    assert kept[0] == WAVE[0]


@pytest.mark.parametrize(("dtype", "low", "high"), [("int16", -(2**15), 2**15 - 1), ("int32", -(2**31), 2**31 - 1)])
def test_pcm_has_full_scale_one(dtype, low, high):
    floats = as_floats(torch.from_numpy(np.array([low, 0, high], dtype=dtype)), torch.float64)
    assert floats[:2].tolist() == [-1.0, 0.0]
    assert floats[2] == high / -low


def test_eight_bits_are_unsigned():
    bits = torch.tensor([0, 128, 192, 255], dtype=torch.uint8)
    assert as_floats(bits, torch.float32).tolist() == [-1.0, 0.0, 0.5, 127 / 128]
    assert bits.tolist() == [0, 128, 192, 255]
    assert set(PCM) == {torch.uint8, torch.int16, torch.int32}


def test_floats_are_taken_as_they_are():
    wave = torch.tensor([0.1, -3.0])
    assert as_floats(wave, torch.float32) is wave
    assert as_floats(wave, torch.float64).dtype == torch.float64


def test_made_recordings_are_decided_by_their_seed():
    one, same, other = make_recordings(4, 1), make_recordings(4, 1), make_recordings(4, 2)
    for first, second, third in zip(one, same, other, strict=True):
        np.testing.assert_array_equal(first.waveform, second.waveform)
        assert not np.array_equal(first.waveform[:1000], third.waveform[:1000])
        assert first.waveform.dtype == np.float32
        assert 0.05 < np.abs(first.waveform).max() < 1.5
        assert 0.4 <= first.duration_s <= 0.6
    assert make_recordings(1, sample_rate_hz=16_000)[0].sample_rate_hz == 16_000


def test_a_recording_survives_pickling():
    again = pickle.loads(pickle.dumps(Recording(WAVE, 8000)))
    assert (again.waveform.tolist(), again.sample_rate_hz) == (WAVE.tolist(), 8000)
