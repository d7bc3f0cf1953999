"""Encoded images on disk: shards of raw uint8 ``.npy`` (memory-mapped on reading) with a manifest of hashes.

A shard is a batch of contract images ``(n, C, H, W)``. A set is written beside its place and renamed, so that a
folder is whole or not there. PNG files are an export for looking and for other programs.
"""

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import DataError, ResultError, counted_from
from img_repr.core.places import written_as_one

MANIFEST, LABELS = "manifest.json", "labels.json"
_PER_SHARD = 4096
_AT_ONCE = 64  # images made in one reused buffer


def stream(encoder: AbstractEncoder, dataset: Dataset, *, at_once: int = _AT_ONCE) -> Iterator[np.ndarray]:
    """Give the images of a data set batch by batch, uint8 ``(n, C, H, W)``, in one buffer that is used again.

    Copy what is to be kept: the next batch overwrites the last.
    """
    buffer: np.ndarray | None = None
    for start in range(0, len(dataset), at_once):
        samples = dataset.take(range(start, min(start + at_once, len(dataset))))
        with counted_from(start):
            if buffer is not None and len(samples) == len(buffer) and buffer.shape[1] == 1:
                encoder(samples, out=buffer)
            else:
                buffer = np.asarray(encoder(samples, dtype="uint8"))
        yield buffer


def write_shards(
    encoder: AbstractEncoder,
    dataset: Dataset,
    folder: str | Path,
    *,
    on_images: Callable[[int], None] | None = None,
) -> Path:
    """Encode a data set into a folder of shards.

    Parameters
    ----------
    encoder : AbstractEncoder
        Fitted.
    dataset : Dataset
    folder : str or Path
        Must not exist, or be empty.
    on_images : callable, optional
        Called with the number of images after each batch.

    Returns
    -------
    Path
        The folder: ``manifest.json``, ``shard-00000.npy`` ... and, where labels are known, ``labels.json``.

    Raises
    ------
    DataError
        If the folder holds something already, or cannot be written.
    """
    target = Path(folder)
    with written_as_one(target) as beside:
        shards: list[dict[str, Any]] = []
        shape: tuple[int, ...] = ()
        filled = 0
        shard: np.memmap | None = None
        for images in stream(encoder, dataset):
            for image in (images[i : i + 1] for i in range(len(images))):
                if shard is None or filled % _PER_SHARD == 0:
                    name = f"shard-{len(shards):05d}.npy"
                    count = min(_PER_SHARD, len(dataset) - filled)
                    shape = image.shape[1:]
                    shard = np.lib.format.open_memmap(beside / name, mode="w+", dtype=np.uint8, shape=(count, *shape))
                    _take_room(beside / name, target)
                    shards.append({"file": name, "images": count})
                shard[filled % _PER_SHARD] = image[0]
                filled += 1
            if on_images is not None:
                on_images(len(images))
        del shard
        for entry in shards:
            with (beside / entry["file"]).open("rb") as file:
                entry["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
        manifest = {
            "dataset": dataset.name,
            "fingerprint": dataset.fingerprint(),
            "encoder": encoder.spec(),
            "images": len(dataset),
            "shape": list(shape),
            "shards": shards,
        }
        (beside / MANIFEST).write_text(json.dumps(manifest, indent=2))
        if dataset.labels is not None:
            (beside / LABELS).write_text(json.dumps(list(map(str, dataset.labels))))
    return target


def _take_room(path: Path, target: Path) -> None:
    """Take the room of a file on disk, where a full disk is an error; written through a map, it ends the process."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # file systems that cannot say
            raise DataError(
                f"{target}: expected room for {path.stat().st_size:,} bytes, got: {error.strerror}"
            ) from None


def read_shards(folder: str | Path) -> list[np.ndarray]:
    """Map the shards of a folder into memory, uint8 ``(n, C, H, W)`` each, in order.

    Raises
    ------
    ResultError
        If a shard is missing, or not what the manifest says.
    """
    path = Path(folder)
    try:
        manifest = json.loads((path / MANIFEST).read_text())
        if not isinstance(manifest, dict):
            raise ValueError("a manifest of another kind")
        shards: list[np.ndarray] = []
        for entry in manifest["shards"]:
            shard = np.load(path / entry["file"], mmap_mode="r", allow_pickle=False)
            if shard.shape != (entry["images"], *manifest["shape"]) or shard.dtype != np.uint8:
                raise ResultError(
                    f"{path / entry['file']}: expected {entry['images']} images of shape {manifest['shape']}, "
                    f"got {shard.shape}"
                )
            shards.append(shard)
    except (OSError, EOFError, KeyError, ValueError) as error:
        if isinstance(error, ResultError):
            raise
        raise ResultError(
            f"{path}: expected a folder of encoded images, got {type(error).__name__}: {error}"
        ) from error
    return shards


def export_png(folder: str | Path) -> int:
    """Write each image of a folder of shards as a PNG beside them, by label; returns their number.

    One channel becomes gray, three become red, green and blue, any other number lies side by side.
    """
    from PIL import Image

    path = Path(folder)
    labels = json.loads((path / LABELS).read_text()) if (path / LABELS).exists() else None
    names = _folder_names(labels or [])
    number = 0
    for shard in read_shards(path):
        for image in shard:
            place = path / "png" / (names[labels[number]] if labels else "")
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(as_picture(image)).save(place / f"{number:06d}.png")
            number += 1
    return number


def as_picture(image: np.ndarray) -> np.ndarray:
    """Lay an image ``(C, H, W)`` out as a picture: ``(H, W)`` gray, ``(H, W, 3)`` colour, or channels in a row."""
    if len(image) == 1:
        return np.ascontiguousarray(image[0])
    if len(image) == 3:
        return np.ascontiguousarray(image.transpose(1, 2, 0))
    return np.concatenate(list(image), axis=1)


def _folder_names(labels: list[str]) -> dict[str, str]:
    """Give each label a folder of its own whose name every file system takes."""
    names: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        plain = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in label).strip(".") or "_"
        count = sum(name.partition("~")[0] == plain for name in names.values())
        names[label] = f"{plain}~{count + 1}" if count else plain
    return names
