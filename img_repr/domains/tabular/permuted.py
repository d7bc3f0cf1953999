"""Permuted: the columns at random places; the control that measures the value of an arrangement."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from img_repr.core.metadata import encoder
from img_repr.core.seed import check_seed
from img_repr.domains.tabular.arrangement import (
    RANGE,
    Arrangement,
    Grid,
    Size,
    check_one_row,
    grid_of,
    row_by_row,
)
from img_repr.domains.tabular.columns import Columns, Limits, Missing, Quantiles, check_columns, fit_columns
from img_repr.domains.tabular.sample import TABULAR

_NAME = "permuted"


def _fit(samples: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return fit_columns(samples, parameters, caller=_NAME)[0]


def _arrange(columns: int, size: Size, grid: Grid, seed: int) -> Arrangement:
    cells = grid_of(_NAME, grid, columns)
    order = np.random.RandomState(check_seed(_NAME, seed)).permutation(columns)  # numpy keeps this one as it is
    return Arrangement(_NAME, cells, row_by_row(order, cells), size)


def _back_project(
    heat: np.ndarray, sample: Any, *, size: Size = None, grid: Grid = None, seed: int = 0, **_: Any
) -> np.ndarray:
    return _arrange(check_one_row(sample, caller=_NAME).columns, size, grid, seed).carry_back(heat)


@encoder(
    TABULAR,
    value_range=RANGE,
    reference="none: random places, as a control; Sharma et al. 2019 and Zhu et al. 2021 are to beat it",
    fit=_fit,
    back_project=_back_project,
)
def encode_permuted(
    rows: Any,
    *,
    size: Size = None,
    grid: Grid = None,
    seed: int = 0,
    limits: Limits = None,
    quantiles: Quantiles = (0.0, 1.0),
    missing: Missing = "raise",
    columns: Columns = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode rows as images whose cells are the columns in random order, the same for every row.

    If a network on fitted positions is no better than one on random positions, the positions carry no information.

    Parameters
    ----------
    rows : array_like, Tensor or data frame, shape (F,) or (N, F), or a list of rows
        As :func:`img_repr.domains.tabular.rowmajor.encode_rowmajor` takes them.
    size, grid
        As there.
    seed : int
        Decides the order; it depends on nothing else but the number of columns.
    limits, quantiles, missing, columns, dtype, out
        As there.

    Returns
    -------
    ndarray or Tensor, shape (H, W) or (N, H, W)
        Values in [0, 1].

    Raises
    ------
    SampleError, ParameterError, NotFittedError
        All are ``ValueError``.

    References
    ----------
    None for chance. It is the control of A. Sharma et al., Scientific Reports 9 (2019) 11399, and of Y. Zhu et al.,
    Scientific Reports 11 (2021) 11325, whose places are learned.

    Examples
    --------
    >>> from img_repr import encode_permuted
    >>> encode_permuted([0.1, 0.2, 0.3, 0.4], seed=1)
    array([[0.4, 0.3],
           [0.1, 0.2]])
    """
    batch = check_columns(rows, caller=_NAME, limits=limits, quantiles=quantiles, missing=missing, columns=columns)
    return _arrange(batch.columns, size, grid, seed).draw(batch, dtype, out)
