"""An encoder as a scikit-learn transformer: ``clone``, ``get_params``, ``Pipeline``, grid search over its size."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from img_repr.core.encoder import AbstractEncoder, Encoder
from img_repr.core.naming import get_encoder


class EncoderTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Thin view of an encoder, for samples that are rows of a matrix.

    Parameters
    ----------
    encoder : str
        A key of ``list_encoders()``, or several with ``+`` between them.
    parameters : dict, optional
        Keywords of ``get_encoder``; ``size`` has a name of its own because one searches over it.
    size : int, optional
        Side of the image.
    flatten : bool
        Give ``(N, C * H * W)``, which classifiers take, instead of ``(N, C, H, W)``.

    Attributes
    ----------
    encoder_ : Encoder
        What ``fit`` made of it: parameters that are ``"fit"`` are learned from the samples given there.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.core.transformer import EncoderTransformer
    >>> series = np.random.default_rng(0).normal(size=(6, 30))
    >>> EncoderTransformer("gadf", size=8, flatten=True).fit_transform(series).shape
    (6, 64)
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
    def of(cls, encoder: AbstractEncoder) -> "EncoderTransformer":
        """Make the transformer of a bound encoder."""
        if isinstance(encoder, Encoder):
            values = dict(encoder.parameters)
            return cls(encoder.name, size=values.pop("size", None), parameters=values or None)
        parts = [(part["name"], dict(part["parameters"])) for part in encoder.spec()["parts"]]
        sizes = {values.get("size") for _, values in parts}
        size = sizes.pop() if len(sizes) == 1 else None  # one size for all is the transformer's own
        named = []
        for name, values in parts:
            words = [f"{word}={value!r}" for word, value in values.items() if word != "size" or size is None]
            named.append(f"{name}({', '.join(words)})" if words else name)
        return cls("+".join(named), size=size)

    def fit(self, X: Any, y: Any = None) -> "EncoderTransformer":
        """Bind the encoder and learn from ``X``, (N, T) or a list of samples, what it has to learn."""
        X = self._checked(X, ensure_min_features=2)
        chosen = dict(self.parameters or {})
        if self.size is not None:
            chosen["size"] = self.size
        self.encoder_ = get_encoder(self.encoder, **chosen).fit(X)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Images of ``X``: float32 ``(N, C, H, W)`` in [0, 1], or flat rows."""
        check_is_fitted(self)
        X = self._checked(X, reset=False)
        images: np.ndarray = self.encoder_(X)
        return images.reshape(len(images), -1) if self.flatten else images

    def _checked(self, X: Any, **rules: Any) -> Any:
        """Check a matrix as scikit-learn does; samples that are no rows of numbers are the encoder's to check."""
        if isinstance(X, list) and X and not isinstance(X[0], (list, tuple, np.ndarray, int, float, complex, str)):
            return X
        return validate_data(self, X, dtype=np.float64, **rules)

    def __sklearn_tags__(self) -> Any:
        """Images are float32 whatever came."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Whether ``fit`` was called."""
        return hasattr(self, "encoder_")
