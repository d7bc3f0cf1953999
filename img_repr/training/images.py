"""Sources of the trainer's batches: images in memory, on disk, or encoded when they are used.

:func:`image_source` chooses the ``storage`` of a source:

- ``"memory"``: without random augmentation, if all images as float32 fit into ``MEMORY_BYTES``, or on a GPU into
  ``GPU_MEMORY_FRACTION`` of its free memory. They are encoded once and stay on the device.
- ``"disk"``: without random augmentation, if they do not fit, the data have a fingerprint, and an image costs more than
  ``CACHE_ABOVE_S`` in a first batch of ``_TIMED``. They are written as uint8 (:mod:`img_repr.training.image_cache`) and
  memory-mapped.
- ``"disk_reused"``: the same, but the images were in the cache already, whatever they cost.
- ``"on_the_fly"``: otherwise. Each batch is encoded on the device. Images that could have been cached are rounded to
  8 bits as on disk, so that the measured time decides the duration of a training and not its result.
"""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor

from img_repr.core.dataset import take
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import ParameterError, counted_from
from img_repr.core.image import ValueRange
from img_repr.training.device_memory import (
    ReusedBuffer,
    array_to_device,
    full_precision,
    is_one_array,
    labels_to_device,
    rows_at,
    sample_to_device,
    to_device,
)
from img_repr.training.image_cache import cache_images, find_images

Augment: TypeAlias = Callable[[Any, torch.Generator], Any]

MEMORY_BYTES = 2 << 30
GPU_MEMORY_FRACTION = 0.5  # the rest is for the network
CACHE_ABOVE_S = 1e-3  # per image; reading one of 224 x 224 from a disk takes a tenth of it
_BATCH_SIZE = 256
_TIMED = 16


class Images(Protocol):
    """A source of images with targets."""

    @property
    def storage(self) -> str:
        """``"memory"``, ``"disk"``, ``"disk_reused"`` or ``"on_the_fly"``; see the module."""
        ...

    @property
    def is_random(self) -> bool:
        """Whether ``batch`` augments images if it has a generator."""
        ...

    @property
    def value_range(self) -> ValueRange | None:
        """The encoder's own values that 0 and 1 stand for; None if there are none, or they differ by image."""
        ...

    def __len__(self) -> int:
        """Return the number of images."""
        ...

    def batch(self, positions: np.ndarray, generator: torch.Generator | None = None) -> Tensor:
        """Return float images ``(B, C, H, W)`` in [0, 1] at some positions; a generator augments them randomly.

        They are valid until the next call of ``batch``, which may write into the same memory: copy them to keep them.
        """
        ...

    def targets(self, positions: np.ndarray) -> Tensor:
        """Return class numbers, int64 ``(B,)``, or float64 ``(B, K)``, on the images' device."""
        ...


class ReadyImages:
    """Images in the memory of a device.

    Parameters
    ----------
    images : Tensor, shape (N, C, H, W)
        Floats in [0, 1], or uint8.
    labels : array of int, shape (N,), or of numbers, shape (N, K)
        Class numbers, or K labels (0 or 1) or K numbers of each image; floats ``(N,)`` are one number each.
    value_range : (float, float), optional
        The encoder's own values that 0 and 1 stand for; None if there are none, or they differ by image.
    """

    storage, is_random = "memory", False

    def __init__(self, images: Tensor, labels: Any, value_range: ValueRange | None = None) -> None:
        self.images, self.value_range = images, value_range
        self.labels = labels_to_device(labels, len(images), images.device)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def batch(self, positions: np.ndarray, generator: torch.Generator | None = None) -> Tensor:
        """Return the images at some positions."""
        chosen = rows_at(positions, self.images)
        return chosen.float().div_(255.0) if chosen.dtype == torch.uint8 else chosen

    def targets(self, positions: np.ndarray) -> Tensor:
        """Return class numbers, or float64 ``(B, K)``."""
        return rows_at(positions, self.labels)


class CachedImages:
    """Images on disk.

    Parameters
    ----------
    shards : sequence of ndarray
        Memory maps, uint8 ``(n, C, H, W)`` each, in the order of the images.
    labels
        As :class:`ReadyImages` takes them.
    device : torch.device
        Device of the batches.
    storage : {"disk", "disk_reused"}
        Whether the images were written by this process, or were in the cache already.
    value_range
        As :class:`ReadyImages` takes it.
    """

    is_random = False

    def __init__(
        self,
        shards: Sequence[np.ndarray],
        labels: Any,
        device: torch.device,
        storage: str = "disk",
        value_range: ValueRange | None = None,
    ) -> None:
        self.value_range = value_range
        self.shards, self.device, self.storage = shards, device, storage
        self._ends = np.cumsum([len(shard) for shard in shards])
        self.labels = labels_to_device(labels, len(self), device)
        self._floats = ReusedBuffer()

    def __len__(self) -> int:
        """Return the number of images."""
        return int(self._ends[-1])

    def batch(self, positions: np.ndarray, generator: torch.Generator | None = None) -> Tensor:
        """Read the images at some positions."""
        chosen = np.empty((len(positions), *self.shards[0].shape[1:]), dtype=np.uint8)
        owners = np.searchsorted(self._ends, positions, side="right")
        for owner in np.unique(owners):
            shard, own = self.shards[owner], owners == owner
            chosen[own] = shard[positions[own] - (self._ends[owner] - len(shard))]
        return self._floats.as_floats(to_device(torch.from_numpy(chosen), self.device))

    def targets(self, positions: np.ndarray) -> Tensor:
        """Return class numbers, or float64 ``(B, K)``."""
        return rows_at(positions, self.labels)


class EncodedImages:
    """Samples that are encoded batch by batch on the device, after augmentation if there is any.

    The encoder runs without autocast and TF32, and writes into the memory of the previous batch (1.1 to 1.3 times as
    fast from 128 x 128 on; a smaller batch uses a part of it), so a batch is valid until the next one. Samples that are
    one array of floats are copied to a GPU once if they fit into ``GPU_MEMORY_FRACTION`` of its free memory, else with
    their batch.

    Parameters
    ----------
    encoder : AbstractEncoder
        Fitted.
    samples
        A batch of raw samples.
    labels
        As :class:`ReadyImages` takes them.
    device : torch.device
    augment, augment_images : callable, optional
        ``augment(samples, generator)`` augments a batch of samples, ``augment_images(images, generator)`` their images.

    Attributes
    ----------
    eight_bits : bool
        Whether images are rounded to the 256 values of uint8.
    """

    storage = "on_the_fly"

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
        self.eight_bits = False
        self.labels = labels_to_device(labels, len(samples), device)
        self._images, self._floats = ReusedBuffer(), ReusedBuffer()
        if device.type == "cuda" and is_one_array(samples) and _fits(samples.nbytes, device):
            self.samples = array_to_device(samples, device)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.samples)

    @property
    def is_random(self) -> bool:
        """Whether samples or images are augmented randomly."""
        return self.augment is not None or self.augment_images is not None

    @property
    def value_range(self) -> ValueRange | None:
        """The encoder's own values that 0 and 1 stand for; None of several encoders, or if they differ by image."""
        found = getattr(self.encoder, "value_range", None)
        return None if found is None or not all(map(math.isfinite, found)) else found

    def batch(self, positions: np.ndarray, generator: torch.Generator | None = None) -> Tensor:
        """Encode the samples at some positions."""
        if not len(positions):  # one of several processes may have no sample
            return self.batch(np.arange(1))[:0]
        is_tensor = isinstance(self.samples, Tensor)
        taken: Any = rows_at(positions, self.samples) if is_tensor else take(self.samples, positions)
        chosen: Any
        if isinstance(taken, list):
            chosen = [sample_to_device(sample, self.device) for sample in taken]
        else:
            chosen = sample_to_device(taken, self.device)
        if generator is not None and self.augment is not None:
            chosen = self.augment(chosen, generator)
        images = self._encoded(chosen, len(positions)).to(self.device)
        if images.dtype == torch.uint8:
            images = self._floats.as_floats(images)
        if generator is not None and self.augment_images is not None:
            images = self.augment_images(images, generator)
        return images

    def targets(self, positions: np.ndarray) -> Tensor:
        """Return class numbers, or float64 ``(B, K)``."""
        return rows_at(positions, self.labels)

    def _encoded(self, samples: Any, count: int) -> Tensor:
        """Encode into the memory of the previous batch if it fits, else into new memory."""
        dtype = torch.uint8 if self.eight_bits else torch.float32
        with full_precision(self.device):
            memory = self._images.rows(count, dtype)
            if memory is not None:
                try:
                    self.encoder(samples, out=memory)
                except ParameterError:  # images of ragged samples may have another size than the previous batch
                    pass
                else:
                    return memory
            images = torch.as_tensor(self.encoder(samples, dtype=dtype))
        self._images.like(images, dtype)  # for the next batch
        return images


def image_source(
    encoder: AbstractEncoder,
    samples: Any,
    labels: Any,
    *,
    device: torch.device,
    augment: Augment | None = None,
    augment_images: Augment | None = None,
    fingerprint: Callable[[], str] | None = None,
) -> Images:
    """Return a source of images; its storage follows the rule of this module.

    Parameters
    ----------
    encoder, samples, labels, device, augment, augment_images
        As :class:`EncodedImages` takes them.
    fingerprint : callable, optional
        Returns text that identifies the samples and their order: ``Dataset.fingerprint``. It reads all samples, so it
        is called only if there is something to cache. None: nothing is cached.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from img_repr import get_encoder
    >>> from img_repr.domains.timeseries.sample import make_series
    >>> from img_repr.training.images import image_source
    >>> source = image_source(get_encoder("gadf", size=8), make_series(6), [0, 1] * 3, device=torch.device("cpu"))
    >>> source.storage, source.batch(np.arange(4)).shape, source.targets(np.arange(4)).tolist()
    ('memory', torch.Size([4, 1, 8, 8]), [0, 1, 0, 1])
    """
    source = EncodedImages(encoder, samples, labels, device, augment, augment_images)
    first = source.batch(np.arange(1))
    if source.is_random:
        return source
    if _fits(first.nbytes * len(source), device):
        images = torch.empty((len(source), *first.shape[1:]), device=device)
        for positions in np.array_split(np.arange(len(source)), -(-len(source) // _BATCH_SIZE)):
            with counted_from(int(positions[0])):
                images[int(positions[0]) : int(positions[-1]) + 1] = source.batch(positions)
        return ReadyImages(images, labels, source.value_range)
    if fingerprint is None:
        return source
    source.eight_bits, known = True, fingerprint()
    shards, storage = find_images(encoder, known, len(source)), "disk_reused"
    if shards is None and _seconds_per_image(source) > CACHE_ABOVE_S:
        shards, storage = cache_images(encoder, samples, known), "disk"
    return source if shards is None else CachedImages(shards, labels, device, storage, source.value_range)


def all_targets(images: Images) -> Tensor:
    """Return the targets of all images, on the CPU."""
    return images.targets(np.arange(len(images))).cpu()


def _fits(count: int, device: torch.device) -> bool:
    """Return whether ``count`` bytes may stay on the device."""
    if device.type == "cuda":
        return count <= GPU_MEMORY_FRACTION * torch.cuda.mem_get_info(device)[0]
    return count <= MEMORY_BYTES


def _seconds_per_image(source: Images) -> float:
    positions = np.arange(min(_TIMED, len(source)))
    started = time.perf_counter()
    float(source.batch(positions)[0, 0, 0, 0])  # reading a value waits for the GPU
    return (time.perf_counter() - started) / len(positions)
