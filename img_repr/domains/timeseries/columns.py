"""Base class of the feature sets: checked batches of series, channels, and series of one length."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from torch import Tensor

from img_repr.core.columns import NamedColumns
from img_repr.core.errors import SampleError
from img_repr.domains.timeseries.sample import SeriesBatch, check_series
from img_repr.domains.timeseries.time_windows import Windows


class SeriesColumns(NamedColumns):
    """A scikit-learn transformer from a batch of series to a table with named columns.

    Subclasses implement ``_columns(batch)``, ``_names()`` and optionally ``_fit(batch)``. Series are ``(N, T)``,
    ``(N, C, T)`` or a list of unequal lengths; missing values (NaN) are interpolated. With several channels, the names
    of the columns of channel c begin with ``c<c>_``.

    Attributes
    ----------
    channels_ : int
        Number of channels of the training series.
    """

    samples_in_words = "series"
    input_tags: ClassVar[Mapping[str, bool]] = {"two_d_array": True, "three_d_array": True, "allow_nan": True}

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the columns to training series; labels are ignored."""
        batch = self._check(X)
        self._learn_names(X, batch.values.shape[1] if batch.uniform and len(batch.leading) == 1 else None)
        self.channels_ = _channels(batch)
        self._fit(batch)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the table of a batch of series, float ``(N, number of columns)``."""
        self._expect_fit()
        batch = self._check(self._by_name(X))
        if _channels(batch) != self.channels_:
            raise SampleError(
                f"{self._caller}: expected series of {self.channels_} channels as in training, got {_channels(batch)}"
            )
        return self._columns(batch)

    def _check(self, series: Any) -> SeriesBatch:
        batch = check_series(series, caller=self._caller, missing="interpolate")
        if not batch.leading:
            raise SampleError(
                f"{self._caller}: expected a batch of series, (N, T) or (N, C, T), "
                f"got one series of {batch.values.shape[1]} values"
            )
        return replace(batch, values=batch.values.detach())

    def _fit(self, batch: SeriesBatch) -> None:
        """Do nothing by default."""

    @abstractmethod
    def _columns(self, batch: SeriesBatch) -> np.ndarray:
        """Columns of a batch, ``(N, F)``."""


def _channels(batch: SeriesBatch) -> int:
    return batch.leading[1] if len(batch.leading) == 2 else 1


def per_channel(names: list[str], channels: int) -> list[str]:
    """Names of the columns of all channels, channel by channel."""
    return names if channels == 1 else [f"c{channel}_{name}" for channel in range(channels) for name in names]


def median_length(batch: SeriesBatch) -> int:
    """Median of the valid lengths, to which series of unequal lengths are resampled."""
    return int(np.median(batch.lengths))


def at_length(batch: SeriesBatch, length: int) -> Tensor:
    """Rows resampled to one length, float64 ``(M, length)``: longer ones averaged, shorter ones interpolated."""
    if batch.uniform and batch.values.shape[1] == length:
        return batch.values
    center = batch.values.mean(dim=1, keepdim=True)  # running sums are exact around zero
    return Windows.of(batch.lengths, length).means(batch.values - center) + center
