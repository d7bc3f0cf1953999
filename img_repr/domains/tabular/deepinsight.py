"""DeepInsight: columns where a map of the training rows puts them, near those that go together."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from img_repr.core.metadata import FIT, encoder
from img_repr.core.seed import check_seed
from img_repr.domains.tabular.arrangement import (
    RANGE,
    Arrangement,
    Grid,
    Places,
    Size,
    check_one_row,
    check_places,
    grid_of,
)
from img_repr.domains.tabular.columns import Columns, Limits, Missing, Quantiles, check_columns, fit_columns
from img_repr.domains.tabular.embedding import assign_cells, embed_columns, turn_upright
from img_repr.domains.tabular.sample import TABULAR, RowBatch

_NAME = "deepinsight"


def roomy_grid(columns: int) -> tuple[int, int]:
    """Height and width of a square of about four times as many cells as columns, so that gaps of the map show.

    Examples
    --------
    >>> from img_repr.domains.tabular.deepinsight import roomy_grid
    >>> roomy_grid(30), roomy_grid(1)
    ((11, 11), (2, 2))
    """
    side = math.isqrt(4 * columns - 1) + 1
    return side, side


def _cells(grid: Grid, columns: int) -> tuple[int, int]:
    return grid_of(_NAME, grid, columns, usual=roomy_grid, holds_all=False)


def _fit(samples: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    learned, rows = fit_columns(samples, parameters, caller=_NAME)
    if isinstance(parameters["places"], str) and parameters["places"] == FIT:
        seed, grid = check_seed(_NAME, parameters["seed"]), _cells(parameters["grid"], rows.shape[1])
        points = turn_upright(embed_columns(rows, parameters["embedding"], seed=seed, caller=_NAME))
        learned["places"] = tuple(map(tuple, assign_cells(points, grid).tolist()))
    return learned


def _arrange(batch: RowBatch, size: Size, grid: Grid, places: Places) -> Arrangement:
    cells = _cells(grid, batch.columns)
    return Arrangement(_NAME, cells, check_places(batch, places, cells), size)


def _back_project(
    heat: np.ndarray, sample: Any, *, size: Size = None, grid: Grid = None, places: Places = None, **_: Any
) -> np.ndarray:
    return _arrange(check_one_row(sample, caller=_NAME), size, grid, places).carry_back(heat)


@encoder(
    TABULAR,
    value_range=RANGE,
    reference="Sharma, Vans, Shigemizu, Boroevich & Tsunoda 2019, DeepInsight: A methodology to transform a non-image "
    "data to an image for convolution neural network architecture",
    fit=_fit,
    back_project=_back_project,
)
def encode_deepinsight(
    rows: Any,
    *,
    size: Size = None,
    grid: Grid = None,
    places: Places = None,
    embedding: Literal["tsne", "kernel_pca", "pca"] = "tsne",
    seed: int = 0,
    limits: Limits = None,
    quantiles: Quantiles = (0.0, 1.0),
    missing: Missing = "raise",
    columns: Columns = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode rows as images in which columns stand where a map of the training rows puts them (DeepInsight).

    ``Encoder.fit`` with ``places="fit"`` brings each column, as it runs over the training rows, to a point on a plane,
    turns the plane so that the least rectangle around all points stands upright, stretches it over the grid, and gives
    each column a cell of its own, with the least sum of squared moves. With more columns than cells, columns share the
    cell in which they lie, and their mean is shown. The first publication let columns share cells everywhere; that
    each has its own is of its authors' later programs.

    Parameters
    ----------
    rows : array_like, Tensor or data frame, shape (F,) or (N, F), or a list of rows
        As :func:`img_repr.domains.tabular.rowmajor.encode_rowmajor` takes them.
    size : int or (int, int), optional
        As there.
    grid : int or (int, int), optional
        Cells on a side, or height and width in cells. Default: a square of about four cells per column, so that the
        gaps of the map are seen; cells without a column are 0.
    places : "fit", (row, column) per column, or None
        The cell of each column. ``"fit"`` learns them from the training rows. None: row by row, in the order of the
        table, with nothing learned.
    embedding : {"tsne", "kernel_pca", "pca"}
        How the map is made, for ``"fit"``. Fewer than 5 columns, and columns that are all constant, take ``"pca"``.
    seed : int
        Of what t-SNE draws, for ``"fit"``.
    limits, quantiles, missing, columns, dtype, out
        As in ``encode_rowmajor``.

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
    A. Sharma, E. Vans, D. Shigemizu, K. A. Boroevich, T. Tsunoda: DeepInsight: A methodology to transform a non-image
    data to an image for convolution neural network architecture, Scientific Reports 9 (2019) 11399.

    Examples
    --------
    >>> from img_repr import get_encoder
    >>> from img_repr.domains.tabular.sample import make_rows
    >>> map_of = get_encoder("deepinsight", places="fit", limits="fit", embedding="pca").fit(make_rows(40))
    >>> len(set(dict(map_of.parameters)["places"])), map_of(make_rows(2)).shape
    (12, (2, 1, 7, 7))
    """
    batch = check_columns(rows, caller=_NAME, limits=limits, quantiles=quantiles, missing=missing, columns=columns)
    return _arrange(batch, size, grid, places).draw(batch, dtype, out)
