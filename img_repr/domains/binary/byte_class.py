"""Classes of bytes, as the viewers of binaries color them: zeros, control, text, high, 0xFF."""

import functools
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from img_repr.core.errors import ParameterError

BYTE_CLASSES = ("zero", "control", "text", "high", "ff")
"""0x00; 0x01 to 0x1F and 0x7F but for tab, line feed and return; these and 0x20 to 0x7E; 0x80 to 0xFE; 0xFF."""

CLASS_LEVELS: Mapping[str, int] = MappingProxyType({"zero": 0, "control": 64, "text": 128, "high": 191, "ff": 255})
"""Gray levels that stand for the classes where they share one channel."""


@functools.cache
def class_table(name: str) -> np.ndarray:
    """Table of a class, uint8 ``(256,)``: 1 for its bytes, 0 for others; read-only.

    Examples
    --------
    >>> from img_repr.domains.binary.byte_class import class_table
    >>> class_table("text")[[0x00, 0x0A, 0x41, 0x7F, 0xC3]].tolist()
    [0, 1, 1, 0, 0]
    """
    byte = np.arange(256)
    text = ((byte >= 0x20) & (byte <= 0x7E)) | np.isin(byte, [0x09, 0x0A, 0x0D])
    members = {
        "zero": byte == 0x00,
        "control": (byte > 0x00) & (byte < 0x80) & ~text,
        "text": text,
        "high": (byte >= 0x80) & (byte < 0xFF),
        "ff": byte == 0xFF,
    }[name]
    table: np.ndarray = members.astype(np.uint8)
    table.flags.writeable = False
    return table


def level_table(caller: str, levels: str) -> np.ndarray | None:
    """Gray levels of the byte values, uint8 ``(256,)``, by their classes; None where a byte is its own level.

    Raises
    ------
    ParameterError
        If ``levels`` is neither ``"byte"`` nor ``"class"``.
    """
    if levels not in ("byte", "class"):
        raise ParameterError(f'{caller}: expected levels to be "byte" or "class", got {levels!r}')
    return _levels() if levels == "class" else None


@functools.cache
def _levels() -> np.ndarray:
    levels = np.zeros(256, np.uint8)
    for name, level in CLASS_LEVELS.items():
        levels += np.uint8(level) * class_table(name)
    levels.flags.writeable = False
    return levels
