"""Columns of pointer recordings: time, x and y, found by the words in their names."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

UNIT_WORDS = {
    "s": ("s", "sec", "secs", "second", "seconds"),
    "ms": ("ms", "msec", "msecs", "milli", "millis", "millisecond", "milliseconds"),
    "us": ("us", "μs", "usec", "usecs", "micros", "microsecond", "microseconds"),
    "ns": ("ns", "nsec", "nsecs", "nanos", "nanosecond", "nanoseconds"),
}
"""Words for a unit of time in the name of a column."""


def _any(*words: str) -> str:
    return f"(?:{'|'.join(sorted(words, key=len, reverse=True))})"


_POINTERS = ("mouse", "cursor", "pointer", "touchpad", "trackpad", "stylus")
_POINTER = rf"{_any(*_POINTERS)}\d*"
_AROUND_AXIS = _any(
    _POINTER,
    *("client", "screen", "page", "offset", "window", "viewport", "browser", "document", "display", "desktop", "axis"),
    *("event", "evt", "native", "data", "global", "local", "abs", "absolute", "raw", "current", "cur", "click"),
    *("pos", "position", "positions", "coord", "coords", "coordinate", "coordinates", "loc", "location", "point"),
    *("touch", "px", "pix", "pixel", "pixels", "in(?=p)", "mcs", "adcs", "dacs", "(?:get|mousetrap)response"),
)
# few repetitions: a long name of ambiguous words must not take exponential time
_AXIS = re.compile(rf"(?P<before>{_AROUND_AXIS}{{,6}})(?P<axis>x|y|z|left|top)s?(?P<after>{_AROUND_AXIS}{{,6}})")
_AROUND_TIME = _any(
    _POINTER,
    *("client", "server", "system", "local", "record", "recorded", "recording", "event", "evt", "native", "data"),
    *("page", "lsl", "session", "trial", "current", "relative", "abs", "absolute", "performance", "highres"),
)
_CLOCK = _any(
    *("timestamp", "timestamps", "datetime", "time", "times", "date", "clock", "stamp", "stamps", "epoch", "elapsed"),
    *("a?tickcount", "tick", "ticks", "utc", "gmt", "unix", "t", "ts", "tvsec"),
)
_SINCE = r"(?:(?:since|from)(?:the)?(?:start|begin|beginning|onset|epoch|load)?)?"
_UNIT = _any(*(word for words in UNIT_WORDS.values() for word in words))
_LONG_UNIT = _any(*(word for words in UNIT_WORDS.values() for word in words if word not in ("s", "us", "ns")))
_TIME = re.compile(
    rf"(?:{_AROUND_TIME}{{,4}}{_CLOCK}{{1,4}}{_SINCE}(?:(?:get|mousetrap)response)?(?:(?:in)?(?P<unit>{_UNIT}))?"
    rf"|(?P<only>{_LONG_UNIT}))"
)
_TRACKING = re.compile(rf"{_POINTER}(?:tracking|trajectory)(?:data|events)?")
_SENSOR = frozenset(
    ("acc", "accel", "accelerometer", "gyro", "gyroscope", "mag", "magnetometer", "imu", "roll", "pitch", "yaw")
)
_BOX = frozenset(("right", "bottom", "width", "height", "w", "h"))


def name_words(name: str) -> list[str]:
    """Words of a name in lower case, split at blanks, punctuation, digits and capitals.

    Examples
    --------
    >>> from img_repr.core.pointer_columns import name_words
    >>> name_words("MouseX [px]"), name_words("client_timestamp (µs)")
    (['mouse', 'x', 'px'], ['client', 'timestamp', 'μs'])
    """
    text = re.sub(r"([a-z])(?=[A-Z])", r"\1 ", unicodedata.normalize("NFKC", name))
    return re.findall(r"[^\W\d_]+|\d+", text.lower())


def time_unit_in(name: str) -> str | None:
    """Return the unit in the name of a column of times: ``"s"``, ``"ms"``, ``"us"``, ``"ns"``, or None.

    Examples
    --------
    >>> from img_repr.core.pointer_columns import time_unit_in
    >>> time_unit_in("t (ms)"), time_unit_in("Time [s]"), time_unit_in("timestamps")
    ('ms', 's', None)
    """
    words = name_words(name)
    found = _TIME.fullmatch("".join(words))
    said = words[-1] if len(words) > 1 else (found and (found["unit"] or found["only"]))
    return next((unit for unit, known in UNIT_WORDS.items() if said in known), None)


def find_pointer_columns(names: Sequence[str]) -> dict[str, int]:
    """Find the columns of time, x and y in a header; never raises.

    A name counts if all its words are known: ``clientX``, ``mouse_x``, ``Mouse X [px]``, ``x_pos``, but not ``gaze_x``
    or ``vx``. Among several pairs, those of a mouse or cursor have priority, then plain ``x`` and ``y``, then those of
    the screen, the page and the window. Among several times, the clock of the pointer or the client has priority; a
    date and the clock of the server come last.

    Returns
    -------
    dict of str to int
        Positions of ``"time"``, ``"x"`` and ``"y"`` that were found; x and y only as a pair of like names.

    Examples
    --------
    >>> from img_repr.core.pointer_columns import find_pointer_columns
    >>> find_pointer_columns(["record timestamp", "client timestamp", "gaze_x", "X", "Y"])
    {'time': 1, 'x': 3, 'y': 4}
    >>> find_pointer_columns(["pageX", "clientX", "clientY"])
    {'x': 1, 'y': 2}
    """
    joined = ["".join(name_words(name)) for name in names]
    times = [at for at, name in enumerate(joined) if _TIME.fullmatch(name)]
    found = {"time": min(times, key=lambda at: _time_rank(joined[at]))} if times else {}
    pairs = _pairs(joined)
    if pairs:
        x, y = min(pairs, key=lambda pair: _pair_rank(joined[pair[0]]))
        found |= {"x": x, "y": y}
    return found


def is_pointer_header(names: Iterable[str]) -> bool:
    """Whether names of columns or keys are those of a pointer recording: a time, x and y, and no third axis.

    Columns of motion sensors rule it out as well, unless the pair is named after a mouse or cursor. A column of
    recordings, ``mouse_tracking_data``, is enough.

    Examples
    --------
    >>> from img_repr.core.pointer_columns import is_pointer_header
    >>> is_pointer_header(["t_ms", "mouse_x", "mouse_y"]), is_pointer_header(["time", "x", "y"])
    (True, True)
    >>> is_pointer_header(["x", "y"]), is_pointer_header(["time", "x", "y", "z"])
    (False, False)
    """
    words = [name_words(name) for name in names]
    joined = ["".join(some) for some in words]
    if any(_TRACKING.fullmatch(name) for name in joined):
        return True
    found = find_pointer_columns(joined)
    if len(found) < 3:
        return False
    if any(pointer in joined[found["x"]] for pointer in _POINTERS):
        return True
    third = any((axis := _AXIS.fullmatch(name)) and axis["axis"] == "z" for name in joined)
    return not third and not any(_SENSOR & {*some} for some in words)


def _pairs(joined: Sequence[str]) -> list[tuple[int, int]]:
    """Positions of x and y whose names have the same words around them."""
    places: dict[tuple[str, str, str], int] = {}
    for at, name in enumerate(joined):
        if axis := _AXIS.fullmatch(name):
            places.setdefault((axis["axis"], axis["before"], axis["after"]), at)
    pairs = []
    for (axis_name, before, after), at in places.items():
        partner = {"x": "y", "left": "top"}.get(axis_name, "")
        if (partner, before, after) in places and not (partner == "top" and _BOX & {*joined}):
            pairs.append((at, places[partner, before, after]))
    return pairs


def _pair_rank(x: str) -> int:
    """Rank of a pair by the name of its x; the lowest is chosen."""
    if any(pointer in x for pointer in _POINTERS):
        return 0
    if x in ("x", "xpx", "xpixel", "xpixels"):
        return 1
    ranks = {"screen": 2, "page": 3, "client": 4, "offset": 6, "left": 7}
    return next((rank for word, rank in ranks.items() if word in x), 5)


def _time_rank(name: str) -> int:
    if any(pointer in name for pointer in _POINTERS) or "client" in name:
        return 0
    is_date = "date" in name and "time" not in name
    is_recorder = "server" in name or ("record" in name and "recording" not in name)
    return 2 if is_date or is_recorder else 1
