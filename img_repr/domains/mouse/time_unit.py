"""The unit of time of a file that does not say it."""

from collections.abc import Iterable

import numpy as np

from img_repr.core.errors import ParameterError

UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6}
"""How many of each make a second."""


def check_unit(unit: str | None, who: str) -> None:
    """Refuse a unit that is none of ``UNITS`` nor None."""
    if unit is not None and unit not in UNITS:
        raise ParameterError(f"{who}: expected time_unit to be one of {', '.join(UNITS)} or None, got {unit!r}")


def guess_unit(times: Iterable[np.ndarray]) -> tuple[str, str]:
    """Guess the unit from the steps between events: pointers report every 1 to 120 ms while they move.

    Parameters
    ----------
    times : iterable of ndarray, shape (T,)
        Times of some recordings, all in one unit.

    Returns
    -------
    unit : {"s", "ms", "us"}
        By the median over recordings of their median step forward: below 0.9 seconds, below 900 milliseconds.
    note : str
        What was guessed and why, for the report.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.mouse.time_unit import guess_unit
    >>> guess_unit([np.array([29256, 29268, 29276, 29293])])
    ('ms', 'times were taken as ms, because the usual step between events is 12 of them; time_unit= says otherwise')
    """
    steps, whole = [], True
    for one in times:
        known = one[np.isfinite(one)]
        with np.errstate(over="ignore"):
            forward = np.diff(known)
        forward = forward[forward > 0]
        whole &= bool((known == np.round(known)).all())
        if len(forward):
            steps.append(float(np.median(forward)))
    if not steps:
        unit, why = ("ms" if whole else "s"), "no two events differ in time"
    else:
        step = float(np.median(steps))
        unit = "s" if step < 0.9 else "ms" if step < 900.0 else "us"
        why = f"the usual step between events is {step:.3g} of them"
    return unit, f"times were taken as {unit}, because {why}; time_unit= says otherwise"
