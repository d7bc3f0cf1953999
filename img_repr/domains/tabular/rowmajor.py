"""Row-major: the columns in the order of the table, row by row; a control that knows nothing of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from img_repr.core.metadata import encoder
from img_repr.domains.tabular.arrangement import RANGE, Arrangement, Grid, Size, check_one_row, grid_of, row_by_row
from img_repr.domains.tabular.columns import Columns, Limits, Missing, Quantiles, check_columns, fit_columns
from img_repr.domains.tabular.sample import TABULAR

_NAME = "rowmajor"


def _fit(samples: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return fit_columns(samples, parameters, caller=_NAME)[0]


def _arrange(columns: int, size: Size, grid: Grid) -> Arrangement:
    cells = grid_of(_NAME, grid, columns)
    return Arrangement(_NAME, cells, row_by_row(np.arange(columns), cells), size)


def _back_project(heat: np.ndarray, sample: Any, *, size: Size = None, grid: Grid = None, **_: Any) -> np.ndarray:
    return _arrange(check_one_row(sample, caller=_NAME).columns, size, grid).carry_back(heat)


@encoder(
    TABULAR,
    value_range=RANGE,
    reference="none: the order of the table, as a control; Sharma et al. 2019 and Zhu et al. 2021 are to beat it",
    fit=_fit,
    back_project=_back_project,
)
def encode_rowmajor(
    rows: Any,
    *,
    size: Size = None,
    grid: Grid = None,
    limits: Limits = None,
    quantiles: Quantiles = (0.0, 1.0),
    missing: Missing = "raise",
    columns: Columns = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode rows as images whose cells are the columns in the order of the table, row by row.

    A column is a gray level from 0 at its low limit to 1 at its high one. A cell without a column is 0. Nothing is
    learned about relations of columns, so any gain from neighborhood comes from the order in the table: pixels of a
    digit are next to each other in theirs.

    Parameters
    ----------
    rows : array_like, Tensor or data frame, shape (F,) or (N, F), or a list of rows
        Finite numbers; NaN only if ``missing`` says how to replace it.
    size : int or (int, int), optional
        Side of the image in pixels, or (height, width), 1 to 16384. A cell is a block of pixels, and a pixel the
        mean of the cells that it covers. Default: one pixel per cell.
    grid : int or (int, int), optional
        Cells on a side, or height and width in cells. Default: the smallest that holds all columns, at most one wider
        than high.
    limits : (float, float), one such pair per column, "fit" or None
        Values that become 0 and 1; values beyond are clipped, and a column whose limits are equal is 0. ``"fit"``:
        ``Encoder.fit`` takes the limits of each column from the training rows. None: values lie in [0, 1] already.
    quantiles : (float, float)
        Which quantiles of the training rows ``"fit"`` takes for limits; the extremes by default.
    missing : "raise", "fit", float or one float per column
        NaN is an error, or is replaced; ``"fit"`` fits the median of each column from the training rows.
    columns : tuple of str, optional
        Names of the columns. ``Encoder.fit`` takes them from a data frame; the columns of a later data frame are put
        in this order, and one that is missing or unknown is refused by name. Arrays are read by position.
    dtype : optional
        float32, float64, float16, bfloat16 or uint8. Default: float32 for rows of float32 or less, else float64.
    out : ndarray or Tensor, optional
        Contiguous buffer to write into and to give back.

    Returns
    -------
    ndarray or Tensor, shape (H, W) or (N, H, W)
        Values in [0, 1].

    Raises
    ------
    SampleError
        If rows are no finite numbers, have another number of columns than in training, or leave [0, 1] where
        ``limits`` is None.
    ParameterError, NotFittedError
        If a parameter is out of range, or not yet fitted.

    References
    ----------
    None for the order of the table. It is the control of A. Sharma et al., Scientific Reports 9 (2019) 11399, and of
    Y. Zhu et al., Scientific Reports 11 (2021) 11325, whose places are learned.

    Examples
    --------
    >>> from img_repr import encode_rowmajor
    >>> encode_rowmajor([0.0, 5.0, 10.0], limits=(0.0, 10.0))
    array([[0. , 0.5],
           [1. , 0. ]])
    """
    batch = check_columns(rows, caller=_NAME, limits=limits, quantiles=quantiles, missing=missing, columns=columns)
    return _arrange(batch.columns, size, grid).draw(batch, dtype, out)
