import numpy as np
import pytest
from sklearn.base import clone

from img_repr.baselines.learners import LEARNERS, make_learner
from img_repr.core.errors import UnknownNameError

NAMES = ["extra_trees", "ridge", "logistic", "logistic_unscaled", "gradient_boosting", "1nn", "majority"]


@pytest.fixture
def blobs(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Three classes apart from each other, one with a single row, next to a constant column."""
    targets = np.array([0] * 20 + [1] * 20 + [2])
    table = random.normal(size=(41, 4)) + 8.0 * np.eye(4)[targets]
    table[:, 3] = 5.0
    return table, targets


def test_registry_has_all_learners() -> None:
    assert set(LEARNERS) == {*NAMES, "1nn_dtw"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("classes", [2, 3])
def test_learner_returns_probabilities_and_fits(name: str, classes: int, blobs: tuple[np.ndarray, np.ndarray]) -> None:
    table, targets = (part[blobs[1] < classes] for part in blobs)
    learner = make_learner(name, 1).fit(table, targets)
    chances = learner.predict_proba(table)
    assert chances.shape == (len(table), classes)
    np.testing.assert_allclose(chances.sum(axis=1), 1.0)
    np.testing.assert_array_equal(learner.classes_, np.arange(classes))
    np.testing.assert_array_equal(learner.classes_[chances.argmax(axis=1)], learner.predict(table))
    floor = 0.4 if name == "majority" else 0.95
    assert (learner.predict(table) == targets).mean() >= floor
    again = clone(make_learner(name, 1)).fit(table, targets)
    np.testing.assert_array_equal(again.predict_proba(table), chances)


def test_ridge_probabilities_are_a_softmax_of_its_decision_function(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    table, targets = blobs
    ridge = make_learner("ridge").fit(table, targets)
    powers = np.exp(ridge.decision_function(table))
    np.testing.assert_allclose(ridge.predict_proba(table), powers / powers.sum(axis=1, keepdims=True))


@pytest.mark.parametrize(("name", "follows"), [("logistic", False), ("logistic_unscaled", True)])
def test_only_an_unscaled_learner_follows_the_scale_of_a_column(name: str, follows: bool) -> None:
    """Of two columns that say the opposite, the large one decides."""
    targets = np.array([0, 1] * 10)
    table = np.stack([targets, 1e-3 * targets], axis=1)
    chances = make_learner(name).fit(table, targets).predict_proba([[1.0, 0.0]])[0, 1]
    assert (chances > 0.9) is np.bool_(follows)


def test_boosting_splits_28_rows(random: np.random.Generator) -> None:
    targets = np.arange(28) % 2
    table = random.normal(size=(28, 2)) + 3.0 * targets[:, None]
    assert make_learner("gradient_boosting").fit(table, targets).score(table, targets) > 0.9


@pytest.mark.parametrize(("rows", "leaf"), [(28, 2), (100, 5), (4000, 20)])
def test_leaf_grows_with_the_rows(rows: int, leaf: int, random: np.random.Generator) -> None:
    boosting = make_learner("gradient_boosting").fit(random.normal(size=(rows, 1)), np.arange(rows) % 2)
    assert boosting.model_.min_samples_leaf == leaf


def test_error_for_unknown_name_suggests_similar_ones() -> None:
    with pytest.raises(UnknownNameError, match="no learner is called '1nn_dwt'; did you mean '1nn_dtw'"):
        make_learner("1nn_dwt")
