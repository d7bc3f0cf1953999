"""Faithfulness separates an explanation that points at the deciding part from one that does not."""

from dataclasses import replace

import numpy as np
import pytest

from img_repr import ImageClassifier
from img_repr.core.errors import ParameterError
from img_repr.explain.explainer import explain
from img_repr.explain.faithfulness import faithfulness, strongest_part

pytestmark = pytest.mark.filterwarnings("ignore:.*optimizer steps.*")


def test_the_deciding_column_differs_from_another():
    random, y = np.random.default_rng(0), np.arange(60) % 2
    x = random.normal(size=(60, 10))
    x[:, 3] = np.where(y == 1, 2.0, -2.0)
    model = ImageClassifier("rowmajor", size=20, epochs=20, min_steps=1).fit(x, y)
    found = explain(model, x[:12], "raw_occlusion")
    right = faithfulness(model, [replace(one, weights=np.eye(10)[3]) for one in found])
    wrong = faithfulness(model, [replace(one, weights=np.eye(10)[8]) for one in found])
    assert right.p_deletion < 0.01
    assert right.deletion > 0.3
    assert wrong.deletion < 0.1
    assert wrong.p_deletion > 0.05
    assert np.isnan(right.sanity)


def test_strongest_part_has_the_fraction():
    assert strongest_part(np.arange(20.0).reshape(4, 5), 0.1).nonzero()[1].tolist() == [3, 4]


def test_wrong_arguments_are_named():
    model = ImageClassifier("rowmajor")
    with pytest.raises(ParameterError, match="expected explanations with weights, got none"):
        faithfulness(model, [])
    with pytest.raises(ParameterError, match="expected fraction between 0 and 1, got 1"):
        faithfulness(model, [], fraction=1)
