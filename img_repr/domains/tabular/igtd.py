"""IGTD: place similar columns side by side, by matching the ranks of two distance matrices."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from img_repr.core.errors import ParameterError
from img_repr.core.metadata import FIT, encoder
from img_repr.core.numbers import is_integer
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
    row_by_row,
)
from img_repr.domains.tabular.columns import Columns, Limits, Missing, Quantiles, check_columns, fit_columns
from img_repr.domains.tabular.likeness import column_distances
from img_repr.domains.tabular.sample import TABULAR, RowBatch

PIXEL_DISTANCES = ("euclidean", "manhattan")
_TRIALS = 5  # of leaving an order that no swap betters


def rank_matrix(distances: np.ndarray) -> np.ndarray:
    """Rank of each pair's distance among all pairs, from 1; ties share their mean rank; the diagonal is 0.

    Parameters
    ----------
    distances : ndarray, shape (F, F)
        Symmetric; the diagonal is ignored.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.tabular.igtd import rank_matrix
    >>> rank_matrix(np.array([[0.0, 0.2, 0.9], [0.2, 0.0, 0.9], [0.9, 0.9, 0.0]]))
    array([[0. , 1. , 2.5],
           [1. , 0. , 2.5],
           [2.5, 2.5, 0. ]])
    """
    from scipy.stats import rankdata

    below = np.tril_indices(len(distances), k=-1)
    ranks = np.zeros(distances.shape)
    ranks[below] = rankdata(distances[below])
    return ranks + ranks.T


def cell_distances(count: int, width: int, distance: str, *, caller: str) -> np.ndarray:
    """Distance of each two of the first ``count`` cells of a grid, counted row by row, ``(count, count)``.

    Examples
    --------
    >>> from img_repr.domains.tabular.igtd import cell_distances
    >>> cell_distances(3, 2, "manhattan", caller="doc")
    array([[0., 1., 1.],
           [1., 0., 2.],
           [1., 2., 0.]])
    """
    if distance not in PIXEL_DISTANCES:
        raise ParameterError(
            f"{caller}: expected pixel_distance to be one of {', '.join(PIXEL_DISTANCES)}, got {distance!r:.60}"
        )
    row, column = np.divmod(np.arange(count), width)
    down, across = np.abs(row[:, None] - row), np.abs(column[:, None] - column)
    return np.asarray(np.hypot(down, across) if distance == "euclidean" else (down + across).astype(np.float64))


def rank_error(source: np.ndarray, target: np.ndarray, order: np.ndarray) -> float:
    """Sum over all pairs of cells of the difference between the rank of the columns there and the rank of the cells."""
    return float(np.abs(source[np.ix_(order, order)] - target).sum() / 2.0)


class _Search:
    """An order of the columns during the search; ``error`` is twice the sum over pairs."""

    def __init__(self, source: np.ndarray, target: np.ndarray, seed: int) -> None:
        self.target = target
        self.placed = source.copy()
        self.order = np.arange(len(source))
        self.random = np.random.RandomState(seed)
        self._count()

    def _count(self) -> None:
        self.cost = np.abs(self.placed - self.target).sum(axis=1)
        self.error = float(self.cost.sum())

    def sweep(self, *, sideways: bool = False) -> bool:
        """Visit every cell once, swap for the largest gain, or ``sideways`` without loss; return whether any was."""
        moved = False
        for here in self.random.permutation(len(self.order)):
            brought = np.abs(self.placed - self.target[here]).sum(axis=1)  # each other column, if it stood here
            taken = np.abs(self.placed[here] - self.target).sum(axis=1)  # this column, if it stood there
            pair = 4.0 * np.minimum(self.placed[here], self.target[here])  # which a swap of the two leaves as it is
            change = brought + taken - self.cost[here] - self.cost - pair
            change[here] = np.inf
            least = change.min()
            if least < 0.0 or (sideways and least == 0.0):
                ties = np.flatnonzero(change == least)
                self._swap(int(here), int(ties[self.random.randint(len(ties))]))
                moved = True
        return moved

    def _swap(self, here: int, there: int) -> None:
        for axis in (self.placed, self.placed.T, self.order):
            axis[[here, there]] = axis[[there, here]]
        self._count()


def match_ranks(source: np.ndarray, target: np.ndarray, *, seed: int, sweeps: int) -> np.ndarray:
    """Find an order of the columns whose ranks are near those of the cells, by swaps.

    Cells are visited in a new random order in each sweep; the column there is swapped with the one that lowers
    :func:`rank_error` most. Where no swap of any two lowers it, one sweep of swaps that do not raise it follows, and
    then again those that lower it: few columns have many ties. It ends after five such trials without a better order.

    Parameters
    ----------
    source, target : ndarray, shape (F, F)
        Rank matrices of the columns and of the cells.
    seed : int
        Of the order of visits, and of the choice among equals.
    sweeps : int
        Largest number of sweeps.

    Returns
    -------
    ndarray of int, shape (F,)
        Which column stands in each cell, of the best order that was met.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.tabular.igtd import cell_distances, match_ranks, rank_matrix
    >>> line = rank_matrix(cell_distances(4, 4, "euclidean", caller="doc"))
    >>> mixed = [2, 0, 3, 1]
    >>> order = match_ranks(line[np.ix_(mixed, mixed)], line, seed=0, sweeps=50)
    >>> [mixed[column] for column in order]  # the line again, from one end or from the other
    [3, 2, 1, 0]
    """
    search = _Search(source, target, seed)
    best, lowest, tried = search.order.copy(), search.error, 0
    for _ in range(sweeps if len(source) > 1 else 0):
        gained = search.sweep()
        if search.error < lowest:
            best, lowest, tried = search.order.copy(), search.error, 0
        if gained:
            continue
        tried += 1
        if tried > _TRIALS or not search.sweep(sideways=True):
            break
    return best


_NAME = "igtd"
_MOST_COLUMNS = 2048  # each visit of a cell compares that number squared of ranks


def _fit(samples: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    fitted, rows = fit_columns(samples, parameters, caller=_NAME)
    if isinstance(parameters["places"], str) and parameters["places"] == FIT:
        count = rows.shape[1]
        if count > _MOST_COLUMNS:
            raise ParameterError(
                f"{_NAME}: expected at most {_MOST_COLUMNS} columns to fit places for, got {count}; "
                "deepinsight takes more"
            )
        seed, sweeps = check_seed(_NAME, parameters["seed"]), _check_sweeps(parameters["sweeps"])
        grid = grid_of(_NAME, parameters["grid"], count)
        alike = rank_matrix(column_distances(rows, parameters["distance"], caller=_NAME))
        near = rank_matrix(cell_distances(count, grid[1], parameters["pixel_distance"], caller=_NAME))
        order = match_ranks(alike, near, seed=seed, sweeps=sweeps)
        fitted["places"] = tuple(map(tuple, row_by_row(order, grid).tolist()))
    return fitted


def _check_sweeps(sweeps: Any) -> int:
    if not is_integer(sweeps, 1):
        raise ParameterError(f"{_NAME}: expected sweeps to be an integer of at least 1, got {sweeps!r:.60}")
    return int(sweeps)


def _arrange(batch: RowBatch, size: Size, grid: Grid, places: Places) -> Arrangement:
    cells = grid_of(_NAME, grid, batch.columns)
    return Arrangement(_NAME, cells, check_places(batch, places, cells), size)


def _back_project(
    heat: np.ndarray, sample: Any, *, size: Size = None, grid: Grid = None, places: Places = None, **_: Any
) -> np.ndarray:
    return _arrange(check_one_row(sample, caller=_NAME), size, grid, places).carry_back(heat)


@encoder(
    TABULAR,
    value_range=RANGE,
    reference="Zhu, Brettin, Xia, Partin, Shukla, Yoo, Evrard, Doroshow & Stevens 2021, Converting tabular data into "
    "images for deep learning with convolutional neural networks",
    fit=_fit,
    back_project=_back_project,
)
def encode_igtd(
    rows: Any,
    *,
    size: Size = None,
    grid: Grid = None,
    places: Places = None,
    distance: Literal["pearson", "spearman", "euclidean"] = "pearson",
    pixel_distance: Literal["euclidean", "manhattan"] = "euclidean",
    seed: int = 0,
    sweeps: int = 50,
    limits: Limits = None,
    quantiles: Quantiles = (0.0, 1.0),
    missing: Missing = "raise",
    columns: Columns = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode rows as images in which columns that are alike stand side by side, one in each cell (IGTD).

    ``Encoder.fit`` with ``places="fit"`` ranks the distances of all pairs of columns over the training rows, and those
    of all pairs of cells, and swaps columns until no swap of two brings the ranks nearer to each other, as a sum of
    absolute differences. The authors stop after a number of steps; here the search ends at such an order and returns
    the best one found.

    Parameters
    ----------
    rows : array_like, Tensor or data frame, shape (F,) or (N, F), or a list of rows
        As :func:`img_repr.domains.tabular.rowmajor.encode_rowmajor` takes them.
    size, grid
        As there. Where the grid has more cells than there are columns, the last are empty, as the authors have it.
    places : "fit", (row, column) per column, or None
        The cell of each column. ``"fit"`` fits them from the training rows, at most 2048 columns. None: row by row,
        in the order of the table; nothing is fitted.
    distance : {"pearson", "spearman", "euclidean"}
        Distance of two columns, used by ``"fit"``: 1 minus the correlation of their values or ranks, which is large for
        columns that run against each other; or the Euclidean distance between columns scaled to [0, 1].
    pixel_distance : {"euclidean", "manhattan"}
        Distance of two pixels, used by ``"fit"``.
    seed : int
        Of the order in which cells are visited, for ``"fit"``.
    sweeps : int
        Largest number of visits to each cell, for ``"fit"``.
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
    Y. Zhu, T. Brettin, F. Xia, A. Partin, M. Shukla, H. Yoo, Y. A. Evrard, J. H. Doroshow, R. L. Stevens: Converting
    tabular data into images for deep learning with convolutional neural networks, Scientific Reports 11 (2021) 11325.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr import get_encoder
    >>> hidden = np.random.default_rng(0).normal(size=(50, 2))
    >>> rows = hidden[:, [0, 1, 0, 1]] + 0.1 * hidden[:, [1, 0, 1, 0]] * [1, 1, -1, -1]  # alike: 0 and 2, 1 and 3
    >>> igtd = get_encoder("igtd", grid=(1, 4), places="fit", limits="fit").fit(rows)
    >>> np.argsort(dict(igtd.parameters)["places"], axis=0)[:, 1].tolist()  # from left to right
    [2, 0, 1, 3]
    >>> igtd(rows).shape
    (50, 1, 1, 4)
    """
    batch = check_columns(rows, caller=_NAME, limits=limits, quantiles=quantiles, missing=missing, columns=columns)
    return _arrange(batch, size, grid, places).draw(batch, dtype, out)
