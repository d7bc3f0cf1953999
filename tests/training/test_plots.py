"""What a notebook shows of a trained classifier: losses, the worst mistakes, the confusion matrix, results."""

import math

import numpy as np
import pytest
from matplotlib.figure import Figure

from img_repr import ImageClassifier
from img_repr.core.errors import ParameterError


@pytest.fixture(scope="module")
def trained():
    random = np.random.default_rng(0)
    y = np.arange(40) % 2
    X = np.sin(np.linspace(0, 12, 40) * (1 + y[:, None])) + random.normal(0, 0.1, (40, 40))
    labels = np.where(y, "fast", "slow")
    model = ImageClassifier("line", size=16, epochs=4, min_steps=40, validation_fraction=0.25, device="cpu")
    return model.fit(X, labels), X, labels


def test_top_losses_are_the_least_probable_labels(trained):
    model, X, labels = trained
    wrong = labels.copy()
    wrong[[3, 8]] = ["slow", "fast"]  # each other's
    worst = model.top_losses(X, wrong, count=2)
    assert {row["position"] for row in worst} == {3, 8}
    for row in worst:
        probability = model.predict_proba(X)[row["position"], model.classes.index(row["label"])]
        assert row["probability"] == pytest.approx(probability)
        assert row["loss"] == pytest.approx(-math.log(probability))
        assert row["predicted"] != row["label"]
    unknown = model.top_losses(X[:2], ["neither", labels[1]], count=1)
    assert unknown[0]["loss"] == math.inf
    with pytest.raises(ParameterError, match="expected count to be an integer from 1"):
        model.top_losses(X, labels, count=0)


def test_confusion_matrix_counts_samples(trained):
    model, X, labels = trained
    axes = model.plot_confusion(X, np.where(np.arange(40) < 10, "fast", labels))
    shown = np.array([[int(text.get_text()) for text in axes.texts]]).reshape(2, 2)  # rows: labels, columns: predicted
    predicted = model.predict(X)
    assert shown[0, 1] == (predicted[:10] == "slow").sum()
    assert shown.sum() == 40


def test_history_has_a_point_for_each_epoch(trained):
    model, *_ = trained
    axes = model.plot_history()
    history = model.record["history"]
    training, validation = axes.get_lines()[:2]
    np.testing.assert_allclose(training.get_ydata(), [row["loss"] for row in history])
    np.testing.assert_allclose(validation.get_ydata(), [row["valid_loss"] for row in history])
    own = Figure().add_subplot()
    assert model.plot_history(own) is own


def test_results_show_label_and_prediction(trained):
    model, X, labels = trained
    titles = [axes.get_title() for axes in model.show_results(X, labels, count=5).axes]
    assert len(titles) == 5
    assert all(f"found {found}" in title for title, found in zip(titles[::4], model.predict(X[[0, 39]]), strict=True))
    (worst,) = model.show_results(X, labels, count=1, worst=True).axes
    assert worst.get_title().startswith(model.top_losses(X, labels, count=1)[0]["label"])
