"""Markov transition field."""

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import NotFittedError, ParameterError
from img_repr.core.image import refuse_gradient
from img_repr.core.machine import check_memory
from img_repr.core.metadata import encoder
from img_repr.core.numbers import is_integer
from img_repr.domains.timeseries.polar import spread_pairs
from img_repr.domains.timeseries.sample import TIMESERIES, Missing, SeriesBatch, check_series
from img_repr.domains.timeseries.time_windows import Windows

RANGE = (0.0, 1.0)
Edges: TypeAlias = tuple[float, ...] | Literal["fit"] | None
_MOST_BINS = 1024  # the number of transition probabilities is its square
_SAME_EDGE = 1e-8  # pyts merges quantiles closer than this


def fit_edges(samples: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the quantiles of all values of the training series, so that a bin is the same amplitude in every image."""
    batch = check_series(samples, caller="mtf", missing=parameters["missing"])
    values = batch.values[batch.mask].cpu().numpy()
    inner = np.linspace(0.0, 1.0, _check_bins(parameters["n_bins"]) + 1)[1:-1]
    return {"edges": tuple(np.quantile(values, inner).tolist())}


@encoder(
    TIMESERIES,
    value_range=RANGE,
    differentiable=False,
    invariances=("offset", "gain"),
    reference="Wang & Oates 2015, Imaging Time-Series to Improve Classification and Imputation",
    fit=fit_edges,
    back_project=spread_pairs,
)
def encode_mtf(
    series: Any,
    *,
    size: int | float | None = None,
    n_bins: int = 8,
    strategy: Literal["quantile", "uniform", "normal"] = "quantile",
    edges: Edges = None,
    overlapping: bool = False,
    missing: Missing = "raise",
    lengths: Any = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    r"""Encode series as Markov transition fields.

    The values of a series are assigned to bins; W holds the relative frequencies with which one bin follows another;
    pixel (i, j) is W between the bins of times i and j, averaged over the two windows in time. The T x T field is never
    built: the image is :math:`H W H^T` with H the histogram of bins in each window.

    Parameters
    ----------
    series : array_like or Tensor, shape (T,), (N, T) or (N, C, T), or a list of series
        At least two finite values each.
    size : int or float, optional
        Side S of the image, as in ``encode_gadf``. Above T the field is interpolated (bilinear).
    n_bins : int
        Number of bins, at least 2; each series has its own.
    strategy : {"quantile", "uniform", "normal"}
        Bins of equal counts; of equal widths; or those of a standard normal distribution, for standardized series (the
        series are not standardized here).
    edges : tuple of float or "fit", optional
        Increasing inner edges of the bins for all series, instead of ``strategy``. With ``"fit"``, ``Encoder.fit``
        sets them to the quantiles of the training series, so that images keep amplitude.
    overlapping, missing, lengths, dtype, out
        As in :func:`img_repr.domains.timeseries.gadf.encode_gadf`.

    Returns
    -------
    ndarray or Tensor, shape (S, S), (N, S, S) or (N, C, S, S)
        Relative frequencies in [0, 1]. A constant series has a single bin and gives ones, with one warning.

    Raises
    ------
    SampleError, ParameterError
        Both are ``ValueError``.

    References
    ----------
    Z. Wang, T. Oates: Imaging Time-Series to Improve Classification and Imputation, IJCAI 2015, arXiv:1506.00327.
    Equal to ``pyts.image.MarkovTransitionField`` within 1e-12, merging of near quantiles (1e-8) included.

    Examples
    --------
    >>> from img_repr import encode_mtf
    >>> encode_mtf([0.0, 1.0, 0.0, 1.0, 1.0], n_bins=2, strategy="uniform", size=2)
    array([[0.5       , 0.58333333],
           [0.5       , 0.55555556]])
    """
    batch = check_series(series, caller="mtf", lengths=lengths, missing=missing)
    side = batch.pixels(size)
    refuse_gradient("mtf", batch.values, "bins have none")
    batch.warn(batch.values.amin(dim=1) == batch.values.amax(dim=1), "are constant: their field is one everywhere")
    bins, count = _digitise(batch, _check_bins(n_bins), strategy, edges)
    if not torch.compiler.is_compiling():
        check_memory(
            "mtf", 8 * len(bins) * count * (2 * count + 2 * side), f"{count} bins of {len(bins)} series",
            remedy="a smaller n_bins= or fewer series at a time",
        )  # fmt: skip
    transitions = _transitions(bins, batch, count)
    windows = Windows.of(batch.lengths, side, overlapping=overlapping)
    fractions = windows.histogram(bins, count)
    left, right = fractions @ transitions, fractions.transpose(1, 2)

    def fill(rows: slice, target: Tensor | None) -> Tensor:
        kind = batch.default if target is None else target.dtype
        return torch.bmm(left[rows].to(kind), right[rows].to(kind), out=target)

    return batch.render(fill, (side, side), RANGE, dtype, out)


def _check_bins(n_bins: Any) -> int:
    if not is_integer(n_bins, 2, _MOST_BINS):
        raise ParameterError(f"mtf: expected n_bins to be an integer from 2 to {_MOST_BINS}, got {n_bins!r:.60}")
    return int(n_bins)


def _digitise(batch: SeriesBatch, n_bins: int, strategy: str, edges: Edges) -> tuple[Tensor, int]:
    """Bin of each value, int64 ``(M, T)``, and the number of bins; a value on an edge goes to the lower bin."""
    values = batch.values
    if edges is not None:
        bounds = _fixed_edges(edges, values)
    elif strategy == "quantile":
        bounds = _quantiles(batch, n_bins)
    elif strategy == "uniform":
        low, high = values.amin(dim=1, keepdim=True), values.amax(dim=1, keepdim=True)
        step = (high - low) / n_bins  # then multiplied, as numpy.linspace has it, to the last bit
        bounds = low + torch.arange(1, n_bins, dtype=values.dtype, device=values.device) * step
    elif strategy == "normal":
        inner = [NormalDist().inv_cdf(position) for position in np.linspace(0, 1, n_bins + 1)[1:-1]]
        bounds = values.new_tensor(inner)[None]
    else:
        raise ParameterError(f"mtf: expected strategy to be 'quantile', 'uniform' or 'normal', got {strategy!r}")
    bounds = bounds.expand(values.shape[0], -1).contiguous()
    if torch.compiler.is_exporting():  # ONNX has no search
        return (bounds[:, None, :] < values[:, :, None]).sum(dim=2), bounds.shape[1] + 1
    return torch.searchsorted(bounds, values.contiguous(), right=False), bounds.shape[1] + 1


def _fixed_edges(edges: Any, values: Tensor) -> Tensor:
    if isinstance(edges, str) and edges == "fit":
        raise NotFittedError("mtf: edges='fit' is set by get_encoder(...).fit(training_series)")
    try:
        bounds = np.array(edges, dtype=np.float64)
    except (TypeError, ValueError):
        bounds = np.empty(0)
    if (
        bounds.ndim != 1
        or not 0 < len(bounds) < _MOST_BINS
        or not np.isfinite(bounds).all()
        or (np.diff(bounds) < 0).any()
    ):
        raise ParameterError(f"mtf: expected edges to be rising numbers, got {edges!r:.60}")
    return torch.from_numpy(bounds).to(values.device)[None]


def _quantiles(batch: SeriesBatch, n_bins: int) -> Tensor:
    """Inner quantiles of each row (M, n_bins - 1), to the last bit those of ``numpy.percentile`` (linear)."""
    ordered = _sorted(torch.where(batch.mask, batch.values, torch.inf))
    fractions = torch.from_numpy(np.linspace(0, 100, n_bins + 1)[1:-1] / 100).to(ordered.device)
    last = torch.from_numpy(batch.lengths - 1).to(ordered.device)[:, None]
    position = (fractions * last).expand(ordered.shape[0], -1)
    below = position.floor()
    low = ordered.gather(1, below.long())
    high = ordered.gather(1, torch.minimum(below.long() + 1, last))
    part, step = position - below, high - low
    bounds = torch.where(part < 0.5, low + step * part, high - step * (1.0 - part))
    if n_bins > 2:  # of two edges too close, the lower is merged into the higher
        near = bounds.diff(dim=1) <= _SAME_EDGE
        for edge in range(bounds.shape[1] - 2, -1, -1):
            bounds[:, edge] = torch.where(near[:, edge], bounds[:, edge + 1], bounds[:, edge])
    return bounds


def _sorted(values: Tensor) -> Tensor:
    """Sort rows; on the CPU by numpy, whose vectorized sort is two and a half times as fast as torch's."""
    if values.device.type == "cpu" and not values.requires_grad and not torch.compiler.is_compiling():
        return torch.from_numpy(np.sort(values.numpy(), axis=1))
    return values.sort(dim=1).values


def _transitions(bins: Tensor, batch: SeriesBatch, n_bins: int) -> Tensor:
    """Transition frequencies between bins, float64 ``(M, n_bins, n_bins)``; rows of unused bins are zero."""
    step = bins[:, :-1] * n_bins + bins[:, 1:]
    counts = torch.zeros(bins.shape[0], n_bins * n_bins, dtype=torch.float64, device=bins.device)
    counts = counts.scatter_add(1, step, batch.mask[:, 1:].to(torch.float64)).view(-1, n_bins, n_bins)
    return counts / counts.sum(dim=2, keepdim=True).clamp_min(1.0)
