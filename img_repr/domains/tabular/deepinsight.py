"""DeepInsight: place columns by a map of the training rows, correlated ones near each other."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from img_repr.core.errors import ParameterError
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
from img_repr.domains.tabular.likeness import unit_columns
from img_repr.domains.tabular.sample import TABULAR, RowBatch

EMBEDDINGS = ("tsne", "kernel_pca", "pca")
_FEWEST = 5  # columns; fewer have no neighborhoods that t-SNE could keep
_NEIGHBORS = 30.0  # perplexity, at most a third of the columns
_EXACT = 500  # columns; above, t-SNE's forces are approximated (Barnes-Hut)
_MOST_PAIRS = 1 << 24  # of columns and cells; the assignment looks at each of them again and again


def embed_columns(rows: np.ndarray, embedding: str, *, seed: int, caller: str) -> np.ndarray:
    """Points on a plane, one per column: near each other where the columns go together over the rows.

    Parameters
    ----------
    rows : ndarray, shape (N, F)
        Training rows without missing values. Each column is centered and brought to length 1, so that the
        squared distance of two columns is twice 1 less their correlation.
    embedding : {"tsne", "kernel_pca", "pca"}
        t-SNE of the columns; kernel PCA (radial basis); PCA, which also stands in for fewer than 5 columns and for
        columns that are all constant.
    seed : int
        Seed of the embedding.
    caller : str
        For messages.

    Returns
    -------
    ndarray, shape (F, 2)
    """
    if embedding not in EMBEDDINGS:
        raise ParameterError(
            f"{caller}: expected embedding to be one of {', '.join(EMBEDDINGS)}, got {embedding!r:.60}"
        )
    columns = np.ascontiguousarray(unit_columns(rows).T)
    if len(columns) < _FEWEST or not np.ptp(columns, axis=0).any():
        embedding = "pca"
    if embedding == "tsne":
        from sklearn.manifold import TSNE

        perplexity = min(_NEIGHBORS, (len(columns) - 1) / 3.0)
        method = "exact" if len(columns) <= _EXACT else "barnes_hut"
        points = TSNE(perplexity=perplexity, method=method, random_state=seed).fit_transform(columns)
    elif embedding == "kernel_pca":
        from sklearn.decomposition import KernelPCA

        points = KernelPCA(2, kernel="rbf", gamma=1.0, random_state=seed).fit_transform(columns)
    else:
        left, strength, _ = np.linalg.svd(columns - columns.mean(axis=0), full_matrices=False)
        points = left[:, :2] * strength[:2]
    flat = np.zeros((len(columns), 2))
    flat[:, : points.shape[1]] = points  # one column or one row has no second axis
    return flat


def turn_upright(points: np.ndarray) -> np.ndarray:
    """Turn points so that the least of all rectangles around them stands upright, ``(F, 2)``.

    One side of that rectangle lies on an edge of the convex hull. Points on one line are turned to lie.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.tabular.deepinsight import turn_upright
    >>> turned = turn_upright(np.array([[0.0, 0.0], [8.0, 4.0], [7.0, 6.0], [-1.0, 2.0]]))
    >>> np.sort(np.ptp(turned, axis=0) ** 2).round(9).tolist()
    [5.0, 80.0]
    """
    from scipy.spatial import ConvexHull, QhullError

    try:
        hull = points[ConvexHull(points).vertices]
        edges = np.roll(hull, -1, axis=0) - hull
    except (QhullError, ValueError):  # fewer than three points, or all on one line
        hull = points
        edges = points[-1:] - points[:1] if len(points) < 3 else np.linalg.svd(points - points.mean(axis=0))[2][:1]
    angles = np.arctan2(edges[:, 1], edges[:, 0])
    along = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    turns = np.stack([along, along[:, ::-1] * [-1.0, 1.0]], axis=2)  # each edge comes to lie across
    extents = np.ptp(hull @ turns, axis=1)
    return np.asarray(points @ turns[int(extents.prod(axis=1).argmin())])


def assign_cells(points: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Cell of each point, row and column, int64 ``(F, 2)``: stretched over the grid, then moved as little as can be.

    Where there are as many cells as points, each has one of its own and the sum of squared moves to the cells' centers
    is least (linear assignment). Where there are not, or more than 16 million pairs of both, points go to the cell in
    which they lie, several to one.

    Parameters
    ----------
    points : ndarray, shape (F, 2)
        Across and down, in any unit.
    grid : (int, int)
        Height and width in cells.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.tabular.deepinsight import assign_cells
    >>> assign_cells(np.array([[0.0, 0.0], [0.1, 0.0], [1.0, 1.0]]), (2, 2)).tolist()
    [[0, 0], [0, 1], [1, 1]]
    >>> assign_cells(np.array([[0.0, 0.0], [0.1, 0.0], [1.0, 1.0]]), (1, 2)).tolist()
    [[0, 0], [0, 0], [0, 1]]
    """
    from scipy.optimize import linear_sum_assignment

    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    fractions = np.where(extent > 0.0, (points - low) / np.where(extent > 0.0, extent, 1.0), 0.5)
    at = fractions[:, ::-1] * np.array(grid)  # down and across, in cells
    count = grid[0] * grid[1]
    if len(points) > count or len(points) * count > _MOST_PAIRS:
        return np.asarray(np.minimum(at.astype(np.int64), np.array(grid) - 1))
    centers = np.stack(np.divmod(np.arange(count), grid[1]), axis=1)
    moves = sum((at[:, None, axis] - centers[None, :, axis] - 0.5) ** 2 for axis in (0, 1))
    return np.asarray(centers[linear_sum_assignment(moves)[1]], dtype=np.int64)


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
    fitted, rows = fit_columns(samples, parameters, caller=_NAME)
    if isinstance(parameters["places"], str) and parameters["places"] == FIT:
        seed, grid = check_seed(_NAME, parameters["seed"]), _cells(parameters["grid"], rows.shape[1])
        points = turn_upright(embed_columns(rows, parameters["embedding"], seed=seed, caller=_NAME))
        fitted["places"] = tuple(map(tuple, assign_cells(points, grid).tolist()))
    return fitted


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
        The cell of each column. ``"fit"`` fits them from the training rows. None: row by row, in the order of the
        table; nothing is fitted.
    embedding : {"tsne", "kernel_pca", "pca"}
        How the map is made, for ``"fit"``. Fewer than 5 columns, and columns that are all constant, take ``"pca"``.
    seed : int
        Seed of t-SNE, for ``"fit"``.
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
