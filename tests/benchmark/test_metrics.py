import numpy as np
import pytest

from img_repr.benchmark.evaluation.metrics import score_probabilities


def test_scores_by_hand():
    labels = np.array(["a", "a", "a", "b"])
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]])
    scores = score_probabilities(labels, probabilities, ("a", "b"))
    assert scores["accuracy"] == 0.75
    assert scores["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert scores["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert scores["log_loss"] == pytest.approx(-np.log([0.9, 0.8, 0.3, 0.6]).mean())


def test_a_class_never_seen_in_training_counts_as_wrong():
    scores = score_probabilities(np.array(["a", "z"]), np.array([[1.0, 0.0], [0.5, 0.5]]), ("a", "b"))
    assert scores["accuracy"] == scores["balanced_accuracy"] == 0.5
    assert scores["log_loss"] > 10


def test_one_class_in_the_test_part():
    scores = score_probabilities(np.array(["a", "a"]), np.array([[0.6, 0.4], [0.2, 0.8]]), ("a", "b"))
    assert scores["balanced_accuracy"] == 0.5
