"""Sample pictures: made by the runner, which has the encoders; the report, which has none, reads the arrays.

``pictures/<data set>-<what>-<hash>.npz`` holds, for the first training samples of each class, the uint8
images under the contract, or the raw samples themselves where they are plain arrays.
"""

import hashlib
import logging
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.benchmark.page.thumbnails import read_pictures
from img_repr.benchmark.result import canonical
from img_repr.benchmark.sweep.cell import Cell
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import DataError
from img_repr.core.file_name import file_name
from img_repr.core.temporary import temporary_path

log = logging.getLogger(__name__)
_PER_CLASS = 2
_CLASSES = 6  # more would make a page of pictures; the rest is counted on the page
_POINTS = 240  # of a drawn series: about what a phone shows


def save_pictures(cells: Iterable[Cell], runs: Path) -> None:
    """Store sample pictures of every data set under every encoder among the cells, where they are not yet.

    What an encoder learns, it learns from the training part of the first split. Pictures decide nothing: one
    that cannot be made is a line in the log, and a damaged file is made again.
    """
    seen = set()
    for cell in cells:
        if cell.number > 0:
            continue
        encoders = cell.contender.encoders()
        for name, key, encoder in (("raw", "raw", None), *((one.name, canonical(one.spec()), one) for one in encoders)):
            if (cell.fingerprint, key) not in seen:
                seen.add((cell.fingerprint, key))
                digest = hashlib.sha256(f"{cell.fingerprint}{key}".encode()).hexdigest()[:8]
                names = [file_name(text, ascii_only=True, filler="-") for text in (cell.dataset.name, name)]
                path = runs / "pictures" / f"{'-'.join(names)}-{digest}.npz"
                try:
                    if not _is_whole(path):
                        _save(path, cell, name, encoder)
                except Exception as error:
                    log.warning("no pictures of %s as %s: %s", cell.dataset.name, name, error)


def _is_whole(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        read_pictures(path)
    except DataError as error:
        log.warning("these pictures are made again: %s", error)
        return False
    return True


def _save(path: Path, cell: Cell, name: str, encoder: AbstractEncoder | None) -> None:
    chosen = choose_samples(cell.dataset.known_labels, cell.split.train)
    samples = cell.dataset.take(chosen)
    if encoder is None:
        drawn = [sketch(sample) for sample in samples]
        if any(line is None for line in drawn):
            return
        arrays = {"series": np.stack([np.asarray(line) for line in drawn])}
    else:
        learned = encoder.fit(cell.dataset.take(cell.split.train)) if encoder.needs_fit else encoder
        arrays = {"images": np.asarray(learned(samples, dtype="uint8"))}
    path.parent.mkdir(parents=True, exist_ok=True)
    written = temporary_path(path)
    try:
        with written.open("wb") as file:
            np.savez_compressed(
                file,
                allow_pickle=False,
                dataset=np.asarray(cell.dataset.name),
                fingerprint=np.asarray(cell.fingerprint),
                encoder=np.asarray(name),
                indices=np.asarray(chosen, dtype=np.int64),
                labels=cell.dataset.known_labels[chosen].astype(str),
                **arrays,
            )
        written.replace(path)
    finally:
        with suppress(OSError):
            written.unlink()


def choose_samples(labels: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Positions of the first training samples of each of the first classes: no choice that could flatter."""
    names = np.unique(labels[train])[:_CLASSES]
    return np.concatenate([train[labels[train] == name][:_PER_CLASS] for name in names])


def sketch(sample: Any) -> np.ndarray | None:
    """Draw a sample as a short line, float32 ``(240,)``, if it is a plain series; else None.

    A longer series is averaged in windows, one with channels is shown by its first.
    """
    if not isinstance(sample, np.ndarray) or sample.ndim not in (1, 2) or sample.dtype.kind not in "fiu":
        return None
    line = np.asarray(sample if sample.ndim == 1 else sample[0], dtype=np.float64)
    if not np.isfinite(line).any():
        return None
    ends = np.linspace(0, len(line), _POINTS + 1)
    area = np.concatenate([[0.0], np.nan_to_num(line, nan=float(np.nanmean(line))).cumsum()])
    drawn = np.diff(np.interp(ends, np.arange(len(line) + 1), area)) * (_POINTS / len(line))
    return np.asarray(drawn, dtype=np.float32)
