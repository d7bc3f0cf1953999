"""Names of columns that count time steps: ``t0 ... t427``, ``0 ... 99``, ``2019-01 ... 2024-12``, ``00:15 ...``."""

import re
from collections.abc import Sequence
from datetime import datetime

_NUMBERED = re.compile(r"(?P<before>.*?)(?P<number>(?<![\w.])-?\d+(?:[.,]\d+)?|\d+(?:[.,]\d+)?)(?P<after>\D*)")
_MONTH = re.compile(r"(\d{4})[-/](\d{1,2})")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_FEWEST = 3

_OF_TIME = frozenset(
    (
        *("", "t", "time", "timestep", "time_step", "step", "sample", "point", "lag"),
        *("s", "sec", "second", "minute", "h", "hour", "d", "day", "w", "week", "m", "month", "q", "quarter", "year"),
    )
)


def step_columns(names: Sequence[str]) -> list[int]:
    """Return the positions of the names that count steps, in the order of the columns; empty if fewer than 3 do.

    Names form a series if they differ only in one number. Of several series of names, those with at least half as many
    names as the longest are used: channels side by side.

    Parameters
    ----------
    names : sequence of str

    Examples
    --------
    >>> from img_repr.domains.timeseries.step_names import step_columns
    >>> step_columns(["age", "t0 (mV)", "t1 (mV)", "t2 (mV)", "label"])
    [1, 2, 3]
    >>> step_columns(["2019-11", "2019-12", "2020-01"]), step_columns(["height", "x1", "x2"])
    ([0, 1, 2], [])
    """
    series = _series(names)
    longest = max(map(len, series.values()), default=0)
    if longest < _FEWEST:
        return []
    enough = max(_FEWEST, longest // 2)
    return sorted(at for found in series.values() if len(found) >= enough for at in found)


def step_order(names: Sequence[str]) -> list[int]:
    """Return the order in which names count upwards; unchanged if they count up or down, or form several series.

    Examples
    --------
    >>> from img_repr.domains.timeseries.step_names import step_order
    >>> step_order(["t1", "t10", "t2"]), step_order(["400", "390", "380"])
    ([0, 2, 1], [0, 1, 2])
    """
    keys = [_key(name) for name in names]
    values = [key[1] for key in keys if key is not None]
    as_they_stand = list(range(len(names)))
    if len(values) < len(names) or len({key[0] for key in keys if key is not None}) > 1:
        return as_they_stand
    if values in (sorted(values), sorted(values, reverse=True)) or len({*values}) < len(values):
        return as_they_stand
    return sorted(as_they_stand, key=values.__getitem__)


def is_time_step(name: str) -> bool:
    """Whether a counting name means time and not channels: ``t0``, ``00:15`` and ``3``, but not ``ch3``.

    Examples
    --------
    >>> from img_repr.domains.timeseries.step_names import is_time_step
    >>> is_time_step("t0"), is_time_step("Day 3"), is_time_step("17"), is_time_step("ch3")
    (True, True, True, False)
    """
    key = _key(name)
    return key is not None and key[0][0].strip(" _-.") in _OF_TIME


def _series(names: Sequence[str]) -> dict[tuple[str, str], list[int]]:
    series: dict[tuple[str, str], list[int]] = {}
    for at, name in enumerate(names):
        key = _key(name)
        if key is not None:
            series.setdefault(key[0], []).append(at)
    return series


def _key(name: str) -> tuple[tuple[str, str], float] | None:
    """Words around the number of a name, and the number; None without one."""
    text = name.strip().lower()
    if month := _MONTH.fullmatch(text):
        return ("", "month"), int(month[1]) * 12 + int(month[2])
    if clock := _CLOCK.fullmatch(text):
        return ("", "clock"), int(clock[1]) * 3600 + int(clock[2]) * 60 + int(clock[3] or 0)
    try:
        if not text.isdecimal():  # 20190101 is a number here
            return ("", "date"), datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        pass
    if numbered := _NUMBERED.fullmatch(text):
        number = numbered["number"].replace(",", ".")
        return (numbered["before"], numbered["after"]), float(number)
    return None
