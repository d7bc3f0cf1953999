"""Map of a whole file: predictions of a trained classifier slid over its bytes."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from img_repr.core.errors import ParameterError
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.fragments import FRAGMENT_BYTES, slide
from img_repr.domains.binary.sample import check_binaries


class Region(NamedTuple):
    """Bytes from ``start`` to ``stop`` that were given one class; ``probability`` is the mean over their windows."""

    start: int
    stop: int
    label: str
    probability: float


@dataclass(frozen=True, eq=False)
class RegionMap:
    """Predictions of a classifier for each window of a binary.

    Parameters
    ----------
    offsets : ndarray of int64, shape (N,)
        Where each window begins.
    probabilities : ndarray of float, shape (N, K)
    classes : tuple of str
        Of the K columns.
    window_bytes, length : int
        Bytes of each window and of the binary.
    """

    offsets: np.ndarray
    probabilities: np.ndarray
    classes: tuple[str, ...]
    window_bytes: int
    length: int

    @property
    def labels(self) -> np.ndarray:
        """Most probable class of each window, str ``(N,)``."""
        return np.asarray(np.array(self.classes)[self.probabilities.argmax(axis=1)])

    def table(self) -> list[tuple[int, str, float]]:
        """Return the offset, the class and its probability of each window."""
        best = self.probabilities.max(axis=1)
        return list(zip(self.offsets.tolist(), self.labels.tolist(), best.tolist(), strict=True))

    def regions(self) -> list[Region]:
        """Join neighbors of one class; the border of two windows lies half-way between their middles."""
        labels, best = self.labels, self.probabilities.max(axis=1)
        width = min(self.window_bytes, self.length)
        borders = np.concatenate([[0], (self.offsets[1:] + self.offsets[:-1] + width) // 2, [self.length]])
        firsts = np.flatnonzero(np.concatenate([[True], labels[1:] != labels[:-1]]))
        ends = np.append(firsts[1:], len(labels))
        return [
            Region(int(borders[first]), int(borders[end]), str(labels[first]), float(best[first:end].mean()))
            for first, end in zip(firsts, ends, strict=True)
        ]


def map_regions(
    binary: Any,
    classifier: Any,
    *,
    window_bytes: int = FRAGMENT_BYTES,
    step_bytes: int | None = None,
    batch: int = 256,
) -> RegionMap:
    """Classify each part of a file: machine code of a processor, text, packed data.

    A classifier knows only its own classes and assigns one of them to anything else, such as noise, often with
    confidence: train it with a class for everything else that a file may hold.

    Parameters
    ----------
    binary : bytes, uint8 array, path or Binary
        One binary of any length; of a file, a batch of windows is in memory at a time.
    classifier : object
        Trained on fragments of about ``window_bytes``: has ``predict_proba(samples)`` and ``classes`` (or
        ``classes_``), as a contender of a benchmark or a scikit-learn pipeline has.
    window_bytes, step_bytes, batch : int
        As of :func:`slide`.

    Raises
    ------
    ParameterError
        If the classifier has no such method or no classes, or gives another number of columns.
    SampleError
        If the binary is none, or empty.
    DataError
        If a file cannot be read, or shrinks during the reading.

    References
    ----------
    Granboulan 2017, cpu_rec.py, un outil statistique pour la reconnaissance d'architectures binaires exotiques,
    SSTIC: the task, at a minute per megabyte.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.binary.region_map import map_regions
    >>> class Zeros:
    ...     classes = ("data", "padding")
    ...     def predict_proba(self, samples):
    ...         share = np.array([(one.read() == 0).mean() for one in samples])
    ...         return np.stack([1.0 - share, share], axis=1)
    >>> found = map_regions(bytes(8) + b"abcd", Zeros(), window_bytes=4)
    >>> found.table()
    [(0, 'padding', 1.0), (4, 'padding', 1.0), (8, 'data', 1.0)]
    >>> found.regions()[0]
    Region(start=0, stop=8, label='padding', probability=1.0)
    """
    checked = check_binaries(binary, caller="map_regions").binaries
    classes = getattr(classifier, "classes", getattr(classifier, "classes_", None))
    if len(checked) != 1 or classes is None or not len(classes) or not hasattr(classifier, "predict_proba"):
        raise ParameterError(
            f"map_regions: expected one binary and a classifier with predict_proba and classes, "
            f"got {len(checked)} and {type(classifier).__name__}"
        )
    whole: Binary = checked[0]
    offsets, probabilities = [], []
    for places, windows in slide(whole, window_bytes=window_bytes, step_bytes=step_bytes, batch=batch):
        found = np.asarray(classifier.predict_proba(windows))
        if found.shape != (len(windows), len(classes)):
            raise ParameterError(
                f"map_regions: expected probabilities of shape {(len(windows), len(classes))}, got {found.shape}"
            )
        offsets.append(places)
        probabilities.append(found)
    length = int(places[-1]) + len(windows[-1])  # as it was read, whatever became of the file
    return RegionMap(
        np.concatenate(offsets), np.concatenate(probabilities), tuple(map(str, classes)), window_bytes, length
    )
