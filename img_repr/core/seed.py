"""The range of seeds, and its check."""

from typing import Any

from img_repr.core.errors import ParameterError
from img_repr.core.numbers import is_integer

MOST_SEED = 2**32 - 1  # as NumPy and scikit-learn take them


def check_seed(caller: str, seed: Any, *, most: int = MOST_SEED) -> int:
    """Return a seed as an int, after a check of its range.

    Parameters
    ----------
    caller : str
        Name of the caller, for messages.
    seed
        An integer from 0 to ``most``.
    most : int
        Default: the largest seed of NumPy and scikit-learn.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> from img_repr.core.seed import check_seed
    >>> check_seed("doc", 3)
    3
    """
    if not is_integer(seed, 0, most):
        raise ParameterError(f"{caller}: expected seed to be an integer from 0 to {most}, got {seed!r:.60}")
    return int(seed)
