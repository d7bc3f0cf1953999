"""Base class of the feature sets: traces of any length, some hundred thousand events at a time."""

from abc import abstractmethod
from typing import Any, Self

import numpy as np

from img_repr.core.columns import NamedColumns
from img_repr.core.errors import SampleError
from img_repr.domains.mouse.events import Events, events_of
from img_repr.domains.mouse.sample import TraceBatch, check_traces
from img_repr.domains.mouse.trace import Trace

_EVENTS_AT_ONCE = 200_000


class TraceColumns(NamedColumns):
    """A scikit-learn transformer from a batch of traces to a table with named columns.

    Subclasses implement ``_table(events)``, which returns columns by name, and optionally ``_fit(batch)``, to fit or
    check parameters. The row of a trace does not depend on other traces.

    Attributes
    ----------
    names_ : list of str
        Names of the columns.
    """

    samples_in_words = "traces"

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters and fit the columns to traces; labels are ignored."""
        self._fit(check_traces(X, caller=self._caller))
        still = Trace(np.zeros(1), np.zeros(1), np.zeros(1))
        self.names_ = list(self._table(events_of(check_traces(still, caller=self._caller))))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the table of a batch of traces, float64 ``(N, number of columns)``, all finite.

        Raises
        ------
        NotFittedError
            If ``fit`` was not called.
        SampleError
            If the traces are invalid, or a single one instead of a batch.
        """
        self._expect_fit()
        if isinstance(X, Trace):
            raise SampleError(f"{self._caller}: expected a batch of traces, a list of them, got one")
        portions = events_of(check_traces(X, caller=self._caller)).in_portions(_EVENTS_AT_ONCE)
        return np.concatenate([np.stack(list(self._table(some).values()), axis=1) for some in portions])

    def _names(self) -> list[str]:
        return self.names_

    def _fit(self, batch: TraceBatch) -> None:
        """Do nothing by default."""

    @abstractmethod
    def _table(self, events: Events) -> dict[str, np.ndarray]:
        """Columns by name, ``(N,)`` each."""
