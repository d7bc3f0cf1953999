"""Encoders among scikit-learn's own."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from img_repr import get_encoder, list_encoders
from img_repr.core.transformer import EncoderTransformer
from img_repr.domains.audio.recording import make_recordings

ESTIMATORS = [EncoderTransformer(name, size=6, flatten=True) for name in list_encoders("timeseries")]


@pytest.mark.filterwarnings("ignore::img_repr.core.errors.DegenerateSampleWarning")  # the checks' own constant rows
@parametrize_with_checks([*ESTIMATORS, EncoderTransformer("gadf", size=6), EncoderTransformer("gadf+line", size=6)])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_images_or_rows(walks):
    images = EncoderTransformer("gadf", size=8).fit_transform(walks)
    np.testing.assert_array_equal(images, get_encoder("gadf", size=8)(walks))
    rows = EncoderTransformer("gadf", size=8, flatten=True).fit_transform(walks)
    np.testing.assert_array_equal(rows, images.reshape(40, -1))


def test_fit_uses_training_rows_only(walks):
    transformer = EncoderTransformer("gadf", size=8, parameters={"limits": "fit"}).fit(walks[:10])
    assert dict(transformer.encoder_.parameters)["limits"] == (walks[:10].min(), walks[:10].max())
    before = transformer.encoder_
    transformer.transform(walks)
    assert transformer.encoder_ is before


def test_unfitted_is_refused(walks):
    with pytest.raises(NotFittedError):
        EncoderTransformer().transform(walks)


def test_grid_search_over_the_size(random):
    series = random.normal(size=(30, 24))
    labels = np.repeat([0, 1], 15)
    series[15:] += 4 * np.sin(np.arange(24))
    pipeline = make_pipeline(EncoderTransformer("line", flatten=True), ExtraTreesClassifier(10, random_state=0))
    search = GridSearchCV(
        pipeline, {"encodertransformer__size": [4, 8], "encodertransformer__encoder": ["line", "gasf"]}, cv=3
    )
    assert search.fit(series, labels).best_score_ > 0.8


@pytest.mark.parametrize(
    "text", ["gadf", "gadf(overlapping=True)", "gadf+line(width=2.0)", "gadf(sample_range=(0, 1))+gadf+mtf(n_bins=4)"]
)
def test_every_encoder_has_its_transformer(walks, text):
    encoder = get_encoder(text, size=8)
    transformer = clone(EncoderTransformer.from_encoder(encoder))
    assert transformer.fit(walks).encoder_ == encoder
    np.testing.assert_array_equal(transformer.transform(walks), encoder(walks))


def test_other_samples_than_rows_are_passed_unchanged():
    recordings = make_recordings(3)
    views = EncoderTransformer.from_encoder(get_encoder("melspectrogram", size=8)).fit(recordings)
    np.testing.assert_array_equal(views.transform(recordings), get_encoder("melspectrogram", size=8)(recordings))
