"""scikit-learn's own sets: what their cards say of them, and that the files are those the cards know."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets

from img_repr import load_dataset
from img_repr.core.card import find_card

SETS = {
    "breast_cancer": ("BreastCancer", (569, 30), "mean radius"),
    "wine_recognition": ("WineRecognition", (178, 13), "alcohol"),
    "digits": ("Digits", (1797, 64), "pixel_0_0"),
    "iris": ("Iris", (150, 4), "sepal length (cm)"),
}


@pytest.mark.parametrize("name", SETS)
def test_sets_match_their_cards(name):
    title, shape, first = SETS[name]
    data, card = load_dataset(name), find_card(name)
    assert data.name == card.name == title
    assert card.domain == data.domain.name == "tabular"
    assert data.samples.shape == shape
    assert np.isfinite(data.samples).all()
    assert len(data.classes) == card.classes
    assert data.columns[0] == first
    assert len(data.columns) == shape[1]
    assert str(shape[0]) in card.description
    (file, digest), *others = card.sha256.items()
    content = Path(sklearn.datasets.__file__).with_name("data").joinpath(file).read_bytes()
    assert hashlib.sha256(content).hexdigest() == digest
    assert not others


def test_labels_are_words_of_the_right_rows():
    cancer = load_dataset("breast_cancer")
    counts = dict(zip(*np.unique(cancer.labels, return_counts=True), strict=True))
    assert counts == {"malignant": 212, "benign": 357}
    larger = cancer.samples[:, 0] > 20  # mean radius: no benign mass is so large
    assert set(cancer.labels[larger]) == {"malignant"}
    assert load_dataset("digits").classes == tuple("0123456789")


def test_a_name_of_the_series_archive_is_left_to_it():
    with pytest.raises(ValueError, match="got 'Wine', which does not exist"):
        load_dataset("Wine")


def test_the_order_of_the_table_is_the_image_of_a_digit():
    digits = load_dataset("digits")
    from img_repr import encode_rowmajor

    images = encode_rowmajor(digits.samples[:5], limits=(0.0, 16.0))
    np.testing.assert_array_equal(images * 16.0, sklearn.datasets.load_digits().images[:5])
