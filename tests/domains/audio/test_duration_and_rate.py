"""What is known of a recording without listening."""

import numpy as np
import pytest
from sklearn.base import clone

from img_repr.core.errors import NotFittedError, ParameterError, SampleError
from img_repr.core.features import FEATURES, get_features
from img_repr.domains.audio.duration_and_rate import DurationAndRate
from img_repr.domains.audio.recording import Recording, make_recordings


def test_hand_worked():
    several = [Recording(np.zeros(800, np.int16), 8000), Recording(np.ones(44100, np.float32), 22050)]
    table = DurationAndRate().fit(several).transform(several)
    np.testing.assert_array_equal(table, [[0.1, 8000.0], [2.0, 22050.0]])


def test_metadata_marks_leak_only():
    assert FEATURES["duration_and_rate"].leak_only
    assert get_features("duration_and_rate").fit(make_recordings(2)).get_feature_names_out().tolist() == [
        "duration_s",
        "sample_rate_hz",
    ]


def test_the_sound_does_not_matter():
    several = make_recordings(4)
    other = [Recording(one.waveform[::-1] * 0.1, one.sample_rate_hz) for one in several]
    leak = DurationAndRate().fit(several)
    np.testing.assert_array_equal(leak.transform(several), leak.transform(other))


def test_plain_waveforms_use_sample_rate_option():
    waves = np.zeros((3, 400))
    np.testing.assert_array_equal(clone(DurationAndRate(8000)).fit_transform(waves), np.tile([0.05, 8000.0], (3, 1)))
    with pytest.raises(ParameterError, match="DurationAndRate: expected sample_rate_hz= for plain waveforms"):
        DurationAndRate().fit(waves)


def test_rejects_invalid_input():
    one = make_recordings(1)[0]
    with pytest.raises(NotFittedError, match="expected fit on training recordings first"):
        DurationAndRate().transform([one])
    with pytest.raises(SampleError, match="expected a batch of mono recordings"):
        DurationAndRate().fit(one)
    with pytest.raises(SampleError, match="DurationAndRate: expected only recordings in the list"):
        DurationAndRate().fit([one, np.zeros(8)])
    with pytest.raises(SampleError, match="DurationAndRate: expected"):
        DurationAndRate().fit([])
