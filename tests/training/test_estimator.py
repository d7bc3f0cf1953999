"""ImageClassifier and ImageRegressor as scikit-learn estimators: samples in every form, clones, searches, pickles."""

import copy
import inspect
import pickle
from dataclasses import fields

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError as ScikitNotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.utils.estimator_checks import check_estimator
from torch import nn

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ImgReprError, ParameterError
from img_repr.core.naming import get_encoder
from img_repr.domains.timeseries.sample import TIMESERIES
from img_repr.training import estimator as module
from img_repr.training.classifier import ImageClassifier
from img_repr.training.config import TrainConfig
from img_repr.training.regressor import ImageRegressor

SHORT = {"size": 8, "epochs": 1, "min_steps": 1, "device": "cpu"}
EXCLUDED = {
    "check_n_features_in_after_fitting": "series of another length are encoded to images of the same size",
    "check_class_weight_classifiers": "class_weight is None or balanced, and not a dict",
    "check_dtype_object": "what is no number is a DataError, of the family of this library, and no TypeError",
    "check_fit2d_1feature": "an encoder says itself how many values a series has at least",
    "check_classifiers_train": "it ends with the same: samples with fewer features are series of another length",
    "check_regressors_train": "as check_classifiers_train",
}


@pytest.fixture
def series():
    return np.random.default_rng(0).normal(size=(20, 30)).cumsum(axis=1)


@pytest.fixture
def labels():
    return np.array(["slow", "fast"] * 10)


@pytest.fixture
def model(series, labels):
    return ImageClassifier("gadf", **SHORT).fit(series, labels)


def test_signature_names_every_hyperparameter_with_its_default():
    known = inspect.signature(ImageClassifier).parameters
    for hyperparameter in fields(TrainConfig):
        assert known[hyperparameter.name].default == hyperparameter.default
    assert list(known) == list(inspect.signature(ImageRegressor).parameters)
    assert ImageClassifier().config == TrainConfig()


def test_constructor_stores_its_parameters_unchanged():
    encoders, listeners, module_ = [get_encoder("gadf", size=8)], [print], nn.Conv2d(1, 2, 3)
    given = ImageClassifier(encoders, backbone=module_, listeners=listeners, epochs=-3, device="nowhere")
    assert given.encoder is encoders
    assert given.backbone is module_
    assert given.listeners is listeners
    assert set(vars(given)) == set(inspect.signature(ImageClassifier).parameters)


def test_all_forms_of_samples_give_the_same_model(series, labels):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(series, columns=[f"t{place}" for place in range(30)])
    calm = SHORT | {"augment": False}  # lists and arrays are augmented by other random numbers
    model = ImageClassifier("gadf", **calm).fit(series, labels)
    wanted = model.predict_proba(series)
    for X, y in (
        (series.tolist(), labels.tolist()),
        (list(series), labels),
        (torch.from_numpy(series), labels),
        (frame, pandas.Series(labels)),
        (frame.convert_dtypes(), labels),
        (Dataset("waves", TIMESERIES, series, labels), None),
        (np.ma.masked_array(series), labels),
    ):
        fitted = ImageClassifier("gadf", **calm).fit(X, y)
        np.testing.assert_allclose(fitted.predict_proba(X), wanted, rtol=0, atol=1e-6)
        assert fitted.score(X, y) == model.score(series, labels)


def test_path_is_read_as_a_data_set(series, labels, tmp_path, model):
    np.savez(tmp_path / "waves.npz", X=series, y=labels)
    fitted = ImageClassifier("gadf", **SHORT).fit(tmp_path / "waves.npz")
    assert np.array_equal(fitted.predict_proba(str(tmp_path / "waves.npz")), model.predict_proba(series))


def test_list_of_paths_is_one_sample_each(tmp_path):
    for number in range(8):
        (tmp_path / f"{number}.bin").write_bytes(bytes([number % 2 * 100 + place % 7 for place in range(600)]))
    paths = sorted(tmp_path.glob("*.bin"))
    fitted = ImageClassifier("byteplot", **SHORT).fit(paths, [0, 1] * 4)
    assert fitted.predict([str(path) for path in paths]).shape == (8,)
    assert np.array_equal(fitted.predict([path.read_bytes() for path in paths]), fitted.predict(paths))


@pytest.mark.parametrize("values", [[3, 10, 3, 10] * 5, [True, False] * 10, ["b", "a"] * 10])
def test_labels_keep_their_type(series, values, tmp_path):
    fitted = ImageClassifier("gadf", **SHORT).fit(series, values)
    assert fitted.classes_.tolist() == sorted(set(values))
    assert fitted.classes == tuple(map(str, sorted(set(values))))
    loaded = ImageClassifier.load(fitted.save(tmp_path / "m"), device="cpu")
    assert loaded.classes_.tolist() == fitted.classes_.tolist()
    assert loaded.predict(series).tolist() == fitted.predict(series).tolist()
    assert set(fitted.predict(series)) <= set(values)


def test_groups_are_used_for_the_validation_part(series, labels, monkeypatch):
    cuts = []

    def hold_out(dataset, positions, real=module.hold_out, **more):
        cuts.append(real(dataset, positions, **more))
        return cuts[-1]

    monkeypatch.setattr(module, "hold_out", hold_out)
    groups = np.arange(20) // 4
    ImageClassifier("gadf", **SHORT).fit(series, labels, groups=groups)
    ((learn, judge),) = cuts
    assert len(judge)
    assert not set(groups[learn]) & set(groups[judge])


def test_clone_is_unfitted_with_equal_parameters(model):
    twin = clone(model)
    assert not hasattr(twin, "members_")
    assert twin.get_params() == model.get_params()


def test_grid_search_over_sizes_and_encoders(series, labels):
    by_object = ImageClassifier(get_encoder("gadf", size=8), epochs=1, min_steps=1, device="cpu")
    found = GridSearchCV(by_object, {"size": [8, 12]}, cv=2, error_score="raise").fit(series, labels)
    assert found.best_estimator_.encoders_[0].all_parameters["size"] == found.best_params_["size"]
    by_name = ImageClassifier("gadf", **SHORT)
    search = GridSearchCV(by_name, {"encoder": ["gadf", "mtf"]}, cv=2, error_score="raise").fit(series, labels)
    assert search.best_estimator_.encoders_[0].name == search.best_params_["encoder"]


def test_cross_validation_takes_groups(series, labels):
    groups = np.arange(20) // 4
    scores = cross_val_score(
        ImageClassifier("gadf", **SHORT), series, labels, groups=groups, cv=GroupKFold(2), error_score="raise"
    )
    assert scores.shape == (2,)


@pytest.mark.parametrize("make", [ImageClassifier, ImageRegressor])
def test_pickles_and_copies_predict_the_same(make, series, tmp_path):
    fitted = make("gadf", **SHORT).fit(series, np.arange(20) % 2)
    joblib.dump(fitted, tmp_path / "model.joblib")
    again = [pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted), joblib.load(tmp_path / "model.joblib")]
    for other in again:
        assert np.array_equal(other.predict(series), fitted.predict(series))
        assert other.get_params() == fitted.get_params()
        assert vars(other).keys() == vars(fitted).keys()


def test_pickle_contains_the_module(series, labels):
    fitted = ImageClassifier("gadf", backbone=nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()), **SHORT).fit(series, labels)
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.predict_proba(series), fitted.predict_proba(series))


def test_module_is_fine_tuned_unless_random(series, labels):
    own = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
    phases = [
        [
            row["phase"]
            for row in ImageClassifier("gadf", backbone=own, **SHORT, **more).fit(series, labels).record["history"]
        ]
        for more in ({}, {"weights": "random"})
    ]
    assert phases == [["head", "all"], ["all"]]


@pytest.mark.parametrize("verb", ["fine_tune", "fit_one_cycle"])
def test_verb_overrides_epochs(verb, series, labels):
    data = Dataset("waves", TIMESERIES, series, labels)
    for call, more in (((series, labels, 2), {}), ((data, 2), {}), ((data,), {"epochs": 2})):
        fitted = getattr(ImageClassifier("gadf", **SHORT), verb)(*call, **more)
        assert sum(row["phase"] == "all" for row in fitted.record["history"]) == 2


def test_lr_find_does_not_change_the_estimator(series, labels):
    given = ImageClassifier("gadf", **SHORT)
    before = dict(vars(given))
    curve = given.lr_find(series, labels, steps=10)
    assert curve.suggestion > 0
    assert vars(given) == before


def test_encoder_parameters_are_inferred(series, labels):
    series[0, 3] = np.nan
    for encoder in ("gadf", get_encoder("gadf", size=8)):
        fitted = ImageClassifier(encoder, **SHORT).fit(series, labels)
        assert dict(fitted.encoders_[0].parameters)["missing"] == "interpolate"
        with pytest.raises(ImgReprError, match="expected finite values, got NaN"):
            ImageClassifier(encoder, infer_parameters=False, **SHORT).fit(series, labels)


def test_column_order_of_a_frame_is_checked(series, labels, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(series, columns=[f"t{place}" for place in range(30)])
    fitted = ImageClassifier("gadf", **SHORT).fit(frame, labels)
    for model in (fitted, ImageClassifier.load(fitted.save(tmp_path / "m"), device="cpu")):
        with pytest.raises(DataError, match="must be in the same order as they were in fit"):
            model.predict(frame[frame.columns[::-1]])


def test_check_rejects_network_before_training(series, labels):
    data = Dataset("waves", TIMESERIES, series, labels)
    ImageClassifier("gadf", **SHORT).check(data)
    with pytest.raises(ParameterError, match="images of 8 x 8 pixels with 1 channel, got alexnet, which fails"):
        ImageClassifier("gadf", backbone="alexnet", **SHORT).check(data)


def test_regressor_predicts_numbers(series, tmp_path):
    height = series.max(axis=1) - series.min(axis=1)
    fitted = ImageRegressor("line", size=16, epochs=20, batch_size=8, device="cpu").fit(series, np.c_[height, -height])
    found = fitted.predict(series)
    assert found.shape == (20, 2)
    loaded = ImageRegressor.load(fitted.save(tmp_path / "m"), device="cpu")
    assert np.array_equal(loaded.predict(series), found)
    assert "valid_r2" in fitted.record
    with pytest.raises(ImgReprError, match="expected a classifier, got a model of kind 'regressor'"):
        ImageClassifier.load(tmp_path / "m", device="cpu")


def test_unfitted_error_is_of_both_families(series):
    for error in (ScikitNotFittedError, ImgReprError):
        with pytest.raises(error, match="expected a call of fit or load before predict"):
            ImageClassifier().predict(series)


@pytest.mark.parametrize(
    ("X", "y", "said"),
    [
        (np.zeros((4, 9)), None, "requires y to be passed, but the target y is None"),
        (np.zeros((4, 9)), ["a", "b"], "expected 4 y, one per sample, got 2|expected 4 labels, one per sample, got 2"),
        (np.zeros((4, 9)), [0.5, 1.5, 0.1, 0.2], "Unknown label type: continuous"),
        (np.zeros((4, 9)), [1, 2, None, 1], "contains NaN"),
        (np.zeros((4, 9)), [1, "a", 2, "b"], "expected|not supported|unknown"),
        (np.zeros(9), [0, 1] * 4 + [0], "Reshape your data"),
        ([["a", "b"], ["c", "d"]], [0, 1], "could not convert|dtype"),
        (3, [0], "got one int"),
        ([], [], "got none"),
        ("nowhere.csv", None, "does not exist"),
        (["nowhere.csv"], ["a"], "expected a file with one sample"),
    ],
)
def test_rejects_invalid_samples_in_one_sentence(X, y, said):
    with pytest.raises(ImgReprError, match=said) as refused:
        ImageClassifier("gadf", **SHORT).fit(X, y)
    assert "\n" not in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize("make", [ImageClassifier, ImageRegressor])
@pytest.mark.filterwarnings("ignore")
def test_passes_scikit_learns_estimator_checks(make):
    tiny = make("gadf", size=4, epochs=1, min_steps=1, batch_size=32, augment=False, device="cpu")
    done = check_estimator(tiny, expected_failed_checks=EXCLUDED, on_skip=None)
    failed = {one["check_name"] for one in done if one["status"] == "xfail"}
    assert failed <= set(EXCLUDED)
    assert sum(one["status"] == "passed" for one in done) > 30
