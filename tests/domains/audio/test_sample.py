"""Checked recordings: rows, rates, lengths, and what a collection calls for; the rest is in tests/contract."""

import numpy as np
import pytest
import torch

from img_repr import get_encoder
from img_repr.core.errors import ParameterError, SampleError
from img_repr.core.metadata import FIT
from img_repr.domains.audio.images import fit_duration
from img_repr.domains.audio.recording import Recording, commonest
from img_repr.domains.audio.sample import AUDIO, LOUDEST, check_recordings, infer_recordings_parameters

RATE = 8000


def check(recordings, rate=RATE, **more):
    return check_recordings(recordings, caller="asker", sample_rate_hz=rate, **more)


def silence(seconds, rate=RATE):
    return Recording(np.zeros(round(seconds * rate), np.float32), rate)


def test_batch_keeps_kind_and_shape():
    batch = check(np.ones((2, 3, 50), np.float32))
    assert (batch.leading, batch.kind, batch.default) == ((2, 3), "numpy", torch.float32)
    assert batch.lengths.tolist() == [50] * 6
    assert batch.device == torch.device("cpu")
    assert not batch.requires_grad
    assert check([torch.ones(4, requires_grad=True), np.ones(3)]).requires_grad
    assert check(Recording(np.ones(7), 16_000), rate=None).sample_rate_hz == 16_000
    assert check(Recording(np.ones(7), RATE)).leading == ()
    assert check([Recording(np.ones(7), RATE)]).leading == (1,)
    assert check([Recording(np.ones(7, np.float32), RATE), Recording(torch.ones(7), RATE)]).kind == "torch"
    assert check([0.5, 0.25]).leading == ()
    assert check([np.float32(0.5), np.float32(0.25)]).lengths.tolist() == [2]


def test_pcm_is_converted_on_access():
    pcm = np.array([-32768, 0, 16384], np.int16)
    batch = check(pcm)
    assert batch.rows[0].dtype == torch.int16
    assert batch.rows[0].data_ptr() == pcm.ctypes.data
    assert batch.wave(0, torch.float64).tolist() == [-1.0, 0.0, 0.5]


def test_the_caller_keeps_his_waveform():
    wave = np.array([0.5, -0.5], np.float32)
    wave.setflags(write=False)
    batch = check(wave)
    batch.rows[0][0] = 9.0
    assert wave[0] == 0.5


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_silent_rows_are_noted(dtype):
    zero = 128 if dtype == np.uint8 else 0
    rows = np.full((4, 9), zero, dtype)
    rows[[0, 2], 3] = 1
    assert check(rows).silent == (1, 3)


@pytest.mark.parametrize("bad", [LOUDEST * 2, -LOUDEST * 2, np.inf, np.nan])
def test_rejects_invalid_waveforms(bad):
    with pytest.raises(SampleError, match=r"asker: expected .* in recording number 1"):
        check([np.ones(3), np.array([0.0, bad, 0.0])])
    check(np.array([LOUDEST, -LOUDEST]))


def test_rates_may_not_lie_worlds_apart():
    recordings = [Recording(np.ones(9, np.float32), 1), silence(1)]
    with pytest.raises(ParameterError, match="rates within 256 times sample_rate_hz = 8000, got one of 1 Hz"):
        check(recordings)
    assert check([silence(1.0, 192_000), silence(1.0, 4000)]).lengths.tolist() == [RATE, RATE]


def test_lengths_are_those_of_plain_waveforms():
    assert check(np.ones((2, 9)), lengths=[4, 9]).lengths.tolist() == [4, 9]
    assert check(np.ones(9), lengths=4).lengths.tolist() == [4]
    with pytest.raises(ParameterError, match="expected lengths only with plain waveforms"):
        check([silence(1)], lengths=[5])


def test_a_duration_is_rounded_to_samples():
    batch = check(np.ones((1, 100)))
    assert batch.cut(None) is batch
    assert batch.cut(0.01).lengths.tolist() == [80]
    assert batch.cut(1e-9).lengths.tolist() == [1]
    longer = batch.cut(0.02).rows[0]
    assert (longer[:100] == 1).all()
    assert (longer[100:] == 0).all()
    assert len(longer) == 160


def test_infers_parameters():
    assert commonest([8000, 16_000, 8000]) == 8000
    assert commonest([8000, 16_000]) == 16_000
    asked = infer_recordings_parameters([silence(1), silence(1, 4000), silence(1)])
    assert (asked["sample_rate_hz"], asked["duration_s"]) == (RATE, FIT)
    assert not get_encoder("melspectrogram", size=8, **asked).fit([silence(1)]).needs_fit
    assert infer_recordings_parameters(np.zeros((2, 9))) == {}
    assert AUDIO.infer_parameters is infer_recordings_parameters


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([1.0] * 20 + [9.0], 1.0),
        ([1.0] * 9 + [9.0], 9.0),
        ([0.07], 0.07),
        ([0.0701], 0.08),
        ([0.001], 0.01),
        ([2, 1], 2),
    ],
)
def test_the_fitted_duration_holds_19_of_20(seconds, expected):
    recordings = [silence(one, 10_000) for one in seconds]
    learned = fit_duration(recordings, {"sample_rate_hz": None, "duration_s": FIT})
    assert learned == {"duration_s": expected}
    assert fit_duration(recordings, {"sample_rate_hz": None, "duration_s": None}) == {}


def test_the_fitted_rate_is_the_commonest():
    recordings = [silence(1), silence(1, 16_000), silence(3)]
    learned = fit_duration(recordings, {"sample_rate_hz": FIT, "duration_s": FIT})
    assert learned == {"sample_rate_hz": RATE, "duration_s": 3.0}
    with_a_rate = {"sample_rate_hz": 16_000, "duration_s": FIT}
    assert fit_duration(recordings, with_a_rate) == {"duration_s": 3.0}
    with pytest.raises(ParameterError, match="sample_rate_hz= for plain waveforms"):
        fit_duration(np.ones((2, 9)), {"sample_rate_hz": FIT, "duration_s": None})
