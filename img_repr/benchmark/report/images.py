"""Sample images: made by the runner, which has the encoders; the report, which has none, reads the arrays.

``images/<data set>-<what>-<hash>.npz`` holds, for the first training samples of each class, the uint8
images under the contract, or the raw samples themselves where they are plain arrays.
"""

import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.benchmark.execution.run import Run
from img_repr.benchmark.report.thumbnails import read_images
from img_repr.benchmark.result import canonical
from img_repr.core.atomic import atomic_file
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import DataError
from img_repr.core.file_name import file_name

log = logging.getLogger(__name__)
_PER_CLASS = 2
_CLASSES = 6  # more would make a page of images; the rest is counted on the page
_POINTS = 240  # of a drawn series: about what a phone shows


def save_images(runs: Iterable[Run], runs_folder: Path) -> None:
    """Store sample images of every data set under every encoder among the runs, where they are not yet.

    Encoders are fitted on the training set of the first split. Images affect no result: one
    that cannot be made is a line in the log, and a damaged file is made again.
    """
    seen = set()
    for run in runs:
        if run.number > 0:
            continue
        encoders = run.contender.encoders()
        for name, key, encoder in (("raw", "raw", None), *((one.name, canonical(one.spec()), one) for one in encoders)):
            if (run.fingerprint, key) not in seen:
                seen.add((run.fingerprint, key))
                digest = hashlib.sha256(f"{run.fingerprint}{key}".encode()).hexdigest()[:8]
                names = [file_name(text, ascii_only=True, filler="-") for text in (run.dataset.name, name)]
                path = runs_folder / "images" / f"{'-'.join(names)}-{digest}.npz"
                try:
                    if not _is_whole(path):
                        _save(path, run, name, encoder)
                except Exception as error:
                    log.warning("no images of %s as %s: %s", run.dataset.name, name, error)


def _is_whole(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        read_images(path)
    except DataError as error:
        log.warning("these images are made again: %s", error)
        return False
    return True


def _save(path: Path, run: Run, name: str, encoder: AbstractEncoder | None) -> None:
    chosen = choose_samples(run.dataset.known_labels, run.split.train)
    samples = run.dataset.take(chosen)
    if encoder is None:
        drawn = [sketch(sample) for sample in samples]
        if any(line is None for line in drawn):
            return
        arrays = {"series": np.stack([np.asarray(line) for line in drawn])}
    else:
        fitted = encoder.fit(run.dataset.take(run.split.train)) if encoder.needs_fit else encoder
        arrays = {"images": np.asarray(fitted(samples, dtype="uint8"))}
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            allow_pickle=False,
            dataset=np.asarray(run.dataset.name),
            fingerprint=np.asarray(run.fingerprint),
            encoder=np.asarray(name),
            indices=np.asarray(chosen, dtype=np.int64),
            labels=run.dataset.known_labels[chosen].astype(str),
            **arrays,
        )


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
