"""Traces as strings of points, one per line: ``id x,y,t;x,y,t;... target_x,target_y label`` (slider captchas)."""

import re
from pathlib import Path
from typing import Literal, Unpack

import numpy as np

from img_repr.core.csv_reader import read_text
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import loader
from img_repr.domains.mouse.assembly import Cutting, assemble
from img_repr.domains.mouse.event_file import EventFile, Recording, check_file
from img_repr.domains.mouse.rows import Rows
from img_repr.domains.mouse.sample import MOUSE
from img_repr.domains.mouse.session import Session, sessions_of

_NUMBER = r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_POINT = rf"{_NUMBER},{_NUMBER},{_NUMBER}"
_LINE = re.compile(rf"(?:(?P<id>[^\s,;]+)\s+)?(?P<points>{_POINT}(?:;{_POINT})*;?)(?:\s+(?P<rest>\S.*))?")
_TARGET = re.compile(rf"{_NUMBER},{_NUMBER}")
_FIRST_BYTES = 1 << 20


def is_trace_strings(path: Path) -> bool:
    """Whether the first line of a text holds two such points at least; never raises."""
    try:
        if path.suffix.lower() not in (".txt", ".csv", ".dat", "") or not path.is_file():
            return False
        with path.open("rb") as file:
            start = file.read(_FIRST_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
        line = start.splitlines()[0].decode("ascii") if start else ""
    except (OSError, UnicodeDecodeError):
        return False
    found = _LINE.fullmatch(line.strip()) if ";" in line else None
    return found is not None and found["points"].count(",") >= 4


@loader(MOUSE, recognizes=is_trace_strings)
def load_trace_strings(
    path: str | Path,
    *,
    order: str = "xyt",
    time_unit: Literal["s", "ms", "us", "ns"] | None = None,
    **cutting: Unpack[Cutting],
) -> Dataset:
    r"""Load traces written as strings of points, one trace per line.

    A line has, separated by blanks: an optional name of the trace, the points, separated or followed by semicolons, an
    optional target position, which is ignored, and an optional label. This is the format of the 2017 big data challenge
    on slider captchas, with label 1 for people and 0 for scripts; there, the number of points, start and duration alone
    separate the two almost perfectly.

    Parameters
    ----------
    path : str or Path
        File in UTF-8.
    order : {"xyt", "txy"}
        Order of the three numbers of a point.
    time_unit : {"s", "ms", "us", "ns"}, optional
        Default: guessed from the steps between points, with a note.
    **cutting
        ``segments``, ``at_most``, ``shortest``, ``test_scale``, ``defects`` of :func:`assemble`; ``segments``
        defaults to None and ``shortest`` to 1, so that a line is a sample.

    Returns
    -------
    Dataset
        ``labels`` if the lines have them.

    Raises
    ------
    DataError
        If the file cannot be read, a line has another format, or only some have a label; the message names the line.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.domains.mouse.trace_strings import load_trace_strings
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "captcha.txt")
    ...     _ = file.write_text("1 353,2607,349;367,2607,376;388,2620,401; 1119,2607 1\n2 7,8,1;9,8,26; 90,8 0\n")
    ...     data = load_trace_strings(file)
    >>> data.labels.tolist(), data.samples[1].x_px.tolist(), data.samples[1].t_s.round(6).tolist()
    (['1', '0'], [7.0, 9.0], [0.0, 0.025])
    """
    sessions, notes = read_trace_strings(Path(path), order=order, time_unit=time_unit)
    options = Cutting(segments=None, shortest=1)
    options.update(cutting)
    return assemble(Path(path).stem, sessions, notes=notes, **options)


def read_trace_strings(
    path: Path, *, order: str = "xyt", time_unit: str | None = None
) -> tuple[list[Session], tuple[str, ...]]:
    """Return the traces and notes; parameters as in :func:`load_trace_strings`."""
    if order not in ("xyt", "txy"):
        raise ParameterError(f"trace_strings: expected order to be 'xyt' or 'txy', got {order!r}")
    check_file(path)
    text = read_text(path)
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    recordings: list[Recording] = []
    broken = 0
    for number, line in lines:
        found = _LINE.fullmatch(line)
        if found is None:
            if (number, line) == lines[-1] and not text.endswith("\n") and recordings:
                broken = 1
                break
            raise DataError(f"{path} line {number}: expected points like 5,7,16;6,7,33; got {line!r:.60}")
        recordings.append(_recording(found, order, number))
    labeled = sum(recording.user is not None for recording in recordings)
    if 0 < labeled < len(recordings):
        number = next(lines[at][0] for at, one in enumerate(recordings) if one.user is None)
        raise DataError(f"{path} line {number}: expected a label in every line or in none, got none")
    file = EventFile(path, tuple(recordings), broken=broken, knows_buttons=False)
    return sessions_of([file], names=[path.stem], users=[None], splits=[None], unit=time_unit, caller="trace_strings")


def _recording(found: re.Match[str], order: str, number: int) -> Recording:
    points = found["points"].rstrip(";").replace(";", ",").split(",")
    columns = dict(zip(order, np.array(points, np.float64).reshape(-1, 3).T.copy(), strict=True))
    rest = (found["rest"] or "").split()
    if rest and _TARGET.fullmatch(rest[0]):
        rest = rest[1:]
    label = " ".join(rest) or None
    return Recording(Rows.of(columns["t"], columns["x"], columns["y"]), label, found["id"] or str(number))
