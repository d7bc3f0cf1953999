"""Encoder: a pure, batched function from samples to images, with its parameters bound and the image contract applied.

The reason for its length: one value with all its views.

The public function ``encode_<name>`` defines the images; an ``Encoder`` is a frozen value that refers to it.
"""

import importlib
import inspect
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from math import isinf
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from img_repr.core.arrays import column_names
from img_repr.core.domain import Domain
from img_repr.core.errors import DegenerateSampleWarning, NotFittedError, ParameterError
from img_repr.core.image import ValueRange, as_buffer, leaves_range, resolve_dtype, to_unit, with_channel_axis
from img_repr.core.metadata import ENCODERS, FIT, EncoderMetadata
from img_repr.core.registry import did_you_mean


class AbstractEncoder(ABC):
    """Interface of an encoder, single or stacked."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Key, with ``+`` between the parts of a stack."""

    @property
    @abstractmethod
    def domain(self) -> Domain:
        """Kind of sample."""

    @property
    @abstractmethod
    def needs_fit(self) -> bool:
        """Whether a parameter must still be fitted to training data."""

    @abstractmethod
    def fit(self, samples: Any) -> "AbstractEncoder":
        """Return a new, frozen encoder with parameters fitted to training samples."""

    def with_inferred(self, values: Mapping[str, Any]) -> "AbstractEncoder":
        """Return an encoder with values for parameters that were not set explicitly; by default the encoder itself."""
        return self

    @abstractmethod
    def spec(self) -> dict[str, Any]:
        """Return everything that determines the image, as JSON values; ``encoder_from_spec`` reads it."""

    @abstractmethod
    def __call__(self, samples: Any, *, dtype: Any = torch.float32, lengths: Any = None, out: Any = None) -> Any:
        """Return the images of samples under the contract: ``(N, C, H, W)``, finite, in [0, 1] (uint8: 0..255).

        Parameters
        ----------
        samples
            A batch, as for the public function: an array, a tensor or a list.
        dtype : optional
            Default: float32.
        lengths : optional
            Valid lengths of padded samples.
        out : optional
            A contiguous ``(N, C, H, W)`` buffer to write into.

        Returns
        -------
        ndarray or Tensor
            A tensor for tensors, else numpy.
        """

    @abstractmethod
    def back_project(self, heat: Any, sample: Any) -> np.ndarray:
        """Project a heat map over one image back to its sample; the sum is conserved.

        Parameters
        ----------
        heat : array, shape (H, W) or (C, H, W)
            Weights over the pixels of the image, or of each of its channels.
        sample
            The sample of the image.

        Returns
        -------
        ndarray
            Weights over the sample; for a series, of its shape.
        """

    def as_module(self) -> nn.Module:
        """Return the encoder as a module: :class:`img_repr.core.module.EncoderModule`."""
        module: nn.Module = _view("module").EncoderModule(self)
        return module

    def as_transformer(self, *, flatten: bool = False) -> Any:
        """Return the encoder as a scikit-learn transformer: :class:`img_repr.core.transformer.EncoderTransformer`.

        Parameters
        ----------
        flatten : bool
            Return rows ``(N, C * H * W)``, which the next step of a ``Pipeline`` takes, instead of images.
        """
        return _view("transformer").EncoderTransformer.from_encoder(self, flatten=flatten)


def _view(module: str) -> Any:
    """Import a module that is built on this one, when it is called for."""
    return importlib.import_module(f"img_repr.core.{module}")


@dataclass(frozen=True, repr=False, eq=False)
class Encoder(AbstractEncoder):
    """One encoder with its parameters bound: frozen, comparable, hashable, picklable.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr import get_encoder
    >>> gadf = get_encoder("gadf", size=8)
    >>> gadf
    get_encoder('gadf', size=8)
    >>> gadf(np.sin(np.linspace(0, 9, 40))[None]).shape
    (1, 1, 8, 8)
    """

    metadata: EncoderMetadata
    key: str
    parameters: tuple[tuple[str, Any], ...]
    explicit: frozenset[str] = frozenset()
    """Names of the parameters that were set explicitly, also to their default."""

    @classmethod
    def of(cls, metadata: EncoderMetadata, parameters: Mapping[str, Any]) -> "Encoder":
        """Bind parameters, checking their names."""
        known = metadata.defaults()
        for name in parameters:
            if name not in known:
                hint = f"{did_you_mean(name, known)} known: {', '.join(known)}".strip()
                raise ParameterError(f"{metadata.name}: no parameter is called {name!r}; {hint}")
        frozen = {name: _freeze(value) for name, value in parameters.items()}
        changed = {name: value for name, value in frozen.items() if repr(value) != repr(known[name])}  # 1 is not 1.0
        return cls(metadata, metadata.name, tuple(sorted(changed.items())), frozenset(frozen))

    @property
    def name(self) -> str:
        """Key of the encoder."""
        return self.key

    @property
    def domain(self) -> Domain:
        """Kind of sample."""
        return self.metadata.domain

    @property
    def all_parameters(self) -> dict[str, Any]:
        """Every parameter with its value, defaults included."""
        return self.metadata.defaults() | dict(self.parameters)

    @property
    def value_range(self) -> ValueRange:
        """Declared range of the function's own values under these parameters."""
        declared = self.metadata.value_range
        return declared(self.all_parameters) if callable(declared) else declared

    @property
    def needs_fit(self) -> bool:
        """Whether a parameter is still ``"fit"``."""
        return self.metadata.fit is not None and any(value == FIT for _, value in self.parameters)

    def fit(self, samples: Any) -> "Encoder":
        """Return an encoder whose parameters ``"fit"`` are fitted to training samples; without any, itself.

        An encoder with a parameter ``columns`` also stores the column names of a data frame.
        """
        known = self.all_parameters
        names = column_names(samples) if known.get("columns", ()) is None else None
        if not self.needs_fit and names is None:
            return self
        chosen = dict(self.parameters) | ({} if names is None else {"columns": names})
        if self.needs_fit and self.metadata.fit is not None:
            chosen |= self.metadata.fit(samples, known | chosen)
        return Encoder.of(self.metadata, chosen)

    def with_inferred(self, values: Mapping[str, Any]) -> "Encoder":
        """Return an encoder with values for parameters that were not set explicitly.

        Examples
        --------
        >>> from img_repr import get_encoder
        >>> values = {"missing": "interpolate", "preset": "speech"}
        >>> get_encoder("gadf").with_inferred(values), get_encoder("gadf", missing="raise").with_inferred(values)
        (get_encoder('gadf', missing='interpolate'), get_encoder('gadf'))
        """
        known = self.metadata.defaults()
        new = {name: value for name, value in values.items() if name in known and name not in self.explicit}
        set_already = {name: value for name, value in self.all_parameters.items() if name in self.explicit}
        return Encoder.of(self.metadata, set_already | new) if new else self

    def spec(self) -> dict[str, Any]:
        """Name, version and parameters, as JSON values."""
        return {"name": self.key, "version": self.metadata.version, "parameters": dict(self.parameters)}

    def __call__(self, samples: Any, *, dtype: Any = torch.float32, lengths: Any = None, out: Any = None) -> Any:
        """Images under the contract; see :meth:`AbstractEncoder.__call__`."""
        if self.needs_fit:
            raise NotFittedError(
                f"{self.key}: expected a call of fit(training_samples) first, for the parameters that are 'fit'"
            )
        call_only = {} if lengths is None else {"lengths": lengths}
        if call_only and "lengths" not in inspect.signature(self.metadata.function).parameters:
            raise ParameterError(f"{self.key}: expected no lengths, got some; its samples have their own")
        arguments = call_only | dict(self.parameters)
        try:
            images = self.metadata.function(samples, dtype=dtype if out is None else None, out=out, **arguments)
        except MemoryError as error:
            raise ParameterError(
                f"{self.key}: expected images that fit into memory, got {error or 'none left'}; "
                "a smaller size= or fewer samples at a time need less"
            ) from error
        tensor = self._checked(images, dtype, out)
        if tensor.dtype != torch.uint8:
            if isinf(self.value_range[1]) and leaves_range(tensor):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DegenerateSampleWarning)  # the first call has warned
                    exact = torch.as_tensor(self.metadata.function(samples, dtype=torch.float64, **arguments))
                tensor.copy_(to_unit(exact, self.value_range).view_as(tensor))
            else:
                tensor = to_unit(tensor, self.value_range)
        if out is not None:
            return out
        tensor = with_channel_axis(tensor, channeled=self.metadata.channeled)
        return tensor if isinstance(images, Tensor) else tensor.numpy()

    def _checked(self, images: Any, dtype: Any, out: Any) -> Tensor:
        """Return the function's result as a tensor, after a check of the contract."""
        if out is not None and images is not out:
            raise ParameterError(f"{self.key}: expected an encoder that writes into out and returns it, got another")
        if out is not None:
            tensor = as_buffer(self.key, out)
        elif isinstance(images, np.ndarray):
            resolve_dtype(self.key, images.dtype)
            tensor = torch.from_numpy(np.require(images, images.dtype.newbyteorder("="), ["C", "W"]))
        elif isinstance(images, Tensor):
            tensor = images
        else:
            raise ParameterError(
                f"{self.key}: expected an encoder that returns an array or a tensor, got {images!r:.60}"
            )
        fewest = 3 if self.metadata.channeled else 2
        if not fewest <= tensor.ndim <= 4 or 0 in tensor.shape[-fewest:]:
            raise ParameterError(
                f"{self.key}: expected an encoder that returns {'(N, C, H, W)' if fewest == 3 else '(N, H, W)'}, "
                f"got shape {tuple(tensor.shape)}"
            )
        wanted = dtype if out is None else out.dtype
        expected = None if wanted is None else resolve_dtype(self.key, wanted)
        if out is None and expected is not None and expected.is_floating_point and tensor.is_floating_point():
            tensor = tensor.to(expected)  # another precision of the same values
        if expected is not None and tensor.dtype != expected:
            raise ParameterError(
                f"{self.key}: expected an encoder that returns {wanted} as asked by dtype, got {tensor.dtype}; "
                "img_repr.core.image.render writes images in the dtype asked for"
            )
        return tensor

    def back_project(self, heat: Any, sample: Any) -> np.ndarray:
        """Project a heat map back to the sample; see :meth:`AbstractEncoder.back_project`."""
        if self.metadata.back_project is None:
            raise ParameterError(f"{self.key}: it has no map from its pixels back to its samples")
        return self.metadata.back_project(np.asarray(heat, dtype=np.float64), sample, **dict(self.parameters))

    def __repr__(self) -> str:
        """Expression that rebuilds the encoder."""
        return f"get_encoder({', '.join([repr(self.key), *(f'{k}={v!r}' for k, v in self.parameters)])})"

    def __eq__(self, other: object) -> bool:
        """Whether name and parameters are equal; sizes 1 (pixels) and 1.0 (fraction) differ."""
        return isinstance(other, Encoder) and repr(self) == repr(other)

    def __hash__(self) -> int:
        """Hash name and parameters."""
        return hash(repr(self))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by name: the function's module is imported again, never stored."""
        values = self.all_parameters
        given = tuple(sorted((name, values[name]) for name in self.explicit | dict(self.parameters).keys()))
        return _rebuild, (self.metadata.function.__module__, self.key, given)


def _freeze(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return tuple(_freeze(item) for item in value)
    return value.item() if isinstance(value, np.generic) else value


def _rebuild(module: str, name: str, parameters: tuple[tuple[str, Any], ...]) -> Encoder:
    importlib.import_module(module)
    return Encoder.of(ENCODERS[name], dict(parameters))
