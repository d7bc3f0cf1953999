"""Times in files: dates, and guesses of the unit of numbers."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np

from img_repr.core.errors import ParameterError

UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
"""Units per second."""

_EPOCH_S = (1.4e9, 2.1e9)  # 2014 to 2036, as clocks since 1970 write it
_LONGEST_STEP_S = 5.0  # of seconds since 1970; longer steps are milliseconds since a machine was started


def check_unit(unit: str | None, caller: str) -> None:
    """Check that a unit is in ``UNITS`` or None."""
    if unit is not None and (not isinstance(unit, str) or unit not in UNITS):
        raise ParameterError(f"{caller}: expected time_unit to be one of {', '.join(UNITS)} or None, got {unit!r}")


def guess_unit(times: Iterable[np.ndarray]) -> tuple[str, str]:
    """Guess the unit from the clock, or from the steps between events.

    If times are between 2014 and 2036 as milliseconds, microseconds or nanoseconds since 1970, that is the unit; as
    seconds too, if steps are at most a few seconds. Otherwise the steps decide: pointers report every 1 to 120 ms while
    they move.

    Parameters
    ----------
    times : iterable of ndarray, shape (T,)
        Times of some recordings, all in one unit.

    Returns
    -------
    unit : {"s", "ms", "us", "ns"}
        By the median over recordings of their median step forward: below 0.9 seconds, below 900 milliseconds, below
        900,000 microseconds.
    note : str
        The guess and its reason, for the report.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.mouse.time_unit import guess_unit
    >>> guess_unit([np.array([29256, 29268, 29276, 29293])])
    ('ms', 'times were read as ms, because the usual step between events is 12 of them; time_unit= says otherwise')
    """
    steps, starts, whole = [], [], True
    for one in times:
        known = one[np.isfinite(one)]
        with np.errstate(over="ignore"):
            forward = np.diff(known)
        forward = forward[forward > 0]
        if len(known):
            starts.append(float(np.median(known)))
        whole &= bool((known == np.round(known)).all())
        if len(forward):
            steps.append(float(np.median(forward)))
    step = float(np.median(steps)) if steps else 0.0
    for unit, per_second in UNITS.items():
        low, high = (bound * per_second for bound in _EPOCH_S)
        if starts and all(low <= start <= high for start in starts) and (unit != "s" or step < _LONGEST_STEP_S):
            return unit, f"times were read as {unit}, because they count from 1970; time_unit= says otherwise"
    if not steps:
        unit, why = ("ms" if whole else "s"), "no two events differ in time"
    else:
        unit = "s" if step < 0.9 else "ms" if step < 900.0 else "us" if step < 9e5 else "ns"
        why = f"the usual step between events is {step:.3g} of them"
    return unit, f"times were read as {unit}, because {why}; time_unit= says otherwise"


def moment_of(cell: str) -> float:
    """Return the seconds since 1970 of an ISO date, or since midnight of a time of day; ValueError if it is neither.

    Examples
    --------
    >>> from img_repr.domains.mouse.time_unit import moment_of
    >>> moment_of("1970-01-01T01:00:00.5+01:00"), moment_of("1970/01/01 00:00:02"), moment_of("00:01:00,25")
    (0.5, 2.0, 60.25)
    """
    text = cell.strip().replace("/", "-")
    if of_day := re.fullmatch(r"(\d{1,2}):(\d\d):(\d\d(?:[.,]\d+)?)", text):
        return 3600.0 * int(of_day[1]) + 60.0 * int(of_day[2]) + float(of_day[3].replace(",", "."))
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
