"""The log-mel spectrogram as a function of the package: input, images, lengths; librosa's stand in the golden tests."""

import numpy as np
import pytest
import torch

from img_repr import encode_melspectrogram, get_encoder
from img_repr.core.cells import cells_to_pixels
from img_repr.core.errors import DegenerateSampleWarning, NotFittedError, ParameterError, SampleError
from img_repr.domains.audio.recording import Recording, make_recordings

RATE = 8000
SMALL = {"sample_rate_hz": RATE, "n_fft": 256, "hop_length": 64, "n_mels": 20}


@pytest.fixture
def waves(random):
    return random.normal(size=(3, 4000)).astype(np.float32) * 0.1


def test_kinds_of_input_agree(waves):
    expected = encode_melspectrogram(waves, **SMALL)
    assert expected.shape == (3, 20, 63)
    assert expected.dtype == np.float32
    for same in (list(waves), waves[:, ::-1].copy()[:, ::-1], waves.astype(">f4"), np.asfortranarray(waves)):
        np.testing.assert_array_equal(encode_melspectrogram(same, **SMALL), expected)
    np.testing.assert_array_equal(encode_melspectrogram([Recording(one, RATE) for one in waves], **SMALL), expected)
    for same in (torch.from_numpy(waves), list(torch.from_numpy(waves))):
        images = encode_melspectrogram(same, **SMALL)
        assert isinstance(images, torch.Tensor)
        np.testing.assert_array_equal(images.numpy(), expected)
    np.testing.assert_array_equal(encode_melspectrogram(waves[None], **SMALL), expected[None])
    np.testing.assert_array_equal(encode_melspectrogram(waves[0], **SMALL), expected[0])
    np.testing.assert_array_equal(encode_melspectrogram(Recording(waves[0], RATE), **SMALL), expected[0])
    np.testing.assert_allclose(encode_melspectrogram(waves[0].tolist(), **SMALL), expected[0], atol=1e-3)


@pytest.mark.parametrize(
    ("dtype", "full_scale", "zero"), [(np.int16, 2**15, 0), (np.int32, 2**31, 0), (np.uint8, 128, 128)]
)
def test_pcm_is_scaled_to_one(waves, dtype, full_scale, zero):
    pcm = (np.round(waves.astype(np.float64) * full_scale) + zero).astype(dtype)
    floats = ((pcm.astype(np.float64) - zero) / full_scale).astype(np.float32)
    np.testing.assert_allclose(encode_melspectrogram(pcm, **SMALL), encode_melspectrogram(floats, **SMALL), atol=1e-5)


def test_a_image_is_the_mean_over_areas_with_the_lowest_band_at_the_bottom(waves):
    matrix = encode_melspectrogram(waves[0].astype(np.float64), **SMALL)
    rows = cells_to_pixels(np.arange(20) + 0.5, 20.0, 7)[::-1]
    columns = cells_to_pixels(np.arange(63) * 64.0, 4000.0, 11)
    image = encode_melspectrogram(waves[0].astype(np.float64), **SMALL, size=(7, 11))
    np.testing.assert_allclose(image, rows @ matrix @ columns.T, atol=1e-9)


def test_bands_are_rows_where_nothing_else_is_said(waves):
    assert encode_melspectrogram(waves, sample_rate_hz=RATE).shape == (3, 128, 8)
    assert encode_melspectrogram(waves, sample_rate_hz=RATE, preset="speech").shape == (3, 80, 51)
    options = SMALL | {"n_mels": None}
    forty = encode_melspectrogram(waves, **options, size=(40, 63))
    np.testing.assert_array_equal(forty, encode_melspectrogram(waves, **options | {"n_mels": 40}, size=(40, 63)))


def test_lengths_remove_padding(waves):
    padded = waves.copy()
    padded[1, 2500:] = 9.0
    found = encode_melspectrogram(padded, **SMALL, lengths=[4000, 2500, 4000])
    np.testing.assert_array_equal(found[1, :, :40], encode_melspectrogram(waves[1, :2500], **SMALL))
    assert (found[1, :, 40:] == -80.0).all()
    np.testing.assert_array_equal(found[[0, 2]], encode_melspectrogram(waves[[0, 2]], **SMALL))


@pytest.mark.parametrize("lengths", [[4000], [0, 1, 1], [4001, 1, 1], [1.0, 2.0, 3.0], 4000])
def test_wrong_lengths(waves, lengths):
    with pytest.raises(ParameterError, match=r"^melspectrogram: expected"):
        encode_melspectrogram(waves, **SMALL, lengths=lengths)


def test_duration_cuts_and_continues_with_silence(waves):
    short, long = waves[0, :1000], waves[0]
    both = encode_melspectrogram([short, long], **SMALL, duration_s=0.25)
    assert both.shape == (2, 20, 32)
    np.testing.assert_array_equal(both[0], encode_melspectrogram(np.pad(short, (0, 1000)), **SMALL))
    np.testing.assert_array_equal(both[1], encode_melspectrogram(long[:2000], **SMALL))


def test_duration_is_fitted_on_training_part():
    recordings = make_recordings(40)
    encoder = get_encoder("melspectrogram", duration_s="fit", size=16)
    with pytest.raises(NotFittedError):
        encoder(recordings)
    fitted = encoder.fit(recordings)
    lengths = [one.duration_s for one in recordings]
    learned = fitted.all_parameters["duration_s"]
    assert np.mean(np.array(lengths) <= learned) == pytest.approx(0.95, abs=0.03)
    assert fitted(make_recordings(3, seed=9)).shape == (3, 1, 16, 16)


def test_a_recording_of_another_rate_is_resampled():
    tone = np.sin(2 * np.pi * 500 * np.arange(16000) / 16000).astype(np.float32)
    low = Recording(tone[::2].copy(), RATE)
    images = encode_melspectrogram([Recording(tone, 16000), low], **SMALL)
    np.testing.assert_array_equal(images[:, :, 60].argmax(axis=1), images[1, :, 60].argmax())
    with pytest.raises(ParameterError, match=r"^melspectrogram: expected sample_rate_hz= .* got 8000 to 16000 Hz"):
        encode_melspectrogram([Recording(tone, 16000), low])


def test_gain_and_sign_do_not_matter(waves):
    exact = waves.astype(np.float64)
    np.testing.assert_allclose(
        encode_melspectrogram(-12.0 * exact, **SMALL), encode_melspectrogram(exact, **SMALL), atol=1e-9
    )


def test_depth(waves):
    shallow = encode_melspectrogram(waves, **SMALL, top_db=6.0)
    np.testing.assert_array_equal(shallow, np.maximum(encode_melspectrogram(waves, **SMALL), -6.0))
    assert get_encoder("melspectrogram", top_db=6.0).value_range == (-6.0, 0.0)


def test_silence_is_counted_and_zero(waves):
    waves[[0, 2]] = 0.0
    with pytest.warns(DegenerateSampleWarning, match=r"^melspectrogram: 2 of 3 recordings \(first: number 0\)"):
        images = encode_melspectrogram(waves, **SMALL)
    assert not images[[0, 2]].any()
    with pytest.warns(DegenerateSampleWarning, match="1 of 1"):
        encode_melspectrogram(np.full((1, 50), 128, np.uint8), **SMALL)


def test_a_gradient_reaches_the_waveform(waves):
    followed = torch.from_numpy(waves).requires_grad_()
    images = encode_melspectrogram(followed, **SMALL, size=16, delta=1)
    plain = encode_melspectrogram(waves, **SMALL, size=16, delta=1)
    np.testing.assert_allclose(images.detach(), plain, atol=1e-3)
    images.square().sum().backward()
    assert followed.grad.isfinite().all()
    assert followed.grad.abs().amax(dim=1).min() > 0


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (np.array([0.0, np.nan]), "NaN in recording number 0"),
        (np.array([[0.0, 1.0], [np.inf, 0.0]]), "infinity in recording number 1"),
        ([np.ones(3), np.ones(0)], "none in number 1"),
        (np.ones((0, 5)), "got none"),
        (np.ones((2, 2, 2, 2)), "shape"),
        ([np.ones((2, 2))], "shapes"),
        (np.ones(5, np.complex64), "complex|array"),
        (np.array(["a"]), "got"),
        (Recording(np.ones((2, 9)), RATE), "average the channels first"),
        ([Recording(np.ones(9), RATE), np.ones(9)], "only recordings"),
        (Recording(np.ones(9), 0), "samples per second, got 0"),
    ],
)
def test_rejects_invalid_recordings(bad, said):
    with pytest.raises(SampleError, match=rf"^melspectrogram: expected .*({said})"):
        encode_melspectrogram(bad, **SMALL)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sample_rate_hz": None}, "sample_rate_hz= for plain waveforms"),
        ({"sample_rate_hz": 8000.5}, "sample_rate_hz"),
        ({"n_mels": 0}, "n_mels"),
        ({"fmax_hz": 5000.0}, "fmax_hz"),
        ({"duration_s": 0}, "duration_s"),
        ({"size": (4, 4, 4)}, "size"),
        ({"top_db": -1}, "top_db"),
        ({"delta": 4}, "delta"),
        ({"hop_ms": 3.0}, "hop_length or hop_ms"),
    ],
)
def test_rejects_invalid_options(waves, options, said):
    with pytest.raises(ParameterError, match=rf"^melspectrogram: expected .*{said}"):
        encode_melspectrogram(waves, **SMALL | options)
