"""Split: one cut of a data set, and checks of its options."""

from dataclasses import dataclass

import numpy as np

from img_repr.core.errors import ParameterError, SplitError
from img_repr.core.numbers import is_integer, is_number

MAX_SPLITS = 1_000  # of one data set; more are a typing error


@dataclass(frozen=True, eq=False)
class Split:
    """One cut of a data set.

    Parameters
    ----------
    kind : str
        One of :data:`img_repr.core.splits.policy.SPLIT_KINDS`; a column of every table.
    name : str
        Number among the splits of its kind, ``"0"``, or name of the fold or group held out.
    train, test : ndarray of int64
        Positions of the two parts; they share none.
    """

    kind: str
    name: str
    train: np.ndarray
    test: np.ndarray

    def __post_init__(self) -> None:
        if not (len(self.train) and len(self.test)):
            raise SplitError(
                f"split {self.kind} {self.name}: expected samples in both parts, "
                f"got {len(self.train)} and {len(self.test)}"
            )
        if np.intersect1d(self.train, self.test).size:
            raise SplitError(f"split {self.kind} {self.name}: expected parts without a common sample")


def check_count(caller: str, name: str, value: object, *, low: int = 1, high: int = MAX_SPLITS) -> None:
    """Refuse anything but an integer from ``low`` to ``high``.

    Raises
    ------
    ParameterError
    """
    if not is_integer(value, low, high):
        raise ParameterError(f"{caller}: expected {name} to be an integer from {low} to {high}, got {value!r:.40}")


def check_fraction(caller: str, name: str, value: object) -> None:
    """Refuse anything but a number between 0 and 1.

    Raises
    ------
    ParameterError
    """
    if not is_number(value) or not 0 < value < 1:
        raise ParameterError(f"{caller}: expected {name} between 0 and 1, got {value!r:.40}")


def name_some(column: np.ndarray) -> str:
    """Return the distinct values of a column as text: up to six of them, of more the first three and a count."""
    names = [str(name) for name in np.unique(column)]
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:3])} and {len(names) - 3} more"
