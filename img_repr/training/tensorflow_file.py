"""Weights in TensorFlow's and Keras' files, read without TensorFlow: the variables of a SavedModel, HDF5."""

import importlib
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import WeightsError

BUNDLE = "variables.data-00000-of-00001"
HDF5 = (".h5", ".hdf5")
_MAGIC = 0xDB4775248B80FB57  # of a LevelDB table
_FOOTER = 48
_TRAILER = 5  # compression and checksum after a block
_FLOAT = 1  # of TensorFlow's DataType


def read_bundle(path: Path) -> dict[str, Tensor]:
    """Return the float32 variables of a SavedModel by name.

    The index is a LevelDB table of names and BundleEntryProto messages (dtype, shape, file, offset, size); the data are
    raw. Other variables, as counters of metrics and the graph of objects, are left out.

    Parameters
    ----------
    path : Path
        ``variables.data-00000-of-00001``; ``variables.index`` lies next to it.

    Raises
    ------
    WeightsError
        If a file is damaged, or compressed.
    """
    index = path.with_name("variables.index")
    try:
        data = np.memmap(path, dtype=np.uint8, mode="r")
        found = {}
        for name, entry in _table(index.read_bytes()):
            values = dict(_message(entry)) if name else {}
            if values.get(1) != _FLOAT:
                continue
            shape = [dict(_message(one)).get(1, 0) for key, one in _message(values.get(2, b"")) if key == 2]
            offset, size = values.get(4, 0), values.get(5, 0)
            if size != 4 * math.prod(shape) or offset + size > len(data) or values.get(3, 0):
                raise ValueError(f"{name.decode()!r} of {size} bytes at {offset}")
            raw = np.frombuffer(data[offset : offset + size].tobytes(), dtype="<f4").reshape(shape)
            found[name.decode()] = torch.from_numpy(raw.astype(np.float32))
    except (OSError, ValueError, IndexError, KeyError, TypeError, AttributeError, struct.error) as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise WeightsError(f"weights: expected the variables of a SavedModel in {path.parent}, got {reason}") from error
    return found


def read_hdf5(path: Path) -> dict[str, Tensor]:
    """Return the arrays of floats in a file of Keras by their path.

    Raises
    ------
    WeightsError
        If h5py is missing, or the file is none.
    """
    try:
        h5py = importlib.import_module("h5py")
    except ImportError:
        raise WeightsError(
            f"weights: expected the package h5py to read {path.name}, which comes with pip install 'img-repr[keras]', "
            "got none"
        ) from None
    found: dict[str, Tensor] = {}

    def add(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "f":
            found[name] = torch.from_numpy(np.asarray(item[()], dtype=np.float32))

    try:
        with h5py.File(path, "r") as file:
            file.visititems(add)
    except Exception as error:  # the library raises errors of its own for damaged files
        raise WeightsError(f"weights: expected arrays in the HDF5 file {path}, got a file of another format") from error
    return found


def _table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values of a LevelDB table."""
    if len(data) < _FOOTER or struct.unpack("<Q", data[-8:])[0] != _MAGIC:
        raise ValueError("an index of another format")
    position = len(data) - _FOOTER
    for _ in range(2):  # of the meta index, which is not needed
        _, position = _varint(data, position)
    for _, handle in _block(data, *_handle(data, position)):
        yield from _block(data, *_handle(handle, 0))


def _handle(data: bytes, position: int) -> tuple[int, int]:
    offset, position = _varint(data, position)
    return offset, _varint(data, position)[0]


def _block(data: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the entries of a block, whose keys share their beginnings."""
    if offset + size + _TRAILER > len(data) or size < 4:
        raise ValueError("an index that ends too early")
    if data[offset + size]:
        raise ValueError("a compressed index, which TensorFlow does not write")
    block = data[offset : offset + size]
    end = size - 4 - 4 * struct.unpack("<I", block[-4:])[0]
    position, key = 0, b""
    while position < end:
        shared, position = _varint(block, position)
        own, position = _varint(block, position)
        length, position = _varint(block, position)
        key = key[:shared] + block[position : position + own]
        position += own
        yield key, block[position : position + length]
        position += length


def _message(data: Any) -> Iterator[tuple[int, Any]]:
    """Yield field numbers and values of a protobuf message: whole numbers and bytes."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        kind = tag & 7
        if kind == 0:
            value, position = _varint(data, position)
            yield tag >> 3, value
        elif kind == 2:
            length, position = _varint(data, position)
            yield tag >> 3, data[position : position + length]
            position += length
        elif kind in (1, 5):
            position += 8 if kind == 1 else 4
        else:
            raise ValueError("a damaged entry")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, position
        if shift > 63:
            raise ValueError("a damaged number")
