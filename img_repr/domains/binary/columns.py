"""What the feature sets of the domain share: a checked batch of binaries, and one row for each, whatever its length."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from img_repr.core.columns import NamedColumns
from img_repr.core.errors import SampleError
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.sample import BinaryBatch, check_binaries


class BinaryColumns(NamedColumns):
    """A scikit-learn transformer from a batch of binaries to a table with named columns.

    A feature set gives ``_row(binary)``, ``_names()`` and, where it has parameters, ``_check_parameters()``. A batch
    is a list of what :func:`~img_repr.domains.binary.sample.check_binaries` takes, or pieces of one length as uint8
    ``(N, L)``. A file is read piece by piece: its length costs time and no memory. Bytes that are not known are not
    counted; where none is, the row is of zeros.

    Attributes
    ----------
    columns_ : int
        Their number.
    """

    samples_in_words = "binaries"
    input_tags: ClassVar[Mapping[str, bool]] = {"two_d_array": True}

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check parameters and samples; nothing is learned."""
        self._check_parameters()
        self._check(X)
        self.columns_ = len(self._names())
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Give the table of a batch of binaries, float32 ``(N, number of columns)``."""
        self._expect_fit()
        binaries = self._check(X).binaries
        table = np.empty((len(binaries), self.columns_), np.float32)
        for row, binary in zip(table, binaries, strict=True):
            row[:] = self._row(binary)
        return table

    def _check(self, binaries: Any) -> BinaryBatch:
        batch = check_binaries(binaries, caller=self._caller)
        if not batch.leading:
            raise SampleError(f"{self._caller}: expected a batch of binaries, a list of them or uint8 (N, L), got one")
        return batch

    def _check_parameters(self) -> None:
        """Refuse nothing."""

    @abstractmethod
    def _row(self, binary: Binary) -> np.ndarray:
        """Columns of one binary, ``(number of columns,)``."""
