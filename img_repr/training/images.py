"""Where the trainer's batches come from: ready images, or samples that become images where they are used.

The rule by which :func:`image_source` chooses, and the word for it that a source carries as ``how``:

- ``"kept"``: nothing is drawn again, and all images as float32 fit into the room there is: ``KEEP_BYTES``, on a CUDA
  card ``KEEP_SHARE`` of what is free on it. They are encoded once and kept on the device.
- ``"cached"``: nothing is drawn again, they do not fit, the data's fingerprint is given, and an image costs more than
  ``CACHE_ABOVE_S``, as the first batch of ``_TIMED`` tells. They are written as uint8 on disk
  (:mod:`img_repr.training.image_cache`) and memory-mapped.
- ``"found"``: the same, but the images lay in the cache already, whatever they cost.
- ``"encoded"``: else. Each batch is encoded on the device. Images that could have been cached have the 8 bits that
  they would have there, so that a clock decides how long a training takes and not what comes out of it.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor

from img_repr.core.dataset import take
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import ParameterError, counted_from
from img_repr.training.image_cache import cache_images, find_images
from img_repr.training.placing import Reused, at, exact, is_one_array, labels_on, placed, placed_whole, sent

Augment: TypeAlias = Callable[[Any, torch.Generator], Any]

KEEP_BYTES = 2 << 30
KEEP_SHARE = 0.5  # the rest is for the network
CACHE_ABOVE_S = 1e-3  # per image: a disk gives one of 224 x 224 in a tenth of it
_ENCODE_AT_ONCE = 256
_TIMED = 16


class Images(Protocol):
    """A labeled source of contract images."""

    @property
    def how(self) -> str:
        """Which way of the module's rule it goes: ``"kept"``, ``"cached"``, ``"found"`` or ``"encoded"``."""
        ...

    @property
    def is_random(self) -> bool:
        """Whether ``draw`` changes what ``batch`` gives."""
        ...

    def __len__(self) -> int:
        """Count the images."""
        ...

    def batch(self, positions: np.ndarray, draw: torch.Generator | None = None) -> Tensor:
        """Float images ``(B, C, H, W)`` in [0, 1] at the given positions; drawn again where ``draw`` is given.

        They are good until the next call of ``batch``, which may write into the same memory: copy what is to be kept.
        """
        ...

    def targets(self, positions: np.ndarray) -> Tensor:
        """Class numbers, int64 ``(B,)``, or float64 ``(B, K)``, on the images' device."""
        ...


class ReadyImages:
    """Images that lie on the device already.

    Parameters
    ----------
    images : Tensor, shape (N, C, H, W)
        Floats in [0, 1], or uint8.
    labels : array of int, shape (N,), or of numbers, shape (N, K)
        Class numbers; or for each image K labels (0 or 1) or K numbers, where floats ``(N,)`` are one number each.
    """

    how, is_random = "kept", False

    def __init__(self, images: Tensor, labels: Any) -> None:
        self.images = images
        self.labels = labels_on(images.device, labels, len(images))

    def __len__(self) -> int:
        """Count the images."""
        return len(self.images)

    def batch(self, positions: np.ndarray, draw: torch.Generator | None = None) -> Tensor:
        """Images at the given positions."""
        chosen = at(positions, self.images)
        return chosen.float().div_(255.0) if chosen.dtype == torch.uint8 else chosen

    def targets(self, positions: np.ndarray) -> Tensor:
        """Class numbers, or float64 ``(B, K)``."""
        return at(positions, self.labels)


class CachedImages:
    """Images that lie on disk.

    Parameters
    ----------
    shards : sequence of ndarray
        Memory maps, uint8 ``(n, C, H, W)`` each; the images follow each other.
    labels
        As :class:`ReadyImages` takes them.
    device : torch.device
        Where batches go.
    how : {"cached", "found"}
        Whether they were written for this use, or lay there before.
    """

    is_random = False

    def __init__(self, shards: Sequence[np.ndarray], labels: Any, device: torch.device, how: str = "cached") -> None:
        self.shards, self.device, self.how = shards, device, how
        self._ends = np.cumsum([len(shard) for shard in shards])
        self.labels = labels_on(device, labels, len(self))
        self._floats = Reused()

    def __len__(self) -> int:
        """Count the images."""
        return int(self._ends[-1])

    def batch(self, positions: np.ndarray, draw: torch.Generator | None = None) -> Tensor:
        """Read the images at the given positions."""
        chosen = np.empty((len(positions), *self.shards[0].shape[1:]), dtype=np.uint8)
        owners = np.searchsorted(self._ends, positions, side="right")
        for owner in np.unique(owners):
            shard, own = self.shards[owner], owners == owner
            chosen[own] = shard[positions[own] - (self._ends[owner] - len(shard))]
        return self._floats.shares(sent(torch.from_numpy(chosen), self.device))

    def targets(self, positions: np.ndarray) -> Tensor:
        """Class numbers, or float64 ``(B, K)``."""
        return at(positions, self.labels)


class EncodedImages:
    """Samples that become images per batch, on the device; with ``augment`` they are drawn again in training.

    The encoder runs outside autocast, without TF32, into the memory of the batch before (1.1 to 1.3 times as fast
    from 128 x 128 on; a smaller batch takes a part of it), so that a batch is good until the next one. Samples that
    are one array of floats go to a CUDA card once where they fit into ``KEEP_SHARE`` of what is free there, else with
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
        ``augment(samples, generator)`` draws a variant of a batch of samples, ``augment_images(images, generator)``
        of their images.

    Attributes
    ----------
    eight_bits : bool
        Whether images are rounded to what uint8 holds.
    """

    how = "encoded"

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
        self.labels = labels_on(device, labels, len(samples))
        self._images, self._floats = Reused(), Reused()
        if device.type == "cuda" and is_one_array(samples) and _fits(samples.nbytes, device):
            self.samples = placed_whole(samples, device)

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.samples)

    @property
    def is_random(self) -> bool:
        """Whether samples or images are drawn again."""
        return self.augment is not None or self.augment_images is not None

    def batch(self, positions: np.ndarray, draw: torch.Generator | None = None) -> Tensor:
        """Encode the samples at the given positions."""
        if not len(positions):  # one of several processes may have none
            return self.batch(np.arange(1))[:0]
        one = isinstance(self.samples, Tensor)
        taken: Any = at(positions, self.samples) if one else take(self.samples, positions)
        several = isinstance(taken, list)
        chosen: Any = [placed(sample, self.device) for sample in taken] if several else placed(taken, self.device)
        if draw is not None and self.augment is not None:
            chosen = self.augment(chosen, draw)
        images = self._encoded(chosen, len(positions)).to(self.device)
        if images.dtype == torch.uint8:
            images = self._floats.shares(images)
        if draw is not None and self.augment_images is not None:
            images = self.augment_images(images, draw)
        return images

    def targets(self, positions: np.ndarray) -> Tensor:
        """Class numbers, or float64 ``(B, K)``."""
        return at(positions, self.labels)

    def _encoded(self, samples: Any, count: int) -> Tensor:
        """Encode into the memory of the batch before where that fits, else into new memory."""
        dtype = torch.uint8 if self.eight_bits else torch.float32
        with exact(self.device):
            room = self._images.rows(count, dtype)
            if room is not None:
                try:
                    self.encoder(samples, out=room)
                except ParameterError:  # of another size than the batch before, as images of ragged samples may be
                    pass
                else:
                    return room
            images = torch.as_tensor(self.encoder(samples, dtype=dtype))
        self._images.like(images, dtype)  # for the next
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
    """Make the source that the module's rule asks for.

    Parameters
    ----------
    encoder, samples, labels, device, augment, augment_images
        As :class:`EncodedImages` takes them.
    fingerprint : callable, optional
        Gives what tells the samples from all others, their order included: ``Dataset.fingerprint``. It is asked where
        there is something to cache, for it reads all samples; without it nothing is cached.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from img_repr import get_encoder
    >>> from img_repr.domains.timeseries.sample import make_series
    >>> from img_repr.training.images import image_source
    >>> source = image_source(get_encoder("gadf", size=8), make_series(6), [0, 1] * 3, device=torch.device("cpu"))
    >>> source.how, source.batch(np.arange(4)).shape, source.targets(np.arange(4)).tolist()
    ('kept', torch.Size([4, 1, 8, 8]), [0, 1, 0, 1])
    """
    source = EncodedImages(encoder, samples, labels, device, augment, augment_images)
    first = source.batch(np.arange(1))
    if source.is_random:
        return source
    if _fits(first.nbytes * len(source), device):
        kept = torch.empty((len(source), *first.shape[1:]), device=device)
        for positions in np.array_split(np.arange(len(source)), -(-len(source) // _ENCODE_AT_ONCE)):
            with counted_from(int(positions[0])):
                kept[int(positions[0]) : int(positions[-1]) + 1] = source.batch(positions)
        return ReadyImages(kept, labels)
    if fingerprint is None:
        return source
    source.eight_bits, known = True, fingerprint()
    shards, how = find_images(encoder, known, len(source)), "found"
    if shards is None and _seconds_per_image(source) > CACHE_ABOVE_S:
        shards, how = cache_images(encoder, samples, known), "cached"
    return source if shards is None else CachedImages(shards, labels, device, how)


def _fits(count: int, device: torch.device) -> bool:
    """Whether so many bytes may stay on the device."""
    if device.type == "cuda":
        return count <= KEEP_SHARE * torch.cuda.mem_get_info(device)[0]
    return count <= KEEP_BYTES


def _seconds_per_image(source: Images) -> float:
    positions = np.arange(min(_TIMED, len(source)))
    started = time.perf_counter()
    float(source.batch(positions)[0, 0, 0, 0])  # a card's work is done when its number is here
    return (time.perf_counter() - started) / len(positions)
