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
    gaps, last = missing[some], rows.shape[1] - 1
    time = torch.arange(last + 1, device=rows.device).expand(gaps.shape)
    before = torch.where(gaps, -1, time).cummax(dim=1).values
    after = torch.where(gaps, last + 1, time).flip(1).cummin(dim=1).values.flip(1)
    return rows.index_copy(0, some, _interpolated(rows[some], gaps, before, after))


def fill_missing_traceable(rows: Tensor) -> Tensor:
    """Interpolate NaN as :func:`fill_missing` does, by operations that ONNX has; for programs that are exported."""
    gaps, last = rows.isnan(), rows.shape[1] - 1
    time = torch.arange(last + 1, device=rows.device).expand(gaps.shape)
    before, after = torch.where(gaps, -1, time), torch.where(gaps, last + 1, time)
    step = 1
    while step <= last:  # the running extremes by doubling
        before = torch.maximum(before, torch.nn.functional.pad(before[:, :-step], (step, 0), value=-1))
        after = torch.minimum(after, torch.nn.functional.pad(after[:, step:], (0, step), value=last + 1))
        step *= 2
    return _interpolated(rows, gaps, before, after)


def _interpolated(rows: Tensor, gaps: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Fill gaps between the last value before (at -1: there is none) and the first value after (at T: none)."""
    last = rows.shape[1] - 1
    time = torch.arange(last + 1, device=rows.device).expand(gaps.shape)
    before, after = torch.where(before < 0, after, before), torch.where(after > last, before, after)
    before, after = before.clamp(max=last), after.clamp(min=0)  # of a row of only NaN
    low, high = rows.gather(1, before), rows.gather(1, after)
    slope = (high - low) / (after - before).clamp(min=1)
    return torch.where(gaps, slope * (time - before).clamp(min=0) + low, rows)


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
