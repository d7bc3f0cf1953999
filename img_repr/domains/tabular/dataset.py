"""A data set of rows, which keeps the names of its columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.domains.tabular.sample import TABULAR

_NAMED = 10  # columns that a note spells out


@dataclass(frozen=True, eq=False, repr=False)
class TabularDataset(Dataset):
    """Rows with the names of their columns.

    Parameters
    ----------
    columns : tuple of str
        One name per number of a row, in their order: what :meth:`Encoder.back_project` weighs.
    """

    columns: tuple[str, ...] = ()


def assemble(
    name: str, rows: np.ndarray, columns: Sequence[str], notes: Sequence[str] = (), **known: Any
) -> TabularDataset:
    """Put rows into a data set; ``notes`` then tell the names of the columns, and how many values are missing.

    Parameters
    ----------
    name : str
        What tables call the set.
    rows : ndarray, shape (N, F)
        NaN where a value is missing.
    columns : sequence of str
        F names.
    notes : sequence of str
        What else was found.
    **known
        ``labels``, ``groups``, ``times``, ``names`` of :class:`Dataset`.

    Raises
    ------
    DataError
        If there are not as many names as columns.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.tabular.dataset import assemble
    >>> data = assemble("toy", np.eye(2), ["height", "weight"])
    >>> data.columns, data.part([0]).columns, data.notes
    (('height', 'weight'), ('height', 'weight'), ('2 columns: height, weight',))
    """
    if rows.ndim != 2 or rows.shape[1] != len(columns):
        raise DataError(f"{name}: expected rows of {len(columns)} columns, got shape {rows.shape}")
    more = f" and {len(columns) - _NAMED} more" if len(columns) > _NAMED else ""
    told = [f"{len(columns)} columns: {', '.join(columns[:_NAMED])}{more}", *notes]
    holes = np.isnan(rows)
    if holes.any():
        held, cut = (int(holes.any(axis=axis).sum()) for axis in (1, 0))
        told.append(f"values missing: {int(holes.sum())}, in rows: {held}, in columns: {cut}")
    return TabularDataset(name, TABULAR, rows, notes=tuple(told), columns=tuple(columns), **known)
