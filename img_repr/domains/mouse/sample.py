"""The sample of the domain, a trace, and its check.

A batch is a list of traces, or plain points ``(T, 3)`` or ``(N, T, 3)`` whose columns are seconds, x and y. Loaders
repair the defects of files (duplicate rows, sentinels, clocks that run backwards); this module refuses invalid traces.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.arrays import as_array, column_names, in_order, is_frame
from img_repr.core.domain import Domain, register_domain
from img_repr.core.errors import SampleError
from img_repr.core.image import Kind
from img_repr.core.metadata import FIT
from img_repr.domains.mouse.augmentation import augment_traces
from img_repr.domains.mouse.signature import traces_signature
from img_repr.domains.mouse.trace import Trace

FURTHEST_PX = 1e6  # beyond it float32 does not resolve pixels, and there are no screens
LONGEST_S = 1e9  # a clock of milliseconds read as seconds exceeds it


def make_traces(n: int, seed: int = 0) -> list[Trace]:
    """Return ``n`` short synthetic movements: one or two strokes with the speed of a hand, and a click at the end.

    Examples
    --------
    >>> from img_repr.domains.mouse.sample import make_traces
    >>> [len(trace) for trace in make_traces(2)]
    [74, 65]
    """
    random = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        count = int(random.integers(40, 80))
        fraction = np.linspace(0.0, 1.0, count)
        eased = fraction**3 * (10.0 - 15.0 * fraction + 6.0 * fraction**2)  # minimum jerk
        span, bend = random.normal(scale=300.0, size=2), random.normal(scale=80.0, size=2)
        start = random.uniform(0.0, 1000.0, 2)
        path = start + np.outer(eased, span) + np.outer(np.sin(np.pi * eased), bend)
        path = np.rint(path + random.normal(scale=0.7, size=path.shape))
        time = np.cumsum(random.uniform(0.012, 0.02, count))
        buttons = np.zeros(count, np.uint8)
        buttons[-4:-1] = 1
        made.append(Trace(time, path[:, 0], path[:, 1], buttons))
    return made


def infer_traces_parameters(samples: Any) -> dict[str, Any]:
    """Return the encoder parameters for traces: one common clock, fitted to the training traces."""
    return {"clock_ms": FIT}


MOUSE = register_domain(
    Domain(
        name="mouse",
        sample="a trace: seconds, x and y in screen pixels, buttons and wheel of a pointer, event by event",
        make_samples=make_traces,
        augment=augment_traces,
        infer_parameters=infer_traces_parameters,
        near_duplicate_signature=traces_signature,
        encoder="trajectory",
        contenders=(
            "cnn:motion_histogram",
            "cnn:trajectory",
            "table:kinematic:extra_trees",
            "table:clock_and_screen:extra_trees",
            "pixels:motion_histogram:extra_trees",
            "majority",
        ),
    )
)


@dataclass(frozen=True)
class TraceBatch:
    """Checked traces with their events concatenated.

    Parameters
    ----------
    caller : str
        Name of the encoder or feature set, for messages.
    t_s, x_px, y_px : Tensor, shape (sum of lengths,)
        float64.
    buttons : Tensor of uint8, wheel : Tensor of int8
        Same shape.
    lengths : ndarray of int64, shape (N,)
        Events of each trace, at least one.
    leading : tuple of int
        ``()`` for one trace, ``(N,)`` for several.
    kind : {"numpy", "torch"}
        Library of the input.
    """

    caller: str
    t_s: Tensor
    x_px: Tensor
    y_px: Tensor
    buttons: Tensor
    wheel: Tensor
    lengths: np.ndarray
    leading: tuple[int, ...]
    kind: Kind

    @property
    def device(self) -> torch.device:
        """Device of the events."""
        return self.t_s.device

    @property
    def starts(self) -> np.ndarray:
        """Position of the first event of each trace, int64 ``(N,)``."""
        return np.asarray(np.cumsum(self.lengths) - self.lengths)

    def part(self, first: int, last: int) -> "TraceBatch":
        """Return the traces from ``first`` to before ``last``, as views."""
        lengths = self.lengths[first:last]
        begin = int(self.lengths[:first].sum())
        columns = {
            name: getattr(self, name)[begin : begin + int(lengths.sum())]
            for name in ("t_s", "x_px", "y_px", "buttons", "wheel")
        }
        return replace(self, lengths=lengths, leading=(len(lengths),), **columns)


def check_traces(traces: Any, *, caller: str) -> TraceBatch:
    """Check traces and concatenate them.

    Parameters
    ----------
    traces : Trace, list of Trace, or points (T, 3) or (N, T, 3)
        At least one event each; finite; times not decreasing.
    caller : str
        Name of the caller, for messages.

    Raises
    ------
    SampleError
        If the input is not as above; the message names the value and the trace.
    """
    single = isinstance(traces, Trace)
    given = [traces] if single else traces
    if isinstance(given, (np.ndarray, Tensor)) or is_frame(given):
        given, single = _of_points(_read_points(given, caller), caller)
    if not isinstance(given, (list, tuple)) or not all(isinstance(one, Trace) for one in given):
        raise SampleError(
            f"{caller}: expected traces, or points (T, 3) or (N, T, 3) of seconds, x and y, got {traces!r:.60}".replace(
                "\n", " "
            )
        )
    if not given:
        raise SampleError(f"{caller}: expected at least one trace, got none")
    for number, one in enumerate(given):
        _check_shapes(one, number, caller)
    kind: Kind = "torch" if any(isinstance(one.t_s, Tensor) for one in given) else "numpy"
    columns = {}
    for name, dtype in (
        ("t_s", torch.float64),
        ("x_px", torch.float64),
        ("y_px", torch.float64),
        ("buttons", torch.uint8),
        ("wheel", torch.int8),
    ):
        parts = [getattr(one, name) for one in given]
        joined = (
            torch.from_numpy(np.concatenate(parts))
            if kind == "numpy"
            else torch.cat([torch.as_tensor(part) for part in parts])
        )
        columns[name] = joined.to(dtype)
    lengths = np.array([len(one) for one in given], dtype=np.int64)
    batch = TraceBatch(caller, lengths=lengths, leading=() if single else (len(given),), kind=kind, **columns)
    _look_at(batch)
    return batch


def _of_points(points: Any, caller: str) -> tuple[list[Trace], bool]:
    dtype = str(points.dtype)
    if points.ndim not in (2, 3) or points.shape[-1] != 3 or not any(word in dtype for word in ("float", "int")):
        raise SampleError(
            f"{caller}: expected points (T, 3) or (N, T, 3) of seconds, x and y, got {dtype} of shape "
            f"{tuple(points.shape)}"
        )
    rows = points[None] if points.ndim == 2 else points
    if isinstance(rows, np.ndarray):
        rows = rows.astype(np.float64)
    return [Trace(row[:, 0], row[:, 1], row[:, 2]) for row in rows], points.ndim == 2


def _read_points(points: Any, caller: str) -> Any:
    """Convert points to an array; a data frame has the columns t_s, x_px and y_px, or unnamed columns."""
    if isinstance(points, Tensor):
        return points
    names = column_names(points)
    if names is not None and names != ("0", "1", "2"):
        points = in_order(points, ("t_s", "x_px", "y_px"), caller=caller)
    return as_array(points, caller=caller, expected="traces, or points (T, 3) or (N, T, 3) of seconds, x and y")


def _check_shapes(trace: Trace, number: int, caller: str) -> None:
    shapes = {tuple(getattr(trace, name).shape) for name in ("t_s", "x_px", "y_px", "buttons", "wheel")}
    if len(shapes) != 1 or len(shape := shapes.pop()) != 1:
        raise SampleError(f"{caller}: expected columns of one length (T,) in trace number {number}, got unequal ones")
    if not shape[0]:
        raise SampleError(f"{caller}: expected at least one event, got none in trace number {number}")


def _look_at(batch: TraceBatch) -> None:
    """Refuse values that are not finite or out of bounds, and times that decrease."""
    ends = np.cumsum(batch.lengths)

    def trace_of(wrong: Tensor) -> int:
        return int(np.searchsorted(ends, int(wrong.nonzero()[0, 0]), "right"))

    for name, most in (("t_s", LONGEST_S * 10), ("x_px", FURTHEST_PX), ("y_px", FURTHEST_PX)):
        column = getattr(batch, name)
        if not bool(column.isfinite().all()):
            raise SampleError(
                f"{batch.caller}: expected finite {name}, got NaN or infinity in trace number "
                f"{trace_of(~column.isfinite())}"
            )
        if bool((column.abs() > most).any()):
            wrong = column.abs() > most
            raise SampleError(
                f"{batch.caller}: expected {name} within {most:g}, got {float(column[wrong][0]):g} in trace number "
                f"{trace_of(wrong)}"
            )
    back = batch.t_s.diff(prepend=batch.t_s[:1]) < 0
    back[torch.from_numpy(batch.starts).to(batch.device)] = False
    if bool(back.any()):
        raise SampleError(
            f"{batch.caller}: expected time that does not run backwards, got a step back in trace number "
            f"{trace_of(back)}"
        )
