"""What the feature sets of the wing share: the manners of a transformer, and series of one length.

The manners are written out here in a few lines instead of being inherited, because the walk over the wings
imports this file, and ``import sklearn`` costs seconds that ``from img_repr import encode_gadf`` must not.
``clone``, ``Pipeline`` and grid search ask for these methods, not for a class.
"""

import inspect
from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
from torch import Tensor

from img_repr.core.errors import NotFittedError, ParameterError, SampleError
from img_repr.domains.timeseries.sample import SeriesBatch, check_series
from img_repr.domains.timeseries.windows import Windows


class SeriesColumns(ABC):
    """A scikit-learn transformer from a batch of series to a table with named columns.

    A feature set gives ``_learn(batch)`` and ``_columns(batch)``; its constructor only stores its parameters.
    Series come as ``(N, T)``, as ``(N, C, T)`` or as a list of unequal lengths; missing values (NaN) are
    filled from their neighbours in time, so that a series with holes still has a row.

    Attributes
    ----------
    channels_ : int
        Number of channels of the training series.
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from training series what the columns need; labels are not looked at."""
        batch = self._check(X)
        self.channels_ = _channels(batch)
        self._learn(batch)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Give the table of a batch of series, float ``(N, number of columns)``."""
        if not hasattr(self, "channels_"):
            raise NotFittedError(f"{self._who}: expected fit on training series first")
        batch = self._check(X)
        if _channels(batch) != self.channels_:
            raise SampleError(
                f"{self._who}: expected series of {self.channels_} channels as in training, got {_channels(batch)}"
            )
        return self._columns(batch)

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """Learn from series and give their table."""
        return self.fit(X, y).transform(X)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns; those of channel c begin with ``c<c>_`` where there are several channels."""
        if not hasattr(self, "channels_"):
            raise NotFittedError(f"{self._who}: expected fit on training series first")
        return np.array(self._names(), dtype=object)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name, as scikit-learn asks for them."""
        return {word: getattr(self, word) for word in self._parameters()}

    def set_params(self, **parameters: Any) -> Self:
        """Set parameters by name."""
        for word, value in parameters.items():
            if word not in self._parameters():
                raise ParameterError(
                    f"{self._who}: no parameter is called {word!r}; known: {', '.join(self._parameters())}"
                )
            setattr(self, word, value)
        return self

    def __repr__(self) -> str:
        values = ", ".join(f"{word}={value!r}" for word, value in self.get_params().items())
        return f"{type(self).__name__}({values})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "channels_")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(),
            input_tags=InputTags(two_d_array=True, three_d_array=True, allow_nan=True),
        )

    @classmethod
    def _parameters(cls) -> list[str]:
        return list(inspect.signature(cls).parameters)

    @property
    def _who(self) -> str:
        return type(self).__name__

    def _check(self, series: Any) -> SeriesBatch:
        batch = check_series(series, who=self._who, missing="interpolate")
        if not batch.leading:
            raise SampleError(
                f"{self._who}: expected a batch of series, (N, T) or (N, C, T), "
                f"got one series of {batch.values.shape[1]} values"
            )
        return batch

    def _learn(self, batch: SeriesBatch) -> None:  # noqa: B027 - most sets learn nothing
        """Learn nothing."""

    @abstractmethod
    def _columns(self, batch: SeriesBatch) -> np.ndarray:
        """Columns of a batch, ``(N, F)``."""

    @abstractmethod
    def _names(self) -> list[str]:
        """Names of the columns."""


def _channels(batch: SeriesBatch) -> int:
    return batch.leading[1] if len(batch.leading) == 2 else 1


def per_channel(names: list[str], channels: int) -> list[str]:
    """Names of columns that each channel has, in the order of channels."""
    return names if channels == 1 else [f"c{channel}_{name}" for channel in range(channels) for name in names]


def median_length(batch: SeriesBatch) -> int:
    """Median of the valid lengths: the length that series of unequal lengths are brought to."""
    return int(np.median(batch.lengths))


def at_length(batch: SeriesBatch, length: int) -> Tensor:
    """Rows at one length, float64 ``(M, length)``: longer ones averaged, shorter ones stretched."""
    if batch.uniform and batch.values.shape[1] == length:
        return batch.values
    centre = batch.values.mean(dim=1, keepdim=True)  # running sums keep their digits around zero
    return Windows.of(batch.lengths, length).means(batch.values - centre) + centre
