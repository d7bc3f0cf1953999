"""Shared by the loaders of traces: sessions cut into samples, and notes on the defects of their files."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypedDict, TypeVar

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.numbers import is_integer, is_number
from img_repr.domains.mouse.defects import RULES
from img_repr.domains.mouse.sample import MOUSE
from img_repr.domains.mouse.segments import get_segmenter
from img_repr.domains.mouse.session import Session
from img_repr.domains.mouse.trace import Trace

T = TypeVar("T")

SHORTEST = 4  # events; Antal & Egyed-Zsigmond 2019 drop actions of fewer


class Cutting(TypedDict, total=False):
    """Options of every loader of traces for cutting sessions into samples, passed to :func:`assemble`.

    Parameters
    ----------
    segments : str, optional
        Segmenter of sessions: ``"pause"``, ``"pause_click"``, ``"events(n=128)"`` ...; None: sessions are not cut.
        Default: ``"pause_click"``.
    at_most : int, optional
        Samples kept of each session, evenly spaced. Default: all.
    shortest : int
        Shorter segments, in events, are left out and counted in a note. Default: 4.
    test_scale : float
        Factor by which the coordinates of the test part are scaled. Default: 1.
    defects : {"set", "session"}
        Whether defects of the files are noted per data set or per session. Default: ``"set"``.
    """

    segments: str | None
    at_most: int | None
    shortest: int
    test_scale: float
    defects: Literal["set", "session"]


def assemble(
    name: str,
    sessions: Sequence[Session],
    *,
    segments: str | None = "pause_click",
    at_most: int | None = None,
    shortest: int = SHORTEST,
    test_scale: float = 1.0,
    defects: Literal["set", "session"] = "set",
    notes: tuple[str, ...] = (),
) -> Dataset:
    """Return the data set of sessions cut into samples.

    Parameters
    ----------
    name : str
        Name in tables.
    sessions : sequence of Session
        At least one, with distinct names.
    segments : str or None
        Segmenter of each continuous piece, see :func:`get_segmenter`: ``"pause"``, ``"events(n=128)"``. None: a piece
        is a sample. Default: at pauses of a second and after clicks, with which forests on Balabit score best.
    at_most : int, optional
        Samples kept of each session, evenly spaced over it, to limit the time of training. Default: all.
    shortest : int
        Segments with fewer events are skipped, and counted in the notes.
    test_scale : float
        Factor of the coordinates of the test sessions, rounded to whole pixels: a model trained on one screen is tested
        on another.
    defects : {"set", "session"}
        Whether the notes have one line per rule over all sessions, or one line per session that has defects.
    notes : tuple of str
        Notes of the loader, placed before those of the cutting.

    Returns
    -------
    Dataset
        ``samples`` a list of :class:`Trace`; ``labels`` users; ``groups`` sessions, unless each gives one sample and
        none has ``genuine``, which is scored by session; ``names`` and ``elapsed_s`` with the seconds of
        the session; ``split`` and ``genuine`` if the sessions have them; if only some have the latter, the others
        count as genuine.

    Raises
    ------
    DataError
        If there is no session, some have a user and others none, or no segment is long enough.
    ParameterError
        If an option is out of its range.

    Examples
    --------
    >>> from img_repr.domains.mouse.assembly import assemble
    >>> from img_repr.domains.mouse.sample import make_traces
    >>> from img_repr.domains.mouse.session import Session
    >>> sessions = [Session("monday", "ada", tuple(make_traces(2))), Session("tuesday", "bob", tuple(make_traces(1)))]
    >>> data = assemble("toy", sessions, segments="events(n=30)")
    >>> data.labels.tolist(), data.names.tolist()[0]
    (['ada', 'ada', 'ada', 'ada', 'ada', 'ada', 'bob', 'bob', 'bob'], 'monday @ 0.0-0.5 s')
    """
    _check(name, sessions, at_most, shortest, defects)
    if not is_number(test_scale, 0.1, 10.0):
        raise ParameterError(f"{name}: expected test_scale from 0.1 to 10, got {test_scale!r}")
    if segments is not None and not isinstance(segments, str):
        raise ParameterError(f"{name}: expected segments to be a name like 'pause(s=1)' or None, got {segments!r:.40}")
    segmenter = _whole if segments is None else get_segmenter(segments)
    samples: list[Trace] = []
    owners: list[int] = []
    short = spared = 0
    empty = []
    for number, session in enumerate(sessions):
        cut = [(piece, part) for piece in session.pieces for part in segmenter(piece)]
        long = [(piece, part) for piece, part in cut if part.stop - part.start >= shortest]
        short += len(cut) - len(long)
        kept = long if at_most is None else evenly(long, at_most)
        spared += len(long) - len(kept)
        if not kept:
            empty.append(session.name)
        scale = test_scale if session.part == "test" else 1.0
        samples += [_on_screen(piece[part], scale) for piece, part in kept]
        owners += [number] * len(kept)
    if not samples:
        raise DataError(f"{name}: expected a segment of at least {shortest} events, got none among {short} (shortest=)")
    said = [*notes, f"{len(sessions)} sessions gave {len(samples)} samples, cut by {segments or 'their pieces'}"]
    if test_scale != 1.0:
        said.append(f"test sessions moved to a screen with {test_scale:g} times the pixels each way")
    if short:
        said.append(f"left out {short} segments of fewer than {shortest} events")
    if spared:
        said.append(f"left out {spared} more, to keep at most {at_most} of each session, evenly spaced")
    if empty:
        said.append(f"{len(empty)} sessions gave no sample: {', '.join(empty[:3])}{', ...' * (len(empty) > 3)}")
    said += defects_in_words(sessions) if defects == "set" else defects_by_session(sessions)
    of = [sessions[number] for number in owners]
    claims = any(session.genuine is not None for session in sessions)
    return Dataset(
        name,
        MOUSE,
        samples,
        labels=None if sessions[0].user is None else np.array([session.user for session in of]),
        groups=np.array([session.name for session in of]) if claims or len({*owners}) < len(owners) else None,
        split=None if sessions[0].part is None else np.array([session.part for session in of]),
        names=np.array([_name(session, trace) for session, trace in zip(of, samples, strict=True)]),
        genuine=np.array([session.genuine is not False for session in of]) if claims else None,
        elapsed_s=np.array([one.t_s[-1] - session.pieces[0].t_s[0] for session, one in zip(of, samples, strict=True)]),
        notes=tuple(said),
    )


def evenly(segments: Sequence[T], count: int) -> list[T]:
    """Return ``count`` evenly spaced items of a sequence, with the first and the last if there are two or more.

    Examples
    --------
    >>> from img_repr.domains.mouse.assembly import evenly
    >>> evenly(range(10), 4), evenly(range(3), 4)
    ([0, 3, 6, 9], [0, 1, 2])
    """
    if len(segments) <= count:
        return list(segments)
    return [segments[position] for position in np.rint(np.linspace(0, len(segments) - 1, count)).astype(int)]


def defects_in_words(sessions: Sequence[Session]) -> list[str]:
    """Return one line per rule with findings in any session."""
    counts, files = Counter[str](), Counter[str]()
    for session in sessions:
        counts.update(session.defects)
        files.update(session.defects.keys())
    return [
        f"{rule.says}: {counts[name]} in {files[name]} of {len(sessions)} sessions"
        for name, rule in RULES.items()
        if counts[name]
    ]


def defects_by_session(sessions: Sequence[Session]) -> list[str]:
    """Return one line per session that has defects."""
    return [
        f"{session.name}: " + "; ".join(f"{RULES[name].says}: {count}" for name, count in session.defects.items())
        for session in sessions
        if session.defects
    ]


def _on_screen(trace: Trace, scale: float) -> Trace:
    if scale == 1.0:
        return trace
    return replace(trace, x_px=np.rint(trace.x_px * scale), y_px=np.rint(trace.y_px * scale))


def _whole(trace: Trace) -> list[slice]:
    return [slice(0, len(trace))]


def _name(session: Session, trace: Trace) -> str:
    return f"{session.name} @ {trace.t_s[0]:.1f}-{trace.t_s[-1]:.1f} s"


def _check(name: str, sessions: Sequence[Session], at_most: int | None, shortest: int, defects: str) -> None:
    for word, value, optional in (("at_most", at_most, True), ("shortest", shortest, False)):
        if not (optional and value is None) and not is_integer(value, 1):
            raise ParameterError(f"{name}: expected {word} to be an integer above 0, got {value!r}")
    if defects not in ("set", "session"):
        raise ParameterError(f"{name}: expected defects to be 'set' or 'session', got {defects!r}")
    if not sessions:
        raise DataError(f"{name}: expected at least one session, got none")
    twice = [session for session, count in Counter(session.name for session in sessions).items() if count > 1]
    if twice:
        raise DataError(f"{name}: expected each session once, got {twice[0]} twice")
    for word in ("user", "part"):
        if len({getattr(session, word) is None for session in sessions}) > 1:
            nameless = next(session.name for session in sessions if getattr(session, word) is None)
            raise DataError(f"{name}: expected a {word} of every session or of none, got none of {nameless}")
