"""YAMNet: its layers against numpy, its weights from each kind of file, and its input."""

import itertools
import re

import numpy as np
import pytest
import torch

from img_repr import get_encoder
from img_repr.core.errors import ParameterError, SampleError, WeightsError
from img_repr.domains.audio.recording import make_recordings
from img_repr.training.backbone import build_backbone
from img_repr.training.images import image_source
from img_repr.training.trainer import Trainer
from img_repr.training.weights import convert_weights, load_pretrained
from tests.training.tensorflow_files import write_bundle

CPU = torch.device("cpu")
STRIDES = [2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]  # the table of layers in YAMNet's yamnet.py
FILTERS = [32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024]


@pytest.fixture(scope="module")
def keras():
    """Weights by the names and with the axes of Keras: layer1/conv/kernel (height, width, in, out) ..."""
    random = np.random.default_rng(0)

    def values(*shape, scale):
        return (random.normal(size=shape) * scale).astype(np.float32)

    found = {}

    def norm(name, width):
        found[f"{name}/bn/beta"] = values(width, scale=0.1)
        found[f"{name}/bn/moving_mean"] = values(width, scale=0.1)
        found[f"{name}/bn/moving_variance"] = np.abs(values(width, scale=0.1)) + 0.5

    found["layer1/conv/kernel"] = values(3, 3, 1, 32, scale=0.3)
    norm("layer1/conv", 32)
    for number, (before, after) in enumerate(itertools.pairwise(FILTERS), start=2):
        found[f"layer{number}/depthwise_conv/depthwise_kernel"] = values(3, 3, before, 1, scale=0.4)
        norm(f"layer{number}/depthwise_conv", before)
        found[f"layer{number}/pointwise_conv/kernel"] = values(1, 1, before, after, scale=1.3 * before**-0.5)
        norm(f"layer{number}/pointwise_conv", after)
    found["logits/kernel"] = values(1024, 521, scale=0.05)
    found["logits/bias"] = values(521, scale=0.1)
    return found


@pytest.fixture(scope="module")
def saved_model(keras, tmp_path_factory):
    """The same weights in a SavedModel, which numbers its layers."""
    numbers: dict[str, int] = {}
    for name in keras:
        numbers.setdefault(name.rpartition("/")[0], len(numbers))
    renamed = {}
    for name, value in keras.items():
        layer, _, kind = name.rpartition("/")
        renamed[f"_yamnet/layer_with_weights-{numbers[layer]}/{kind}/.ATTRIBUTES/VARIABLE_VALUE"] = value
    assert len(numbers) == 55
    return write_bundle(tmp_path_factory.mktemp("saved_model"), renamed)


def by_hand(keras, patch):
    """Features (1024,) of a patch (96, 64) in numpy, float64: TensorFlow's padding "SAME", no factor in the norms."""

    def normed(maps, name):
        root = np.sqrt(keras[f"{name}/bn/moving_variance"].astype(np.float64) + 1e-4)
        return np.maximum((maps - keras[f"{name}/bn/moving_mean"]) / root + keras[f"{name}/bn/beta"], 0.0)

    def windows(maps, stride):
        sides = [-(-side // stride) for side in maps.shape[:2]]
        needed = [max(0, (out - 1) * stride + 3 - side) for out, side in zip(sides, maps.shape, strict=False)]
        padded = np.pad(maps, [*((total // 2, total - total // 2) for total in needed), (0, 0)])
        return np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))[::stride, ::stride]

    maps = np.einsum("hwcij,ijco->hwo", windows(patch[..., None], 2), keras["layer1/conv/kernel"])
    maps = normed(maps, "layer1/conv")
    for number, stride in enumerate(STRIDES[1:], start=2):
        kernel = keras[f"layer{number}/depthwise_conv/depthwise_kernel"][..., 0]
        maps = normed(np.einsum("hwcij,ijc->hwc", windows(maps, stride), kernel), f"layer{number}/depthwise_conv")
        maps = normed(maps @ keras[f"layer{number}/pointwise_conv/kernel"][0, 0], f"layer{number}/pointwise_conv")
    assert maps.shape == (3, 2, 1024)
    return maps.mean(axis=(0, 1))


@pytest.mark.slow
def test_features_are_those_of_the_published_layers(keras, saved_model):
    network = build_backbone("yamnet", channels=1, classes=3)
    record = load_pretrained(network, str(saved_model), "yamnet")
    assert record["file"] == "variables.data-00000-of-00001"
    body = network.body.eval()
    images = np.random.default_rng(1).uniform(-6.9, 6.0, size=(1, 1, 64, 144))
    with torch.inference_mode():
        found = body(torch.from_numpy(images).float())[0].numpy()
    patches = np.stack([by_hand(keras, images[0, 0, :, start : start + 96].T) for start in (0, 48)])
    expected = np.concatenate([patches.mean(axis=0), patches.max(axis=0), patches.std(axis=0)])
    assert patches.std(axis=1).min() > 0.01, "the example tells nothing"
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.slow
def test_every_file_has_the_same_weights(keras, saved_model, tmp_path):
    first = build_backbone("yamnet", channels=1, classes=3)
    load_pretrained(first, str(saved_model), "yamnet")
    files = [convert_weights(saved_model, tmp_path / "yamnet.safetensors", "yamnet")]
    try:
        import h5py
    except ImportError:
        pass
    else:
        with h5py.File(tmp_path / "yamnet.h5", "w") as file:
            for name, value in keras.items():
                file[f"{name.rpartition('/')[0]}/{name}:0"] = value
        files.append(tmp_path / "yamnet.h5")
    for path in files:
        second = build_backbone("yamnet", channels=1, classes=3)
        load_pretrained(second, str(path), "yamnet")
        for name, value in first.body.state_dict().items():
            torch.testing.assert_close(second.body.state_dict()[name], value, atol=0, rtol=0, msg=name)


def test_weights_that_are_none_of_yamnet(tmp_path, saved_model):
    network = build_backbone("yamnet", channels=1, classes=3)
    write_bundle(tmp_path, {"dense/kernel": np.zeros((2, 3), np.float32)})
    with pytest.raises(WeightsError, match=r"expected variables\.data.* to fit backbone 'yamnet', got \d+ missing"):
        load_pretrained(network, str(tmp_path), "yamnet")
    with pytest.raises(WeightsError, match="expected a file for backbone 'yamnet'"):
        load_pretrained(network, "imagenet", "yamnet")
    with pytest.raises(WeightsError, match=re.escape("expected a target that ends in .safetensors")):
        convert_weights(saved_model, tmp_path / "yamnet.pth", "yamnet")


@pytest.mark.slow
def test_it_takes_the_values_of_its_front_end(saved_model):
    encoder = get_encoder("melspectrogram", preset="yamnet", sample_rate_hz=16_000, duration_s=1.0)
    recordings = make_recordings(4)
    images = image_source(encoder, recordings, [0, 1, 0, 1], device=CPU)
    options = {"backbone": "yamnet", "weights": str(saved_model), "epochs": 1, "min_steps": 0, "device": CPU}
    trainer = Trainer(classes=2, channels=1, **options).fit(images)
    values = torch.as_tensor(encoder.metadata.function(recordings, **dict(encoder.parameters)))
    normalized = trainer.normalization(images.batch(np.arange(4)))[:, 0]
    torch.testing.assert_close(normalized, values, atol=1e-5, rtol=0)
    assert np.isfinite(trainer.predict_proba(images)).all()


@pytest.mark.parametrize(
    "name",
    [
        "melspectrogram(size=64)",
        "melspectrogram(size=(64, 96))",
        "melspectrogram(preset='yamnet', size=(32, 96))",
        "melspectrogram(preset='speech_embedding', size=(64, 96))",
    ],
)
def test_other_images_are_refused(name):
    images = image_source(get_encoder(name, sample_rate_hz=16_000), make_recordings(2), [0, 1], device=CPU)
    trainer = Trainer(classes=2, channels=1, backbone="yamnet", device=CPU)
    with pytest.raises((SampleError, ParameterError), match="yamnet"):
        trainer.fit(images)
    with pytest.raises(ParameterError, match="images of one channel for 'yamnet', got 3"):
        build_backbone("yamnet", channels=3, classes=2)


def test_images_without_one_range_are_refused():
    images = image_source(get_encoder("pcen", size=96, sample_rate_hz=16_000), make_recordings(2), [0, 1], device=CPU)
    with pytest.raises(ParameterError, match="a fixed range of values"):
        Trainer(classes=2, channels=1, backbone="yamnet", device=CPU).fit(images)
