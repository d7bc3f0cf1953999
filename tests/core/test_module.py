"""Encoders in front of a network: eager, exported, as ONNX."""

import copy
import io

import numpy as np
import pytest
import torch

from img_repr import get_encoder, list_encoders
from img_repr.core.module import EncoderModule

SERIES = list_encoders("timeseries")


@pytest.mark.parametrize("name", SERIES)
def test_eager_is_the_encoder(name, walks):
    module = EncoderModule(get_encoder(name, size=12))
    series = torch.from_numpy(walks)
    assert isinstance(module, EncoderModule)
    assert torch.equal(module(series), get_encoder(name, size=12)(series))
    assert sum(parameter.numel() for parameter in module.parameters()) == 0
    assert repr(get_encoder(name, size=12)) in repr(module)
    assert torch.equal(copy.deepcopy(module)(series), module(series))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [7, 60])
@pytest.mark.parametrize("name", SERIES)
def test_exported_with_any_batch_size_equals_eager(name, size, dtype, walks):
    module = EncoderModule(get_encoder(name, size=size))
    series = torch.from_numpy(walks[:, :41]).to(dtype)
    batch = torch.export.Dim("batch", min=1, max=4096)
    exported = torch.export.export(module, (series[:4],), dynamic_shapes=({0: batch},)).module()
    for count in (2, 4, 40):
        images = exported(series[:count])
        assert images.dtype == torch.float32
        torch.testing.assert_close(images, module(series[:count]), atol=2e-6, rtol=0)


def test_exported_program_is_saved_and_loaded(walks):
    module = EncoderModule(get_encoder("gadf", size=7))
    series = torch.from_numpy(walks)
    file = io.BytesIO()
    torch.export.save(torch.export.export(module, (series,)), file)
    file.seek(0)
    torch.testing.assert_close(torch.export.load(file).module()(series), module(series))


def test_autocast_stays_out(walks):
    module = EncoderModule(get_encoder("gadf", size=12))
    series = torch.from_numpy(walks)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        images = module(series)
    assert images.dtype == torch.float32
    assert torch.equal(images, module(series))


@pytest.mark.parametrize("name", ["gadf", "gasf", "recurrence", "scalogram", "spectrogram", "line", "windows"])
def test_gradient_reaches_the_series(name, walks):
    series = torch.from_numpy(walks).requires_grad_()
    module = EncoderModule(get_encoder(name, size=12))
    images = module(series)
    torch.testing.assert_close(images.detach(), module(series.detach()), atol=2e-6, rtol=0)
    (images * torch.rand_like(images)).sum().backward()
    assert series.grad is not None
    assert series.grad.isfinite().all()
    assert (series.grad.abs().sum(dim=1) > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gadf", "gasf", "line", "windows"])
def test_onnx_equals_eager(name, walks, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    module = EncoderModule(get_encoder(name, size=16)).eval()
    series = torch.from_numpy(walks).float()
    file = tmp_path / "encoder.onnx"
    batch = torch.export.Dim("batch", min=1, max=4096)
    torch.onnx.export(module, (series[:4],), file, dynamo=True, dynamic_shapes=({0: batch},), verbose=False)
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    for count in (2, 40):
        (images,) = session.run(None, {session.get_inputs()[0].name: series[:count].numpy()})
        np.testing.assert_allclose(images, module(series[:count]).numpy(), atol=1e-5)
