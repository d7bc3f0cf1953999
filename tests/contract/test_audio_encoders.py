"""What every encoder of recordings promises beyond what all encoders do, measured on each that the registry finds.

The reason for its length: it is the whole list of the domain's promises, each a few lines, on the same few waveforms.
"""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from img_repr import get_encoder, list_encoders
from img_repr.core.errors import DegenerateSampleWarning, NotFittedError, ParameterError, SampleError
from img_repr.core.metadata import ENCODERS
from img_repr.core.module import EncoderModule
from img_repr.domains.audio.axes import matrix_axes
from img_repr.domains.audio.recording import Recording, make_recordings, resample

every_encoder = pytest.mark.parametrize("name", list_encoders("audio"))

RATE = 8000
WAVE = make_recordings(1, 3)[0].waveform[:3000].astype(np.float64)
WAVES = np.round(np.stack([WAVE, WAVE[::-1], np.roll(WAVE, 900) * 0.5]) / 1.5 * 128.0) / 128.0  # exact in 8 bits


def encode(name: str, recordings: Any, *, size: Any = (12, 20), rate: int | None = RATE, **more: Any) -> Any:
    """Images in the method's own values."""
    return ENCODERS[name].function(recordings, size=size, sample_rate_hz=rate, **more)


def fixed_bands(name: str) -> dict[str, int]:
    """Parameters that keep the rows of the matrix what they are whatever the image's."""
    return {word: 12 for word in ("n_mels", "n_mfcc") if word in ENCODERS[name].defaults()}


def one_sentence(error: pytest.ExceptionInfo[Exception], name: str) -> None:
    message = str(error.value)
    assert message.startswith(f"{name}: expected")
    assert "\n" not in message
    assert len(message) < 300


def test_the_wing_has_its_first_encoder():
    assert "melspectrogram" in list_encoders("audio")


@every_encoder
def test_kinds_of_input_agree(name):
    double, single = encode(name, WAVES), encode(name, WAVES.astype(np.float32))
    frozen = WAVES.copy()
    frozen.setflags(write=False)
    of_doubles = [
        WAVES.tolist(),
        list(WAVES),
        tuple(WAVES),
        WAVES.astype(">f8"),
        WAVES[:, ::-1].copy()[:, ::-1],
        frozen,
    ]
    of_doubles += [np.asfortranarray(WAVES), [Recording(one, RATE) for one in WAVES]]
    of_singles = [(WAVES * 2.0**15).astype(np.int16), (WAVES * 2.0**31).astype(np.int32)]
    of_singles += [(WAVES * 128 + 128).astype(np.uint8), (WAVES * 2.0**15).astype(">i2"), WAVES.astype(np.float16)]
    of_singles += [[Recording((one * 2.0**15).astype(np.int16), RATE) for one in WAVES]]
    for kinds, expected in ((of_doubles, double), (of_singles, single)):
        for same in kinds:
            images = encode(name, same)
            assert isinstance(images, np.ndarray)
            assert images.dtype == expected.dtype
            np.testing.assert_array_equal(images, expected)
    tensors = torch.from_numpy(WAVES)
    for same in (tensors, list(tensors), [Recording(one, RATE) for one in tensors], (tensors * 2**15).short()):
        images = encode(name, same)
        assert isinstance(images, torch.Tensor)
        np.testing.assert_array_equal(images.numpy(), double if images.dtype == torch.float64 else single)


@every_encoder
def test_single_precision_is_near_double(name):
    contract = get_encoder(name, size=12, sample_rate_hz=RATE)
    np.testing.assert_allclose(
        contract(WAVES.astype(np.float32)), contract(WAVES, dtype="float64"), atol=2e-4, err_msg="a 20th of 1/255"
    )


@every_encoder
def test_default_dtype_follows_the_input(name):
    assert encode(name, WAVES).dtype == np.float64
    assert encode(name, WAVES.astype(np.float16)).dtype == np.float32
    assert encode(name, torch.from_numpy(WAVES).bfloat16()).dtype == torch.float32
    assert encode(name, WAVES.astype(np.float32), dtype="float64").dtype == np.float64
    assert encode(name, WAVES, dtype="uint8").dtype == np.uint8


@every_encoder
def test_shapes_follow_the_input(name):
    several = np.stack([WAVES, -WAVES / 2])
    images = encode(name, several)
    assert images.shape == (2, 3, 12, 20)
    for part, index in ((several[0], 0), (several[1, 2], (1, 2))):
        np.testing.assert_array_equal(encode(name, part), images[index])
    np.testing.assert_array_equal(encode(name, Recording(several[1, 2], RATE), rate=None), images[1, 2])
    assert encode(name, WAVES, size=7).shape == (3, 7, 7)
    matrix = encode(name, WAVES, size=None)
    assert matrix.ndim == 3
    contract = get_encoder(name, size=(5, 9), sample_rate_hz=RATE)
    assert contract(several).shape == (2, 3, 5, 9)
    assert contract(WAVES).shape == (3, 1, 5, 9)
    assert contract(WAVES[0]).shape == (1, 1, 5, 9)


@every_encoder
def test_recordings_of_unequal_lengths(name):
    ragged = [WAVES[0], np.array([0.25]), WAVES[2, :1777]]
    expected = np.stack([encode(name, one) for one in ragged])
    padded = np.full((3, 4000), np.nan)
    for row, one in zip(padded, ragged, strict=True):
        row[: len(one)] = one
    lengths = [len(one) for one in ragged]
    np.testing.assert_array_equal(encode(name, ragged), expected)
    np.testing.assert_array_equal(encode(name, padded, lengths=lengths), expected)
    np.testing.assert_array_equal(encode(name, torch.from_numpy(padded), lengths=torch.tensor(lengths)), expected)
    twice = encode(name, np.stack([padded, padded], axis=1), lengths=lengths)
    np.testing.assert_array_equal(twice, np.stack([expected, expected], axis=1))
    matrices = encode(name, ragged, size=None)
    for one, matrix in zip(ragged, matrices, strict=True):
        alone = encode(name, one, size=None)
        np.testing.assert_array_equal(matrix[:, : alone.shape[1]], alone)
        assert len(np.unique(matrix[:, alone.shape[1] :])) == (alone.shape[1] < matrix.shape[1])


@every_encoder
@pytest.mark.parametrize("lengths", [[1, 2], [0, 5, 5], [5, 5, 3001], [1.0, 2.0, 3.0], "abc", [[1], [2, 3]]], ids=str)
def test_wrong_lengths(name, lengths):
    with pytest.raises(ParameterError, match="length") as error:
        encode(name, WAVES, lengths=lengths)
    one_sentence(error, name)


@every_encoder
def test_duration_cuts_and_continues_with_silence(name):
    cut, longer = encode(name, WAVES, duration_s=0.25), encode(name, WAVES, duration_s=0.5)
    np.testing.assert_array_equal(cut, encode(name, WAVES[:, :2000]))
    np.testing.assert_array_equal(longer, encode(name, np.pad(WAVES, ((0, 0), (0, 1000)))))
    bytes_ = (WAVES * 128 + 128).astype(np.uint8)
    np.testing.assert_array_equal(
        encode(name, bytes_, duration_s=0.5), encode(name, np.pad(bytes_, ((0, 0), (0, 1000)), constant_values=128))
    )
    for wrong in (0, -1.0, float("nan"), "fit", True, 1e9):
        with pytest.raises(ParameterError, match="duration_s") as error:
            encode(name, WAVES, duration_s=wrong)
        one_sentence(error, name)


@every_encoder
def test_sample_rates(name):
    high = Recording(WAVES[0].astype(np.float32), 16_000)
    low = Recording(WAVES[1].astype(np.float32), RATE)
    halved = resample(torch.from_numpy(high.waveform), 16_000, RATE).numpy()
    np.testing.assert_array_equal(encode(name, [high, low]), encode(name, [halved, low.waveform]))
    for recordings, words in (
        ([high, low], "unequal rates, got 8000 to 16000 Hz"),
        (WAVES, "sample_rate_hz= for plain"),
    ):
        with pytest.raises(ParameterError, match=words) as error:
            encode(name, recordings, rate=None)
        one_sentence(error, name)
    for wrong in (0, -8000, 8000.0, "8000", True, 10**9):
        with pytest.raises(ParameterError, match="sample_rate_hz") as error:
            encode(name, WAVES, rate=wrong)
        one_sentence(error, name)


@every_encoder
@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (np.array([0.1, np.nan, 0.2]), "NaN"),
        (np.array([0.1, np.inf, 0.2], np.float32), "infinity"),
        (torch.tensor([[0.1, 0.2], [-torch.inf, 0.0]]), "infinity in recording number 1"),
        (np.array([0.1, 1e30]), "full scale"),
        (np.array([]), "none"),
        (np.zeros((2, 0)), "none"),
        ([], "none"),
        ([np.ones(3), np.ones(0)], "none in number 1"),
        (np.ones(3, complex), "numbers"),
        (torch.ones(3, dtype=torch.complex64), "complex64"),
        (np.ones(3, np.int64), "int64"),
        (np.ones(3, bool), "numbers"),
        ("sound.wav", "numbers"),
        (["a", "b"], "numbers"),
        (None, "numbers"),
        ([[[0.1, 0.2], [0.3]]], "unequal"),
        (np.ones((1, 2, 3, 4)), "shape"),
        (0.5, "shape"),
        ([Recording(np.ones(3), RATE), np.ones(3)], "number 1"),
        (Recording(np.ones((9, 2)), RATE), "mono"),
        (Recording("sound.wav", RATE), "numbers"),
        (Recording(np.ones(9), 44100.0), "44100.0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_recording_is_refused_by_name(name, bad, word):
    with pytest.raises(SampleError, match=word) as error:
        encode(name, bad)
    one_sentence(error, name)


CLICK = np.zeros(8000, np.float32)
CLICK[5000] = 1.0
DEGENERATE = {
    "silence": np.zeros(4000, np.float32),
    "silence of 8 bits": np.full(4000, 128, np.uint8),
    "one silent sample": np.zeros(1),
    "one sample": np.array([0.5]),
    "two samples": np.array([0.5, -0.5], np.float32),
    "constant": np.full(3000, 0.3),
    "click": CLICK,
    "full scale": np.tile(np.array([-32768, 32767], np.int16), 2000),
    "loudest": WAVE * 1e11,
    "faintest": WAVE * 1e-30,
    "a minute": np.tile(WAVES[0].astype(np.float32), 160),
}


@every_encoder
@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_recordings_have_a_stated_image(name, case):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        image = get_encoder(name, size=(12, 20), sample_rate_hz=RATE)(DEGENERATE[case])[0]
    assert len(caught) <= 1
    assert all(one.category is DegenerateSampleWarning and str(one.message).startswith(f"{name}:") for one in caught)
    assert np.isfinite(image).all()
    assert image.min() >= 0.0
    assert image.max() <= 1.0
    if "silen" in case:
        assert caught
        np.testing.assert_allclose(image, np.broadcast_to(image[..., :1], image.shape), atol=1e-6)
    if case in ("click", "loudest", "a minute"):
        assert np.ptp(image) > 0.02, "the image is blank"


@every_encoder
def test_back_projection_is_the_adjoint_of_the_image(name):
    """Weights on the image and, carried back, on the matrix that it was made of tell the same."""
    random, bands = np.random.default_rng(0), fixed_bands(name)
    for size, duration_s in (((5, 4), None), ((12, 3), 0.5), ((200, 90), 0.2), (None, None)):
        encoder = get_encoder(name, size=size, sample_rate_hz=RATE, duration_s=duration_s, **bands)
        image = encode(name, WAVES[0], size=size, duration_s=duration_s, **bands)
        matrix = encode(name, WAVES[0], size=None, duration_s=duration_s, **bands)
        heat = random.random(image.shape)
        back = encoder.back_project(heat, WAVES[0])
        assert back.shape == matrix.shape
        assert back.min() >= 0.0
        assert back.sum() == pytest.approx(heat.sum())
        assert np.sum(back * matrix) == pytest.approx(np.sum(heat * image), rel=1e-6, abs=1e-6)
    with pytest.raises(ParameterError, match="heat of shape") as error:
        encoder.back_project(heat[:, 1:], WAVES[0])
    one_sentence(error, name)


@every_encoder
def test_back_projection_finds_its_place(name):
    encoder, heat = get_encoder(name, size=8), np.zeros((8, 8))
    heat[7, 7] = 1.0  # lowest and last
    recording = Recording(np.tile(WAVES[0], 3), RATE)
    back = encoder.back_project(heat, recording)
    axes = matrix_axes(encoder, recording)
    assert back.shape[1] == len(axes.seconds)
    assert axes.hz is None or (len(axes.hz) == back.shape[0] and (np.diff(axes.hz) > 0).all())
    assert 0.875 * recording.duration_s - 0.1 < np.sum(back.sum(axis=0) * axes.seconds) <= recording.duration_s + 0.1
    assert back[: -(-len(back) // 8) + 1].sum() == pytest.approx(1.0)


@every_encoder
def test_what_is_fitted(name):
    recordings = [Recording(np.resize(WAVE, length).astype(np.float32), RATE) for length in range(1000, 3000, 100)]
    recordings[0] = replace(recordings[0], sample_rate_hz=4000)
    encoder = get_encoder(name, size=12, duration_s="fit", sample_rate_hz="fit")
    assert encoder.needs_fit
    with pytest.raises(NotFittedError):
        encoder(recordings)
    fitted = encoder.fit(recordings)
    assert not fitted.needs_fit
    assert dict(fitted.parameters) == {"size": 12, "sample_rate_hz": RATE, "duration_s": 0.35}  # 19 of 20 fit in
    np.testing.assert_array_equal(fitted(recordings[4:6]), encoder_of(name)(recordings[4:6]))
    assert encoder.needs_fit, "the encoder itself is frozen"


def encoder_of(name: str, **more: Any) -> Any:
    return get_encoder(name, size=12, sample_rate_hz=RATE, duration_s=0.35, **more)


@every_encoder
def test_gradient_flows(name):
    waves = torch.from_numpy(WAVES[:2]).clone().requires_grad_()
    images = encoder_of(name)(waves, dtype=torch.float64)
    torch.testing.assert_close(
        images.detach(), encoder_of(name)(waves.detach(), dtype=torch.float64), atol=1e-6, rtol=0
    )
    weights = torch.from_numpy(np.random.default_rng(0).random(images.shape))
    (images * weights).sum().backward()
    assert waves.grad is not None
    assert waves.grad.isfinite().all()
    assert (waves.grad.abs().sum(dim=1) > 0).all()
    silence = torch.zeros(1, 3000, requires_grad=True)
    with pytest.warns(DegenerateSampleWarning, match="silent"):
        encoder_of(name)(silence).sum().backward()
    assert silence.grad is not None
    assert silence.grad.isfinite().all()


@every_encoder
def test_stands_in_front_of_a_network(name):
    waves = torch.from_numpy(WAVES.astype(np.float32))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        images = EncoderModule(encoder_of(name))(waves)
    assert torch.equal(images, encoder_of(name)(waves))


@every_encoder
def test_stands_beside_another_in_one_image(name):
    recordings = make_recordings(2)
    both = get_encoder(f"melspectrogram+{name}", size=12)(recordings)
    assert both.shape == (2, 2, 12, 12)
    np.testing.assert_array_equal(both[:, 1:], get_encoder(name, size=12)(recordings))


@every_encoder
def test_exported_equals_eager_and_leaves_nothing_behind(name):
    """Sizes that no other test has, so that what is kept from call to call is made while the graph is traced."""
    tuned = {"tuning": 0.0} if "tuning" in ENCODERS[name].defaults() else {}
    encoder = get_encoder(name, size=(11, 13), sample_rate_hz=RATE, hop_length=77, **tuned)
    waves = torch.from_numpy(WAVES[:, :2345].astype(np.float32))
    exported = torch.export.export(EncoderModule(encoder), (waves.flip(1),)).module()
    torch.testing.assert_close(exported(waves), encoder(waves), atol=1e-5, rtol=0)
    np.testing.assert_allclose(encoder(waves.numpy()), exported(waves).numpy(), atol=1e-5)
