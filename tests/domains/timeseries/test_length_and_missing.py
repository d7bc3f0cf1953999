"""What is known of a series without its values."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from img_repr.core.errors import NotFittedError, SampleError
from img_repr.core.features import FEATURES
from img_repr.domains.timeseries.length_and_missing import LengthAndHoles

NAN = float("nan")


def test_hand_worked():
    several = [np.array([1.0, NAN, 3.0, NAN, 5.0]), np.array([1.0, 2.0])]
    np.testing.assert_array_equal(LengthAndHoles().fit(several).transform(several), [[5.0, 0.4], [2.0, 0.0]])


def test_holes_of_all_channels_count_together():
    two = np.ones((1, 2, 4))
    two[0, 1, :3] = NAN
    np.testing.assert_array_equal(LengthAndHoles().fit_transform(two), [[4.0, 0.375]])


def test_its_label_says_that_it_only_leaks():
    assert FEATURES["length_and_holes"].leak_only
    assert LengthAndHoles().fit(np.ones((2, 3))).get_feature_names_out().tolist() == ["length", "missing_share"]


def test_the_values_do_not_matter(random):
    several = [random.normal(size=length) for length in (5, 9, 7)]
    leak = clone(LengthAndHoles()).fit(several)
    np.testing.assert_array_equal(leak.transform(several), leak.transform([-3.0 * one[::-1] for one in several]))
    np.testing.assert_array_equal(leak.transform(several), leak.transform([torch.tensor(one) for one in several]))


def test_what_is_wrong_is_said():
    with pytest.raises(NotFittedError, match="expected fit on training series first"):
        LengthAndHoles().transform(np.ones((2, 3)))
    with pytest.raises(SampleError, match="LengthAndHoles: expected a batch of series"):
        LengthAndHoles().fit(np.ones(5))
    with pytest.raises(SampleError, match="expected some finite value"):
        LengthAndHoles().fit(np.full((1, 4), NAN))
