"""Conversion of arrays, lists, tensors, data frames and paths to samples and data sets."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import check_array, column_or_1d
from torch import Tensor

from img_repr.core.arrays import as_array, is_frame
from img_repr.core.dataset import Dataset
from img_repr.core.domain import Domain
from img_repr.core.errors import DataError, ImgReprError, SampleError
from img_repr.core.loader import LOADERS, load_dataset


def as_dataset(X: Any, y: Any, groups: Any, *, domain: Domain, caller: str) -> Dataset:
    """Return samples with their labels and groups as a data set.

    Parameters
    ----------
    X : array, Tensor, list of samples, DataFrame, path, list of paths, or Dataset
        N samples of the domain.
    y : array, shape (N,), or (N, K)
        None: the labels of X.
    groups : array, shape (N,), optional
        None: those of X.
    domain : Domain
        Domain of the encoder.
    caller : str
        Caller, for messages.

    Raises
    ------
    DataError
        If their form is another, or their domain.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.timeseries.sample import TIMESERIES
    >>> as_dataset([[1, 2, 3], [3, 2, 1]], ["up", "down"], None, domain=TIMESERIES, caller="example").classes
    ('down', 'up')
    """
    data = _loaded(X, domain, caller)
    columns: dict[str, Any] = {}
    if y is not None:
        columns["labels"] = _column(y, "y", caller)
    if groups is not None:
        columns["groups"] = column_or_1d(_column(groups, "groups", caller))
    for word, column in columns.items():
        if len(column) != len(data):
            raise DataError(f"{caller}: expected {len(data)} {word}, one per sample, got {len(column)}")
    return replace(data, **columns)


def as_samples(X: Any, *, domain: Domain, caller: str) -> Any:
    """Return samples in the form that encoders read: a numeric array, a tensor or a list.

    Raises
    ------
    DataError
        If they are not a batch of samples.
    """
    if isinstance(X, (Dataset, str, Path)):
        return _loaded(X, domain, caller).samples
    if not hasattr(X, "__len__") and not hasattr(X, "__array__"):
        raise DataError(f"{caller}: expected a batch of at least one sample, got one {type(X).__name__}")
    if hasattr(X, "__len__") and len(X) == 0:
        raise DataError(f"{caller}: expected a batch of at least one sample, got none")
    if is_frame(X) or np.ma.isMaskedArray(X):
        return _numbers(X, caller)
    if isinstance(X, Tensor):
        return X
    if isinstance(X, (list, tuple)):
        if all(isinstance(one, (str, Path)) for one in X):
            return [_sample_in(Path(one), domain, caller) for one in X]
        nested = all(isinstance(one, (list, tuple)) for one in X)
        if not nested and not isinstance(X[0], (int, float, complex, np.generic)):
            return list(X)  # arrays, which may differ in length, or objects
        if nested and len({len(one) for one in X}) > 1:
            return [np.asarray(one) for one in X]
    try:
        return check_array(X, dtype="numeric", allow_nd=True, ensure_all_finite=False)
    except (ValueError, TypeError) as error:
        raise DataError(f"{caller}: {' '.join(str(error).split())}") from error


def shape_of(samples: Any, domain: Domain) -> list[int | None] | None:
    """Return the shape of the raw numbers of each sample, with None for a length that varies.

    None if samples are no arrays of numbers, or differ in more than their length. Of a list some samples are looked at.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.timeseries.sample import TIMESERIES
    >>> shape_of([np.ones(5), np.ones(7)], TIMESERIES), shape_of(np.ones((4, 2, 9)), TIMESERIES)
    ([None], [2, 9])
    """
    positions = np.unique(np.linspace(0, len(samples) - 1, 64).astype(int))
    try:
        shapes = {tuple(np.shape(domain.numbers(samples[int(at)]))) for at in positions}
    except (ImgReprError, TypeError, ValueError):
        return None
    lead = {shape[:-1] for shape in shapes}
    if len(lead) != 1 or () in shapes:
        return None
    lengths = {shape[-1] for shape in shapes}
    return [*next(iter(lead)), lengths.pop() if len(lengths) == 1 else None]


def _loaded(X: Any, domain: Domain, caller: str) -> Dataset:
    data = X
    if isinstance(X, (str, Path)):
        data = load_dataset(X)
    if isinstance(data, Dataset):
        if data.domain.name != domain.name:
            raise DataError(
                f"{caller}: expected samples of the domain {domain.name}, got {data.domain.name}: {data.name}"
            )
        return data
    return Dataset(caller, domain, as_samples(X, domain=domain, caller=caller))


def _sample_in(path: Path, domain: Domain, caller: str) -> Any:
    """Return the only sample of a file, or the path for the encoder to read if no loader recognizes it."""
    loaders = [LOADERS[name] for name in LOADERS if LOADERS[name].domain.name == domain.name]
    try:
        if not path.exists():
            raise DataError(f"{path} does not exist")
        found = next((one for one in loaders if not one.bundled and one.recognizes(path)), None)
        if found is None:
            return path
        data = found.load(path, {})
    except (ImgReprError, OSError) as error:
        raise DataError(f"{caller}: expected a file with one sample, got: {error}") from error
    if len(data) != 1:
        raise DataError(
            f"{caller}: expected files with one {domain.name} sample each, got {len(data)} {data.domain.name} "
            f"samples in {path}; to read a file or folder as a data set, pass its path without a list"
        )
    return data.samples[0]


def _numbers(values: Any, caller: str) -> np.ndarray:
    """Return the numbers of a data frame or masked array as float64, with NaN for missing values."""
    try:
        found = np.asarray(as_array(values, caller=caller, expected="columns of numbers"), dtype=np.float64)
    except SampleError as error:
        raise DataError(str(error)) from error
    if found.ndim > 1 and not found.shape[1]:
        raise DataError(f"{caller}: expected columns of numbers, got a data frame without any")
    return found


def _column(values: Any, word: str, caller: str) -> np.ndarray:
    """Return one value, or one row of values, per sample; missing values are an error."""
    plain = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
    try:
        found = check_array(plain, dtype=None, ensure_2d=False, allow_nd=False, input_name=word)
        if found.dtype.kind == "O":
            if any(one is None or one != one for one in found.ravel()):
                raise ValueError(f"Input {word} contains NaN.")
            np.unique(found.ravel())  # raises for mixed types
    except (ValueError, TypeError) as error:
        raise DataError(f"{caller}: {' '.join(str(error).split())}") from error
    return np.asarray(found)
