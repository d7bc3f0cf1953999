"""One checkpoint as one safetensors file, with metadata, memory layouts and a checksum added."""

import json
import os
import re
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from img_repr.core.errors import ParameterError, ResultError

FORMAT = 2
_KEY = "img_repr_checkpoint"


class DamagedError(Exception):
    """A file is not, or cannot become, a complete checkpoint; the text says why."""


def write_file(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write a new file and flush it to the disk.

    Raises
    ------
    OSError, DamagedError
        If it cannot be written; an incomplete file may remain.
    ParameterError
        If a value is neither a dense tensor nor a JSON value.
    """
    packed, orders = _packed(tensors)
    record = {"format": FORMAT, "metadata": _checked(metadata, "metadata"), "orders": orders}
    text = json.dumps(record | {"checksum": _checksum(record, packed)})
    path.touch()
    mode = path.stat().st_mode
    try:
        save_file(packed, path, {_KEY: text})
    except SafetensorError as error:
        raise DamagedError(_message(error)) from None
    with suppress(OSError):
        path.chmod(mode)  # safetensors writes files that only their owner may read
    flush(path)
    _content(path, whole=False)  # safetensors cannot read all that it writes: a tensor called __metadata__


def read_file(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read and verify tensors and metadata; None if there is no file.

    Raises
    ------
    DamagedError
        If the file is not a complete checkpoint.
    ResultError
        If it is complete, but not a checkpoint, or of another format.
    """
    content = _content(path, whole=True)
    if content is None:
        return None
    record, packed = content
    try:
        if record.pop("checksum", None) != _checksum(record, packed):
            raise DamagedError("its bytes changed")
    except KeyError as error:
        raise DamagedError(f"it has no {error}") from None
    for name, order in record["orders"].items():
        packed[name] = packed[name].permute(sorted(range(len(order)), key=order.__getitem__))
    return packed, record["metadata"]


def looks_whole(path: Path) -> bool:
    """Return whether a checkpoint of the right length exists, without reading its tensors.

    Raises
    ------
    ResultError
        If the file is complete, but not a checkpoint, or of another format.
    """
    try:
        return _content(path, whole=False) is not None
    except DamagedError:
        return False


def flush(path: Path) -> None:
    """Flush a file, or the names in a folder, to the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _packed(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, list[int]]]:
    """Return tensors as safetensors stores them, and the order of their axes in memory if it is not the default.

    With the order, memory layouts are restored. It matters: torch's fused AdamW silently computes wrong results if its
    moments have another layout than their weights.
    """
    packed: dict[str, Tensor] = {}
    orders: dict[str, list[int]] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor) or not _is_dense(tensor):
            got = f"{tensor.layout} of {tensor.dtype}" if isinstance(tensor, Tensor) else type(tensor).__name__
            raise ParameterError(f"checkpoint: expected a dense tensor that safetensors stores as {name!r}, got {got}")
        strides = torch.empty_like(tensor, device="meta").stride()  # those of a copy
        by_step = [(-stride, size == 1) for stride, size in zip(strides, tensor.shape, strict=True)]
        order = sorted(range(tensor.ndim), key=by_step.__getitem__)
        if order != sorted(order):
            orders[name] = order
        plain = tensor.detach().cpu().resolve_conj().resolve_neg().permute(order).contiguous()
        start = plain.untyped_storage().data_ptr()
        packed[name] = plain.clone() if start in seen else plain
        seen.add(start)
    return packed, orders


def _is_dense(tensor: Tensor) -> bool:
    dense = tensor.layout == torch.strided and not tensor.is_meta and not tensor.is_quantized
    return dense and tensor.dtype not in (torch.complex32, torch.complex128)


def _checked(value: Any, where: str) -> Any:
    """Return a value with lists for tuples; refuse other values that JSON would change."""
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ParameterError(f"checkpoint: expected text for the keys of {where}, got {key!r}")
        return {key: _checked(inner, f"{where}[{key!r}]") for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_checked(inner, f"{where}[{index}]") for index, inner in enumerate(value)]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ParameterError(f"checkpoint: expected {where} to be a JSON value, got {type(value).__name__}")


def _checksum(record: Mapping[str, Any], packed: Mapping[str, Tensor]) -> int:
    """Return the CRC-32 of a checkpoint's content; safetensors notices a missing byte, but not a wrong one."""
    total = zlib.crc32(json.dumps([record["format"], record["metadata"], record["orders"]]).encode())
    for name, tensor in sorted(packed.items()):
        total = zlib.crc32(json.dumps([name, str(tensor.dtype), tensor.shape]).encode(), total)
        total = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, total)
    return total


def _content(path: Path, *, whole: bool) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """Return the record, and the stored tensors if ``whole``; None if there is no file."""
    packed: dict[str, Tensor] = {}
    record: Any = None
    try:
        path.lstat()
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(_KEY)
            if text is not None:
                record = json.loads(text)
            known = isinstance(record, dict) and record.get("format") == FORMAT
            if known and whole:  # copied, so that they do not refer to the file
                packed = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118, not a dict
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (SafetensorError, OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        raise DamagedError(_message(error)) from None
    if not known:
        got = "other safetensors" if text is None else "one of another format"
        raise ResultError(f"{path}: expected a checkpoint of a training, format {FORMAT}, got {got}")
    return record, packed


def _message(error: Exception) -> str:
    """Return an error's message without the numbers and paths that safetensors adds."""
    message = getattr(error, "strerror", None) or str(error)
    message = re.sub(r"^Error while \w+( header)?: |I/O error: | \(os error \d+\).*", "", message)
    return " ".join(message.split())[:200] or type(error).__name__
