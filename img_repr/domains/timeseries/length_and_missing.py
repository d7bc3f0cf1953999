"""What is known of a series without its values: how long it is, and how much of it is missing."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from img_repr.core.columns import FixedColumns
from img_repr.core.errors import SampleError
from img_repr.core.features import features
from img_repr.domains.timeseries.sample import TIMESERIES, check_series


@features(
    TIMESERIES,
    name="length_and_holes",
    reference="a control: what is known without the values",
    leak_only=True,
)
class LengthAndHoles(FixedColumns):
    """The number of steps and the share of values that are missing, and none of the values.

    Where all series have one length and no hole, no row differs from another: the baseline is the majority.

    Examples
    --------
    >>> from img_repr.domains.timeseries.length_and_missing import LengthAndHoles
    >>> LengthAndHoles().fit_transform([[1.0, 2.0, 3.0, 4.0], [5.0, float("nan")]]).tolist()
    [[4.0, 0.0], [2.0, 0.5]]
    """

    samples_in_words = "series"
    column_names = ("length", "missing_share")
    input_tags: ClassVar[Mapping[str, bool]] = {"two_d_array": True, "three_d_array": True, "allow_nan": True}

    def _table(self, series: Any) -> np.ndarray:
        batch = check_series(series, caller=self._caller, missing="interpolate")
        if not batch.leading:
            raise SampleError(f"{self._caller}: expected a batch of series, (N, T) or (N, C, T), got one series")
        channels = len(batch.lengths) // batch.leading[0]
        missing = np.zeros(len(batch.lengths)) if batch.missing is None else batch.missing
        share = (missing / batch.lengths).reshape(-1, channels).mean(axis=1)
        return np.stack([batch.lengths[::channels], share], axis=1)
