"""The rows themselves as a table: the baseline for images of them."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from img_repr.core.arrays import column_names
from img_repr.core.columns import NamedColumns
from img_repr.core.errors import SampleError
from img_repr.core.features import features
from img_repr.domains.tabular.columns import fill_missing, median_of_columns
from img_repr.domains.tabular.sample import TABULAR, RowBatch, check_rows


@features(TABULAR, name="raw_columns", reference="none: the values themselves")
class RawColumns(NamedColumns):
    """The values of each row; a missing one is the median of its column in training, 0 where none was known.

    Attributes
    ----------
    medians_ : ndarray, shape (F,)
        Of the training rows.
    columns_ : list of str
        Names of a data frame's columns, else ``x0``, ``x1``, ...

    Examples
    --------
    >>> from img_repr.domains.tabular.features import RawColumns
    >>> raw = RawColumns().fit([[1.0, 5.0], [2.0, 6.0], [9.0, float("nan")]])
    >>> raw.transform([[float("nan"), 7.0]]), raw.get_feature_names_out().tolist()
    (array([[2., 7.]]), ['x0', 'x1'])
    """

    samples_in_words = "rows"
    input_tags: ClassVar[Mapping[str, bool]] = {"two_d_array": True, "allow_nan": True}

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the medians of training rows; labels are ignored."""
        batch = self._check(X)
        self.medians_ = median_of_columns(batch.values.detach().cpu().numpy())
        self._learn_names(X, batch.columns)
        names = column_names(X)
        self.columns_ = [f"x{at}" for at in range(batch.columns)] if names is None else list(names)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the table of a batch of rows, float64 ``(N, F)``."""
        self._expect_fit()
        batch = self._check(self._by_name(X))
        if batch.columns != len(self.medians_):
            raise SampleError(
                f"{self._caller}: expected rows of {len(self.medians_)} columns as in training, got {batch.columns}"
            )
        return fill_missing(batch, tuple(self.medians_.tolist())).detach().cpu().numpy()

    def _check(self, rows: Any) -> RowBatch:
        batch = check_rows(rows, caller=self._caller, allow_missing=True)
        if not batch.leading:
            raise SampleError(
                f"{self._caller}: expected a batch of rows (N, F), got one row of {batch.columns} numbers"
            )
        return batch

    def _names(self) -> list[str]:
        return self.columns_
