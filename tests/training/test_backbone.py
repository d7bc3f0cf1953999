"""Backbones: size, channels and classes, parameter groups, and networks made of modules.

The reason for its length: every body by every number of channels, with the same few helpers.
"""

import copy

import pytest
import torch
from torch import nn
from torchvision import models

from img_repr.core.errors import ParameterError
from img_repr.training.backbone import BACKBONES, SMALL, backbone, build_backbone
from img_repr.training.network import Network, as_network
from img_repr.training.schedule import parameter_groups
from img_repr.training.stem import adapt_stem, spread_channels, with_channels

FAMILIES = [
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet", "inception_v3",
    "maxvit_t", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "resnet18", "resnext50_32x4d",
    "shufflenet_v2_x0_5", "swin_t", "swin_v2_t", "vgg11", "vgg11_bn", "vit_b_16", "wide_resnet50_2",
]  # fmt: skip


def listed_weights(network):
    groups = parameter_groups(network, rate=1.0, lr_mult=0.5, weight_decay=0.1)
    return sorted(id(weight) for group in groups for weight in group["params"])


@pytest.mark.parametrize("classes", [2, 40])
@pytest.mark.parametrize("channels", range(1, 7))
def test_small_backbone_has_few_weights(channels, classes):
    network = build_backbone(SMALL, channels=channels, classes=classes)
    assert 50_000 <= sum(weight.numel() for weight in network.parameters()) <= 300_000


@pytest.mark.parametrize("size", [16, 17, 31, 64, 128])
def test_small_backbone_takes_any_size(size):
    network = build_backbone(SMALL, channels=2, classes=5)
    scores = network(torch.rand(2, 2, size, size))
    assert scores.shape == (2, 5)
    scores.square().sum().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in network.parameters())


def test_small_backbone_distinguishes_positions():
    network = build_backbone(SMALL, channels=1, classes=2).eval()
    image = torch.zeros(1, 1, 48, 48)
    image[..., 4:12, 4:12] = 1.0
    assert (network.body(image) - network.body(image.flip(-1))).abs().max() > 1e-4


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "efficientnet_b0", "regnet_y_400mf"])
def test_torchvision_networks_take_any_number_of_channels_and_train(name, channels):
    network = build_backbone(name, channels=channels, classes=4)
    scores = network(torch.rand(2, channels, 40, 40))
    assert scores.shape == (2, 4)
    nn.functional.cross_entropy(scores, torch.tensor([0, 3])).backward()
    assert all(weight.grad is not None for weight in network.parameters())
    assert listed_weights(network) == sorted(id(weight) for weight in network.parameters())


@pytest.mark.parametrize("name", FAMILIES)
def test_every_weight_of_every_family_is_in_one_parameter_group(name):
    with torch.device("meta"):  # shapes without memory
        network = build_backbone(name, channels=1, classes=3)
    assert listed_weights(network) == sorted(id(weight) for weight in network.parameters())
    assert network.head[-1].out_features == 3
    assert next(part for part in network.body.modules() if isinstance(part, nn.Conv2d)).in_channels == 1


def test_stages_are_ordered_from_image_to_head():
    network = build_backbone("resnet18", channels=1, classes=2)
    body = network.body
    assert network.stages == (body.conv1, body.bn1, body.layer1, body.layer2, body.layer3, body.layer4)
    with torch.device("meta"):
        vgg = build_backbone("vgg11", channels=1, classes=2)
    assert vgg.stages[0] is vgg.body.features[0]
    assert vgg.stages[-1] is vgg.body.classifier


def test_network_with_side_heads_returns_logits_in_training():
    network = build_backbone("googlenet", channels=1, classes=3).train()
    assert network(torch.rand(2, 1, 32, 32)).shape == (2, 3)


@pytest.mark.parametrize("name", ["squeezenet1_0", "squeezenet1_1"])
def test_rejects_network_without_linear_layer(name):
    with pytest.raises(ParameterError) as refused:
        build_backbone(name, channels=1, classes=2)
    assert str(refused.value) == (
        f"backbone: expected a network that ends in a linear layer, got {name!r}, which has none"
    )


@pytest.mark.parametrize(("name", "near"), [("resnet19", "resnet18"), ("smal", "small"), ("fcn_resnet50", "resnet50")])
def test_error_for_unknown_name_suggests_similar_ones_and_registration(name, near):
    with pytest.raises(ParameterError) as refused:
        build_backbone(name, channels=1, classes=2)
    said = str(refused.value)
    assert f"got {name!r}; similar: " in said
    assert near in said
    assert "'small'" in said
    assert said.endswith("to use your own, import the module that registers it")


def test_weights_of_a_seed_do_not_change():
    """Results that were published rest on it: torchvision's network, then its new stem, then the head."""
    torch.manual_seed(11)
    network = build_backbone("resnet18", channels=1, classes=4)
    torch.manual_seed(11)
    whole = models.get_model("resnet18", weights=None)
    nn.Conv2d(1, 64, 7, bias=False)
    head = nn.Linear(512, 4)
    assert torch.equal(network.head[1].weight, head.weight)
    assert torch.equal(network.body.layer4[1].conv2.weight, whole.layer4[1].conv2.weight)
    torch.testing.assert_close(network.body.conv1.weight, whole.conv1.weight.sum(dim=1, keepdim=True))


def test_trying_a_module_leaves_random_state():
    torch.manual_seed(5)
    stem = nn.Conv2d(2, 24, 5, 2, 2, bias=False)
    torch.manual_seed(5)
    network = build_backbone(SMALL, channels=2, classes=3)
    after = torch.rand(3)
    assert torch.equal(network.body[0][0][0].weight, stem.weight)
    torch.manual_seed(5)
    BACKBONES[SMALL](channels=2, classes=3, dropout=0.25)
    assert torch.equal(torch.rand(3), after)
    assert int(network.body[0][0][1].num_batches_tracked) == 0


class Ending(nn.Module):
    """Two convolutions, a mean, and whatever ends it."""

    def __init__(self, end, channels=3):
        super().__init__()
        self.stem = nn.Conv2d(channels, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.deep = nn.Conv2d(6, 8, 3, stride=2)
        self.end = end

    def forward(self, images):
        return self.end(self.deep(torch.relu(self.norm(self.stem(images)))).mean((2, 3)))


class Maps(Ending):
    """The same, its maps as they are; a linear layer inside weighs channels (squeeze and excitation)."""

    def __init__(self):
        super().__init__(nn.Linear(6, 6))

    def forward(self, images):
        maps = torch.relu(self.norm(self.stem(images)))
        return self.deep(maps * torch.sigmoid(self.end(maps.mean((2, 3))))[:, :, None, None])


class Aside(Ending):
    """Scores and side scores in training."""

    def forward(self, images):
        scores = super().forward(images)
        return (scores, scores) if self.training else scores


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize(
    "make",
    [
        lambda: Ending(nn.Linear(8, 10)),
        lambda: Ending(nn.Sequential(nn.Linear(8, 20), nn.ReLU(), nn.Dropout(0.5), nn.Linear(20, 10))),
        lambda: Ending(nn.Identity()),
        Maps,
    ],
)
def test_user_module_becomes_a_network_and_is_not_changed(make, channels):
    torch.manual_seed(1)
    module = make()
    before = copy.deepcopy(module.state_dict())
    network = as_network(module, channels=channels, classes=4, dropout=0.0)
    gray = torch.rand(6, 1, 20, 24)
    scores = network(gray.expand(-1, channels, -1, -1))
    assert scores.shape == (6, 4)
    nn.functional.cross_entropy(scores, torch.tensor([0, 1, 2, 3, 0, 1])).backward()
    assert all(weight.grad is not None for weight in network.parameters())
    assert listed_weights(network) == sorted(id(weight) for weight in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert module.stem.in_channels == 3
    given = {name for name in before if name not in ("end.weight", "end.bias", "end.3.weight", "end.3.bias")}
    assert set(network.body.state_dict()) >= given  # so that a file of its weights fits


def test_adapted_stem_keeps_its_response_and_maps_are_averaged():
    torch.manual_seed(2)
    module = Maps().eval()
    network = as_network(module, channels=1, classes=4).eval()
    gray = torch.rand(3, 1, 17, 32)
    torch.testing.assert_close(network.body(gray), module(gray.expand(-1, 3, -1, -1)).mean((2, 3)))


def test_head_is_replaced_if_its_size_differs():
    module = Ending(nn.Linear(8, 4))
    kept = as_network(module, channels=3, classes=4)
    assert torch.equal(kept.head.weight, module.end.weight)
    assert isinstance(kept.body.end, nn.Identity)
    again = as_network(module, channels=3, classes=5)
    assert (again.head[0].p, again.head[1].in_features, again.head[1].out_features) == (0.25, 8, 5)


def test_module_for_one_size_needs_a_final_linear_layer():
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 38 * 46, 3))
    network = as_network(module, channels=1, classes=7)
    assert network(torch.rand(2, 1, 40, 48)).shape == (2, 7)


def test_module_without_convolution_is_accepted():
    module = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(32, 16), nn.ReLU())
    assert as_network(module, channels=2, classes=3)(torch.rand(5, 2, 30, 30)).shape == (5, 3)


def test_shared_weights_are_in_one_group():
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3))
    module[2].weight = module[1].weight
    network = as_network(module, channels=1, classes=2)
    assert network.stages == (network.body,)
    torch.optim.AdamW(parameter_groups(network, rate=1.0, lr_mult=0.5, weight_decay=0.1))


def test_network_is_used_unchanged():
    body, head = Ending(nn.Identity(), channels=2), nn.Sequential(nn.Linear(8, 3))
    network = Network(body, head)
    taken = as_network(network, channels=2, classes=3)
    assert taken is not network
    images = torch.rand(2, 2, 30, 30)
    assert torch.equal(taken.eval()(images), network.eval()(images))
    assert taken.stages == (taken.body.stem, taken.body.norm, taken.body.deep)
    assert taken.stages[0] is not body.stem


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (Ending, "expected a name or a torch module, got the class Ending"),
        (None, "expected a name or a torch module, got a NoneType"),
        (nn.Sequential(nn.LazyConv2d(4, 3)), "got lazy layers in Sequential: call it on a batch of images first"),
        (
            Aside(nn.Identity()),
            r"expected Aside to end in a linear layer or to return features .*, got a tuple of 2 im",
        ),
        (Aside(nn.Linear(8, 4)), r"expected Aside to end in a linear layer .*, got a tuple .* Network\(body, head\)"),
        (nn.Conv2d(3, 4, 3), r"take images of 1 channels .*, got RuntimeError: .*expected input.*to have 3 channels"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(2)), r"got \(2, 4, 3844\) of 2 images"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(0)), r"got \(30752,\) of 2 images"),
        (
            nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()),
            "got 15376 at 64 pixels a side and 3600 at 32: return its map",
        ),
        (Ending(nn.Sequential(nn.Linear(8, 4), nn.LogSoftmax(1))), "expected Ending to end before any softmax"),
        (Ending(nn.Sequential(nn.Linear(8, 9), nn.Softmax(1))), "which belongs to the loss, got rows that sum to one"),
        (nn.Sequential(nn.Conv2d(6, 6, 3, groups=6)), "over all channels, to adapt it to 1 channels, got one of 6"),
        (Network(nn.Conv2d(1, 4, 3), nn.Flatten()), r"expected a Network to return logits \(2, 4\), got \(2, 15376\)"),
        (Network(Ending(nn.Identity(), 1), nn.Linear(8, 4), []), "stages of a Network to hold each weight of its body"),
    ],
)
def test_rejects_invalid_modules_in_one_sentence(module, said):
    with pytest.raises(ParameterError, match=said) as refused:
        build_backbone(module, channels=1, classes=4)
    assert len(str(refused.value)) < 500
    assert "\n" not in str(refused.value)


@pytest.fixture
def registered():
    """Take backbones of a test off again."""
    before = dict(BACKBONES._things)
    yield
    BACKBONES._things.clear()
    BACKBONES._things.update(before)


def test_registered_function_is_a_backbone_by_its_name(registered):
    @backbone
    def thin(*, channels, classes, dropout):
        return nn.Sequential(nn.Conv2d(channels, 4, 3), nn.Dropout(dropout), nn.Conv2d(4, 5, 3))

    torch.manual_seed(4)
    network = build_backbone("thin", channels=2, classes=3, dropout=0.5)
    torch.manual_seed(4)
    assert torch.equal(network.body[0].weight, nn.Conv2d(2, 4, 3).weight)  # each seed its own weights
    assert network(torch.rand(2, 2, 9, 9)).shape == (2, 3)
    with pytest.raises(ParameterError, match=r"got 'thim'; similar: .*'thin'"):
        build_backbone("thim", channels=1, classes=2)


def test_registration_rejects_used_names_and_wrong_keywords(registered):
    def small(*, channels, classes, dropout):
        return nn.Conv2d(channels, 4, 3)

    with pytest.raises(ParameterError, match="backbone 'small' is claimed twice"):
        backbone(small)

    def narrow(channels, classes):
        return nn.Conv2d(channels, 4, 3)

    with pytest.raises(ParameterError, match=r"expected narrow to take .* got narrow\(channels, classes\)"):
        backbone(narrow)


def test_rejects_function_that_returns_no_module(registered):
    @backbone
    def nothing(*, channels, classes, dropout):
        return None

    with pytest.raises(ParameterError, match="expected a name or a torch module, got a NoneType"):
        build_backbone("nothing", channels=1, classes=2)


@pytest.mark.parametrize("channels", range(1, 14))
def test_response_to_equal_channels_does_not_change(channels):
    torch.manual_seed(channels)
    weight = torch.randn(6, 3, 5, 5, dtype=torch.float64)
    gray = torch.randn(2, 1, 12, 12, dtype=torch.float64)
    spread = spread_channels(weight, channels)
    assert spread.shape == (6, channels, 5, 5)
    before = nn.functional.conv2d(gray.expand(2, 3, 12, 12), weight)
    after = nn.functional.conv2d(gray.expand(2, channels, 12, 12), spread)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-12)


def test_multiples_of_three_channels_are_scaled_copies():
    weight = torch.randn(6, 3, 5, 5)
    torch.testing.assert_close(spread_channels(weight, 3), weight, rtol=0, atol=1e-6)
    torch.testing.assert_close(spread_channels(weight, 6), torch.cat([weight, weight], dim=1) / 2, rtol=0, atol=1e-6)


def test_adapted_stem_keeps_geometry_and_bias():
    stem = nn.Conv2d(3, 8, 7, stride=2, padding=3)
    adapted = with_channels(stem, 2)
    assert (adapted.kernel_size, adapted.stride, adapted.padding) == ((7, 7), (2, 2), (3, 3))
    assert torch.equal(adapted.bias, stem.bias)
    assert with_channels(stem, 3) is stem
    gray = torch.rand(1, 1, 16, 16)
    torch.testing.assert_close(adapted(gray.expand(1, 2, 16, 16)), stem(gray.expand(1, 3, 16, 16)))


def test_adapted_stem_keeps_other_options():
    stem = nn.Conv2d(3, 8, 3, dilation=2, padding=2, padding_mode="circular", dtype=torch.float64)
    adapted = with_channels(stem, 1)
    assert (adapted.dilation, adapted.padding_mode, adapted.weight.dtype) == ((2, 2), "circular", torch.float64)


def test_only_the_stem_of_pretrained_weights_is_adapted():
    given = {"stem": torch.randn(4, 3, 5, 5), "deep": torch.randn(4, 4, 3, 3), "other": torch.randn(2)}
    own = {"stem": torch.zeros(4, 1, 5, 5), "deep": torch.zeros(4, 4, 3, 3), "other": torch.zeros(3)}
    adapted = adapt_stem(given, own)
    torch.testing.assert_close(adapted["stem"], given["stem"].sum(dim=1, keepdim=True))
    assert adapted["deep"] is given["deep"]
    assert adapted["other"] is given["other"]
    assert given["stem"].shape == (4, 3, 5, 5)
