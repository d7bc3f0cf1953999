"""EncoderStack: several encoders as one, whose image has the channels of all of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.domain import Domain
from img_repr.core.encoder import AbstractEncoder, Encoder
from img_repr.core.errors import ParameterError
from img_repr.core.image import as_buffer, check_fits, resolve_dtype


@dataclass(frozen=True, repr=False)
class EncoderStack(AbstractEncoder):
    """Images whose channels are those of several encoders of one domain and one size.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr import get_encoder
    >>> both = get_encoder("gadf+mtf(n_bins=4)", size=8)
    >>> both(np.sin(np.linspace(0, 9, 40))[None]).shape
    (1, 2, 8, 8)
    """

    parts: tuple[Encoder, ...]

    def __post_init__(self) -> None:
        domains = {part.domain.name for part in self.parts}
        if len(domains) != 1:
            raise ParameterError(f"{self.name}: expected encoders of one domain, got {', '.join(sorted(domains))}")

    @property
    def name(self) -> str:
        """Keys of the parts, with ``+`` between them."""
        return "+".join(part.name for part in self.parts)

    @property
    def domain(self) -> Domain:
        """Kind of sample of every part."""
        return self.parts[0].domain

    @property
    def needs_fit(self) -> bool:
        """Whether a part has a parameter to fit."""
        return any(part.needs_fit for part in self.parts)

    def fit(self, samples: Any) -> "EncoderStack":
        """Fit every part."""
        return EncoderStack(tuple(part.fit(samples) for part in self.parts))

    def with_inferred(self, values: Mapping[str, Any]) -> "EncoderStack":
        """Return a stack whose parts have values for parameters that were not set explicitly."""
        return EncoderStack(tuple(part.with_inferred(values) for part in self.parts))

    def spec(self) -> dict[str, Any]:
        """Name and the specs of the parts."""
        return {"name": self.name, "parts": [part.spec() for part in self.parts]}

    def __call__(self, samples: Any, *, dtype: Any = torch.float32, lengths: Any = None, out: Any = None) -> Any:
        """Images under the contract, with the channels of all parts."""
        buffer = None if out is None else as_buffer(self.name, out)
        wanted = resolve_dtype(self.name, dtype if buffer is None else buffer.dtype)
        images = [part(samples, dtype=wanted, lengths=lengths) for part in self.parts]
        sides = {image.shape[-2:] for image in images}
        if len(sides) != 1:
            raise ParameterError(f"{self.name}: expected parts of one image size, got {sorted(map(tuple, sides))}")
        tensors = [torch.as_tensor(image) for image in images]
        if buffer is None:
            joined = torch.cat(tensors, dim=1)
            return joined if isinstance(images[0], Tensor) else joined.numpy()
        shape = (len(tensors[0]), sum(image.shape[1] for image in tensors), *tensors[0].shape[2:])
        check_fits(self.name, buffer, shape, tensors[0].device)
        torch.cat(tensors, dim=1, out=buffer)
        return out

    def back_project(self, heat: Any, sample: Any) -> np.ndarray:
        """Sum of the parts' back projections of their own channels; a ``(H, W)`` map is divided among the parts.

        Raises
        ------
        ParameterError
            If the channels of the map cannot be divided among the parts, or their back projections differ in shape.
        """
        heat = np.asarray(heat, dtype=np.float64)
        count = len(self.parts)
        if heat.ndim not in (2, 3) or (heat.ndim == 3 and len(heat) % count):
            raise ParameterError(
                f"{self.name}: expected heat (H, W), or (C, H, W) of {count} parts with as many channels each, "
                f"got shape {heat.shape}"
            )
        fractions = [heat / count] * count if heat.ndim == 2 else np.split(heat, count)
        carried = [part.back_project(fraction, sample) for part, fraction in zip(self.parts, fractions, strict=True)]
        shapes = [one.shape for one in carried]
        if len(set(shapes)) != 1:
            raise ParameterError(
                f"{self.name}: expected parts whose heat comes back in one shape, got {', '.join(map(str, shapes))}; "
                "project each part separately"
            )
        return np.asarray(np.sum(carried, axis=0))

    def __repr__(self) -> str:
        """Rebuild the stack when evaluated."""
        return f"stack_encoders({', '.join(map(repr, self.parts))})"
