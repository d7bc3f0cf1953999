"""Front ends of published networks: each against numbers computed without this package."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from img_repr import encode_melspectrogram, encode_mfcc, get_encoder
from img_repr.core.errors import DegenerateSampleWarning, ParameterError
from img_repr.core.module import EncoderModule
from img_repr.domains.audio.axes import matrix_axes
from img_repr.domains.audio.front_ends import FRONT_ENDS
from img_repr.domains.audio.recording import Recording

GOLDEN = Path(__file__).parents[2] / "golden"
every_preset = pytest.mark.parametrize("preset", FRONT_ENDS)


def encode(wave, preset, **more):
    return encode_melspectrogram(wave, sample_rate_hz=16_000, preset=preset, **more)


@pytest.fixture
def wave(random):
    return (random.normal(size=20_000) * np.exp(-np.arange(20_000) / 6000) * 0.2).astype(np.float32)


def yamnet_by_hand(wave):
    """The description in YAMNet's README, window by window: magnitudes of a periodic Hann window, 64 triangles that are
    linear in mels between 125 and 7500 Hz, log(x + 0.001), silence up to the next whole patch."""
    patches = 1 + max(0, int(np.ceil((len(wave) - 15_600) / 7680)))
    wave = np.pad(wave.astype(np.float64), (0, 15_600 + 7680 * (patches - 1) - len(wave)))

    def mel(hz):
        return 1127.0 * np.log(1.0 + hz / 700.0)

    hz = np.arange(257) * 16_000 / 512
    corners = np.linspace(mel(125.0), mel(7500.0), 66)
    rows = []
    for start in range(0, len(wave) - 399, 160):
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
        magnitudes = np.abs(np.fft.fft(np.pad(wave[start : start + 400] * window, (0, 112)))[:257])
        row = []
        for low, middle, high in zip(corners, corners[1:], corners[2:], strict=False):
            up, down = (mel(hz) - low) / (middle - low), (high - mel(hz)) / (high - middle)
            row.append(np.log(np.sum(magnitudes * np.clip(np.minimum(up, down), 0.0, None)) + 0.001))
        rows.append(row)
    return np.array(rows).T


@pytest.mark.parametrize("length", [1, 5000, 15_600, 15_601, 20_000])
def test_yamnet_is_its_published_description(wave, length):
    expected = yamnet_by_hand(wave[:length])
    assert (expected.shape[1] - 96) % 48 == 0
    np.testing.assert_allclose(encode(wave[:length], "yamnet"), expected, atol=2e-4)
    np.testing.assert_allclose(encode(wave[:length].astype(np.float64), "yamnet"), expected, atol=1e-9)


def test_fbank_is_kaldis():
    """``make_kaldi_fbank.py`` wrote the numbers with torchaudio 2.11."""
    golden = np.load(GOLDEN / "kaldi_fbank.npz")
    np.testing.assert_allclose(encode(golden["wave"], "fbank")[:, ::4], golden["bands"].T, atol=2e-3, rtol=1e-4)


def test_ast_is_fbank_standardized(wave):
    """Mean and standard deviation of AudioSet in the AST authors' repository; they divide by twice the latter."""
    expected = (encode(wave, "fbank") + 4.2677393) / (2 * 4.5689974)
    np.testing.assert_allclose(encode(wave, "ast"), expected, atol=1e-5)


def test_speech_embedding_is_its_published_description(wave):
    """librosa's mel bands of windows centered in 512 samples, as openWakeWord's melspectrogram.onnx has them."""
    import librosa

    silence = 38 * 160  # half a patch on both sides
    pcm = np.pad(wave.astype(np.float64) * 32768, (silence, 12_512 + 16 * 1280 - len(wave) - silence))
    frames = np.stack([pcm[start : start + 512] for start in range(0, len(pcm) - 511, 160)])
    window = np.pad(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400), 56)
    energies = (
        np.abs(np.fft.rfft(frames * window)) ** 2
        @ librosa.filters.mel(sr=16_000, n_fft=512, n_mels=32, fmin=60, fmax=3800).T
    )
    decibels = 10 * np.log10(np.maximum(energies, 1e-10))
    expected = np.maximum(decibels, decibels.max() - 80) / 10 + 2
    assert expected.shape[0] == 76 + 16 * 8
    np.testing.assert_allclose(encode(wave.astype(np.float64), "speech_embedding"), expected.T, atol=1e-5)


@every_preset
def test_an_image_of_the_matrix_size_is_the_matrix_upright(wave, preset):
    matrix = encode(wave, preset)
    np.testing.assert_array_equal(encode(wave, preset, size=matrix.shape), matrix[::-1])
    assert encode(wave, preset, size=(20, 30)).shape == (20, 30)


@every_preset
def test_full_scale_stays_in_the_range(preset):
    low, high = FRONT_ENDS[preset].value_range
    seconds = np.arange(16_000) / 16_000
    for wave in (np.ones(16_000), np.sign(np.sin(880 * np.pi * seconds)), np.sin(12_000 * np.pi * seconds)):
        values = encode(wave, preset)
        assert values.min() >= low - 1e-12
        assert values.max() <= high
    with pytest.warns(DegenerateSampleWarning):
        silence = encode(np.zeros(16_000), preset)
    np.testing.assert_allclose(silence, low, atol=1e-9)


@every_preset
def test_eight_bits_keep_a_tenth(wave, preset):
    """What a cache on disk keeps of values that span a dozen units."""
    encoder = get_encoder("melspectrogram", preset=preset, sample_rate_hz=16_000)
    low, high = encoder.value_range
    kept = low + encoder(wave, dtype="uint8")[0, 0] / 255.0 * (high - low)
    assert np.abs(kept - encode(wave, preset)).max() < 0.06


@every_preset
def test_other_views(wave, preset):
    encoder = get_encoder("melspectrogram", preset=preset, sample_rate_hz=16_000, size=(20, 30))
    waves = torch.from_numpy(wave)[None]
    exported = torch.export.export(EncoderModule(encoder), (waves.flip(1),)).module()
    torch.testing.assert_close(exported(waves), encoder(waves))
    double = waves[:, :3000].double().requires_grad_()
    encode(double, preset).sum().backward()
    assert double.grad is not None
    assert double.grad.isfinite().all()
    heat = np.random.default_rng(0).random((20, 30))
    back = encoder.back_project(heat, wave)
    matrix, image = encode(wave.astype(np.float64), preset), encode(wave.astype(np.float64), preset, size=(20, 30))
    assert np.sum(back * matrix) == pytest.approx(np.sum(heat * image))
    seconds, hz = matrix_axes(encoder, wave)
    assert back.shape == (len(hz), len(seconds))
    assert seconds[1] - seconds[0] == pytest.approx(0.01)
    middle = len(seconds) // 3
    tone = np.sin(2 * np.pi * hz[len(hz) // 2] * np.arange(20_000) / 16_000)
    assert encode(tone, preset)[:, middle].argmax() == len(hz) // 2


def test_recordings_are_resampled_and_other_rates_refused(wave):
    recording = Recording(wave, 32_000)
    assert encode(recording, "yamnet").shape == (64, 96)
    with pytest.raises(ParameterError, match=r"expected sample_rate_hz=16000 for preset 'yamnet', got 32000"):
        encode_melspectrogram(recording, preset="yamnet")
    with pytest.raises(ParameterError, match="expected sample_rate_hz=16000"):
        get_encoder("melspectrogram", preset="yamnet", size=8).back_project(np.ones((8, 8)), recording)


@every_preset
@pytest.mark.parametrize("option", ['{"hop_ms": 10.0}', '{"n_mels": 40}', '{"top_db": 60.0}', '{"htk": true}'])
def test_options_that_a_preset_sets_are_refused(wave, preset, option):
    (name,) = json.loads(option)
    with pytest.raises(ParameterError, match=f"expected no {name} with preset '{preset}', which sets it, got"):
        encode(wave, preset, **json.loads(option))


def test_unknown_presets(wave):
    with pytest.raises(ParameterError, match="one of librosa, speech, environment, yamnet, fbank, ast, speech_emb"):
        encode(wave, "vggish")
    with pytest.raises(ParameterError, match="expected preset to be one of librosa, speech, environment, got 'yamnet'"):
        encode_mfcc(wave, sample_rate_hz=16_000, preset="yamnet")
