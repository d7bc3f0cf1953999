"""The rows as a table, and the whole way from rows to a classifier that is saved."""

import numpy as np
import pytest
from sklearn.base import clone

from img_repr import TabularBaseline, get_features
from img_repr.benchmark.contender import Contender
from img_repr.core.dataset import Dataset
from img_repr.core.errors import NotFittedError, SampleError
from img_repr.domains.tabular.sample import TABULAR, make_rows
from img_repr.training.classifier import ImageClassifier


@pytest.fixture
def table(random):
    """Forty rows of two classes that two columns tell apart, in units of their own, with holes."""
    rows = random.normal(size=(40, 9)) * np.geomspace(1e-3, 1e6, 9)
    labels = np.where(rows[:, 2] / rows[:, 2].std() + rows[:, 5] / rows[:, 5].std() > 0, "up", "down")
    rows[3, 1] = rows[7, 8] = np.nan
    return Dataset("toy", TABULAR, rows, labels)


def test_a_missing_value_is_the_training_median():
    raw = get_features("raw_columns").fit([[1.0, np.nan], [5.0, np.nan], [2.0, np.nan]])
    np.testing.assert_array_equal(raw.transform([[np.nan, np.nan], [9.0, 4.0]]), [[2.0, 0.0], [9.0, 4.0]])
    assert clone(raw).get_params() == {}
    assert raw.get_feature_names_out().tolist() == ["x0", "x1"]


def test_names_of_a_data_frame_are_kept():
    pandas = pytest.importorskip("pandas")
    raw = get_features("raw_columns").fit(pandas.DataFrame({"height": [1.0, 2.0], "weight": [3.0, 4.0]}))
    assert raw.get_feature_names_out().tolist() == ["height", "weight"]


def test_wrong_rows_are_named():
    raw = get_features("raw_columns")
    with pytest.raises(NotFittedError, match="expected fit on training rows first"):
        raw.transform(make_rows(2))
    raw.fit(make_rows(4))
    with pytest.raises(SampleError, match="RawColumns: expected rows of 12 columns as in training, got 11"):
        raw.transform(make_rows(2)[:, :11])
    with pytest.raises(SampleError, match="expected a batch of rows"):
        raw.fit(make_rows(1)[0])
    with pytest.raises(SampleError, match="got infinity in row 0, column 1"):
        raw.transform(np.full((1, 12), [1.0, np.inf] * 6))


@pytest.mark.parametrize("learner", ["extra_trees", "gradient_boosting", "logistic", "ridge", "1nn"])
def test_classifiers_run_on_rows(table, learner):
    baseline = TabularBaseline("raw_columns", learner).fit(table, seed=0)
    assert (baseline.predict(table.samples) == table.labels).mean() > 0.9
    assert baseline.record["non_finite"]["train"] == 0


def test_contenders_accept_inferred_parameters(table):
    asked = table.infer_parameters()
    contenders = [Contender.parse(text).with_inferred_parameters(asked) for text in TABULAR.contenders]
    for contender in contenders:
        contender.check()
    learned = {one.encoder: one.parameters for one in contenders if one.kind == "cnn"}
    assert learned["igtd"] == {"limits": "fit", "places": "fit", "missing": "fit"}
    assert learned["permuted"] == {"limits": "fit", "missing": "fit"}


def test_network_trains_on_rows_and_keeps_places(table, tmp_path):
    contender = Contender.from_table(
        {"kind": "cnn", "encoder": "igtd", "parameters": {"size": 12}, "training": {"epochs": 1, "min_steps": 1}}
    )
    model = contender.with_inferred_parameters(table.infer_parameters()).build()
    model.fit(table, seed=0)
    assert model.cost["bytes_per_image"] == 144
    (encoder,) = model.encoders
    assert len(encoder.all_parameters["places"]) == 9
    again = ImageClassifier.load(model.save(tmp_path / "model"))
    assert again.encoders == model.encoders
    np.testing.assert_array_equal(again.predict_proba(table.samples), model.predict_proba(table.samples))
    heat = again.encoders[0].back_project(np.ones((12, 12)), table.samples[0])
    assert heat.shape == (9,)
    with pytest.raises(SampleError, match="igtd: expected rows of 9 columns"):
        again.predict_proba(table.samples[:, :8])
