"""One checkpoint as one file: safetensors, with what that format lacks: facts, the order of the memory, a checksum."""

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

FORMAT = 1
_KEY = "img_repr_checkpoint"


class DamagedError(Exception):
    """A file is not, or cannot become, a whole checkpoint; the text says what is wrong."""


def write_file(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write a new file and bring it safely to the disk.

    Raises
    ------
    OSError, DamagedError
        If it cannot be written; a half file may be left in its folder.
    ParameterError
        If something is neither a dense tensor nor a JSON value.
    """
    packed, orders = _packed(tensors)
    record = {"format": FORMAT, "facts": _checked(facts, "facts"), "orders": orders}
    text = json.dumps(record | {"checksum": _checksum(record, packed)})
    path.touch()
    mode = path.stat().st_mode
    try:
        save_file(packed, path, {_KEY: text})
    except SafetensorError as error:
        raise DamagedError(_said(error)) from None
    with suppress(OSError):
        path.chmod(mode)  # safetensors lets no one else read what it writes
    flush(path)
    _content(path, whole=False)  # what safetensors writes, it cannot always read: a tensor called __metadata__


def read_file(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read tensors and facts and verify them; None where there is no file.

    Raises
    ------
    DamagedError
        If the file is no whole checkpoint.
    ResultError
        If it is whole, but not ours, or of another format.
    """
    content = _content(path, whole=True)
    if content is None:
        return None
    record, packed = content
    try:
        if record.pop("checksum", None) != _checksum(record, packed):
            raise DamagedError("its bytes are not those that were written")
    except KeyError as error:
        raise DamagedError(f"it has no {error}") from None
    for name, order in record["orders"].items():
        packed[name] = packed[name].permute(sorted(range(len(order)), key=order.__getitem__))
    return packed, record["facts"]


def looks_whole(path: Path) -> bool:
    """Tell whether there is a checkpoint of the right length, its tensors unread.

    Raises
    ------
    ResultError
        If there is a whole file that is not ours, or of another format.
    """
    try:
        return _content(path, whole=False) is not None
    except DamagedError:
        return False


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _packed(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, list[int]]]:
    """Give tensors as safetensors wants them, with the order of their axes in memory where it is not the plain one.

    So that they are written without being rearranged, and come back laid out as they were: an optimizer that is given
    moments in another layout than its weights computes nonsense (torch's fused AdamW, without a word).
    """
    packed: dict[str, Tensor] = {}
    orders: dict[str, list[int]] = {}
    taken: set[int] = set()
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor) or not _can_be_held(tensor):
            got = f"{tensor.layout} of {tensor.dtype}" if isinstance(tensor, Tensor) else type(tensor).__name__
            raise ParameterError(f"checkpoint: expected a dense tensor that safetensors holds as {name!r}, got {got}")
        strides = torch.empty_like(tensor, device="meta").stride()  # those of a copy
        by_step = [(-stride, size == 1) for stride, size in zip(strides, tensor.shape, strict=True)]
        order = sorted(range(tensor.ndim), key=by_step.__getitem__)
        if order != sorted(order):
            orders[name] = order
        plain = tensor.detach().cpu().resolve_conj().resolve_neg().permute(order).contiguous()
        start = plain.untyped_storage().data_ptr()
        packed[name] = plain.clone() if start in taken else plain
        taken.add(start)
    return packed, orders


def _can_be_held(tensor: Tensor) -> bool:
    dense = tensor.layout == torch.strided and not tensor.is_meta and not tensor.is_quantized
    return dense and tensor.dtype not in (torch.complex32, torch.complex128)


def _checked(value: Any, where: str) -> Any:
    """Give lists for tuples, and refuse what else JSON would not give back as it was."""
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ParameterError(f"checkpoint: expected text for the keys of {where}, got {key!r}")
        return {key: _checked(inner, f"{where}[{key!r}]") for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_checked(inner, f"{where}[{place}]") for place, inner in enumerate(value)]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ParameterError(f"checkpoint: expected {where} to be a JSON value, got {type(value).__name__}")


def _checksum(record: Mapping[str, Any], packed: Mapping[str, Tensor]) -> int:
    """CRC-32 of all that a checkpoint says: safetensors notices a missing byte, but not a wrong one."""
    total = zlib.crc32(json.dumps([record["format"], record["facts"], record["orders"]]).encode())
    for name, tensor in sorted(packed.items()):
        total = zlib.crc32(json.dumps([name, str(tensor.dtype), tensor.shape]).encode(), total)
        total = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, total)
    return total


def _content(path: Path, *, whole: bool) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """Record, and tensors as they are stored if the whole is asked for; None where there is no file."""
    packed: dict[str, Tensor] = {}
    record: Any = None
    try:
        path.lstat()
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(_KEY)
            if text is not None:
                record = json.loads(text)
            known = isinstance(record, dict) and record.get("format") == FORMAT
            if known and whole:  # copied, so that they do not hang on the file
                packed = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118, it is no dict
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (SafetensorError, OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        raise DamagedError(_said(error)) from None
    if not known:
        got = "safetensors that are none" if text is None else "one of another format"
        raise ResultError(f"{path}: expected a checkpoint of a training, format {FORMAT}, got {got}")
    return record, packed


def _said(error: Exception) -> str:
    """Give what went wrong without the numbers and places that safetensors adds."""
    said = getattr(error, "strerror", None) or str(error)
    said = re.sub(r"^Error while \w+( header)?: |I/O error: | \(os error \d+\).*", "", said)
    return " ".join(said.split())[:200] or type(error).__name__
