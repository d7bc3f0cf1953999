"""Gramian angular summation field."""

from typing import Any

from img_repr.core.metadata import encoder
from img_repr.domains.timeseries.polar import (
    Limits,
    Resample,
    fit_limits,
    gram,
    polar_factors,
    spread_pairs,
    warn_of_blank,
)
from img_repr.domains.timeseries.sample import TIMESERIES, Missing, check_series

RANGE = (-1.0, 1.0)


@encoder(
    TIMESERIES,
    value_range=RANGE,
    invariances=("offset", "gain"),
    reference="Wang & Oates 2015, Imaging Time-Series to Improve Classification and Imputation",
    fit=fit_limits,
    back_project=spread_pairs,
)
def encode_gasf(
    series: Any,
    *,
    size: int | float | None = None,
    sample_range: tuple[float, float] | None = (-1.0, 1.0),
    limits: Limits = None,
    resample: Resample = "series",
    overlapping: bool = False,
    missing: Missing = "raise",
    lengths: Any = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    r"""Encode series as Gramian angular summation fields.

    Each series is scaled to [-1, 1] and read as cosines of angles; pixel (i, j) is
    :math:`\cos(\varphi_i + \varphi_j)`. The image is symmetric. With ``sample_range=(-1, 1)`` a
    series and its negative have the same image; ``encode_gadf`` and ``sample_range=(0, 1)`` separate them.

    Parameters
    ----------
    series : array_like or Tensor, shape (T,), (N, T) or (N, C, T), or a list of series
        At least two finite values each.
    size, sample_range, limits, resample, overlapping, missing, lengths, dtype, out
        As in :func:`img_repr.domains.timeseries.gadf.encode_gadf`.

    Returns
    -------
    ndarray or Tensor, shape (S, S), (N, S, S) or (N, C, S, S)
        Values in [-1, 1]. A constant series is mapped to the lower end of ``sample_range``, with one warning: with
        (-1, 1) its field is one everywhere.

    Raises
    ------
    SampleError, ParameterError
        Both are ``ValueError``.

    References
    ----------
    Z. Wang, T. Oates: Imaging Time-Series to Improve Classification and Imputation, IJCAI 2015, arXiv:1506.00327.
    Equal to ``pyts.image.GramianAngularField(method="summation")`` within pyts' own 5e-8.

    Examples
    --------
    >>> from img_repr import encode_gasf
    >>> encode_gasf([-1.0, 0.0, 1.0]) + 0.0
    array([[ 1.,  0., -1.],
           [ 0., -1.,  0.],
           [-1.,  0.,  1.]])
    """
    batch = check_series(series, caller="gasf", lengths=lengths, missing=missing)
    side = batch.pixels(size)
    warn_of_blank(batch, "their field is the same everywhere")
    cosine, sine = polar_factors(
        batch, size=side, sample_range=sample_range, limits=limits, resample=resample, overlapping=overlapping
    )
    return batch.render(gram(batch, (cosine, cosine), (sine, sine)), (side, side), RANGE, dtype, out)
