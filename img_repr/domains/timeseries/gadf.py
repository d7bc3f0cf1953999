"""Gramian angular difference field, and its inverse."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import ParameterError, SampleError
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
def encode_gadf(
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
    r"""Encode series as Gramian angular difference fields.

    Each series is scaled to [-1, 1] and read as cosines of angles; pixel (i, j) is
    :math:`\sin(\varphi_i - \varphi_j)`. The image is antisymmetric with a zero diagonal, does not change under
    ``a * x + b`` with ``a > 0``, changes its sign with the series', and is rotated by 180 degrees by reversed time.

    Parameters
    ----------
    series : array_like or Tensor, shape (T,), (N, T) or (N, C, T), or a list of series
        At least two finite values each. A list of unequal lengths requires ``size``.
    size : int or float, optional
        Side S of the image in pixels, from 1 to any number above T; or a fraction in (0, 1] of T, rounded up.
        Default: T.
    sample_range : (float, float) or None
        Values in [-1, 1] to which the smallest and the largest value are mapped. None: the values lie in [-1, 1].
    limits : (float, float) or "fit", optional
        Values that are mapped to the ends of ``sample_range`` instead of each series' own extremes, so that the image
        keeps amplitude and offset; values beyond are clipped. With ``"fit"``, ``Encoder.fit`` sets them.
    resample : {"series", "scaled", "image"}
        Stage that is resampled from T to S: the series before scaling (pyts), the scaled series (the paper's order), or
        the finished T x T field (area mean down, bilinear up; exact, through its two factors).
    overlapping : bool
        Use overlapping windows of equal width if T is not a multiple of S.
    missing : {"raise", "interpolate"}
        NaN is an error, or a missing value to interpolate.
    lengths : array_like of int, shape (N,), optional
        Valid lengths of padded series.
    dtype : optional
        float64, float32, float16, bfloat16 or uint8 (which spans [-1, 1] with 0..255). Default: float32 for
        float32 input, else float64.
    out : ndarray or Tensor, optional
        Contiguous buffer to write into and return.

    Returns
    -------
    ndarray or Tensor, shape (S, S), (N, S, S) or (N, C, S, S)
        Values in [-1, 1]; numpy for numpy and lists, torch for torch, on the same device. A constant series gives
        zeros with one warning, and so does a series of two values with ``sample_range=(-1, 1)``.

    Raises
    ------
    SampleError, ParameterError
        Both are ``ValueError``.

    References
    ----------
    Z. Wang, T. Oates: Imaging Time-Series to Improve Classification and Imputation, IJCAI 2015, arXiv:1506.00327.
    Equal to ``pyts.image.GramianAngularField(method="difference")`` within pyts' own 5e-8.

    Examples
    --------
    >>> from img_repr import encode_gadf
    >>> encode_gadf([-1.0, 0.0, 1.0]) + 0.0  # without it zeros may carry a sign
    array([[ 0.,  1.,  0.],
           [-1.,  0.,  1.],
           [ 0., -1.,  0.]])
    """
    batch = check_series(series, caller="gadf", lengths=lengths, missing=missing)
    side = batch.pixels(size)
    cosine, sine = polar_factors(
        batch, size=side, sample_range=sample_range, limits=limits, resample=resample, overlapping=overlapping
    )
    warn_of_blank(batch, "their field is zero", sine=sine)
    products = gram(batch, (sine, cosine), (cosine, sine))

    def fill(rows: slice, target: Tensor | None) -> Tensor:
        field = products(rows, target)
        if target is None:
            return field * (1.0 - torch.eye(side, dtype=field.dtype, device=field.device))
        field.diagonal(dim1=1, dim2=2).zero_()  # a fused multiply-add leaves the last bit there
        return field

    return batch.render(fill, (side, side), RANGE, dtype, out)


def decode_gadf(
    image: Any,
    *,
    sample_range: tuple[float, float] = (-1.0, 1.0),
    value_range: tuple[float, float] | None = None,
) -> Any:
    """Recover the series from its Gramian angular difference field: the exact inverse of ``encode_gadf``.

    The field has rank two. Its range is spanned by one column and the field's product with it; the rest follows from
    the quadratic form that puts all points on the unit circle, and from the ends of ``sample_range``. Offset and gain,
    which scaling removes, are restored by ``value_range``.

    Parameters
    ----------
    image : array_like or Tensor, shape (S, S), (N, S, S) or (N, C, S, S)
        Fields in [-1, 1], or uint8 from ``encode_gadf(..., dtype="uint8")`` or a PNG.
    sample_range : (float, float)
        ``sample_range`` of the field.
    value_range : (float, float), optional
        Smallest and largest value of the series. Default: ``sample_range``.

    Returns
    -------
    ndarray or Tensor, shape (S,), (N, S) or (N, C, S)
        float64 series; within 1e-10 of the scaled series from float64 fields, within 5e-3 of its range from uint8.

    Raises
    ------
    SampleError
        If an image is not a GADF, or has no inverse: the series has fewer than four distinct values (three suffice
        unless ``sample_range`` is (-1, 1)), or the 256 levels of uint8 merge its values.

    Examples
    --------
    >>> from img_repr import decode_gadf, encode_gadf
    >>> decode_gadf(encode_gadf([2.0, 3.0, 7.0, 4.0]), value_range=(2, 7)).round(6)
    array([2., 3., 7., 4.])
    """
    fields = image if isinstance(image, Tensor) else torch.from_numpy(np.array(image))
    if fields.ndim not in (2, 3, 4) or fields.shape[-1] != fields.shape[-2] or fields.shape[-1] < 3:
        raise SampleError(f"gadf: expected square fields of at least 3 x 3, got shape {tuple(fields.shape)}")
    low, high = (float(end) for end in sample_range)
    if not -1.0 <= low < high <= 1.0:
        raise ParameterError(
            f"gadf: expected sample_range to be (low, high) with -1 <= low < high <= 1, got {sample_range!r}"
        )
    quantized = fields.dtype == torch.uint8
    flat = fields.reshape(-1, *fields.shape[-2:]).to(torch.float64)
    if quantized:
        flat = flat * (2.0 / 255.0) - 1.0
    cosine = torch.stack([_decode(one, low, high, 0.1 if quantized else 1e-3) for one in flat])
    bottom, top = (low, high) if value_range is None else value_range
    series = (bottom + (cosine - low) / (high - low) * (top - bottom)).reshape(fields.shape[:-1])
    return series if isinstance(image, Tensor) else series.numpy()


def _decode(field: Tensor, low: float, high: float, tolerance: float) -> Tensor:
    skew = (field - field.T) / 2.0
    if not bool(torch.isfinite(field).all()) or float((field + field.T).abs().max()) > 2.0 * tolerance:
        raise SampleError("gadf: expected an antisymmetric field of finite values in [-1, 1]")
    first = skew[:, skew.square().sum(dim=0).argmax()]
    for _ in range(3):  # a skew matrix of rank two: its square only stretches its range
        first = torch.nn.functional.normalize(skew @ (skew @ first), dim=0)
    second = skew @ first
    strength = second.norm()
    points = torch.stack([second / strength.sqrt(), first * strength.sqrt()], dim=1)
    x, y = points.unbind(dim=1)
    design = torch.stack([x * x, 2.0 * x * y, y * y], dim=1)
    scale = design.norm(dim=0)
    spans = design / scale
    independent = torch.linalg.svdvals(spans) if bool(spans.isfinite().all()) else spans.new_zeros(1)
    if independent[-1] <= 1e-6 * independent[0]:
        raise SampleError(
            "gadf: expected the GADF of a series with at least four distinct values; fewer leave no inverse"
        )
    a, b, c = torch.linalg.lstsq(design / scale, torch.ones_like(x)[:, None]).solution[:, 0] / scale
    if a <= 0 or a * c - b * b <= 0:
        raise SampleError("gadf: expected the field of one series, got an image whose points lie on no circle")
    form = torch.stack([torch.stack([a, b]), torch.stack([b, c])])
    circle = torch.nn.functional.normalize(points @ torch.linalg.cholesky(form), dim=1)
    inner, outer = circle @ circle.T, circle[:, :1] * circle[:, 1] - circle[:, 1:] * circle[:, 0]
    middle = inner.amin(dim=0).argmax()
    angle = torch.atan2(outer[:, middle], inner[:, middle])
    start, arc = float(np.arccos(high)), float(np.arccos(low) - np.arccos(high))
    found = float(angle.max() - angle.min())
    if abs(found - arc) > max(tolerance, 1e-6) * 10.0:
        raise SampleError(
            f"gadf: expected the field of a series scaled to ({low:g}, {high:g}), an arc of {arc:.3f}, "
            f"got one of {found:.3f}"
        )
    return torch.cos(start + (angle - angle.min()) * (arc / found))
