"""Our constant-Q transform against librosa's, in decibels, over sounds made by code and real clips; and its resampler.

librosa's soxr computes in float32 even for float64 samples: most of the small differences are its rounding.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
import soxr
import torch

from img_repr import encode_cqt
from img_repr.core.errors import DegenerateSampleWarning, ParameterError
from img_repr.domains.audio.octaves import lower_rate

SOUND_DB = 0.03  # sounds
EMPTY_DB = 0.5  # nearly all energy outside the bins: rounding is all that is seen
END_DB = 3.0  # columns at the ends, where librosa lowers the rate by four or more in one step


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_fft=", category=UserWarning)  # librosa on short sounds
        warnings.simplefilter("ignore", DegenerateSampleWarning)
        yield


def theirs(wave: np.ndarray, rate: int, **options) -> np.ndarray:
    magnitudes = np.abs(librosa.cqt(wave, sr=rate, tuning=0.0, **options))
    return librosa.amplitude_to_db(magnitudes, ref=np.max, top_db=80)


def differences(wave: np.ndarray, rate: int, ours: dict | None = None, **options) -> np.ndarray:
    expected = theirs(wave, rate, **options)
    found = encode_cqt(wave, sample_rate_hz=rate, **(options if ours is None else ours))
    assert found.shape == expected.shape
    assert found.dtype == wave.dtype
    return np.abs(found - expected)


def made(kind: str, rate: int, length: int) -> np.ndarray:
    random, time = np.random.default_rng(length), np.arange(length) / rate
    waves = {
        "noise": lambda: random.normal(size=length) * 0.1,
        "faint noise": lambda: random.normal(size=length) * 1e-3,
        "walk": lambda: random.normal(size=length).cumsum() * 1e-3,
        "chirp": lambda: np.sin(2 * np.pi * (50 * time + 0.1 * rate * time**2)),
        "tone": lambda: np.sin(2 * np.pi * 440 * time),
        "click": lambda: np.eye(1, length, length // 3)[0],
        "click at the start": lambda: np.eye(1, length)[0],
        "silence": lambda: np.zeros(length),
        "constant": lambda: np.ones(length),
        "tone above all bins": lambda: np.sin(2 * np.pi * 0.45 * rate * time),
    }
    return waves[kind]().astype(np.float32)


@pytest.mark.parametrize("rate", [16000, 22050, 44100])
@pytest.mark.parametrize(
    ("kind", "bound"),
    [
        ("noise", SOUND_DB),
        ("faint noise", SOUND_DB),
        ("walk", SOUND_DB),
        ("chirp", SOUND_DB),
        ("tone", SOUND_DB),
        ("click", SOUND_DB),
        ("click at the start", SOUND_DB),
        ("silence", 0.0),
        ("constant", EMPTY_DB),
        ("tone above all bins", EMPTY_DB),
    ],
)
def test_sounds_made_by_code(kind, bound, rate):
    assert differences(made(kind, rate, rate + 77), rate).max() <= bound


@pytest.mark.parametrize("length", [1, 2, 511, 512, 513, 5000, 11025, 11026, 11027])
def test_lengths(length):
    assert differences(made("noise", 22050, length), 22050).max() <= SOUND_DB
    if length > 1:  # librosa refuses one sample here, because it halves the rate first
        assert differences(made("noise", 44100, length), 44100).max() <= SOUND_DB


@pytest.mark.parametrize(
    "options",
    [
        {"hop_length": 64},
        {"hop_length": 100},
        {"hop_length": 441},
        {"hop_length": 1024},
        {"n_bins": 75},
        {"n_bins": 60, "fmin": 110.0},
        {"n_bins": 90, "fmin": 40.0, "bins_per_octave": 24, "hop_length": 256},
        {"n_bins": 1, "fmin": 3000.0},
        {"n_bins": 4, "bins_per_octave": 1, "fmin": 500.0},
    ],
    ids=str,
)
def test_options(options):
    ours = {"fmin_hz" if word == "fmin" else word: value for word, value in options.items()}
    assert differences(made("walk", 22050, 30001), 22050, ours, **options).max() <= SOUND_DB


@pytest.mark.parametrize(("rate", "bins"), [(4000, 71), (8000, 83), (22050, 101)])
def test_as_many_bins_fit_as_in_librosa(rate, bins):
    wave = made("noise", rate, 9000)
    ours = {"n_bins": bins} if bins > 84 else {}
    assert differences(wave, rate, ours, n_bins=bins).max() <= SOUND_DB
    with pytest.raises(librosa.ParameterError, match="Nyquist"):
        theirs(wave, rate, n_bins=bins + 1)
    with pytest.raises(ParameterError, match=f"at most {bins} bins fit"):
        encode_cqt(wave, sample_rate_hz=rate, n_bins=bins + 1)


def test_float64():
    assert differences(made("noise", 22050, 20000).astype(np.float64), 22050).max() <= SOUND_DB


@pytest.mark.parametrize(
    ("rate", "options"), [(96000, {}), (192000, {}), (22050, {"n_bins": 12}), (44100, {"n_bins": 36})], ids=str
)
def test_rates_that_librosa_lowers_by_much_in_one_step(rate, options):
    wave = made("noise", rate, rate + 77)
    ends = int(np.ceil(17.0 / librosa.note_to_hz("C1") / 2 * rate / 512))  # half the longest wavelet, in columns
    found = differences(wave, rate, **options)
    assert found.max() <= END_DB
    assert found[:, ends:-ends].max() <= 0.1


@pytest.mark.parametrize("length", [1, 2, 3, 600, 1660, 1661, 3320, 50001])
def test_halving_is_soxr(length):
    wave = np.random.default_rng(length).normal(size=length)
    expected = librosa.resample(wave, orig_sr=2, target_sr=1, res_type="soxr_hq")
    np.testing.assert_allclose(lower_rate(torch.from_numpy(wave)[None], 1)[0], expected, atol=5e-6)


def step_of(values: np.ndarray) -> np.ndarray:
    return np.round((values + 80.0) * (255.0 / 80.0))


def close(wave: np.ndarray, rate: int, **options) -> None:
    assert differences(wave, rate, {}, **options).max() <= SOUND_DB
    image = encode_cqt(wave, sample_rate_hz=rate, dtype="uint8")
    assert np.abs(image - step_of(theirs(wave, rate, **options))).max() <= 1


@pytest.mark.slow
@pytest.mark.data
def test_clips_of_esc10(data_folder: Path):
    files = sorted(data_folder.glob("esc10/*/*.ogg"))[::20]
    assert files
    for file in files:
        wave, rate = soundfile.read(file, dtype="float32")
        close(wave, rate)
        close(soxr.resample(wave, rate, 22050, quality="soxr_hq"), 22050)


@pytest.mark.slow
@pytest.mark.data
def test_digits_of_fsdd(data_folder: Path):
    files = sorted(data_folder.glob("fsdd/recordings/*.wav"))[::75]
    assert files
    for file in files:
        wave, rate = soundfile.read(file, dtype="float32")
        close(wave, rate, n_bins=83)
        close(soxr.resample(wave, rate, 22050, quality="soxr_hq"), 22050)
