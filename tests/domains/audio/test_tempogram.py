"""Tempogram: beats, images, refusals. Its numbers are held against librosa's in tests/golden."""

import numpy as np
import pytest
import torch

from img_repr import encode_tempogram, get_encoder
from img_repr.core.errors import DegenerateSampleWarning, ParameterError, SampleError
from img_repr.domains.audio.recording import Recording, make_recordings
from img_repr.domains.audio.tempogram import self_similarity

RATE, HOP = 22050, 512


def beats(hops: int, duration_s: float = 8.0) -> np.ndarray:
    """Clicks at even distances, each a little noise."""
    length = round(duration_s * RATE)
    random = np.random.default_rng(hops)
    wave = np.zeros(length, np.float32)
    for start in range(0, length - 200, hops * HOP):
        wave[start : start + 200] = random.normal(size=200)
    return wave


@pytest.mark.parametrize("hops", [15, 20, 33])
def test_beats_peak_at_their_lag(hops):
    image = encode_tempogram(beats(hops), sample_rate_hz=RATE)[:, 172]
    assert abs(int(image[8 : 2 * hops - 4].argmax()) + 8 - hops) <= 1
    assert image[hops] > 0.7
    assert image[2 * hops] > 0.5
    assert image[hops // 2] < 0.2


def test_a_change_of_tempo_shows_where_it_is():
    image = encode_tempogram(np.concatenate([beats(15), beats(33)]), sample_rate_hz=RATE, n_lags=96)
    half = image.shape[1] // 2
    assert (image[15, 60 : half - 60] > 0.5).all()
    assert (image[15, half + 60 : -60] < 0.2).all()
    assert (image[33, half + 60 : -60] > 0.3).all()


def test_zero_lag_is_one_and_silence_is_zero():
    wave = np.concatenate([np.zeros(20 * RATE, np.float32), beats(20, 2.0)])
    image = encode_tempogram(wave, sample_rate_hz=RATE)
    assert set(np.unique(image[0])) == {0.0, 1.0}
    assert not image[:, : 20 * RATE // HOP - 200].any()
    assert image[0, 20 * RATE // HOP :].all()
    with pytest.warns(DegenerateSampleWarning, match="tempogram: 1 of 1 recordings"):
        assert not encode_tempogram(np.zeros(5000), sample_rate_hz=RATE).any()


@pytest.mark.parametrize("n_lags", [2, 5, 16, 33])
@pytest.mark.parametrize("count", [1, 2, 10, 300])
def test_self_similarity_is_the_sum_of_products(n_lags, count):
    strength = np.random.default_rng(count).random((1, count))
    half = n_lags // 2
    padded = np.pad(strength[0], half, mode="linear_ramp")
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_lags) / n_lags)
    expected = np.empty((n_lags, count))
    for moment in range(count):
        seen = padded[moment : moment + n_lags] * hann
        expected[:, moment] = [seen[: n_lags - lag] @ seen[lag:] for lag in range(n_lags)]
        expected[:, moment] /= expected[0, moment]
    np.testing.assert_allclose(self_similarity(torch.from_numpy(strength), n_lags)[0], expected, atol=1e-12)


def test_does_not_depend_on_sign_and_batch():
    recordings = make_recordings(6, seed=3)
    together = encode_tempogram(recordings, size=32)
    for number, recording in enumerate(recordings):
        turned = Recording(-recording.waveform, recording.sample_rate_hz)
        np.testing.assert_array_equal(encode_tempogram(turned, size=32), together[number])


def test_recordings_of_unequal_length():
    short, long = beats(20, 1.0), beats(20, 3.0)
    images = encode_tempogram([short, long], sample_rate_hz=RATE)
    alone = encode_tempogram(short, sample_rate_hz=RATE)
    np.testing.assert_array_equal(images[0, :, : alone.shape[1]], alone)
    assert not images[0, :, alone.shape[1] :].any()


def test_image_has_the_shortest_lag_at_the_bottom():
    image = get_encoder("tempogram", size=384, sample_rate_hz=RATE)(beats(20))[0, 0]
    assert (image[-1] > 0.99).all()
    assert image[383 - 20, 150:230].mean() > 0.7


@pytest.mark.parametrize("length", [30_000, 200_000])
def test_gradient(length):
    wave = beats(20, 10.0)[:length]
    waves = torch.from_numpy(np.stack([wave, wave[::-1].copy()])).requires_grad_()
    images = encode_tempogram(waves, sample_rate_hz=RATE)
    images.sum().backward()
    assert waves.grad is not None
    assert waves.grad.isfinite().all()
    assert waves.grad.abs().max() > 0
    expected = encode_tempogram(waves.detach(), sample_rate_hz=RATE)
    torch.testing.assert_close(images.detach(), expected, atol=5e-6, rtol=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_gpu_agrees():
    waves = torch.from_numpy(np.stack([beats(20), beats(33)]))
    found = encode_tempogram(waves.cuda(), sample_rate_hz=RATE)
    assert found.is_cuda
    torch.testing.assert_close(found.cpu(), encode_tempogram(waves, sample_rate_hz=RATE), atol=2e-5, rtol=0)


@pytest.mark.parametrize("value", [1, 0, -3, 2.5, True, "many"])
def test_wrong_lags(value):
    with pytest.raises(ParameterError, match=r"^tempogram: expected n_lags ") as error:
        encode_tempogram(beats(20), sample_rate_hz=RATE, n_lags=value)
    assert "\n" not in str(error.value)


def test_silence_is_blank():
    with pytest.raises(SampleError, match=r"^tempogram: expected at least one sample"):
        encode_tempogram(np.empty(0, np.float32), sample_rate_hz=RATE)
