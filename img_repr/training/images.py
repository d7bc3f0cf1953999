"""Where the trainer's batches come from: ready images, or samples that become images when they are asked for.

The rule: images that are not drawn anew are encoded once and kept on the device while they fit ``KEEP_BYTES``;
else raw samples stay where they are and each batch is encoded on the device.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor

from img_repr.core.dataset import take
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import counted_from

Augment: TypeAlias = Callable[[Any, torch.Generator], Any]

KEEP_BYTES = 2 << 30
_ENCODE_AT_ONCE = 256


class Images(Protocol):
    """A labelled source of contract images."""

    def __len__(self) -> int:
        """Count the images."""
        ...

    def batch(self, positions: np.ndarray, draw: torch.Generator | None = None) -> Tensor:
        """Float images ``(B, C, H, W)`` in [0, 1] at the given positions; drawn anew where ``draw`` is given."""
        ...

    def targets(self, positions: np.ndarray) -> Tensor:
        """Class numbers ``(B,)`` on the images' device."""
        ...


class ReadyImages:
    """Images that lie on the device already.

    Parameters
    ----------
    images : Tensor, shape (N, C, H, W)
        Floats in [0, 1], or uint8.
    labels : array of int, shape (N,)
    """

    def __init__(self, images: Tensor, labels: Any) -> None:
        self.images = images
        self.labels = torch.as_tensor(labels, dtype=torch.int64).to(images.device)

    def __len__(self) -> int:
        """Count the images."""
        return len(self.images)

    def batch(self, positions: np.ndarray, draw: torch.Generator | None = None) -> Tensor:
        """Images at the given positions."""
        chosen = self.images[torch.from_numpy(positions).to(self.images.device)]
        return chosen.float() / 255.0 if chosen.dtype == torch.uint8 else chosen

    def targets(self, positions: np.ndarray) -> Tensor:
        """Class numbers."""
        return self.labels[torch.from_numpy(positions).to(self.labels.device)]


class EncodedImages:
    """Samples that become images per batch, on the device; with ``augment`` they are drawn anew in training.

    Parameters
    ----------
    encoder : AbstractEncoder
        Fitted.
    samples
        A batch of raw samples.
    labels : array of int, shape (N,)
    device : torch.device
    augment, augment_images : callable, optional
        ``augment(samples, generator)`` draws a variant of a batch of samples, ``augment_images(images, generator)``
        of their images.
    """

    def __init__(
        self,
        encoder: AbstractEncoder,
        samples: Any,
        labels: Any,
        device: torch.device,
        augment: Augment | None = None,
        augment_images: Augment | None = None,
    ) -> None:
        self.encoder, self.device = encoder, device
        self.augment, self.augment_images = augment, augment_images
        self.samples = samples
        self.labels = torch.as_tensor(labels, dtype=torch.int64).to(device)

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.samples)

    def batch(self, positions: np.ndarray, draw: torch.Generator | None = None) -> Tensor:
        """Encode the samples at the given positions."""
        taken = take(self.samples, positions)
        chosen: Any = [self._placed(sample) for sample in taken] if isinstance(taken, list) else self._placed(taken)
        if draw is not None and self.augment is not None:
            chosen = self.augment(chosen, draw)
        images = torch.as_tensor(self.encoder(chosen)).to(self.device)
        if draw is not None and self.augment_images is not None:
            images = self.augment_images(images, draw)
        return images

    def _placed(self, sample: Any) -> Any:
        """Bring floats, and samples that can be brought, to the device, whatever their strides and byte order."""
        if hasattr(sample, "to"):
            return sample.to(self.device)
        if not (isinstance(sample, np.ndarray) and sample.dtype.kind == "f"):
            return sample
        return torch.from_numpy(np.array(sample, dtype=sample.dtype.newbyteorder("="), order="C")).to(self.device)

    def targets(self, positions: np.ndarray) -> Tensor:
        """Class numbers."""
        return self.labels[torch.from_numpy(positions).to(self.labels.device)]


def images_of(
    encoder: AbstractEncoder,
    samples: Any,
    labels: Any,
    *,
    device: torch.device,
    augment: Augment | None = None,
    augment_images: Augment | None = None,
) -> Images:
    """Make the source that the module's rule asks for."""
    drawn = EncodedImages(encoder, samples, labels, device, augment, augment_images)
    first = drawn.batch(np.arange(1))
    if augment is not None or augment_images is not None or first.nbytes * len(drawn) > KEEP_BYTES:
        return drawn
    kept = torch.empty((len(drawn), *first.shape[1:]), device=device)
    for positions in np.array_split(np.arange(len(drawn)), -(-len(drawn) // _ENCODE_AT_ONCE)):
        with counted_from(int(positions[0])):
            kept[int(positions[0]) : int(positions[-1]) + 1] = drawn.batch(positions)
    return ReadyImages(kept, labels)
