"""Base classes of feature sets: scikit-learn transformers with named columns.

They implement scikit-learn's methods without inheriting from it, because every domain imports this file and
``import sklearn`` takes seconds. ``clone``, ``Pipeline`` and grid search need these methods, not a base class.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from img_repr.core.arrays import column_names, in_order
from img_repr.core.errors import NotFittedError, ParameterError


class NamedColumns(ABC):
    """A scikit-learn transformer from a batch of samples to a table with named columns.

    Subclasses implement :meth:`fit`, :meth:`transform` and ``_names()``. The constructor only stores its parameters,
    each under its own name; fitted attributes end in an underscore and show that ``fit`` was called.

    Attributes
    ----------
    samples_in_words : str
        Name of the samples, for messages: ``"series"``.
    input_tags : mapping of str to bool
        Keywords of ``sklearn.utils.InputTags``.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.core.columns import NamedColumns
    >>> class Extremes(NamedColumns):
    ...     def __init__(self, scale=1.0):
    ...         self.scale = scale
    ...     def fit(self, X, y=None):
    ...         self.width_ = len(X[0])
    ...         return self
    ...     def transform(self, X):
    ...         self._expect_fit()
    ...         return self.scale * np.stack([np.min(X, axis=1), np.max(X, axis=1)], axis=1)
    ...     def _names(self):
    ...         return ["lowest", "highest"]
    >>> extremes = Extremes(scale=10.0)
    >>> extremes.fit_transform([[1.0, 2.0, 3.0]])
    array([[10., 30.]])
    >>> extremes, extremes.get_feature_names_out().tolist()
    (Extremes(scale=10.0), ['lowest', 'highest'])
    """

    samples_in_words: ClassVar[str] = "samples"
    input_tags: ClassVar[Mapping[str, bool]] = {}

    @abstractmethod
    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the columns to training samples; labels are ignored."""

    @abstractmethod
    def transform(self, X: Any) -> np.ndarray:
        """Return the table of a batch of samples, float ``(N, number of columns)``."""

    @abstractmethod
    def _names(self) -> list[str]:
        """Names of the columns, once fitted."""

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """Fit the columns to samples and return their table."""
        return self.fit(X, y).transform(X)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns, str ``(number of columns,)``."""
        self._expect_fit()
        return np.array(self._names(), dtype=object)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name."""
        return {word: getattr(self, word) for word in self._parameters()}

    def set_params(self, **parameters: Any) -> Self:
        """Set parameters by name."""
        for word, value in parameters.items():
            if word not in self._parameters():
                raise ParameterError(
                    f"{self._caller}: no parameter is called {word!r}; known: {', '.join(self._parameters())}"
                )
            setattr(self, word, value)
        return self

    def __repr__(self) -> str:
        values = ", ".join(f"{word}={value!r}" for word, value in self.get_params().items())
        return f"{type(self).__name__}({values})"

    def __sklearn_is_fitted__(self) -> bool:
        return any(word.endswith("_") and not word.startswith("_") for word in vars(self))

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(),
            input_tags=InputTags(**self.input_tags),
        )

    def _learn_names(self, X: Any, count: int | None) -> None:
        """Store the column names of a data frame, and the number of columns."""
        names = column_names(X)
        self._names_in = names
        for word in ("n_features_in_", "feature_names_in_"):
            vars(self).pop(word, None)
        if count is not None:
            self.n_features_in_ = count
        if names is not None and all(isinstance(name, str) for name in X.columns):
            self.feature_names_in_ = np.array(names, dtype=object)

    def _by_name(self, X: Any) -> Any:
        """Return the columns of a data frame in the order of fit; missing and unknown columns are an error."""
        return in_order(X, self._names_in, caller=self._caller)

    @classmethod
    def _parameters(cls) -> list[str]:
        return list(inspect.signature(cls).parameters)

    @property
    def _caller(self) -> str:
        return type(self).__name__

    def _expect_fit(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(f"{self._caller}: expected fit on training {self.samples_in_words} first")


class FixedColumns(NamedColumns):
    """Columns that do not depend on training samples.

    Subclasses define ``column_names`` and ``_table(samples)``, which checks the samples.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.core.columns import FixedColumns
    >>> class Length(FixedColumns):
    ...     column_names = ("length",)
    ...     def _table(self, samples):
    ...         return np.array([[float(len(sample))] for sample in samples])
    >>> Length().fit_transform([[1, 2, 3], [4]]).tolist()
    [[3.0], [1.0]]
    """

    column_names: ClassVar[tuple[str, ...]]

    @abstractmethod
    def _table(self, samples: Any) -> np.ndarray:
        """Return the table of a batch of samples, float64 ``(N, number of columns)``."""

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the samples."""
        self._table(X)
        self.names_ = list(self.column_names)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the table of a batch of samples, float64 ``(N, number of columns)``.

        Raises
        ------
        NotFittedError
            If ``fit`` was not called.
        SampleError
            If the samples are invalid, or a single one instead of a batch.
        """
        self._expect_fit()
        return self._table(X)

    def _names(self) -> list[str]:
        return self.names_
