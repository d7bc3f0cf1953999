"""Rows put into a data set, with the names of their columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.file_tree import text_of
from img_repr.domains.tabular.sample import TABULAR

_NAMED = 10  # columns that a note spells out


def assemble(
    name: str, rows: np.ndarray, columns: Sequence[str], notes: Sequence[str] = (), *, roles: str = "", **known: Any
) -> Dataset:
    """Put rows into a data set; a note counts the missing values.

    Parameters
    ----------
    name : str
        Name of the data set in reports.
    rows : ndarray, shape (N, F)
        NaN where a value is missing.
    columns : sequence of str
        F names.
    notes : sequence of str
        Further notes.
    roles : str
        Roles of the other columns, for the note that names the columns.
    **known
        ``labels``, ``groups``, ``times``, ``names``, ``split`` of :class:`Dataset`.

    Raises
    ------
    DataError
        If there are not as many names as columns.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.tabular.dataset import assemble
    >>> data = assemble("toy", np.eye(2), ["height", "weight"])
    >>> data.columns, data.subset([0]).columns, data.notes
    (('height', 'weight'), ('height', 'weight'), ('2 columns: height, weight',))
    """
    if rows.ndim != 2 or rows.shape[1] != len(columns):
        raise DataError(f"{name}: expected rows of {len(columns)} columns, got shape {rows.shape}")
    more = f" and {len(columns) - _NAMED} more" if len(columns) > _NAMED else ""
    notes_found = [f"{len(columns)} columns: {', '.join(columns[:_NAMED])}{more}{roles}", *notes]
    missing = np.isnan(rows)
    if missing.any():
        held, cut = (int(missing.any(axis=axis).sum()) for axis in (1, 0))
        notes_found.append(f"values missing: {int(missing.sum())}, in rows: {held}, in columns: {cut}")
    return Dataset(text_of(name), TABULAR, rows, notes=tuple(notes_found), columns=tuple(columns), **known)
