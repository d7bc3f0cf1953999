"""Pre-emphasis next to librosa's, and what it refuses."""

import librosa
import numpy as np
import pytest
import torch

from img_repr import encode_melspectrogram
from img_repr.core.errors import ParameterError
from img_repr.domains.audio.emphasis import emphasize


@pytest.mark.parametrize("share", [0.5, 0.97, 1.0])
def test_equal_to_librosa_but_for_the_first_sample(share, random):
    wave = random.normal(size=500).astype(np.float32)
    found = emphasize(torch.from_numpy(wave)[None], share)[0].numpy()
    np.testing.assert_allclose(found[1:], librosa.effects.preemphasis(wave, coef=share)[1:], atol=1e-6)


def test_raises_hiss_relative_to_hum():
    time = np.arange(8000) / 8000
    wave = (np.sin(2 * np.pi * 200 * time) + 0.01 * np.sin(2 * np.pi * 3500 * time)).astype(np.float32)
    plain, lifted = (
        encode_melspectrogram(wave, sample_rate_hz=8000, preset="speech", n_mels=40, pre_emphasis=share)[-4:].max()
        for share in (0.0, 0.97)
    )
    assert lifted > plain + 10.0


def test_nothing_taken_changes_nothing(random):
    wave = torch.from_numpy(random.normal(size=(2, 50)))
    assert emphasize(wave, 0.0) is wave
    assert emphasize(wave[:, :1], 0.5).shape == (2, 1)


@pytest.mark.parametrize("share", [-0.1, 1.1, True, "high", float("nan")])
def test_rejects_invalid_pre_emphasis(share, random):
    with pytest.raises(ParameterError, match="melspectrogram: expected pre_emphasis from 0 to 1, got"):
        encode_melspectrogram(random.normal(size=400), sample_rate_hz=8000, pre_emphasis=share)
