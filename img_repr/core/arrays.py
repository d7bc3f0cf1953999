"""Numeric arrays from lists, masked arrays, data frames, series and Arrow tables.

Data frames are recognized by their methods, so that none of their packages is imported. Their column names are read
separately, by :func:`column_names`, and never as values.
"""

import decimal
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from img_repr.core.errors import SampleError

_MISSING = ("NAType", "NaTType", "NullType", "MaskedConstant")  # one value each of pandas, pyarrow and numpy
_LARGEST_NAMES = 5  # that a message spells out


def is_frame(values: Any) -> bool:
    """Whether values have named columns: a data frame of pandas, polars or the like, or an Arrow table.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.core.arrays import is_frame
    >>> is_frame(np.ones(3)), is_frame([1.0])
    (False, False)
    """
    named = hasattr(values, "columns") or hasattr(values, "column_names")
    return named and (hasattr(values, "to_numpy") or hasattr(values, "to_pandas"))


def column_names(values: Any) -> tuple[str, ...] | None:
    """Names of the columns of a data frame, as text; None for other values.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.core.arrays import column_names
    >>> column_names(np.ones((2, 2))) is None
    True
    """
    if not is_frame(values):
        return None
    names = values.columns if hasattr(values, "to_numpy") else values.column_names
    return tuple(map(str, names))


def in_order(values: Any, names: Sequence[str] | None, *, caller: str) -> Any:
    """Return the columns of a data frame in the order of the fitted names.

    Parameters
    ----------
    values : array_like
        Values without column names are returned unchanged.
    names : sequence of str or None
        Column names seen in fit; None skips the check.
    caller : str
        First word of messages.

    Returns
    -------
    ndarray, or the values themselves

    Raises
    ------
    SampleError
        If a column is missing, unknown or there twice.
    """
    given = column_names(values)
    if names is None or given is None or given == tuple(names):
        return values
    missing = [name for name in names if name not in given]
    unknown = [name for name in given if name not in names]
    twice = sorted({name for name in given if given.count(name) > 1})
    for found, word in ((missing, "missing"), (unknown, "unknown"), (twice, "repeated")):
        if found:
            raise SampleError(
                f"{caller}: expected the {len(names)} columns of fit, got {word}: {_some(found)}; "
                "without names (to_numpy()) columns are read by position"
            )
    places = [given.index(name) for name in names]
    return as_array(values, caller=caller)[:, places]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LARGEST_NAMES} more" if len(names) > _LARGEST_NAMES else ""
    return ", ".join(f"{name!r:.40}" for name in names[:_LARGEST_NAMES]) + more


def as_array(values: Any, *, caller: str, expected: str = "numbers") -> np.ndarray:
    """Return numbers as an array, without a copy if they are one already.

    Parameters
    ----------
    values : array_like
        An array (masked values become NaN), nested lists, a data frame, series or table of any package (nullable,
        object and mixed types; ``None``, ``NA`` and null become NaN), or anything with ``__array__``. Numbers are
        floats, integers, booleans, ``Decimal`` and ``Fraction``.
    caller : str
        First word of messages.
    expected : str
        Name of the values in messages.

    Returns
    -------
    ndarray
        Floating, integer, boolean or complex: the dtype of the input or of the data frame's columns, else float64.

    Raises
    ------
    SampleError
        If the values are not numbers (text, dates, objects), or rows have unequal shapes.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.core.arrays import as_array
    >>> as_array([1, None, 3], caller="doc")
    array([ 1., nan,  3.])
    >>> as_array(np.ma.masked_equal([1, -9, 3], -9), caller="doc")
    array([ 1., nan,  3.])
    """
    found = as_rows(values, caller=caller, expected=expected)
    if isinstance(found, list):
        shapes = sorted({one.shape for one in found})
        raise SampleError(
            f"{caller}: expected {expected} in rows of one length, got unequal ones of shapes {shapes!r:.60}"
        )
    return found


def as_rows(values: Any, *, caller: str, expected: str = "numbers") -> np.ndarray | list[np.ndarray]:
    """Return numbers as :func:`as_array` does, or as a list of arrays if rows have unequal shapes.

    Examples
    --------
    >>> from img_repr.core.arrays import as_rows
    >>> as_rows([[1, 2], [3]], caller="doc")
    [array([1, 2]), array([3])]
    """
    given, found = f"{caller}: expected {expected}", values
    if hasattr(values, "toarray") and hasattr(values, "nnz"):
        raise SampleError(f"{given}, got a sparse matrix; sparse data are not supported, toarray() makes it dense")
    if values is None:
        raise SampleError(f"{given}, got None")
    if isinstance(values, (list, tuple)):
        found = _stacked(values, caller, expected)
    elif is_frame(values):
        found = _of_frame(values)
    elif hasattr(values, "to_numpy") and not isinstance(values, np.ndarray):
        found = values.to_numpy(zero_copy_only=False) if hasattr(values, "to_pylist") else values.to_numpy()
    if isinstance(found, list):
        return found
    if not isinstance(found, np.ndarray):
        try:
            found = np.asarray(found)
        except Exception as error:
            raise SampleError(f"{given}, got {_shown(values)} ({type(error).__name__})") from None
    if found.dtype == object:
        if found.ndim == 1 and any(map(_holds_several, found)):
            return as_rows(list(found), caller=caller, expected=expected)
        found = _of_objects(found, given, values)
    elif isinstance(found, np.ma.MaskedArray):
        found = _unmasked(found)
    if found.dtype.kind not in "fiubc":
        hint = "; dates are not numbers" if found.dtype.kind in "mM" else ""
        shown = "text" if found.dtype.kind in "SUT" else f"{found.dtype!s:.40}"
        raise SampleError(f"{given}, got values of type {shown}{hint}")
    wanted = getattr(getattr(values, "dtype", None), "numpy_dtype", None)  # of a nullable series
    return _as_nullable(found, wanted if isinstance(wanted, np.dtype) else None)


def _holds_several(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        or (isinstance(value, np.ndarray) and value.ndim > 0)
        or (hasattr(value, "to_numpy") and not np.isscalar(value))
    )


def _stacked(values: Sequence[Any], caller: str, expected: str) -> Any:
    """Stack the rows of a list, after reading those whose missing values or type numpy would not see."""
    if any(map(_holds_several, values)):
        rows = [as_rows(one, caller=caller, expected=expected) for one in values]
        if any(isinstance(one, list) for one in rows):
            raise SampleError(
                f"{caller}: expected {expected} in rows of one length, got unequal ones in {_shown(values)}"
            )
        return np.array(rows) if len({np.shape(one) for one in rows}) == 1 else rows
    try:
        return np.asarray(values)
    except (ValueError, OverflowError) as error:
        raise SampleError(f"{caller}: expected {expected}, got {_shown(values)} ({type(error).__name__})") from None


def _of_frame(frame: Any) -> np.ndarray:
    """Values of a data frame; nullable columns of one type keep it if no value is missing."""
    if not hasattr(frame, "to_numpy"):
        frame = frame.to_pandas()
    found = np.asarray(frame.to_numpy())
    if found.dtype != object:
        return found
    kinds = [getattr(kind, "numpy_dtype", kind) for kind in frame.dtypes]
    if not all(isinstance(kind, np.dtype) and kind.kind in "fiub" for kind in kinds):
        return found
    return _as_nullable(_of_objects(found, "", frame), np.result_type(*kinds))


def _as_nullable(found: np.ndarray, wanted: np.dtype | None) -> np.ndarray:
    if wanted is None or wanted == found.dtype or wanted.kind not in "fiub":
        return found
    whole = wanted.kind != "f"
    return found if whole and found.dtype.kind == "f" and np.isnan(found).any() else found.astype(wanted)


def _unmasked(values: np.ma.MaskedArray) -> np.ndarray:
    if not np.ma.is_masked(values):
        return np.asarray(values.data)
    small = values.dtype.kind == "f" or values.dtype.kind == "c"
    return np.asarray(np.ma.filled(values.astype(values.dtype if small else np.float64), np.nan))


def _of_objects(values: np.ndarray, given: str, whole: Any) -> np.ndarray:
    """Numbers of an array of Python objects: int64 where all are whole, else float64."""
    flat = [_number(one, given, whole) for one in values.ravel()]
    if isinstance(values, np.ma.MaskedArray):
        flat = [np.nan if hidden else one for one, hidden in zip(flat, np.ma.getmaskarray(values).flat, strict=True)]
    kind = np.dtype(np.int64) if flat and all(type(one) is int for one in flat) else np.dtype(np.float64)
    try:
        return np.array(flat, dtype=kind).reshape(values.shape)
    except OverflowError:
        try:
            return np.array(flat, dtype=np.float64).reshape(values.shape)
        except OverflowError:
            raise SampleError(f"{given}, got an integer beyond the range of float64") from None


def _number(value: Any, given: str, whole: Any) -> float | int | complex:
    if value is None or type(value).__name__ in _MISSING:
        return np.nan
    if isinstance(value, (bool, np.bool_)):
        return float(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, (numbers.Real, decimal.Decimal)):
        return float(value)
    if isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "fiub":
        return value.item()  # type: ignore[no-any-return]
    shown = f"{value!r:.40}" if np.ndim(whole) == 0 or value is not whole else _shown(whole)
    kind = type(value).__name__
    hint = "; dates are not numbers" if kind in ("Timestamp", "datetime", "date", "Timedelta", "timedelta") else ""
    raise SampleError(f"{given}, got {' '.join(shown.split())} of type {kind}{hint}")


def _shown(values: Any) -> str:
    return " ".join(f"{values!r:.60}".split())
