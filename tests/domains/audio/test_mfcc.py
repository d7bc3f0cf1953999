"""Cepstral coefficients against scipy's transform, and their normalization; librosa's stand in the golden tests."""

import numpy as np
import pytest
import scipy.fft
import torch

from img_repr import encode_mfcc, get_encoder
from img_repr.core.errors import DegenerateSampleWarning, ParameterError
from img_repr.domains.audio.decibels import above_one
from img_repr.domains.audio.filterbank import mel_filters
from img_repr.domains.audio.fourier import band_energies
from img_repr.domains.audio.framing import Framing

RATE = 16000
SPEECH = {"sample_rate_hz": RATE, "preset": "speech"}


@pytest.fixture
def wave(random):
    return random.normal(size=9000) * np.geomspace(1.0, 1e-2, 9000)


def by_scipy(wave: np.ndarray, n_mfcc: int, n_mels: int = 80) -> np.ndarray:
    framing = Framing(512, 400, 160, RATE)
    energies = band_energies(torch.from_numpy(wave)[None], framing, mel_filters("test", framing, n_mels))
    return scipy.fft.dct(above_one(energies, 80.0)[0].numpy(), axis=0, type=2, norm="ortho")[:n_mfcc]


@pytest.mark.parametrize("n_mfcc", [1, 13, 80])
def test_coefficients(wave, n_mfcc):
    np.testing.assert_allclose(encode_mfcc(wave, **SPEECH, n_mfcc=n_mfcc), by_scipy(wave, n_mfcc), atol=1e-9)


def test_numbers_of_coefficients(wave):
    assert encode_mfcc(wave, **SPEECH).shape == (20, 57)
    assert encode_mfcc(wave, **SPEECH, n_mels=12).shape == (12, 57)
    coefficients = by_scipy(wave, 32)
    along_time = encode_mfcc(wave, **SPEECH, size=(32, 1))[::-1, 0]  # coefficient 0 is at the bottom
    np.testing.assert_allclose(along_time[:20], coefficients.mean(axis=1)[:20], atol=8)
    assert along_time.argmin() == 0
    higher = encode_mfcc(wave, **SPEECH, size=(160, 5))  # 80 coefficients on 160 rows
    assert np.unique(higher[::2], axis=0).shape == (80, 5)


def test_liftering(wave):
    weights = 1 + 22 / 2 * np.sin(np.pi * np.arange(1, 14) / 22)
    expected = by_scipy(wave, 13) * weights[:, None]
    np.testing.assert_allclose(encode_mfcc(wave, **SPEECH, n_mfcc=13, lifter=22), expected, atol=1e-9)


def test_normalized_coefficients_have_mean_zero_and_deviation_one(wave):
    normal = encode_mfcc(wave, **SPEECH, cmvn=True)
    np.testing.assert_allclose(normal.mean(axis=1), 0.0, atol=1e-12)
    np.testing.assert_allclose(normal.std(axis=1), 1.0, atol=1e-12)
    for plain, row in zip(encode_mfcc(wave, **SPEECH), normal, strict=True):
        assert np.corrcoef(plain, row)[0, 1] == pytest.approx(1.0)


def test_normalized_coefficients_do_not_know_the_gain(wave):
    options = SPEECH | {"cmvn": True}
    np.testing.assert_allclose(encode_mfcc(30.0 * wave, **options), encode_mfcc(wave, **options), atol=1e-9)
    plain = encode_mfcc(30.0 * wave, **SPEECH) - encode_mfcc(wave, **SPEECH)
    np.testing.assert_allclose(plain[0], 20 * np.log10(30.0) * np.sqrt(80), atol=1e-9)
    np.testing.assert_allclose(plain[1:], 0.0, atol=1e-9)


def test_a_batch_is_normalized_one_by_one(wave):
    quiet = 1e-3 * wave[::-1].copy()
    both = encode_mfcc([wave, quiet[:5000]], **SPEECH, cmvn=True)
    np.testing.assert_array_equal(both[0], encode_mfcc(wave, **SPEECH, cmvn=True))
    np.testing.assert_array_equal(both[1, :, :32], encode_mfcc(quiet[:5000], **SPEECH, cmvn=True))
    assert not both[1, :, 32:].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cmvn_of_constant_coefficient_is_zero(random, dtype):
    """The rounding of a constant is not blown up to deviation one."""
    for length in range(1, 9000, 450):
        faint = (1e-9 * random.normal(size=length)).astype(dtype)  # every band is below what counts
        assert np.abs(encode_mfcc(faint, **SPEECH)).max() > 800
        assert not encode_mfcc(faint, **SPEECH, cmvn=True).any()
    with pytest.warns(DegenerateSampleWarning, match="silent"):
        silent = encode_mfcc(np.zeros(8000, dtype), **SPEECH, cmvn=True)
    assert not silent.any()


def test_silence_is_coefficient_zero_alone():
    with pytest.warns(DegenerateSampleWarning, match="silent"):
        silent = encode_mfcc(np.zeros(800), **SPEECH)
    np.testing.assert_allclose(silent[0], -100 * np.sqrt(80))
    np.testing.assert_allclose(silent[1:], 0.0, atol=1e-9)


def test_deltas_are_those_of_normalized_coefficients(wave):
    normal, speed = (encode_mfcc(wave, **SPEECH, cmvn=True, delta=order) for order in (0, 1))
    slopes = np.polyfit(np.arange(9), normal[:, 20:29].T, 1)[0]
    np.testing.assert_allclose(speed[:, 24], slopes, atol=1e-12)


def test_contract_images_keep_zero_in_the_middle(wave):
    for cmvn in (False, True):
        image = get_encoder("mfcc", cmvn=cmvn, **SPEECH)(wave[None], dtype="float64")[0, 0]
        values = encode_mfcc(wave, **SPEECH, cmvn=cmvn)
        np.testing.assert_allclose(image, 0.5 + values / np.abs(values).max() / 2, atol=1e-12)
        shades = len(np.unique(np.round(255 * image[1:])))
        assert shades > 100 if cmvn else shades < 100  # next to the level of the sound the rest is gray


def test_a_gradient_reaches_the_waveform(wave):
    waves = torch.from_numpy(np.stack([wave, np.ones_like(wave)])).requires_grad_()
    images = encode_mfcc(waves, **SPEECH, cmvn=True)
    np.testing.assert_allclose(images.detach()[0], encode_mfcc(wave, **SPEECH, cmvn=True), atol=1e-9)
    images.square().sum(dim=1)[:, :5].sum().backward()
    assert waves.grad.isfinite().all()
    assert waves.grad[0].abs().max() > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_mfcc": 81}, "n_mfcc of at most n_mels = 80, got 81"),
        ({"n_mfcc": 0}, "n_mfcc"),
        ({"n_mfcc": 1.0}, "n_mfcc"),
        ({"n_mels": True}, "n_mels"),
        ({"n_mels": -3}, "n_mels"),
        ({"lifter": -1}, "lifter"),
        ({"lifter": float("nan")}, "lifter"),
        ({"lifter": "22"}, "lifter"),
        ({"cmvn": 1}, "cmvn to be True or False, got 1"),
        ({"fmax_hz": 9000.0}, "fmax_hz"),
        ({"top_db": None}, "top_db"),
        ({"delta": -1}, "delta"),
    ],
)
def test_rejects_invalid_options(wave, options, said):
    with pytest.raises(ParameterError, match=rf"^mfcc: expected .*{said}"):
        encode_mfcc(wave, **SPEECH, **options)
