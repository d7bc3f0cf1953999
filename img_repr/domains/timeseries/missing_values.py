"""Missing values of series, NaN, and the one rule that fills them."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.arrays import as_rows


def fill_missing(rows: Tensor) -> Tensor:
    """Interpolate NaN linearly between its neighbors in time; at the ends, use the nearest value.

    Parameters
    ----------
    rows : Tensor, shape (M, T)
        Floating; they are not changed.

    Returns
    -------
    Tensor
        Same shape, type and device. A row of only NaN is returned unchanged.

    Examples
    --------
    >>> import torch
    >>> from img_repr.domains.timeseries.missing_values import fill_missing
    >>> fill_missing(torch.tensor([[float("nan"), 1.0, float("nan"), 3.0]])).tolist()
    [[1.0, 1.0, 2.0, 3.0]]
    """
    missing = rows.isnan()
    some = (missing.any(dim=1) & ~missing.all(dim=1)).nonzero()[:, 0]
    chosen, gaps = rows[some], missing[some]
    last = rows.shape[1] - 1
    time = torch.arange(last + 1, device=rows.device).expand(gaps.shape)
    before = torch.where(gaps, -1, time).cummax(dim=1).values
    after = torch.where(gaps, last + 1, time).flip(1).cummin(dim=1).values.flip(1)
    before, after = torch.where(before < 0, after, before), torch.where(after > last, before, after)
    low, high = chosen.gather(1, before), chosen.gather(1, after)
    slope = (high - low) / (after - before).clamp(min=1)
    filled = torch.where(gaps, slope * (time - before).clamp(min=0) + low, chosen)
    return rows.index_copy(0, some, filled)


def infer_missing(samples: Any) -> dict[str, Any]:
    """Return the encoder parameters for these series: ``missing="interpolate"`` if a value is missing.

    Examples
    --------
    >>> from img_repr.domains.timeseries.missing_values import infer_missing
    >>> infer_missing([[1.0, float("nan")], [1.0, 2.0]]), infer_missing([[1.0, 2.0]])
    ({'missing': 'interpolate'}, {})
    """
    found = as_rows(samples, caller="series")
    has_nan = any(bool(np.isnan(one).any()) for one in (found if isinstance(found, list) else [found]))
    return {"missing": "interpolate"} if has_nan else {}
