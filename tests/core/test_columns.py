"""The manners of a feature set among scikit-learn's tools."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import sklearn.exceptions
from sklearn.base import clone
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from img_repr.core.columns import NamedColumns
from img_repr.core.errors import NotFittedError, ParameterError


class Powers(NamedColumns):
    """Mean powers of the values, less those of training."""

    samples_in_words = "rows"
    input_tags = {"two_d_array": True, "allow_nan": True}  # noqa: RUF012

    def __init__(self, highest=2, scale=1.0):
        self.highest = highest
        self.scale = scale

    def fit(self, X, y=None):
        self.means_ = self._powers(X).mean(axis=0)
        return self

    def transform(self, X):
        self._expect_fit()
        return self.scale * (self._powers(X) - self.means_)

    def _powers(self, X):
        return np.stack([(np.asarray(X) ** power).mean(axis=1) for power in range(1, self.highest + 1)], axis=1)

    def _names(self):
        return [f"power_{power}" for power in range(1, self.highest + 1)]


def test_parameters_come_and_go_by_name():
    powers = Powers(highest=3)
    assert powers.get_params() == {"highest": 3, "scale": 1.0}
    assert powers.set_params(scale=2.0) is powers
    assert repr(powers) == "Powers(highest=3, scale=2.0)"
    assert repr(clone(powers)) == repr(powers)
    with pytest.raises(ParameterError, match="Powers: no parameter is called 'color'; known: highest, scale"):
        powers.set_params(color="red")


def test_unfitted_is_refused_in_the_words_of_the_wing(walks):
    for ask in (lambda: Powers().transform(walks), lambda: Powers().get_feature_names_out()):
        with pytest.raises(NotFittedError, match="Powers: expected fit on training rows first"):
            ask()
    with pytest.raises(sklearn.exceptions.NotFittedError):
        check_is_fitted(Powers())
    check_is_fitted(Powers().fit(walks))


def test_columns_have_names(walks):
    powers = Powers(highest=3)
    table = powers.fit_transform(walks)
    np.testing.assert_allclose(table.mean(axis=0), 0.0, atol=1e-9)
    np.testing.assert_array_equal(table, powers.transform(walks))
    assert powers.get_feature_names_out().tolist() == ["power_1", "power_2", "power_3"]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(powers)).transform(walks), table)


def test_grid_search_in_a_pipeline(walks):
    labels = (walks.mean(axis=1) > 0).astype(int)
    search = GridSearchCV(make_pipeline(Powers(), RidgeClassifier()), {"powers__highest": [1, 3]}, cv=3)
    assert search.fit(walks, labels).best_score_ > 0.8


def test_tags_are_those_of_the_wing():
    tags = get_tags(Powers())
    assert tags.input_tags.allow_nan
    assert not tags.input_tags.three_d_array
    assert not tags.target_tags.required
    assert tags.transformer_tags is not None


def test_no_import_of_sklearn():
    code = "import sys, img_repr.core.columns; print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_set_without_names_cannot_be_made():
    class Half(NamedColumns):
        def fit(self, X, y=None):
            return self

        def transform(self, X):
            return np.zeros((len(X), 1))

    with pytest.raises(TypeError, match="_names"):
        Half()
