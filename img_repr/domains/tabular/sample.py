"""The sample of the domain: a row of numbers, and the one place where rows are checked.

A row is ``(F,)``, a batch ``(N, F)``. The order of the columns has no meaning and each has its own unit: that
distinguishes a table from a series. Loaders convert words to numbers.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.arrays import as_array, as_rows
from img_repr.core.domain import Domain, register_domain
from img_repr.core.errors import SampleError
from img_repr.core.image import Kind
from img_repr.core.metadata import FIT
from img_repr.domains.tabular.signature import rows_signature

_COLUMNS = 12  # of made rows


def make_rows(n: int, seed: int = 0) -> np.ndarray:
    """Make ``n`` rows of 12 columns between 0 and 1, synthetic: mixtures of three hidden causes, float64 ``(n, 12)``.

    Examples
    --------
    >>> from img_repr.domains.tabular.sample import make_rows
    >>> make_rows(3).shape
    (3, 12)
    """
    random = np.random.default_rng(seed)
    angle = np.arange(_COLUMNS) * 2.0 * np.pi / _COLUMNS
    mixture = np.stack([np.cos(angle), np.sin(angle), np.cos(2.0 * angle)])  # columns side by side are alike
    causes = random.normal(size=(n, len(mixture)))
    return np.asarray(1.0 / (1.0 + np.exp(-causes @ mixture - 0.3 * random.normal(size=(n, _COLUMNS)))))


def infer_rows_parameters(samples: Any) -> dict[str, Any]:
    """Return encoder parameters for rows: fitted limits and places, and medians if values are missing.

    Examples
    --------
    >>> from img_repr.domains.tabular.sample import infer_rows_parameters
    >>> infer_rows_parameters([[1.0, 2.0]]), infer_rows_parameters([[1.0, float("nan")]])["missing"]
    ({'limits': 'fit', 'places': 'fit'}, 'fit')
    """
    fitted = {"limits": FIT, "places": FIT}
    allow_missing = np.isnan(as_array(samples, caller="rows").astype(np.float64)).any()
    return fitted | ({"missing": FIT} if allow_missing else {})


# No augment: no change of a row is known to keep its label, and a shift or a flip of its image would
# move one column's value to another's place. The trainer's mixup works here as everywhere.
TABULAR = register_domain(
    Domain(
        name="tabular",
        sample="a row of numbers, one per column of a table",
        make_samples=make_rows,
        infer_parameters=infer_rows_parameters,
        near_duplicate_signature=rows_signature,
        encoder="igtd",
        contenders=(
            "cnn:igtd",
            "cnn:deepinsight",
            "cnn:rowmajor",
            "cnn:permuted",
            "table:raw_columns:extra_trees",
            "table:raw_columns:gradient_boosting",
            "table:raw_columns:logistic",
            "pixels:igtd:extra_trees",
            "majority",
        ),
    )
)


@dataclass(frozen=True)
class RowBatch:
    """Checked rows.

    Parameters
    ----------
    caller : str
        Name of the encoder or feature set, for messages.
    values : Tensor, shape (M, F), float64
        NaN where a value is missing.
    leading : tuple of int
        ``()`` for one row, ``(N,)`` for several.
    kind : {"numpy", "torch"}
        Kind of the caller's arrays.
    default : torch.dtype
        float32 for rows of float32 or lower precision, else float64.
    """

    caller: str
    values: Tensor
    leading: tuple[int, ...]
    kind: Kind
    default: torch.dtype

    @property
    def columns(self) -> int:
        """Count the columns."""
        return int(self.values.shape[1])


def check_rows(rows: Any, *, caller: str, allow_missing: bool = False) -> RowBatch:
    """Check rows and bring them to one form.

    Parameters
    ----------
    rows : array_like, Tensor or data frame, shape (F,) or (N, F), or a list of rows
        Real numbers of any type, one column at least.
    caller : str
        Name of the calling function, for messages.
    allow_missing : bool
        Whether values may be missing, NaN.

    Raises
    ------
    SampleError
        If anything is not as above; the message names the input.

    Examples
    --------
    >>> from img_repr.domains.tabular.sample import check_rows
    >>> check_rows([[1, 2, 3], [4, 5, 6]], caller="doc").values.shape
    torch.Size([2, 3])
    """
    values = _as_tensor(rows, caller)
    if values.ndim not in (1, 2) or 0 in values.shape:
        raise SampleError(
            f"{caller}: expected a row (F,) or rows (N, F) of at least one number, got shape {tuple(values.shape)}"
        )
    if values.is_complex():
        raise SampleError(f"{caller}: expected real numbers, got {values.dtype}")
    small = values.dtype in (torch.float32, torch.float16, torch.bfloat16)
    flat = values.reshape(-1, values.shape[-1]).to(torch.float64)
    if not torch.compiler.is_compiling():
        _check_finite(flat, caller, allow_missing)
    kind: Kind = "torch" if _has_tensor(rows) else "numpy"
    return RowBatch(caller, flat, tuple(values.shape[:-1]), kind, torch.float32 if small else torch.float64)


def _has_tensor(rows: Any) -> bool:
    return isinstance(rows, Tensor) or (
        isinstance(rows, (list, tuple)) and any(isinstance(one, Tensor) for one in rows)
    )


def _as_tensor(rows: Any, caller: str) -> Tensor:
    if isinstance(rows, Tensor):
        return rows
    if _has_tensor(rows):
        try:
            return torch.stack([torch.as_tensor(one) for one in rows])
        except (TypeError, ValueError, RuntimeError):
            said = " ".join(repr(rows).split())
            raise SampleError(f"{caller}: expected rows of as many numbers each, got {said:.60}") from None
    found = as_rows(rows, caller=caller, expected="rows of numbers")
    if isinstance(found, list):
        raise SampleError(
            f"{caller}: expected rows of as many numbers each, got {sorted({one.shape for one in found})!r:.60}"
        )
    if found.dtype.name not in ("float32", "float16") and found.dtype.kind != "c":
        found = found.astype(np.float64)
    return torch.from_numpy(np.array(found, dtype=found.dtype.newbyteorder("="), order="C"))


def _check_finite(values: Tensor, caller: str, allow_missing: bool) -> None:
    wrong = ~torch.isfinite(values)
    if allow_missing:
        wrong &= ~torch.isnan(values)
    if not bool(wrong.any()):
        return
    row, column = wrong.nonzero()[0].tolist()
    found = "NaN" if bool(values[row, column].isnan()) else "infinity"
    hint = "; missing='fit' puts the median of the training rows there" if found == "NaN" and not allow_missing else ""
    raise SampleError(f"{caller}: expected finite numbers, got {found} in row {row}, column {column}{hint}")
