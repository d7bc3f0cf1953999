"""Encoded images on disk: shards of raw uint8 ``.npy`` (memory-mapped on reading) with a manifest of hashes.

A shard holds consecutive contract images ``(n, C, H, W)``, in the order of the samples. The manifest is written last,
so that a folder with a manifest is complete; it holds the sha256 of every other file, and of itself.
``img_repr.core.bulk`` writes such folders, ``img_repr.core.exports`` converts them for other programs.
"""

import hashlib
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.core.array_file import read_array
from img_repr.core.dataset import Dataset
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import DataError, ResultError, counted_from
from img_repr.core.json_file import read_json

MANIFEST, COLUMNS = "manifest.json", "samples.json"
FORMAT = 2  # of the JSON files in such a folder; 1 had no checksums
_MOST_IMAGES, _MOST_BYTES = 64, 64 << 20  # of a batch, encoded into one reused buffer
_COUNT = range(1, 1 << 62)
JOB_SHAPE = {
    "dataset": str,
    "fingerprint": str,
    "encoder": {str: object},
    "images": _COUNT,
    "shape": [range(1, 1 << 20)],
    "per_shard": _COUNT,
}
_MANIFEST_SHAPE = JOB_SHAPE | {"samples": str, "shards": [{"file": str, "images": _COUNT, "sha256": str}]}


def stream(
    encoder: AbstractEncoder, dataset: Dataset, *, at_once: int | None = None, first: int = 0
) -> Iterator[np.ndarray]:
    """Yield the images of a data set batch by batch, uint8 ``(n, C, H, W)``, in one reused buffer.

    The next batch overwrites the last: copy it to keep it. ``first`` is the number of the first sample, for messages.
    Without ``at_once`` the first batch is one image, whose size determines that of the others: see
    :func:`images_at_once`.
    """
    buffer: np.ndarray | None = None
    start = 0
    while start < len(dataset):
        step = at_once or (1 if buffer is None else images_at_once(buffer[0].nbytes))
        samples = dataset.take(range(start, min(start + step, len(dataset))))
        with counted_from(first + start):
            if buffer is not None and len(samples) == len(buffer) and buffer.shape[1] == 1:
                encoder(samples, out=buffer)
            else:
                buffer = _as_images(encoder, np.asarray(encoder(samples, dtype="uint8")), len(samples))
        yield buffer
        start += len(samples)


def images_at_once(bytes_each: int) -> int:
    """Return the number of images of a batch: at most 64, and at most 64 MiB.

    Examples
    --------
    >>> from img_repr.core.shards import images_at_once
    >>> images_at_once(64 * 64), images_at_once(8192 * 8192)
    (64, 1)
    """
    return max(1, min(_MOST_IMAGES, _MOST_BYTES // max(1, bytes_each)))


def _as_images(encoder: AbstractEncoder, images: np.ndarray, count: int) -> np.ndarray:
    """Check that an encoder returned ``count`` uint8 images."""
    if images.dtype != np.uint8 or images.ndim != 4 or len(images) != count:
        raise DataError(
            f"{encoder.name}: expected {count} images (N, C, H, W) of dtype uint8, as asked for, got {images.dtype} "
            f"of shape {images.shape}"
        )
    return images


def write_shard(
    path: Path, batches: Iterable[np.ndarray], count: int, shape: tuple[int, ...], *, first: int = 0
) -> str:
    """Write batches of images ``(n, *shape)``, ``count`` in all, as one file, and return its sha256.

    Only one batch is in memory. ``first`` is the number of the first sample, for messages.

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
            if images.dtype != np.uint8:
                raise DataError(f"{path.name}: expected images of dtype uint8, got {images.dtype}")
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


def check_shard(path: Path, sha256: str) -> None:
    """Compare every byte of a shard with the sha256 that its manifest states.

    Raises
    ------
    ResultError
        If they differ.
    """
    if sha256_of(path) != sha256:
        raise ResultError(f"{path.name}: expected the bytes that the manifest says, got others; encode again")


def read_shards(folder: str | Path, *, check: bool = False) -> list[np.ndarray]:
    """Map the shards of a folder into memory, uint8 ``(n, C, H, W)`` each, in order.

    Parameters
    ----------
    folder : str or Path
    check : bool
        Also compare the sha256 of every file.

    Raises
    ------
    ResultError
        If a shard is missing, or does not match the manifest.
    """
    path = Path(folder)
    manifest = read_manifest(path)
    with _refused(path):
        shards: list[np.ndarray] = []
        for entry in manifest["shards"]:
            shard = read_array(path / entry["file"], mapped=True)
            if shard.shape != (entry["images"], *manifest["shape"]) or shard.dtype != np.uint8:
                raise ValueError(
                    f"{entry['file']}: expected {entry['images']} images of shape {manifest['shape']}, "
                    f"got {shard.shape}"
                )
            if check:
                check_shard(path / entry["file"], entry["sha256"])
            shards.append(shard)
    return shards


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """Read the manifest of a folder of encoded images.

    Raises
    ------
    ResultError
        If it has no manifest, or a damaged one, or one of an older version.
    """
    path = Path(folder)
    with _refused(path):
        manifest = read_json(path / MANIFEST, _MANIFEST_SHAPE, format=FORMAT)
        files = [entry["file"] for entry in manifest["shards"]]
        if sum(entry["images"] for entry in manifest["shards"]) != manifest["images"] or len(manifest["shape"]) != 3:
            raise ValueError(f"a {MANIFEST} whose numbers of images disagree")
        if files != [shard_name(number) for number in range(len(files))]:
            raise ValueError(f"a {MANIFEST} that names other files than shards")
        return manifest


def read_columns(folder: str | Path) -> dict[str, list[Any]]:
    """Read the columns of the data set (``labels``, ``groups``, ``names`` ...), those it has.

    Raises
    ------
    ResultError
        If they do not match the manifest.
    """
    path = Path(folder)
    manifest = read_manifest(path)
    with _refused(path):
        columns = read_json(
            path / COLUMNS, {str: [(str, float, bool, type(None))]}, format=FORMAT, sha256=manifest["samples"]
        )
        for word, column in columns.items():
            if len(column) != manifest["images"]:
                raise ValueError(f"{len(column)} {word} of {manifest['images']} images")
        return columns


def shard_name(number: int) -> str:
    """Name of the file of a shard."""
    return f"shard-{number:05d}.npy"


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    try:
        yield
    except ResultError as error:
        raise ResultError(f"{path}: expected a folder of encoded images, got one with {error}") from None
    except (OSError, ValueError) as error:
        raise ResultError(f"{path}: expected a folder of encoded images, got {error}") from error
