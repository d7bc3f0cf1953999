"""Plans: counts of steps and epochs, and differences between two trainings."""

import numpy as np
import pytest

from img_repr.training.config import TrainConfig
from img_repr.training.plan import (
    Phase,
    Plan,
    Position,
    differences,
    fine_tune_plan,
    one_cycle_plan,
    warn_about_few_steps,
)
from img_repr.training.schedule import batches


def test_steps_before_counts_all_steps():
    plan = Plan((Phase("head", 2, 1e-3), Phase("all", 3, 1e-3, 0.3)), count=10, batch_size=4)
    position, done = Position(), 0
    while position != plan.end:
        assert plan.per_epoch == len(batches(np.arange(10), 4))
        for step in range(plan.per_epoch):
            assert plan.steps_before(Position(position.phase, position.epoch, step)) == done
            done += 1
        assert plan.epochs_before(position) == done // plan.per_epoch - 1
        position = plan.after_epoch(position)
    assert done == plan.steps == plan.steps_before(plan.end) == 15


@pytest.mark.parametrize(("freeze", "names"), [(0, ["all"]), (2, ["head", "all"])])
def test_head_phase_comes_first(freeze, names):
    plan = fine_tune_plan(32, TrainConfig(freeze_epochs=freeze, epochs=5, min_steps=0))
    assert [phase.name for phase in plan.phases] == names
    assert [phase.epochs for phase in plan.phases] == [2, 5][-len(names) :]
    assert plan.phases[-1].lr_mult == TrainConfig().lr_mult
    assert all(phase.rate == TrainConfig().fine_tune_rate for phase in plan.phases)


@pytest.mark.parametrize(("epochs", "min_steps", "wanted"), [(3, 0, 3), (1, 10, 5), (1, 11, 6), (9, 11, 9)])
def test_min_steps_raises_epochs(epochs, min_steps, wanted):
    plan = one_cycle_plan(20, TrainConfig(epochs=epochs, min_steps=min_steps, batch_size=10))
    assert [(phase.name, phase.epochs, phase.lr_mult) for phase in plan.phases] == [("all", wanted, 1.0)]


@pytest.mark.parametrize("count", [3, 40, 400])
def test_epochs_are_exact(count):
    for config in (TrainConfig(epochs=8), TrainConfig.of({"epochs": 8})):
        assert [phase.epochs for phase in one_cycle_plan(count, config).phases] == [8]
        assert fine_tune_plan(count, config).phases[-1].epochs == 8
    assert one_cycle_plan(count, TrainConfig(), 2).phases[0].epochs == 2
    assert fine_tune_plan(count, TrainConfig(), 2).phases[-1].epochs == 2


def test_small_data_sets_get_enough_steps_by_default():
    assert one_cycle_plan(40, TrainConfig()).steps == 252  # 84 epochs of 3 steps
    assert one_cycle_plan(4000, TrainConfig()).phases[0].epochs == 30


def test_warns_about_few_steps(caplog):
    warn_about_few_steps(one_cycle_plan(40, TrainConfig(epochs=8)))
    assert "8 epochs on 40 samples are 24 optimizer steps" in caplog.text
    caplog.clear()
    warn_about_few_steps(one_cycle_plan(40, TrainConfig()))
    assert not caplog.text


def test_differences_are_named_with_both_values():
    one = {"a": 1, "b": {"c": [1, 2], "d": "x"}}
    assert differences(one, one) == []
    assert differences(one, {"a": 2, "b": {"c": [1, 3]}}) == [
        "a (1, here 2)",
        "b.c ([1, 2], here [1, 3])",
        "b.d ('x', here None)",
    ]
