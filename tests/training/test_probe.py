"""Checks of networks: errors in one sentence before the first step."""

import numpy as np
import pytest
import torch
from torch import nn

from img_repr.core.errors import ParameterError, SampleError
from img_repr.training import probe
from img_repr.training.images import ReadyImages
from img_repr.training.probe import check_backbone_takes, check_compiler
from img_repr.training.trainer import Trainer

CPU = torch.device("cpu")
SHORT = {"epochs": 1, "min_steps": 1, "mixup": 0.0, "device": CPU}


class OnePixel(nn.Module):
    """Maps of one pixel, normalized over the batch."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, images):
        return self.norm(self.pool(self.stem(images)))


def noise(count, side=16):
    return ReadyImages(torch.rand(count, 1, side, side), np.arange(count) % 2)


@pytest.mark.parametrize(("name", "side"), [("vit_b_16", 64), ("inception_v3", 64), ("alexnet", 32), ("maxvit_t", 64)])
def test_rejects_network_for_too_small_images_without_weights(name, side):
    with pytest.raises(ParameterError) as refused:
        check_backbone_takes(name, (1, side, side))
    said = str(refused.value)
    assert said.startswith(f"backbone: expected a network that takes images of {side} x {side} pixels with 1 channel, ")
    assert name in said
    assert said.endswith("choose another size or another backbone")
    assert "\n" not in said


@pytest.mark.parametrize(("name", "side"), [("small", 8), ("resnet18", 32), ("vit_b_16", 224)])
def test_accepts_network_that_takes_the_image(name, side):
    check_backbone_takes(name, (2, side, side))


def test_training_rejects_too_small_images_before_the_first_step():
    events = []
    values = SHORT | {"listeners": (lambda event, trainer: events.append(event),)}
    trainer = Trainer(classes=2, channels=1, backbone=nn.Sequential(nn.Conv2d(1, 4, 20), nn.ReLU()), **values)
    with pytest.raises(
        ParameterError, match="images of 16 x 16 pixels with 1 channel, got own Sequential, which fails"
    ):
        trainer.fit(noise(6))
    assert events == []


def test_prediction_rejects_too_small_images_in_one_sentence():
    trainer = Trainer(classes=2, channels=1, backbone=nn.Sequential(nn.Conv2d(1, 4, 9), nn.ReLU()), **SHORT)
    trainer.fit(noise(6))
    with pytest.raises(
        SampleError, match=r"expected images that own Sequential takes, got \(2, 1, 4, 4\): "
    ) as refused:
        trainer.predict_proba(noise(2, side=4))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("count", "hyperparameters", "fits"),
    [
        (5, {"batch_size": 2}, False),  # batches of 2, 2 and 1
        (6, {"batch_size": 2}, True),
        (9, {"batch_size": 3, "grad_accum_steps": 2}, False),  # pieces of 2 and 1
        (8, {"batch_size": 4, "grad_accum_steps": 2}, True),
        (8, {"batch_size": 8, "grad_accum_steps": 100}, False),
        (1, {"batch_size": 8}, False),
    ],
)
def test_rejects_batches_of_one_image_with_batch_normalization(count, hyperparameters, fits):
    trainer = Trainer(classes=2, channels=1, backbone=OnePixel(), **SHORT, **hyperparameters)
    if fits:
        assert trainer.fit(noise(count)).history
        return
    with pytest.raises(ParameterError, match=r"at least two images in each piece of a batch, because own OnePixel .*"):
        trainer.fit(noise(count))
    assert trainer.history == []


def test_check_changes_neither_network_nor_random_state():
    trainer = Trainer(classes=2, channels=1, **SHORT)
    before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    state = torch.get_rng_state()
    probe.check_network_takes(trainer.network, "small", (1, 16, 16), smallest=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in trainer.network.state_dict().items())
    assert trainer.network.training


def test_missing_compiler_is_an_error_before_the_first_step(monkeypatch):
    def fail(function):
        raise RuntimeError("InvalidCxxCompiler: No working C++ compiler found\n\nSet TORCHDYNAMO_VERBOSE=1")

    monkeypatch.setattr(torch, "compile", fail)
    with pytest.raises(ParameterError, match=r"torch\.compile for compile=True, got .*; install a C\+\+ comp"):
        check_compiler(CPU)
    with pytest.raises(ParameterError, match="or omit compile") as refused:
        Trainer(classes=2, channels=1, compile=True, **SHORT).fit(noise(6))
    assert "\n" not in str(refused.value)
