"""Work that needs more memory than there is ends in a sentence before it begins."""

import numpy as np
import pytest

from img_repr import get_encoder
from img_repr.core import machine
from img_repr.core.errors import ParameterError
from img_repr.domains.timeseries import recurrence


def test_images_that_do_not_fit_are_refused(monkeypatch):
    monkeypatch.setattr(machine, "free_memory", lambda: 1 << 27)
    with pytest.raises(ParameterError, match=r"^gadf: expected at most 0.1 GB of memory, got 0.3 GB for images"):
        get_encoder("gadf", size=8192)(np.sin(np.arange(50.0)))
    assert get_encoder("gadf", size=16)(np.sin(np.arange(50.0))).shape == (1, 1, 16, 16)


@pytest.mark.parametrize("threshold", ["point", "distance"])
@pytest.mark.parametrize("percentage", [0, 10.0, 33.3, 100])
@pytest.mark.parametrize("dimension", [1, 2])
def test_thresholds_are_the_same_in_bounded_memory(threshold, percentage, dimension, monkeypatch):
    walk = np.round(np.random.default_rng(0).normal(size=200).cumsum(), 1)  # with ties
    encoder = get_encoder(
        "recurrence", size=8, threshold=threshold, percentage=percentage, dimension=dimension, resample="image"
    )
    whole = encoder(walk)
    monkeypatch.setattr(recurrence, "_NUMBERS_AT_ONCE", 1 << 8)
    monkeypatch.setattr(recurrence, "_BAND", 1 << 10)
    np.testing.assert_array_equal(encoder(walk), whole)


@pytest.mark.parametrize("percentage", [0.0, 12.5, 50.0, 99.9, 100.0])
def test_percentile_equals_numpys(percentage, monkeypatch):
    import torch

    monkeypatch.setattr(recurrence, "_NUMBERS_AT_ONCE", 16)
    values = np.abs(np.random.default_rng(1).normal(size=3000)).round(2)
    pieces = list(torch.from_numpy(values).split(100))
    found = recurrence.percentile_of(lambda: pieces, len(values), percentage)
    assert float(found) == np.percentile(values, percentage)
