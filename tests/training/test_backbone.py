"""Networks: of the right size, for any number of channels and classes, every weight where fine-tuning finds it."""

import pytest
import torch
from torch import nn

from img_repr.core.errors import ParameterError
from img_repr.training.backbone import SMALL, adapt_stem, build_backbone, spread_channels, with_channels
from img_repr.training.schedule import parameter_groups

FAMILIES = [
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet", "inception_v3",
    "maxvit_t", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "resnet18", "resnext50_32x4d",
    "shufflenet_v2_x0_5", "swin_t", "swin_v2_t", "vgg11", "vgg11_bn", "vit_b_16", "wide_resnet50_2",
]  # fmt: skip


def listed_weights(network):
    groups = parameter_groups(network, rate=1.0, depth_decay=0.5, weight_decay=0.1)
    return sorted(id(weight) for group in groups for weight in group["params"])


@pytest.mark.parametrize("classes", [2, 40])
@pytest.mark.parametrize("channels", range(1, 7))
def test_the_small_one_is_small(channels, classes):
    network = build_backbone(SMALL, channels=channels, classes=classes)
    assert 50_000 <= sum(weight.numel() for weight in network.parameters()) <= 300_000


@pytest.mark.parametrize("size", [16, 17, 31, 64, 128])
def test_the_small_one_takes_any_size(size):
    network = build_backbone(SMALL, channels=2, classes=5)
    scores = network(torch.rand(2, 2, size, size))
    assert scores.shape == (2, 5)
    scores.square().sum().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in network.parameters())


def test_the_small_one_sees_where_something_is():
    network = build_backbone(SMALL, channels=1, classes=2).eval()
    image = torch.zeros(1, 1, 48, 48)
    image[..., 4:12, 4:12] = 1.0
    assert (network.body(image) - network.body(image.flip(-1))).abs().max() > 1e-4


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "efficientnet_b0", "regnet_y_400mf"])
def test_torchvisions_networks_take_any_number_of_channels_and_learn(name, channels):
    network = build_backbone(name, channels=channels, classes=4)
    scores = network(torch.rand(2, channels, 40, 40))
    assert scores.shape == (2, 4)
    nn.functional.cross_entropy(scores, torch.tensor([0, 3])).backward()
    assert all(weight.grad is not None for weight in network.parameters())
    assert listed_weights(network) == sorted(id(weight) for weight in network.parameters())


@pytest.mark.parametrize("name", FAMILIES)
def test_every_weight_of_every_family_is_in_one_group(name):
    with torch.device("meta"):  # shapes without memory
        network = build_backbone(name, channels=1, classes=3)
    assert listed_weights(network) == sorted(id(weight) for weight in network.parameters())
    assert network.head[-1].out_features == 3
    assert next(part for part in network.body.modules() if isinstance(part, nn.Conv2d)).in_channels == 1


def test_stages_go_from_the_image_to_the_head():
    network = build_backbone("resnet18", channels=1, classes=2)
    body = network.body
    assert network.stages == (body.conv1, body.bn1, body.layer1, body.layer2, body.layer3, body.layer4)
    with torch.device("meta"):
        vgg = build_backbone("vgg11", channels=1, classes=2)
    assert vgg.stages[0] is vgg.body.features[0]
    assert vgg.stages[-1] is vgg.body.classifier


def test_a_network_with_side_heads_gives_scores_in_training_too():
    network = build_backbone("googlenet", channels=1, classes=3).train()
    assert network(torch.rand(2, 1, 32, 32)).shape == (2, 3)


@pytest.mark.parametrize("name", ["squeezenet1_0", "squeezenet1_1"])
def test_a_network_without_a_linear_layer_is_refused(name):
    with pytest.raises(ParameterError) as refused:
        build_backbone(name, channels=1, classes=2)
    assert str(refused.value) == (
        f"backbone: expected a network that ends in a linear layer, got {name!r}, which has none"
    )


@pytest.mark.parametrize(("name", "near"), [("resnet19", "resnet18"), ("smal", "small"), ("fcn_resnet50", "resnet50")])
def test_an_unknown_name_is_told_near_ones(name, near):
    with pytest.raises(ParameterError, match=f"got '{name}'; near: .*'{near}'"):
        build_backbone(name, channels=1, classes=2)


@pytest.mark.parametrize("channels", range(1, 14))
def test_the_response_to_equal_channels_stays_what_it_was(channels):
    torch.manual_seed(channels)
    weight = torch.randn(6, 3, 5, 5, dtype=torch.float64)
    gray = torch.randn(2, 1, 12, 12, dtype=torch.float64)
    spread = spread_channels(weight, channels)
    assert spread.shape == (6, channels, 5, 5)
    before = nn.functional.conv2d(gray.expand(2, 3, 12, 12), weight)
    after = nn.functional.conv2d(gray.expand(2, channels, 12, 12), spread)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-12)


def test_three_channels_stay_the_copies_they_are():
    weight = torch.randn(6, 3, 5, 5)
    torch.testing.assert_close(spread_channels(weight, 3), weight, rtol=0, atol=1e-6)
    torch.testing.assert_close(spread_channels(weight, 6), torch.cat([weight, weight], dim=1) / 2, rtol=0, atol=1e-6)


def test_a_stem_keeps_its_geometry_and_bias():
    stem = nn.Conv2d(3, 8, 7, stride=2, padding=3)
    adapted = with_channels(stem, 2)
    assert (adapted.kernel_size, adapted.stride, adapted.padding) == ((7, 7), (2, 2), (3, 3))
    assert torch.equal(adapted.bias, stem.bias)
    assert with_channels(stem, 3) is stem
    gray = torch.rand(1, 1, 16, 16)
    torch.testing.assert_close(adapted(gray.expand(1, 2, 16, 16)), stem(gray.expand(1, 3, 16, 16)))


def test_only_the_stem_of_a_state_is_adapted():
    given = {"stem": torch.randn(4, 3, 5, 5), "deep": torch.randn(4, 4, 3, 3), "other": torch.randn(2)}
    own = {"stem": torch.zeros(4, 1, 5, 5), "deep": torch.zeros(4, 4, 3, 3), "other": torch.zeros(3)}
    adapted = adapt_stem(given, own)
    torch.testing.assert_close(adapted["stem"], given["stem"].sum(dim=1, keepdim=True))
    assert adapted["deep"] is given["deep"]
    assert adapted["other"] is given["other"]
    assert given["stem"].shape == (4, 3, 5, 5)
