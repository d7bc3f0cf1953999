"""An encoder as a scikit-learn transformer: ``clone``, ``get_params``, ``Pipeline``, ``set_output``, grid search."""

import warnings
from numbers import Real
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array, check_is_fitted
from torch import Tensor

from img_repr.core.arrays import as_array, as_rows, column_names, in_order, is_frame
from img_repr.core.encoder import AbstractEncoder, Encoder
from img_repr.core.errors import ImgReprError, SampleError
from img_repr.core.naming import get_encoder
from img_repr.core.stack import EncoderStack


class NotNumbersError(SampleError, TypeError):
    """Samples that are not numbers; a ``TypeError`` too, as scikit-learn's checks expect."""


def _gives_rows(transformer: "EncoderTransformer") -> bool:
    return transformer.flatten


class EncoderTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A scikit-learn transformer that returns the images of an encoder as numpy arrays.

    Rows of a matrix are checked as in scikit-learn: the number of columns and the names of a data frame's columns must
    be those of ``fit``.

    Parameters
    ----------
    encoder : str
        A key of ``list_encoders()``, or several with ``+`` between them.
    parameters : dict, optional
        Keywords of ``get_encoder``; ``size`` is separate, so that a grid search can vary it.
    size : int, optional
        Side of the image.
    flatten : bool
        Return rows ``(N, C * H * W)`` for the next step of a ``Pipeline`` instead of images ``(N, C, H, W)``. Rows have
        names, and ``set_output`` can return them as a data frame.

    Attributes
    ----------
    encoder_ : Encoder
        The encoder with its fitted parameters.
    n_features_in_ : int
        Columns of the training rows; only for matrices.
    feature_names_in_ : ndarray of str
        Names of the columns of a data frame, if all are text.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr import EncoderTransformer, get_encoder
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> series = np.random.default_rng(0).normal(size=(6, 30))
    >>> rows = EncoderTransformer.from_encoder(get_encoder("gadf", size=8), flatten=True)
    >>> rows.fit_transform(series).shape, rows.get_feature_names_out()[:2].tolist()
    ((6, 64), ['gadf_0_0_0', 'gadf_0_0_1'])
    >>> make_pipeline(rows, LogisticRegression()).fit(series, [0, 1] * 3).predict(series).shape
    (6,)
    """

    def __init__(
        self,
        encoder: str = "gadf",
        *,
        size: int | None = None,
        parameters: dict[str, Any] | None = None,
        flatten: bool = False,
    ) -> None:
        self.encoder = encoder
        self.size = size
        self.parameters = parameters
        self.flatten = flatten

    @classmethod
    def from_encoder(cls, encoder: AbstractEncoder, *, flatten: bool = False) -> "EncoderTransformer":
        """Return the transformer of an encoder."""
        if isinstance(encoder, Encoder):
            values = dict(encoder.parameters)
            return cls(encoder.name, size=values.pop("size", None), parameters=values or None, flatten=flatten)
        parts = [(part["name"], dict(part["parameters"])) for part in encoder.spec()["parts"]]
        sizes = {values.get("size") for _, values in parts}
        size = sizes.pop() if len(sizes) == 1 else None  # one size for all is the transformer's own
        named = []
        for name, values in parts:
            words = [f"{word}={value!r}" for word, value in values.items() if word != "size" or size is None]
            named.append(f"{name}({', '.join(words)})" if words else name)
        return cls("+".join(named), size=size, flatten=flatten)

    def fit(self, X: Any, y: Any = None) -> "EncoderTransformer":
        """Fit the encoder to a batch of samples; labels are ignored.

        Raises
        ------
        SampleError
            If ``X`` is not a batch of samples.
        """
        encoder = self._bound()
        samples = self._checked(X, reset=True)
        self.encoder_ = encoder.fit(samples)
        if self.flatten:
            self._shape = self._shape_of_one(samples)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the images of a batch of samples: float32 ``(N, C, H, W)`` in [0, 1], or their rows."""
        check_is_fitted(self)
        images = self.encoder_(self._checked(X, reset=False))
        images = images.detach().cpu().numpy() if isinstance(images, Tensor) else images
        return images.reshape(len(images), -1) if self.flatten else images

    @available_if(_gives_rows)  # type: ignore[untyped-decorator]
    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the pixels, ``<encoder>_<channel>_<row>_<column>``, str ``(C * H * W,)``."""
        check_is_fitted(self)
        return np.array(
            [f"{self.encoder_.name}_{'_'.join(map(str, place))}" for place in np.ndindex(self._shape)], dtype=object
        )

    def _bound(self) -> AbstractEncoder:
        chosen = dict(self.parameters or {})
        if self.size is not None:
            chosen["size"] = self.size
        return get_encoder(self.encoder, **chosen)

    def _shape_of_one(self, samples: Any) -> tuple[int, ...]:
        """Shape ``(C, H, W)`` of the image of the first sample."""
        several = isinstance(samples, (np.ndarray, Tensor, list, tuple))
        foreign = not several and (is_frame(samples) or hasattr(samples, "__array__"))
        first = as_array(samples, caller=self._caller) if foreign else samples
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # transform repeats them for all samples
                return tuple(self.encoder_(first[:1] if several or foreign else first).shape[1:])
        except SampleError as error:
            known = f" (n_features = {self.n_features_in_})" if hasattr(self, "n_features_in_") else ""
            raise SampleError(f"{error}{known}") from error

    def _checked(self, X: Any, *, reset: bool) -> Any:
        """Check rows of a matrix as scikit-learn does; other samples are checked by the encoder."""
        names = column_names(X)
        if reset:
            self._columns = names
            for fitted in ("n_features_in_", "feature_names_in_"):
                self.__dict__.pop(fitted, None)
            if names is not None and all(isinstance(name, str) for name in X.columns):
                self.feature_names_in_ = np.array(names, dtype=object)
        X = in_order(X, self._columns, caller=self._caller)
        found = _matrix(X, self._caller)
        if found is None or found.ndim > 2:
            return X
        if found.ndim < 2:
            raise SampleError(
                f"{self._caller}: expected a batch of samples (N, T), got one of shape {found.shape}; "
                "Reshape your data: X.reshape(1, -1)"
            )
        try:
            check_array(found, dtype=None, ensure_all_finite="allow-nan" if self._takes_missing() else True)
        except (ValueError, TypeError) as error:
            raise SampleError(f"{self._caller}: {' '.join(str(error).partition(chr(10))[0].split())}") from None
        count = found.shape[1]
        if reset:
            self.n_features_in_ = count
        elif count != getattr(self, "n_features_in_", count):
            raise SampleError(
                f"{self._caller}: X has {count} features, but {type(self).__name__} is expecting {self.n_features_in_} "
                "features as input"
            )
        return X

    @property
    def _caller(self) -> str:
        return f"{type(self).__name__}({self.encoder!r})"

    def _takes_missing(self) -> bool:
        try:
            encoder = self._bound()
        except (ImgReprError, TypeError):  # fit raises it
            return False
        parts = encoder.parts if isinstance(encoder, EncoderStack) else (encoder,)
        return all(isinstance(one, Encoder) and one.all_parameters.get("missing", "raise") != "raise" for one in parts)

    def __sklearn_tags__(self) -> Any:
        """Images are float32 for every input; samples may have several channels."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = self._takes_missing()
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Whether ``fit`` was called."""
        return hasattr(self, "encoder_")


def _matrix(X: Any, caller: str) -> np.ndarray | None:
    """Return rows as an array; None for other kinds of samples and rows of unequal lengths."""
    if isinstance(X, Tensor):
        return X.detach().cpu().to(X.dtype if X.is_complex() else torch.float64).numpy()
    if isinstance(X, (list, tuple)):
        numbers = all(isinstance(one, (list, tuple, np.ndarray, Real)) or hasattr(one, "to_numpy") for one in X)
        if not X or not numbers:
            return None
    elif not any(hasattr(X, word) for word in ("__array__", "to_numpy", "toarray")):
        return None
    try:
        found = as_rows(X, caller=caller)
    except SampleError as error:
        raise NotNumbersError(f"{error} (float() argument must be a string or a real number)") from None
    return found if isinstance(found, np.ndarray) else None
