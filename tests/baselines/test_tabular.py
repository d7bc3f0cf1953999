import json
from pathlib import Path

import numpy as np
import pytest

from img_repr.baselines.tabular import TabularBaseline
from img_repr.core.dataset import Dataset
from img_repr.core.domain import Domain
from img_repr.core.errors import DataError, NotFittedError, ParameterError, UnknownNameError
from img_repr.core.loader import load_dataset
from img_repr.core.naming import get_encoder
from img_repr.core.splits.cuts import published_splits
from img_repr.domains.timeseries.sample import TIMESERIES


@pytest.fixture
def tones(random: np.random.Generator) -> Dataset:
    """Slow and fast waves, and one step: a class that occurs once."""
    time = np.arange(50)
    cycles = np.repeat([2.0, 7.0], 12)[:, None]
    waves = np.sin(2 * np.pi * (cycles * time / 50 + random.uniform(size=(24, 1)))) + 0.1 * random.normal(size=(24, 50))
    samples = np.concatenate([waves, np.where(time < 25, -9.0, 9.0)[None]])
    return Dataset("tones", TIMESERIES, samples, labels=np.array(["slow"] * 12 + ["fast"] * 12 + ["step"]))


ROWS = [
    (None, "majority"),
    ("raw", "1nn"),
    ("raw", "1nn_dtw"),
    ("summary", "extra_trees"),
    ("summary", "gradient_boosting"),
    ("summary", "logistic"),
    ("minirocket", "ridge"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("features", "learner"), ROWS)
def test_fits_a_class_that_occurs_once(features: str | None, learner: str, tones: Dataset) -> None:
    baseline = TabularBaseline(features, learner).fit(tones, seed=1)
    chances = baseline.predict_proba(tones.samples)
    assert baseline.classes == tones.classes == ("fast", "slow", "step")
    assert chances.shape == (25, 3)
    assert chances.dtype == np.float64
    np.testing.assert_allclose(chances.sum(axis=1), 1.0)
    right = (baseline.predict(tones.samples) == tones.labels).mean()
    assert right == 12 / 25 if learner == "majority" else right >= 24 / 25
    assert baseline.cost["features"] == {"raw": 50, "summary": 72, "minirocket": 9996, None: 0}[features]
    json.dumps(baseline.record)  # a record goes to disk
    np.testing.assert_array_equal(
        TabularBaseline(features, learner).fit(tones, seed=1).predict_proba(tones.samples), chances
    )


def test_record_describes_the_run(tones: Dataset) -> None:
    record = TabularBaseline("minirocket", "ridge", n_features=84).fit(tones, seed=3).record
    assert record["features"] == "minirocket"
    assert record["feature_parameters"] == {"version": 1, "n_features": 84, "max_dilations": 32, "seed": 3}
    assert record["learner"] == "ridge"
    assert record["versions"]["scikit-learn"]
    given = TabularBaseline("minirocket", "ridge", n_features=84, seed=8).fit(tones, seed=3)
    assert given.record["feature_parameters"]["seed"] == 8


def test_pixels_are_those_of_the_images(tones: Dataset) -> None:
    encoder = get_encoder("gadf", size=8, limits="fit", sample_range=(0.0, 1.0))
    baseline = TabularBaseline.on_pixels(encoder, "1nn").fit(tones, seed=0)
    assert baseline.cost == {"features": 64.0, "bytes_per_image": 64.0}
    assert (baseline.predict(tones.samples) == tones.labels).all()
    fitted = encoder.fit(tones.samples)
    assert baseline.record["feature_parameters"]["encoder"] == fitted.spec()
    np.testing.assert_array_equal(baseline._table(tones.samples), fitted(tones.samples, dtype="uint8").reshape(25, -1))
    json.dumps(baseline.record)


def test_channels_are_warped_together(tones: Dataset) -> None:
    both = Dataset("both", TIMESERIES, np.stack([tones.samples, -tones.samples], axis=1), labels=tones.labels)
    baseline = TabularBaseline("raw", "1nn_dtw").fit(both, seed=0)
    assert baseline._learner.series_.shape == (25, 2, 50)
    assert (baseline.predict(both.samples[:3]) == both.labels[:3]).all()


def test_one_class_is_the_majority(tones: Dataset) -> None:
    baseline = TabularBaseline("raw", "logistic").fit(tones.subset(range(12)), seed=0)
    assert baseline.record["learner"] == "majority"
    np.testing.assert_array_equal(baseline.predict_proba(tones.samples), np.ones((25, 1)))


def test_features_that_are_not_finite_are_replaced_and_counted(tones: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def fit(self, X: np.ndarray) -> "Broken":
            return self

        def transform(self, X: np.ndarray) -> np.ndarray:
            table = np.array(X[:, :6])
            table[0, 0], table[1, 1], table[2, 2], table[:, 3] = np.nan, np.inf, 1e300, np.nan
            return table

        def get_params(self, deep: bool = True) -> dict[str, object]:
            return {}

    monkeypatch.setattr("img_repr.baselines.tabular.get_features", lambda name: Broken())
    for learner in ("extra_trees", "ridge", "logistic", "gradient_boosting", "1nn"):
        baseline = TabularBaseline("raw", learner).fit(tones, seed=0)
        assert np.isfinite(baseline.predict_proba(tones.samples)).all()
        assert baseline.record["non_finite"]["train"] == 3 + 25
        assert baseline.record["non_finite"]["predicted"] == 3 + 25
    filled = baseline._finite(baseline._table(tones.samples))
    assert filled[0, 0] == np.median(tones.samples[1:, 0])
    assert filled[2, 2] == 1e30
    assert not filled[:, 3].any()


def test_errors_are_explained(tones: Dataset) -> None:
    with pytest.raises(ParameterError, match="expected features for the learner ridge, got None"):
        TabularBaseline(None, "ridge")
    with pytest.raises(ParameterError, match="expected features 'raw' for the learner 1nn_dtw"):
        TabularBaseline("summary", "1nn_dtw")
    with pytest.raises(UnknownNameError, match="did you mean 'extra_trees'"):
        TabularBaseline("summary", "extra_tree")
    with pytest.raises(NotFittedError, match="expected fit on a training part first"):
        TabularBaseline("raw", "1nn").predict_proba(tones.samples)
    with pytest.raises(UnknownNameError, match="no feature set is called 'sumary'"):
        TabularBaseline("sumary", "ridge").fit(tones, seed=0)
    elsewhere = Dataset("x", Domain("smell", "a smell", lambda n, seed: None), tones.samples, labels=tones.labels)
    with pytest.raises(DataError, match="expected samples of timeseries for the features raw, got smell"):
        TabularBaseline("raw", "1nn").fit(elsewhere, seed=0)


@pytest.mark.parametrize(
    ("features", "learner", "published"),
    [("raw", "1nn", 0.913), ("raw", "logistic", 0.853), (None, "majority", 0.493)],
)
def test_gunpoint_accuracy_is_reproduced(features: str | None, learner: str, published: float) -> None:
    gunpoint = load_dataset("gunpoint")
    split = next(published_splits(gunpoint))
    baseline = TabularBaseline(features, learner).fit(gunpoint.subset(split.train), seed=0)
    assert (baseline.predict(gunpoint.take(split.test)) == gunpoint.labels[split.test]).mean() == pytest.approx(
        published, abs=5e-4
    )


@pytest.mark.slow
@pytest.mark.data
def test_warping_reaches_its_published_accuracy(data_folder: Path) -> None:
    data = load_dataset(data_folder / "ucr" / "ECG200")
    split = next(published_splits(data))
    baseline = TabularBaseline("raw", "1nn_dtw").fit(data.subset(split.train), seed=0)
    assert (baseline.predict(data.take(split.test)) == data.labels[split.test]).mean() == 0.77
