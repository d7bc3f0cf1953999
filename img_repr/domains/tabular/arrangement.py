"""Arrangement of columns in the cells of a grid: from rows to images, and from heat back to columns.

A grid is brought to pixels by areas: each cell is a block where the image is larger, and each pixel is the mean of
what it covers. Cells without a column are 0 in every image; a mask of them would be the same for all rows.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import NotFittedError, ParameterError, SampleError
from img_repr.core.image import check_sides, render
from img_repr.core.metadata import FIT
from img_repr.core.numbers import is_integer
from img_repr.domains.tabular.columns import check_count
from img_repr.domains.tabular.sample import RowBatch, check_rows

Grid: TypeAlias = int | tuple[int, int] | None
Size: TypeAlias = int | tuple[int, int] | None
Places: TypeAlias = tuple[tuple[int, int], ...] | Literal["fit"] | None

RANGE = (0.0, 1.0)
_LARGEST_GRID = 4096  # cells on a side
_CELLS_AT_ONCE = 1 << 20  # of all grids together; a small image may come from a large one


def smallest_grid(columns: int) -> tuple[int, int]:
    """Height and width of the smallest grid, at most one column wider than high, that holds that many columns.

    Examples
    --------
    >>> from img_repr.domains.tabular.arrangement import smallest_grid
    >>> smallest_grid(30), smallest_grid(64), smallest_grid(1)
    ((5, 6), (8, 8), (1, 1))
    """
    width = math.isqrt(columns - 1) + 1
    return -(-columns // width), width


def grid_of(
    caller: str,
    grid: Any,
    columns: int,
    *,
    usual: Callable[[int], tuple[int, int]] = smallest_grid,
    holds_all: bool = True,
) -> tuple[int, int]:
    """Height and width in cells: ``grid``, or the default for that many columns.

    Raises
    ------
    ParameterError
        If the grid is invalid, or has fewer cells than columns where ``holds_all``.
    """
    if grid is None:
        return usual(columns)
    sides = tuple(grid) if isinstance(grid, (tuple, list)) else (grid, grid)
    whole = [is_integer(one) for one in sides]
    if len(sides) != 2 or not all(whole) or not all(1 <= one <= _LARGEST_GRID for one in sides):
        raise ParameterError(
            f"{caller}: expected grid to be cells, or (height, width) of them, each 1 to {_LARGEST_GRID}, got "
            f"{grid!r:.40}"
        )
    if holds_all and sides[0] * sides[1] < columns:
        raise ParameterError(
            f"{caller}: expected grid to hold {columns} columns, one in a cell, got {sides[0]} x {sides[1]} cells"
        )
    return int(sides[0]), int(sides[1])


def row_by_row(order: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Places ``(F, 2)`` of columns that fill a grid row by row; ``order[k]`` is the column in cell k.

    Where there are more columns than cells, it is filled over and over.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.tabular.arrangement import row_by_row
    >>> row_by_row(np.array([2, 0, 1]), (2, 2)).tolist()
    [[0, 1], [1, 0], [0, 0]]
    """
    places = np.empty((len(order), 2), dtype=np.int64)
    places[order] = np.stack(np.divmod(np.arange(len(order)) % (grid[0] * grid[1]), grid[1]), axis=1)
    return places


def check_places(batch: RowBatch, places: Any, grid: tuple[int, int]) -> np.ndarray:
    """Check fitted or explicit places, int64 ``(F, 2)``; None: row by row, in the order of the columns."""
    if places is None:
        return row_by_row(np.arange(batch.columns), grid)
    if isinstance(places, str) and places == FIT:
        raise NotFittedError(f"{batch.caller}: places='fit' is fitted by get_encoder(...).fit(training_rows)")
    try:
        found = np.array(places)
    except ValueError:  # numpy's word for pairs of unequal length
        found = np.empty(0)
    if found.ndim != 2 or found.shape[1] != 2 or found.dtype.kind not in "iu" or found.min() < 0:
        raise ParameterError(
            f"{batch.caller}: expected places to be None, 'fit' or (row, column) in cells per column, got "
            f"{places!r:.60}"
        )
    check_count(batch, len(found), "places")
    if (found >= np.array(grid)).any():
        raise ParameterError(
            f"{batch.caller}: expected places in a grid of {grid[0]} x {grid[1]} cells, got "
            f"{found.max(axis=0).tolist()}"
        )
    return found.astype(np.int64)


def area_weights(cells: int, pixels: int) -> np.ndarray:
    """Return the overlap of equal cells with equal pixels on one axis, ``(pixels, cells)``; rows sum to 1.

    Examples
    --------
    >>> from img_repr.domains.tabular.arrangement import area_weights
    >>> area_weights(2, 3).tolist()
    [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
    """
    pixel, cell = np.arange(pixels + 1) * cells, np.arange(cells + 1) * pixels  # both axes in integers: exact
    common = np.minimum(pixel[1:, None], cell[None, 1:]) - np.maximum(pixel[:-1, None], cell[None, :-1])
    return np.asarray(np.maximum(common, 0) / cells)


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Assignment of columns to the cells of a grid, and of the grid to pixels.

    Parameters
    ----------
    caller : str
        The encoder, for messages.
    grid : (int, int)
        Height and width in cells.
    places : ndarray of int64, shape (F, 2)
        Row and column of the cell of each column; of those in one cell the mean is shown.
    size : int, (int, int) or None
        Pixels of the image; None: one per cell.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.tabular.arrangement import Arrangement
    >>> from img_repr.domains.tabular.sample import check_rows
    >>> three = Arrangement("doc", (2, 2), np.array([[0, 0], [1, 1], [1, 1]]), None)
    >>> three.draw(check_rows([1.0, 0.25, 0.75], caller="doc"), None, None)
    array([[1. , 0. ],
           [0. , 0.5]])
    >>> three.carry_back(np.array([[2.0, 3.0], [0.0, 1.0]]))
    array([3. , 1.5, 1.5])
    """

    caller: str
    grid: tuple[int, int]
    places: np.ndarray
    size: Size

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of the image in pixels."""
        return self.grid if self.size is None else check_sides(self.caller, self.size)

    def draw(self, batch: RowBatch, dtype: Any, out: Any) -> Any:
        """Images of rows whose values lie in [0, 1]; see :func:`img_repr.core.image.render`."""
        height, width = self.sides
        device = batch.values.device
        cell, count = self._cells()
        fractions = batch.values / torch.from_numpy(count[cell]).to(device)
        where, step = torch.from_numpy(cell).to(device), max(1, _CELLS_AT_ONCE // len(count))
        down, across = (
            torch.from_numpy(area_weights(cells, pixels)).to(device)
            for cells, pixels in zip(self.grid, (height, width), strict=True)
        )

        def fill(rows: slice, target: Tensor | None) -> Tensor:
            kind = batch.default if target is None else target.dtype
            chosen, tall, wide = fractions[rows].to(kind), down.to(kind), across.to(kind).T
            if target is None:
                return tall @ in_cells(chosen) @ wide
            for at in range(0, len(chosen), step):
                torch.matmul(tall @ in_cells(chosen[at : at + step]), wide, out=target[at : at + step])
            return target

        def in_cells(chosen: Tensor) -> Tensor:
            cells = chosen.new_zeros((chosen.shape[0], len(count))).index_add(1, where, chosen)
            return cells.view(-1, *self.grid)

        return render(
            fill,
            caller=self.caller,
            shape=(*batch.leading, height, width),
            value_range=RANGE,
            kind=batch.kind,
            default=batch.default,
            device=device,
            dtype=dtype,
            out=out,
            functional=batch.values.requires_grad or torch.compiler.is_compiling(),
        )

    def carry_back(self, heat: np.ndarray) -> np.ndarray:
        """Weights of the columns, ``(F,)``, for weights of the pixels; weight on empty cells is divided among all."""
        heat = np.asarray(heat, dtype=np.float64)
        flat = heat[0] if heat.ndim == 3 and len(heat) == 1 else heat
        if flat.shape != self.sides:
            raise ParameterError(f"{self.caller}: expected heat of shape {self.sides}, got {heat.shape}")
        cell, count = self._cells()
        down, across = (area_weights(*pair) for pair in zip(self.grid, self.sides, strict=True))
        warm = (down.T @ flat @ across).ravel()
        return np.asarray(warm[cell] / count[cell] + warm[count == 0].sum() / len(cell))

    def _cells(self) -> tuple[np.ndarray, np.ndarray]:
        """Cell of each column ``(F,)``, and the number of columns in each cell, counted row by row."""
        cell = self.places[:, 0] * self.grid[1] + self.places[:, 1]
        return cell, np.bincount(cell, minlength=self.grid[0] * self.grid[1]).astype(np.float64)


def check_one_row(sample: Any, *, caller: str) -> RowBatch:
    """Check the row whose image's heat is carried back; its values do not matter."""
    batch = check_rows(sample, caller=caller, allow_missing=True)
    if len(batch.values) != 1:
        raise SampleError(f"{caller}: expected one row, got {len(batch.values)}")
    return batch
