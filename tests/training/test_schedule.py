"""Schedule: pure functions of seed, epoch, step and progress."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from img_repr.training.backbone import build_backbone
from img_repr.training.schedule import (
    batches,
    epoch_order,
    fork_rng,
    freeze,
    one_cycle,
    parameter_groups,
    seed_globally,
    set_rates,
    step_generator,
)

CPU = torch.device("cpu")


@pytest.mark.parametrize("pct_start", [0.1, 0.25, 0.9])
def test_one_cycle_has_known_values(pct_start):
    assert one_cycle(0.0, pct_start=pct_start) == pytest.approx(1 / 25)
    assert one_cycle(pct_start, pct_start=pct_start) == 1.0
    assert one_cycle(1.0, pct_start=pct_start) == pytest.approx(0.0, abs=1e-15)
    assert one_cycle(pct_start / 2, pct_start=pct_start) == pytest.approx((1 + 1 / 25) / 2)
    assert one_cycle((1 + pct_start) / 2, pct_start=pct_start) == pytest.approx(0.5)


def test_one_cycle_rises_then_falls_without_a_jump():
    rates = np.array([one_cycle(step / 1000, pct_start=0.25) for step in range(1001)])
    assert (np.diff(rates[:251]) > 0).all()
    assert (np.diff(rates[250:]) < 0).all()
    assert np.abs(np.diff(rates)).max() < 0.01
    assert ((rates >= 0) & (rates <= 1)).all()


def test_one_cycle_without_warmup_starts_at_the_peak():
    assert one_cycle(0.0, pct_start=0.0) == 1.0
    assert one_cycle(1.0, pct_start=0.0) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("count", [1, 2, 17, 1000])
def test_epoch_visits_every_sample_once(count):
    assert np.array_equal(np.sort(epoch_order(count, seed=3, epoch=5)), np.arange(count))


def test_order_depends_on_seed_and_epoch_only():
    first = epoch_order(50, seed=1, epoch=2)
    np.random.default_rng().permutation(9)
    np.random.seed(7)  # noqa: NPY002  the global generator must not matter
    torch.manual_seed(7)
    assert np.array_equal(first, epoch_order(50, seed=1, epoch=2))
    others = [epoch_order(50, seed=1, epoch=3), epoch_order(50, seed=2, epoch=2), epoch_order(50, seed=2, epoch=1)]
    assert not any(np.array_equal(first, other) for other in others)


def test_order_leaves_numpys_global_generator():
    np.random.seed(3)  # noqa: NPY002
    wanted = np.random.random()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    epoch_order(50, seed=1, epoch=2)
    assert np.random.random() == wanted  # noqa: NPY002


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 33, 100])
@pytest.mark.parametrize("batch_size", [2, 16])
def test_batches_have_nearly_equal_sizes(count, batch_size):
    order = epoch_order(count, seed=0, epoch=0)
    parts = batches(order, batch_size)
    sizes = [len(part) for part in parts]
    assert np.array_equal(np.concatenate(parts), order)
    assert len(parts) == math.ceil(count / batch_size)
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1


def test_random_numbers_depend_on_seed_and_step_only():
    def draw(seed, step):
        return torch.rand(4, generator=step_generator(CPU, seed=seed, step=step)).tolist()

    first = draw(2, 9)
    torch.rand(3)
    assert draw(2, 9) == first
    different = {tuple(draw(seed, step)) for seed in range(4) for step in range(50)}
    assert len(different) == 200
    assert len(draw(2**62, 5)) == 4  # a large seed is no overflow


def test_seed_globally_equals_manual_seed():
    with fork_rng(CPU):
        torch.manual_seed(11)
        wanted = torch.rand(3)
        seed_globally(11, CPU)
        assert torch.equal(torch.rand(3), wanted)


def test_fork_rng_restores_the_generator_after_an_error():
    @fork_rng(CPU)
    def fail():
        seed_globally(1, CPU)
        torch.rand(3)
        raise KeyError

    before = torch.get_rng_state()
    with pytest.raises(KeyError):
        fail()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.fixture
def network():
    return build_backbone("small", channels=1, classes=3)


def groups_of(network, **values):
    return parameter_groups(network, **({"rate": 1e-2, "lr_mult": 0.5, "weight_decay": 0.1} | values))


def place_of(weight, modules):
    return next(place for place, module in enumerate(modules) if any(weight is own for own in module.parameters()))


def test_groups_go_from_head_to_first_stage(network):
    modules = (network.head, *reversed(network.stages))
    places = [{place_of(weight, modules) for weight in group["params"]} for group in groups_of(network)]
    assert all(len(one) == 1 for one in places)
    assert [one.pop() for one in places] == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("lr_mult", [1.0, 0.3])
def test_rates_fall_with_distance_from_the_head(network, lr_mult):
    modules = (network.head, *reversed(network.stages))
    for group in groups_of(network, lr_mult=lr_mult):
        depth = place_of(group["params"][0], modules)
        assert group["peak"] == group["lr"] == pytest.approx(1e-2 * lr_mult ** (depth / len(network.stages)))


def test_normalization_and_biases_do_not_decay(network):
    kept = {id(weight): group["weight_decay"] for group in groups_of(network) for weight in group["params"]}
    for module in network.modules():
        own = dict(module.named_parameters(recurse=False))
        for name, weight in own.items():
            exempt = isinstance(module, nn.BatchNorm2d) or name == "bias"
            assert kept[id(weight)] == (0.0 if exempt else 0.1)


def test_every_trainable_weight_is_in_one_group(network):
    listed = [id(weight) for group in groups_of(network) for weight in group["params"]]
    assert sorted(listed) == sorted(id(weight) for weight in network.parameters())


def test_frozen_weights_are_in_no_group(network):
    freeze(network.body, True)
    assert not any(weight.requires_grad for weight in network.body.parameters())
    assert all(weight.requires_grad for weight in network.head.parameters())
    listed = {id(weight) for group in groups_of(network) for weight in group["params"]}
    assert listed == {id(weight) for weight in network.head.parameters()}
    freeze(network.body, False)
    assert all(weight.requires_grad for weight in network.parameters())


def test_set_rates_scales_each_peak():
    groups = [{"peak": 1.0, "lr": 0.0}, {"peak": 0.2, "lr": 0.0}]
    set_rates(groups, 0.5)
    assert [group["lr"] for group in groups] == [0.5, 0.1]
    assert [group["peak"] for group in groups] == [1.0, 0.2]
