"""Our images against librosa's, sound by sound: made ones at four sample rates, and real clips.

librosa transforms in float64 whatever comes and keeps the rest in the dtype that came. Ours, given float64, are held
to its float64; given float32, to its float32, with the bounds that the encoders state.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
import soundfile
from scipy.signal import chirp

from img_repr import encode_melspectrogram, encode_mfcc, encode_pcen, encode_stft, get_encoder
from img_repr.core.cells import cells_to_pixels
from img_repr.core.errors import DegenerateSampleWarning
from img_repr.domains.audio.filterbank import mel_filters
from img_repr.domains.audio.framing import Framing

FLOAT64 = 1e-8  # decibels, coefficients, and the numbers of PCEN
RATES = [8000, 16000, 22050, 44100]
every_rate = pytest.mark.parametrize("rate", RATES)


@dataclass(frozen=True)
class Pair:
    """An encoder, librosa's way to the same matrix, and how far apart they may be in float32."""

    encode: Callable[..., Any]
    peer: Callable[..., np.ndarray]
    float32: float
    relative: bool = False

    def check(
        self, wave: np.ndarray, rate: int, what: str, ours: dict[str, Any], theirs: dict[str, Any], slack: float = 1.0
    ) -> None:
        for dtype in (np.float32, np.float64):
            found = self.encode(wave.astype(dtype), sample_rate_hz=rate, **ours)
            expected = self.peer(wave.astype(dtype), rate, **theirs)
            assert found.dtype == dtype
            assert found.shape == expected.shape
            bound = FLOAT64 if dtype == np.float64 else slack * self.float32
            if self.relative and dtype == np.float32:
                bound = bound * np.abs(expected)
            assert (np.abs(found - expected) <= bound).all(), (what, np.abs(found - expected).max())


def mel_by_librosa(wave: np.ndarray, rate: int, **options: Any) -> np.ndarray:
    return librosa.power_to_db(librosa.feature.melspectrogram(y=wave, sr=rate, **options), ref=np.max, top_db=80)


def stft_by_librosa(wave: np.ndarray, rate: int, **options: Any) -> np.ndarray:
    return librosa.amplitude_to_db(np.abs(librosa.stft(wave, **options)), ref=np.max, top_db=80)


def mfcc_by_librosa(wave: np.ndarray, rate: int, **options: Any) -> np.ndarray:
    return librosa.feature.mfcc(y=wave, sr=rate, **options)


def pcen_by_librosa(wave: np.ndarray, rate: int, hop_length: int = 512, **options: Any) -> np.ndarray:
    magnitudes = librosa.feature.melspectrogram(y=wave, sr=rate, power=1, hop_length=hop_length, **options)
    return librosa.pcen(magnitudes * 2**31, sr=rate, hop_length=hop_length)


PAIRS = {
    "melspectrogram": Pair(encode_melspectrogram, mel_by_librosa, 1.5e-3),
    "stft": Pair(encode_stft, stft_by_librosa, 7.5e-3),
    "mfcc": Pair(encode_mfcc, mfcc_by_librosa, 1e-3),
    "pcen": Pair(encode_pcen, pcen_by_librosa, 2e-6, relative=True),
}
TRANSFORMED_FAST = ("melspectrogram", "stft", "mfcc")  # in float32
every_pair = pytest.mark.parametrize("name", PAIRS)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateSampleWarning)
        warnings.filterwarnings("ignore", "n_fft=.* is too large", UserWarning)  # librosa on short sounds
        yield


def sounds_of(rate: int) -> dict[str, np.ndarray]:
    """Make float32 sounds of unequal, mostly odd lengths."""
    random = np.random.default_rng(rate)
    time = np.arange(int(0.7 * rate) + 1) / rate
    clicks = np.zeros(9999)
    clicks[[0, 4000, 9998]] = 1.0, -0.5, 1e-3
    sounds = {
        "noise": 0.1 * random.normal(size=rate // 2 + 1),
        "chirp": 0.5 * chirp(time, 40, time[-1], 0.48 * rate),
        "falling chirp": 1e-2 * chirp(time, 0.4 * rate, time[-1], 60, method="logarithmic"),
        "tone": np.sin(2 * np.pi * 440 * time),
        "clicks": clicks,
        "faint noise": 1e-4 * random.normal(size=7001),
        "loud": 30.0 * random.normal(size=5555),
        "silence": np.zeros(4097),
        "one sample": np.array([0.3]),
        "two samples": np.array([0.3, -0.1]),
        "one hop": random.normal(size=512),
        "less than a hop": random.normal(size=511),
    }
    return {name: sound.astype(np.float32) for name, sound in sounds.items()}


@pytest.fixture(scope="module")
def clips(data_folder: Path) -> dict[str, tuple[np.ndarray, int]]:
    """Ten digits of all speakers, and one clip of each class of ESC-10."""
    digits = sorted((data_folder / "fsdd" / "recordings").glob("*.wav"))[::211]
    scenes = [sorted(folder.glob("*.ogg"))[7] for folder in sorted((data_folder / "esc10").glob("[0-9]*"))]
    read = {file.name: soundfile.read(file, dtype="float32", always_2d=True) for file in (*digits, *scenes)}
    assert len(read) == 20
    return {name: (wave.mean(axis=1), rate) for name, (wave, rate) in read.items()}


@pytest.mark.parametrize("htk", [False, True])
@every_rate
def test_mel_filters_are_identical(rate: int, htk: bool) -> None:
    for n_fft in (256, 512, 2048, 4096, 1001):
        for n_mels in (1, 13, 40, 64, 80, 128, 224):
            for fmin, fmax in ((0.0, None), (20.0, None), (300.0, 3400.0), (0.0, 4000.0)):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", UserWarning)  # both warn of empty bands
                    framing = Framing(n_fft, n_fft, 100, rate)
                    ours = mel_filters("golden", framing, n_mels, fmin_hz=fmin, fmax_hz=fmax, htk=htk).filters
                    theirs = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk)
                assert ours.dtype == theirs.dtype
                np.testing.assert_array_equal(ours, theirs)


@every_pair
@every_rate
def test_defaults_on_made_sounds(name: str, rate: int) -> None:
    for what, sound in sounds_of(rate).items():
        PAIRS[name].check(sound, rate, what, {}, {})


@every_pair
@every_rate
def test_pure_tones(name: str, rate: int) -> None:
    """All energy in one place: elsewhere the rounding of a transform in float32 is all that is seen."""
    random = np.random.default_rng(rate)
    for _ in range(8):
        tone = np.sin(2 * np.pi * random.uniform(0.01, 0.48) * np.arange(9001.0))
        tone[random.choice([4500, 9001]) :] = 0.0
        PAIRS[name].check(tone.astype(np.float32), rate, "tone", {}, {}, slack=4.0 if name in TRANSFORMED_FAST else 1.0)


@pytest.mark.data
@every_pair
def test_defaults_on_real_clips(name: str, clips: dict[str, tuple[np.ndarray, int]]) -> None:
    for what, (wave, rate) in clips.items():
        PAIRS[name].check(wave, rate, what, {}, {})


ODD = {"n_fft": 512, "win_length": 301, "hop_length": 97}
SPEECH = {"n_fft": 512, "win_length": 400, "hop_length": 160}
ENVIRONMENT = {"n_fft": 4096, "win_length": 2205, "hop_length": 309}


@every_pair
@pytest.mark.parametrize(
    ("rate", "ours", "theirs"),
    [
        (16000, {"preset": "speech"}, SPEECH),
        (16000, {"window_ms": 25.0, "hop_ms": 10}, SPEECH),
        (44100, {"preset": "environment"}, ENVIRONMENT),
        (44100, {"window_ms": 50, "hop_ms": 7}, ENVIRONMENT),
        (22050, {"n_fft": 1001, "hop_ms": 5.0}, {"n_fft": 1001, "hop_length": 110}),
        (8000, ODD, ODD),
    ],
)
def test_windows(name: str, rate: int, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    if name != "stft":
        bands = {"n_mels": 80} if rate == 16000 else {"n_mels": 40} if rate == 8000 else {}
        theirs = theirs | bands
        ours = ours if ours.get("preset") == "speech" else ours | bands
    sounds = sounds_of(rate)
    for what in ("noise", "chirp", "one sample", "less than a hop"):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*mel bands hold no frequency")
            warnings.filterwarnings("ignore", "Empty filters detected")
            PAIRS[name].check(sounds[what], rate, what, ours, theirs)


@pytest.mark.parametrize(
    ("name", "ours", "theirs"),
    [
        ("melspectrogram", {"fmin_hz": 50.0, "fmax_hz": 7000.0, "htk": True, "n_mels": 40},
         {"fmin": 50.0, "fmax": 7000.0, "htk": True, "n_mels": 40}),
        ("mfcc", {"n_mfcc": 13, "n_mels": 40, "lifter": 22.0, "htk": True},
         {"n_mfcc": 13, "n_mels": 40, "lifter": 22, "htk": True}),
        ("mfcc", {"n_mfcc": 128}, {"n_mfcc": 128}),
        ("pcen", {"n_mels": 64, "fmin_hz": 100.0}, {"n_mels": 64, "fmin": 100.0}),
    ],
)  # fmt: skip
def test_options(name: str, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    for what, sound in sounds_of(22050).items():
        PAIRS[name].check(sound, 22050, what, ours, theirs)


@pytest.mark.parametrize(
    "options",
    [
        {"gain": 0.8, "bias": 10.0, "power": 0.25, "eps": 1e-3},
        {"power": 0.0},
        {"bias": 0.0, "power": 1.0},
        {"gain": 0.0, "bias": 0.0},
    ],
)
def test_options_of_pcen(options: dict[str, float]) -> None:
    for rate in RATES:
        sound = sounds_of(rate)["noise"]
        found = encode_pcen(sound, sample_rate_hz=rate, time_constant_s=0.1, **options)
        magnitudes = librosa.feature.melspectrogram(y=sound, sr=rate, power=1) * 2**31
        np.testing.assert_allclose(
            found, librosa.pcen(magnitudes, sr=rate, time_constant=0.1, **options), rtol=2e-6, err_msg=str(rate)
        )


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", ["melspectrogram", "stft", "mfcc"])
def test_deltas(name: str, order: int) -> None:
    pair = PAIRS[name]
    for what, sound in sounds_of(22050).items():
        matrix = pair.peer(sound.astype(np.float64), 22050)
        width = min(9, matrix.shape[1] - (matrix.shape[1] + 1) % 2)
        expected = librosa.feature.delta(matrix, order=order, width=width) if width >= 3 else np.zeros_like(matrix)
        for dtype, bound in ((np.float32, pair.float32), (np.float64, FLOAT64)):
            found = pair.encode(sound.astype(dtype), sample_rate_hz=22050, delta=order)
            assert np.abs(found - expected).max() <= bound, what


@every_pair
def test_a_batch_of_unequal_sounds_is_each_by_itself(name: str) -> None:
    """Not so in librosa 0.11, whose loudest value is that of the whole batch."""
    pair, sounds = PAIRS[name], sounds_of(16000)
    together = pair.encode(list(sounds.values()), sample_rate_hz=16000)
    for image, (what, sound) in zip(together, sounds.items(), strict=True):
        expected = pair.peer(sound, 16000)
        width = expected.shape[1]
        np.testing.assert_allclose(
            image[:, :width], expected, atol=0 if pair.relative else pair.float32,
            rtol=pair.float32 if pair.relative else 0, err_msg=what,
        )  # fmt: skip
        np.testing.assert_array_equal(image[:, :width], pair.encode(sound, sample_rate_hz=16000), err_msg=what)
        assert len(np.unique(image[:, width:])) <= 1, what


def unit(matrix: np.ndarray, name: str) -> np.ndarray:
    """Map as the contract says it for the declared range."""
    if name == "pcen":
        return matrix / (matrix.max() or 1.0)
    return matrix / np.abs(matrix).max() / 2 + 0.5 if name == "mfcc" else 1.0 + matrix / 80.0


def check_bytes(name: str, wave: np.ndarray, rate: int, what: str) -> None:
    pair = PAIRS[name]
    matrix = pair.peer(wave.astype(np.float64), rate)
    expected = np.round(255.0 * unit(matrix, name))
    found = get_encoder(name, sample_rate_hz=rate)(wave[None], dtype="uint8")[0, 0]
    assert found.dtype == np.uint8
    assert np.abs(found - expected).max() <= 1, what
    columns = cells_to_pixels(np.arange(matrix.shape[1]) * 512.0, float(len(wave)), 50)
    rows = cells_to_pixels(np.arange(len(matrix)) + 0.5, float(len(matrix)), 32)[::-1]
    image = np.round(255.0 * unit(rows @ matrix @ columns.T, name))
    same = {"n_mels": 128, "n_mfcc": 20} if name == "mfcc" else {"n_mels": 128} if name != "stft" else {}
    found = get_encoder(name, sample_rate_hz=rate, size=(32, 50), **same)(wave[None], dtype="uint8")[0, 0]
    assert np.abs(found - image).max() <= 1, what


@every_pair
@every_rate
def test_bytes_of_made_sounds_are_within_one_step(name: str, rate: int) -> None:
    for what, sound in sounds_of(rate).items():
        check_bytes(name, sound, rate, what)


@pytest.mark.data
@every_pair
def test_bytes_of_real_clips_are_within_one_step(name: str, clips: dict[str, tuple[np.ndarray, int]]) -> None:
    for what, (wave, rate) in clips.items():
        check_bytes(name, wave, rate, what)
