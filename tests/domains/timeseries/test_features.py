import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

from img_repr.core.errors import NotFittedError, ParameterError, SampleError
from img_repr.core.features import FEATURES, get_features
from img_repr.domains.timeseries.catch22 import NAMES
from img_repr.domains.timeseries.features import LengthAndMissing, SummaryFeatures
from img_repr.domains.timeseries.minirocket import MiniRocket
from img_repr.domains.timeseries.raw import RawSeries

ALL = [SummaryFeatures(), RawSeries(), MiniRocket(n_features=168)]


@pytest.mark.slow
def test_domain_does_not_import_sklearn() -> None:
    code = (
        "import sys, img_repr.domains.timeseries.features, img_repr.domains.timeseries.raw, "
        "img_repr.domains.timeseries.minirocket; print('sklearn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("transformer", ALL, ids=repr)
def test_passes_checks_of_sklearn(transformer: object, walks: np.ndarray) -> None:
    again = clone(transformer)
    assert repr(again) == repr(transformer)
    table = again.fit_transform(walks)
    names = again.get_feature_names_out()
    assert table.shape == (40, len(names)) == (40, len(set(names)))
    assert np.isfinite(table).all()
    labels = np.arange(40) % 2
    pipeline = make_pipeline(clone(transformer), ExtraTreesClassifier(5, random_state=0))
    assert clone(pipeline).fit(walks, labels).score(walks, labels) == 1.0
    pipeline.set_params(**{f"{pipeline.steps[0][0]}__{word}": value for word, value in again.get_params().items()})
    assert get_tags(transformer).input_tags.allow_nan


@pytest.mark.parametrize("transformer", ALL, ids=repr)
def test_channels_are_prefixed_and_kept_apart(transformer: object, walks: np.ndarray) -> None:
    two = np.stack([walks, walks[::-1]], axis=1)
    table = clone(transformer).fit_transform(two)
    if not isinstance(transformer, MiniRocket):
        one = clone(transformer).fit(walks)
        np.testing.assert_allclose(table, np.concatenate([one.transform(walks), one.transform(walks[::-1])], axis=1))
        names = clone(transformer).fit(two).get_feature_names_out().tolist()
        assert names[0].startswith("c0_")
        assert names[-1].startswith("c1_")
    with pytest.raises(SampleError, match="expected series of 2 channels as in training, got 1"):
        clone(transformer).fit(two).transform(walks)


@pytest.mark.parametrize("transformer", ALL, ids=repr)
def test_unequal_lengths_missing_values_and_constants_have_rows(transformer: object, walks: np.ndarray) -> None:
    holes = walks[2].copy()
    holes[10:20] = np.nan
    batch = [walks[0, :50], walks[1, :7], holes, np.full(30, 3.0), np.array([1.0, 2.0]), walks[3]]
    before = [one.copy() for one in batch]
    fitted = clone(transformer).fit(batch)
    table = fitted.transform(batch)
    assert np.isfinite(table).all()
    np.testing.assert_array_equal(fitted.transform(batch), table)
    for kept, one in zip(before, batch, strict=True):
        np.testing.assert_array_equal(kept, one)


@pytest.mark.parametrize("transformer", ALL, ids=repr)
def test_rejects_invalid_input(transformer: object, walks: np.ndarray) -> None:
    with pytest.raises(NotFittedError, match="fit on training series first"):
        clone(transformer).transform(walks)
    with pytest.raises(SampleError, match="expected a batch of series"):
        clone(transformer).fit(walks[0])
    with pytest.raises(ParameterError, match="no parameter is called 'color'"):
        clone(transformer).set_params(color=1)


def test_summary_names_its_sets(walks: np.ndarray) -> None:
    names = SummaryFeatures().fit(walks).get_feature_names_out().tolist()
    assert names[:4] == ["mean", "std", *NAMES[:2]]
    assert len(names) == 72
    with pytest.raises(ParameterError, match="expected sets to be of"):
        SummaryFeatures(sets=("catch23",)).fit(walks)


def test_shape_features_of_a_known_series() -> None:
    wave = np.sin(2 * np.pi * 4 * (np.arange(64) + 0.5) / 64)[None] + 5.0
    summary = SummaryFeatures(sets=("shape",)).fit(wave)
    found = dict(zip(summary.get_feature_names_out(), summary.transform(wave)[0], strict=True))
    assert found["minimum"] == pytest.approx(4.0, abs=0.02)
    assert found["maximum"] == pytest.approx(6.0, abs=0.02)
    assert found["crossings"] == pytest.approx(7 / 63)
    assert found["peaks"] == pytest.approx(4 / 64)
    assert found["spectral_entropy"] == pytest.approx(0.0, abs=1e-9)
    assert found["excess"] == pytest.approx(-1.5)
    assert sum(found[f"power_{band}"] for band in range(8)) == pytest.approx(1.0)


def test_constant_series_has_mean_and_extremes_only() -> None:
    summary = SummaryFeatures().fit(np.full((1, 40), 3.0))
    found = dict(zip(summary.get_feature_names_out(), summary.transform(np.full((1, 40), 3.0))[0], strict=True))
    assert {name: value for name, value in found.items() if value} == {
        "mean": 3.0,
        "minimum": 3.0,
        "maximum": 3.0,
    }


def test_raw_resamples_to_the_training_median(walks: np.ndarray) -> None:
    raw = RawSeries().fit([walks[0], walks[1, :50], walks[2, :40]])
    assert raw.length_ == 50
    table = raw.transform([walks[1, :50], np.linspace(0, 1, 25)])
    np.testing.assert_allclose(table[0], walks[1, :50])
    assert np.all(np.diff(table[1]) >= 0)
    np.testing.assert_array_equal(RawSeries().fit_transform(walks), walks)


def test_registered_under_their_keys() -> None:
    kinds = [type(get_features(name)) for name in ("summary", "raw", "minirocket")]
    assert kinds == [SummaryFeatures, RawSeries, MiniRocket]


@pytest.mark.slow
@pytest.mark.data
def test_gunpoint_reaches_the_bar(data_folder: Path) -> None:
    train, test = (np.loadtxt(data_folder / "ucr" / "GunPoint" / f"GunPoint_{part}.tsv") for part in ("TRAIN", "TEST"))
    summary = SummaryFeatures().fit(train[:, 1:])
    tables = summary.transform(train[:, 1:]), summary.transform(test[:, 1:])
    scores = [
        ExtraTreesClassifier(500, random_state=seed).fit(tables[0], train[:, 0]).score(tables[1], test[:, 0])
        for seed in range(5)
    ]
    assert np.mean(scores) >= 0.965


NAN = float("nan")


def test_hand_worked():
    several = [np.array([1.0, NAN, 3.0, NAN, 5.0]), np.array([1.0, 2.0])]
    np.testing.assert_array_equal(LengthAndMissing().fit(several).transform(several), [[5.0, 0.4], [2.0, 0.0]])


def test_missing_values_are_counted_over_all_channels():
    two = np.ones((1, 2, 4))
    two[0, 1, :3] = NAN
    np.testing.assert_array_equal(LengthAndMissing().fit_transform(two), [[4.0, 0.375]])


def test_metadata_marks_leak_only():
    assert FEATURES["length_and_missing"].leak_only
    assert LengthAndMissing().fit(np.ones((2, 3))).get_feature_names_out().tolist() == ["length", "missing_fraction"]


def test_the_values_do_not_matter(random):
    several = [random.normal(size=length) for length in (5, 9, 7)]
    leak = clone(LengthAndMissing()).fit(several)
    np.testing.assert_array_equal(leak.transform(several), leak.transform([-3.0 * one[::-1] for one in several]))
    np.testing.assert_array_equal(leak.transform(several), leak.transform([torch.tensor(one) for one in several]))


def test_length_and_missing_rejects_invalid_input():
    with pytest.raises(NotFittedError, match="expected fit on training series first"):
        LengthAndMissing().transform(np.ones((2, 3)))
    with pytest.raises(SampleError, match="LengthAndMissing: expected a batch of series"):
        LengthAndMissing().fit(np.ones(5))
    with pytest.raises(SampleError, match="expected some finite value"):
        LengthAndMissing().fit(np.full((1, 4), NAN))
