"""Seconds and hertz of matrices against librosa's, and of what is seen there."""

import numpy as np
import pytest

from img_repr import get_encoder
from img_repr.core.errors import ParameterError
from img_repr.domains.audio.axes import matrix_axes
from img_repr.domains.audio.recording import Recording

RATE = 22050
TONE_HZ = 1000.0
TONE = np.sin(2 * np.pi * TONE_HZ * np.arange(30_001) / RATE)


def by_librosa(name, parameters):
    import librosa

    if name in ("melspectrogram", "pcen"):
        low, high = parameters.get("fmin_hz", 0.0), parameters.get("fmax_hz", RATE / 2)
        bands, htk = parameters.get("n_mels", 128), parameters.get("htk", False)
        return librosa.mel_frequencies(bands + 2, fmin=low, fmax=high, htk=htk)[1:-1]
    if name == "stft":
        return librosa.fft_frequencies(sr=RATE, n_fft=parameters.get("n_fft", 2048))
    return librosa.cqt_frequencies(
        parameters.get("n_bins", 84), fmin=parameters.get("fmin_hz", librosa.note_to_hz("C1"))
    )


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("melspectrogram", {}),
        ("melspectrogram", {"n_mels": 40, "fmin_hz": 50.0, "fmax_hz": 8000.0, "htk": True, "hop_length": 100}),
        ("pcen", {"n_mels": 64, "fmin_hz": 20.0}),
        ("stft", {}),
        ("stft", {"n_fft": 512, "hop_length": 128}),
        ("cqt", {}),
        ("cqt", {"n_bins": 36, "fmin_hz": 110.0, "hop_length": 256}),
    ],
)
def test_axes_are_librosas(name, parameters):
    import librosa

    encoder = get_encoder(name, sample_rate_hz=RATE, **parameters)
    seconds, hz = matrix_axes(encoder, TONE)
    assert encoder(TONE).shape[2:] == (len(hz), len(seconds))
    np.testing.assert_allclose(hz, by_librosa(name, parameters), rtol=1e-9)
    expected = librosa.frames_to_time(np.arange(len(seconds)), sr=RATE, hop_length=parameters.get("hop_length", 512))
    np.testing.assert_allclose(seconds, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("melspectrogram", {"size": 64}),
        ("melspectrogram", {"size": (50, 30), "n_mels": 90, "preset": "speech"}),
        ("stft", {}),
        ("stft", {"frequency": "log", "size": 80}),
        ("stft", {"frequency": "log", "size": 80, "n_bands": 30}),
        ("stft", {"n_bands": 70}),
        ("stft", {"fmin_hz": 500.0, "fmax_hz": 2000.0}),
        ("cqt", {}),
    ],
)
def test_a_tone_is_seen_at_its_frequency(name, parameters):
    encoder = get_encoder(name, **parameters)
    tone = Recording(TONE, RATE)
    heat = encoder.back_project(encoder(tone)[0, 0].astype(np.float64) ** 40, tone).sum(axis=1)
    hz = matrix_axes(encoder, tone).hz
    assert heat.shape == hz.shape
    place = int(heat.argmax())
    assert hz[max(0, place - 1)] <= TONE_HZ <= hz[min(len(hz) - 1, place + 1)]


def test_a_click_is_seen_at_its_second():
    wave = np.zeros(3 * RATE, np.float32)
    wave[2 * RATE] = 1.0
    for parameters in ({}, {"size": 100, "sample_rate_hz": 8000}, {"duration_s": 2.5, "hop_ms": 10.0, "size": 70}):
        encoder = get_encoder("melspectrogram", **parameters)
        click = Recording(wave, RATE)
        image = encoder(click)[0, 0]
        heat = encoder.back_project(image.astype(np.float64), click).sum(axis=0)
        seconds = matrix_axes(encoder, click).seconds
        assert np.sum(heat * seconds) / heat.sum() == pytest.approx(2.0, abs=0.02)


@pytest.mark.parametrize("name", ["mfcc", "chroma", "tempogram"])
def test_rows_without_frequency_have_no_hz(name):
    seconds, hz = matrix_axes(get_encoder(name, sample_rate_hz=RATE), TONE)
    assert hz is None
    assert len(seconds) == 1 + len(TONE) // 512


def test_rejects_encoders_without_matrix():
    for wrong in (get_encoder("melspectrogram+stft", size=8), get_encoder("gadf"), "melspectrogram"):
        with pytest.raises(ParameterError, match="matrix_axes: expected one encoder of recordings, got"):
            matrix_axes(wrong, TONE)
