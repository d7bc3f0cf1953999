"""TabularBaseline: features and a learner as one classifier, the baseline for all images."""

from importlib.metadata import version
from typing import Any

import numpy as np

from img_repr.baselines.learners import make_learner
from img_repr.core.dataset import Dataset
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import DataError, NotFittedError, ParameterError
from img_repr.core.features import FEATURES, get_features

PIXELS = "pixels"
_LARGEST = 1e30  # float32 trees can hold it, and scalers can square it
_PACKAGES = ("img-repr", "numpy", "scikit-learn", "torch")
_RULE = (
    "a missing or infinite feature is replaced by the median of its column's finite training values, 0 if there "
    f"are none; others are clipped to +-{_LARGEST:g}"
)


class PixelColumns:
    """The pixels of images as a table: the images of the network, as uint8.

    Parameters
    ----------
    encoder : AbstractEncoder
        It is fitted in ``fit``.
    """

    def __init__(self, encoder: AbstractEncoder) -> None:
        self.encoder = encoder

    def fit(self, X: Any, y: Any = None) -> "PixelColumns":
        """Fit the encoder to training samples."""
        self.encoder_ = self.encoder.fit(X)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the pixels of each sample's image, uint8 ``(N, C * H * W)``, channel by channel, row by row."""
        images = self.encoder_(X, dtype="uint8")
        pixels = images if isinstance(images, np.ndarray) else images.cpu().numpy()
        return pixels.reshape(len(pixels), -1)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the encoder."""
        return {"encoder": self.encoder}


class TabularBaseline:
    """A learner on a table of features.

    Parameters
    ----------
    features : str or None
        A feature set of the samples' domain, or ``"pixels"``, which takes ``encoder=``. None: ``"majority"``.
    learner : str
        A name of :func:`img_repr.baselines.learners.make_learner`.
    **feature_parameters
        Parameters of the feature set. If it has a ``seed`` that is not set here, that of ``fit`` is used.

    Attributes
    ----------
    classes : tuple of str
        Sorted classes of the training part; order of the columns of ``predict_proba``.
    cost : dict
        ``features``, the number of columns; for pixels also ``bytes_per_image``.
    record : dict
        Features, learner, seed, number of replaced values, and versions.

    Examples
    --------
    >>> from img_repr.baselines.tabular import TabularBaseline
    >>> from img_repr.core.loader import load_dataset
    >>> from img_repr.core.splits.cuts import published_splits
    >>> gunpoint = load_dataset("gunpoint")
    >>> split = next(published_splits(gunpoint))
    >>> baseline = TabularBaseline("summary", "extra_trees").fit(gunpoint.subset(split.train), seed=0)
    >>> baseline.predict_proba(gunpoint.take(split.test)).shape
    (150, 2)
    >>> bool((baseline.predict(gunpoint.take(split.test)) == gunpoint.labels[split.test]).mean() > 0.95)
    True
    """

    def __init__(self, features: str | None, learner: str, **feature_parameters: Any) -> None:
        make_learner(learner)  # an unknown name is an error before encoding
        if features is None and learner != "majority":
            raise ParameterError(f"table: expected features for the learner {learner}, got None")
        if learner == "1nn_dtw" and features != "raw":
            raise ParameterError(
                f"table: expected features 'raw' for the learner 1nn_dtw, which warps time, got {features!r}"
            )
        self.features = features
        self.learner = learner
        self.feature_parameters = feature_parameters
        self.classes: tuple[str, ...] = ()
        self.cost: dict[str, float] = {}
        self.record: dict[str, Any] = {}

    @classmethod
    def on_pixels(cls, encoder: AbstractEncoder, learner: str) -> "TabularBaseline":
        """Return the baseline on the pixels of an encoder's images: the image without the network."""
        return cls(PIXELS, learner, encoder=encoder)

    def fit(self, train: Dataset, *, seed: int = 0) -> "TabularBaseline":
        """Fit features and learner to a training part.

        A class may have a single sample. If there is only one class, the learner is ``"majority"``.

        Raises
        ------
        DataError
            If the samples have no labels, or are of another domain than the features.
        """
        self.classes = train.classes
        chosen = self.learner if len(self.classes) > 1 else "majority"
        table = self._fit_table(train, seed)
        self.record = {
            "features": self.features,
            "feature_parameters": self._described(),
            "learner": chosen,
            "seed": seed,
            "non_finite": {"rule": _RULE, "train": self._replaced(table), "predicted": 0},
            "versions": {package: version(package) for package in _PACKAGES},
        }
        if chosen == "1nn_dtw":
            self.record["versions"]["pyts"] = version("pyts")
        self.cost = {"features": float(table.shape[1])}
        if self.features == PIXELS:
            self.cost["bytes_per_image"] = float(table.shape[1])
        self._learner = make_learner(chosen, seed)
        self._learner.fit(self._shaped(self._finite(table)), train.targets)
        return self

    def predict_proba(self, samples: Any) -> np.ndarray:
        """Return probabilities ``(N, K)`` in the order of ``classes``."""
        if not self.classes:
            raise NotFittedError(f"table {self.features} with {self.learner}: expected fit on a training part first")
        table = self._table(samples)
        self.record["non_finite"]["predicted"] += self._replaced(table)
        return np.asarray(self._learner.predict_proba(self._shaped(self._finite(table))), dtype=np.float64)

    def predict(self, samples: Any) -> np.ndarray:
        """Return the most probable class of each sample, str ``(N,)``."""
        return np.asarray(np.array(self.classes)[self.predict_proba(samples).argmax(axis=1)])

    def warm_up(self, few: Dataset) -> None:
        """Fit a temporary copy to a few samples, to load packages and compile functions before timing."""
        type(self)(self.features, self.learner, **self.feature_parameters).fit(few).predict_proba(few.samples)

    def represent(self, samples: Any) -> np.ndarray:
        """Return the features of samples, ``(N, D)``, as ``predict_proba`` computes them; the benchmark times this."""
        return self._table(samples)

    def _fit_table(self, train: Dataset, seed: int) -> np.ndarray:
        self._transformer: Any = None
        if self.features == PIXELS:
            self._transformer = PixelColumns(**self.feature_parameters)
            domain = self._transformer.encoder.domain
        elif self.features is not None:
            self._transformer = get_features(self.features, **self.feature_parameters)
            domain = FEATURES[self.features].domain
            if "seed" in self._transformer.get_params() and "seed" not in self.feature_parameters:
                self._transformer.set_params(seed=seed)
        if self._transformer is not None:
            if domain.name != train.domain.name:
                raise DataError(
                    f"table: expected samples of {domain.name} for the features {self.features}, "
                    f"got {train.domain.name}"
                )
            self._transformer.fit(train.samples)
        table = self._table(train.samples)
        self._fill = np.zeros(table.shape[1])
        if table.dtype.kind == "f":
            finite = np.isfinite(table)
            for column in np.flatnonzero(finite.any(axis=0) & ~finite.all(axis=0)):
                self._fill[column] = np.median(table[finite[:, column], column])
        return table

    def _table(self, samples: Any) -> np.ndarray:
        if self._transformer is None:
            return np.zeros((len(samples), 0))
        return np.asarray(self._transformer.transform(samples))

    def _finite(self, table: np.ndarray) -> np.ndarray:
        if table.shape[1] == 0:
            return np.zeros((len(table), 1))  # the majority needs no column, but scikit-learn requires one
        if table.dtype.kind != "f":
            return table
        return np.clip(np.where(np.isfinite(table), table, self._fill.astype(table.dtype)), -_LARGEST, _LARGEST)

    @staticmethod
    def _replaced(table: np.ndarray) -> int:
        return 0 if table.dtype.kind != "f" else int((~(np.abs(table) <= _LARGEST)).sum())

    def _shaped(self, table: np.ndarray) -> np.ndarray:
        """Return series with their channels for time warping, all other tables unchanged."""
        if self.record["learner"] != "1nn_dtw":
            return table
        return table.reshape(len(table), self._transformer.channels_, -1)

    def _described(self) -> dict[str, Any]:
        """Return the parameters of the features, as JSON values."""
        if self._transformer is None:
            return {}
        if self.features == PIXELS:
            return {"encoder": self._transformer.encoder_.spec()}
        return {"version": FEATURES[str(self.features)].version} | dict(self._transformer.get_params())
