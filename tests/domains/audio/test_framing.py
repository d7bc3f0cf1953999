"""Windows in samples, in milliseconds and by preset."""

import numpy as np
import pytest
import torch
from scipy.signal.windows import hann

from img_repr.core.errors import ParameterError
from img_repr.domains.audio.framing import Framing


@pytest.mark.parametrize(
    ("rate", "given", "expected"),
    [
        (8000, {}, (2048, 2048, 512)),
        (44100, {"preset": "librosa", "win_length": 1000}, (1024, 1000, 512)),
        (44100, {"n_fft": 999}, (999, 999, 512)),
        (16000, {"preset": "speech"}, (512, 400, 160)),
        (8000, {"preset": "speech"}, (256, 200, 80)),
        (22050, {"preset": "speech", "n_fft": 1024}, (1024, 1024, 220)),
        (44100, {"preset": "environment"}, (4096, 2205, 309)),
        (16000, {"preset": "environment", "hop_ms": 20.0}, (1024, 800, 320)),
        (16000, {"window_ms": 32, "hop_length": 7}, (512, 512, 7)),
        (100, {"window_ms": 0.1, "hop_ms": 0.1}, (1, 1, 1)),
    ],
)
def test_lengths_in_samples(rate, given, expected):
    framing = Framing.of("test", rate, **given)
    assert (framing.n_fft, framing.win_length, framing.hop_length) == expected
    assert framing.sample_rate_hz == rate


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"preset": "music"}, "preset to be one of librosa, speech, environment, got 'music'"),
        ({"preset": ["speech"]}, "preset"),
        ({"hop_length": 10, "hop_ms": 1.0}, "hop_length or hop_ms, got both"),
        ({"win_length": 10, "window_ms": 1.0}, "win_length or window_ms, got both"),
        ({"n_fft": 0}, "n_fft"),
        ({"n_fft": 512.0}, "n_fft"),
        ({"hop_length": 0}, "hop_length"),
        ({"hop_length": True}, "hop_length"),
        ({"hop_ms": -1}, "hop_ms"),
        ({"hop_ms": float("nan")}, "hop_ms"),
        ({"window_ms": "25"}, "window_ms"),
        ({"n_fft": 256, "win_length": 257}, "at most n_fft = 256 samples, got 257"),
    ],
)
def test_rejects_invalid_window(given, said):
    with pytest.raises(ParameterError, match=f"^test: expected .*{said}"):
        Framing.of("test", 8000, **given)


@pytest.mark.parametrize(("n_fft", "win_length"), [(8, 8), (16, 9), (17, 8), (2048, 1102), (2, 2)])
def test_the_window_is_periodic_and_in_the_middle(n_fft, win_length):
    window = Framing(n_fft, win_length, 1, 1).window(torch.zeros(1, dtype=torch.float64)).numpy()
    before = (n_fft - win_length) // 2
    np.testing.assert_allclose(window[before : before + win_length], hann(win_length, sym=False), atol=1e-15)
    assert not window[:before].any()
    assert not window[before + win_length :].any()


@pytest.mark.parametrize(
    ("n_fft", "hop", "length", "count"), [(8, 4, 16, 5), (8, 4, 15, 4), (7, 4, 16, 4), (2, 5, 1, 1)]
)
def test_centers_and_frequencies(n_fft, hop, length, count):
    framing = Framing(n_fft, n_fft, hop, 1000)
    assert framing.count(length) == count
    assert framing.centers(length).tolist() == [hop * k for k in range(count)]
    assert framing.bins == len(framing.frequencies_hz) == n_fft // 2 + 1
    assert framing.frequencies_hz[-1] == pytest.approx(1000 * (n_fft // 2) / n_fft)
