"""Exported models: raw samples in, the model's own predictions out, in onnxruntime and torch.export."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from img_repr import ImageClassifier, ImageRegressor, list_encoders, load_dataset
from img_repr.core.errors import ParameterError
from img_repr.core.metadata import ENCODERS
from img_repr.training.program import TOLERANCE

SOURCES = {"timeseries": "gunpoint", "audio": "synthetic_sounds", "tabular": "iris", "mouse": "synthetic_traces",
           "binary": "python_files"}  # fmt: skip
TRACEABLE = [name for name in list_encoders() if not ENCODERS[name].untraceable]
QUICK = {"epochs": 1, "min_steps": 2, "validation_fraction": 0.0}


def model_of(encoder, *, backbone="small", size=16, **more):
    domain = ENCODERS[encoder.split("+")[0].split("|")[0]].domain.name
    data = load_dataset(SOURCES[domain])
    data = data.subset(np.linspace(0, len(data) - 1, 24).astype(int))
    return ImageClassifier(encoder, size=size, backbone=backbone, **QUICK, **more).fit(data), data


def numbers_of(data):
    return [np.asarray(data.domain.numbers(one), np.float32) for one in data.samples]


def session_of(file):
    return pytest.importorskip("onnxruntime").InferenceSession(str(file), providers=["CPUExecutionProvider"])


def assert_equal_in_onnxruntime(model, data, file):
    pytest.importorskip("onnxscript")
    session = session_of(model.export(file))
    rows = numbers_of(data)
    wanted = model.predict_proba(data.samples)
    for number, row in enumerate(rows):  # a batch of one; recordings of any length
        found = session.run(None, {"samples": row[None]})[0]
        np.testing.assert_allclose(found[0], wanted[number], atol=TOLERANCE)
    if len({row.shape for row in rows}) == 1:
        found = session.run(["probabilities"], {"samples": np.stack(rows)})[0]
        np.testing.assert_allclose(found, wanted, atol=TOLERANCE)
    return session


@pytest.mark.slow
@pytest.mark.parametrize("encoder", [*TRACEABLE, "gadf+recurrence|mtf", "melspectrogram+melspectrogram(delta=1)"])
def test_onnx_of_every_encoder_gives_the_models_probabilities_of_real_samples(encoder, tmp_path):
    model, data = model_of(encoder)
    assert_equal_in_onnxruntime(model, data, tmp_path / "model.onnx")


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["gadf", "melspectrogram", "igtd"])
def test_onnx_of_a_pretrained_network(encoder, tmp_path):
    pytest.importorskip("timm")
    model, data = model_of(encoder, backbone="efficientnet_lite0", size=64)
    assert_equal_in_onnxruntime(model, data, tmp_path / "model.onnx")


@pytest.mark.parametrize("encoder", [name for name in list_encoders() if ENCODERS[name].untraceable])
def test_what_cannot_be_exported_is_refused_by_its_operation(encoder, tmp_path):
    model, _ = model_of(encoder)
    for name in ("model.onnx", "model.pt2"):
        with pytest.raises(ParameterError, match=rf"^{encoder}: expected an encoder .* got (numpy|torch)"):
            model.export(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def iris():
    return model_of("rowmajor")


def test_program_of_torch_export(iris, tmp_path):
    model, data = iris
    extra = {"metadata.json": ""}
    program = torch.export.load(model.export(tmp_path / "iris.pt2"), extra_files=extra).module()
    rows = np.stack(numbers_of(data))
    for some in (rows, rows[:1], np.concatenate([rows] * 4)):
        np.testing.assert_allclose(program(torch.from_numpy(some)), model.predict_proba(some), atol=1e-6)
    metadata = json.loads(extra["metadata.json"])
    assert json.loads(metadata["classes"]) == ["setosa", "versicolor", "virginica"]
    assert metadata["input"] == "float32 (N, 4)"


@pytest.mark.slow
def test_names_of_classes_columns_encoder_and_version_are_in_the_onnx_file(iris, tmp_path):
    pytest.importorskip("onnxscript")
    model, _ = iris
    session = session_of(model.export(tmp_path / "iris.onnx"))
    found = session.get_modelmeta().custom_metadata_map
    assert json.loads(found["classes"]) == list(model.classes)
    assert json.loads(found["columns"]) == list(model.columns)
    assert found["encoder"] == repr(model.encoders_[0])
    assert found["version"]
    assert session.get_inputs()[0].shape == ["N", 4]


def test_samples_that_are_not_finite_have_no_prediction(iris, tmp_path):
    model, data = iris
    program = torch.export.load(model.export(tmp_path / "iris.pt2")).module()
    rows = torch.from_numpy(np.stack(numbers_of(data)[:3]))
    wanted = program(rows)
    rows[1, 2] = torch.inf
    found = program(rows)
    assert found[1].isnan().all()
    torch.testing.assert_close(found[[0, 2]], wanted[[0, 2]])


@pytest.mark.slow
def test_missing_values_are_filled_inside_the_program(tmp_path):
    data = load_dataset("gunpoint").subset(range(0, 200, 10))
    holes = data.samples.astype(np.float32)
    holes[::2, 5:9] = holes[1, :3] = holes[2, -2:] = np.nan
    model = ImageClassifier("gadf", size=16, **QUICK).fit(holes, data.labels)
    program = torch.export.load(model.export(tmp_path / "model.pt2")).module()
    np.testing.assert_allclose(program(torch.from_numpy(holes)), model.predict_proba(holes), atol=TOLERANCE)


@pytest.mark.slow
def test_a_regressor_gives_its_numbers(tmp_path):
    rows = load_dataset("iris").samples.astype(np.float32)
    model = ImageRegressor("rowmajor", size=16, **QUICK).fit(rows[:, :3], rows[:, 3])
    program = torch.export.load(model.export(tmp_path / "model.pt2")).module()
    found = program(torch.from_numpy(rows[:, :3].copy()))[:, 0]
    np.testing.assert_allclose(found, model.predict(rows[:, :3]), atol=TOLERANCE * 10)


def test_the_length_of_unequal_series_is_asked_for(tmp_path):
    series = [np.sin(np.arange(20 + number) / 3.0) for number in range(8)]
    model = ImageClassifier("gadf", size=16, **QUICK).fit(series, ["a", "b"] * 4)
    with pytest.raises(ParameterError, match=r"expected length=.* because those of training differ"):
        model.export(tmp_path / "model.pt2")
    program = torch.export.load(model.export(tmp_path / "model.pt2", length=24)).module()
    one = series[4].astype(np.float32)
    np.testing.assert_allclose(program(torch.from_numpy(one[None])), model.predict_proba([one]), atol=TOLERANCE)


@pytest.mark.parametrize(
    ("change", "file", "message"),
    [
        ({}, "model.txt", "expected a file called .onnx or .pt2, got 'model.txt'"),
        ({"tta": 2}, "model.pt2", "expected tta=0"),
    ],
)
def test_wrong_requests_are_refused(change, file, message, iris, tmp_path):
    model = iris[0]
    before = {name: getattr(model, name) for name in change}
    try:
        with pytest.raises(ParameterError, match=message):
            model.set_params(**change).export(tmp_path / file)
    finally:
        model.set_params(**before)


@pytest.mark.slow
def test_command(iris, tmp_path):
    model, data = iris
    model.save(tmp_path / "model")
    command = [sys.executable, "-m", "img_repr", "export", "model", "out/iris.pt2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    program = torch.export.load(tmp_path / "out" / "iris.pt2").module()
    rows = np.stack(numbers_of(data))
    np.testing.assert_allclose(program(torch.from_numpy(rows)), model.predict_proba(rows), atol=1e-6)
