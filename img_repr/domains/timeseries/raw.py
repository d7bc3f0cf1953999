"""The values of series as a table: the simplest baseline, and the input of nearest neighbors under time warping."""

import numpy as np

from img_repr.core.errors import ParameterError
from img_repr.core.features import features
from img_repr.domains.timeseries.columns import SeriesColumns, at_length, median_length, per_channel
from img_repr.domains.timeseries.sample import TIMESERIES, SeriesBatch


@features(TIMESERIES, name="raw", reference="none: the values themselves")
class RawSeries(SeriesColumns):
    """The values of each series, one column per time step, channel after channel.

    Parameters
    ----------
    length : int, optional
        Steps per channel. Default: the length of the training series, or their median length.
        Longer series are averaged over windows, shorter ones interpolated.

    Attributes
    ----------
    length_ : int
        Steps per channel.

    Examples
    --------
    >>> from img_repr.domains.timeseries.raw import RawSeries
    >>> RawSeries().fit_transform([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [0.0, 3.0]])
    array([[1. , 2. , 3. ],
           [4. , 5. , 6. ],
           [0. , 1.5, 3. ]])
    """

    def __init__(self, length: int | None = None) -> None:
        self.length = length

    def _fit(self, batch: SeriesBatch) -> None:
        if self.length is not None and (not isinstance(self.length, (int, np.integer)) or self.length < 1):
            raise ParameterError(f"{self._caller}: expected length to be at least 1, got {self.length!r}")
        self.length_ = median_length(batch) if self.length is None else int(self.length)

    def _columns(self, batch: SeriesBatch) -> np.ndarray:
        return at_length(batch, self.length_).cpu().numpy().reshape(batch.leading[0], -1)

    def _names(self) -> list[str]:
        return per_channel([f"t{step}" for step in range(self.length_)], self.channels_)
