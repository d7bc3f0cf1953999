"""Data sets that come inside the package scikit-learn."""

from typing import Any

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.loader import loader
from img_repr.domains.tabular.dataset import assemble
from img_repr.domains.tabular.sample import TABULAR


def _from_sklearn(name: str, bunch: Any, *notes: str) -> Dataset:
    """Convert scikit-learn's ``Bunch`` to a data set."""
    labels = np.array([str(word) for word in bunch.target_names])[bunch.target]
    return assemble(name, np.asarray(bunch.data, dtype=np.float64), list(map(str, bunch.feature_names)), notes,
                    labels=labels)  # fmt: skip


@loader(TABULAR, bundled=True)
def load_breast_cancer() -> Dataset:
    """Load BreastCancer: 569 rows of 30 measures of cell nuclei, 2 classes; see its card.

    Examples
    --------
    >>> from img_repr.domains.tabular.bundled import load_breast_cancer
    >>> load_breast_cancer().samples.shape
    (569, 30)
    """
    from sklearn import datasets

    return _from_sklearn("BreastCancer", datasets.load_breast_cancer())


@loader(TABULAR, bundled=True)
def load_wine_recognition() -> Dataset:
    """Load WineRecognition: 178 rows of 13 chemical measures, 3 cultivars; see its card.

    The archive of time series has a set called Wine, which is another.

    Examples
    --------
    >>> from img_repr.domains.tabular.bundled import load_wine_recognition
    >>> load_wine_recognition().samples.shape
    (178, 13)
    """
    from sklearn import datasets

    return _from_sklearn("WineRecognition", datasets.load_wine())


@loader(TABULAR, bundled=True)
def load_digits() -> Dataset:
    """Load Digits: 1797 rows of 64 pixels of written digits, 10 classes; see its card.

    The one table here that was an image, in row-major order: there an arrangement has something to find.

    Examples
    --------
    >>> from img_repr.domains.tabular.bundled import load_digits
    >>> load_digits().samples.shape
    (1797, 64)
    """
    from sklearn import datasets

    notes_found = (
        "its columns are the pixels of an image of 8 x 8, row by row: a control in which places carry information"
    )
    return _from_sklearn("Digits", datasets.load_digits(), notes_found)


@loader(TABULAR, bundled=True)
def load_iris() -> Dataset:
    """Load Iris: 150 rows of 4 lengths and widths, 3 classes; see its card.

    Examples
    --------
    >>> from img_repr.domains.tabular.bundled import load_iris
    >>> load_iris().samples.shape
    (150, 4)
    """
    from sklearn import datasets

    return _from_sklearn("Iris", datasets.load_iris())
