"""Dataset: immutable samples with their labels, groups, times and split."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from img_repr.core.domain import Domain
from img_repr.core.errors import DataError
from img_repr.core.file_tree import name_some

_NAMED = 6  # classes named in a summary; of more only the number is given
_COLUMNS = ("labels", "groups", "times", "split", "names", "genuine", "elapsed_s")  # one value per sample each


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Labeled samples of one domain.

    Parameters
    ----------
    name : str
        Name in tables.
    domain : Domain
        The kind of sample.
    samples : ndarray or list
        A stack of samples, or a list if their shapes differ; ``len(samples)`` is N.
    labels : ndarray of str, shape (N,), or None
        Class of each sample; None for samples that are only encoded or predicted.
    groups : ndarray, shape (N,), optional
        Speaker, user, source: samples of one group are not independent of each other.
    times : ndarray, shape (N,), optional
        When each sample was taken, in any unit that sorts.
    split : ndarray of str, shape (N,), optional
        The publisher's split: ``"train"`` and ``"test"``, or the name of each sample's fold.
    names : ndarray of str, shape (N,), optional
        Name of each sample for readers: a file, a session with its seconds.
    genuine : ndarray of bool, shape (N,), optional
        Whether each sample belongs to the class of its label: False for an impostor's trace under a user's name. None:
        all do.
    elapsed_s : ndarray, shape (N,), optional
        Seconds from the beginning of each sample's group to the sample's end: the time of observation it needs.
    gap : float
        Distance, in units of the times, between training and test samples wherever samples are cut by time.
    notes : tuple of str
        Findings of the loader for the report: defects, skipped files.
    columns : tuple of str, optional
        Names of the values of one sample: features of a row, channels of a series. A model keeps them, see
        :meth:`with_columns`.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.core.dataset import Dataset
    >>> from img_repr.domains.timeseries.sample import TIMESERIES
    >>> data = Dataset("toy", TIMESERIES, np.eye(4), labels=np.array(["a", "a", "b", "b"]))
    >>> data.classes, len(data.take([0, 2]))
    (('a', 'b'), 2)
    """

    name: str
    domain: Domain
    samples: Any
    labels: np.ndarray | None = None
    groups: np.ndarray | None = None
    times: np.ndarray | None = None
    split: np.ndarray | None = None
    names: np.ndarray | None = None
    genuine: np.ndarray | None = None
    elapsed_s: np.ndarray | None = None
    gap: float = 0.0
    notes: tuple[str, ...] = field(default=())
    columns: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        count = len(self.samples)
        if count == 0:
            raise DataError(f"{self.name}: expected at least one sample, got none")
        if not 0.0 <= self.gap < np.inf:
            raise DataError(f"{self.name}: expected gap to be units of the times, 0 or more, got {self.gap}")
        for word, column in self.known.items():
            if len(column) != count:
                raise DataError(f"{self.name}: expected {count} {word}, one per sample, got {len(column)}")
        if self.gap and self.times is not None and self.times.dtype.kind not in "iuf":
            raise DataError(
                f"{self.name}: expected times that are numbers, to keep a gap of {self.gap:g}, got {self.times.dtype}"
            )

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.samples)

    def __repr__(self) -> str:
        """Name and summary."""
        return f"{type(self).__name__}({self.name!r}: {self.summary()})"

    def summary(self) -> str:
        """Return one line: domain, number and shape of the samples, classes, split, groups.

        Examples
        --------
        >>> from img_repr import load_dataset
        >>> load_dataset("gunpoint").summary()
        'timeseries, 200 samples of shape (150,), 2 classes (1: 100, 2: 100), split test: 150, train: 50'
        """
        words = [self.domain.name, f"{len(self)} sample{'s' * (len(self) > 1)}{_shape_in_words(self.samples)}"]
        if self.labels is None:
            words.append("no labels")
        else:
            classes, counts = np.unique(self.labels, return_counts=True)
            named = f" ({_counted(classes, counts)})" if len(classes) <= _NAMED else ""
            words.append(f"{len(classes)} class{'es' * (len(classes) > 1)}{named}")
        if self.split is not None:
            words.append(f"split {_counted(*np.unique(self.split, return_counts=True))}")
        if self.groups is not None:
            count = len(np.unique(self.groups))
            words.append(f"{count} group{'s' * (count > 1)}")
        return ", ".join([*words, *["times"] * (self.times is not None)])

    @property
    def known(self) -> dict[str, np.ndarray]:
        """Columns with one value per sample, by name: ``labels``, ``groups`` and so on, those that are set."""
        return {word: getattr(self, word) for word in _COLUMNS if getattr(self, word) is not None}

    @property
    def known_labels(self) -> np.ndarray:
        """Labels of a data set that has them.

        Raises
        ------
        DataError
            If it has none.
        """
        if self.labels is None:
            raise DataError(f"{self.name}: expected labeled samples, got none with a label")
        return self.labels

    @property
    def classes(self) -> tuple[str, ...]:
        """Distinct labels, sorted."""
        return tuple(np.unique(self.known_labels).tolist())

    @property
    def targets(self) -> np.ndarray:
        """Labels as positions in ``classes``, int64 ``(N,)``."""
        return np.unique(self.known_labels, return_inverse=True)[1].astype(np.int64)

    def take(self, indices: Sequence[int] | np.ndarray) -> Any:
        """Take the samples at the given positions, in their order."""
        return take(self.samples, indices)

    def subset(self, indices: Sequence[int] | np.ndarray) -> "Dataset":
        """Return the data set of the samples at the given positions, with their columns."""
        positions = np.asarray(indices, dtype=np.int64)
        kept: dict[str, Any] = {word: column[positions] for word, column in self.known.items()}
        return replace(self, samples=self.take(positions), **kept)

    def with_columns(self, columns: Sequence[str] | None) -> "Dataset":
        """Return the data set with the columns that a model was trained on, in the model's order.

        Other columns are dropped with a note. If either side has no names, the data set is returned unchanged.

        Parameters
        ----------
        columns : sequence of str or None
            Names of the columns of the training data.

        Raises
        ------
        DataError
            If a column of the model is missing here; the message names it.

        Examples
        --------
        >>> import numpy as np
        >>> from img_repr.core.dataset import Dataset
        >>> from img_repr.domains.tabular.sample import TABULAR
        >>> data = Dataset("toy", TABULAR, np.array([[1.0, 2.0, 3.0]]), columns=("a", "b", "c"))
        >>> data.with_columns(["c", "a"]).samples.tolist()
        [[3.0, 1.0]]
        """
        if columns is None or self.columns is None or self.columns == tuple(columns):
            return self
        missing = [name for name in columns if name not in self.columns]
        if missing:
            raise DataError(
                f"{self.name}: expected the columns of the model, got none called {name_some(missing)}; "
                f"the data have {name_some(self.columns)}"
            )
        order = [self.columns.index(name) for name in columns]
        left_out = [name for name in self.columns if name not in columns]
        notes = self.notes
        if left_out:
            notes += (f"left out {len(left_out)} columns that the model does not know: {name_some(left_out)}",)
        if order != sorted(order):
            notes += (f"the columns were put in the order of the model: {name_some(columns)}",)
        stacked = isinstance(self.samples, (np.ndarray, Tensor))
        samples = self.samples[:, order] if stacked else [sample[order] for sample in self.samples]
        return replace(self, samples=samples, columns=tuple(columns), notes=notes)

    def infer_parameters(self) -> dict[str, Any]:
        """Return the encoder parameters that these samples need, by their domain's ``infer_parameters``."""
        return {} if self.domain.infer_parameters is None else dict(self.domain.infer_parameters(self.samples))

    def fingerprint(self) -> str:
        """Sha256 of the content: every sample, its columns and the gap, but not the name or the folder."""
        digest = hashlib.sha256(self.domain.name.encode())
        for column in (self.labels, self.groups, self.times, self.split):
            digest.update(b"|" if column is None else "\x1f".join(map(str, column)).encode("utf-8", "surrogatepass"))
        if self.genuine is not None:
            digest.update(np.packbits(self.genuine).data)
        if self.gap:  # it affects the validation part, whatever the split
            digest.update(f"|gap {float(self.gap)!r}".encode())
        for sample in self.samples:
            hash_sample(digest, sample)
        return digest.hexdigest()


def _counted(names: np.ndarray, counts: np.ndarray) -> str:
    return ", ".join(f"{name}: {count}" for name, count in zip(names, counts, strict=True))


def _shape_in_words(samples: Any) -> str:
    """Shape of one sample, or the range of lengths; empty if samples are not arrays."""
    if isinstance(samples, (np.ndarray, Tensor)):
        return f" of shape {tuple(samples.shape[1:])}"
    shapes = {tuple(np.shape(sample)) for sample in samples if isinstance(sample, (np.ndarray, Tensor, list))}
    lengths = sorted({shape[-1] for shape in shapes if shape})
    if not lengths:
        return ""
    return f" of shape {shapes.pop()}" if len(shapes) == 1 else f" of lengths {lengths[0]} to {lengths[-1]}"


def take(samples: Any, indices: Sequence[int] | np.ndarray) -> Any:
    """Take the samples at the given positions of an array, a tensor or a list, in their order."""
    positions = np.asarray(indices, dtype=np.int64)
    if isinstance(samples, (np.ndarray, Tensor)):
        return samples[positions]
    return [samples[position] for position in positions]


def hash_sample(digest: Any, sample: Any) -> None:
    """Update a hash of hashlib with the content of one sample of any kind."""
    if isinstance(sample, Tensor):
        sample = sample.cpu().numpy()
    if isinstance(sample, np.ndarray):
        digest.update(f"{sample.dtype.str}{sample.shape}".encode())
        digest.update(np.ascontiguousarray(sample).data)
    elif isinstance(sample, Path):
        with sample.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    elif hasattr(sample, "hash_into"):  # a part of a file
        sample.hash_into(digest)
    elif isinstance(sample, bytes):
        digest.update(hashlib.sha256(sample).digest())  # of fixed length, so that samples cannot run into each other
    else:  # a small frozen dataclass of such values
        for value in vars(sample).values():
            hash_sample(
                digest,
                value
                if isinstance(value, (np.ndarray, Tensor, bytes, Path))
                else str(value).encode("utf-8", "surrogatepass"),
            )
