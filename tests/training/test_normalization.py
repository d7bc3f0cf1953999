"""Normalization: mean and standard deviation, and the mean image."""

import numpy as np
import pytest
import torch

from img_repr.training import normalization as module
from img_repr.training.images import ReadyImages
from img_repr.training.normalization import normalization_of


def source(images):
    return ReadyImages(images, np.zeros(len(images)))


@pytest.fixture
def shown():
    """Three channels of different level and contrast."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(50, 3, 6, 6, generator=generator)
    return noise * torch.tensor([0.1, 0.5, 1.0]).view(3, 1, 1) + torch.tensor([0.7, 0.2, 0.0]).view(3, 1, 1)


@pytest.fixture
def alike(shown):
    """One image, and differences a hundred times smaller than its contrast."""
    return shown[:1] + 0.01 * (shown - shown.mean(dim=0))


@pytest.mark.parametrize("at_once", [256, 7, 1])
def test_images_are_standardized_per_channel(shown, at_once, monkeypatch):
    monkeypatch.setattr(module, "_BATCH_SIZE", at_once)
    learned = normalization_of(source(shown), center_below=0.05)
    assert not learned.centered
    assert learned.mean.shape == learned.std.shape == (1, 3, 1, 1)
    normal = learned(shown)
    torch.testing.assert_close(normal.mean(dim=(0, 2, 3)), torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(normal.std(dim=(0, 2, 3), correction=0), torch.ones(3), rtol=0, atol=1e-5)


def test_unexplained_is_the_fraction_of_variance(shown, alike):
    for images in (shown, alike):
        array = images.double().numpy()
        around = ((array - array.mean(axis=0)) ** 2).mean(axis=(0, 2, 3)).sum()
        whole = array.var(axis=(0, 2, 3)).sum()
        learned = normalization_of(source(images), center_below=0.0)
        assert learned.unexplained == pytest.approx(around / whole, rel=1e-6)


def test_mean_image_is_subtracted_from_nearly_equal_images(alike):
    learned = normalization_of(source(alike), center_below=0.05)
    assert learned.unexplained < 1e-3
    assert learned.centered
    torch.testing.assert_close(learned.mean, alike.mean(dim=0, keepdim=True))
    normal = learned(alike)
    torch.testing.assert_close(normal.mean(dim=0), torch.zeros(3, 6, 6), rtol=0, atol=1e-3)
    torch.testing.assert_close(normal.square().mean(dim=(0, 2, 3)), torch.ones(3), rtol=0, atol=1e-3)


def test_center_below_is_compared_with_unexplained(shown):
    share = normalization_of(source(shown), center_below=0.0).unexplained
    assert not normalization_of(source(shown), center_below=share).centered
    assert normalization_of(source(shown), center_below=share + 1e-9).centered
    assert not normalization_of(source(shown), center_below=0.0).centered


@pytest.mark.parametrize("center_below", [0.0, 0.99])
@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, 1.0])
def test_constant_channel_becomes_zero(shown, value, center_below):
    shown[:, 1] = value
    learned = normalization_of(source(shown), center_below=center_below)
    assert learned.std[0, 1] == 1.0
    assert learned(shown)[:, 1].abs().max() < 1e-6
    assert learned(shown).isfinite().all()


def test_constant_images_become_zero():
    learned = normalization_of(source(torch.full((4, 1, 5, 5), 0.5)), center_below=0.05)
    assert (learned.unexplained, learned.centered) == (1.0, False)
    assert torch.equal(learned(torch.full((1, 1, 5, 5), 0.5)), torch.zeros(1, 1, 5, 5))


def test_normalization_is_fitted_without_augmentation(shown):
    class NeverDrawn(ReadyImages):
        def batch(self, positions, generator=None):
            assert generator is None
            return super().batch(positions)

    learned = normalization_of(NeverDrawn(shown, np.zeros(50)), center_below=0.05)
    assert torch.equal(learned.mean, normalization_of(source(shown), center_below=0.05).mean)
