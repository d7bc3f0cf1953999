"""Samples, labels and buffers on a device, for sources of images."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import DataError

_COPIED_AT_ONCE = 1024  # samples


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor to a device; to a GPU asynchronously, from page-locked memory."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def rows_at(positions: np.ndarray, tensor: Tensor) -> Tensor:
    """Return the rows of a tensor at some positions, on its device."""
    return tensor[to_device(torch.from_numpy(positions), tensor.device)]


def sample_to_device(sample: Any, device: torch.device) -> Any:
    """Copy floats of any strides and byte order, and samples with a method ``to``, to a device."""
    if isinstance(sample, np.ndarray) and sample.dtype.kind == "f":
        sample = torch.from_numpy(np.array(sample, dtype=sample.dtype.newbyteorder("="), order="C"))
    if isinstance(sample, Tensor):
        return to_device(sample, device)
    return sample.to(device) if hasattr(sample, "to") else sample


def is_one_array(samples: Any) -> bool:
    """Return whether samples are one array in host memory that can be copied to a device."""
    if isinstance(samples, Tensor):
        return samples.device.type == "cpu"
    return isinstance(samples, np.ndarray) and samples.dtype.kind == "f"


def array_to_device(samples: Any, device: torch.device) -> Tensor:
    """Copy samples that are one array to a device, piece by piece, without a second copy of all in host memory."""
    first = sample_to_device(samples[:1], device)
    whole: Tensor = first.new_empty((len(samples), *first.shape[1:]))
    for start in range(0, len(samples), _COPIED_AT_ONCE):
        rows = slice(start, start + _COPIED_AT_ONCE)
        whole[rows] = sample_to_device(samples[rows], device)
    return whole


def labels_to_device(labels: Any, count: int, device: torch.device) -> Tensor:
    """Return labels as a tensor on a device.

    Parameters
    ----------
    labels : array, shape (N,) or (N, K)
        Numbers.
    count : int
        Expected N.
    device : torch.device

    Returns
    -------
    Tensor
        Integers ``(N,)`` as int64, all others as float64 ``(N, K)``; floats ``(N,)`` become ``(N, 1)``.

    Raises
    ------
    DataError
        If they are not numbers of that shape.

    Examples
    --------
    >>> import torch
    >>> from img_repr.training.device_memory import labels_to_device
    >>> cpu = torch.device("cpu")
    >>> labels_to_device([2, 0], 2, cpu), labels_to_device([0.5, 1.0], 2, cpu).shape
    (tensor([2, 0]), torch.Size([2, 1]))
    """
    array = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    if array.dtype.kind not in "biuf" or array.ndim not in (1, 2) or len(array) != count:
        raise DataError(
            f"images: expected labels that are numbers, ({count},) or ({count}, K) for {count} images, got "
            f"{array.dtype} of shape {array.shape}"
        )
    if array.ndim == 1 and array.dtype.kind != "f":
        return torch.from_numpy(array.astype(np.int64)).to(device)
    return torch.from_numpy(array.astype(np.float64).reshape(count, -1)).to(device)


class ReusedBuffer:
    """Memory that all batches of images are written into, as large as the largest batch so far.

    Examples
    --------
    >>> import torch
    >>> from img_repr.training.device_memory import ReusedBuffer
    >>> buffer = ReusedBuffer()
    >>> buffer.as_floats(torch.tensor([[0, 51], [102, 255]], dtype=torch.uint8))
    tensor([[0.0000, 0.2000],
            [0.4000, 1.0000]])
    >>> buffer.rows(1, torch.float32).shape
    torch.Size([1, 2])
    """

    def __init__(self) -> None:
        self._memory: Tensor | None = None

    def rows(self, count: int, dtype: torch.dtype) -> Tensor | None:
        """Return memory for ``count`` images of the last shape; None if the buffer is too small or of another type."""
        if self._memory is None or self._memory.dtype != dtype or count > len(self._memory):
            return None
        return self._memory[:count]

    def like(self, images: Tensor, dtype: torch.dtype) -> Tensor:
        """Return memory for images of this shape on their device."""
        memory = self.rows(len(images), dtype)
        if memory is None or memory.shape != images.shape or memory.device != images.device:
            with torch.inference_mode(False):  # training could not write to memory of an inference
                self._memory = torch.empty(images.shape, dtype=dtype, device=images.device)
            memory = self._memory
        return memory

    def as_floats(self, images: Tensor) -> Tensor:
        """Return uint8 images as float32 in [0, 1]."""
        return self.like(images, torch.float32).copy_(images).div_(255.0)


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Disable autocast and TF32 in a block; they are meant for networks.

    Examples
    --------
    >>> import torch
    >>> from img_repr.training.device_memory import full_precision
    >>> with torch.autocast("cpu"), full_precision(torch.device("cpu")):
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
