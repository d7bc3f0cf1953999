"""A cache of encoded images on disk: uint8, memory-mapped, keyed by the data and the encoder.

A set of images is a folder of shards (:mod:`img_repr.core.shards`) in ``cache_folder("images")``, named by the sha256
of the data's fingerprint and the fitted encoder's spec. It is written under a temporary name and renamed, so no process
reads an incomplete folder. If several processes write the same folder, the first to finish wins and the others use its
images. Every folder is checked completely before use, and may be deleted at any time.
"""

import hashlib
import json
import shutil
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from img_repr.core.bulk import write_shards
from img_repr.core.dataset import Dataset, take
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import DataError, ResultError
from img_repr.core.machine import cache_folder
from img_repr.core.shards import read_shards

_ABANDONED_S = 7 * 24 * 3600  # a killed writer leaves its temporary folder; no writer needs a week


def find_images(encoder: AbstractEncoder, fingerprint: str, count: int) -> list[np.ndarray] | None:
    """Return the cached images of some data.

    The manifest, the size of each shard and the sha256 of every byte are checked, which costs a few per cent of the
    encoding of expensive images. A folder that fails a check is deleted with a warning.

    Parameters
    ----------
    encoder : AbstractEncoder
        Fitted.
    fingerprint : str
        Fingerprint of the data: :meth:`img_repr.core.dataset.Dataset.fingerprint`.
    count : int
        Expected number of images.

    Returns
    -------
    list of ndarray, or None
        Memory maps, uint8 ``(n, C, H, W)`` each, in the order of the samples; None if they are not cached.
    """
    try:
        folder = _folder(encoder, fingerprint)
    except DataError:
        return None
    if not folder.exists():
        return None
    try:
        shards = read_shards(folder, check=True)
        if sum(map(len, shards)) != count:
            raise ResultError(f"{folder}: expected {count} images, got {sum(map(len, shards))}")
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        if folder.exists():  # else another process has deleted it
            warnings.warn(f"image cache: damaged images are deleted: {error}", stacklevel=2)
            _delete(folder)
        return None
    return shards


def cache_images(encoder: AbstractEncoder, samples: Any, fingerprint: str) -> list[np.ndarray] | None:
    """Encode samples into the cache on the CPU, so that a key stands for the same images everywhere, and open them.

    Parameters
    ----------
    encoder : AbstractEncoder
        Fitted.
    samples
        An array, a tensor or a list of samples.
    fingerprint : str
        Fingerprint of the data.

    Returns
    -------
    list of ndarray, or None
        As :func:`find_images` returns them; None, with a warning, if they cannot be written.

    Raises
    ------
    SampleError
        Or any other error of the encoder.

    Examples
    --------
    >>> import tempfile
    >>> from unittest.mock import patch
    >>> from img_repr import get_encoder
    >>> from img_repr.domains.timeseries.sample import make_series
    >>> from img_repr.training.image_cache import cache_images, find_images
    >>> gadf = get_encoder("gadf", size=8)
    >>> with tempfile.TemporaryDirectory() as folder, patch.dict("os.environ", IMG_REPR_CACHE=folder):
    ...     [shard.shape for shard in cache_images(gadf, make_series(5), "of five")]
    ...     find_images(gadf, "of others", 5) is None
    [(5, 1, 8, 8)]
    True
    """
    samples = samples.cpu() if isinstance(samples, Tensor) else samples
    data = Dataset(fingerprint, encoder.domain, samples)
    try:
        folder = _folder(encoder, fingerprint)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _delete_stale(folder.parent)
        needed = len(data) * int(np.asarray(encoder(take(samples, [0]), dtype="uint8")).nbytes)
        free = shutil.disk_usage(folder.parent).free
        if free < needed:  # a memory map on a full disk kills the process
            raise DataError(f"{folder.parent}: expected {needed} free bytes, got {free}")
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            whole = write_shards(encoder, data, temporary / "new")
            try:
                whole.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another process was first, and its images are used
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except (OSError, DataError) as error:
        warnings.warn(f"image cache: nothing is cached, every batch is encoded again: {error}", stacklevel=2)
        return None
    return find_images(encoder, fingerprint, len(data))


def _folder(encoder: AbstractEncoder, fingerprint: str) -> Path:
    key = json.dumps({"data": fingerprint, "encoder": encoder.spec()}, sort_keys=True)
    return cache_folder("images") / hashlib.sha256(key.encode()).hexdigest()


def _delete(folder: Path) -> None:
    """Rename a folder, then delete it, so that no process reads half of it; open memory maps stay valid."""
    with suppress(OSError), tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
        folder.rename(Path(temporary) / "old")


def _delete_stale(root: Path) -> None:
    """Delete the temporary folders of killed writers."""
    for folder in root.glob(f".{'[0-9a-f]' * 64}-*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(folder)
