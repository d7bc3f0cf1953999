"""Encoded images on disk: shards of raw uint8 ``.npy`` (memory-mapped on reading) with a manifest of hashes.

A shard is a run of contract images ``(n, C, H, W)``, in the order of the samples. The manifest is written last, so that
a folder with a manifest is whole; ``img_repr.core.bulk`` writes such folders, ``img_repr.core.exports`` gives them to
other programs.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import DataError, ResultError, counted_from

MANIFEST, COLUMNS = "manifest.json", "samples.json"
_AT_ONCE = 64  # images made in one reused buffer


def stream(
    encoder: AbstractEncoder, dataset: Dataset, *, at_once: int = _AT_ONCE, first: int = 0
) -> Iterator[np.ndarray]:
    """Give the images of a data set batch by batch, uint8 ``(n, C, H, W)``, in one buffer that is used again.

    Copy what is to be kept: the next batch overwrites the last. ``first`` is the number of the first sample where the
    data set is a part of one, for messages.
    """
    buffer: np.ndarray | None = None
    for start in range(0, len(dataset), at_once):
        samples = dataset.take(range(start, min(start + at_once, len(dataset))))
        with counted_from(first + start):
            if buffer is not None and len(samples) == len(buffer) and buffer.shape[1] == 1:
                encoder(samples, out=buffer)
            else:
                buffer = np.asarray(encoder(samples, dtype="uint8"))
        yield buffer


def write_shard(
    path: Path, batches: Iterable[np.ndarray], count: int, shape: tuple[int, ...], *, first: int = 0
) -> str:
    """Write batches of images ``(n, *shape)``, ``count`` in all, as one file, and give its sha256.

    Only the batch at hand is in memory. ``first`` is the number of the first sample, for messages.

    Raises
    ------
    DataError
        If images are of another shape.
    """
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)})
    digest, done = hashlib.sha256(), 0
    with path.open("wb", buffering=0) as file:
        _put(file, digest, head.getbuffer())
        for images in batches:
            if images.shape[1:] != shape:
                raise DataError(
                    f"expected images of one shape, {shape} as the first has, got {images.shape[1:]} from sample "
                    f"{first + done} on; size= makes them one"
                )
            _put(file, digest, np.ascontiguousarray(images).data.cast("B"))
            done += len(images)
    if done != count:
        raise DataError(f"{path.name}: expected {count} images, got {done}")
    return digest.hexdigest()


def _put(file: Any, digest: Any, content: memoryview) -> None:
    digest.update(content)
    while content:
        try:
            content = content[file.write(content) :]
        except OSError as error:
            raise DataError(f"{file.name}: expected room for {len(content):,} bytes, got: {error.strerror}") from None


def sha256_of(path: Path) -> str:
    """Sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_shards(folder: str | Path, *, check: bool = False) -> list[np.ndarray]:
    """Map the shards of a folder into memory, uint8 ``(n, C, H, W)`` each, in order.

    Parameters
    ----------
    folder : str or Path
    check : bool
        Compare the sha256 of every byte too.

    Raises
    ------
    ResultError
        If a shard is missing, or not what the manifest says.
    """
    path = Path(folder)
    with _refused(path):
        manifest = read_manifest(path)
        shards: list[np.ndarray] = []
        for entry in manifest["shards"]:
            shard = np.load(path / entry["file"], mmap_mode="r", allow_pickle=False)
            if shard.shape != (entry["images"], *manifest["shape"]) or shard.dtype != np.uint8:
                raise ResultError(
                    f"{path / entry['file']}: expected {entry['images']} images of shape {manifest['shape']}, "
                    f"got {shard.shape}"
                )
            if check and sha256_of(path / entry["file"]) != entry.get("sha256"):
                raise ResultError(f"{path / entry['file']}: expected the bytes that the manifest says, got others")
            shards.append(shard)
    return shards


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """Read what a folder of encoded images is.

    Raises
    ------
    ResultError
        If it has no manifest, or another kind of one.
    """
    path = Path(folder)
    with _refused(path):
        manifest = json.loads((path / MANIFEST).read_text())
        if not isinstance(manifest, dict) or not isinstance(manifest.get("shards"), list):
            raise ValueError("a manifest of another kind")
        return manifest


def read_columns(folder: str | Path) -> dict[str, list[Any]]:
    """Read what is known of the samples behind the images: ``labels``, ``groups``, ``names`` ..., those there are.

    Raises
    ------
    ResultError
        If it cannot be read.
    """
    path = Path(folder)
    with _refused(path):
        columns = json.loads((path / COLUMNS).read_text(encoding="utf-8"))
        if not isinstance(columns, dict):
            raise ValueError(f"a {COLUMNS} of another kind")
        return columns


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    try:
        yield
    except ResultError:
        raise
    except (OSError, EOFError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise ResultError(
            f"{path}: expected a folder of encoded images, got {type(error).__name__}: {error}"
        ) from error
