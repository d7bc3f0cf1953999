"""Missing values of series, NaN, and the one rule that fills them."""

from typing import Any

import numpy as np
import torch
from torch import Tensor


def fill_holes(rows: Tensor) -> Tensor:
    """Replace NaN on the straight line between its neighbours in time, at the ends by the nearest.

    Parameters
    ----------
    rows : Tensor, shape (M, T)
        Floating; they are not changed.

    Returns
    -------
    Tensor
        Same shape, type and device. A row of nothing but NaN stays as it is.

    Examples
    --------
    >>> import torch
    >>> from img_repr.domains.timeseries.holes import fill_holes
    >>> fill_holes(torch.tensor([[float("nan"), 1.0, float("nan"), 3.0]])).tolist()
    [[1.0, 1.0, 2.0, 3.0]]
    """
    filled = rows.cpu().numpy().copy()
    missing = np.isnan(filled)
    time = np.arange(filled.shape[1])
    for row in np.flatnonzero(missing.any(axis=1) & ~missing.all(axis=1)):
        known = ~missing[row]
        filled[row] = np.interp(time, time[known], filled[row, known])
    return torch.from_numpy(filled).to(rows.device)


def suit_holes(samples: Any) -> dict[str, Any]:
    """Give the parameter that encoders need for these series: ``missing="interpolate"`` where a value is missing.

    Examples
    --------
    >>> from img_repr.domains.timeseries.holes import suit_holes
    >>> suit_holes([[1.0, float("nan")], [1.0, 2.0]]), suit_holes([[1.0, 2.0]])
    ({'missing': 'interpolate'}, {})
    """
    holes = any(bool(np.isnan(np.asarray(one, dtype=np.float64)).any()) for one in samples)
    return {"missing": "interpolate"} if holes else {}
