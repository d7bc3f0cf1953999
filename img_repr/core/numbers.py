"""What counts as an integer and as a number among the values that a caller passes: decided once."""

import sys
from math import inf
from typing import TypeGuard

import numpy as np

_LARGEST = sys.float_info.max


def is_integer(value: object, low: float = -inf, high: float = inf) -> TypeGuard[int]:
    """Whether a value is an integer of Python or NumPy, not a bool, from ``low`` to ``high``.

    Examples
    --------
    >>> is_integer(3, 1), is_integer(0, 1), is_integer(True), is_integer(3.0)
    (True, False, False, False)
    """
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(low <= value <= high)


def is_number(value: object, low: float = -_LARGEST, high: float = _LARGEST) -> TypeGuard[float]:
    """Whether a value is a finite integer or float of Python or NumPy, not a bool, from ``low`` to ``high``.

    Examples
    --------
    >>> is_number(0.5, 0, 1), is_number(2, 0, 1), is_number("1"), is_number(float("inf"))
    (True, False, False, False)
    """
    kind = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    return kind and bool(low <= value <= high)  # type: ignore[operator]
