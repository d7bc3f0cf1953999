"""Engine: which device, which precision, which of several processes; all that is not the loop itself.

Several processes are started by ``torchrun``. Each works on its share of every batch; gradients and the statistics of
batch normalization are summed over all, so that the result is that of one process with the same batches.
"""

import atexit
import contextlib
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from img_repr.core.errors import ParameterError
from img_repr.training.network import Network

_TORCHRUN = ("RANK", "WORLD_SIZE", "MASTER_ADDR")


def best_device() -> torch.device:
    """Give the GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_of(given: "str | torch.device | None") -> torch.device:
    """Give the device that a caller asks for; the best one where none is named.

    Raises
    ------
    ParameterError
        If it is no device, or not on this machine.

    Examples
    --------
    >>> device_of("cpu")
    device(type='cpu')
    """
    if given is None:
        return best_device()
    if not isinstance(given, (str, torch.device)):
        raise ParameterError(f"device: expected a name such as 'cpu' or 'cuda', got {given!r:.60}")
    try:
        device = torch.device(given)
        torch.empty(1, device=device).cpu()  # a device that is not there fails here
    except (RuntimeError, NotImplementedError, AssertionError, ImportError) as error:
        said = (str(error).splitlines() or [""])[0][:120]
        raise ParameterError(
            f"device: expected one that this machine has, 'cpu' for example, got {given!r}: {said}"
        ) from None
    return device


@dataclass(frozen=True)
class Engine:
    """Where a training runs.

    Parameters
    ----------
    device : torch.device
    rank, world : int
        Number of this process, and how many there are.
    """

    device: torch.device
    rank: int = 0
    world: int = 1

    @classmethod
    def here(cls, device: str | torch.device | None = None) -> "Engine":
        """Find out where this process runs; under ``torchrun`` it joins the others."""
        if not all(os.environ.get(name) for name in _TORCHRUN) or os.environ["WORLD_SIZE"] == "1":
            return cls(device_of(device))
        import torch.distributed

        if device is None and torch.cuda.is_available():
            device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
            torch.cuda.set_device(device)
        device = device_of("cpu" if device is None else device)
        if not torch.distributed.is_initialized():
            torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
            atexit.register(_leave_the_others)
        return cls(device, torch.distributed.get_rank(), torch.distributed.get_world_size())

    @property
    def is_main_process(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[Any]:
        """Give the precision of the network: bfloat16 on a GPU that has it; on a CPU it is 1.6 times slower."""
        on = self.device.type == "cuda" and torch.cuda.is_bf16_supported()
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=on)

    def place(self, network: Network) -> Network:
        """Bring a network here: channels last, which is 9 % faster on a CPU, and statistics over all processes."""
        if self.world > 1:
            _synchronize(network, self.device)
        placed: Network = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return placed

    def share(self, positions: np.ndarray) -> np.ndarray:
        """Give this process's part of a batch."""
        return np.array_split(positions, self.world)[self.rank]

    def total(self, tensor: Tensor) -> Tensor:
        """Sum a tensor over all processes, in place."""
        if self.world > 1:
            torch.distributed.all_reduce(tensor)
        return tensor

    def gather(self, rows: Tensor, count: int) -> Tensor:
        """Put the rows that the processes made of their shares together again, ``(count, K)``."""
        if self.world == 1:
            return rows
        whole = torch.zeros((count, *rows.shape[1:]), dtype=rows.dtype, device=self.device)
        whole[torch.from_numpy(self.share(np.arange(count)))] = rows.to(self.device)
        return self.total(whole).cpu()

    def total_gradients(self, network: nn.Module, loss: Tensor) -> Tensor:
        """Sum the gradients of what learns over all processes, and the loss with them as one tensor; gives the loss."""
        if self.world == 1:
            return loss
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        gradients = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in weights]
        flat = self.total(torch.cat([one.reshape(-1) for one in (loss, *gradients)]))
        whole, *parts = torch.split(flat, [1, *(weight.numel() for weight in weights)])
        for weight, part in zip(weights, parts, strict=True):
            weight.grad = torch.empty_like(weight).copy_(part.view(weight.shape))  # in memory as the weight is
        return whole[0]

    def all_equal(self, number: int) -> bool:
        """Tell whether a number is the same in all processes."""
        numbers = torch.zeros(self.world, dtype=torch.int64, device=self.device)
        numbers[self.rank] = number
        return len(set(self.total(numbers).tolist())) == 1

    def broadcast_weights(self, network: nn.Module) -> None:
        """Give all processes the first one's weights; a user's own module may have others in each."""
        if self.world == 1:
            return
        for value in network.state_dict().values():
            plain = value.contiguous()
            torch.distributed.broadcast(plain, 0)
            value.copy_(plain)


def _leave_the_others() -> None:
    """End the threads that speak with the others; left alone they now and then abort a process when it ends."""
    with contextlib.suppress(Exception):  # the others may have gone, and what was computed is on disk
        torch.distributed.destroy_process_group()


def _synchronize(network: Network, device: torch.device) -> None:
    """Make batch normalization know all processes: torch's own on a GPU, which refuses a CPU."""
    if device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    for part in network.modules():
        if type(part) is nn.BatchNorm2d:
            part.__class__ = _BatchNormOfAll


class _SumOfAll(torch.autograd.Function):
    """Sum over all processes, through which gradients go."""

    @staticmethod
    def forward(context: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        torch.distributed.all_reduce(total)
        return total


class _BatchNormOfAll(nn.BatchNorm2d):
    """Batch normalization by the images of all processes."""

    def forward(self, images: Tensor) -> Tensor:
        if not self.training or self.running_mean is None or self.running_var is None:
            return super().forward(images)
        channels = images.shape[1]
        sums = torch.cat([images.sum((0, 2, 3)), images.square().sum((0, 2, 3)), images.new_tensor([images.numel()])])
        sums = _SumOfAll.apply(sums)
        count = sums[-1] / channels
        mean = sums[:channels] / count
        variance = (sums[channels:-1] / count - mean.square()).clamp_min(0.0)
        with torch.no_grad():
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
            momentum = 1.0 / float(self.num_batches_tracked or 1) if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * (count / (count - 1.0).clamp_min(1.0)), momentum)
        scale = (variance + self.eps).rsqrt()
        if self.affine:
            scale = scale * self.weight
        shift = self.bias - mean * scale if self.affine else -mean * scale
        normalized: Tensor = images * scale[:, None, None] + shift[:, None, None]
        return normalized
