"""IGTD's two matrices and its search: ranks of distances, and swaps that bring one matrix near to the other."""

import numpy as np

from img_repr.core.errors import ParameterError

PIXEL_DISTANCES = ("euclidean", "manhattan")
_TRIALS = 5  # of leaving an order that no swap betters


def rank_matrix(distances: np.ndarray) -> np.ndarray:
    """Rank of each pair's distance among all pairs, from 1; ties share their mean rank; the diagonal is 0.

    Parameters
    ----------
    distances : ndarray, shape (F, F)
        Symmetric; what stands on the diagonal does not matter.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.tabular.ranking import rank_matrix
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
    >>> from img_repr.domains.tabular.ranking import cell_distances
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
    """Sum over all pairs of cells of how far the rank of what stands there is from the rank of the cells."""
    return float(np.abs(source[np.ix_(order, order)] - target).sum() / 2.0)


class _Search:
    """An order of the columns, and what stands where in it; ``error`` is twice the sum over pairs."""

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
        """Visit every cell once and swap where that gains most, or ``sideways`` loses nothing; tell whether any was."""
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

    Cells are visited in an order drawn again in each sweep; the column there is swapped with the one that lowers
    :func:`rank_error` most. Where no swap of any two lowers it, one sweep of swaps that do not raise it follows, and
    then again those that lower it: few columns have many ties. It ends after five such trials without a better order.

    Parameters
    ----------
    source, target : ndarray, shape (F, F)
        Rank matrices of the columns and of the cells.
    seed : int
        Of the order of visits, and of the choice among equals.
    sweeps : int
        At most so many.

    Returns
    -------
    ndarray of int, shape (F,)
        Which column stands in each cell, of the best order that was met.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.tabular.ranking import cell_distances, match_ranks, rank_matrix
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
