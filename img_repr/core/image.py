"""The image contract: axes, dtypes and ranges, and the one routine that writes images into memory.

An image is ``(H, W)`` with row 0 on top and time running to the right; a batch is ``(N, C, H, W)``. An encoder's
*own* values lie in its declared range, ``(-1, 1)`` for a GADF; the *contract* values lie in [0, 1] (floating) or
in 0..255 (uint8). An end of the declared range may be infinite: it then stands for each image's own extreme.
"""

import math
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.machine import check_memory
from img_repr.core.numbers import is_integer

ValueRange: TypeAlias = tuple[float, float]
Kind: TypeAlias = Literal["numpy", "torch"]
Fill: TypeAlias = Callable[[slice, Tensor | None], Tensor]

FLOATING = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
_BY_NAME = {str(dtype).removeprefix("torch."): dtype for dtype in (*FLOATING, torch.uint8)}
_EVERYTHING = slice(None)
LARGEST_SIDE = 16384  # pixels; a side mistyped by a few zeros would fill the memory
_CHUNK_BYTES = 2 << 20  # about a core's second-level cache: a second pass over a chunk costs no memory traffic


def to_unit(images: Tensor, value_range: ValueRange) -> Tensor:
    """Map images from their declared range to [0, 1], in place if possible.

    Parameters
    ----------
    images : Tensor, shape (..., H, W)
        Floating images; they are overwritten unless they carry a gradient.
    value_range : (float, float)
        The declared range. ``(0, inf)`` divides by each image's maximum; ``(-inf, inf)`` by twice its largest
        magnitude, around 0.5, so that zero stays in the middle.

    Returns
    -------
    Tensor
        Same shape, in [0, 1]. In an image of zeros every pixel is the value to which zero is mapped.
    """
    low, high = value_range
    if math.isinf(high):
        extreme = images.abs().amax(dim=(-2, -1), keepdim=True) if math.isinf(low) else images.amax((-2, -1), True)
        images = _apply(images, "div", torch.where(extreme > 0, extreme, torch.ones_like(extreme)))
        low, high = (-1.0 if math.isinf(low) else 0.0), 1.0
    if low != 0.0:
        images = _apply(images, "sub", low)
    if high - low != 1.0:
        images = _apply(images, "mul", 1.0 / (high - low))
    return _apply(images, "clamp", 0.0, 1.0)


def refuse_gradient(caller: str, samples: Tensor, remedy: str) -> None:
    """Refuse samples that require a gradient if their images have none.

    Raises
    ------
    ParameterError
        If the samples require a gradient and gradients are recorded.
    """
    if samples.requires_grad and torch.is_grad_enabled():
        raise ParameterError(
            f"{caller}: expected samples without a gradient, got some; {remedy}, detach() takes it off"
        )


def leaves_range(images: Tensor) -> bool:
    """Whether values in the sample's unit overflow or underflow the dtype of these images."""
    if torch.compiler.is_compiling() or images.requires_grad or images.dtype == torch.float64:
        return False
    extreme = images.abs().amax(dim=(-2, -1))
    return bool((extreme < 2.0**10 * torch.finfo(images.dtype).tiny).any() or not extreme.isfinite().all())


def _apply(images: Tensor, operation: str, *arguments: Any) -> Tensor:
    in_place = not (images.requires_grad or torch.compiler.is_compiling())
    return getattr(images, f"{operation}_" if in_place else operation)(*arguments)  # type: ignore[no-any-return]


def check_sides(caller: str, size: Any) -> tuple[int, int]:
    """Height and width in pixels of ``size``, one number for both or a pair, each from 1 to 16384.

    Examples
    --------
    >>> from img_repr.core.image import check_sides
    >>> check_sides("doc", 64), check_sides("doc", (40, 48))
    ((64, 64), (40, 48))
    """
    sides = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    whole = [is_integer(one) for one in sides]
    if len(sides) != 2 or not all(whole) or not all(1 <= one <= LARGEST_SIDE for one in sides):
        raise ParameterError(
            f"{caller}: expected size to be pixels, or (height, width) in pixels, each 1 to {LARGEST_SIDE}, "
            f"got {size!r}"
        )
    return int(sides[0]), int(sides[1])


def resolve_dtype(caller: str, dtype: Any) -> torch.dtype:
    """Torch dtype of a torch dtype, a numpy dtype or a name; one of float64, float32, float16, bfloat16, uint8."""
    if isinstance(dtype, torch.dtype):
        name = str(dtype).removeprefix("torch.")
    else:
        try:
            name = dtype if dtype == "bfloat16" else np.dtype(dtype).name
        except TypeError:
            name = repr(dtype)
    if name not in _BY_NAME:
        raise ParameterError(f"{caller}: expected dtype to be one of {', '.join(_BY_NAME)}, got {name}")
    return _BY_NAME[name]


def render(
    fill: Fill,
    *,
    caller: str,
    shape: tuple[int, ...],
    value_range: ValueRange,
    kind: Kind,
    default: torch.dtype,
    device: torch.device,
    dtype: Any = None,
    out: Any = None,
    functional: bool = False,
) -> Any:
    """Write a batch of images into the requested buffer, dtype and library (numpy or torch).

    Parameters
    ----------
    fill
        ``fill(rows, out)`` computes the images of a slice of the flattened batch, into ``out`` (contiguous,
        floating) or, if that is None, into new memory.
    caller : str
        The encoder's name, for messages.
    shape : tuple of int
        Shape of the result, ``(..., H, W)``.
    value_range : (float, float)
        Declared range of the values of ``fill``; for uint8 it is mapped to 0..255.
    kind : {"numpy", "torch"}
        Library of the input and of the result.
    default : torch.dtype
        Dtype if neither ``dtype`` nor ``out`` is set.
    device : torch.device
        Device on which the images are computed.
    dtype, out : optional
        As in the public ``encode_*`` functions.
    functional : bool
        Compute out of place in one piece: under ``torch.export``, or for a gradient.

    Returns
    -------
    ndarray or Tensor
        ``out`` itself if it was passed.
    """
    target, wanted = _target(caller, shape, kind, default, device, dtype, out)
    exact = wanted in (torch.float32, torch.float64)
    if target is None and device.type == "cpu" and not torch.compiler.is_compiling():  # where sizes may be symbols
        held = 3 if functional else 1  # intermediate results live until the gradient is taken
        check_memory(
            caller,
            held * math.prod(shape) * (default if functional else wanted).itemsize,
            f"images of shape {tuple(shape)}",
            remedy="a smaller size= or fewer samples at a time",
        )
    if functional:
        if target is not None:
            raise ParameterError(f"{caller}: expected no out for samples that carry a gradient, got one")
        images = fill(_EVERYTHING, None)
        return (images.to(wanted) if exact else _convert(images, wanted, value_range)).reshape(shape)
    if target is None:
        target = _empty(shape, wanted, device)
    flat = target.view(-1, *shape[-2:])
    step = max(1, _CHUNK_BYTES // (4 * shape[-1] * shape[-2])) if device.type == "cpu" else len(flat)
    unit = torch.float64 if math.isinf(value_range[1]) and wanted == torch.uint8 else torch.float32
    scratch = None if exact else torch.empty((min(step, len(flat)), *shape[-2:]), dtype=unit, device=device)
    for start in range(0, len(flat), step):
        piece = flat[start : start + step]
        rows = slice(start, start + len(piece))
        if scratch is None:
            fill(rows, piece)
        else:
            piece.copy_(_convert(fill(rows, scratch[: len(piece)]), wanted, value_range))
    if out is not None:
        return out
    return target.numpy() if kind == "numpy" else target


def _empty(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Allocate memory; numpy requests huge pages from the kernel, whose first touch costs a third."""
    if device.type == "cpu" and dtype != torch.bfloat16:
        return torch.from_numpy(np.empty(shape, dtype=str(dtype).removeprefix("torch.")))
    return torch.empty(shape, dtype=dtype, device=device)


def _convert(images: Tensor, wanted: torch.dtype, value_range: ValueRange) -> Tensor:
    if wanted == torch.uint8:
        return _apply(_apply(to_unit(images, value_range), "mul", 255.0), "round").to(torch.uint8)
    return images.to(wanted)


def _target(
    caller: str,
    shape: tuple[int, ...],
    kind: Kind,
    default: torch.dtype,
    device: torch.device,
    dtype: Any,
    out: Any,
) -> tuple[Tensor | None, torch.dtype]:
    """Memory to write into (None: not the caller's) and the dtype wanted."""
    if out is None:
        wanted = default if dtype is None else resolve_dtype(caller, dtype)
        if kind == "numpy" and wanted == torch.bfloat16:
            raise ParameterError(f"{caller}: expected torch input for dtype bfloat16, which numpy lacks, got numpy")
        return None, wanted
    buffer = as_buffer(caller, out)
    wanted = resolve_dtype(caller, buffer.dtype)
    if dtype is not None and resolve_dtype(caller, dtype) != wanted:
        raise ParameterError(f"{caller}: expected out of dtype {dtype}, got {wanted}")
    check_fits(caller, buffer, shape, device)
    return buffer, wanted


def as_buffer(caller: str, out: Any) -> Tensor:
    """View a caller's buffer, numpy or torch, as a tensor on the same memory."""
    buffer = out
    if isinstance(out, np.ndarray) and out.dtype.name in _BY_NAME and out.dtype.isnative and out.flags.writeable:
        buffer = torch.from_numpy(out) if min(out.strides, default=0) >= 0 else out
    if not isinstance(buffer, Tensor):
        raise ParameterError(
            f"{caller}: expected out to be a writable NumPy array or torch tensor of floating type or uint8, got "
            f"{out!r:.60}"
        )
    resolve_dtype(caller, buffer.dtype)
    return buffer


def check_fits(caller: str, buffer: Tensor, shape: tuple[int, ...], device: torch.device) -> None:
    """Refuse a buffer that is not contiguous, of another shape or on another device."""
    fits = tuple(buffer.shape) in (tuple(shape), _with_channel_axis(shape))
    if not fits or not buffer.is_contiguous() or buffer.device != device:
        raise ParameterError(
            f"{caller}: expected out to be contiguous, of shape {tuple(shape)} on {device}, "
            f"got shape {tuple(buffer.shape)} with strides {buffer.stride()} on {buffer.device}"
        )


def _with_channel_axis(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of the contract's batch, ``(N, C, H, W)``, for ``(H, W)``, ``(N, H, W)`` or itself."""
    if len(shape) == 2:
        return (1, 1, *shape)
    return (shape[0], 1, *shape[1:]) if len(shape) == 3 else tuple(shape)


def with_channel_axis(images: Tensor, *, channeled: bool = False) -> Tensor:
    """View ``(H, W)`` or ``(N, H, W)`` images, or ``(C, H, W)`` where ``channeled``, as the contract's."""
    if channeled:
        return images.reshape(-1, *images.shape[-3:])
    return images.reshape(_with_channel_axis(tuple(images.shape)))
