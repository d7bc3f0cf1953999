"""Training state: the moving average of weights."""

import numpy as np
import pytest
import torch
from torch import nn

from img_repr.training.images import ReadyImages
from img_repr.training.network import Network
from img_repr.training.state import WeightAverage
from img_repr.training.trainer import Trainer

CPU = torch.device("cpu")


def test_moving_average_follows_its_definition():
    body = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4))
    network = Network(body, nn.Linear(4, 2, bias=False), [body])
    average = WeightAverage(network, 0.8)
    wanted = network.head.weight.detach().clone()
    for step in range(30):
        with torch.no_grad():
            network.head.weight.fill_(float(step))
            body[1].running_mean.fill_(float(step))
        average.update(network, step)
        keep = min(0.8, (1 + step) / (10 + step))
        wanted = keep * wanted + (1 - keep) * step
        torch.testing.assert_close(average.network.head.weight.detach(), wanted)
        assert (average.network.body[1].running_mean == step).all()
    assert not any(weight.requires_grad for weight in average.network.parameters())
    assert (network.head.weight == 29).all()


def test_moving_average_is_validated_and_is_the_result():
    images = ReadyImages(torch.rand(16, 1, 12, 12, generator=torch.Generator().manual_seed(0)), np.arange(16) % 2)
    hyperparameters = {"classes": 2, "channels": 1, "device": CPU, "epochs": 3, "min_steps": 0, "batch_size": 4}
    kept = []

    def listen(event, trainer):
        if event == "epoch_end":
            kept.append({name: value.clone() for name, value in trainer.state.ema.network.state_dict().items()})

    averaged = Trainer(**hyperparameters, ema_decay=0.9, listeners=[listen]).fit(images, images)
    plain = Trainer(**hyperparameters).fit(images, images)
    for name, value in averaged.network.state_dict().items():
        assert torch.equal(value, kept[-1][name])
    assert averaged.history[-1]["loss"] == plain.history[-1]["loss"]  # what learns is the same
    assert averaged.history[-1]["valid_loss"] != plain.history[-1]["valid_loss"]
    chances = averaged.predict_proba(images)
    own = -np.log(chances[np.arange(16), images.labels]).mean()
    assert averaged.history[-1]["valid_loss"] == pytest.approx(own, rel=1e-5)
