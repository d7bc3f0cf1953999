"""Decibels of energies, below the loudest or above one."""

import numpy as np
import pytest
import torch

from img_repr.core.errors import ParameterError
from img_repr.domains.audio.decibels import above_one, below_loudest, check_top_db


def test_below_the_loudest_of_each_image(random):
    energies = torch.from_numpy(10.0 ** random.uniform(-9, 3, size=(3, 5, 7)))
    logs = 10 * np.log10(energies.numpy())
    expected = np.maximum(logs - logs.max(axis=(1, 2), keepdims=True), -35.0)
    np.testing.assert_allclose(below_loudest(energies.clone(), 35.0).numpy(), expected, atol=1e-12)
    assert (
        below_loudest(energies.clone().requires_grad_(), 35.0).detach().numpy() == below_loudest(energies, 35.0).numpy()
    ).all()


def test_above_one(random):
    energies = torch.from_numpy(10.0 ** random.uniform(-9, 3, size=(3, 5, 7)))
    kept = energies.clone()
    logs = 10 * np.log10(energies.numpy())
    expected = np.maximum(logs, logs.max(axis=(1, 2), keepdims=True) - 35.0)
    np.testing.assert_allclose(above_one(energies, 35.0).numpy(), expected, atol=1e-12)
    assert (energies == kept).all()


def test_silence_and_near_silence():
    silence = torch.zeros(1, 2, 3)
    assert (above_one(silence, 80.0) == -100.0).all()
    assert (below_loudest(silence, 80.0) == 0.0).all()
    faint = torch.tensor([[[1e-9, 1e-10, 1e-30]]], dtype=torch.float64)
    assert below_loudest(faint, 80.0)[0, 0].tolist() == pytest.approx([0.0, -10.0, -10.0])


def test_the_gradient_is_finite():
    energies = torch.tensor([[[0.0, 1.0, 1e-20, 5.0]]], requires_grad=True)
    (below_loudest(energies, 80.0).sum() + above_one(energies, 80.0).sum()).backward()
    assert energies.grad.isfinite().all()


@pytest.mark.parametrize("depth", [0, -80.0, float("inf"), float("nan"), True, "80", None])
def test_rejects_invalid_top_db(depth):
    with pytest.raises(ParameterError, match=r"^test: expected top_db to be a positive number of decibels"):
        check_top_db("test", depth)
