"""Sessions to samples."""

import numpy as np
import pytest

from img_repr.core.errors import DataError, ParameterError, UnknownNameError
from img_repr.domains.mouse.assembly import assemble
from img_repr.domains.mouse.sample import check_traces, make_traces
from img_repr.domains.mouse.session import Session
from img_repr.domains.mouse.trace import Trace


def walk(count: int, start: float = 0.0) -> Trace:
    return Trace(start + np.arange(count) / 10, np.arange(count), np.zeros(count))


def session(name: str, user: str | None = "ada", count: int = 40, **known) -> Session:
    return Session(name, user, (walk(count), walk(6, 100.0)), **known)


def test_columns():
    sessions = [
        session("a", part="train", defects={"sentinel": 2}),
        session("b", "bob", part="test", genuine=False, defects={"sentinel": 1, "equal_time": 5}),
    ]
    data = assemble("toy", sessions, segments="events(n=20)", notes=("first",))
    assert (data.name, data.domain.name) == ("toy", "mouse")
    assert [len(trace) for trace in data.samples] == [20, 20, 6] * 2
    assert data.labels.tolist() == ["ada"] * 3 + ["bob"] * 3
    assert data.groups.tolist() == ["a"] * 3 + ["b"] * 3
    assert data.split.tolist() == ["train"] * 3 + ["test"] * 3
    assert data.genuine.tolist() == [True] * 3 + [False] * 3
    assert data.genuine.dtype == bool
    assert data.names[:3].tolist() == ["a @ 0.0-1.9 s", "a @ 2.0-3.9 s", "a @ 100.0-100.5 s"]
    check_traces(data.samples, caller="test")
    assert data.notes == (
        "first",
        "2 sessions gave 6 samples, cut by events(n=20)",
        "rows at 65535 (pointer outside), dropped, and the session cut there: 3 in 2 of 2 sessions",
        "rows at the time of the row before, kept: 5 in 1 of 2 sessions",
    )


def test_defects_by_session():
    sessions = [session("a", defects={"sentinel": 2}), session("b")]
    notes = assemble("toy", sessions, defects="session").notes
    assert notes[1:] == ("a: rows at 65535 (pointer outside), dropped, and the session cut there: 2",)


def test_pieces_as_they_are():
    data = assemble("toy", [session("a")], segments=None)
    assert [len(trace) for trace in data.samples] == [40, 6]


def test_short_segments_are_counted_and_left_out():
    data = assemble("toy", [session("a", count=43), session("b", count=2)], segments="events(n=20)", shortest=6)
    assert [len(trace) for trace in data.samples] == [20, 20, 6, 6]
    assert "left out 2 segments of fewer than 6 events" in data.notes
    data = assemble("toy", [session("a"), session("b", count=2)], segments=None, shortest=7)
    assert "1 sessions gave no sample: b" in data.notes
    with pytest.raises(
        DataError, match=r"toy: expected a segment of at least 99 events, got none among 2 \(shortest=\)"
    ):
        assemble("toy", [session("a")], segments=None, shortest=99)


def test_at_most_is_even_over_the_session():
    data = assemble("toy", [session("a", count=100), session("b", count=12)], segments="events(n=4)", at_most=5)
    assert data.groups.tolist() == ["a"] * 5 + ["b"] * 4
    starts = [float(trace.t_s[0]) for trace in data.samples[:5]]
    assert starts == [0.0, 2.4, 4.8, 7.6, 100.0]  # positions 0, 6, 12, 19 and 25 of 26
    assert any(note.startswith("left out 21 more, to keep at most 5 of each session") for note in data.notes)


def test_sessions_of_one_sample_are_not_groups():
    assert assemble("toy", [session("a"), session("b")], segments=None, shortest=10).groups is None


def test_sessions_of_one_sample_are_groups_with_impostors():
    sessions = [session("a", part="train"), session("b", part="test", genuine=False)]
    data = assemble("toy", sessions, segments=None, at_most=1)
    assert (data.groups.tolist(), data.genuine.tolist()) == (["a", "b"], [True, False])


def test_nothing_known():
    data = assemble("toy", [session("a", None), session("b", None)])
    assert (data.labels, data.split, data.genuine) == (None, None, None)


@pytest.mark.parametrize(
    ("sessions", "options", "error", "message"),
    [
        ([], {}, DataError, "toy: expected at least one session, got none"),
        ([session("a"), session("a")], {}, DataError, "expected each session once, got a twice"),
        (
            [session("a"), session("b", None)],
            {},
            DataError,
            "expected a user of every session or of none, got none of b",
        ),
        ([session("a", part="x"), session("b")], {}, DataError, "expected a part of every session or of none"),
        ([session("a")], {"at_most": 0}, ParameterError, "expected at_most to be an integer above 0, got 0"),
        (
            [session("a")],
            {"shortest": True},
            ParameterError,
            "expected shortest to be an integer above 0, got True",
        ),
        ([session("a")], {"defects": "file"}, ParameterError, "expected defects to be 'set' or 'session', got 'file'"),
        ([session("a")], {"segments": "pauses"}, UnknownNameError, "did you mean 'pause'"),
    ],
)
def test_rejects_invalid_files(sessions: list[Session], options: dict, error: type, message: str):
    with pytest.raises(error, match=message):
        assemble("toy", sessions, **options)


def test_test_sessions_on_another_screen():
    learned, judged = (Session(part, "ada", tuple(make_traces(2)), part=part) for part in ("train", "test"))
    plain, moved = (assemble("toy", [learned, judged], test_scale=scale) for scale in (1.0, 0.5))
    for before, after, part in zip(plain.samples, moved.samples, moved.split, strict=True):
        factor = 0.5 if part == "test" else 1.0
        np.testing.assert_array_equal(after.x_px, np.rint(before.x_px * factor))
        np.testing.assert_array_equal(after.t_s, before.t_s)
    assert any("0.5 times the pixels" in note for note in moved.notes)
    with pytest.raises(ParameterError, match=r"test_scale from 0\.1 to 10, got 0"):
        assemble("toy", [learned, judged], test_scale=0)
