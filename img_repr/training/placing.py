"""What a source of images does on its device: what it brings there, memory used again, and exact arithmetic."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import DataError

_SENT_AT_ONCE = 1024  # samples


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """Bring a tensor to a device; to a CUDA card from page-locked memory, so that nobody waits for it."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def at(positions: np.ndarray, tensor: Tensor) -> Tensor:
    """Take the rows of a tensor at some positions, on its device."""
    return tensor[sent(torch.from_numpy(positions), tensor.device)]


def placed(sample: Any, device: torch.device) -> Any:
    """Bring floats, and samples that can be brought, to a device, whatever their strides and byte order."""
    if isinstance(sample, np.ndarray) and sample.dtype.kind == "f":
        sample = torch.from_numpy(np.array(sample, dtype=sample.dtype.newbyteorder("="), order="C"))
    if isinstance(sample, Tensor):
        return sent(sample, device)
    return sample.to(device) if hasattr(sample, "to") else sample


def is_one_array(samples: Any) -> bool:
    """Whether samples are one array in the machine's memory that can be brought to a device."""
    if isinstance(samples, Tensor):
        return samples.device.type == "cpu"
    return isinstance(samples, np.ndarray) and samples.dtype.kind == "f"


def placed_whole(samples: Any, device: torch.device) -> Tensor:
    """Bring samples that are one array to a device, piece by piece, so that no copy of all stands next to them."""
    first = placed(samples[:1], device)
    whole: Tensor = first.new_empty((len(samples), *first.shape[1:]))
    for start in range(0, len(samples), _SENT_AT_ONCE):
        rows = slice(start, start + _SENT_AT_ONCE)
        whole[rows] = placed(samples[rows], device)
    return whole


def labels_on(device: torch.device, labels: Any, count: int) -> Tensor:
    """Bring labels to a device.

    Parameters
    ----------
    device : torch.device
    labels : array, shape (N,) or (N, K)
        Numbers.
    count : int
        N there are to be.

    Returns
    -------
    Tensor
        Whole numbers ``(N,)`` as int64, all else as float64 ``(N, K)``; floats ``(N,)`` are one number each.

    Raises
    ------
    DataError
        If they are not as above.

    Examples
    --------
    >>> import torch
    >>> from img_repr.training.placing import labels_on
    >>> labels_on(torch.device("cpu"), [2, 0], 2), labels_on(torch.device("cpu"), [0.5, 1.0], 2).shape
    (tensor([2, 0]), torch.Size([2, 1]))
    """
    given = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    if given.dtype.kind not in "biuf" or given.ndim not in (1, 2) or len(given) != count:
        raise DataError(
            f"images: expected labels that are numbers, ({count},) or ({count}, K) for {count} images, got "
            f"{given.dtype} of shape {given.shape}"
        )
    if given.ndim == 1 and given.dtype.kind != "f":
        return torch.from_numpy(given.astype(np.int64)).to(device)
    return torch.from_numpy(given.astype(np.float64).reshape(count, -1)).to(device)


class Reused:
    """Memory that each batch of images uses again; as large as the largest batch so far.

    Examples
    --------
    >>> import torch
    >>> from img_repr.training.placing import Reused
    >>> memory = Reused()
    >>> memory.shares(torch.tensor([[0, 51], [102, 255]], dtype=torch.uint8))
    tensor([[0.0000, 0.2000],
            [0.4000, 1.0000]])
    >>> memory.rows(1, torch.float32).shape
    torch.Size([1, 2])
    """

    def __init__(self) -> None:
        self._memory: Tensor | None = None

    def rows(self, count: int, dtype: torch.dtype) -> Tensor | None:
        """Give memory for so many images of the kind that came last; None where there is none."""
        if self._memory is None or self._memory.dtype != dtype or count > len(self._memory):
            return None
        return self._memory[:count]

    def like(self, images: Tensor, dtype: torch.dtype) -> Tensor:
        """Give memory for images of this shape on their device."""
        room = self.rows(len(images), dtype)
        if room is None or room.shape != images.shape or room.device != images.device:
            with torch.inference_mode(False):  # what an inference made could not be written to in a training
                self._memory = torch.empty(images.shape, dtype=dtype, device=images.device)
            room = self._memory
        return room

    def shares(self, images: Tensor) -> Tensor:
        """Give uint8 images as float32 in [0, 1]."""
        return self.like(images, torch.float32).copy_(images).div_(255.0)


@contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """Keep autocast and TF32 out of a block: they are for networks.

    Examples
    --------
    >>> import torch
    >>> from img_repr.training.placing import exact
    >>> with torch.autocast("cpu"), exact(torch.device("cpu")):
    ...     (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
    torch.float32
    """
    matmul, conv = torch.backends.cuda.matmul, torch.backends.cudnn.conv  # type: ignore[attr-defined]
    before = matmul.fp32_precision, conv.fp32_precision
    with torch.autocast(device.type, enabled=False):
        if device.type == "cuda":
            matmul.fp32_precision = conv.fp32_precision = "ieee"
        try:
            yield
        finally:
            if device.type == "cuda":
                matmul.fp32_precision, conv.fp32_precision = before
