"""Learning-rate finder: the valley, the suggested rate, and no side effects."""

import numpy as np
import pytest
import torch

from img_repr.core.errors import DataError, ParameterError
from img_repr.training.images import ReadyImages
from img_repr.training.rate_finder import _valley, find_rate
from img_repr.training.trainer import Trainer

CPU = torch.device("cpu")


def toy(count=24):
    generator = torch.Generator().manual_seed(0)
    labels = np.arange(count) % 2
    return ReadyImages(
        torch.rand(count, 1, 16, 16, generator=generator) + torch.tensor(labels)[:, None, None, None] / 2, labels
    )


def make(**hyperparameters):
    return Trainer(classes=2, channels=1, device=CPU, epochs=2, min_steps=0, batch_size=8, **hyperparameters)


def find(**search):
    trainer = make()
    return find_rate(trainer.state, trainer.config, trainer.engine, toy(), fine_tunes=False, **search)


def test_lr_find_changes_nothing():
    trainer, images = make(), toy()
    before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    state = torch.get_rng_state()
    curve = trainer.lr_find(images, steps=30)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in trainer.network.state_dict().items())
    assert trainer.history == []
    other = make().fit(images)
    trainer.fit(images)
    assert all(
        torch.equal(value, other.network.state_dict()[name]) for name, value in trainer.network.state_dict().items()
    )
    again = make().lr_find(images, steps=30)
    np.testing.assert_array_equal(again.losses, curve.losses)


def test_suggested_rate_trains():
    images = toy()
    curve = make().lr_find(images, steps=60)
    assert 1e-5 < curve.suggestion < 0.5
    assert curve.losses.min() < curve.losses[0]
    trainer = Trainer(classes=2, channels=1, device=CPU, epochs=15, learning_rate=curve.suggestion, mixup=0.0).fit(
        images
    )
    assert (trainer.predict_proba(images).argmax(axis=1) == images.labels.numpy()).mean() > 0.9


def test_search_stops_when_the_loss_diverges():
    curve = find(steps=40, highest=1e6)
    assert len(curve.rates) < 40
    assert np.isfinite(curve.losses).all()


@pytest.mark.parametrize(
    ("losses", "place"),
    [([5, 4, 3, 2, 1, 9, 9], 2), ([1, 9, 8, 7, 6, 5, 4, 10], 4), ([3, 3, 3], 0), ([2, 6, 5, 9, 4, 3], 3)],
)
def test_valley_is_in_the_longest_fall(losses, place):
    assert _valley(np.array(losses, float)) == place


def test_plot_is_written(tmp_path):
    curve = make().lr_find(toy(), steps=12)
    curve.plot(tmp_path / "rates.svg")
    assert "suggested" in (tmp_path / "rates.svg").read_text() or (tmp_path / "rates.svg").stat().st_size > 2000
    with pytest.raises(DataError, match="expected a path for a plot"):
        curve.plot(tmp_path / "none" / "rates.svg")


@pytest.mark.parametrize("wrong", [{"steps": 5}, {"lowest": 0.0}, {"highest": 1e-9}, {"steps": 20.0}])
def test_rejects_wrong_ranges(wrong):
    with pytest.raises(ParameterError, match="rate finder: expected at least 10 steps"):
        find(**wrong)
