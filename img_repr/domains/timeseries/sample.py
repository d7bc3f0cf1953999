"""The sample of the domain, a series of numbers, and its check.

One check serves all accepted forms of series.

A series is ``(T,)``, a series of several channels ``(C, T)``. A batch is ``(N, T)`` or ``(N, C, T)``, or a list of
series, which may differ in length; ``lengths`` are the valid lengths of padded rows.
"""

import functools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from img_repr.core.arrays import as_array, as_rows
from img_repr.core.domain import Domain, register_domain
from img_repr.core.errors import DegenerateSampleWarning, ParameterError, SampleError
from img_repr.core.image import LARGEST_SIDE, Fill, Kind, ValueRange, render
from img_repr.core.numbers import is_integer
from img_repr.domains.timeseries.augmentation import augment_series
from img_repr.domains.timeseries.missing_values import fill_missing, fill_missing_traceable, infer_missing
from img_repr.domains.timeseries.signature import series_signature

Missing: TypeAlias = Literal["raise", "interpolate"]


def make_series(n: int, seed: int = 0, *, length: int = 60) -> np.ndarray:
    """Make ``n`` noisy sums of two waves with a trend, synthetic, float64 ``(n, length)``.

    Examples
    --------
    >>> from img_repr.domains.timeseries.sample import make_series
    >>> make_series(3, length=20).shape
    (3, 20)
    """
    random = np.random.default_rng(seed)
    time = np.linspace(0.0, 1.0, length)
    cycles, phase = random.uniform(1, 8, (2, n, 1)), random.uniform(0, 2 * np.pi, (2, n, 1))
    waves = np.sin(2 * np.pi * cycles * time + phase).sum(axis=0)
    return np.asarray(waves + random.normal(size=(n, 1)) * time + 0.1 * random.normal(size=(n, length)))


TIMESERIES = register_domain(
    Domain(
        name="timeseries",
        sample="a series of numbers, (T,) or (C, T) for C channels",
        make_samples=make_series,
        augment=augment_series,
        infer_parameters=infer_missing,
        near_duplicate_signature=series_signature,
        encoder="gadf",
        contenders=(
            "cnn:recurrence(signed=True)|scalogram|gadf",
            "cnn:gadf+mtf+recurrence",
            "table:minirocket:ridge",
            "table:summary:extra_trees",
            "table:raw:1nn_dtw",
            "table:raw:1nn",
            "table:length_and_missing:extra_trees",
            "pixels:gadf:extra_trees",
            "majority",
        ),
    )
)


@dataclass(frozen=True)
class SeriesBatch:
    """Checked series, flattened to one row each.

    Parameters
    ----------
    caller : str
        Name of the encoder or feature set, for messages.
    values : Tensor, shape (M, T), float64
        Rows; a row shorter than T is padded with its own last value.
    lengths : ndarray, shape (M,), int64
        Valid length of each row.
    leading : tuple of int
        Shape of the caller's batch without the time axis: ``()``, ``(N,)`` or ``(N, C)``.
    kind : {"numpy", "torch"}
        Library of the input.
    default : torch.dtype
        float32 for series of float32 or less, else float64.
    missing : ndarray of int64, shape (M,), optional
        Number of interpolated values of each row; None if there are none.
    """

    caller: str
    values: Tensor
    lengths: np.ndarray
    leading: tuple[int, ...]
    kind: Kind
    default: torch.dtype
    missing: np.ndarray | None = None

    @property
    def uniform(self) -> bool:
        """Whether all rows have one length."""
        return bool((self.lengths == self.values.shape[-1]).all())

    @property
    def mask(self) -> Tensor:
        """Mask of the valid values, bool ``(M, T)``."""
        ends = torch.from_numpy(self.lengths).to(self.values.device)
        return (torch.arange(self.values.shape[-1], device=self.values.device) < ends[:, None]).expand(
            self.values.shape
        )

    def pixels(self, size: int | float | None) -> int:
        """Return the side of the image in pixels for a parameter ``size``.

        Parameters
        ----------
        size : int, float or None
            Pixels; or a fraction in (0, 1] of the length, rounded up; or None: the length.
        """
        if size is None or isinstance(size, (float, np.floating)):
            if not self.uniform:
                raise ParameterError(
                    f"{self.caller}: expected size= in pixels for series of unequal lengths, got {size} "
                    f"with lengths from {self.lengths.min()} to {self.lengths.max()}"
                )
            fraction = 1.0 if size is None else float(size)
            if not 0.0 < fraction <= 1.0:
                raise ParameterError(f"{self.caller}: expected size to be pixels or a fraction in (0, 1], got {size}")
            side = int(np.ceil(fraction * self.values.shape[-1]))
            if side > LARGEST_SIDE:
                raise ParameterError(
                    f"{self.caller}: expected size= in pixels, 1 to {LARGEST_SIDE}, for series of "
                    f"{self.values.shape[-1]} "
                    f"values, got {size}"
                )
            return side
        whole = is_integer(size)
        if not whole or not 1 <= size <= LARGEST_SIDE:
            raise ParameterError(
                f"{self.caller}: expected size to be 1 to {LARGEST_SIDE} pixels, or a fraction in (0, 1], got "
                f"{size!r:.60}"
            )
        return int(size)

    def render(self, fill: Fill, side: tuple[int, int], value_range: ValueRange, dtype: Any, out: Any) -> Any:
        """Write the images of all rows; see :func:`img_repr.core.image.render`."""
        return render(
            fill,
            caller=self.caller,
            shape=(*self.leading, *side),
            value_range=value_range,
            kind=self.kind,
            default=self.default,
            device=self.values.device,
            dtype=dtype,
            out=out,
            functional=self.values.requires_grad or torch.compiler.is_compiling(),
        )

    def warn(self, degenerate: Tensor, reason: str) -> None:
        """Warn once for the whole call if any row is degenerate."""
        if torch.compiler.is_compiling():
            return
        count = int(degenerate.sum())
        if count:
            first = int(torch.nonzero(degenerate)[0])
            warnings.warn(
                f"{self.caller}: {count} of {len(degenerate)} series (first: number {first}) {reason}",
                DegenerateSampleWarning,
                stacklevel=3,
            )


def check_series(
    series: Any, *, caller: str, lengths: Any = None, missing: Missing = "raise", at_least: int = 2
) -> SeriesBatch:
    """Check series and convert them to one form: float64 rows with lengths.

    Parameters
    ----------
    series : array_like or Tensor, shape (T,), (N, T) or (N, C, T), or a list of (T,) or (C, T)
        Real numbers of any type.
    caller : str
        Name of the caller, for messages.
    lengths : array_like of int, shape (N,), optional
        Valid lengths of padded rows; a list of unequal series has its own.
    missing : {"raise", "interpolate"}
        NaN is an error, or a missing value that is interpolated between its neighbors in time; at the ends, the nearest
        value is used.
    at_least : int
        Smallest number of values per series.

    Raises
    ------
    SampleError
        If the input is not as above; the message says what it is.
    """
    if missing not in ("raise", "interpolate"):
        raise ParameterError(f"{caller}: expected missing to be 'raise' or 'interpolate', got {missing!r}")
    values, ends, kind, default = _as_tensor(series, caller)
    if values.ndim not in (1, 2, 3):
        raise SampleError(
            f"{caller}: expected series of shape (T,), (N, T) or (N, C, T), got shape {tuple(values.shape)}"
        )
    leading = tuple(values.shape[:-1])
    if len(leading) == 2 and leading[1] > values.shape[-1] and not torch.compiler.is_compiling():
        warnings.warn(
            f"{caller}: got series of {leading[1]} channels and {values.shape[-1]} values, (N, C, T); if they came as "
            "(N, T, C), give series.transpose(0, 2, 1)",
            stacklevel=3,
        )
    if values.shape[-1] < at_least or 0 in leading:
        raise SampleError(
            f"{caller}: expected at least {at_least} finite values per series, got shape {tuple(values.shape)}"
        )
    if lengths is not None:
        ends = _check_lengths(lengths, leading, values.shape[-1], at_least, caller)
    elif ends is not None and ends.min() < at_least:
        raise SampleError(
            f"{caller}: expected at least {at_least} finite values per series, got one of length {ends.min()}"
        )
    length = values.shape[-1]
    rows = values.reshape(-1, length).to(torch.float64)
    if torch.compiler.is_compiling() and ends is None:
        ends = np.full(1, length)  # one entry for all rows: their number may be symbolic
    elif ends is None:
        ends = np.full(len(rows), length)
    else:
        ends = np.repeat(ends, len(rows) // max(1, len(ends)))
    batch = SeriesBatch(caller, rows, ends.astype(np.int64), leading, kind, default)
    if not batch.uniform:
        last = torch.from_numpy(batch.lengths - 1).to(rows.device)[:, None]
        batch = replace(batch, values=torch.where(batch.mask, rows, rows.gather(1, last)))
    if torch.compiler.is_compiling():
        return batch if missing == "raise" else replace(batch, values=fill_missing_traceable(batch.values))
    return _check_finite(batch, missing)


def _as_tensor(series: Any, caller: str) -> tuple[Tensor, np.ndarray | None, Kind, torch.dtype]:
    """Return values, lengths of a ragged list, the input's library, and the default dtype of the images."""
    if isinstance(series, (list, tuple)) and any(isinstance(item, Tensor) for item in series):
        series, ends = _pad([item if isinstance(item, Tensor) else _of_numpy(item, caller) for item in series], caller)
        kind: Kind = "torch"
    elif isinstance(series, Tensor):
        ends, kind = None, "torch"
    else:
        series, ends = _as_array(series, caller)
        kind = "numpy"
    if series.is_complex():
        raise SampleError(f"{caller}: expected real numbers, got {series.dtype}")
    small = series.dtype in (torch.float32, torch.float16, torch.bfloat16)
    return series, ends, kind, torch.float32 if small else torch.float64


def _as_array(series: Any, caller: str) -> tuple[Tensor, np.ndarray | None]:
    found = as_rows(series, caller=caller, expected="series of numbers")
    if isinstance(found, list):
        return _pad([_of_numpy(one, caller) for one in found], caller)
    return _of_numpy(found, caller), None


def _of_numpy(series: Any, caller: str) -> Tensor:
    array = as_array(series, caller=caller, expected="series of numbers")
    if array.dtype.name not in ("float64", "float32", "float16"):
        array = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    if not (array.flags.writeable and array.dtype.isnative and min(array.strides, default=0) >= 0):
        array = array.astype(array.dtype.newbyteorder("="), copy=True)
    return torch.from_numpy(array)


def _pad(rows: Sequence[Tensor], caller: str) -> tuple[Tensor, np.ndarray | None]:
    ends = np.array([row.shape[-1] if row.ndim else 0 for row in rows])
    shapes = {tuple(row.shape[:-1]) for row in rows}
    if len(shapes) != 1 or rows[0].ndim not in (1, 2):
        raise SampleError(
            f"{caller}: expected a list of series (T,) or (C, T) with one number of channels, got shapes "
            f"{sorted({tuple(row.shape) for row in rows})!r:.80}"
        )
    if len(set(ends)) == 1:
        return torch.stack(list(rows)), None
    widest = functools.reduce(torch.promote_types, (row.dtype for row in rows))
    padded = rows[0].new_zeros((len(rows), *rows[0].shape[:-1], int(ends.max())), dtype=widest)
    for target, row in zip(padded, rows, strict=True):
        target[..., : row.shape[-1]] = row
    return padded, ends


def _check_lengths(lengths: Any, leading: tuple[int, ...], longest: int, at_least: int, caller: str) -> np.ndarray:
    ends = np.atleast_1d(np.asarray(lengths.cpu() if isinstance(lengths, Tensor) else lengths))
    if ends.dtype.kind not in "iu" or ends.shape != (leading[0] if leading else 1,):
        raise ParameterError(f"{caller}: expected one whole length per series, got {ends.dtype} of shape {ends.shape}")
    if ends.min() < at_least or ends.max() > longest:
        raise ParameterError(
            f"{caller}: expected lengths from {at_least} to {longest}, got {ends.min()} to {ends.max()}"
        )
    return ends.astype(np.int64)


def _check_finite(batch: SeriesBatch, missing: Missing) -> SeriesBatch:
    values = batch.values
    if bool(torch.isfinite(values).all()):
        return batch
    infinite = torch.isinf(values).any(dim=1)
    if infinite.any():
        raise SampleError(
            f"{batch.caller}: expected finite values, got infinity in series number {int(infinite.nonzero()[0])}"
        )
    is_nan = torch.isnan(values)
    bad = (is_nan.all(dim=1) if missing == "interpolate" else is_nan.any(dim=1)).nonzero()
    if missing == "raise":
        raise SampleError(
            f"{batch.caller}: expected finite values, got NaN in series number {int(bad[0])}; "
            "missing='interpolate' fills missing values from their neighbors"
        )
    if len(bad):
        raise SampleError(
            f"{batch.caller}: expected some finite value in each series, got only NaN in number {int(bad[0])}"
        )
    return replace(batch, values=fill_missing(values), missing=(is_nan & batch.mask).sum(dim=1).cpu().numpy())
