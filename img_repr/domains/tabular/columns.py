"""Fit and apply per-column statistics: limits, and the values that replace missing ones."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from img_repr.core.arrays import in_order
from img_repr.core.errors import NotFittedError, ParameterError, SampleError
from img_repr.core.metadata import FIT
from img_repr.domains.tabular.sample import RowBatch, check_rows

Limits: TypeAlias = tuple[float, float] | tuple[tuple[float, float], ...] | Literal["fit"] | None
Missing: TypeAlias = Literal["raise", "fit"] | float | tuple[float, ...]
Columns: TypeAlias = tuple[str, ...] | None
Quantiles: TypeAlias = tuple[float, float]


def median_of_columns(rows: np.ndarray) -> np.ndarray:
    """Median of the known values of each column, 0 where none is known; ``(F,)`` of ``(N, F)``.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.tabular.columns import median_of_columns
    >>> median_of_columns(np.array([[1.0, np.nan, np.nan], [2.0, 7.0, np.nan], [9.0, np.nan, np.nan]]))
    array([2., 7., 0.])
    """
    known = [column[~np.isnan(column)] for column in rows.T]
    return np.array([np.median(column) if len(column) else 0.0 for column in known])


def fit_columns(samples: Any, parameters: Mapping[str, Any], *, caller: str) -> tuple[dict[str, Any], np.ndarray]:
    """Fit the limits and medians that are ``"fit"``.

    Parameters
    ----------
    samples
        Training rows.
    parameters : mapping
        ``limits``, ``quantiles``, ``missing`` and ``columns`` of the encoder.
    caller : str
        For messages.

    Returns
    -------
    fitted : dict
        Values for those that were ``"fit"``, and no others.
    rows : ndarray, shape (N, F)
        The training rows without missing values.
    """
    fitted: dict[str, Any] = {}
    missing = parameters["missing"]
    samples = in_order(samples, parameters.get("columns"), caller=caller)
    batch = check_rows(samples, caller=caller, allow_missing=not _refuses(missing))
    if isinstance(missing, str) and missing == FIT:
        missing = fitted["missing"] = tuple(median_of_columns(batch.values.cpu().numpy()).tolist())
    rows = fill_missing(batch, missing).cpu().numpy()
    if isinstance(parameters["limits"], str) and parameters["limits"] == FIT:
        low, high = _check_quantiles(parameters["quantiles"], caller)
        ends = np.stack([np.quantile(rows, low, axis=0) if low > 0.0 else rows.min(axis=0),
                         np.quantile(rows, high, axis=0) if high < 1.0 else rows.max(axis=0)], axis=1)  # fmt: skip
        fitted["limits"] = tuple(map(tuple, ends.tolist()))
    return fitted, rows


def check_columns(
    rows: Any, *, caller: str, limits: Limits, quantiles: Quantiles, missing: Missing, columns: Columns = None
) -> RowBatch:
    """Check rows, fill missing values and scale each column to [0, 1]: the shared first step of all encoders.

    Raises
    ------
    SampleError
        If rows are none, or have other columns than those of training: those of a data frame are put in the order of
        ``columns``, and refused by name where one is missing or unknown.
    ParameterError, NotFittedError
        If a parameter is out of range, or not yet fitted.
    """
    _check_quantiles(quantiles, caller)
    named = isinstance(columns, (tuple, list)) and len(columns) > 0 and all(isinstance(one, str) for one in columns)
    if columns is not None and not named:
        raise ParameterError(f"{caller}: expected columns to be names, one per column, or None, got {columns!r:.60}")
    batch = check_rows(in_order(rows, columns, caller=caller), caller=caller, allow_missing=not _refuses(missing))
    if columns is not None:
        check_count(batch, len(columns), "columns")
    values = _to_unit(batch, fill_missing(batch, missing), limits)
    return RowBatch(caller, values, batch.leading, batch.kind, batch.default)


def fill_missing(batch: RowBatch, missing: Missing) -> Tensor:
    """Replace missing values, ``(M, F)``."""
    caller, values = batch.caller, batch.values
    if _refuses(missing):
        return values
    if isinstance(missing, str):
        if missing == FIT:
            raise NotFittedError(f"{caller}: missing='fit' is fitted by get_encoder(...).fit(training_rows)")
        raise ParameterError(f"{caller}: expected missing to be 'raise', 'fit' or numbers, got {missing!r}")
    stand_in = _numbers(missing)
    if stand_in is None or stand_in.ndim > 1 or not np.isfinite(stand_in).all():
        raise ParameterError(f"{caller}: expected missing to be 'raise', 'fit' or finite numbers, got {missing!r:.60}")
    if stand_in.ndim:
        check_count(batch, len(stand_in), "missing")
    return torch.where(values.isnan(), torch.from_numpy(stand_in).to(values.device), values)


def check_count(batch: RowBatch, expected: int, word: str) -> None:
    """Refuse rows of another number of columns than a parameter is made for."""
    if batch.columns != expected:
        raise SampleError(
            f"{batch.caller}: expected rows of {expected} columns, as {word} was fitted or set for, got "
            f"{batch.columns} columns"
        )


def _refuses(missing: Any) -> bool:
    return isinstance(missing, str) and missing == "raise"


def _numbers(value: Any) -> np.ndarray | None:
    try:
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None


def _check_quantiles(quantiles: Any, caller: str) -> Quantiles:
    pair = _numbers(quantiles)
    if pair is None or pair.shape != (2,) or not 0.0 <= pair[0] < pair[1] <= 1.0:
        raise ParameterError(
            f"{caller}: expected quantiles to be two rising fractions from 0 to 1, got {quantiles!r:.60}"
        )
    return float(pair[0]), float(pair[1])


def _to_unit(batch: RowBatch, values: Tensor, limits: Any) -> Tensor:
    """Bring each column from its limits to [0, 1]; values beyond are clipped, a column without extent is 0."""
    if limits is None:
        _expect_unit(batch, values)
        return values
    if isinstance(limits, str) and limits == FIT:
        raise NotFittedError(f"{batch.caller}: limits='fit' is fitted by get_encoder(...).fit(training_rows)")
    ends = _numbers(limits)
    if ends is None or ends.ndim not in (1, 2) or ends.shape[-1] != 2 or not np.isfinite(ends).all():
        ends = np.array([1.0, 0.0])
    if (ends[..., 0] > ends[..., 1]).any() or (ends.ndim == 1 and ends[0] == ends[1]):
        raise ParameterError(
            f"{batch.caller}: expected limits to be None, 'fit', (low, high) or such a pair per column, got "
            f"{limits!r:.60}"
        )
    if ends.ndim == 2:
        check_count(batch, len(ends), "limits")
    halves = torch.from_numpy(ends / 2.0).to(values.device)  # so that the span of no column is infinite
    low, span = halves[..., 0], halves[..., 1] - halves[..., 0]
    known = span > 0.0
    fractions = (values / 2.0 - low) / torch.where(known, span, torch.ones_like(span))
    return torch.where(known, fractions.clamp(0.0, 1.0), torch.zeros_like(fractions))


def _expect_unit(batch: RowBatch, values: Tensor) -> None:
    if torch.compiler.is_compiling():
        return
    outside = (values < 0.0) | (values > 1.0)
    if bool(outside.any()):
        row, column = outside.nonzero()[0].tolist()
        raise SampleError(
            f"{batch.caller}: expected numbers from 0 to 1 where limits is None, got {float(values[row, column]):g} in "
            f"row {row}, column {column}; limits='fit' fits the limits of each column from training rows"
        )
