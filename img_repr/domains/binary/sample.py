"""The sample of the domain: bytes, and the one place where they are checked.

A sample is ``bytes`` or a similar buffer, a uint8 array or tensor ``(L,)``, the path of a file, or a ``Binary``; a
batch is a list of such, or a uint8 array ``(N, L)`` of pieces of one length.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.arrays import as_array
from img_repr.core.domain import Domain, register_domain
from img_repr.core.errors import SampleError
from img_repr.core.image import Kind
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.signature import sketch_binary

_LARGEST_FRAGMENT = 1 << 16  # bytes; longer ones of one length are files by chance


def make_binaries(n: int, seed: int = 0) -> list[Binary]:
    """Make ``n`` small binaries, synthetic: a header, text, repeated records, noise and padding in random amounts.

    Examples
    --------
    >>> from img_repr.domains.binary.sample import make_binaries
    >>> [len(one) for one in make_binaries(2)]
    [5409, 6230]
    """
    random = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        sizes = random.integers(200, 2500, 4)
        letters = np.frombuffer(b"etaoin shrdlu,.\n", np.uint8)
        record = random.integers(0, 256, int(random.integers(4, 24)), dtype=np.uint8)
        parts = [
            np.frombuffer(b"\x7fMADE\x00\x01\x02", np.uint8),
            random.choice(letters, sizes[0]),
            np.resize(record, sizes[1]) ^ (random.random(sizes[1]) < 0.1).astype(np.uint8),
            random.integers(0, 256, sizes[2], dtype=np.uint8),
            np.zeros(sizes[3] // 4, np.uint8),
        ]
        made.append(Binary(np.concatenate(parts)))
    return made


def infer_binaries_parameters(samples: Any) -> dict[str, Any]:
    """Return encoder parameters for binaries: fragments of one length are laid in a square."""
    lengths = {len(one) if hasattr(one, "__len__") else 0 for one in samples}
    return {"width": "square"} if len(lengths) == 1 and 0 < lengths.pop() <= _LARGEST_FRAGMENT else {}


def binaries_signature(samples: Any) -> np.ndarray:
    """Return the sketch of each binary, float32 ``(N, 256)``, for finding near-duplicates."""
    return np.stack([sketch_binary(one) for one in check_binaries(samples, caller="near_duplicate_signature").binaries])


BINARY = register_domain(
    Domain(
        name="binary",
        sample="bytes, or the path of a file that holds them",
        make_samples=make_binaries,
        infer_parameters=infer_binaries_parameters,
        near_duplicate_signature=binaries_signature,
        encoder="byteplot",
        contenders=(
            "cnn:bigram",
            "cnn:byteplot",
            "table:byte_bigram:logistic_unscaled",
            "table:byte_histogram:extra_trees",
            "table:file_size:extra_trees",
            "pixels:bigram:extra_trees",
            "majority",
        ),
    )
)


@dataclass(frozen=True)
class BinaryBatch:
    """Checked binaries.

    Parameters
    ----------
    caller : str
        Name of the encoder or feature set, for messages.
    binaries : tuple of Binary
        At least one byte each.
    leading : tuple of int
        ``()`` for one sample, ``(N,)`` for several.
    kind : {"numpy", "torch"}
        Kind of the caller's arrays.
    device : torch.device
        Where images are wanted: that of the caller's tensors.
    """

    caller: str
    binaries: tuple[Binary, ...]
    leading: tuple[int, ...]
    kind: Kind
    device: torch.device


def check_binaries(binaries: Any, *, caller: str) -> BinaryBatch:
    """Check binaries and bring them to one form.

    Parameters
    ----------
    binaries : bytes, bytearray, memoryview, uint8 array or tensor (L,) or (N, L), path, Binary, or a list of those
        Of one byte at least. Text that is a ``str`` is a path.
    caller : str
        Name of the calling function, for messages.

    Raises
    ------
    SampleError
        If one is empty, no plain file, or of another kind; the message says which.
    DataError
        If a file cannot be read.
    """
    if hasattr(binaries, "to_numpy") and not isinstance(binaries, np.ndarray):
        binaries = as_array(binaries, caller=caller, expected="bytes as uint8")
    single = not isinstance(binaries, (list, tuple))
    given = [binaries] if single else list(binaries)
    if isinstance(binaries, (np.ndarray, Tensor)) and binaries.ndim == 2:
        given, single = list(binaries), False
    if not given:
        raise SampleError(f"{caller}: expected at least one binary, got none")
    tensors = [one for one in given if isinstance(one, Tensor)]
    checked = tuple(_as_binary(one, number, caller) for number, one in enumerate(given))
    device = tensors[0].device if tensors else torch.device("cpu")
    return BinaryBatch(caller, checked, () if single else (len(checked),), "torch" if tensors else "numpy", device)


def _as_binary(value: Any, number: int, caller: str) -> Binary:
    if isinstance(value, (str, os.PathLike)):
        value = Binary(value if isinstance(value, Path) else Path(value))
    elif isinstance(value, (bytes, bytearray, memoryview)):
        value = Binary(np.frombuffer(value, np.uint8))
    elif isinstance(value, Tensor):
        value = Binary(value.detach().cpu().numpy())
    elif hasattr(value, "to_numpy") and not isinstance(value, np.ndarray):
        value = Binary(as_array(value, caller=caller, expected="bytes as uint8"))
    elif isinstance(value, np.ma.MaskedArray):  # a byte that is masked is not known
        value = Binary(value.data, known=~np.ma.getmaskarray(value) if np.ma.is_masked(value) else None)
    elif isinstance(value, np.ndarray):
        value = Binary(value)
    if not isinstance(value, Binary):
        raise SampleError(
            f"{caller}: expected bytes, a uint8 array or the path of a file, got {value!r:.60} at number "
            f"{number}".replace("\n", " ")
        )
    content = value.content
    if isinstance(content, np.ndarray) and (content.dtype != np.uint8 or content.ndim != 1):
        raise SampleError(
            f"{caller}: expected bytes as uint8 of shape (L,), got {content.dtype} of shape {content.shape} at number "
            f"{number}"
        )
    count = len(value)
    if not count:
        named = f"{content}" if isinstance(content, Path) else f"number {number}"
        raise SampleError(f"{caller}: expected at least one byte, got an empty binary: {named}")
    if value.known is not None and np.shape(value.known) != (count,):
        raise SampleError(
            f"{caller}: expected known of shape {(count,)}, one value per byte, got {np.shape(value.known)} at number "
            f"{number}"
        )
    return value
