"""Recordings of rrweb: the events of a pointer in its snapshots of a web page."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_SOURCES = {1: "move", 6: "touchmove", 12: "drag"}
_INTERACTIONS = ("mouseup", "mousedown", "click", "contextmenu", "dblclick", "focus", "blur", "touchstart",
                       "", "touchend", "touchcancel")  # fmt: skip


def without_rrweb(records: Sequence[tuple[int, Mapping[str, Any]]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Write rrweb's incremental snapshots as events; everything else stays as it is."""
    for line, record in records:
        inner = record.get("events")
        if isinstance(inner, list) and any(map(_is_rrweb, inner)):
            rest = {key: value for key, value in record.items() if key != "events"}
            yield from ((line, rest | event) for one in inner if _is_rrweb(one) for event in _rrweb_events(one))
        elif _is_rrweb(record):
            yield from ((line, event) for event in _rrweb_events(record))
        else:
            yield line, record


def _is_rrweb(record: Any) -> bool:
    return (
        isinstance(record, Mapping)
        and type(record.get("type")) is int
        and isinstance(record.get("timestamp"), (int, float))
        and isinstance(record.get("data"), Mapping)
    )


def _rrweb_events(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the events of a pointer in one snapshot; times are milliseconds."""
    data, source = record["data"], record["data"].get("source")
    if record["type"] != 3 or type(source) is not int:
        return
    if source in _SOURCES and isinstance(data.get("positions"), list):
        for point in data["positions"]:
            if isinstance(point, Mapping):
                offset = point.get("timeOffset")
                time = _sum(record["timestamp"], offset if isinstance(offset, (int, float)) else 0)
                yield {"time_ms": time, "x": point.get("x"), "y": point.get("y"), "event": _SOURCES[source]}
    elif source == 2 and type(data.get("type")) is int and data["type"] in range(len(_INTERACTIONS)):
        event = _INTERACTIONS[data["type"]]
        yield {"time_ms": record["timestamp"], "x": data.get("x"), "y": data.get("y"), "event": event}


def _sum(time: float, offset: float) -> float | None:
    try:
        return time + offset
    except OverflowError:
        return None
