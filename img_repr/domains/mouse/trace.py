"""Trace: the events of a pointer over some time."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.arrays import as_array
from img_repr.core.errors import SampleError

LEFT, RIGHT, MIDDLE = 1, 2, 4  # bits of ``Trace.buttons``


@dataclass(frozen=True, eq=False)
class Trace:
    """One movement of a pointer, event by event.

    Parameters
    ----------
    t_s : ndarray or Tensor, shape (T,)
        Seconds, float64, not decreasing, with any origin.
    x_px, y_px : ndarray or Tensor, shape (T,)
        Screen pixels, x to the right and y **down**, as screens count.
    buttons : ndarray or Tensor of uint8, shape (T,), optional
        Buttons held after each event, a sum of ``LEFT``, ``RIGHT``, ``MIDDLE``: a bit that is set is a press, one that
        is cleared a release, movement between them a drag. Default: none is held.
    wheel : ndarray or Tensor of int8, shape (T,), optional
        Notches that the wheel turned at each event, up positive. Default: none.

    Raises
    ------
    SampleError
        If buttons or wheel are not integers in the range of their type.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.mouse.trace import LEFT, Trace
    >>> trace = Trace(np.array([0.0, 0.1, 0.2]), np.array([5.0, 9.0, 9.0]), np.zeros(3), buttons=[0, 0, LEFT])
    >>> len(trace), trace.duration_s, trace[1:].buttons.tolist()
    (3, 0.2, [0, 1])
    """

    t_s: Any
    x_px: Any
    y_px: Any
    buttons: Any = None
    wheel: Any = None

    def __post_init__(self) -> None:
        if not isinstance(self.t_s, Tensor):
            for name, kind in (("t_s", np.float64), ("x_px", np.float64), ("y_px", np.float64)):
                column = as_array(getattr(self, name), caller="trace", expected=f"{name} of numbers")
                if column.dtype.kind == "c":
                    raise SampleError(f"trace: expected {name} of real numbers, got {column.dtype}")
                object.__setattr__(self, name, column.astype(kind, copy=False))
        for name, dtype in (("buttons", "uint8"), ("wheel", "int8")):
            value = getattr(self, name)
            if isinstance(self.t_s, Tensor):
                default = torch.zeros(self.t_s.shape, dtype=getattr(torch, dtype), device=self.t_s.device)
                same = isinstance(value, Tensor) and value.dtype == default.dtype
                if value is not None and not same:
                    given = value.detach().cpu() if isinstance(value, Tensor) else value
                    value = torch.from_numpy(_whole(name, given, dtype)).to(default.device)
                object.__setattr__(self, name, default if value is None else value)
            else:
                column = np.zeros(self.t_s.shape, dtype) if value is None else _whole(name, value, dtype)
                object.__setattr__(self, name, column)

    def __len__(self) -> int:
        """Count the events."""
        return len(self.t_s)

    def __getitem__(self, part: slice) -> "Trace":
        """Return a slice of the events, as views."""
        return Trace(*(getattr(self, one.name)[part] for one in fields(self)))

    @property
    def duration_s(self) -> float:
        """Seconds from the first event to the last."""
        return float(self.t_s[-1] - self.t_s[0])

    def to(self, device: torch.device) -> "Trace":
        """Return the trace as tensors on a device."""
        columns = {one.name: torch.as_tensor(getattr(self, one.name)).to(device) for one in fields(self)}
        return replace(self, **columns)


def _whole(name: str, value: Any, dtype: str) -> np.ndarray:
    """Convert integers to ``dtype`` after a check of the range, which numpy would wrap around silently."""
    given, bounds = as_array(value, caller="trace", expected=f"{name} of integers"), np.iinfo(dtype)
    if given.dtype == dtype:
        return given
    numbers = given.dtype.kind in "buif"
    wrong = (
        ~((given >= bounds.min) & (given <= bounds.max) & (given == np.rint(given))) if numbers else np.ones(1, bool)
    )
    if wrong.any():
        got = given[wrong].flat[0] if numbers else f"{value!r:.60}".replace("\n", " ")
        raise SampleError(f"trace: expected {name} of integers from {bounds.min} to {bounds.max}, got {got}")
    return given.astype(dtype)
