"""Our tempogram and onset strength against librosa's, over sounds made by code and real clips.

In a steady tone nothing begins but by rounding, which both scale to 1: there librosa's float32 is held against its
own float64, and ours against both.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
import torch

from img_repr import encode_tempogram
from img_repr.core.errors import DegenerateSampleWarning
from img_repr.domains.audio.filterbank import mel_filters
from img_repr.domains.audio.framing import Framing
from img_repr.domains.audio.tempogram import onset_strength

SHARE = 5e-5
SHARE_DOUBLE = 1e-10
STEADY = 0.05
KINDS = ("noise", "faint noise", "walk", "chirp", "beat", "click", "silence", "constant", "ending", "below hearing")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_fft=", category=UserWarning)  # librosa on short sounds
        warnings.filterwarnings("ignore", message="Empty filters", category=UserWarning)
        warnings.filterwarnings("ignore", message="tempogram: .* mel bands hold no frequency", category=UserWarning)
        warnings.simplefilter("ignore", DegenerateSampleWarning)
        yield


def made(kind: str, rate: int = 22050, length: int = 66_001) -> np.ndarray:
    random, time = np.random.default_rng(length), np.arange(length) / rate
    waves = {
        "noise": lambda: random.normal(size=length) * 0.1,
        "faint noise": lambda: random.normal(size=length) * 1e-3,
        "below hearing": lambda: random.normal(size=length) * 1e-8,
        "walk": lambda: random.normal(size=length).cumsum() * 1e-3,
        "chirp": lambda: np.sin(2 * np.pi * (50 * time + 0.05 * rate * time**2)),
        "beat": lambda: random.normal(size=length) * np.exp(-20 * (time % 0.37)),
        "click": lambda: np.eye(1, length, length // 3)[0],
        "silence": lambda: np.zeros(length),
        "constant": lambda: np.ones(length),
        "ending": lambda: random.normal(size=length) * (time < 1.0),
    }
    return waves[kind]().astype(np.float32)


def compare(wave: np.ndarray, rate: int, bound: float, **options: int) -> None:
    theirs = {"win_length" if word == "n_lags" else word: value for word, value in options.items()}
    expected = librosa.feature.tempogram(y=wave, sr=rate, **theirs)
    found = encode_tempogram(wave, sample_rate_hz=rate, **options)
    assert found.shape == expected.shape
    assert found.dtype == wave.dtype
    assert np.abs(found - expected).max() <= bound
    assert found.min() >= 0.0
    assert found.max() <= 1.0


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
@pytest.mark.parametrize("kind", KINDS)
def test_sounds_made_by_code(kind, rate):
    compare(made(kind, rate), rate, SHARE)
    compare(made(kind, rate).astype(np.float64), rate, SHARE_DOUBLE)


@pytest.mark.parametrize("length", [1, 2, 511, 512, 513, 1024, 5000, 30_011, 400_000])
def test_lengths(length):
    compare(made("noise", length=length), 22050, SHARE)


@pytest.mark.parametrize(
    "options", [{"n_lags": 2}, {"n_lags": 3}, {"n_lags": 97}, {"n_lags": 500}, {"hop_length": 200}], ids=str
)
@pytest.mark.parametrize("kind", ["walk", "beat"])
def test_options(kind, options):
    compare(made(kind), 22050, SHARE, **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n_fft": 1024},
        {"n_fft": 4096, "hop_length": 300},
        {"n_fft": 512, "hop_length": 1000},
        {"n_fft": 2048, "win_length": 1102, "hop_length": 441},
    ],
    ids=str,
)
@pytest.mark.parametrize("n_mels", [40, 128])
def test_onset_strength(options, n_mels):
    wave, framing = made("beat"), Framing.of("test", 22050, **options)
    found = onset_strength(torch.from_numpy(wave)[None], framing, mel_filters("tempogram", framing, n_mels))[0]
    expected = librosa.onset.onset_strength(y=wave, sr=22050, n_mels=n_mels, **options)
    np.testing.assert_allclose(found, expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize("pitch_hz", [97.0, 440.0, 1000.0, 3000.0, 22050 * 40 / 2048])
@pytest.mark.parametrize("duration_s", [2, 12])
def test_steady_tones(pitch_hz, duration_s):
    wave = np.sin(2 * np.pi * pitch_hz * np.arange(duration_s * 22050) / 22050).astype(np.float32)
    compare(wave, 22050, STEADY)
    single, double = (librosa.feature.tempogram(y=wave.astype(kind), sr=22050) for kind in (np.float32, np.float64))
    if np.abs(single - double).max() < STEADY:  # not where float64 finds no onset at all, and scales its own rounding
        compare(wave.astype(np.float64), 22050, 1e-6)


@pytest.mark.data
@pytest.mark.parametrize(("pattern", "step"), [("esc10/*/*.ogg", 25), ("fsdd/recordings/*.wav", 50)])
def test_real_clips(data_folder: Path, pattern, step):
    files = sorted(data_folder.glob(pattern))[::step]
    assert files
    for file in files:
        wave, rate = soundfile.read(file, dtype="float32")
        compare(wave, rate, SHARE)
        image = encode_tempogram(wave, sample_rate_hz=rate, dtype="uint8")
        assert np.abs(image - np.round(librosa.feature.tempogram(y=wave, sr=rate) * 255.0)).max() <= 1
