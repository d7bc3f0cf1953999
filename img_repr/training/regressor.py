"""ImageRegressor: encoders and a CNN as a regressor of raw samples."""

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d
from torch import Tensor

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.training.estimator import ImageEstimator
from img_repr.training.task import Regression, Task

_STRATA = 5  # of the targets, so that the validation part has low and high ones


class ImageRegressor(RegressorMixin, ImageEstimator):  # type: ignore[misc]
    """Predict numbers of raw samples by images of them; the parameters are those of :class:`ImageClassifier`.

    Attributes
    ----------
    encoders_, members_, cost_, record_, n_features_in_, feature_names_in_
        As in :class:`ImageClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.training.regressor import ImageRegressor
    >>> waves = np.random.default_rng(0).normal(size=(20, 30)).cumsum(axis=1)
    >>> model = ImageRegressor("gadf", size=8, epochs=1, min_steps=1).fit(waves, waves[:, -1])
    >>> model.predict(waves[:3]).shape
    (3,)
    """

    _kind, _caller = "regressor", "image regressor"

    def predict(self, X: Any) -> np.ndarray:
        """Return the mean of the networks' predictions in the units of the targets, float64 ``(N,)`` or ``(N, K)``."""
        tta = self.config.tta
        predicted = np.mean([member.predict_proba(images, tta=tta) for member, images in self._sources(X)], axis=0)
        return np.asarray(predicted[:, 0] if predicted.shape[1] == 1 else predicted)

    def _prepared(self, X: Any, y: Any, groups: Any) -> tuple[Dataset, np.ndarray, Task]:
        train, targets, task = super()._prepared(X, y, groups)
        if len(targets) < 2:
            raise DataError(f"{train.name}: expected at least two samples to train on, got one sample")
        first = targets.reshape(len(targets), -1)[:, 0]
        strata = np.searchsorted(np.quantile(first, np.linspace(0, 1, _STRATA + 1)[1:-1]), first)
        return replace(train, labels=strata.astype(str)), targets, task

    def _target(self, train: Dataset) -> tuple[np.ndarray, Task]:
        try:
            targets = np.asarray(train.known_labels, dtype=np.float64)
        except (ValueError, TypeError) as error:
            raise DataError(f"{train.name}: expected y to be numbers, got {error}") from error
        if targets.ndim == 2 and targets.shape[1] == 1:
            targets = column_or_1d(targets, warn=True)
        if not np.isfinite(targets).all():
            raise DataError(f"{train.name}: expected y to be finite numbers, got NaN or infinity")
        return targets, Regression(1 if targets.ndim == 1 else targets.shape[1])

    def _calibrate(self, logits: list[Tensor], truth: list[np.ndarray]) -> None:
        """Do nothing: regression has no temperature."""

    def _record_of_kind(self) -> dict[str, Any]:
        return {}

    def _restore_kind(self, record: dict[str, Any]) -> None:
        """Do nothing: a regressor has no fields of its own."""
