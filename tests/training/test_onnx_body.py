"""ONNX networks as frozen bodies: layouts, windows over long images, and what is refused."""

import copy
import re

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper, save
from torch import nn

from img_repr import ImageClassifier
from img_repr.benchmark.contender import CnnContender, Contender, FrozenContender
from img_repr.core.dataset import Dataset
from img_repr.core.errors import ParameterError, SampleError
from img_repr.domains.audio.recording import make_recordings
from img_repr.domains.audio.sample import AUDIO
from img_repr.training.backbone import build_backbone, check_backbone
from img_repr.training.images import ReadyImages, image_source
from img_repr.training.onnx_body import OnnxBody
from img_repr.training.trainer import Trainer

IMAGES = torch.rand(5, 2, 6, 8, generator=torch.Generator().manual_seed(0))


def write(path, shape, *, dtype=TensorProto.FLOAT, inputs=("images",), nodes=None):
    """A network that flattens its input."""
    nodes = nodes or [helper.make_node("Flatten", [inputs[0]], ["features"], axis=1)]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(name, dtype, shape) for name in inputs],
        [helper.make_tensor_value_info("features", dtype, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    save(model, path)
    return path


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        (["N", 2, 6, 8], (0, 1, 2, 3)),
        (["N", "C", "H", "W"], (0, 1, 2, 3)),
        (["N", 6, 8, 2], (0, 2, 3, 1)),
        ([1, 2, 8, 6], (0, 1, 3, 2)),
        (["N", 8, 6, "C"], (0, 3, 2, 1)),
    ],
)
def test_axes_of_any_usual_order(tmp_path, shape, axes):
    body = OnnxBody(write(tmp_path / "flat.onnx", shape))
    torch.testing.assert_close(body(IMAGES), IMAGES.permute(axes).flatten(1), atol=0, rtol=0)


@pytest.mark.parametrize(("shape", "axes"), [(["N", 6, 8], (0, 1, 2)), (["N", 8, 6], (0, 2, 1))])
def test_images_without_an_axis_for_the_channel(tmp_path, shape, axes):
    body = OnnxBody(write(tmp_path / "flat.onnx", shape))
    torch.testing.assert_close(body(IMAGES[:, :1]), IMAGES[:, 0].permute(axes).flatten(1), atol=0, rtol=0)
    with pytest.raises(SampleError, match="got 2 channels, height 6 and width 8"):
        body(IMAGES)


@pytest.mark.parametrize("dtype", [TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_other_floats(tmp_path, dtype):
    body = OnnxBody(write(tmp_path / "flat.onnx", ["N", 2, 6, 8], dtype=dtype))
    torch.testing.assert_close(body(IMAGES), IMAGES.flatten(1), atol=1e-3, rtol=0)


def test_a_narrow_network_runs_on_windows(tmp_path):
    body = OnnxBody(write(tmp_path / "flat.onnx", ["N", 4, 6, 2]))
    windows = np.stack([IMAGES.numpy()[..., start : start + 4].transpose(0, 3, 2, 1) for start in (0, 2, 4)])
    rows = windows.reshape(3, 5, -1)
    expected = np.concatenate([rows.mean(axis=0), rows.max(axis=0), rows.std(axis=0)], axis=1)
    np.testing.assert_allclose(body(IMAGES).numpy(), expected, atol=1e-5)


@pytest.mark.slow
def test_it_is_the_exported_network(tmp_path):
    """A small CNN, exported by torch, has torch's features; its copies work and are of their own."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    batch = {"input": {0: torch.export.Dim("N")}}
    torch.onnx.export(network, (IMAGES,), tmp_path / "cnn.onnx", dynamo=True, dynamic_shapes=batch, verbose=False)
    body = build_backbone(f"onnx:{tmp_path / 'cnn.onnx'}", channels=2, classes=3).body
    with torch.no_grad():
        torch.testing.assert_close(copy.deepcopy(body)(IMAGES), network(IMAGES), atol=1e-5, rtol=0)


def test_its_images_have_the_encoders_own_values(tmp_path):
    """The features of a network that flattens are the encoder's values themselves."""
    path = write(tmp_path / "flat.onnx", ["N", 1, 64, 96])
    contender = Contender.parse("frozen:melspectrogram(preset='yamnet',sample_rate_hz=16000,size=None):logistic")
    contender = contender.trained_with({"backbone": f"onnx:{path}", "epochs": 3})
    assert contender.title.endswith("frozen flat.onnx")
    assert (contender.role, contender.needs_seed) == ("image", False)
    contender.check()
    labels = np.array(["a", "b"] * 10)
    data = Dataset("toy", AUDIO, make_recordings(20), labels=labels)
    model = contender.build()
    assert model.fit(data, seed=0).record["weights"]["file"] == "flat.onnx"
    encoder = contender.encoders()[0]
    images = image_source(encoder, data.samples, np.zeros(20, int), device=torch.device("cpu"))
    features = model._fitted[0].trainer.features(images)
    values = torch.as_tensor(encoder.metadata.function(data.samples, **dict(encoder.parameters)))
    torch.testing.assert_close(features, values.flatten(1), atol=1e-4, rtol=0)


def test_it_is_not_trained(tmp_path):
    name = f"onnx:{write(tmp_path / 'flat.onnx', ['N', 1, 6, 8])}"
    match = re.escape(f"expected a network that can be trained, got {name!r}")
    with pytest.raises(ParameterError, match=match):
        CnnContender("melspectrogram", training={"backbone": name}).check()
    images = ReadyImages(IMAGES[:4, :1], [0, 1, 0, 1], (0.0, 1.0))
    trainer = Trainer(classes=2, channels=1, backbone=name, device="cpu")
    assert trainer.weights["file"] == "flat.onnx"
    with pytest.raises(ParameterError, match=match):
        trainer.fit(images)
    with pytest.raises(ParameterError, match=match):
        trainer.lr_find(images)
    with pytest.raises(ParameterError, match=match):
        ImageClassifier("gadf", size=8, backbone=name).fit(
            np.random.default_rng(0).normal(size=(20, 30)), ["a", "b"] * 10
        )


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"shape": ["N", 2, 6, 8], "inputs": ("images", "mask")}, "one input of .*, the images, got images, mask"),
        ({"shape": ["N", 2, 6, 8], "dtype": TensorProto.INT64}, r"an input of floats in .*, got tensor\(int64\)"),
        ({"shape": ["N", 48]}, "2 or 3 axes each, got an input of shape"),
        ({"shape": [4, 2, 6, 8]}, "one or any number of them"),
    ],
)
def test_other_inputs_are_refused(tmp_path, options, match):
    path = write(tmp_path / "flat.onnx", **options)
    with pytest.raises(ParameterError, match=match) as error:
        check_backbone(f"onnx:{path}")
    assert "\n" not in str(error.value)


def test_what_is_no_network(tmp_path, monkeypatch):
    for path, match in (
        (tmp_path / "none.onnx", "expected an ONNX file, got .*, which is not a file"),
        (tmp_path, "which is not a file"),
    ):
        with pytest.raises(ParameterError, match=match):
            FrozenContender("melspectrogram", "logistic", training={"backbone": f"onnx:{path}"}).check()
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(ParameterError, match=r"expected an ONNX network in text\.onnx, got"):
        OnnxBody(tmp_path / "text.onnx")
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(ParameterError, match=re.escape("pip install 'img-repr[onnx]'")):
        OnnxBody(tmp_path / "text.onnx")


def test_images_of_another_shape_are_refused(tmp_path):
    body = OnnxBody(write(tmp_path / "flat.onnx", ["N", 3, 7, 8]))
    with pytest.raises(SampleError, match=r"flat\.onnx takes, with the axes \(3, 7, 8\) after the batch"):
        body(IMAGES)


def test_features_of_another_number_of_images_are_refused(tmp_path):
    shape = numpy_helper.from_array(np.array([-1, 4], np.int64), "shape")
    nodes = [
        helper.make_node("Constant", [], ["shape"], value=shape),
        helper.make_node("Reshape", ["images", "shape"], ["features"]),
    ]
    body = OnnxBody(write(tmp_path / "mixed.onnx", ["N", 2, 6, 8], nodes=nodes))
    with pytest.raises(SampleError, match=r"one row of features for each image from mixed\.onnx, got \(120, 4\)"):
        body(IMAGES)
