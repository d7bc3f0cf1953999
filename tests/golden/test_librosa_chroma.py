"""Our chroma and our estimate of the tuning against librosa's, over sounds made by code and real clips.

librosa takes the commonest tuning; where two are equally common, its own rounding decides. Such ties are told by
asking librosa again about spectra that are changed by no more than the rounding of a transform.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
import torch

from img_repr import encode_chroma
from img_repr.core.errors import DegenerateSampleWarning
from img_repr.domains.audio.chroma import chroma_filters
from img_repr.domains.audio.fourier import band_energies
from img_repr.domains.audio.framing import Framing
from img_repr.domains.audio.tuning import estimate_tuning

SHARE = 5e-6
SHARE_DOUBLE = 1e-12
OTHER_TUNING = 0.2  # where librosa's choice of the tuning is a tie
ROUNDING = 2e-7  # of a float32 transform, as a share of its largest magnitude
KINDS = ("noise", "faint noise", "walk", "chirp", "chord", "tone", "square", "click", "silence", "constant", "ending")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_fft=", category=UserWarning)  # librosa on short sounds
        warnings.filterwarnings("ignore", message="Trying to estimate tuning", category=UserWarning)
        warnings.simplefilter("ignore", DegenerateSampleWarning)
        yield


def made(kind: str, rate: int = 22050, length: int = 66_001) -> np.ndarray:
    random, time = np.random.default_rng(length), np.arange(length) / rate
    waves = {
        "noise": lambda: random.normal(size=length) * 0.1,
        "faint noise": lambda: random.normal(size=length) * 1e-6,
        "walk": lambda: random.normal(size=length).cumsum() * 1e-3,
        "chirp": lambda: np.sin(2 * np.pi * (50 * time + 0.05 * rate * time**2)),
        "chord": lambda: np.sum([np.sin(2 * np.pi * hz * time) for hz in (264.0, 330.0, 396.0)], axis=0),
        "tone": lambda: np.sin(2 * np.pi * 443 * time),
        "square": lambda: np.sign(np.sin(2 * np.pi * 220 * time)),
        "click": lambda: np.eye(1, length, length // 3)[0],
        "silence": lambda: np.zeros(length),
        "constant": lambda: np.ones(length),
        "ending": lambda: random.normal(size=length) * (time < 1.0),
    }
    return waves[kind]().astype(np.float32)


def spectra(wave: np.ndarray, **options: int) -> np.ndarray:
    return np.abs(librosa.stft(wave, **options)) ** 2


def is_clear(powers: np.ndarray, rate: int) -> bool:
    """Whether librosa's choice outlasts the rounding of a transform."""
    chosen = librosa.estimate_tuning(S=powers, sr=rate)
    random, magnitudes = np.random.default_rng(0), np.sqrt(powers)
    for _ in range(4):
        noise = ROUNDING * magnitudes.max(axis=0) * random.normal(size=powers.shape)
        if librosa.estimate_tuning(S=((magnitudes + noise) ** 2).astype(powers.dtype), sr=rate) != chosen:
            return False
    return True


def compare(wave: np.ndarray, rate: int) -> bool:
    """Hold our chroma against librosa's; tell whether the tuning was clear."""
    clear = is_clear(spectra(wave), rate)
    expected = librosa.feature.chroma_stft(y=wave, sr=rate)
    found = encode_chroma(wave, sample_rate_hz=rate)
    assert found.shape == expected.shape
    assert found.dtype == wave.dtype
    difference = np.abs(found - expected).max()
    assert difference <= (SHARE if clear else OTHER_TUNING)
    assert found.min() >= 0.0
    assert found.max() <= 1.0
    if clear:
        ours = band_energies(torch.from_numpy(wave)[None], Framing.of("test", rate))[0]
        assert estimate_tuning(ours, Framing.of("test", rate), 12) == librosa.estimate_tuning(S=spectra(wave), sr=rate)
        image = encode_chroma(wave, sample_rate_hz=rate, dtype="uint8")
        assert np.abs(image - np.round(expected * 255.0)).max() <= 1
    return clear


@pytest.mark.parametrize("tuning", [0.0, -0.5, 0.37])
@pytest.mark.parametrize("n_chroma", [1, 7, 12, 24, 36])
@pytest.mark.parametrize(("rate", "n_fft"), [(8000, 256), (22050, 2048), (44100, 4096), (22050, 2047), (22050, 2)])
def test_filters_are_identical(rate, n_fft, n_chroma, tuning):
    expected = librosa.filters.chroma(sr=rate, n_fft=n_fft, n_chroma=n_chroma, tuning=tuning)
    found = chroma_filters(Framing(n_fft, n_fft, 512, rate), n_chroma, tuning).filters
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("rate", [4000, 8000, 22050, 44100])
@pytest.mark.parametrize("kind", KINDS)
def test_sounds_made_by_code(kind, rate):
    assert compare(made(kind, rate), rate) or kind in ("click", "chirp")


@pytest.mark.parametrize("n_chroma", [12, 24, 5])
@pytest.mark.parametrize("n_fft", [256, 2048, 4096])
@pytest.mark.parametrize("kind", KINDS)
def test_from_the_same_spectra_comes_the_same_tuning(kind, n_fft, n_chroma):
    """Every rounding of librosa's is met, so that even a tie is decided as there."""
    for dtype in (np.float32, np.float64):
        powers = spectra(made(kind).astype(dtype), n_fft=n_fft)
        expected = librosa.estimate_tuning(S=powers, sr=22050, bins_per_octave=n_chroma)
        assert estimate_tuning(torch.from_numpy(powers), Framing(n_fft, n_fft, 512, 22050), n_chroma) == expected


@pytest.mark.parametrize("rate", [150, 300, 320, 1000, 500_000])
def test_tuning_at_the_bounds_of_the_frequency_range(rate):
    powers = spectra(made("noise"))
    expected = librosa.estimate_tuning(S=powers, sr=rate)
    assert estimate_tuning(torch.from_numpy(powers), Framing(2048, 2048, 512, rate), 12) == expected


@pytest.mark.parametrize("length", [1, 2, 511, 512, 513, 1024, 5000, 30_011])
def test_lengths(length):
    compare(made("noise", length=length), 22050)


@pytest.mark.parametrize("kind", sorted({*KINDS} - {"click"}))
def test_float64(kind):
    wave = made(kind).astype(np.float64)
    found = encode_chroma(wave, sample_rate_hz=22050)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, librosa.feature.chroma_stft(y=wave, sr=22050), atol=SHARE_DOUBLE, rtol=0)


@pytest.mark.parametrize(
    "options",
    [
        {"tuning": 0.0},
        {"tuning": -0.21},
        {"n_chroma": 24},
        {"n_chroma": 36, "tuning": 0.0},
        {"n_fft": 4096},
        {"n_fft": 1024, "hop_length": 100},
        {"n_fft": 2048, "win_length": 551, "hop_length": 220},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["walk", "chord", "noise"])
def test_options(kind, options):
    wave = made(kind)
    expected = librosa.feature.chroma_stft(y=wave, sr=22050, **options)
    found = encode_chroma(wave, sample_rate_hz=22050, **options)
    np.testing.assert_allclose(found, expected, atol=SHARE, rtol=0)


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize(("pattern", "step"), [("esc10/*/*.ogg", 25), ("fsdd/recordings/*.wav", 50)])
def test_real_clips(data_folder: Path, pattern, step):
    files = sorted(data_folder.glob(pattern))[::step]
    assert files
    clear = 0
    for file in files:
        wave, rate = soundfile.read(file, dtype="float32")
        clear += compare(wave, rate)
    assert clear >= 0.6 * len(files)
